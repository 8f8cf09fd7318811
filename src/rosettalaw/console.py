"""Progress and messages on standard error: all text for a person while a command runs.

Messages go to the log ``rosettalaw`` of `logging`; `reporting` hands progress to a callable. Standard output belongs to
results, so that ``--json`` stays clean in a pipe. If several processes of ``torchrun`` have the same message, the first
process prints it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from datetime import timedelta
from functools import cache
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from .display import for_terminal

if TYPE_CHECKING:
    from rich.progress import Progress, Task

# In a notebook rich would show an empty box; there, lines of text are as good.
stderr = Console(stderr=True, highlight=False, force_jupyter=False)
LAST_MESSAGE = "rosettalaw-last-message"  # key of the last message that the first of several processes printed
EVERY = 30.0  # seconds between two lines of progress in a log
PATIENCE = timedelta(seconds=10)  # of the others, which wait for it: processes start at different times


class OnStandardError(logging.Handler):
    """Handler that prints messages as they are, unless a handler of the user's writes them to the terminal already."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record's message (plain text: nothing in it is markup); of several processes the first informs."""
        if record.levelno <= logging.INFO and _rank() > 0:
            return
        others = (
            handler for logger in (LOG, logging.getLogger()) for handler in logger.handlers if handler is not self
        )
        if not any(getattr(handler, "stream", None) in (sys.stderr, sys.stdout) for handler in others):
            stderr.print(Text(for_terminal(record.getMessage())), soft_wrap=True)


LOG = logging.getLogger("rosettalaw")
if not any(isinstance(handler, OnStandardError) for handler in LOG.handlers):
    LOG.addHandler(OnStandardError())
if LOG.level == logging.NOTSET:
    LOG.setLevel(logging.INFO)


def say(message: str) -> None:
    """Log one message for the person at the terminal, where it is printed (`OnStandardError`)."""
    LOG.info("%s", message)


def tell_last(message: str) -> None:
    """Print the message of an error that ends the program, unless the first of several processes does."""
    if printed_elsewhere(message):
        return
    print(for_terminal(message), file=sys.stderr, flush=True)
    if _rank() == 0:  # stored after printing: once a process has ended, torchrun ends the others
        with suppress(RuntimeError, ValueError):
            store = _store()
            if store is not None:
                store.set(LAST_MESSAGE, message)


@cache  # called twice: while other processes still wait for this one, and at its end
def printed_elsewhere(message: str) -> bool:
    """Return whether the first of the processes that ``torchrun`` started, other than this one, prints this message.

    This process waits for it; a message that does not come in time is printed by this process.
    """
    if _rank() == 0:
        return False
    try:
        store = _store()
        if store is None:
            return False
        store.wait([LAST_MESSAGE], PATIENCE)
        return store.get(LAST_MESSAGE).decode() == message
    except (RuntimeError, ValueError):  # nothing came, or torchrun is gone
        return False


def _rank() -> int:
    rank = os.environ.get("RANK", "0")
    plain = rank.isascii() and rank.isdecimal() and len(rank) < 10
    return int(rank) if plain else 0  # `distributed.started` refuses others


def _store() -> Any:
    """Return the store that ``torchrun`` shares among its processes, or None without it."""
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True" or os.environ.get("WORLD_SIZE", "1") == "1":
        return None
    from torch.distributed.rendezvous import rendezvous

    return next(iter(rendezvous("env://")))[0]


Hook = Callable[[str, float, float | None], object]
_hook: ContextVar[Hook | None] = ContextVar("rosettalaw_progress", default=None)


@contextmanager
def reporting(hook: Hook | None) -> Iterator[None]:
    """Call `hook` with description, steps done and steps in all (None if unknown), in place of showing bars."""
    before = _hook.set(hook)
    try:
        yield
    finally:
        _hook.reset(before)


class HookTicker:
    """Handle that calls a hook at every step."""

    def __init__(self, hook: Hook, description: str, total: float | None):
        self._hook, self._description, self._total, self._completed = hook, description, total, 0.0
        self.advance(0)

    def advance(self, steps: float = 1) -> None:
        """Move on."""
        self.update(self._completed + steps)

    def update(self, completed: float | None = None, description: str | None = None) -> None:
        """Set the steps done, or the description."""
        self._completed = self._completed if completed is None else completed
        self._description = self._description if description is None else description
        self._hook(self._description, self._completed, self._total)


class Ticker:
    """Handle of one progress bar: `advance` moves it, `update` sets it or its description."""

    def __init__(self, bar: Progress, task):
        self._bar, self._task = bar, task

    def advance(self, steps: float = 1) -> None:
        self._bar.advance(self._task, steps)

    def update(self, completed: float | None = None, description: str | None = None) -> None:
        description = None if description is None else for_terminal(description)
        self._bar.update(self._task, completed=completed, description=description)


@contextmanager
def progress(description: str, total: float | None, quiet: bool = False) -> Iterator[Ticker | HookTicker]:
    """Show a progress bar with the time left on standard error while the block runs.

    In a log file, where a bar cannot move, a line is printed every `EVERY` seconds, and one at the end, unless an error
    ends the block; then only the error's message is printed.
    """
    hook = _hook.get()
    if hook is not None and not quiet:
        yield HookTicker(hook, description, total)
        return
    from rich import progress as bars  # here: a command that shows no bar starts sooner

    columns = (
        bars.SpinnerColumn(),
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeElapsedColumn(),
    )
    if total is not None:
        columns = (*columns, bars.TextColumn("left"), bars.TimeRemainingColumn())
    shown = sys.stderr is not None and sys.stderr.isatty()
    quiet = quiet or sys.stderr is None  # in a program without a terminal, such as a service
    bar = bars.Progress(*columns, console=stderr, disable=quiet, transient=shown)
    bar.start()
    try:
        task = bar.add_task(for_terminal(description), total=total)
        with _lines(bar) if not (quiet or stderr.is_terminal) else nullcontext():
            yield Ticker(bar, task)
    except BaseException:
        bar.live.transient = True
        bar.live.stop()
        raise
    if not quiet:  # older versions of rich print a line's end for a bar that was never shown
        bar.stop()


@contextmanager
def _lines(bar: Progress) -> Iterator[None]:
    """Print the state of a progress bar as a line, repeatedly, until the block ends."""
    ended = Event()

    def report() -> None:
        while not ended.wait(EVERY):
            for task in bar.tasks:
                print(_line(task), file=sys.stderr, flush=True)

    thread = Thread(target=report, daemon=True, name="rosettalaw-progress")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _line(task: Task) -> str:
    share = f": {task.percentage:.0f}%" if task.total is not None else ""
    left = "" if task.time_remaining is None else f", about {timedelta(seconds=round(task.time_remaining))} left"
    return f"  {task.description}{share} after {timedelta(seconds=round(task.elapsed or 0))}{left}"
