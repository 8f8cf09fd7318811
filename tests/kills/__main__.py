"""The kill test, ``python -m tests.kills --kills 100``: its table in Markdown, also in a file with ``--out FILE``.

Every command of `commands` runs some rounds on a disk that becomes full; then it is killed so often at random times,
once or up to six times in a round.
"""

import argparse
import pathlib
import random
import signal
import sys
import tempfile
import time

from .commands import COMMANDS
from .inputs import prepare_apart
from .rounds import full_disk_round, killed_round, load_libraries, reference


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="of each command")
    parser.add_argument("--full-disks", type=int, default=3, help="rounds of each command on a disk that becomes full")
    parser.add_argument("--command", choices=COMMANDS, action="append", help="this one alone; may be given again")
    parser.add_argument(
        "--signals", default="KILL", help="KILL, TERM or KILL,TERM, of which each kill takes one at random"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the times")
    parser.add_argument("--out", type=pathlib.Path, help="file for the table")
    asked = parser.parse_args(arguments)
    signals = [signal.Signals[f"SIG{word}"] for word in asked.signals.split(",")]
    lines = [
        "| command | kills | full disks | rounds | same bits, no litter | seconds of a run |",
        "|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    faults = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "inputs").mkdir()
        names = asked.command or list(COMMANDS)
        prepare_apart(folder / "inputs", [COMMANDS[name] for name in names])
        load_libraries([COMMANDS[name] for name in names])
        for name in names:
            rng = random.Random(f"{name} {asked.seed}")
            line, wrong = kill_often(name, folder, asked.kills, asked.full_disks, rng, signals)
            print(line, flush=True)
            lines.append(line)
            faults += wrong
            if asked.out is not None:  # after each command: what is done is there if this is ended
                head = f"# Kills\n\nMade by `python -m tests.kills`, seed {asked.seed}.\n\n"
                asked.out.write_text(head + "\n".join(lines) + "\n")
    return 1 if faults else 0


def kill_often(name, folder, kills, full_disks, rng, signals):
    """Kill one command so often; return its line of the table, and the faults."""
    here = folder / name.replace(" ", "-")
    here.mkdir()
    whole = reference(name, folder / "inputs", here)
    done = full = 0
    rounds, faults = [], []
    until = time.monotonic() + 20 * whole.seconds * (kills + 5)  # a command that cannot be hit ends too
    while (done < kills or full < full_disks) and time.monotonic() < until:
        at = here / f"round{len(rounds)}"
        at.mkdir()
        if full < full_disks:
            outcome = full_disk_round(name, folder / "inputs", at, whole, rng.choice([0, 0, 1, 2, 4, 9]))
            full += 1
        else:
            at_once = min(rng.choice([1, 1, 2, 6]), kills - done)
            outcome = killed_round(name, folder / "inputs", at, whole, rng, at_once, signals)
            done += outcome.kills
        rounds.append(outcome)
        for fault in outcome.faults:
            faults.append(f"{name}, round {len(rounds)}: {fault}")
            print(f"FAULT {faults[-1]}", file=sys.stderr, flush=True)
    good = sum(not outcome.faults for outcome in rounds)
    return f"| `{name}` | {done} | {full} | {len(rounds)} | {good} | {whole.seconds:.1f} |", faults


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
