"""One round: a command killed at random times, then run to its end and compared with a run that nobody killed."""

import hashlib
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

from .commands import COMMANDS, TIMED

QUIET = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


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


def reference(name, inputs, folder):
    """Run a command to its end, twice: the second run finds all libraries compiled and says how long it takes."""
    for attempt in ("first", "second"):
        begun = time.monotonic()
        here = folder / attempt
        here.mkdir()
        done = _start(name, inputs, here)
        said = done.communicate()[0]
        if done.returncode != 0:
            raise RuntimeError(f"{name} fails without being killed: {said}")
    return Reference(fingerprints(here), time.monotonic() - begun)


def killed_round(name, inputs, folder, whole, rng, kills=1):
    """Kill a command so many times at random, run it to the end and compare what it leaves."""
    hits = 0
    for _ in range(kills):
        process = _start(name, inputs, folder)
        # Most of a short run is its start, of which one kill in five is enough.
        early, late = (0.0, 1.0) if rng.random() < 0.2 else (0.4, 1.1)
        try:
            process.communicate(timeout=whole.seconds * rng.uniform(early, late))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            hits += 1
    process = _start(name, inputs, folder)
    said = process.communicate()[0]
    if process.returncode != 0:
        return Round(hits, (f"code {process.returncode}: {said[-300:]}",))
    left = fingerprints(folder)
    faults = [f"litter: {path}" for path in sorted(set(left) - set(whole.files))]
    faults += [f"missing: {path}" for path in sorted(set(whole.files) - set(left))]
    faults += [
        f"other bits: {path}" for path in sorted(set(left) & set(whole.files)) if left[path] != whole.files[path]
    ]
    return Round(hits, tuple(faults))


def _start(name, inputs, folder):
    command = [sys.executable, "-m", "rosettalaw", *shlex.split(COMMANDS[name].format(inputs=inputs))]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=folder, start_new_session=True, env=os.environ | QUIET, **streams)


def fingerprints(folder):
    """Return the fingerprint of each file below a folder, by its path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): fingerprint(path) for path in files}


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
