"""The process that tries one target: within a limit of memory, each input within a limit of time."""

import importlib
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings

from rosettalaw.errors import RosettaError

MEMORY = 8 << 30  # bytes of addresses; a small file that takes more is a fault
SECONDS = 60  # of the clock for one input


class TooSlow(BaseException):
    """An input that takes longer than `SECONDS`; no `Exception`, so that nothing here takes it for an error."""


def run(target, seed, seconds, cases, report):
    """Try inputs until the time is over, and report each in a line of JSON; the seed of the next one goes first."""
    module = importlib.import_module(f"tests.fuzz.{target}")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _stop)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "sound").mkdir()
        whole = module.prepare(folder / "sound")
        begun = time.monotonic()
        while time.monotonic() - begun < seconds and cases != 0:
            print(json.dumps({"begins": seed}), file=report, flush=True)
            print(json.dumps({"seed": seed, **_outcome(module, whole, seed, folder / "case")}), file=report, flush=True)
            seed, cases = seed + 1, cases - 1


def _outcome(module, whole, seed, folder):
    folder.mkdir()
    before = pathlib.Path.cwd()
    os.chdir(folder)  # names that are taken for paths lead nowhere
    signal.alarm(SECONDS)
    try:
        module.case(whole, random.Random(f"{module.__name__} {seed}"), folder)
        return {"outcome": "answer"}
    except RosettaError as error:
        return {"outcome": "refusal" if str(error).strip() else "fault", "says": str(error)[:300]}
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # panics of libraries in Rust are no `Exception`
        return {"outcome": "fault", "says": f"{type(error).__name__}: {error}"[:300], "trace": traceback.format_exc()}
    finally:
        signal.alarm(0)
        os.chdir(before)
        shutil.rmtree(folder, ignore_errors=True)


def _stop(number, frame):
    raise TooSlow(f"longer than {SECONDS} s")


if __name__ == "__main__":
    name, first, long, number = sys.argv[1:]
    with os.fdopen(os.dup(1), "w") as lines:
        os.dup2(2, 1)  # what libraries print is no report
        run(name, int(first), float(long), int(number), lines)
