"""Counts over network sizes, as every fit takes them; rules for refusing numbers and for leaving them out.

- NaN, infinite or negative numbers, sizes below one neuron, and numbers beyond `LARGEST` are errors.
- Sizes that all lie within 1% of each other have no slope to tell: an error.
- A zero count has no logarithm. It is left out of the fits in log space and named in `Counts.notes`, because leaving
  it out flattens the slope.
- Standard deviations of zero (a jackknife that changed nothing) say nothing: the column is left out, with a note.
- A count above its size is not a count of mutual pairs, of which a network of N neurons has at most N: a note says so.
- A size that occurs more than once is taken as independent repeats (seeds), and named too.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import check
from ..contents import ByContent
from ..errors import InputError, require
from ..theory.parameters import positive
from .inputs import comma_hint, number, numbers, require_all
from .table import has_cells, read_table, separator

LARGEST = 1e15  # neurons or pairs; beyond it a number is a mistake, and powers of it overflow
LEAST = 1e-6  # mean pairs over runs; a number below it is a mistake
APART = 1.01  # least ratio of the largest size to the smallest
EXAMPLE = "a CSV file with the columns neurons,count (and count_sd, if known), one row per size"
IMPOSSIBLE = "more pairs than neurons, which is impossible in a mutual matching"
AT_SIZES = "counts at three sizes or more, such as N = 256, 512 and 1024"  # for counts from anywhere
INDEPENDENT = ", taken as independent repeats"
CALLS = {"neurons": "neurons=[256, 512, 1024]", "counts": "counts=[12, 19, 31]", "count_sd": "count_sd=[2, 3, 4]"}
COLUMNS = ("neurons", "count", "count_sd")
RULES = {
    "neurons": f"must be a number of neurons, from 1 to {LARGEST:g}",
    "count": f"must be 0, or from {LEAST:g} to {LARGEST:g}; omit the row if it was not measured",
    "count_sd": f"must be from 0 to {LARGEST:g}; omit the column if it is unknown",
}


@dataclass(frozen=True, eq=False)
class Counts(ByContent):
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

    def __post_init__(self):
        example = "Counts([256, 512, 1024], [12, 19, 31])"
        n, r, sd = columns(self.neurons, self.counts, self.sd, example, ("neurons", "counts", "sd"))
        require_all(r > 0, "counts", self.counts, "must be positive; clean(neurons, counts) omits zeros", example)
        rule = "must be in order of size; clean(neurons, counts) sorts"
        require_all(np.diff(n, prepend=n[0]) >= 0, "neurons", self.neurons, rule, example)
        if sd is not None:
            require_all(sd > 0, "sd", self.sd, "must be positive; leave it out where it is unknown", example)
        for name, kind in (("notes", "tuple[str, ...]"), ("zero_sizes", "tuple[float, ...]")):
            check(name, getattr(self, name), kind, __name__, example)
        empty = numbers("zero_sizes", self.zero_sizes, example)
        require_all(usable("neurons", empty), "zero_sizes", self.zero_sizes, RULES["neurons"], example)
        vars(self).update(neurons=n, counts=r, sd=sd)

    def __len__(self) -> int:
        return len(self.neurons)

    @property
    def empty_sizes(self) -> list[float]:
        """Sizes at which most counts are zero."""
        zeros = Counter(self.zero_sizes)
        return [size for size, empty in zeros.items() if empty > np.sum(self.neurons == size)]

    @property
    def impossible_sizes(self) -> list[float]:
        """Sizes with more pairs than neurons, which is impossible in a mutual matching."""
        return np.unique(self.neurons[self.counts > self.neurons]).tolist()

    @property
    def sizes(self) -> int:
        """Number of different sizes."""
        return len(np.unique(self.neurons))

    def with_zeros(self) -> tuple[np.ndarray, np.ndarray]:
        """Return sizes and counts, the zeros last."""
        return np.append(self.neurons, self.zero_sizes), np.append(self.counts, np.zeros(len(self.zero_sizes)))

    def one_a_size(self) -> Counts:
        """Return the geometric mean of each size's counts, for repeats that share networks and so err together."""
        sizes = np.unique(self.neurons)
        if len(sizes) == len(self):
            return self
        means = np.array([np.exp(np.mean(np.log(self.counts[self.neurons == size]))) for size in sizes])
        merged = (
            "repeats share networks, so their errors correlate; those of a size become one count, the geometric mean"
        )
        notes = (*(note for note in self.notes if not note.endswith(INDEPENDENT)), merged)
        return Counts(neurons=sizes, counts=means, sd=None, notes=notes, zero_sizes=self.zero_sizes)

    def without(self, size: float) -> Counts:
        """Return the counts of all other sizes.

        Raises
        ------
        InputError
            If `size` is no number, or no other size is left.
        """
        size = number("size", size, positive, RULES["neurons"], "counts.without(256)")
        others = self.neurons != size
        sd = None if self.sd is None else self.sd[others]
        return Counts(
            neurons=self.neurons[others],
            counts=self.counts[others],
            sd=sd,
            notes=self.notes,
            zero_sizes=self.zero_sizes,
        )


def clean(neurons: ArrayLike, counts: ArrayLike, count_sd: ArrayLike | None = None) -> Counts:
    """Check counts and put them in order of size; the module's head states the rules.

    Raises
    ------
    InputError
        If lengths differ, a number is NaN, infinite or negative, or fewer than two sizes have a positive count.
    """
    n, r, sd = columns(neurons, counts, count_sd)
    order = np.argsort(n, kind="stable")
    n, r = n[order], r[order]
    positive = r > 0
    notes = [f"N = {size:g} has a count of zero and is omitted from the fits in log space" for size in n[~positive]]
    if np.any(r > n):
        listed = ", ".join(f"{size:g}" for size in np.unique(n[r > n]))
        notes.append(f"N = {listed} {'has' if ',' not in listed else 'have'} {IMPOSSIBLE}")
    repeats = Counter(n[positive].tolist())
    notes += [f"N = {size:g} occurs {k} times{INDEPENDENT}" for size, k in repeats.items() if k > 1]
    if len(repeats) < 2 or max(repeats) < APART * min(repeats):
        rule = "a slope needs positive counts at two sizes that differ by 1% or more, an interval at three"
        raise InputError("sizes", ", ".join(f"{size:g}" for size in repeats) or "none", rule, AT_SIZES)
    if sd is not None:
        sd = sd[order][positive]
        if not sd.all():
            notes.append("a standard deviation of 0 cannot be a weight: the stated deviations are ignored")
            sd = None
    return Counts(
        neurons=n[positive], counts=r[positive], sd=sd, notes=tuple(notes), zero_sizes=tuple(n[~positive].tolist())
    )


def columns(
    neurons: Any,
    counts: Any,
    count_sd: Any,
    example: str = "",
    names: tuple[str, str, str] = ("neurons", "counts", "count_sd"),
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return sizes, counts and, if given, their standard deviations as arrays of one length, each number usable.

    Messages name the columns as `names` has them, and give `example`, or a call for each column.

    Raises
    ------
    InputError
        If lengths differ, there is no size, or a number is NaN, infinite or negative.
    """
    calls = [example or CALLS[name] for name in ("neurons", "counts", "count_sd")]
    n, r = (
        numbers(name, given, call) for name, given, call in zip(names[:2], (neurons, counts), calls[:2], strict=True)
    )
    require(n.ndim == 1 and n.size, names[0], neurons, "must be a list of sizes, not empty", calls[0])
    require(n.shape == r.shape, names[1], counts, f"must have one count per size, {n.size} in all", calls[1])
    require_all(usable("neurons", n), names[0], neurons, RULES["neurons"], calls[0])
    require_all(usable("count", r), names[1], counts, RULES["count"], calls[1])
    return n, r, None if count_sd is None else deviations(names[2], count_sd, r, calls[2])


def deviations(name: str, given: Any, counts: np.ndarray, example: str) -> np.ndarray:
    """Return the standard deviations of counts, one for each, or raise `InputError` with the rule."""
    sd = numbers(name, given, example)
    require(sd.shape == counts.shape, name, given, f"must have one value per count, {counts.size} in all", example)
    require_all(usable("count_sd", sd), name, given, RULES["count_sd"], example)
    return sd


def counts_from(data: Any, example: str = "clean(neurons, counts)") -> Counts:
    """Return counts from `Counts`, a file, or columns ``neurons, count`` and, if known, ``count_sd``.

    Raises
    ------
    InputError
        If `data` is none of these, and as `clean` and `read_counts` do.
    """
    if isinstance(data, Counts):
        return data
    return read_counts(data) if isinstance(data, str | os.PathLike) else clean(*columns_from(data, example))


def columns_from(
    data: Any, example: str = "clean(neurons, counts)"
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return sizes, counts and, if known, their standard deviations, zeros included, from what `counts_from` takes.

    Raises
    ------
    InputError
        If `data` is nothing of this, or a number cannot be used.
    """
    if isinstance(data, Counts):
        zeros = np.zeros(len(data.zero_sizes))
        return *data.with_zeros(), None if data.sd is None else np.append(data.sd, zeros)
    if isinstance(data, str | os.PathLike):
        return read_columns(data)
    rule = "must be Counts, or have the columns neurons and count"
    try:
        there = {name: data[name] for name in COLUMNS if name in data}
    except (TypeError, IndexError, ValueError, RuntimeError):  # of arrays: `in` compares whole ones
        raise InputError("data", data, rule, example) from None
    require(set(COLUMNS[:2]) <= set(there), "data", data, rule, example)
    return columns(there["neurons"], there["count"], there.get("count_sd"))


def read_counts(path: str | os.PathLike[str]) -> Counts:
    """Read counts from a CSV file with the columns ``neurons,count`` and optionally ``count_sd``, and check them.

    Raises
    ------
    MissingFileError, ForeignFileError, InputError
        As `read_columns` does, and if fewer than two sizes have a positive count.
    """
    with naming(path):
        return clean(*read_columns(path))


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file whose counts have too few sizes."""
    try:
        yield
    except InputError as error:
        if error.argument != "sizes":
            raise
        raise InputError(f"{path}: sizes", error.value, error.rule, EXAMPLE) from None


def read_columns(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Read the columns ``neurons,count`` and, if present, ``count_sd`` of a CSV file.

    Lines that begin with ``#`` are comments. Other columns are ignored. Names of columns may be in any case; where the
    first line has no comma, semicolons or tabs may separate the columns; a note then says so.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ForeignFileError
        If it is not a CSV file with these columns, each once, and rows.
    InputError
        If a cell cannot be used; the message names its line and column.
    """
    table = read_table(path, COLUMNS[:2], COLUMNS[2:], cell, EXAMPLE)
    return table["neurons"], table["count"], table.get("count_sd")


def has_counts(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins, comments left aside, with a line that names the columns neurons and count."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        first = next(filter(has_cells, file), "")
    return set(COLUMNS[:2]) <= {name.strip().lower() for name in first.split(separator(first))}


def usable(name: str, values: np.ndarray) -> np.ndarray:
    """Return which numbers of a column can be used; `RULES` says it in words."""
    if name == "neurons":
        return np.isfinite(values) & (values >= 1) & (values <= LARGEST)
    least = LEAST if name == "count" else 0.0
    return np.isfinite(values) & ((values == 0) | (values >= least)) & (values <= LARGEST)


def cell(text: str, name: str, where: str) -> float:
    """Return the number of a cell, or say why it is none."""
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    part = "column" if name == "count_sd" else "row"
    rule = f"must be a number{comma_hint(text) or f'; omit the {part} if it was not measured'}"
    require(bool(np.isfinite(value)), where, text, rule, EXAMPLE)
    require(bool(usable(name, np.array(value))), where, text, RULES[name], EXAMPLE)
    return value
