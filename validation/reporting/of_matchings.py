"""Sentences about matchings of two or more models, for the page of a folder of results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...empirical.nulls import every_label
from ...results import interpreting
from ..verdict import listed
from .answer import PageAnswer

if TYPE_CHECKING:
    import xarray as xr

MOST = 12  # matchings that a page speaks of, each in a paragraph


def of_pairs(ds: xr.Dataset, name: str) -> list[str]:
    """Return the counts of one matching in sentences: calibrated, stable, raw, and those of its nulls.

    Parameters
    ----------
    ds : Dataset
        Kind "pairs".
    name : str
        Name of the result, for messages.

    Raises
    ------
    ForeignFileError
        If a count is no number.
    """
    with interpreting(name):
        return [one for one in (_models(ds), _counts(ds), _nulls(ds), _status(ds)) if one]


def answer_of_pairs(ds: xr.Dataset, name: str) -> PageAnswer:
    """Return the answer of one matching: its counts, the nulls that reach them, the questions that it leaves open.

    Parameters
    ----------
    ds : Dataset
        Kind "pairs".
    name : str
        Name of the result, for messages.

    Raises
    ------
    ForeignFileError
        If a count is no number.
    """
    with interpreting(name):
        raw, stable = _number(ds, "raw_count"), _number(ds, "stable_count")
        nulls = {label: _number(ds, f"{label}_raw") for label in every_label()}
        by_null = {label: count for label, count in nulls.items() if np.isfinite(count)}
        covering = [label for label, count in by_null.items() if count >= raw]
        questions = ["how the count grows with network size"]
        if not np.isfinite(_number(ds, "calibrated_count")):
            questions.insert(0, "how many of the pairs are due to chance")
        if not np.isfinite(stable):
            questions.append("which pairs would be found again on other text")
        return PageAnswer(
            growth=_counts(ds) or "This matching has no counts.",
            contradiction=_against(covering, by_null),
            open_questions=f"One matching cannot decide {listed(questions)}.",
        )


def _against(covering: list[str], nulls: dict[str, float]) -> str:
    """Return the sentence on nulls that have as many pairs as the matching before any threshold."""
    if covering:
        have = "null has" if len(covering) == 1 else "nulls have"
        return f"The raw count is no evidence: the {listed(covering)} {have} as many pairs without a threshold."
    if nulls:
        return "Nothing here contradicts the count: every null has fewer pairs, even without a threshold."
    return "Nothing here can contradict the count, because no null was drawn."


def _number(ds: xr.Dataset, name: str) -> float:
    return float(ds[name].values) if name in ds and ds[name].ndim == 0 else np.nan


def _amount(value: float) -> str:
    """Return a mean or an error without needless digits, however large: a count of thousands has no exponent."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _models(ds: xr.Dataset) -> str:
    sides = [str(ds.attrs.get(f"model_{side}", "")) for side in "ab"]
    sizes = [_number(ds, f"neurons_{side}") for side in "ab"]
    positions = _number(ds, "positions")
    if not all(sides) or not np.isfinite([*sizes, positions]).all():
        return ""
    first, second = (f"{name} ({size:,.0f} neurons)" for name, size in zip(sides, sizes, strict=True))
    return f"{first} was matched with {second} at {positions:,.0f} positions."


def _counts(ds: xr.Dataset) -> str:
    raw, calibrated = (_number(ds, f"{kind}_count") for kind in ("raw", "calibrated"))
    if not np.isfinite(raw):
        return ""
    if not np.isfinite(calibrated):
        return f"{raw:,.0f} pairs are mutual. No null was drawn, so chance may explain all of them."
    rho, stable = _number(ds, "threshold"), _number(ds, "stable_count")
    error = _number(ds, "calibrated_count_se")
    spread = f" (standard error {_amount(error)})" if np.isfinite(error) else ""
    above = f"reach a correlation that few null pairs reach, ρ* = {rho:.3f}" if np.isfinite(rho) else "are calibrated"
    words = f"{calibrated:,.0f} of {raw:,.0f} mutual pairs{spread} {above}."
    if not calibrated:
        words = f"None of the {raw:,.0f} mutual pairs reaches a correlation that few null pairs reach."
    return f"{words} {stable:,.0f} of them are stable." if calibrated and np.isfinite(stable) else words


def _nulls(ds: xr.Dataset) -> str:
    counts = {label: _number(ds, f"{label}_raw") for label in every_label()}
    known = [f"{_amount(count)} with the {label} null" for label, count in counts.items() if np.isfinite(count)]
    return f"Pairs without a threshold in a draw of a null: {listed(known)}." if known else ""


def _status(ds: xr.Dataset) -> str:
    status = str(ds.attrs.get("status", "ok"))
    return "" if status == "ok" else f"Status: {status}."


def of_recurrence(ds: xr.Dataset, name: str) -> list[str]:
    """Return, for several models matched with each other, how many families of neurons recur in how many of them.

    Parameters
    ----------
    ds : Dataset
        Kind "recurrence".
    name : str
        Name of the result, for messages.

    Raises
    ------
    ForeignFileError
        If a variable cannot be read.
    """
    with interpreting(name):
        needed = {"model", "shared_by", "families", "closed_families"}
        if not needed <= set(ds.variables):
            return []
        models = ds["model"].values.astype(str).tolist()
        columns = [ds[word].values.tolist() for word in ("shared_by", "families", "closed_families")]
        chance = ds["closed_by_chance"].values if "closed_by_chance" in ds else np.full(len(columns[0]), np.nan)
        parts = [
            f"{families:,.0f} in {shared:.0f} of {len(models)} models ({_closed(closed, by_chance)})"
            for shared, families, closed, by_chance in sorted(zip(*columns, chance.tolist(), strict=True), reverse=True)
        ]
        return [
            f"Each of {listed(models)} was matched with every other.",
            f"Families of neurons that recur: {listed(parts)}. In a closed family every two neurons are a pair.",
        ]


def _closed(closed: float, by_chance: float) -> str:
    expected = f", of which chance would make {_amount(by_chance)}" if np.isfinite(by_chance) else ""
    return f"{closed:,.0f} closed{expected}"
