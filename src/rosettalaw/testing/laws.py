"""Laws that families and models obey, by name, and the error of one that is broken."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import numpy as np

from ..errors import BrokenLawError, require
from ..theory.contracts import MethodError

P = ParamSpec("P")
SMALL = 1e-6  # relative difference between two values that a law says are equal


def require_kind(name: str, value: Any, kind: type, example: str) -> None:
    """Raise `InputError` unless a value is of the kind that a check is for."""
    require(isinstance(value, kind), name, value, f"must be a {kind.__name__}", example)


@dataclass(frozen=True)
class Statement:
    """A law in words, and the module of `rosettalaw.theory` whose help derives it."""

    words: str
    module: str


FUNCTION_LAWS = {
    "call": Statement("methods take the same arguments as those of the family, arrays of any shape", "contracts"),
    "shape": Statement("an array of any shape gives an array of that shape", "families"),
    "finite": Statement("values are finite numbers", "families"),
    "positive": Statement("values are greater than 0", "families"),
    "vectorised": Statement("an array gives the values of its elements", "families"),
    "pure": Statement("a call changes neither its arguments nor later calls", "families"),
    "pickles": Statement("pickle returns an equal object", "families"),
}
SPECTRUM_LAWS = FUNCTION_LAWS | {
    "descending": Statement("w never rises with rank, Eq. 9", "spectra"),
    "prefix": Statement("weights(A, n) are the first n of weights(A)", "spectra"),
    "log": Statement("log_at is the logarithm of at", "spectra"),
    "local exponent": Statement("exponent is −d log w/d log r", "spectra"),
}
COST_LAWS = FUNCTION_LAWS
BUDGET_LAWS = FUNCTION_LAWS | {"per neuron": Statement("per_neuron is total over N", "budgets")}
UTILITY_LAWS = FUNCTION_LAWS | {
    "positive": Statement("U' > 0 at every s > 0: isolation is worth something", "utilities"),
    "concave": Statement("U' falls with s", "utilities"),
    "continuous": Statement("U' has no jump", "utilities"),
    "log": Statement("log_marginal is log U'", "utilities"),
    "value": Statement("value is an antiderivative of U'", "utilities"),
    "demand": Statement("demand is the inverse of U', and 0 from U'(0) on", "utilities"),
    "demand at log": Statement("demand_at_log(x) is demand(e^x)", "utilities"),
    "tolerance": Statement("tolerance is −U'/U''", "utilities"),
}
MODEL_LAWS = {
    "solved": Statement("there is an optimum", "allocation"),
    "finite": Statement("predictions are finite; NaN only where there is nothing to divide by", "predictions"),
    "budget": Statement("Σ c s = B, Eq. 11", "allocation"),
    "first order": Statement("w U'(s) = λ c where s > 0, at most λ c where s = 0, Eq. 16", "allocation"),
    "certificate": Statement("budget, first order and duality gap hold to 1e-6", "allocation"),
    "ordered": Statement("s falls with rank where w/c does, Eq. 14", "allocation"),
    "bounds": Statement("R ≤ n ≤ A", "predictions"),
    "count": Statement("R = #{s ≥ τ} = floor r_τ, Eqs. 10, 22", "predictions"),
    "shares": Statement("mean isolation × R + tail mass = Σ s, Eqs. 25–32", "predictions"),
    "grows with neurons": Statement("at fixed A, r_τ rises with N where B does", "model"),
    "grows with kappa": Statement("r_τ rises with the budget", "model"),
    "falls with tau": Statement("r_τ falls with τ", "model"),
    "local exponent": Statement("local_exponent is d log r_τ/d log N", "model"),
    "scale": Statement("k w, or k c and k B, change nothing", "model"),
    "vectorised": Statement("many sizes give the rows of each", "model"),
    "pickles": Statement("pickle returns a model that predicts the same", "model"),
}
EXPONENT_LAWS = {
    "settled": Statement("the local exponent tends to a limit that these sizes show to the tolerance", "model"),
    "exponent": Statement("the local exponent tends to the one expected", "predictions"),
}


@dataclass(frozen=True)
class Subject:
    """An object under test, with the laws it must obey."""

    tested: Any
    laws: Mapping[str, Statement]

    def obeys(self, law: str, fine: Any, at: Mapping[str, Any], met: Mapping[str, Any] | str) -> None:
        """Raise `BrokenLawError` at the first example where `fine` is false.

        Parameters
        ----------
        law : str
            Name of the law.
        fine : array_like of bool
            Whether it holds, example by example, the simplest first.
        at, met : mapping of str to array_like
            Examples, and values met there; `met` may be a sentence.
        """
        fine = np.atleast_1d(fine)
        if fine.all():
            return
        first = int(np.flatnonzero(~fine)[0])
        words = met if isinstance(met, str) else _named(met, first)
        statement = self.laws[law].words
        module = f"rosettalaw.theory.{self.laws[law].module}"
        raise BrokenLawError(self.tested, law, statement, _named(at, first), words, module)

    def copy(self, at: Mapping[str, Any]) -> Any:
        """Return the object after a round trip through pickle; itself if a class of it cannot be imported by name."""
        if not all(_importable(type(part)) for part in (self.tested, *vars(self.tested).values())):
            return self.tested
        try:
            return pickle.loads(pickle.dumps(self.tested))  # bytes made here, one line before
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            self.obeys("pickles", False, at, str(error))
            raise AssertionError("unreachable") from error


def by_contract(laws: Mapping[str, Statement]) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Return a decorator of checks, by which a method that breaks its contract breaks a law."""

    def decorate(check: Callable[P, None]) -> Callable[P, None]:
        @wraps(check)
        def checked(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                check(*args, **kwargs)
            except MethodError as error:
                tested = args[0] if args else next(iter(kwargs.values()))
                at, met = {"method": error.method}, f"{error.value}; {error.rule}"
                Subject(tested, laws).obeys(error.law, False, at, met)

        return checked

    return decorate


def _importable(kind: type) -> bool:
    place: Any = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        place = getattr(place, name, None)
    return place is kind


def close(met: Any, expected: Any, relative: float = SMALL, absolute: float = 0.0) -> np.ndarray:
    """Return where two arrays agree; NaN agrees with NaN."""
    met, expected = np.asarray(met, dtype=float), np.asarray(expected, dtype=float)
    with np.errstate(invalid="ignore"):
        near = np.abs(met - expected) <= absolute + relative * np.abs(expected)
    return near | (met == expected) | (np.isnan(met) & np.isnan(expected))


def _named(values: Mapping[str, Any], index: int) -> str:
    return ", ".join(f"{name} = {_shown(np.ravel(value), index)}" for name, value in values.items())


def _shown(values: np.ndarray, index: int) -> str:
    value = values[index if values.size > 1 else 0]
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
