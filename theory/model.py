"""The whole model with any part exchanged: spectrum, utility, costs, budget law and number of features.

A `Model` is solved at given sizes over the arrays of its weights; `predictions` has the paper's own choice (power law,
logarithm, unit costs, κN) in closed form. The frontier is where isolation crosses τ between ranks,

    w(r_τ) U'(τ) = λ c(r_τ),

so ``d log r_τ = −d log λ / (β_loc + δ_loc)`` with ``β_loc = −d log w/d log r`` and ``δ_loc = d log c/d log r`` at r_τ,
and differentiating the budget at fixed A, ``d log B/d log λ = −Σ c_r T(s_r)/B`` with ``T = −U'/U''``. Together

    d log r_τ/d log N = θ B / [(β_loc + δ_loc)(r_τ) Σ_active c_r T(s_r)],      θ = d log B/d log N.

Logarithm and unit costs give ``T = 1 + s``, ``Σ T = B + n``: the local exponent of `predictions`. Where every feature
is active, those that come with N take ``A c_A s_A`` of ``dB/d log N = θB``. Where w depends on r/A the model is solved
again at nearby sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import check, checked
from ..errors import InputError, require
from ..results import dataset
from .allocation import Allocation, allocate, allocate_logs
from .budgets import Budget, Cost, LinearBudget, UnitCost
from .parameters import FEATURES_TOO_MANY, LEVEL, RULES, as_floats, as_number, positive, ranks_in_memory
from .power_law import JUST_BELOW
from .roots import root
from .spectra import DESCENDING, Spectrum, log_slope
from .utilities import Log, Utility

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike

EXAMPLE = "Model(PowerLaw(1.6)).predict([1024, 131072], tau=2)"
LOG, UNIT_COST, LINEAR_BUDGET = Log(), UnitCost(), LinearBudget(1.0)
PREFIX = 1 << 10  # ranks solved first; eight times as many while the last of them is active
MANY = 1 << 20  # ranks beyond which memory is looked at
BYTES_PLAIN, BYTES = 48, 200  # of a rank, while it is solved: for the logarithm and unit costs, for all others
CHECKED = 1 << 16  # ranks of a spectrum that are checked one by one, once; beyond them a few hundred


@dataclass(frozen=True)
class Model:
    """An allocation model.

    Attributes
    ----------
    spectrum, utility, cost, budget
        Members of the families in the modules of the same names.
    gamma : float
        Latent features per neuron; A = floor(γN).
    features : int, optional
        A itself, the same at every size; takes the place of `gamma`.
    """

    spectrum: Spectrum
    utility: Utility = LOG
    cost: Cost = UNIT_COST
    budget: Budget = LINEAR_BUDGET
    gamma: float = 4.0
    features: int | None = None

    def __post_init__(self):
        for name, kind in [("spectrum", Spectrum), ("utility", Utility), ("cost", Cost), ("budget", Budget)]:
            value = getattr(self, name)
            require(isinstance(value, kind), name, value, f"must be a {kind.__name__}", EXAMPLE)
        for name, kind in [("gamma", "float"), ("features", "int | None")]:
            check(name, getattr(self, name), kind, __name__, EXAMPLE)
        require(0 < self.gamma < np.inf, "gamma", self.gamma, "must be finite and greater than 0", EXAMPLE)
        require(self.features is None or self.features >= 1, "features", self.features, "must be at least 1", EXAMPLE)

    def features_at(self, neurons: float) -> int:
        """Return A."""
        neurons = as_number("neurons", neurons, positive, RULES["neurons"], EXAMPLE)
        return self.features if self.features is not None else int(self.gamma * neurons)

    def allocate(self, neurons: float) -> Allocation:
        """Return the optimum over the smallest prefix of ranks that certainly holds every active feature.

        Raises
        ------
        InputError
            If `neurons` is not positive, A = γN is less than 1, or more features have isolation than memory holds.
        """
        neurons = as_number("neurons", neurons, positive, RULES["neurons"])
        features = self.features_at(neurons)
        require(features >= 1, "gamma", self.gamma, "leaves no feature: gamma * neurons must be at least 1", EXAMPLE)
        budget, place = float(self.budget.total(neurons)), f"{type(self.budget).__name__}.total({neurons:g})"
        require(0 < budget < np.inf, place, budget, "must be finite and greater than 0", "LinearBudget(1.0)")
        self._require_descent(features)
        upto = min(PREFIX, features)
        while True:
            allocation = self._allocate(features, upto, budget)
            if upto == features or allocation.isolation[-1] == 0:
                return allocation
            upto = self._further(upto, features, neurons)

    def _further(self, upto: int, features: int, neurons: float) -> int:
        """Return the next longer prefix: as many ranks as memory holds, or raise where it holds no more of them."""
        further = min(8 * upto, features)
        if further > MANY:
            plain = self.utility == LOG and self.cost == UNIT_COST
            further = min(further, int(ranks_in_memory(BYTES_PLAIN if plain else BYTES)))
        rule = f"{FEATURES_TOO_MANY} ({upto:.3g} were tried); take fewer features, or the closed form of a power law"
        require(
            further > upto, "neurons", neurons, rule, "Model(PowerLaw(1.6), features=100_000), or predict(1e15, 1.6)"
        )
        return further

    def _allocate(self, features: int, upto: int, budget: float) -> Allocation:
        rank = np.arange(1.0, upto + 1.0)
        weights = np.asarray(self.spectrum.weights(features, upto), dtype=float)
        costs = None if self.cost == UNIT_COST else np.asarray(self.cost.at(rank), dtype=float)
        if self.utility == LOG:
            return allocate(weights, budget, self.utility, costs)
        return allocate_logs(weights, self.spectrum.log_at(rank, features), budget, self.utility, costs)

    def _require_descent(self, features: int) -> None:
        """Raise unless w/c is a number that never rises: over the first ranks, and at ranks spread over the others."""
        if type(self.spectrum) in DESCENDING and type(self.cost) is UnitCost:
            return
        first = features if self.spectrum.quantiles else min(features, CHECKED)
        try:
            _check_first_ranks(self.spectrum, self.cost, first)
        except TypeError:  # a part that has no hash
            _check_first_ranks.__wrapped__(self.spectrum, self.cost, first)
        if features > CHECKED:
            _check_descent(self.spectrum, self.cost, np.geomspace(CHECKED, float(features), 256).round(), features)

    @checked(EXAMPLE, "sensitivities")
    def predict(self, neurons: ArrayLike, tau: float = 1.0, sensitivities: bool = False) -> xr.Dataset:
        """Predict what `rosettalaw.theory.predict` does, along the dimension ``neurons``.

        `sensitivities` adds the derivatives of log r_τ with respect to β, log κ, log τ and log N, in closed form
        (`rosettalaw.theory.model_sensitivities`); that with β is NaN where the spectrum has no parameter ``beta``.

        ``asymptotic_exponent`` is left out: it depends on the families; `rosettalaw.testing.extrapolate` finds it, with
        an error. Every point is an optimum by its certificate, or refused; ``status`` is 0, as for the solved points of
        `sweep`. Where rank 1 does not reach τ and the spectrum is level there, as a log-quadratic one is, r_τ is 0 and
        the local exponent NaN; ``attrs["note"]`` then says so.

        Raises
        ------
        InputError
            For sizes and thresholds that are not positive, and where no optimum is found, with the reason: a utility
            that is not concave or jumps, a spectrum that rises.
        """
        sizes = np.atleast_1d(as_floats("neurons", neurons, EXAMPLE))
        require(
            sizes.ndim == 1 and sizes.size > 0, "neurons", sizes, "must be a number or a 1-D array, not empty", EXAMPLE
        )
        tau = as_number("tau", tau, positive, RULES["tau"])
        rows = [self.quantities(self.allocate(size), float(size), float(tau), sensitivities) for size in sizes.tolist()]
        variables = {name: ("neurons", np.array([row[name] for row in rows])) for name in rows[0]}
        coords = {"neurons": ("neurons", sizes), "tau": float(tau), "gamma": self.gamma}
        note = {"note": LEVEL} if any(row["r_tau"] == 0 for row in rows) else {}
        return dataset("prediction", variables, coords, model=repr(self), limit="discrete", **note)

    def frontier(self, neurons: float, tau: float = 1.0) -> float:
        """Return the real-valued frontier r_τ, at most A; below 1 where not even rank 1 reaches τ."""
        tau = as_number("tau", tau, positive, RULES["tau"])
        return self._frontier(self.allocate(neurons), float(neurons), tau)

    @checked(EXAMPLE, "sensitivities")
    def sweep(
        self,
        neurons: ArrayLike,
        tau: ArrayLike = 1.0,
        memory: float | None = None,
        sensitivities: bool = False,
        **parameters: ArrayLike,
    ) -> xr.Dataset:
        """Predict on the outer product of sizes, thresholds and any parameters of the model's parts.

        Parameters
        ----------
        neurons, tau : float, 1-D array_like or Range
            As for `rosettalaw.theory.sweep`.
        memory : float, optional
            Bytes that the sweep may take; beyond them the variables are dask arrays, solved when they are computed.
        sensitivities : bool
            Whether to add the derivatives that `predict` gives.
        **parameters : float, 1-D array_like or Range
            Fields of the spectrum, utility, cost and budget by their names (``beta``, ``eta``, ``kappa`` ...), or
            ``gamma`` or ``features``. Where two parts have one name: ``spectrum_scale``, ``utility_scale``.

        Returns
        -------
        xarray.Dataset
            The variables of `predict`, and ``status``: 0 where the point was solved, 1 for a value outside its range, 3
            for no feature, 4 for no optimum, 5 for more features with isolation than the free memory holds. Every
            parameter of the model is a coordinate. ``to_dataframe()`` as for `rosettalaw.theory.sweep`.

        Examples
        --------
        >>> from rosettalaw.theory import CRRA, PowerLaw
        >>> grid = Model(PowerLaw(1.6), CRRA(1.0)).sweep([1e3, 1e5], beta=[1.3, 1.6], eta=[0.5, 1.0])
        >>> grid["count"].sel(beta=1.6, eta=1.0).values.tolist()
        [31.0, 522.0]
        """
        from .model_sweeps import sweep_model

        return sweep_model(self, {"neurons": neurons, "tau": tau, **parameters}, memory, sensitivities)

    def _frontier(self, allocation: Allocation, neurons: float, tau: float) -> float:
        count = float(allocation.count(tau))  # decides where rounding might: r_τ lies from that rank up to the next
        return max(min(self._crossing(allocation, neurons, tau), (count + 1.0) * JUST_BELOW), count)

    def _crossing(self, allocation: Allocation, neurons: float, tau: float) -> float:
        """Return where w(r) U'(τ) = λ c(r)."""
        features = self.features_at(neurons)
        floor = float(self.utility.log_marginal(np.array(tau))) - allocation.log_level  # of log w/c at r_τ

        def worth(log_rank: float) -> float:
            rank = np.exp(np.array([log_rank]))
            weight = self.spectrum.log_at(rank, features) - np.log(self.cost.at(rank))
            return max(float(weight[0]), -1e300) + floor

        if worth(0.0) <= 0:  # below rank 1 the spectrum continues as the power law that it is there
            steepness = self.spectrum.exponent(1.0, features) + log_slope(self.cost.at, 1.0)
            return 1.0 if worth(0.0) == 0 else float(np.exp(worth(0.0) / steepness)) if steepness > 0 else 0.0
        last, count = float(np.log(float(features))), allocation.count(tau)
        if worth(last) >= 0:
            return float(features)
        low, high = np.log(max(count, 1)), np.log(count + 1)
        if not worth(low) > 0 > worth(high):  # a rank at τ up to rounding, or several
            return float(np.exp(root(worth, 0.0, last)))
        return float(np.exp(root(worth, float(low), float(high))))

    @checked("model.quantities(model.allocate(1e4), 1e4, tau=1.0)")
    def quantities(
        self, allocation: Allocation, neurons: float, tau: float, sensitivities: bool = False
    ) -> dict[str, float]:
        """Return the prediction of `predict` for one size, given the allocation there."""
        neurons = as_number("neurons", neurons, positive, RULES["neurons"], EXAMPLE)
        tau = as_number("tau", tau, positive, RULES["tau"], EXAMPLE)
        r_tau, count = self._frontier(allocation, neurons, tau), allocation.count(tau)
        reached = allocation.reached(tau)
        inside, tail = (float(np.sum(allocation.isolation[which])) for which in (reached, ~reached))
        others = neurons - count
        local = self._local_exponent(allocation, neurons, tau, r_tau)
        values = {
            "active": allocation.active,
            "r_tau": r_tau,
            "count": count,
            "mean_isolation": inside / count if count else np.nan,
            "tail_mass": tail,
            "isolation_per_non_rosetta": tail / others if others > 0 else np.nan,
            "local_exponent": local,
            "status": 0,
        }
        if sensitivities:
            from .model_sensitivities import model_sensitivities

            values |= model_sensitivities(self, allocation, neurons, tau, r_tau, local)
        return values

    def _local_exponent(self, allocation: Allocation, neurons: float, tau: float, r_tau: float) -> float:
        features = self.features_at(neurons)
        if not r_tau > 0:
            return np.nan
        if r_tau >= features:
            return 0.0 if self.features is not None else 1.0
        if self.features is None and self.spectrum.quantiles:  # w itself moves with A
            h = max(1e-3, min(10 / neurons, 0.5))  # over several steps of A where there are several
            ends = max(neurons * np.exp(-h), 1 / self.gamma), neurons * np.exp(h)
            r = [self.frontier(size, tau) for size in ends]
            return float(np.log(r[1] / r[0]) / np.log(ends[1] / ends[0])) if r[0] > 0 else np.nan
        active = allocation.isolation > 0
        costs = np.ones(1) if allocation.costs is None else allocation.costs[active]
        response = float(np.sum(costs * self.utility.tolerance(allocation.isolation[active])))
        added = log_slope(self.budget.total, neurons) * float(self.budget.total(neurons))  # dB/d log N
        if self.features is None and allocation.active == features:
            added -= float(features * costs[-1] * allocation.isolation[-1])
        rank = max(r_tau, 1.0)
        steepness = self.spectrum.exponent(rank, features) + log_slope(self.cost.at, rank)
        return added / (steepness * response) if steepness > 0 else 0.0  # on level ground r_τ waits, then jumps


@lru_cache(maxsize=256)
def _check_first_ranks(spectrum: Spectrum, cost: Cost, features: int) -> None:
    _check_descent(spectrum, cost, np.arange(1.0, min(features, CHECKED) + 1), features)


def _check_descent(spectrum: Spectrum, cost: Cost, rank: np.ndarray, features: int) -> None:
    with np.errstate(divide="ignore", invalid="ignore"):  # NaN is refused below
        log_w, c = np.asarray(spectrum.log_at(rank, features)), np.asarray(cost.at(rank))
    wrong = np.flatnonzero(~((c > 0) & (c < np.inf)))
    if wrong.size:
        value, at = c[wrong[0]], f"{rank[wrong[0]]:.0f}"
        raise InputError(f"{cost}.at({at})", value, "must be finite and greater than 0 at every rank", "PowerCost(0.5)")
    kind, worth = repr(spectrum), log_w - np.log(c)
    numbers = bool((log_w < np.inf).all()) and not np.isnan(worth).any()
    require(numbers, "spectrum", kind, "must be a number of at least 0 at every rank", EXAMPLE)
    with np.errstate(invalid="ignore"):
        rises = np.flatnonzero(np.diff(worth) > 1e-12 * (1 + np.abs(worth[1:])))
    if rises.size:
        rule = f"importance over cost must not rise with rank; it does beyond rank {rank[rises[0]]:.0f}"
        raise InputError("spectrum", kind, rule, "allocate(weights, budget), which accepts any order")
