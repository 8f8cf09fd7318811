"""Counts over sizes from any source, in one shape: the paper, simulations, ladders trained here, a user's files.

A series carries what its source has: counts always, and correlations of the matched pairs and null counts where a
measurement made them. Everything that compares sources starts here; `rosettalaw.validation.series_from` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import check, is_list
from ..contents import ByContent
from ..errors import UnknownNameError, require
from .counts import RULES, Counts, clean, columns, deviations, usable
from .inputs import correlations_of, numbers, require_all

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
EXAMPLE = "Series(name='mine', source='counts', neurons=[256, 512, 1024], counts=[12, 19, 31])"
CALIBRATED = ("language", "vision", "ladder")  # sources whose zeros say that nothing exceeds the nulls


@dataclass(frozen=True, eq=False)
class Series(ByContent):
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

    Raises
    ------
    InputError, UnknownNameError
        If a block has another length than there are sizes, or a number cannot be used, as `clean` has it.
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

    def __post_init__(self):
        for name in ("name", "source", "threshold", "chance", "shared", "reference"):
            check(name, getattr(self, name), type(self).__annotations__[name], __name__, EXAMPLE)
        check("nulls", self.nulls, "Mapping", __name__, EXAMPLE)
        if self.source not in SOURCES:
            raise UnknownNameError("source", self.source, SOURCES)
        neurons, counts, sd = columns(self.neurons, self.counts, self.sd, EXAMPLE, ("neurons", "counts", "sd"))
        own = None if self.own is None else self._per_size("own", neurons)
        if own is not None:
            require_all(usable("count", own), "own", self.own, RULES["count"], EXAMPLE)
        known = np.isnan(self.threshold) or abs(self.threshold) <= 1
        require(known, "threshold", self.threshold, "must be a correlation, or NaN if it is unknown", EXAMPLE)
        vars(self).update(
            neurons=neurons,
            counts=counts,
            sd=sd,
            own=own,
            own_sd=None if self.own_sd is None else deviations("own_sd", self.own_sd, counts, EXAMPLE),
            thresholds=None if self.thresholds is None else self._per_size("thresholds", neurons),
            nulls={label: self._per_size(f"nulls[{label!r}]", neurons, one) for label, one in self.nulls.items()},
            sizes_matched=None if self.sizes_matched is None else self._sizes_matched(),
            profiles=self._profiles("profiles", neurons),
            optimum=self._profiles("optimum", neurons),
            seeds=self._seeds(neurons),
        )
        if self.correlations is not None:
            sizes = neurons if self.sizes_matched is None else self.sizes_matched
            rule = "must be numbers between -1 and 1"
            every = correlations_of(sizes, self.correlations, lambda rho: np.abs(rho) <= 1 + 1e-6, rule)
            vars(self)["correlations"] = tuple(every)

    def _per_size(self, name: str, neurons: np.ndarray, given: Any = None) -> np.ndarray:
        given = getattr(self, name) if given is None else given
        values = numbers(name, given, EXAMPLE)
        require(values.shape == neurons.shape, name, given, f"must have one per size, {neurons.size} in all", EXAMPLE)
        require_all(~(values < 0) & (values < np.inf) | np.isnan(values), name, given, "must be at least 0", EXAMPLE)
        return values

    def _sizes_matched(self) -> np.ndarray:
        sizes = numbers("sizes_matched", self.sizes_matched, EXAMPLE)
        require(sizes.ndim == 1, "sizes_matched", self.sizes_matched, "must be a list of sizes", EXAMPLE)
        require_all(usable("neurons", sizes), "sizes_matched", self.sizes_matched, RULES["neurons"], EXAMPLE)
        return sizes

    def _profiles(self, name: str, neurons: np.ndarray) -> tuple[Profile, ...] | None:
        given = getattr(self, name)
        if given is None:
            return None
        fits = is_list(given) and len(given) == neurons.size and all(hasattr(one, "mean_isolation") for one in given)
        require(fits, name, given, f"must be a list of a Profile per size, {neurons.size} in all", EXAMPLE)
        return tuple(given)

    def _seeds(self, neurons: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        if self.seeds is None:
            return None
        good = is_list(self.seeds) and len(self.seeds) == 2
        require(good, "seeds", self.seeds, "must be two lists, the seeds of either network", EXAMPLE)
        first, second = (self._per_size(f"seeds[{i}]", neurons, one) for i, one in enumerate(self.seeds))
        return first, second

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
