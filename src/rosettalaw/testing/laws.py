"""Laws that families and models obey, by name, and the error of one that is broken."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import BrokenLawError

SMALL = 1e-6  # relative difference between two values that a law says are equal


@dataclass(frozen=True)
class Law:
    """A statement, and the module of `rosettalaw.theory` whose help derives it."""

    statement: str
    module: str


FUNCTION_LAWS = {
    "shape": Law("an array of any shape gives an array of that shape", "families"),
    "finite": Law("values are finite numbers", "families"),
    "positive": Law("values are greater than 0", "families"),
    "vectorised": Law("an array gives the values of its elements", "families"),
    "pure": Law("a call leaves its arguments and later calls as they were", "families"),
    "pickles": Law("pickle returns an equal object", "families"),
}
SPECTRUM_LAWS = FUNCTION_LAWS | {
    "descending": Law("w never rises with rank, Eq. 9", "spectra"),
    "prefix": Law("weights(A, n) are the first n of weights(A)", "spectra"),
    "log": Law("log_at is the logarithm of at", "spectra"),
    "local exponent": Law("exponent is −d log w/d log r", "spectra"),
}
COST_LAWS = FUNCTION_LAWS
BUDGET_LAWS = FUNCTION_LAWS | {"per neuron": Law("per_neuron is total over N", "budgets")}
UTILITY_LAWS = FUNCTION_LAWS | {
    "positive": Law("U' > 0 at every s > 0: isolation is worth something", "utilities"),
    "concave": Law("U' falls with s", "utilities"),
    "continuous": Law("U' has no jump", "utilities"),
    "log": Law("log_marginal is log U'", "utilities"),
    "value": Law("value is an antiderivative of U'", "utilities"),
    "demand": Law("demand is the inverse of U', and 0 from U'(0) on", "utilities"),
    "demand at log": Law("demand_at_log(x) is demand(e^x)", "utilities"),
    "tolerance": Law("tolerance is −U'/U''", "utilities"),
}
MODEL_LAWS = {
    "solved": Law("there is an optimum", "allocation"),
    "finite": Law("predictions are finite; NaN only where there is nothing to divide by", "predictions"),
    "budget": Law("Σ c s = B, Eq. 11", "allocation"),
    "first order": Law("w U'(s) = λ c where s > 0, at most λ c where s = 0, Eq. 16", "allocation"),
    "certificate": Law("budget, first order and duality gap hold to 1e-6", "allocation"),
    "ordered": Law("s falls with rank where w/c does, Eq. 14", "allocation"),
    "bounds": Law("R ≤ n ≤ A", "predictions"),
    "count": Law("R = #{s ≥ τ} = floor r_τ, Eqs. 10, 22", "predictions"),
    "shares": Law("mean isolation × R + tail mass = Σ s, Eqs. 25–32", "predictions"),
    "grows with neurons": Law("at fixed A, r_τ rises with N where B does", "model"),
    "grows with kappa": Law("r_τ rises with the budget", "model"),
    "falls with tau": Law("r_τ falls with τ", "model"),
    "local exponent": Law("local_exponent is d log r_τ/d log N", "model"),
    "scale": Law("k w, or k c and k B, change nothing", "model"),
    "vectorised": Law("many sizes give the rows of each", "model"),
    "pickles": Law("pickle returns a model that predicts the same", "model"),
}
EXPONENT_LAWS = {
    "settled": Law("the local exponent tends to a limit that these sizes show to the tolerance", "model"),
    "exponent": Law("the local exponent tends to the one expected", "predictions"),
}


@dataclass(frozen=True)
class Subject:
    """An object under test, with the laws it must obey."""

    tested: Any
    laws: Mapping[str, Law]

    def obeys(self, law: str, fine: Any, at: Mapping[str, Any], found: Mapping[str, Any] | str) -> None:
        """Raise `BrokenLawError` at the first example where `fine` is false.

        Parameters
        ----------
        law : str
            Name of the law.
        fine : array_like of bool
            Whether it holds, example by example, the simplest first.
        at, found : mapping of str to array_like
            Examples, and values found there; `found` may be a sentence.
        """
        fine = np.atleast_1d(fine)
        if fine.all():
            return
        first = int(np.flatnonzero(~fine)[0])
        words = found if isinstance(found, str) else _named(found, first)
        statement = self.laws[law].statement
        module = f"rosettalaw.theory.{self.laws[law].module}"
        raise BrokenLawError(self.tested, law, statement, _named(at, first), words, module)

    def copy(self, at: Mapping[str, Any]) -> Any:
        """Return what pickle makes of the object; the object itself if a class of it cannot be imported by name."""
        if not all(_importable(type(part)) for part in (self.tested, *vars(self.tested).values())):
            return self.tested
        try:
            return pickle.loads(pickle.dumps(self.tested))  # bytes made here, one line before
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            self.obeys("pickles", False, at, str(error))
            raise AssertionError("unreachable") from error


def _importable(kind: type) -> bool:
    place: Any = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        place = getattr(place, name, None)
    return place is kind


def close(found: Any, expected: Any, relative: float = SMALL, absolute: float = 0.0) -> np.ndarray:
    """Return where two arrays agree; NaN agrees with NaN."""
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    with np.errstate(invalid="ignore"):
        near = np.abs(found - expected) <= absolute + relative * np.abs(expected)
    return near | (found == expected) | (np.isnan(found) & np.isnan(expected))


def _named(values: Mapping[str, Any], index: int) -> str:
    return ", ".join(f"{name} = {_shown(np.ravel(value), index)}" for name, value in values.items())


def _shown(values: np.ndarray, index: int) -> str:
    value = values[index if values.size > 1 else 0]
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
