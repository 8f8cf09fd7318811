"""Parts that commands share: results as JSON or as a table, grids of numbers, checks of files to write."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from ..display import as_json, for_terminal
from ..errors import InputError, require
from ..netcdf import require_name
from ..results import require_folder_takes, require_replaceable

JsonOption = typer.Option(False, "--json", help="Print the result as JSON on standard output.")
PAGE_HEAD = 200  # bytes by which an HTML page is known
MOST = 10_000_000  # numbers that a grid of the command line may have


def file_to_write(option: typer.CallbackParam, path: Path | None) -> Path | None:
    """Return the value of an option; refuse a file that cannot be written before anything is computed."""
    if path is not None:
        require_file(option.opts[0], path)
    return path


def require_file(name: str, path: Path) -> None:
    """Refuse a path where no file can be written."""
    require(not path.is_dir(), name, str(path), "is a folder; must name a file", f"{name} {path / 'result'}")
    require_folder(name, path, path.parent)


def result_to_write(option: typer.CallbackParam, path: Path | None) -> Path | None:
    """Return the value of an option; refuse a file where no result can be saved before anything is computed."""
    file_to_write(option, path)
    if path is not None:
        require_name(option.opts[0], path)
        require_replaceable(option.opts[0], path)
    return path


def page_to_write(option: typer.CallbackParam, path: Path | None) -> Path | None:
    """Return the value of an option; refuse a file where no page can be written before anything is computed."""
    if path is not None:
        require_page(option.opts[0], path)
    return path


def require_page(name: str, path: Path) -> None:
    """Refuse a path where no page can be written, or where a file would be lost that is no page."""
    require_file(name, path)
    if path.exists():
        rule = "must be a new file, or an HTML page, which is replaced"
        with path.open("rb") as file:
            page = file.read(PAGE_HEAD).lstrip().lower().startswith(b"<!doctype html")
        require(page, name, str(path), rule, f"{name} report.html, or remove that file first")


def require_no_input(argument: str, out: Path | None, inputs: Iterable[str | Path | None]) -> None:
    """Refuse to save a result over one of its inputs."""
    for path in inputs:
        same = out is not None and path is not None and out.exists() and Path(path).exists() and out.samefile(path)
        require(
            not same,
            argument,
            str(out),
            f"is the same file as the input {path}; must be another file",
            f"{argument} result.nc",
        )


def folder_to_write(option: typer.CallbackParam, path: Path | None) -> Path | None:
    """Return the value of an option; refuse a path that cannot be a folder before anything is computed."""
    if path is not None:
        require_folder(option.opts[0], path, path)
    return path


def cache_to_use(option: typer.CallbackParam, path: Path | None) -> Path | None:
    """Return the value of an option; a cache that is there may refuse to be written, since what it has is only read."""
    readable = path is not None and path.is_dir() and not os.access(path, os.W_OK)
    return path if readable else folder_to_write(option, path)


def folder_of(result: str) -> Callable[[typer.CallbackParam, Path | None], Path | None]:
    """Return the callback of an option that names a folder in which the file `result` will be saved."""

    def checked(option: typer.CallbackParam, path: Path | None) -> Path | None:
        folder_to_write(option, path)
        if path is not None:
            require_replaceable(option.opts[0], path / result)
        return path

    return checked


def require_folder(name: str, path: Path, folder: Path) -> None:
    """Refuse a path if the folder that it lies in, or is, cannot be written."""
    nearest = next(part for part in (folder, *folder.absolute().parents) if part.exists())
    require(nearest.is_dir(), name, str(path), f"{nearest} is a file; must be a folder, or a name not yet taken")
    require(os.access(nearest, os.W_OK), name, str(path), f"must be in a writable folder; {nearest} is not writable")
    require_folder_takes(name, path)


def print_json(value: Any) -> None:
    """Print JSON on standard output; NaN and infinities become null, NumPy numbers become numbers."""
    escaped = not speaks_unicode(sys.stdout)
    typer.echo(as_json(plain(value), escaped))


def echo(*lines: str) -> None:
    """Print lines of text on standard output."""
    for line in lines:
        typer.echo(for_terminal(line))


def speaks_unicode(stream: Any) -> bool:
    """Return whether a stream can show every character (in the C locale of old, none beyond ASCII)."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-").startswith("utf")


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
    """Print records as a table on standard output, never cut to fit a line.

    Numbers have four significant digits and stand under the right end of their header, words under its left end.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(for_terminal(title)) if title else None)
    for name in records[0] if records else []:
        numeric = all(_is_numeric(record.get(name)) for record in records)
        justify = "right" if numeric else "left"
        table.add_column(Text(for_terminal(str(name))), justify=justify, no_wrap=True)
    for record in records:
        table.add_row(*(Text(for_terminal(_cell(value))) for value in record.values()))
    console = Console(highlight=False)
    unbounded = console.options.update(max_width=10_000)
    if console.is_terminal and console.measure(table, options=unbounded).maximum > console.width:
        table.box, table.pad_edge = None, False  # narrower; a terminal that is narrower still wraps the lines itself
    least = console.width if console.is_terminal else 80
    console.width = max(console.measure(table, options=unbounded).maximum, least)
    console.print(table)


def _is_numeric(value: Any) -> bool:
    """Return whether a cell is a number, numbers, or empty."""
    value = plain(value)
    if isinstance(value, list):
        return all(map(_is_numeric, value))
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: Any) -> str:
    value = plain(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return " … ".join(_cell(item) for item in value)
    return "–" if value is None else str(value)


def whole_numbers(argument: str, text: str) -> tuple[int, ...]:
    """Read a list of whole numbers in the notation of `grid`.

    Raises
    ------
    InputError
        If the text is no list, or a number has a fraction or is too large to be counted to.
    """
    values = grid(argument, text)
    wrong = next((value for value in values if not (abs(value) <= MOST and value == int(value))), None)
    if wrong is not None:
        raise InputError(argument, wrong, f"must be whole numbers up to {MOST:,}", f"{argument} 2,5,20")
    return tuple(int(value) for value in values)


def note_thousands(argument: str, text: str) -> None:
    """Say how two numbers are read that may be one with a comma between thousands, as sizes of layers are: 16,384."""
    parts = re.fullmatch(r"([1-9]\d{0,2}),(\d{3})", text)
    if parts is None:
        return
    one = int(parts[1] + parts[2])
    power = one & (one - 1) == 0
    if power or (int(parts[1]) < 100 and one % 256 == 0):
        from ..console import say

        say(f"{argument} {text}: read as the two numbers {parts[1]} and {parts[2]}; one number is written {one}")


def grid(argument: str, text: str) -> list[float]:
    """Read a list of numbers in the notation of the command line.

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
    if re.fullmatch(r"[1-9]\d{0,2}(,\d{3})*,0\d\d(,\d{3})*", text.strip()):
        rule = f"is one number with commas between thousands, or several; write {text.strip().replace(',', '')}"
        raise InputError(argument, text, rule, example)
    note_thousands(argument, text.strip())
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
        if not 1 <= number <= MOST or (match[4] and (start <= 0 or stop <= 0)):
            rule = f"a range needs 1 to {MOST:,} points, and positive ends for :log"
            raise InputError(argument, text, rule, example)
        space = np.geomspace if match[4] else np.linspace
        values.extend(space(start, stop, number).tolist())
    return values
