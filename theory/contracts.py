"""Contracts of the methods that own families define: what each takes and returns, and the message where it does not.

A method takes an array of any shape first, and returns as many numbers. Classes outside this package are held to that:
their methods, inherited ones and callables of any kind among them, are wrapped when the class is made. A wrong
signature, an `if` or a `math` function in the place of NumPy's, a result of another shape or kind, or a change of the
argument ends in one message, wherever the method is called. No array is shared: a method is given a copy, and its
result is copied, so that it may fill one array of its own at every call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, partialmethod, wraps
from types import FunctionType
from typing import Any

import numpy as np

from ..errors import InputError, RosettaError

OURS = __name__.partition(".")[0] + "."
FOR_ARRAYS = ("Python scalars", "truth value of an array")  # of NumPy's complaints


@dataclass(frozen=True)
class Contract:
    """Result of a method for an array, in words, and an expression that gives it."""

    returns: str
    example: str


class MethodError(InputError):
    """A method of an own family that cannot be called as the family's is, or returns something else.

    `law` is the one of `rosettalaw.testing.laws` that it breaks, ``call``, ``pure`` or ``shape``.
    """

    def __init__(self, law: str, kind: str, method: str, value: str, rule: str, example: str):
        self.law, self.method = law, method
        super().__init__(f"{kind}.{method}", value, rule, example)


def hold(family: type, contracts: Mapping[str, Contract]) -> None:
    """Wrap the methods of a class that are not this package's, its own or inherited, so that each call is checked."""
    for method in contracts:
        owner = next(base for base in family.__mro__ if method in vars(base))
        defined = vars(owner)[method]
        bare = isinstance(defined, staticmethod | classmethod)
        function = defined.__func__ if bare else defined
        if owner.__module__.startswith(OURS) or hasattr(function, "contract"):
            continue
        if callable(function) or isinstance(function, partialmethod):
            checked = _checked(
                family, method, contracts[method], function, 0 if isinstance(defined, staticmethod) else 1
            )
            setattr(family, method, type(defined)(checked) if bare else checked)


def _checked(family: type, method: str, contract: Contract, function: Any, first: int) -> Callable:
    kind = family.__name__
    ours = (base for base in reversed(family.__mro__) if base.__module__.startswith(OURS))
    names = list(inspect.signature(next(vars(base)[method] for base in ours if method in vars(base))).parameters)

    def error(law: str, value: str, rule: str) -> MethodError:
        return MethodError(
            law, kind, method, value, rule, f"def {method}({', '.join(names)}): return {contract.example}"
        )

    def rule(hint: str = "") -> str:
        others = "".join(f", and {name}" for name in names[2:])
        return f"must take {names[1]}, an array of any shape{hint}{others}, and return {contract.returns}"

    @wraps(function, updated=("__dict__",) if isinstance(function, FunctionType) else ())
    def call(*args: Any, **kwargs: Any) -> Any:
        own, named = [_copied(value) for value in args], {name: _copied(value) for name, value in kwargs.items()}
        try:
            answer = _bound(function, own, first)(**named)
        except (RosettaError, Warning):
            raise
        except Exception as problem:
            hint = " (np.exp, not math.exp; np.where, not if)" if any(t in str(problem) for t in FOR_ARRAYS) else ""
            raise error("call", f"{type(problem).__name__}: {problem}", rule(hint)) from problem
        for given, after in [*zip(args, own, strict=True), *((kwargs[name], named[name]) for name in named)]:
            if isinstance(given, np.ndarray) and not _same(given, after):
                raise error(
                    "pure", f"a call that changes {names[1]}", f"must leave {names[1]} as it is, or take a copy"
                )
        given: Any = args[first] if len(args) > first else next(iter(kwargs.values()), None)
        try:
            values = np.array(answer)
        except ValueError:  # lists of several lengths
            values = np.array(None)
        if values.dtype.kind not in "biuf" or np.ma.is_masked(answer):
            raise error("shape", f"a result of type {type(answer).__name__}, {values.dtype}", rule())
        if values.shape != np.shape(given):
            raise error("shape", f"shape {values.shape} for {names[1]} of shape {np.shape(given)}", rule())
        return answer if isinstance(answer, float) else values.astype(float, copy=False)

    call.contract = contract  # type: ignore[attr-defined]
    return call


def _bound(function: Any, args: list[Any], first: int) -> Callable[..., Any]:
    """Return a function with its arguments, as Python binds it to the object that comes first."""
    if isinstance(function, FunctionType) or not first or not args:
        return partial(function, *args)
    bind = getattr(type(function), "__get__", None)  # none of a ufunc, a partial or np.vectorize: they take no self
    bound = bind(function, args[0], type(args[0])) if bind else function
    return partial(bound, *args[1:])


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other) or (one.dtype.kind == "f" and np.array_equal(one, other, equal_nan=True))
