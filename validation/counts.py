"""Counts over network sizes, as every fit takes them: what is refused, what is left out, and what is said about it.

- NaN, infinite or negative numbers, and sizes that are not positive or beyond `LARGEST`, are errors.
- A zero count has no logarithm. It is left out of the fits in log space and named in `Counts.notes`, because leaving
  it out flattens the slope.
- Standard deviations of zero (a jackknife that changed nothing) say nothing: the column is left out, and that is said.
- A count above its size is no count of mutual pairs, of which a network of N neurons has at most N: that is said.
- A size that occurs more than once is taken as independent repeats (seeds), and named too.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ForeignFileError, InputError, MissingFileError, require

LARGEST = 1e15  # neurons; beyond it a size is a mistake, and powers of it overflow
EXAMPLE = "a CSV file with the columns neurons,count (and count_sd, if known), one row a size"


@dataclass(frozen=True)
class Counts:
    """Clean counts, in order of size.

    Attributes
    ----------
    neurons : ndarray, shape (n,)
        Neurons of one network, N > 0.
    counts : ndarray, shape (n,)
        Rosetta counts R > 0.
    sd : ndarray, shape (n,), or None
        Standard deviation of each count, where known.
    notes : tuple of str
        What was left out or merged, in words.
    zero_sizes : tuple of float
        Sizes with a count of zero, which the likelihoods of whole counts can use.
    """

    neurons: np.ndarray
    counts: np.ndarray
    sd: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    zero_sizes: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.neurons)

    @property
    def sizes(self) -> int:
        """Number of different sizes."""
        return len(np.unique(self.neurons))

    def without(self, size: float) -> Counts:
        """Return the counts of all other sizes."""
        kept = self.neurons != size
        sd = None if self.sd is None else self.sd[kept]
        return Counts(self.neurons[kept], self.counts[kept], sd, self.notes, self.zero_sizes)


def clean(neurons: ArrayLike, counts: ArrayLike, count_sd: ArrayLike | None = None) -> Counts:
    """Check counts and put them in order of size; the module's head states what is refused and what is left out.

    Raises
    ------
    InputError
        If lengths differ, a number is NaN, infinite or negative, or fewer than two sizes have a positive count.
    """
    n, r = numbers("neurons", neurons), numbers("counts", counts)
    sd = None if count_sd is None else numbers("count_sd", count_sd)
    require(n.ndim == 1, "neurons", n.shape, "must be one-dimensional", "neurons=[256, 512, 1024]")
    require(n.shape == r.shape, "counts", r.shape, f"must have one count a size, shape {n.shape}")
    _all(np.isfinite(n) & (n > 0) & (n <= LARGEST), "neurons", n, f"must be positive numbers up to {LARGEST:g}")
    _all(np.isfinite(r) & (r >= 0), "count", r, "must be numbers of at least 0; leave the row out if not measured")
    if sd is not None:
        require(sd.shape == r.shape, "count_sd", sd.shape, f"must have one value a count, shape {r.shape}")
        _all(np.isfinite(sd) & (sd >= 0), "count_sd", sd, "must be numbers of at least 0; or leave the column out")

    order = np.argsort(n, kind="stable")
    n, r = n[order], r[order]
    positive = r > 0
    notes = [f"N = {size:g} has a count of zero and is left out of the fits in log space" for size in n[~positive]]
    notes += [f"N = {size:g} has more pairs than neurons, which no mutual matching has" for size in n[r > n]]
    repeats = Counter(n[positive].tolist())
    notes += [f"N = {size:g} occurs {k} times, taken as independent repeats" for size, k in repeats.items() if k > 1]
    if len(repeats) < 2:
        rule = "a slope needs positive counts at two sizes, an interval at three"
        raise InputError("sizes", ", ".join(f"{size:g}" for size in repeats) or "none", rule, EXAMPLE)
    if sd is not None:
        sd = sd[order][positive]
        if not sd.all():
            notes.append("a standard deviation of 0 cannot be a weight: the stated deviations are left out")
            sd = None
    return Counts(n[positive], r[positive], sd, tuple(notes), tuple(n[~positive].tolist()))


def read_counts(path: str | os.PathLike[str]) -> Counts:
    """Read counts from a CSV file with the columns ``neurons,count`` and optionally ``count_sd``.

    Lines that begin with ``#`` are comments. Other columns are ignored.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ForeignFileError
        If it is no CSV file with these columns.
    InputError
        If a cell cannot be used; the message names its line and column.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file. Expected {EXAMPLE}")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (UnicodeDecodeError, OSError) as error:
        raise ForeignFileError(f"{path}: not a text file. Expected {EXAMPLE}") from error
    numbered = [(i, line) for i, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    reader = csv.reader((line for _, line in numbered), strict=True)
    try:  # a quoted cell may span lines: a row is where its last one is
        rows = [(numbered[reader.line_num - 1][0], row) for row in reader]
    except csv.Error as error:
        last = numbered[reader.line_num - 1][0]
        raise ForeignFileError(f"{path}, up to line {last}: {error}. Expected {EXAMPLE}") from error
    header = [name.strip() for name in rows[0][1]] if rows else []
    missing = [name for name in ("neurons", "count") if name not in header]
    if missing:
        found = ",".join(header)[:80] or "nothing"
        raise ForeignFileError(f"{path}: no column {' or '.join(missing)} (found: {found}). Expected {EXAMPLE}")

    for line, row in rows[1:]:
        rule = f"must have {len(header)} fields as the first line has; a decimal comma makes two of one"
        require(not any(cell.strip() for cell in row[len(header) :]), f"line {line}", ",".join(row), rule, EXAMPLE)

    def column(name: str) -> list[float]:
        place = header.index(name)
        return [_number(row, place, name, line) for line, row in rows[1:]]

    return clean(column("neurons"), column("count"), column("count_sd") if "count_sd" in header else None)


def _number(row: Sequence[str], place: int, name: str, line: int) -> float:
    text = row[place].strip() if place < len(row) else ""
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    part = "column" if name == "count_sd" else "row"
    rule = f"must be a number; leave the {part} out if it was not measured"
    require(bool(np.isfinite(value)), f"{name} (line {line})", text, rule)
    require(value >= 0, f"{name} (line {line})", text, "must be at least 0; leave the row out if it was not measured")
    return value


def numbers(argument: str, values: Any) -> np.ndarray:
    """Return numbers as an array of at least one dimension, or say that they are none."""
    try:
        return np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError) as error:
        raise InputError(argument, values, "must be numbers", f"{argument}=[256, 512, 1024]") from error


def _all(good: np.ndarray, argument: str, values: np.ndarray, rule: str) -> None:
    if not good.all():
        where = int(np.flatnonzero(~good)[0])
        raise InputError(f"{argument}[{where}]", values[where], rule)
