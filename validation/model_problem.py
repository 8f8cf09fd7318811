"""The fit of any model as a least-squares problem: residuals of counts and priors, and the searches over parameters.

`rosettalaw.validation.model_fit` states the model. Searches are MINPACK's, over the logarithms of the parameters, with
a wall at the ends of their priors; a parameter whose prior reaches 0 or below, such as δ under the null hypothesis of
equal costs, is searched as it is. Where the model has no solution a residual is `UNSOLVED`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import lmfit
import numpy as np
from scipy import optimize, stats

from ..errors import InputError, UnknownNameError, require
from ..theory import Model
from ..theory.budgets import LinearBudget, PowerBudget, UnitCost
from ..theory.parameters import positive
from ..theory.spectra import PowerLaw
from ..theory.utilities import Log, power_of
from .counts import Counts
from .inputs import number, numbers
from .rounding import ROUNDING, whole
from .theory_search import FLOOR, expected_count

EXAMPLE = "fit_model(lambda beta, eta: Model(PowerLaw(beta), CRRA(eta)), clean(neurons, counts))"
RANGES = {"beta": (0.05, 20.0), "eta": (0.05, 20.0), "delta": (1e-3, 10.0), "theta": (0.05, 3.0), "tau": (0.02, 1e3)}
RANGE = (1e-6, 1e6)  # of a parameter without a prior that is none of these
UNSOLVED = 1e3  # residual where the model has no solution
STARTS = 8  # places tried for each parameter
STEPS = 5  # of a second try
CLOSED = (PowerLaw, UnitCost, LinearBudget), (PowerLaw, UnitCost, PowerBudget)
POLISHED = 3  # of them, from which a search is made


def log_counts(model: Model, neurons: np.ndarray, tau: float) -> np.ndarray:
    """Return ``log(r_τ − ½)``: in closed form where it is the paper's frontier, else from the optimum at each size.

    ``r^-β (1 + s)^-η = λ`` is ``r^(-β/η) (1 + s)^-1 = λ^(1/η)``: a CRRA utility makes of β what the logarithm makes of
    β/η, whatever the budget at each size.
    """
    eta = 1.0 if type(model.utility) is Log else power_of(model.utility)
    closed = (type(model.spectrum), type(model.cost), type(model.budget)) in CLOSED and model.features is None
    if eta is not None and closed:
        kappa = np.asarray(model.budget.total(neurons), dtype=float) / neurons
        beta = float(vars(model.spectrum)["beta"])
        return np.log(expected_count(neurons, beta / eta, kappa, tau, model.gamma))
    frontiers = np.array([model.frontier(float(size), tau) for size in neurons])
    return np.log(np.maximum(np.nan_to_num(frontiers) - 0.5, FLOOR))


class ModelProblem:
    """Residuals of one model and one set of counts and priors, and the searches over its parameters."""

    def __init__(self, model: Callable[..., Model], data: Counts, priors: Mapping[str, Any], tau: float):
        require(callable(model), "model", model, "must be a function that returns a Model", EXAMPLE)
        self.model, self.data = model, data
        require(isinstance(priors, Mapping), "priors", priors, "must be a mapping of names", "priors={'eta': (0.5, 3)}")
        kinds = {one.kind for one in inspect.signature(model).parameters.values()}
        named = kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
        require(named, "model", model, "must name its parameters: no *args, **kwargs or positional-only ones", EXAMPLE)
        self.names = [name for name in inspect.signature(model).parameters if name != "tau"]
        self.given = list(inspect.signature(model).parameters)
        if "tau" in priors or "tau" in self.given:
            self.names.append("tau")
        require(self.names, "model", model, "must have at least one parameter", EXAMPLE)
        for name in priors:
            if name not in self.names:
                raise UnknownNameError("parameter in priors", name, [*self.names, "tau"])
        self.tau = number("tau", tau, positive, "must be a number greater than 0, such as 1", "tau=1")
        self.log_priors: dict[str, Callable[[float], float]] = {}
        self.limits = {name: self._limits(name, priors.get(name, RANGES.get(name, RANGE))) for name in self.names}
        self.straight: set[str] = set()
        for name, (low, _) in self.limits.items():
            if low <= 0:
                self._reach_below_zero(name, priors.get(name))
        self.stated = data.sd is not None
        self.error = np.ones(len(data)) if data.sd is None else data.sd / data.counts
        self.sigma = 1.0
        self.problem: Exception | None = None

    def _limits(self, name: str, prior: Any) -> tuple[float, float]:
        example = f"priors={{{name!r}: (0.5, 3)}} or scipy.stats.norm(1.6, 0.2)"
        if type(prior) in (int, float):  # a value to be fixed
            rest = ", ".join(one for one in self.given if one != name) or "beta"
            fixed = f"lambda {rest}: mine({', '.join([*rest.split(', '), f'{name}={prior:g}'])})"
            example = f"tau={prior:g} as an argument" if name == "tau" else f"model={fixed}, which fixes {name}"
        rule = "must be a range (low, high) of finite numbers, or a frozen distribution of scipy.stats"
        if hasattr(prior, "logpdf"):
            low, high = (float(end) for end in prior.ppf([1e-6, 1 - 1e-6]))
            peak = max(float(prior.logpdf(at)) for at in np.linspace(low, high, 201))
            self.log_priors[name] = lambda at: min(float(prior.logpdf(at)) - peak, 0.0)
        else:
            ends = numbers(f"prior of {name}", prior, example)
            require(ends.shape == (2,), f"prior of {name}", prior, rule, example)
            low, high = ends.tolist()
        require(-np.inf < low < high < np.inf, f"prior of {name}", prior, rule, example)
        return low, high

    def _reach_below_zero(self, name: str, prior: Any) -> None:
        """Search a parameter as it is where the model takes the lower end of its prior; else above 0, or refuse."""
        low, high = self.limits[name]
        values = {
            other: self.value(other, sum(self.scaled(other, end) for end in self.limits[other]) / 2)
            for other in self.names
            if other != name and self.limits[other][0] > 0
        }
        values = {other: sum(ends) / 2 for other, ends in self.limits.items()} | values | {name: low}
        try:
            self.built(values)
            taken = name != "tau"
        except (ValueError, ArithmeticError):
            taken = False
        if taken:
            self.straight.add(name)
        elif name in self.log_priors:
            self.limits[name] = RANGE[0], high
        else:
            rule = f"must be a range of positive numbers: the model has no {name} = {low:g}"
            raise InputError(f"prior of {name}", prior, rule, f"priors={{{name!r}: (0.5, 3)}}")

    def scaled(self, name: str, value: float) -> float:
        """Return the coordinate in which a parameter is searched: its logarithm, or itself."""
        return float(value) if name in self.straight else float(np.log(value))

    def value(self, name: str, at: float) -> float:
        """Return the parameter at a coordinate of the search."""
        return float(at) if name in self.straight else float(np.exp(at))

    def _ends(self, names: list[str]) -> np.ndarray:
        return np.array([[self.scaled(name, end) for end in self.limits[name]] for name in names]).T

    def built(self, values: Mapping[str, float]) -> tuple[Model, float]:
        """Return the model at values of the parameters, and τ."""
        model = self.model(**{name: values[name] for name in self.given})
        require(isinstance(model, Model), "model", model, "must return a rosettalaw.theory.Model", EXAMPLE)
        return model, float(values.get("tau", self.tau))

    def left(self, values: Mapping[str, float]) -> np.ndarray:
        """Return the residuals of the log counts; `UNSOLVED` where the model has no solution."""
        try:
            with np.errstate(all="ignore"):
                model, tau = self.built(values)
                return np.log(self.data.counts) - log_counts(model, self.data.neurons, tau)
        except (ValueError, ArithmeticError) as error:
            self.problem = error
            return np.full(len(self.data), UNSOLVED)

    def residuals(self, values: Mapping[str, float]) -> np.ndarray:
        """Return residuals whose squares sum to χ²: those of the counts, and a root of each prior."""
        priors = [np.sqrt(-2 * prior(values[name])) for name, prior in self.log_priors.items()]
        return np.nan_to_num(np.append(self.left(values) / (self.error * self.sigma), priors), nan=UNSOLVED, posinf=1e9)

    def chi2(self, values: Mapping[str, float]) -> float:
        left = self.residuals(values)
        return float(left @ left)

    def parameters(self, values: Mapping[str, float]) -> lmfit.Parameters:
        made = lmfit.Parameters()
        for name in self.names:
            low, high = self.limits[name]
            made.add(name, float(np.clip(values[name], low, high)), min=low, max=high)
        return made

    def least(self, start: Mapping[str, float], fixed: str = "") -> dict[str, float]:
        """Return the values of least χ² near a start, all but one fixed parameter free."""
        free = [name for name in self.names if name != fixed]
        if not free:
            return dict(start)
        lows, highs = self._ends(free)

        def values(at: np.ndarray) -> dict[str, float]:
            inside = zip(free, np.clip(at, lows, highs).tolist(), strict=True)
            return {**start, **{name: self.value(name, place) for name, place in inside}}

        def residuals(at: np.ndarray) -> np.ndarray:
            return np.append(self.residuals(values(at)), UNSOLVED * (at - np.clip(at, lows, highs)))

        begin = np.clip([self.scaled(name, start[name]) for name in free], lows, highs)
        at, *_ = optimize.leastsq(residuals, begin, epsfcn=1e-10, ftol=1e-7, xtol=1e-7, full_output=True)
        return min(values(at), dict(start), key=self.chi2) if fixed == "" else values(at)

    def search(self, start: dict[str, float]) -> dict[str, float]:
        """Return the best values over the priors, σ estimated on the way."""
        for name, value in start.items():
            if name not in self.names:
                raise UnknownNameError("parameter in start", name, self.names)
            low, high = self.limits[name]
            rule = f"must lie in its prior, {low:g} to {high:g}"
            inside = number(f"start of {name}", value, np.isfinite, rule, example := f"start={{{name!r}: {low:g}}}")
            require(low <= inside <= high, f"start of {name}", value, rule, example)
        lows, highs = self._ends(self.names)
        rng, many = np.random.default_rng(0), STARTS * len(self.names)
        strata = rng.permuted(np.tile(np.arange(many)[:, None], len(self.names)), axis=0)  # a Latin hypercube
        some = (strata + rng.random(strata.shape)) / many
        points = [zip(self.names, (lows + share * (highs - lows)).tolist(), strict=True) for share in (0.5, *some)]
        starts = [{**{name: self.value(name, at) for name, at in point}, **start} for point in points]
        ranked = sorted(starts, key=self.chi2)[:POLISHED]
        if self.left(ranked[0])[0] == UNSOLVED and self.problem is not None:
            raise self.problem
        best = min((self.least(one) for one in ranked), key=self.chi2)
        if not self.stated:
            floor = float(np.mean(ROUNDING / self.data.counts**2)) if whole(self.data.counts) else 1e-18
            left = self.left(best)
            self.sigma = float(np.sqrt(max(left @ left / max(self.freedom, 1), floor)))
            best = self.least(best)
        return best

    @property
    def freedom(self) -> int:
        """Degrees of freedom behind an estimated σ: a distribution for prior is as good as a number."""
        return len(self.data) + len(self.log_priors) - len(self.names)

    @property
    def met(self) -> bool:
        """True where there is no count to spare, so that errors cannot be estimated."""
        return not self.stated and self.freedom < 1

    @property
    def quantile(self) -> float:
        """Return Student's 97.5% quantile, the normal's for stated errors: χ² rises by its square in an interval."""
        return float(stats.t.ppf(0.975, np.inf if self.stated else self.freedom))

    def profile(self, name: str, best: Mapping[str, float]) -> Callable[[float], float]:
        """Return χ² as a function of one parameter, the others at their best: from the nearest fits on either side.

        A search that begins far from its end may come to rest where the data say nothing, such as all features active:
        a high χ² is tried again in smaller steps.
        """
        known = {best[name]: dict(best)}
        high = self.chi2(best) + 4 * self.quantile**2

        def moved(start: dict[str, float], value: float, steps: int) -> dict[str, float]:
            places = np.linspace(self.scaled(name, start[name]), self.scaled(name, value), steps + 1)
            for place in places[1:]:
                start = self.least({**start, name: self.value(name, place)}, fixed=name)
            return {**start, name: value}

        def squares(value: float) -> float:
            below, above = [at for at in known if at <= value], [at for at in known if at > value]
            starts = [known[at] for at in (*sorted(below)[-1:], *sorted(above)[:1])]
            fit = min((moved(start, value, 1) for start in starts), key=self.chi2)
            if self.chi2(fit) > high:
                fit = min(fit, moved(min(starts, key=self.chi2), value, STEPS), key=self.chi2)
            known[value] = fit
            return self.chi2(fit)

        return squares

    def jacobian(self, best: Mapping[str, float]) -> np.ndarray:
        """Return derivatives of the counts' residuals by the coordinates of the search, in units of σ."""
        step, columns = 1e-4, []
        for name in self.names:
            at = self.scaled(name, best[name])
            ends = [self.left({**best, name: self.value(name, at + sign * step)}) for sign in (1, -1)]
            columns.append((ends[0] - ends[1]) / (2 * step * self.error * self.sigma))
        return np.stack(columns, axis=1)
