"""Contracts of the methods that own families define: what each takes and returns, and the message where it does not.

A method takes an array of any shape first, and returns as many numbers. Classes outside this package are held to that:
their methods are wrapped when the class is made, so that a wrong signature, an `if` or a `math` function in the place
of NumPy's, or a result of another shape or kind ends in one message, wherever the method is called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from types import FunctionType
from typing import Any

import numpy as np

from ..errors import InputError, RosettaError

FOR_ARRAYS = ("Python scalars", "truth value of an array")  # of NumPy's complaints


@dataclass(frozen=True)
class Contract:
    """Result of a method for an array, in words, and an expression that gives it."""

    returns: str
    example: str


class MethodError(InputError):
    """A method of an own family that cannot be called as the family's is, or returns something else.

    `law` is the one of `rosettalaw.testing.laws` that it breaks, ``call`` or ``shape``.
    """

    def __init__(self, law: str, kind: str, method: str, value: str, rule: str, example: str):
        self.law, self.method = law, method
        super().__init__(f"{kind}.{method}", value, rule, example)


def hold(family: type, contracts: Mapping[str, Contract]) -> None:
    """Wrap the methods that a class itself defines, so that each call is checked."""
    for method in contracts.keys() & vars(family).keys():
        defined = vars(family)[method]
        if isinstance(defined, FunctionType) and not hasattr(defined, "contract"):
            setattr(family, method, _checked(family, method, contracts[method], defined, 1))
        elif isinstance(defined, staticmethod) and not hasattr(defined.__func__, "contract"):
            setattr(family, method, staticmethod(_checked(family, method, contracts[method], defined.__func__, 0)))


def _checked(family: type, method: str, contract: Contract, function: Callable, first: int) -> Callable:
    kind = family.__name__
    original = next(getattr(base, method) for base in reversed(family.__mro__) if hasattr(base, method))
    names = list(inspect.signature(original).parameters)

    def error(law: str, value: str, hint: str = "") -> MethodError:
        others = "".join(f", and {name}" for name in names[2:])
        rule = f"must take {names[1]}, an array of any shape{hint}{others}, and return {contract.returns}"
        return MethodError(
            law, kind, method, value, rule, f"def {method}({', '.join(names)}): return {contract.example}"
        )

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            answer = function(*args, **kwargs)
        except (RosettaError, Warning):
            raise
        except Exception as problem:
            hint = " (np.exp, not math.exp; np.where, not if)" if any(t in str(problem) for t in FOR_ARRAYS) else ""
            raise error("call", f"{type(problem).__name__}: {problem}", hint) from problem
        given: Any = args[first] if len(args) > first else next(iter(kwargs.values()), None)
        try:
            values = np.asarray(answer)
        except ValueError:  # lists of several lengths
            values = np.asarray(None)
        if values.dtype.kind not in "biuf":
            raise error("shape", f"a result of type {type(answer).__name__}, {values.dtype}")
        if values.shape != np.shape(given):
            raise error("shape", f"shape {values.shape} for {names[1]} of shape {np.shape(given)}")
        return answer if isinstance(answer, np.ndarray | float) and values.dtype == float else values.astype(float)

    call.contract = contract  # type: ignore[attr-defined]
    return call
