"""Mean and 95% interval of a few independent draws: Student's t."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def mean_interval(draws: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, low and high of each column of `draws`, shape (draws, …); the ends are NaN for a single draw."""
    from scipy import stats  # here: its import takes longer than a refusal may

    rows = np.asarray(draws, dtype=float)
    mean = rows.mean(0)
    if len(rows) < 2:
        return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    half = stats.t.ppf(0.975, len(rows) - 1) * rows.std(0, ddof=1) / np.sqrt(len(rows))
    return mean, mean - half, mean + half
