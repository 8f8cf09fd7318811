"""The theory fitted to everything at once: counts, isolation, tail and ranked correlations, for β, κ, τ and a scale.

Counts alone fix β and κ/(1+τ) (`rosettalaw.validation.theory_fit`). What each further observable adds, with
``r0 = r_τ (1+τ)^(1/β)`` and R = r_τ − ½ at each size N:

    counts         log R
    isolation      log( c · ⟨s⟩ ),   ⟨s⟩ = (r0^β H_R(β) − R)/R         (Eqs. 14, 25; c is the scale of a proxy)
    tail           log( c · (κN − R⟨s⟩)/(N − R) )                         (Eq. 32; the same c)
    correlations   log(1 − ρ_(r)) = β (log r − log r0)                    (Eqs. 14, 62; free of any scale)

H_R(β) = Σ_{r≤R} r^−β, at real R by the Hurwitz zeta function. Isolation and tail together give κ and c from
``c(R⟨s⟩ + tail) = cκN`` and the ratio of tail to count; correlations give β and r0, hence κ, from one size; τ follows
from the counts.

The blocks have different errors: one standard deviation (of the logarithm) a block is stated, or estimated by
reweighting until it stays, each block with its own degrees of freedom (its length less its share of the hat matrix).
Sorting makes the residuals of correlations smoother than the errors were, which naive residuals would take for
precision: their error is estimated from means of `BATCH` consecutive ranks, where sorting changes nothing. Intervals
are χ² for stated errors, and F with the freedom of the smallest estimated block otherwise: wide for six sizes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import lmfit
import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from ..errors import UnknownNameError, require
from ..theory import frontier
from . import theory_fit
from .counts import clean
from .identifiability import Identifiability, identify
from .theory_fit import BETA_RANGE, FLOOR, GAMMA, profile_interval

BLOCKS = ("counts", "isolation", "tail", "correlations")
LIMITS = {"beta": BETA_RANGE, "log_kappa": (-14.0, 14.0), "log_threshold": (0.02, 9.0), "log_scale": (-25.0, 25.0)}
WORDS = {"beta": "β", "log_kappa": "log κ", "log_threshold": "log(1+τ)", "log_scale": "log scale"}
TINY = 1e-12
BATCH = 16
REWEIGHINGS = 20


@dataclass(frozen=True)
class Observations:
    """What was measured on a ladder of sizes; every block but the counts may be absent.

    Attributes
    ----------
    neurons, counts : array_like, shape (n,)
        N and R > 0.
    isolation : sequence of float, shape (n,), optional
        Mean isolation of the matched neurons, up to a scale common to all sizes.
    tail : sequence of float, shape (n,), optional
        Mean isolation of the other neurons, in the same units.
    correlations : sequence of sequences, optional
        For each size, the correlations of its matched pairs.
    sd : mapping of str to float
        Standard deviation of the logarithm of each block's numbers (of ``log(1 − ρ)`` for correlations); a block that
        is missing here has it estimated.
    """

    neurons: ArrayLike
    counts: ArrayLike
    isolation: Sequence[float] | None = None
    tail: Sequence[float] | None = None
    correlations: Sequence[Sequence[float]] | None = None
    sd: Mapping[str, float] = field(default_factory=dict)

    def logarithms(self) -> dict[str, np.ndarray]:
        """Return each measured block as the logarithms that are fitted (NaN or infinite where there is none)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            blocks = {
                name: np.log(np.asarray(getattr(self, name), dtype=float))
                for name in ("counts", "isolation", "tail")
                if getattr(self, name) is not None
            }
            if self.correlations is not None:
                ranked = [np.sort(np.asarray(rho, dtype=float))[::-1] for rho in self.correlations]
                blocks["correlations"] = np.log1p(-np.minimum(np.concatenate(ranked), 1 - 1e-9))
        return blocks


class JointStatus(StrEnum):
    """What a reader must know about a joint fit, in words."""

    OK = "ok"
    AT_LIMIT = "β is at its lower limit 1: the theory (β > 1) does not describe these data together"


@dataclass(frozen=True)
class JointFit:
    """The theory fitted to all observables together.

    Attributes
    ----------
    beta, kappa, tau, scale : float
        β, κ, τ and the scale c of the isolation proxy (1 if there is none).
    values : dict of str to float
        The fitted parameters as searched: ``beta, log_kappa, log_threshold`` (log(1+τ)) and ``log_scale``.
    stderr : dict of str to float
        Standard errors from the curvature at the minimum; honest only for directions that are identified.
    sd : dict of str to float
        Standard deviation of each block that the fit used or found.
    chi2 : float
        Sum of squared residuals in units of `sd`.
    freedom : float
        Degrees of freedom behind the least known error; infinite if all were stated.
    residual_freedom : int
        Numbers fitted less parameters, what `chi2` is to be compared with.
    identifiability : Identifiability
        Fisher information, its condition number, and the sloppy direction in words.
    residuals : dict of str to ndarray
        Of each block's logarithms.
    status : JointStatus
        "ok", or what is wrong.
    """

    beta: float
    kappa: float
    tau: float
    scale: float
    values: dict[str, float]
    stderr: dict[str, float]
    sd: dict[str, float]
    chi2: float
    freedom: float
    residual_freedom: int
    identifiability: Identifiability
    residuals: dict[str, np.ndarray]
    status: JointStatus
    _problem: _Problem = field(repr=False, compare=False)

    def interval(self, name: str) -> tuple[float, float]:
        """Return the 95% profile-likelihood interval of one parameter (an end at its limit is not found)."""
        if name not in self.values:
            raise UnknownNameError("parameter", name, self.values)
        allowed = self.chi2 + float(stats.t.ppf(0.975, self.freedom)) ** 2
        return profile_interval(self._problem.profile(self.values, name), self.values[name], allowed, LIMITS[name])

    def record(self) -> dict[str, Any]:
        """Return estimates, profile intervals and identifiability as plain values."""
        intervals = {name: self.interval(name) for name in self.values}
        ends = {name: intervals[name] for name in intervals if name != "beta"}
        return {
            "beta": self.beta,
            "beta_ci95": intervals["beta"],
            "kappa": self.kappa,
            "tau": self.tau,
            **{f"{name}_ci95": end for name, end in ends.items()},
            "chi2": self.chi2,
            "residual_freedom": self.residual_freedom,
            "identifiability": self.identifiability.sentence,
            "condition": self.identifiability.condition,
            "status": str(self.status),
        }

    def rise(self, name: str, values: ArrayLike) -> np.ndarray:
        """Return the rise of χ² over its minimum at values of one parameter, all others refitted at each."""
        if name not in self.values:
            raise UnknownNameError("parameter", name, self.values)
        squares = self._problem.profile(self.values, name)
        return np.array([squares(float(value)) for value in np.asarray(values)]) - self.chi2

    def sample(self, steps: int = 2000, walkers: int = 32, seed: int = 0) -> Any:
        """Draw from the posterior with emcee (flat priors within the limits); return a DataFrame of draws."""
        fitted = self._problem.parameters(self.values)
        minimizer = lmfit.Minimizer(self._problem.residuals, fitted)
        start = [[self.values[name] for name in self.values]]
        spread = [max(min(self.stderr.get(name, 0.1), 0.3), 1e-4) for name in self.values]
        rng = np.random.default_rng(seed)
        lows, highs = np.array([LIMITS[name] for name in self.values]).T
        at = np.clip(start + rng.normal(0, spread, (walkers, len(spread))), lows + 1e-6, highs - 1e-6)
        with redirect_stdout(sys.stderr):  # lmfit prints a warning about short chains
            result: Any = minimizer.emcee(
                steps=steps,
                burn=steps // 4,
                thin=5,
                nwalkers=walkers,
                pos=at,
                is_weighted=True,
                progress=False,
                seed=seed,
            )
        return result.flatchain

    def quantiles(self, steps: int, seed: int = 0) -> dict[str, tuple[float, float]]:
        """Return the central 95% of each parameter's posterior."""
        chain = self.sample(steps, seed=seed)
        return {name: tuple(np.quantile(chain[name], [0.025, 0.975]).tolist()) for name in self.values}


def fit_jointly(observed: Observations, gamma: float = GAMMA) -> JointFit:
    """Fit β, κ, τ and a scale to all that was observed; the module's head states the model.

    Raises
    ------
    InputError
        If counts cannot be used, or another block is not positive or has another length.
    """
    data = clean(observed.neurons, observed.counts)
    require(len(data) == np.size(observed.neurons), "counts", observed.counts, "must all be positive in a joint fit")
    for name in ("isolation", "tail", "correlations"):
        block = getattr(observed, name)
        require(
            block is None or len(block) == len(data), name, block, f"must have one entry a size, {len(data)} in all"
        )
    for name, block in observed.logarithms().items():
        require(
            bool(np.all(np.isfinite(block))), name, np.exp(block), "must be positive numbers (correlations below 1)"
        )
    unknown = set(observed.sd) - set(BLOCKS)
    if unknown:
        raise UnknownNameError("block", unknown.pop(), BLOCKS)

    start = theory_fit.fit_clean(data, tau=1.0, gamma=gamma)
    problem = _Problem(observed, gamma)
    beta = start.beta if np.isfinite(start.beta) else 1.5
    budget = np.log(start.budget_over_threshold) if np.isfinite(start.budget_over_threshold) else 0.0
    best = min(
        (problem.least(problem.first_guess(beta, budget, at)) for at in (0.4, 1.0, 2.5)), key=lambda fit: fit.chisqr
    )
    settled, rounds = False, 0
    while not settled and rounds < REWEIGHINGS:
        settled, rounds = not problem.reweigh(best), rounds + 1
        best = problem.least(best.params)  # also when settled: χ² belongs to the errors that are kept
    values = {name: float(best.params[name].value) for name in best.var_names}
    every = {name: float(best.params[name].value) for name in LIMITS}
    told = identify(problem.jacobian(values), list(values), WORDS)
    return JointFit(
        beta=every["beta"],
        kappa=float(np.exp(every["log_kappa"])),
        tau=float(np.expm1(every["log_threshold"])),
        scale=float(np.exp(every["log_scale"])),
        values=values,
        stderr=dict(zip(values, told.stderr.tolist(), strict=True)),
        sd=dict(problem.sd),
        chi2=float(best.chisqr),
        freedom=problem.weakest(values),
        residual_freedom=int(best.nfree),
        identifiability=told,
        residuals=problem.split(best.params),
        status=JointStatus.AT_LIMIT if every["beta"] < BETA_RANGE[0] + 1e-3 else JointStatus.OK,
        _problem=problem,
    )


class _Problem:
    """Residuals of one set of observations, and the searches over them."""

    def __init__(self, observed: Observations, gamma: float):
        self.neurons = np.asarray(observed.neurons, dtype=float)
        self.gamma = gamma
        self.measured = observed.logarithms()
        lengths = [len(rho) for rho in observed.correlations] if observed.correlations is not None else []
        self.rung = np.repeat(np.arange(len(lengths)), lengths)
        starts = np.cumsum([0, *(-(-k // BATCH) for k in lengths)])
        self.batch = np.concatenate(
            [start + np.arange(k) // BATCH for start, k in zip(starts, lengths, strict=False)] or [[]]
        )
        self.batch = self.batch.astype(int)
        self.log_rank = np.log(np.concatenate([np.arange(1, k + 1) for k in lengths] or [np.ones(0)]))
        self.stated = set(observed.sd)
        self.sd = {name: float(observed.sd.get(name, 0.1)) for name in self.measured}
        self.scaled = "isolation" in self.measured or "tail" in self.measured

    def predicted(self, beta: float, log_kappa: float, log_threshold: float, log_scale: float) -> dict[str, np.ndarray]:
        """Return the logarithm of every block that was measured."""
        kappa, tau = np.exp(log_kappa), np.expm1(log_threshold)
        r_tau = np.asarray(frontier(self.neurons, beta, kappa, tau, self.gamma), dtype=float)
        count = np.maximum(r_tau - 0.5, FLOOR)
        log_r0 = np.log(r_tau) + log_threshold / beta
        harmonic = special.zeta(beta) - special.zeta(beta, count + 1)
        inside = np.maximum(np.exp(beta * log_r0) * harmonic - count, TINY)
        blocks = {"counts": np.log(count)}
        if "isolation" in self.measured:
            blocks["isolation"] = log_scale + np.log(inside / count)
        if "tail" in self.measured:
            outside = np.maximum(kappa * self.neurons - inside, TINY)
            blocks["tail"] = log_scale + np.log(outside / np.maximum(self.neurons - count, 1.0))
        if "correlations" in self.measured:
            blocks["correlations"] = beta * (self.log_rank - log_r0[self.rung])
        return blocks

    def split(self, parameters: lmfit.Parameters) -> dict[str, np.ndarray]:
        predicted = self.predicted(**{name: parameters[name].value for name in LIMITS})
        return {name: self.measured[name] - predicted[name] for name in self.measured}

    def residuals(self, parameters: lmfit.Parameters) -> np.ndarray:
        return np.concatenate([block / self.sd[name] for name, block in self.split(parameters).items()])

    def parameters(self, values: Mapping[str, float], fixed: str = "") -> lmfit.Parameters:
        made = lmfit.Parameters()
        for name, (low, high) in LIMITS.items():
            value = float(np.clip(values.get(name, 0.0), low, high))
            made.add(name, value, min=low, max=high, vary=name in values and name != fixed)
        return made

    def first_guess(self, beta: float, log_budget: float, log_threshold: float) -> lmfit.Parameters:
        values = {"beta": beta, "log_kappa": log_budget + log_threshold, "log_threshold": log_threshold}
        if self.scaled:
            values["log_scale"] = 0.0
            block = "isolation" if "isolation" in self.measured else "tail"
            values["log_scale"] = float(np.mean(self.measured[block] - self.predicted(**values)[block]))
        return self.parameters(values)

    def least(self, parameters: lmfit.Parameters) -> Any:
        return lmfit.minimize(self.residuals, parameters, method="least_squares", calc_covar=False, x_scale="jac")

    def reweigh(self, fit: Any) -> bool:
        """Set the standard deviations that were not stated to what the fit finds; return whether any moved by 1%."""
        freedoms = self.freedoms({name: fit.params[name].value for name in fit.var_names})
        moved = False
        for name, block in self.split(fit.params).items():
            if name not in self.stated:
                if name == "correlations":
                    block = np.bincount(self.batch, block) / np.sqrt(np.bincount(self.batch))
                found = float(np.sqrt(block @ block / max(freedoms[name], 0.5))) + 1e-9
                moved |= abs(np.log(found / self.sd[name])) > 0.01
                self.sd[name] = found
        return moved

    def freedoms(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return each block's degrees of freedom: its length (in batches) less its share of the hat matrix's trace."""
        leverage = np.sum(np.linalg.svd(self.jacobian(values), full_matrices=False)[0] ** 2, axis=1)
        ends = np.cumsum([len(block) for block in self.measured.values()])
        shares = dict(zip(self.measured, np.split(leverage, ends[:-1]), strict=True))
        lengths = {name: len(share) for name, share in shares.items()}
        if "correlations" in lengths:
            lengths["correlations"] = int(self.batch.max()) + 1
        return {name: lengths[name] - float(share.sum()) for name, share in shares.items()}

    def weakest(self, values: Mapping[str, float]) -> float:
        """Return the degrees of freedom of the smallest block whose error was estimated."""
        estimated = [freedom for name, freedom in self.freedoms(values).items() if name not in self.stated]
        return max(min(estimated, default=np.inf), 1.0)

    def profile(self, values: Mapping[str, float], name: str):
        """Return χ² as a function of one parameter, the others at their best."""

        def squares(value: float) -> float:
            return float(self.least(self.parameters({**values, name: value}, fixed=name)).chisqr)

        return squares

    def jacobian(self, values: Mapping[str, float]) -> np.ndarray:
        """Return the derivatives of the residuals by central differences."""
        columns = []
        for name, value in values.items():
            step = 1e-4
            ends = [self.residuals(self.parameters({**values, name: value + sign * step})) for sign in (1, -1)]
            columns.append((ends[0] - ends[1]) / (2 * step))
        return np.stack(columns, axis=1)


def misfit(fit: JointFit) -> float:
    """Return the p-value of χ² at the stated errors: if small, the theory does not hold for all blocks at once."""
    return float(stats.chi2.sf(fit.chi2, fit.residual_freedom))
