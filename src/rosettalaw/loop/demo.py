"""The demonstration: a shipped ladder trained from nothing and measured, in one call."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from .ladder import conclude


def run(ladder: str, out: Path, cache: Path | None = None, workers: int | None = None) -> dict[str, Any]:
    """Run the whole loop and return what ``summary.json`` holds.

    Parameters
    ----------
    ladder : str
        Name of a shipped ladder, or a path to a ladder file.
    out : path
        Folder for the results.
    cache : path, optional
        Folder of the checkpoints.
    workers : int, optional
        Models trained at once, and processes that measure.

    Raises
    ------
    RosettaError
        For anything that the user can mend; finished work stays.
    """
    started = time.monotonic()
    from ..empirical.language.families import open_ladder

    opened = open_ladder(ladder)
    from ..empirical.ladder.train import train_ladder

    return conclude(train_ladder(opened, cache=cache, workers=workers).models(), out, started, workers=workers)
