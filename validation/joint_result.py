"""A joint fit's result: values, profile intervals, identifiability, posterior draws, and the same in words and tables.

`rosettalaw.validation.joint_fit` states the model and makes it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import checked
from ..contents import ByContent
from ..errors import UnknownNameError, require
from ..lazy import deferred
from .distributions import student_quantile
from .identifiability import Identifiability, beside
from .inputs import finite, numbers, whole_number
from .joint_problem import LIMITS, JointProblem
from .parameters import Parameter, lines, table
from .profile_curve import ProfileCurve, around
from .profile_interval import profile_interval

lmfit: Any = deferred("lmfit")  # a second, and pandas

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SHORT = "rough: the chain is shorter than 50 of its autocorrelation times; draw more steps"
PLAIN = {"kappa": ("log_kappa", np.exp), "tau": ("log_threshold", np.expm1), "scale": ("log_scale", np.exp)}
WORDS = {"beta": "β", "log_kappa": "log κ", "log_threshold": "log(1+τ)", "log_scale": "log scale"}


class JointStatus(StrEnum):
    """Warnings of a joint fit, in words."""

    OK = "ok"
    ROUGH = (
        "ok, but intervals are rough, because so few numbers estimate their own errors: measure more sizes or state sd"
    )
    EXACT = "ok, but isolation or tail agree to within one rank, which is taken as their error: intervals are wide"
    UNEVEN = (
        "ok, but isolation or tail seem to have larger errors at some sizes than at others: state the sd of each number"
    )
    MET = "not determined: no more numbers than parameters, so the fit is exact and has no intervals"
    AT_LIMIT = "β is at its lower limit 1: the theory (β > 1) does not describe these data together"
    AT_TOP = "β is at its upper limit 20: counts that hardly grow, or correlations of almost 1, say no β"


@dataclass(frozen=True, eq=False)
class JointFit(ByContent):
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
        p-value of the blocks whose errors were stated: if small, the theory does not fit all blocks at once. NaN
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

        An end at its limit is not the interval's; both are NaN unless there are more numbers than parameters.
        """
        searched, plain = PLAIN.get(name, (name, None)) if isinstance(name, str) else (name, None)
        if not isinstance(searched, str) or searched not in self.values:
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
        return "\n".join([*lines(self.params), beside(self.identifiability, self.params), f"status: {self.status}"])

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per parameter: ``value, low, high, open``."""
        return table(self.params)

    def __str__(self) -> str:
        return self.summary()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the counts and the expected counts of the fitted theory on logarithmic axes."""
        from .model_drawing import draw_joint_fit

        return draw_joint_fit(self._problem, {name: getattr(self, name) for name in ("beta", "kappa", "tau")}, ax)

    def allowance(self, name: str) -> float:
        """Return how much χ² may rise inside one parameter's 95% interval: 3.84 if all errors were stated."""
        self._require_searched(name)
        freedom = self.freedom[name]
        return student_quantile(freedom, 0.975) ** 2 * self.enlargement[name]

    @checked("fit.record(profiles=False)")
    def record(self, profiles: bool = True) -> dict[str, Any]:
        """Return estimates, profile intervals, identifiability and, on request, profile curves as plain values."""
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
            **({"profiles": self.profiles()} if profiles else {}),
            "status": str(self.status),
        }

    @checked("fit.open_ends({'beta': fit.interval('beta')})")
    def open_ends(self, intervals: Mapping[str, tuple[float, float]]) -> list[str]:
        """Return which ends of intervals lie at the limits of the search; these are no estimates."""
        for name, ends in intervals.items():
            self._require_searched(name)
            call = "fit.open_ends({'beta': fit.interval('beta')})"
            require(numbers(name, ends, call).shape == (2,), name, ends, "must be the two ends of an interval", call)
        return [
            f"{WORDS[name]} {'below' if end == 0 else 'above'}"
            for name, interval in intervals.items()
            for end in (0, 1)
            if not np.isfinite(interval[end]) or np.isclose(interval[end], LIMITS[name][end])
        ]

    def rise(self, name: str, values: ArrayLike) -> np.ndarray:
        """Return the rise of χ² over its minimum at values of one parameter, all others refitted at each."""
        self._require_searched(name)
        at = finite("values", values, f"fit.rise({name!r}, [1.4, 1.6])")
        squares = self._profile(name)
        return np.array([squares(value) for value in at.tolist()]) - self.chi2

    def profiles(self, points: int = 21) -> dict[str, dict[str, list[float]]]:
        """Return the profile curve of every parameter over its interval and a quarter beyond: ``at`` and ``rise``."""
        points, curves = whole_number("points", points, 2, "fit.profiles(points=21)"), {}
        if self.status is JointStatus.MET:
            return curves
        for name, (low, high) in LIMITS.items():
            if name in self.values:
                at = around(self.interval(name), (low, high), points)
                curves[name] = {"at": at.tolist(), "rise": self.rise(name, at).tolist()}
        return curves

    def profile(self, name: str, points: int = 21) -> ProfileCurve:
        """Return the likelihood profile of β, κ, τ or the scale, or of a logarithm as searched; it has a ``plot``."""
        rule = "must leave more numbers than parameters, which a profile needs"
        require(self.status is not JointStatus.MET, "observed", f"{self._problem.size()} numbers", rule)
        if not isinstance(name, str) or name not in (*self.values, *PLAIN):
            raise UnknownNameError("parameter", name, [*self.values, *PLAIN])
        points = whole_number("points", points, 2, f"fit.profile({name!r}, points=21)")
        searched, plain = PLAIN.get(name, (name, lambda value: value))
        at = around(self.interval(searched), LIMITS[searched], points)
        best, rise = float(plain(self.values[searched])), self.rise(searched, at)
        allowed = self.allowance(searched)
        return ProfileCurve(name=name, at=np.asarray(plain(at)), rise=rise, best=best, allowed=allowed)

    def _require_searched(self, name: str) -> None:
        if not isinstance(name, str) or name not in self.values:
            raise UnknownNameError("parameter", name, self.values)

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
            Unless there are more numbers than parameters.
        """
        steps, seed = (
            whole_number("steps", steps, 8, "fit.sample(steps=2000)"),
            whole_number("seed", seed, 0, "fit.sample(seed=0)"),
        )
        walkers = whole_number("walkers", walkers, 2 * len(self.values), "fit.sample(walkers=32)")  # as emcee asks for
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


def _parameters(values: dict[str, float]) -> Any:
    made = lmfit.Parameters()
    for name, value in values.items():
        low, high = LIMITS[name]
        made.add(name, float(np.clip(value, low, high)), min=low, max=high)
    return made
