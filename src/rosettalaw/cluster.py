"""A client of a dask cluster, for every command that has ``--scheduler``."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import RosettaError, require_extra

PATIENCE = 10  # seconds


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
    require_answer(scheduler)
    from distributed import Client

    try:
        client = Client(scheduler, timeout=f"{PATIENCE}s")
    except (OSError, TimeoutError, ValueError) as error:
        raise _silent(scheduler, error) from None
    with client:
        yield client


def require_answer(scheduler: str) -> None:
    """Refuse an address without a port, or at which nothing listens; dask is not loaded for it.

    Addresses of other protocols than TCP's are left to dask.

    Raises
    ------
    MissingExtraError
        If `distributed` is not installed.
    RosettaError
        If nothing answers there.
    """
    require_extra("distributed")
    protocol, _, place = scheduler.rpartition("://")
    if protocol not in ("", "tcp", "tls"):
        return
    host, _, port = place.rpartition(":")
    if not (host and port.isascii() and port.isdigit()):
        raise _silent(scheduler, f"missing port number in address {scheduler!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise _silent(scheduler, error) from None


def _silent(scheduler: str, reason: object) -> RosettaError:
    return RosettaError(f"--scheduler = {scheduler!r}: no dask scheduler responds at this address ({reason})")
