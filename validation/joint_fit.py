"""The theory fitted to everything at once: counts, isolation, tail and ranked correlations, for β, κ, τ and a scale.

Counts alone fix β and κ/(1+τ) (`rosettalaw.validation.theory_fit`). What each further observable adds, with
``r0 = r_τ (1+τ)^(1/β)`` at each size N:

    counts         log R,   R = r_τ − ½ in the mean
    isolation      log( c · ⟨s⟩ ),   ⟨s⟩ = (r0^β H_R(β) − R)/R         (Eqs. 14, 25; c is the scale of a proxy)
    tail           log( c · (κN − R⟨s⟩)/(N − R) )                         (Eq. 32; the same c)
    correlations   log(1 − ρ_(r)) = β (log r − log r0)                    (Eqs. 14, 62; free of any scale)

H_R(β) = Σ_{r≤R} r^−β, by the Hurwitz zeta function where counts are not whole. Isolation and tail together give κ and
c from ``c(R⟨s⟩ + tail) = cκN`` and the ratio of tail to count; correlations give β and r0, hence κ, from one size; τ
follows from the counts.

A feature at the frontier that is matched by chance raises the count, and lowers mean isolation and tail: predicted from
r_τ, the three would err as one (in simulated ladders their errors correlate with ∓1.00) and be counted as three.
Isolation and tail are therefore predicted for the R that was measured, by the chain rule of probability

    p(R, ⟨s⟩, tail, ρ) = p(R) · p(⟨s⟩ | R) · p(tail | R) · p(ρ | R)

so that what is left of their errors is their own, and τ acts on the count alone.

Intervals
---------
The blocks have different errors σ_k; those that are not stated are estimated from their own ν_k residual degrees of
freedom (`rosettalaw.validation.joint_problem`). With ``F_k`` a block's Fisher information and ``Φ = (Σ F_k)^-1``, the
share of block k in a parameter's variance is ``w_k = (Φ F_k Φ)_pp/Φ_pp``. Estimated errors weight too well what
happens to fit well; Kenward and Roger's (1997) correction, in one dimension Meier's (1953), enlarges the variance to

    Φ + 4 Σ_k (Φ F_k Φ − Φ F_k Φ F_k Φ)/ν_k           with        1/ν = Σ_k w_k²/ν_k      (Satterthwaite)

degrees of freedom. The interval holds what raises χ² by at most ``t²_ν(97.5%)`` times that enlargement. Stated errors
have infinite ν_k, which leaves Wilks's 3.84. With fewer than `ROUGH` degrees of freedom the approximation shows, and
the status says so.

Measured on simulated ladders of 3, 4, 6 and 8 sizes over 1000 and 10 000 inputs, with every error estimated, at one
truth as at truths of their own: the intervals of all parameters hold theirs in 92 to 98% of 200 to 800 ladders. Without
correlations, where nine or twelve numbers of three or four sizes estimate four parameters and three errors, it is 97 to
99%. Errors of isolation and tail that fan out e-fold over the sizes leave 90% (stated number by number, 95%); the
residuals of six sizes show that one time in five only, and the status then says so.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from ..errors import UnknownNameError, require
from ..lazy import deferred
from .counts import clean
from .identifiability import Identifiability, identify, undetermined
from .joint_problem import LIMITS, JointProblem
from .observations import Observations
from .parameters import Parameter, lines, table
from .profile_interval import profile_interval
from .theory_fit import BETA_RANGE, GAMMA, budget_at

lmfit: Any = deferred("lmfit")  # a second, and pandas

if TYPE_CHECKING:
    import pandas as pd

ROUGH = 3  # degrees of freedom
UNEVEN = 0.05  # p-value below which the status names unequal errors
SHORT = "rough: the chain is shorter than 50 of its autocorrelation times; draw more steps"
PLAIN = {"kappa": ("log_kappa", np.exp), "tau": ("log_threshold", np.expm1), "scale": ("log_scale", np.exp)}
WORDS = {"beta": "β", "log_kappa": "log κ", "log_threshold": "log(1+τ)", "log_scale": "log scale"}


class JointStatus(StrEnum):
    """Warnings of a joint fit, in words."""

    OK = "ok"
    ROUGH = "ok, but so few numbers estimate their own errors that intervals are rough: measure more sizes or state sd"
    EXACT = "ok, but isolation or tail are met to within one rank, which is taken as their error: intervals are wide"
    UNEVEN = "ok, but isolation or tail seem to err more at some sizes than at others: state their sd number by number"
    MET = "not determined: no more numbers than parameters, which are met exactly; there are no intervals"
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
        Standard errors from the curvature at the minimum, enlarged for estimated errors; honest only for directions
        that are identified.
    sd : dict of str to ndarray
        Standard deviation of each block's numbers that the fit used or estimated.
    chi2 : float
        Sum of squared residuals in units of `sd`: what intervals are measured from. It is no test of the fit, since
        residuals of sorted correlations are smoother than their errors; `misfit_p` is.
    freedom : dict of str to float
        Degrees of freedom behind each parameter's variance; infinite if all errors were stated.
    enlargement : dict of str to float
        Factor on each parameter's variance for errors that were estimated; 1 if all were stated.
    misfit_p : float
        p-value of the blocks whose errors were stated: if small, the theory does not hold for all blocks at once. NaN
        if all errors were estimated, which is to assume that it does.
    uneven_p : float
        p-value of isolation and tail erring alike at all sizes, which estimated errors assume; NaN if none was.
    identifiability : Identifiability
        Fisher information, its condition number, and the sloppy direction in words.
    residuals : dict of str to ndarray
        Of each block's logarithms; those of whole counts by √(R/R̄), their mean.
    status : JointStatus
        "ok", or what is wrong.
    """

    beta: float
    kappa: float
    tau: float
    scale: float
    values: dict[str, float]
    stderr: dict[str, float]
    sd: dict[str, np.ndarray]
    chi2: float
    freedom: dict[str, float]
    enlargement: dict[str, float]
    misfit_p: float
    uneven_p: float
    identifiability: Identifiability
    residuals: dict[str, np.ndarray]
    status: JointStatus
    _problem: JointProblem = field(repr=False, compare=False)

    def interval(self, name: str) -> tuple[float, float]:
        """Return the 95% profile-likelihood interval of one parameter, of κ, τ and the scale as of their logarithms.

        An end at its limit is not the interval's; both are NaN where there are no more numbers than parameters.
        """
        searched, plain = PLAIN.get(name, (name, None))
        if searched not in self.values:
            raise UnknownNameError("parameter", name, [*self.values, *(each for each in PLAIN if each != "scale")])
        if plain is not None:
            low, high = (float(plain(end)) for end in self.interval(searched))
            return low, high
        if self.status is JointStatus.MET:
            return np.nan, np.nan
        allowed = self.chi2 + self.allowance(name)
        return profile_interval(self._profile(name), self.values[name], allowed, LIMITS[name])

    @property
    def params(self) -> dict[str, Parameter]:
        """β, κ, τ and, where isolation or tail was measured, the scale: values and 95% intervals."""
        searched = {"beta": "beta", **{plain: name for plain, (name, _) in PLAIN.items()}}
        values = {"beta": self.beta, "kappa": self.kappa, "tau": self.tau, "scale": self.scale}
        open_ends = " ".join(self.open_ends({name: self.interval(name) for name in self.values}))
        return {
            name: Parameter(values[name], self.interval(name), f"{WORDS[within]} " in f"{open_ends} ")
            for name, within in searched.items()
            if within in self.values
        }

    def summary(self) -> str:
        """Return the fit in words, a line each."""
        return "\n".join([*lines(self.params), self.identifiability.sentence, f"status: {self.status}"])

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per parameter: ``value, low, high, open``."""
        return table(self.params)

    def __str__(self) -> str:
        return self.summary()

    def allowance(self, name: str) -> float:
        """Return how much χ² may rise inside one parameter's 95% interval: 3.84 if all errors were stated."""
        freedom = self.freedom[name]
        quantile = special.ndtri(0.975) if np.isinf(freedom) else special.stdtrit(freedom, 0.975)
        return float(quantile) ** 2 * self.enlargement[name]

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
            "open_ends": self.open_ends(intervals),
            "misfit_p": self.misfit_p,
            "uneven_p": self.uneven_p,
            **self.identifiability.record(),
            "profiles": self.profiles(),
            "status": str(self.status),
        }

    def open_ends(self, intervals: Mapping[str, tuple[float, float]]) -> list[str]:
        """Return which ends of intervals lie where the search ends: these are limits, not findings."""
        return [
            f"{WORDS[name]} {'below' if end == 0 else 'above'}"
            for name, interval in intervals.items()
            for end in (0, 1)
            if not np.isfinite(interval[end]) or np.isclose(interval[end], LIMITS[name][end])
        ]

    def rise(self, name: str, values: ArrayLike) -> np.ndarray:
        """Return the rise of χ² over its minimum at values of one parameter, all others refitted at each."""
        if name not in self.values:
            raise UnknownNameError("parameter", name, self.values)
        squares = self._profile(name)
        return np.array([squares(float(value)) for value in np.asarray(values)]) - self.chi2

    def profiles(self, points: int = 21) -> dict[str, dict[str, list[float]]]:
        """Return the profile curve of every parameter over its interval and a quarter beyond: ``at`` and ``rise``."""
        curves: dict[str, dict[str, list[float]]] = {}
        if self.status is JointStatus.MET:
            return curves
        for name, (low, high) in LIMITS.items():
            if name in self.values:
                ends = np.clip(self.interval(name), low, high)
                margin = (ends[1] - ends[0]) / 4
                at = np.linspace(max(ends[0] - margin, low), min(ends[1] + margin, high), points)
                curves[name] = {"at": at.tolist(), "rise": self.rise(name, at).tolist()}
        return curves

    def _profile(self, name: str) -> Callable[[float], float]:
        """Return χ² as a function of one parameter, the others at their best: from the nearest fit made so far."""
        known = {self.values[name]: self.values}

        def squares(value: float) -> float:
            nearest = known[min(known, key=lambda at: abs(at - value))]
            known[value], least = self._problem.least({**nearest, name: value}, fixed=name)
            return least

        return squares

    def sample(self, steps: int = 2000, walkers: int = 32, seed: int = 0) -> Any:
        """Draw from the posterior with emcee (flat priors within the limits).

        Returns
        -------
        pandas.DataFrame
            One column per parameter, one row per draw; ``attrs["status"]`` is "ok" or says that the chain is short.

        Raises
        ------
        InputError
            If there are no more numbers than parameters.
        """
        rule = "a posterior needs more numbers than parameters, or stated errors"
        require(self.status is not JointStatus.MET, "observed", f"{self._problem.size()} numbers", rule)
        minimizer = lmfit.Minimizer(lambda p: self._problem.residuals(p.valuesdict()), _parameters(self.values))
        start = [[self.values[name] for name in self.values]]
        spread = [max(min(self.stderr.get(name, 0.1), 0.3), 1e-4) for name in self.values]
        rng = np.random.default_rng(seed)
        lows, highs = np.array([LIMITS[name] for name in self.values]).T
        at = np.clip(start + rng.normal(0, spread, (walkers, len(spread))), lows + 1e-6, highs - 1e-6)
        with redirect_stdout(io.StringIO()):  # lmfit prints a warning about short chains, which the status gives
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
        from .draws import posterior_draws

        return posterior_draws(result.flatchain, "ok" if hasattr(result, "acor") else SHORT)  # no time of a short chain


def quantiles(chain: Any) -> dict[str, tuple[float, float]]:
    """Return the central 95% of each parameter's draws (`JointFit.sample`)."""
    return {name: tuple(np.quantile(chain[name], [0.025, 0.975]).tolist()) for name in chain}


def plain_draws(chain: pd.DataFrame) -> pd.DataFrame:
    """Return draws of β, κ, τ and the scale from draws of their logarithms (`JointFit.sample`)."""
    plain = {logarithm: (name, inverse) for name, (logarithm, inverse) in PLAIN.items()}
    columns = {plain.get(name, (name, None))[0]: name for name in chain}
    return chain.__class__(
        {name: plain[old][1](chain[old]) if old in plain else chain[old] for name, old in columns.items()}
    )


def fit_jointly(observed: Observations, gamma: float = GAMMA) -> JointFit:
    """Fit β, κ, τ and a scale to all that was observed; the module's head states the model.

    Raises
    ------
    InputError
        If counts cannot be used, or another block is not positive or has another length.
    """
    rule = "must be the Observations of a ladder, counts first"
    require(
        isinstance(observed, Observations), "observed", observed, rule, "fit_jointly(Observations(neurons, counts))"
    )
    require(np.ndim(gamma) == 0 and 0 < gamma < np.inf, "gamma", gamma, "must be a number greater than 0, such as 4")
    data = clean(observed.neurons, observed.counts)
    require(len(data) == np.size(observed.neurons), "counts", observed.counts, "must all be positive in a joint fit")
    observed.check()

    problem = JointProblem(observed, gamma)
    slope = np.polyfit(np.log(data.neurons), np.log(data.counts), 1)[0]
    beta, middle = float(np.clip(1 / max(slope, 0.1), 1.1, 10)), len(data) // 2
    budget = budget_at(data.neurons[middle], data.counts[middle], beta, gamma=gamma)
    guesses = [problem.least(problem.first_guess(beta, budget, at)) for at in (0.4, 1.0, 2.5)]
    values = problem.settle(min(guesses, key=lambda guess: guess[1])[0])
    names, limits = list(values), np.transpose([LIMITS[name] for name in values])
    with np.errstate(all="ignore"):
        best: Any = optimize.least_squares(
            lambda at: problem.residuals(dict(zip(names, at.tolist(), strict=True))),
            np.clip(list(values.values()), *limits),
            bounds=limits,
        )
    values = dict(zip(names, best.x.tolist(), strict=True))
    every = {"log_scale": 0.0, **values}
    freedom, enlargement = _estimated_errors(problem, values)
    information = identify(problem.jacobian(values), list(values), WORDS, min(freedom.values()))
    spare = problem.spare(len(values))
    if not spare:
        information = replace(information, sentence=undetermined(len(values), problem.size()))
    elif _at_limit(every["beta"]):
        information = replace(
            information, sentence="Not determined: β is at its limit, of which the Fisher information knows nothing."
        )
    uneven_p = problem.unevenness(values) if spare else np.nan
    stderr = information.stderr * np.sqrt(list(enlargement.values()))
    return JointFit(
        beta=every["beta"],
        kappa=float(np.exp(every["log_kappa"])),
        tau=float(np.expm1(every["log_threshold"])),
        scale=float(np.exp(every["log_scale"])),
        values=values,
        stderr=dict(zip(values, stderr.tolist(), strict=True)),
        sd=dict(problem.sd),
        chi2=float(np.sum(best.fun**2)),
        freedom=freedom,
        enlargement=enlargement,
        misfit_p=problem.misfit(values),
        uneven_p=uneven_p,
        identifiability=information,
        residuals=problem.split(values),
        status=_status(every["beta"], problem, values, freedom, uneven_p) if spare else JointStatus.MET,
        _problem=problem,
    )


def _status(
    beta: float, problem: JointProblem, values: dict[str, float], freedom: dict[str, float], uneven_p: float
) -> JointStatus:
    if _at_limit(beta):
        return JointStatus.AT_LIMIT
    if problem.met_exactly(values):
        return JointStatus.EXACT
    if min(freedom.values()) < ROUGH:
        return JointStatus.ROUGH
    return JointStatus.UNEVEN if uneven_p < UNEVEN else JointStatus.OK


def _at_limit(beta: float) -> bool:
    """Say whether β is where the theory ends."""
    return beta < BETA_RANGE[0] + 1e-3


def _parameters(values: dict[str, float]) -> lmfit.Parameters:
    made = lmfit.Parameters()
    for name, value in values.items():
        low, high = LIMITS[name]
        made.add(name, float(np.clip(value, low, high)), min=low, max=high)
    return made


def _estimated_errors(problem: JointProblem, values: dict[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Return each parameter's degrees of freedom and the factor on its variance; the module's head derives both."""
    informed, freedoms = problem.information(values), problem.freedoms(values)
    phi = np.linalg.pinv(sum(informed.values()), rcond=1e-13, hermitian=True)
    variance, enlarged, inverse = np.diag(phi), np.diag(phi).copy(), np.zeros(len(values))
    for name, information in informed.items():
        if name not in problem.stated:
            part = phi @ information @ phi
            enlarged += 4 * np.diag(part - part @ information @ phi) / freedoms[name]
            inverse += (np.diag(part) / variance) ** 2 / freedoms[name]
    freedom = [max(1 / each, 1.0) if each > 0 else np.inf for each in inverse]
    return dict(zip(values, freedom, strict=True)), dict(zip(values, (enlarged / variance).tolist(), strict=True))
