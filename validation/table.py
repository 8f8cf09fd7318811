"""Tables in CSV files: columns by name, each cell checked, and messages that name the line.

Lines that begin with ``#`` are comments. They are skipped, and so are rows of empty cells and the line ``sep=;`` with
which a spreadsheet begins. Other columns are ignored. Names of columns may be in any case; where the first line has no
comma, semicolons or tabs may separate the columns, which is then said.
"""

from __future__ import annotations

import csv
import difflib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..console import say
from ..errors import ForeignFileError, MissingFileError, require
from ..file_kinds import kind_of, nearest

NEAR = 0.7  # likeness of two names of columns, one of which may be meant for the other
OPEN = "/dev/"  # files that the shell has opened, such as standard input
SEPARATORS = {";": "semicolons", "\t": "tabs"}


def read_table(
    path: str | os.PathLike[str],
    needed: Sequence[str],
    optional: Sequence[str],
    cell: Callable[[str, str, str], Any],
    expected: str,
) -> dict[str, np.ndarray]:
    """Read columns of a CSV file.

    Parameters
    ----------
    path : str or path
        The file.
    needed, optional : sequence of str
        Names of columns, in lower case.
    cell : callable
        Value of a cell from its text, the column's name, and the words that say where it is; raises `InputError`.
    expected : str
        The file that would do, for messages.

    Returns
    -------
    dict of str to ndarray, shape (rows,)
        The needed columns, and the optional ones that exist.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ForeignFileError
        If it is not a CSV file with these columns, each once, and rows.
    InputError
        If `path` is none, or a cell cannot be used; the message names its line and column.
    """
    require(isinstance(path, str | os.PathLike), "path", path, "must be a path", expected)
    path = Path(path)
    if not path.exists():
        gone = f"a link to {os.readlink(path)}, which cannot be opened" if path.is_symlink() else "no such file"
        near = nearest(path, ".csv")
        raise MissingFileError(f"{path}: {gone}. Expected {expected}" + (f"; perhaps {near}" if near else ""))
    if path.is_dir():
        near = nearest(path, ".csv") or nearest(path)
        raise ForeignFileError(f"{path}: is a folder. Expected {expected}" + (f"; perhaps {near}" if near else ""))
    waits = not path.is_file() and not str(path).startswith(OPEN)
    if waits:  # for a writer that may never come
        raise ForeignFileError(f"{path}: a pipe, socket or device. Expected {expected}")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ForeignFileError(f"{path}: cannot be read ({error.strerror}). Expected {expected}") from error
    except UnicodeDecodeError as error:
        kind = kind_of(path)
        said = "not a text file in UTF-8" + (f", but {kind}" if kind not in ("", "a text file") else "")
        raise ForeignFileError(f"{path}: {said}. Expected {expected}") from error
    if any("\0" in line for line in lines):
        raise ForeignFileError(f"{path}: not a text file (it has zero bytes). Expected {expected}")
    numbered = [(i, line) for i, line in enumerate(lines, 1) if has_cells(line)]
    mark = separator(numbered[0][1]) if numbered else ","
    if mark != ",":
        say(f"{path}: columns are separated by {SEPARATORS[mark]}; numbers need a decimal point")
    reader = csv.reader((line for _, line in numbered), strict=True, delimiter=mark)
    try:  # a quoted cell may span lines: a row is where its last one is
        rows = [(numbered[reader.line_num - 1][0], row) for row in reader if any(text.strip() for text in row)]
    except csv.Error as error:
        last = numbered[reader.line_num - 1][0]
        raise ForeignFileError(f"{path}, up to line {last}: {error}. Expected {expected}") from error
    given = [name.strip() for name in rows[0][1]] if rows else []
    header = [name.lower() for name in given]
    missing = [name for name in needed if name not in header]
    if missing:
        columns = ",".join(given)[:80] or "nothing"
        raise ForeignFileError(f"{path}: no column {' or '.join(missing)} (found: {columns}). Expected {expected}")
    note_near([name for name in header if name not in needed], optional, str(path))
    twice = [name for name in (*needed, *optional) if header.count(name) > 1]
    if twice:
        raise ForeignFileError(f"{path}: column {twice[0]} occurs {header.count(twice[0])} times. Expected {expected}")
    if len(rows) == 1:
        raise ForeignFileError(f"{path}: no rows below the column names. Expected {expected}")

    for line, row in rows[1:]:
        rule = f"must have {len(header)} fields as the first line has; "
        rule += "a comma within a number makes two of one: write 1024, not 1,024, and 0.5, not 0,5"
        extra = any(cell.strip() for cell in row[len(header) :])
        require(not extra, f"{path}, line {line}", mark.join(row), rule, expected)

    def column(name: str) -> np.ndarray:
        place = header.index(name)
        texts = [(line, row[place].strip() if place < len(row) else "") for line, row in rows[1:]]
        # Sizes and counts are whole numbers; correlations and errors may have three decimals in every cell.
        dotted = [(line, text) for line, text in texts if re.fullmatch(r"[1-9]\d{0,2}(\.\d{3})+", text)]
        whole = all(text.isdecimal() for one in texts if (text := one[1]) and one not in dotted)
        if dotted and whole and name in ("neurons", "count") and mark != ",":
            line, text = dotted[0]
            rule = f"has dots between thousands, as far as its column shows; write {text.replace('.', '')}"
            rule += f", or {text}0 if the dot begins decimals" if text.count(".") == 1 else ""
            require(False, f"{path}, line {line}: {name}", text, rule, expected)
        return np.array([cell(text, name, f"{path}, line {line}: {name}") for line, text in texts])

    return {name: column(name) for name in (*needed, *optional) if name in header}


def note_near(names: Sequence[str], optional: Sequence[str], place: str) -> None:
    """Say that a column is not read if its name, in lower case, is almost that of a missing optional column."""
    for wanted in optional:
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=NEAR)
        if near and wanted not in names:
            say(f"{place}: the column {near[0]} is not read; its name must be {wanted}")


def has_cells(line: str) -> bool:
    """Return whether a line is neither empty, nor a comment, nor the ``sep=;`` with which a spreadsheet begins."""
    return bool(line.strip()) and not line.lstrip().startswith("#") and not re.match(r'"?sep=.?"?\s*$', line)


def separator(first: str) -> str:
    """Return the separator of columns in a first line: a comma, or where there is none, a semicolon or a tab."""
    return next((mark for mark in ",;\t" if mark in first), ",")
