"""The fuzz command: ``python -m tests.fuzz --minutes 10``, or one input again: ``--target text --seed 7 --cases 1``.

``--out FILE`` keeps its counts as a table in Markdown.

Each target is tried in a process of its own, one after the other; a process that crashes is a fault of the input that
it was at, and the next goes on behind that. Exit code 1 says that a fault was found.
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

from . import TARGETS
from .worker import PATIENCE

QUIET = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore"}


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="for all targets together")
    parser.add_argument("--target", choices=TARGETS, action="append", help="this one alone; may be given again")
    parser.add_argument("--seed", type=int, default=None, help="of the first input; each next has the next number")
    parser.add_argument("--cases", type=int, default=-1, help="inputs of each target (default: until time is over)")
    parser.add_argument("--out", type=pathlib.Path, help="file for the table of counts")
    asked = parser.parse_args(arguments)
    seed = int(time.time()) * 1000 if asked.seed is None else asked.seed
    targets = asked.target or TARGETS
    print(f"seed {seed}", flush=True)
    faults = 0
    lines = ["| target | minutes | inputs | answers | errors that explain | faults |", "|---|---:|---:|---:|---:|---:|"]
    for target in targets:
        begun = time.monotonic()
        counts, found = fuzz(target, seed, 60 * asked.minutes / len(targets), asked.cases)
        faults += len(found)
        tried = [counts[outcome] for outcome in ("answer", "refusal", "fault")]
        cells = [target, f"{(time.monotonic() - begun) / 60:.1f}", sum(counts.values()), *tried]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
        if asked.out is not None:  # after each target: what is done is there if this is ended
            head = f"# Fuzzing\n\nMade by `python -m tests.fuzz --minutes {asked.minutes:g}`, seed {seed}.\n\n"
            asked.out.write_text(head + "\n".join(lines) + "\n")
        shown = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))
        print(f"{target}: {sum(counts.values())} inputs: {shown}", flush=True)
    return 1 if faults else 0


def fuzz(target, seed, seconds, cases=-1):
    """Try a target for some time; return how many inputs had which outcome, and the faults."""
    counts, found, until = collections.Counter(), [], time.monotonic() + seconds
    while time.monotonic() < until and cases != 0:
        at, died = seed, _watch(target, seed, until - time.monotonic(), cases)
        for record in died.records:
            counts[record["outcome"]] += 1
            at, cases = record["seed"] + 1, cases - 1
            if record["outcome"] == "fault":
                found.append(record)
        if died.code == 0:
            break
        counts["fault"] += 1
        crash = {"seed": died.at, "says": f"the process ended with code {died.code}", "trace": died.last_words}
        _print(target, crash)
        found.append(crash)
        if not died.records and died.at is None:  # it does not even begin
            break
        seed, cases = max(at, (died.at or at) + 1), cases - 1
    return counts, found


Watched = collections.namedtuple("Watched", "code records at last_words")


def _watch(target, seed, seconds, cases):
    command = [sys.executable, "-m", "tests.fuzz.worker", target, str(seed), str(seconds), str(cases)]
    records, at = [], None
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | QUIET, errors="replace"
    ) as process:
        words = collections.deque(maxlen=15)
        reader = threading.Thread(target=lambda: words.extend(process.stderr), daemon=True)
        reader.start()
        watchdog = _watchdog(process)
        for line in process.stdout:
            watchdog.cancel()
            watchdog = _watchdog(process)
            record = json.loads(line)
            if "begins" in record:
                at = record["begins"]
                continue
            records.append(record)
            at = None
            if record["outcome"] == "fault":
                _print(target, record)
        watchdog.cancel()
        code = process.wait()
        reader.join()
    return Watched(code, records, at, "".join(words))


def _watchdog(process):
    """End a worker that a library keeps in a loop, where its own limits of time do not reach it."""
    watchdog = threading.Timer(PATIENCE + 60, process.kill)
    watchdog.daemon = True
    watchdog.start()
    return watchdog


def _print(target, fault):
    again = f"python -m tests.fuzz --target {target} --seed {fault['seed']} --cases 1"
    print(f"FAULT {target}: {fault['says']}\n{fault.get('trace', '')}again: {again}", flush=True)


sys.exit(main(sys.argv[1:]))
