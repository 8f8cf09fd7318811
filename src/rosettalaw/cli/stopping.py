"""Signals by which a system or a scheduler ends a command: temporary files are removed, and one message is printed.

Without a handler the process is gone at once, and its temporary files stay. Of several processes that ``torchrun``
started, none handles the signal: their starter ends them all, and says so itself.

A signal may arrive in a function whose exceptions Python only prints, such as the callback of a weak reference. It is
then sent again, since the command would go on as if nothing had happened.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

AGAIN = 0.05  # seconds after which a signal that was lost is sent again
ENDING = ("SIGTERM", "SIGHUP")  # sent by kill, timeout and schedulers; by a terminal that is closed


class Ended(BaseException):
    """The process was asked to end; like `KeyboardInterrupt` it is no `Exception`, which readers of files catch.

    Parameters
    ----------
    number : int
        Number of the signal.
    """

    def __init__(self, number: int):
        self.number = signal.Signals(number)
        super().__init__(self.number.name)

    @property
    def code(self) -> int:
        """Exit code that a shell has for a process ended by this signal."""
        return 128 + self.number


@contextmanager
def stopping() -> Iterator[None]:
    """Raise `Ended` in the block where one of `ENDING` arrives; those that are ignored, as by nohup, stay so.

    It is raised once: `timeout` and others send the signal twice, and the second must not end the removal of files.
    """
    raised = False

    def stop(number: int, frame: Any) -> None:
        nonlocal raised
        if not raised:
            raised = True
            raise Ended(number)

    def lost(unraisable: Any) -> None:
        nonlocal raised
        error = unraisable.exc_value
        if not isinstance(error, KeyboardInterrupt | Ended):
            whole(unraisable)
            return
        raised = False
        number = error.number if isinstance(error, Ended) else signal.SIGINT
        again = threading.Timer(AGAIN, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()

    whole, before = sys.unraisablehook, {}
    if threading.current_thread() is threading.main_thread() and os.environ.get("WORLD_SIZE", "1") == "1":
        numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is signal.SIG_DFL:
            signal.signal(number, stop)
    sys.unraisablehook = lost
    try:
        yield
    finally:
        sys.unraisablehook = whole
        for number, handler in before.items():
            if handler is signal.SIG_DFL:
                signal.signal(number, handler)
