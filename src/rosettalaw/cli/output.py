"""How commands print results: records as JSON for programs, a table for people; and how they read grids."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

from ..errors import InputError

JsonOption = typer.Option(False, "--json", help="Print the result as JSON on standard output.")


def print_json(value: Any) -> None:
    """Print JSON on standard output; NaN and infinities become null, NumPy numbers become numbers."""
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """Return `value` with NumPy scalars and arrays as Python numbers and lists, and NaN as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return str(value)


def print_table(records: Sequence[Mapping[str, Any]], title: str = "") -> None:
    """Print records as a table on standard output; numbers with four significant digits, never cut to fit a line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None)
    for name in records[0] if records else []:
        table.add_column(str(name), justify="right", no_wrap=True)
    for record in records:
        table.add_row(*(Text(_cell(value)) for value in record.values()))
    console = Console(highlight=False)
    unbounded = console.options.update(max_width=10_000)
    if console.is_terminal and console.measure(table, options=unbounded).maximum > console.width:
        table.box, table.pad_edge = None, False  # narrower; a terminal that is narrower still wraps the lines itself
    least = console.width if console.is_terminal else 80
    console.width = max(console.measure(table, options=unbounded).maximum, least)
    console.print(table)


def _cell(value: Any) -> str:
    value = plain(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return " … ".join(_cell(item) for item in value)
    return "–" if value is None else str(value)


def grid(argument: str, text: str) -> list[float]:
    """Read a list of numbers as the command line writes them.

    ``1.5`` is one number, ``1.5,2,3`` a list, ``1.2:3:100`` one hundred numbers from 1.2 to 3 in equal steps, and
    ``1e3:1e9:200:log`` two hundred in equal ratios (a `rosettalaw.theory` range has the same three parts).

    Raises
    ------
    InputError
        If the text is none of these.
    """
    import numpy as np

    example = f"{argument} 1.5,2,3 or {argument} 1e3:1e9:7:log"
    values: list[float] = []
    for part in text.split(","):
        match = re.fullmatch(r"([^:]+):([^:]+):(\d+)(:log)?", part.strip())
        try:
            if match is None:
                values.append(float(part))
                continue
            start, stop, number = float(match[1]), float(match[2]), int(match[3])
        except ValueError:
            rule = "must be numbers separated by commas, or start:stop:number, or start:stop:number:log"
            raise InputError(argument, text, rule, example) from None
        if number < 1 or (match[4] and (start <= 0 or stop <= 0)):
            raise InputError(argument, text, "a range needs at least one point, and positive ends for :log", example)
        space = np.geomspace if match[4] else np.linspace
        values.extend(space(start, stop, number).tolist())
    return values
