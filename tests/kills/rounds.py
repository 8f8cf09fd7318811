"""One round: a command killed at random times, then run to its end and compared with a run that nobody killed.

Commands run in forks of a process that has imported the libraries already: a kill then hits the work, which starts at
once, instead of the second of imports before it, in which nothing is written. Processes that a command itself starts
are killed with it.
"""

import errno
import hashlib
import os
import re
import shlex
import signal
import sys
import tempfile
import time
import types
from dataclasses import dataclass
from typing import Any

import numpy as np

from .commands import COMMANDS, TIMED

# Results of parts of a command's work: what a run has finished, the next one reads.
FINISHED = re.compile(r"(rungs/[^/]+\.nc|[^/.][^/]*--[^/]+\.nc|activations-\w+\.npy)$")
PATIENCE = 30  # seconds in which a command that is asked to end must have ended
RUNG = re.compile(r"(rungs/[^/]+)-[0-9a-f]{10}(\.nc)$")
QUIET = {"ROSETTALAW_CACHE": "cache", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True)
class Reference:
    """Outcome of a run that nobody killed: each file's fingerprint, and the seconds that it took."""

    files: dict[str, str]
    seconds: float


@dataclass(frozen=True)
class Round:
    """Outcome of a round: kills that hit the command at work, and what went wrong."""

    kills: int
    faults: tuple[str, ...]


class Run:
    """A command that runs in a process group of its own, with a folder as its working directory."""

    def __init__(self, words, folder, limits=lambda: None):
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  # read when the run is over
        sys.stdout.flush()
        sys.stderr.flush()
        self.process = os.fork()
        if not self.process:
            self._become(words, folder, limits)

    def _become(self, words, folder, limits):
        """Be the command, in the child; this never returns."""
        code = 70
        try:
            os.setsid()
            os.chdir(folder)
            for stream in (1, 2):
                os.dup2(self._said.fileno(), stream)
            os.environ.update(QUIET)
            limits()
            sys.argv[:] = ["rosettalaw", *words]
            sys.modules["__main__"] = types.ModuleType("__main__")  # workers that it starts need not import this one
            from rosettalaw.cli import main

            main(words)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def wait(self, seconds=None):
        """Return the exit code, or None if the command still runs after so many seconds."""
        until = None if seconds is None else time.monotonic() + seconds
        while until is None or time.monotonic() < until:
            ended, status = os.waitpid(self.process, 0 if until is None else os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
        return None

    def kill(self, number=signal.SIGKILL):
        """Send a signal to it and to all processes that it has started; return its exit code, None if it stays."""
        try:
            os.killpg(self.process, number)
        except ProcessLookupError:  # it has not come to making its group
            os.kill(self.process, number)
        code = self.wait(PATIENCE)
        if code is None:
            self.kill()
        return code

    @property
    def said(self):
        """Text that it has printed."""
        self._said.seek(0)
        return self._said.read()


def load_libraries(commands):
    """Import the libraries that commands import, once for all forks; nothing that starts a thread may run here."""
    os.environ.update(QUIET)
    import h5netcdf  # noqa: F401
    import xarray  # noqa: F401

    import rosettalaw.cli
    import rosettalaw.sims
    import rosettalaw.theory
    import rosettalaw.validation

    words = {command.split()[0] for command in commands}
    if words & {"sweep"}:  # the grid, what writing one asks dask for, and the compiler's own tables
        import dask.array  # noqa: F401
        import distributed  # noqa: F401
        from numba.core.registry import cpu_target

        compiler: Any = cpu_target
        compiler.typing_context.refresh()
        compiler.target_context.refresh()
    if words & {"report", "ladder", "demo"}:  # whose pages compare with the references, always with the same numbers
        import matplotlib.backends.backend_agg
        import matplotlib.backends.backend_svg
        import matplotlib.pyplot  # noqa: F401

        from rosettalaw.validation.compare import reference_rows

        reference_rows()
    if words <= {"simulate", "sweep", "report"}:
        return
    import peft  # noqa: F401
    import torch  # noqa: F401
    import transformers.models.auto.modeling_auto
    import transformers.models.gpt2.modeling_gpt2
    import transformers.models.gpt_neox.modeling_gpt_neox
    import transformers.models.vit.modeling_vit  # noqa: F401

    import rosettalaw.empirical.two_models
    import rosettalaw.loop.ladder  # noqa: F401


def words_of(name, inputs):
    """Return the words of a command."""
    return shlex.split(COMMANDS[name].format(inputs=inputs))


def reference(name, inputs, folder):
    """Run a command to its end, twice: the second run finds all libraries compiled and says how long it takes."""
    seen = []
    for attempt in ("first", "second"):
        begun = time.monotonic()
        here = folder / attempt
        here.mkdir()
        run = Run(words_of(name, inputs), here)
        if run.wait() != 0:
            raise RuntimeError(f"{name} fails without being killed: {run.said}")
        seen.append(fingerprints(here))
    if seen[0] != seen[1]:
        raise RuntimeError(f"{name} gives other bits each time, without being killed")
    return Reference(seen[1], time.monotonic() - begun)


def killed_round(name, inputs, folder, whole, rng, kills=1, signals=(signal.SIGKILL,)):
    """Kill a command `kills` times at random, run it to the end and compare what it leaves.

    Parts that one run has finished must not be made again by the next one.
    """
    hits, faults = 0, []
    for _ in range(kills):
        before = finished(folder)
        run = Run(words_of(name, inputs), folder)
        if run.wait(whole.seconds * rng.uniform(0, 1.05)) is None:
            number = rng.choice(signals)
            code = run.kill(number)
            hits += 1
            # It may be killed before it has a handler, and end by itself in the same moment.
            if code not in (0, -number, 128 + number):
                faults.append(f"code {code} by {signal.Signals(number).name}: {run.said[-300:]}")
        faults += made_again(folder, before)
    before = finished(folder)
    run = Run(words_of(name, inputs), folder)
    code = run.wait()
    if code != 0:
        return Round(hits, (*faults, f"code {code}: {run.said[-300:]}"))
    faults += made_again(folder, before)
    return Round(hits, (*faults, *differences(fingerprints(folder), whole.files)))


def finished(folder):
    """Return when each finished part of a command's work was written, and its file's number, by its path."""
    parts = [path for path in sorted(folder.rglob("*")) if FINISHED.search(str(path.relative_to(folder)))]
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in parts}


def made_again(folder, before):
    """Return the faults of finished parts that were written anew since `before`."""
    now = finished(folder)
    return [f"made again: {path.relative_to(folder)}" for path in before if path in now and now[path] != before[path]]


def full_disk_round(name, inputs, folder, whole, writes):
    """Run a command on a disk that is full after some writes, then with room again, and compare what it leaves."""
    run = Run(words_of(name, inputs), folder, lambda: fill_after(writes))
    code = run.wait()
    if code not in (0, 2) or (code == 2 and "the disk is full" not in run.said) or "Traceback" in run.said:
        return Round(0, (f"full disk, code {code}: {run.said[-300:]}",))
    run = Run(words_of(name, inputs), folder)
    if run.wait() != 0:
        return Round(1, (f"after a full disk: {run.said[-300:]}",))
    return Round(int(code == 2), differences(fingerprints(folder), whole.files))


def fill_after(writes):
    """Let the disk of this process be full once so many files have been moved into place."""
    replace, left = os.replace, [writes]

    def full(source, target, **options):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        return replace(source, target, **options)

    os.replace = full


def differences(left, whole):
    """Return the files that a folder has too many of, too few of, or with other contents."""
    faults = [f"litter: {path}" for path in sorted(set(left) - set(whole))]
    faults += [f"missing: {path}" for path in sorted(set(whole) - set(left))]
    faults += [f"other bits: {path}" for path in sorted(set(left) & set(whole)) if left[path] != whole[path]]
    return tuple(faults)


def fingerprints(folder, of=None):
    """Return the fingerprint of each file below a folder, by its path.

    A rung's file ends in a hash of its models and of the folder that they lie in, which is another one in each round:
    the hash is left out, and a second file of the same rung gets a number.
    """
    prints = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = RUNG.sub(r"\1\2", str(path.relative_to(folder)))
        again = sum(other.partition(" again")[0] == name for other in prints)
        prints[f"{name} again {again}" if again else name] = (of or fingerprint)(path)
    return prints


def fingerprint(path):
    """Return a hash of a file's content, of a result's numbers alone; "there" for what says how long it took."""
    if path.name in TIMED:
        return "there"
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            parts = [name.encode() + arrays[name].tobytes() for name in sorted(arrays.files)]
    elif path.suffix == ".nc" and not path.name.startswith("."):
        import xarray as xr

        with xr.open_dataset(path, engine="h5netcdf") as ds:
            parts = [str(name).encode() + _bytes(ds[name].values) for name in sorted(ds.variables, key=str)]
    else:
        parts = [path.read_bytes()]
    return hashlib.sha256(b"|".join(parts)).hexdigest()


def _bytes(values):
    return repr(values.tolist()).encode() if values.dtype.kind in "OU" else values.tobytes()
