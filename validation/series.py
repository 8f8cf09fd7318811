"""Counts over sizes from any source, in one shape: the paper, simulations, ladders trained here, a user's files.

A series carries what its source has: counts always, and correlations of the matched pairs and null counts where a
measurement made them. Everything that compares sources starts here; `rosettalaw.validation.series_from` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .counts import Counts, clean

if TYPE_CHECKING:
    from .profiles import Profile
    from .triangle import Triangle

SOURCES = {
    "published": "counts of the paper",
    "synthetic": "networks drawn with known β",
    "simulation": "a simulation's file",
    "toy": "networks trained on planted features",
    "language": "language models trained and measured here",
    "vision": "vision models trained and measured here",
    "ladder": "a measured ladder of unnamed models",
    "counts": "a user's counts",
}
CALIBRATED = ("language", "vision", "ladder")  # sources whose zeros say that nothing exceeds the nulls


@dataclass(frozen=True)
class Series:
    """Counts of one source over sizes.

    Attributes
    ----------
    name : str
        What tables and figures call it.
    source : str
        Key of `SOURCES`.
    neurons, counts : ndarray, shape (n,)
        Sizes and counts, zeros included; of ladders those at one correlation, `threshold` (see `common_rho`).
    sd : ndarray, shape (n,), or None
        Standard deviations, where known.
    correlations : tuple of ndarray, or None
        Correlations of the matched pairs of each size.
    profiles : tuple of Profile, or None
        One per size, where a source has them in place of its correlations.
    optimum : tuple of Profile, or None
        Profiles of the optimal allocation, where a source's own problem has one: the theory's demand on it.
    sizes_matched : ndarray, or None
        Size of each member of `correlations`, where they are not one per size.
    threshold : float
        Correlation at which all of them clear their nulls; NaN if unknown.
    nulls : dict of str to ndarray
        Raw counts (``raw``) and those of each null, as `rosettalaw.validation.verdict.verdict` takes them.
    chance : bool
        Whether it is a null, whose pairs are met by chance and so scatter as Poisson's counts do.
    shared : bool
        Whether repeats at one size share networks, as pairs out of few seeds of one kind do.
    own, own_sd : ndarray, shape (n,), or None
        Counts above each size's own ρ*, and their standard deviations, where known.
    thresholds : ndarray, shape (n,), or None
        Each size's own ρ*; NaN where nothing clears the nulls.
    seeds : tuple of two ndarray, shape (n,), or None
        Seeds of training of both networks, where pairs of networks of one size differ in them.
    reference : bool
        Whether it comes with the package, to be compared with.
    """

    name: str
    source: str
    neurons: np.ndarray
    counts: np.ndarray
    sd: np.ndarray | None = None
    correlations: tuple[np.ndarray, ...] | None = None
    threshold: float = np.nan
    nulls: dict[str, np.ndarray] = field(default_factory=dict)
    profiles: tuple[Profile, ...] | None = None
    optimum: tuple[Profile, ...] | None = None
    sizes_matched: np.ndarray | None = None
    chance: bool = False
    shared: bool = False
    reference: bool = False
    own: np.ndarray | None = None
    own_sd: np.ndarray | None = None
    thresholds: np.ndarray | None = None
    seeds: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def calibrated(self) -> bool:
        """True for counts of pairs above a threshold that nulls set, so that a zero says: nothing exceeds them."""
        return self.source in CALIBRATED

    def clean(self) -> Counts:
        """Return the counts as the fits take them."""
        data = clean(self.neurons, self.counts, self.sd)
        return data.one_a_size() if self.shared else data

    def triangle(self, attenuated: bool = False) -> Triangle | None:
        """Return the triangle of exponents; None where neither correlations nor profiles are known."""
        from .triangle import measure_triangle, triangle_of

        if self.profiles is not None:
            if attenuated:
                return None
            best = None if self.optimum is None else triangle_of(self.neurons, self.optimum, self.threshold)
            return triangle_of(self.neurons, self.profiles, self.threshold, optimum=best)
        if self.correlations is None:
            return None
        sizes = self.neurons if self.sizes_matched is None else self.sizes_matched
        threshold = self.threshold if np.isfinite(self.threshold) else None
        return measure_triangle(sizes, self.correlations, threshold, attenuated, shared=self.shared)
