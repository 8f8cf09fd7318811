"""Holm's correction for the number of tests on one page.

Of m tests at 5% each, one in twenty rejects what is true. Holm (1979, Scand. J. Statist. 6, 65–70) multiplies the
smallest p-value by m, the next by m − 1 and so on, and lets none fall below the one before: with what stays below 5%
the chance of any false rejection is at most 5%, however the tests depend on each other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ..lazy import deferred
from .verdict import of

stats = deferred("scipy.stats")  # half a second

LEVEL = 0.05


def holm(p_values: ArrayLike) -> np.ndarray:
    """Return the adjusted p-values in the order given; NaN stands for a test that was not made and does not count."""
    p = np.asarray(p_values, dtype=float)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(p.shape, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0)
    return adjusted


def interval_p(value: float, low: float, high: float, bound: float, freedom: float = np.inf) -> float:
    """Return the two-sided p-value of `bound` by which a symmetric 95% interval was made, Student's or normal."""
    if not np.isfinite([value, low, high]).all() or not freedom > 0:
        return float("nan")
    se = (high - low) / 2 / stats.t.ppf(0.975, freedom)
    return float(2 * stats.t.sf(abs(value - bound) / max(se, 1e-300), freedom))


def sentence(tests: Mapping[str, float], what: str = "tests of the theory") -> str:
    """Return a sentence on the tests that remain after the correction; "" for fewer than two tests."""
    tested = {name: p for name, p in tests.items() if np.isfinite(p)}
    if len(tested) < 2:
        return ""
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    alone = [name for name, p in tested.items() if p < LEVEL]
    remain = [f"{name} (p = {adjusted[name]:.2g})" for name in tested if adjusted[name] < LEVEL]
    correction = "Holm's correction for their number"
    counted = f"{of(len(alone), len(tested), f'{what} here')} {'reject' if len(alone) > 1 else 'rejects'} at 5%"
    if not alone:
        return f"{counted}, before or after {correction}."
    does = "does" if len(remain) == 1 else "do"
    still = f"{len(remain)} still {does}: {', '.join(remain)}" if remain else "none does"
    return f"{counted}; after {correction}, {still}."
