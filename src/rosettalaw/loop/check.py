"""A finished demonstration against the numbers that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..console import say
from ..errors import InputError
from ..results import load


def check_kept(out: Path, ladder: str) -> dict[str, Any]:
    """Compare the ladder in a folder of results with the kept one of its name; return the comparison.

    Raises
    ------
    InputError
        If no ladder of this name is kept, or its sizes are others.
    """
    from ..validation.agreement import agreement
    from ..validation.reference_ladders import names, read

    if ladder not in names() or not (out / "results.nc").is_file():
        raise InputError(
            "--check",
            ladder,
            f"has no saved numbers; ladders with saved numbers: {', '.join(names())}",
            "--ladder quickstart",
        )
    compared = agreement(load(out / "results.nc", "ladder"), read(ladder))
    say(compared.sentence())
    return compared.record()
