"""The kill test, ``python -m tests.kills --kills 100``: its table in Markdown, also in a file with ``--out FILE``.

Every command of `commands` is killed so often at random times, once or up to six times in a round.
"""

import argparse
import pathlib
import random
import sys
import tempfile
import time

from .commands import COMMANDS
from .inputs import prepare_apart
from .rounds import killed_round, load_libraries, reference


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="of each command")
    parser.add_argument("--command", choices=COMMANDS, action="append", help="this one alone; may be given again")
    parser.add_argument("--seed", type=int, default=0, help="of the times")
    parser.add_argument("--out", type=pathlib.Path, help="file for the table")
    asked = parser.parse_args(arguments)
    lines = ["| command | kills | rounds | same bits, no litter | seconds of a run |", "|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    faults = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "inputs").mkdir()
        prepare_apart(folder / "inputs")
        load_libraries()
        for name in asked.command or COMMANDS:
            line, wrong = kill_often(name, folder, asked.kills, random.Random(f"{name} {asked.seed}"))
            print(line, flush=True)
            lines.append(line)
            faults += wrong
            if asked.out is not None:  # after each command: what is done is there if this is ended
                head = f"# Kills\n\nMade by `python -m tests.kills`, seed {asked.seed}.\n\n"
                asked.out.write_text(head + "\n".join(lines) + "\n")
    return 1 if faults else 0


def kill_often(name, folder, kills, rng):
    """Kill one command so often; return its line of the table, and the faults."""
    here = folder / name.replace(" ", "-")
    here.mkdir()
    whole = reference(name, folder / "inputs", here)
    done = rounds = good = 0
    faults = []
    until = time.monotonic() + 20 * whole.seconds * (kills + 5)  # a command that cannot be hit ends too
    while done < kills and time.monotonic() < until:
        at = here / f"round{rounds}"
        at.mkdir()
        outcome = killed_round(name, folder / "inputs", at, whole, rng, min(rng.choice([1, 1, 2, 6]), kills - done))
        done, rounds, good = done + outcome.kills, rounds + 1, good + (not outcome.faults)
        for fault in outcome.faults:
            faults.append(f"{name}, round {rounds}: {fault}")
            print(f"FAULT {faults[-1]}", file=sys.stderr, flush=True)
    return f"| `{name}` | {done} | {rounds} | {good} | {whole.seconds:.1f} |", faults


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
