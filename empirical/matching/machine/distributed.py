"""Many processes, one result: ``torchrun --nproc-per-node 2 -m rosettalaw match a.npy b.npy``.

Every process owns some parts of the positions, reads only those, and sends their products to the others: each then
holds all parts of the tile and continues alike. Parts are summed in the same order however many processes there are,
so that the result has the same bits. Without ``torchrun`` there is one process and nothing is sent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ....console import printed_elsewhere
from ....disk import temporary_folder
from ....errors import RosettaError, require, require_extra
from ....lazy import imported

T = TypeVar("T")
MOST_PROCESSES = 1_000_000
TORCHRUN = "torchrun --nproc-per-node 2 -m rosettalaw match …, or unset WORLD_SIZE"


@contextmanager
def started(device: str = "cpu") -> Iterator[None]:
    """Join the processes that ``torchrun`` started, for as long as the block runs; alone, do nothing.

    Raises
    ------
    InputError
        If an environment variable is not as ``torchrun`` sets it.
    RosettaError
        If the processes cannot reach each other.
    """
    world = _number("WORLD_SIZE", 1, MOST_PROCESSES, alone="1")
    if world == 1 or size() > 1:
        yield
        return
    _number("RANK", 0, world - 1)
    _number("LOCAL_WORLD_SIZE", 1, world, alone="1")
    place = f"{_variable('MASTER_ADDR')}:{_number('MASTER_PORT', 1, 65535)}"
    require_extra("torch")
    import torch
    import torch.distributed as dist

    if device == "cuda":  # each process has a device of its own
        torch.cuda.set_device(_number("LOCAL_RANK", 0, torch.cuda.device_count() - 1))
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo")
    except (RuntimeError, ValueError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RosettaError(f"the {world} processes cannot reach each other at {place} ({reason})") from error
    try:
        yield
    except RosettaError as error:
        printed_elsewhere(f"error: {error}")  # here: once this process has exited, those that wait for it fail of that
        raise
    finally:
        dist.destroy_process_group()


def _variable(name: str, alone: str = "") -> str:
    """Return an environment variable of ``torchrun``; `alone` is its value where it is not set."""
    value = os.environ.get(name, alone)
    require(value, name, value, "is not set, and WORLD_SIZE says that there are other processes", TORCHRUN)
    return value


def _number(name: str, least: int, most: int, alone: str = "") -> int:
    value = _variable(name, alone)
    number = int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else -1
    rule = f"must be a whole number from {least} to {most}, as torchrun sets it"
    require(least <= number <= most, name, value, rule, TORCHRUN)
    return number


def _joined() -> Any:
    """Return torch's module of processes if this one has joined others; torch is not imported to see that."""
    module = imported("torch.distributed")
    return module if module is not None and module.is_available() and module.is_initialized() else None


def rank() -> int:
    """Return this process's number."""
    joined = _joined()
    return joined.get_rank() if joined else 0


def size() -> int:
    """Return how many processes there are."""
    joined = _joined()
    return joined.get_world_size() if joined else 1


@contextmanager
def _reached() -> Iterator[None]:
    """Raise `RosettaError` where another process ended, which closes its connections: nobody waits for it."""
    try:
        yield
    except RuntimeError as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].partition(". ")[0]
        raise RosettaError(f"another process ended before its result was whole; see its message ({reason})") from error


def send(array: Any, owner: int) -> None:
    """Give every process the owner's values of an array of either library, in place."""
    if size() > 1:
        import torch

        with _reached():
            _joined().broadcast(torch.from_numpy(array) if isinstance(array, np.ndarray) else array, src=owner)


def agree(value: Any) -> Any:
    """Return process 0's value in every process."""
    if size() == 1:
        return value
    values = [value]
    with _reached():
        _joined().broadcast_object_list(values, src=0)
    return values[0]


def once(make: Callable[[], T]) -> T:
    """Return process 0's value in every process; an error there is raised in every one."""
    if rank():
        made, message = agree(None)
        if message:
            raise RosettaError(message)
        return made
    try:
        made = make()
    except RosettaError as error:
        agree((None, str(error)))
        raise
    agree((made, ""))
    return made


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Make a temporary folder that every process uses; process 0 removes it when all have left the block."""
    with ExitStack() as made:  # by process 0
        yield once(lambda: made.enter_context(temporary_folder()))
        wait()  # others may still read there; after an error nobody waits


def sharing() -> int:
    """Return how many processes share this machine's memory."""
    return _number("LOCAL_WORLD_SIZE", 1, size(), alone="1") if size() > 1 else 1


def wait() -> None:
    """Wait until every process has come here."""
    if size() > 1:
        with _reached():
            _joined().barrier()
