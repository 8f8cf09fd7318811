"""Any allocation model fitted to counts: spectra, utilities, costs and budgets with parameters of the user's choice.

    log R_i = log( r_τ(N_i; θ) − ½ ) + ε_i,      ε_i independent, equal variance σ² (or as stated)

with r_τ of `rosettalaw.theory.Model`, whatever its parts, as a function of the parameters θ that the user names::

    fit_model(lambda beta, eta: Model(PowerLaw(beta), CRRA(eta)), data, priors={"eta": (0.5, 3)})

Counts say little: α = 1/β is true only for logarithmic utility, and in general a count grows as N to an exponent such
as η/(β+δ) or θ/β. Parameters that only enter through one such combination cannot be distinguished; the fit says which
combination it is (`ModelFit.combinations`) and which stay open; a prior is then all that is known of the others.

Priors and intervals
--------------------
A prior is a range, flat between its ends, or a frozen distribution of `scipy.stats`. The search minimises

    χ²(θ) = Σ (ε_i/σ)² − 2 Σ log p_j(θ_j)

where σ, if it is not stated, is that of the least residuals over n less the number of free parameters, not below the
rounding of whole counts. The interval of a parameter holds what raises χ², least over the others, by at most
``t²_ν(97.5%)``: Student's for an estimated σ, Wilks's 3.84 for a stated one. With no count to spare there is none.
The posterior (`ModelFit.sample`) is drawn with emcee at that σ.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import lmfit
import numpy as np
from numpy.typing import ArrayLike

from ..contents import ByContent
from ..errors import UnknownNameError, require
from ..theory import Model
from .alternatives import aicc
from .counts import counts_from
from .draws import posterior_draws
from .identifiability import Identifiability, beside, identify, undetermined
from .inputs import finite, network_sizes, require_all, whole_number
from .model_problem import EXAMPLE, ModelProblem, log_counts
from .parameters import Parameter, lines, table
from .profile_curve import ProfileCurve, around
from .profile_interval import profile_interval
from .theory_search import TAU

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class ModelStatus(StrEnum):
    """Warnings of a fit of a model, in words."""

    OK = "ok"
    MET = "not determined: no more counts than parameters, so the fit is exact and has no intervals"
    AT_LIMIT = "ok, but a parameter lies at the end of its range: the prior decides it"
    OPEN = "ok, but these counts do not determine all parameters: open ones have the intervals of their priors"


@dataclass(frozen=True, eq=False)
class ModelFit(ByContent):
    """A model fitted to counts.

    Attributes
    ----------
    values : dict of str to float
        The fitted parameters, by the names that the user gave; `params` has their intervals.
    model : Model
        The model at these values.
    tau : float
        Detectability threshold, fitted if it has a prior.
    residuals : ndarray, shape (n,)
        ``log R − log(r_τ − ½)``.
    sigma : float
        Standard deviation of a log count: estimated, or the root mean square of the stated ones.
    aicc : float
        Corrected Akaike criterion of the residuals; NaN with too few counts.
    identifiability : Identifiability
        Fisher information of the logarithms of the parameters.
    """

    values: dict[str, float]
    model: Model
    tau: float
    residuals: np.ndarray
    sigma: float
    aicc: float
    identifiability: Identifiability
    _problem: ModelProblem = field(repr=False, compare=False)

    @cached_property
    def params(self) -> dict[str, Parameter]:
        """Values and 95% intervals, worked out when they are first asked for: a profile refits all other parameters."""
        return {name: _parameter(self._problem, name, self.values) for name in self.values}

    @property
    def status(self) -> ModelStatus:
        """Return "ok", or the problem."""
        if self._problem.met:
            return ModelStatus.MET
        limits = self._problem.limits
        if any(np.isclose(value, limits[name], rtol=1e-3).any() for name, value in self.values.items()):
            return ModelStatus.AT_LIMIT
        return ModelStatus.OPEN if any(one.open for one in self.params.values()) else ModelStatus.OK

    def predict(self, neurons: ArrayLike) -> np.ndarray:
        """Return the expected count ``r_τ − ½`` at each size."""
        sizes = np.atleast_1d(network_sizes(neurons, "fit.predict([1024, 2048])"))
        return np.exp(log_counts(self.model, sizes.ravel(), self.tau)).reshape(sizes.shape)

    def rise(self, name: str, values: ArrayLike) -> np.ndarray:
        """Return the rise of χ² over its minimum at values of one parameter, all others refitted at each."""
        self._require_name(name)
        at, (low, high) = finite("values", values, f"fit.rise({name!r}, [1.4, 1.6])"), self._problem.limits[name]
        rule = f"must lie in the range of {name}, {low:g} to {high:g}"
        require_all(
            (at >= low) & (at <= high), "values", values, rule, f"fit.rise({name!r}, [{self.values[name]:.4g}])"
        )
        least = self._problem.chi2(self.values)
        profile = self._problem.profile(name, self.values)
        return np.array([profile(value) for value in at.tolist()]) - least

    def profile(self, name: str, points: int = 21) -> ProfileCurve:
        """Return the likelihood profile of one parameter over its interval and a quarter beyond; it has a ``plot``."""
        self._require_name(name)
        points = whole_number("points", points, 2, f"fit.profile({name!r}, points=21)")
        require(not self._problem.met, "data", f"{len(self.residuals)} counts", str(ModelStatus.MET))
        at = around(self.params[name].interval, self._problem.limits[name], points)
        best, allowed = self.values[name], self._problem.quantile**2
        return ProfileCurve(name=name, at=at, rise=self.rise(name, at), best=best, allowed=allowed)

    def _require_name(self, name: str) -> None:
        if not isinstance(name, str) or name not in self.values:
            raise UnknownNameError("parameter", name, self.values)

    def combinations(self) -> list[str]:
        """Return the products of powers of the parameters that counts tell, the best first, each with its error."""
        values, vectors = np.linalg.eigh(self.identifiability.fisher)
        names = list(self.values)
        combinations = []
        for value, vector in sorted(zip(values, vectors.T, strict=True), key=lambda pair: -pair[0]):
            powers = vector / vector[np.argmax(np.abs(vector))]
            straight = self._problem.straight
            terms = [
                f"e^({power:.2g} {name})" if name in straight else f"{name}^{power:.2g}"
                for name, power in zip(names, powers, strict=True)
                if abs(power) > 0.05
            ]
            error = float(np.linalg.norm(vector / np.max(np.abs(vector)))) / np.sqrt(max(float(value), 1e-300))
            combinations.append(
                f"{' · '.join(terms)} to ± {100 * error:.2g}%" if error < 1 else f"{' · '.join(terms)} is open"
            )
        return combinations

    def summary(self) -> str:
        """Return the fit in words, a line each."""
        text = lines(self.params)
        text.append(f"scatter of the log counts {self.sigma:.2g}, AICc {self.aicc:.1f}, τ = {self.tau:g}")
        text.append(f"determined by these counts: {'; '.join(self.combinations())}")
        return "\n".join([*text, beside(self.identifiability, self.params), f"status: {self.status}"])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the counts and the expected counts of the fitted model on logarithmic axes."""
        from .model_drawing import draw_fit

        return draw_fit(self, self._problem.data, ax)

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per parameter: ``value, low, high, open``."""
        return table(self.params)

    def __str__(self) -> str:
        return self.summary()

    def sample(self, steps: int = 500, walkers: int = 16, seed: int = 0) -> pd.DataFrame:
        """Draw from the posterior with emcee; ``attrs["status"]`` is "ok" or says that the chain is short."""
        require(not self._problem.met, "data", f"{len(self.residuals)} counts", str(ModelStatus.MET))
        steps, walkers = (
            whole_number("steps", steps, 8, "fit.sample(steps=500)"),
            whole_number("walkers", walkers, 1, "fit.sample()"),
        )
        seed = whole_number("seed", seed, 0, "fit.sample(seed=0)")
        problem, names = self._problem, list(self.values)
        limits = np.array([problem.limits[name] for name in names])
        best = np.array(list(self.values.values()))
        ends = np.clip([self.params[name].interval for name in names], limits[:, 0], limits[:, 1])
        spread = np.maximum(np.diff(ends, axis=1)[:, 0] / 8, 1e-6 * np.abs(best))
        at = np.random.default_rng(seed).normal(best, spread, (max(walkers, 2 * len(names) + 2), len(names)))
        margin = 1e-6 * np.diff(limits, axis=1)[:, 0]
        minimizer = lmfit.Minimizer(
            lambda p: problem.residuals(p.valuesdict()),
            problem.parameters(self.values),
        )
        with redirect_stdout(io.StringIO()):  # lmfit prints its warning about short chains
            result: Any = minimizer.emcee(
                steps=steps,
                burn=steps // 4,
                nwalkers=len(at),
                pos=np.clip(at, limits[:, 0] + margin, limits[:, 1] - margin),
                is_weighted=True,
                progress=False,
                seed=seed,
            )
        short = "rough: the chain is short; draw more steps"
        return posterior_draws(result.flatchain, "ok" if hasattr(result, "acor") else short)


def fit_model(
    model: Callable[..., Model],
    data: Any,
    priors: Mapping[str, Any] | None = None,
    tau: float = TAU,
    start: Mapping[str, float] | None = None,
) -> ModelFit:
    """Fit the parameters of any model to counts; the module's head states how.

    Parameters
    ----------
    model : callable
        Returns a `rosettalaw.theory.Model` for named parameters, positive unless a prior reaches below 0. Each of them
        is fitted, also one with a default; ``lambda beta: mine(beta, kappa=2)`` has κ fixed.
    data : Counts, or mapping or DataFrame
        Counts as `rosettalaw.validation.counts.clean` and `read_counts` return them, or columns ``neurons, count`` and,
        if known, ``count_sd``: stated deviations then weight the fit.
    priors : mapping of str to (low, high) or frozen distribution, optional
        By default flat over wide ranges of positive numbers; ``{"delta": (-0.5, 0.5)}`` admits the null hypothesis
        δ = 0 and costs that fall. A prior of ``tau`` frees τ.
    tau : float
        Detectability threshold, if it has no prior.
    start : mapping of str to float, optional
        Where to begin the search, which by default tries a grid over the priors.

    Raises
    ------
    InputError, UnknownNameError
        If the model is no such callable or has no solution anywhere, a prior cannot be used or belongs to no parameter.

    Examples
    --------
    >>> from rosettalaw.theory import Model, PowerLaw
    >>> from rosettalaw.validation import clean
    >>> fit = fit_model(lambda beta: Model(PowerLaw(beta)), clean([256, 1024, 4096, 16384], [14, 32, 72, 164]))
    >>> round(fit.params["beta"].value, 1)
    1.6
    """
    start = {} if start is None else start
    require(isinstance(start, Mapping), "start", start, "must be a mapping of names", "start={'beta': 1.6}")
    problem = ModelProblem(model, counts_from(data, EXAMPLE), {} if priors is None else priors, tau)
    return _result(problem, problem.search(dict(start)))


def _result(problem: ModelProblem, best: dict[str, float]) -> ModelFit:
    freedom = np.inf if problem.stated else max(problem.freedom, 1)
    words = {name: name if name in problem.straight else f"log {name}" for name in problem.names}
    information = identify(problem.jacobian(best), problem.names, words, freedom)
    if problem.met:
        information = replace(information, sentence=undetermined(len(problem.names), len(problem.data)))
    model, tau = problem.built(best)
    left = problem.left(best)
    return ModelFit(
        values=best,
        model=model,
        tau=tau,
        residuals=left,
        sigma=_scatter(problem),
        aicc=_aicc(problem, left),
        identifiability=information,
        _problem=problem,
    )


def _parameter(problem: ModelProblem, name: str, best: dict[str, float]) -> Parameter:
    """Return a parameter with its profile interval, of which the curvature tells the first step."""
    value, (low, high) = best[name], problem.limits[name]
    if problem.met:
        return Parameter(value, (np.nan, np.nan), False)
    t = problem.quantile
    column = problem.jacobian(best)[:, problem.names.index(name)]
    unit = high - low if name in problem.straight else value
    share = t / max(float(np.linalg.norm(column)), 1e-9) / (unit if name in problem.straight else 1.0)
    step = unit * float(np.clip(share, 1e-6, 0.3))
    lower, upper = profile_interval(
        problem.profile(name, best), value, problem.chi2(best) + t**2, (low, high), step=step, precision=1e-2
    )
    upper = min(upper, high)
    return Parameter(value, (lower, upper), lower == low or upper == high)


def _scatter(problem: ModelProblem) -> float:
    return float(np.sqrt(np.mean(problem.error**2))) * problem.sigma


def _aicc(problem: ModelProblem, left: np.ndarray) -> float:
    n, k = len(left), len(problem.names)
    if not problem.stated:
        return aicc(float(np.sqrt(np.mean(left**2))), n, k + 1)
    return float(np.sum((left / problem.error) ** 2) + 2 * k + 2 * k * (k + 1) / (n - k - 1)) if n > k + 1 else np.nan
