"""A client of a dask cluster, for every command that has ``--scheduler``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import MissingExtraError, RosettaError


@contextmanager
def connected(scheduler: str) -> Iterator[Any]:
    """Open a `distributed.Client` at the address of a dask scheduler.

    Raises
    ------
    MissingExtraError
        If `distributed` is not installed.
    RosettaError
        If nothing answers at that address.
    """
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError("distributed", "cluster") from None
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        raise RosettaError(
            f"--scheduler = {scheduler!r}: no dask scheduler responds at this address ({error})"
        ) from None
    with client:
        yield client
