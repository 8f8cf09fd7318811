"""Progress and messages: everything a person reads while a command runs goes to standard error.

Standard output belongs to results, so that ``--json`` stays clean in a pipe.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

stderr = Console(stderr=True, highlight=False)


def say(message: str) -> None:
    """Print one message for the person at the terminal (plain text: nothing in it is markup)."""
    stderr.print(message, markup=False, soft_wrap=True)


class Ticker:
    """Handle of one progress bar: `advance` moves it, `update` sets it or its description."""

    def __init__(self, bar: Progress, task):
        self._bar, self._task = bar, task

    def advance(self, steps: float = 1) -> None:
        self._bar.advance(self._task, steps)

    def update(self, completed: float | None = None, description: str | None = None) -> None:
        self._bar.update(self._task, completed=completed, description=description)


@contextmanager
def progress(description: str, total: float | None, quiet: bool = False) -> Iterator[Ticker]:
    """Show a progress bar with the time left on standard error while the block runs.

    In a log file, where a bar cannot move, one line says what began; the bar's last state closes it.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    if total is not None:
        columns = (*columns, TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, console=stderr, disable=quiet, transient=sys.stderr.isatty()) as bar:
        yield Ticker(bar, bar.add_task(description, total=total))
