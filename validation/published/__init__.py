"""The numbers of arXiv 2606.03990, each file with its quality on the first lines.

Most were read off figures by machine: good to 10–20%, sizes to one digit. `reading_error` returns a file's claim, so
that whoever fits the numbers can carry it along.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

from ...errors import UnknownNameError

READ_OFF = 0.15  # relative error of a number called approximate without a figure


def names() -> list[str]:
    """Return the names of all tables."""
    return sorted(item.name.removesuffix(".csv") for item in resources.files(__name__).iterdir() if ".csv" in item.name)


def read(name: str) -> Any:
    """Return one table as a pandas DataFrame; ``.attrs["quality"]`` says how good its numbers are.

    Raises
    ------
    UnknownNameError
        If there is no such table.
    """
    import pandas as pd

    if name not in names():
        raise UnknownNameError("published table", name, names())
    with (resources.files(__name__) / f"{name}.csv").open(encoding="utf-8") as file:
        comments = [line[1:].strip() for line in file if line.startswith("#")]
        file.seek(0)
        table = pd.read_csv(file, comment="#")
    table.attrs["quality"] = "; ".join(comments) or "given in the text"
    return table


def reading_error(table: Any) -> float:
    """Return the relative error that a table's comment states for its numbers (0 if they are given in the text)."""
    quality = table.attrs["quality"]
    if "approximate" not in quality:
        return 0.0
    stated = re.search(r"(?:\d+-)?(\d+)%", quality)
    return int(stated[1]) / 100 if stated else READ_OFF
