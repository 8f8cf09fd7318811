"""Common ground of spectra, utilities, costs and budget laws: parameters with ranges, and a name in a table.

A member of a family is a frozen dataclass with one abstract method. To add one, write the class and, if it should
have a name on the command line or in a file, add a line to its module's table. Parameters may be of any sign and kind;
those that `ranges` names must be single numbers strictly inside their range::

    @dataclass(frozen=True)
    class Plateau(Spectrum):
        width: float
        ranges: ClassVar = {"width": POSITIVE}

        def at(self, rank, features):
            return np.where(rank <= self.width, 1.0, (rank / self.width) ** -2)

Methods take arrays of any shape and return as many numbers; `contracts` says so where one does not.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import ClassVar, TypeVar

import numpy as np

from ..errors import InputError, UnknownNameError, require
from ..vocabulary import Variable
from .contracts import OURS, Contract, hold

POSITIVE = (0.0, np.inf)
REAL = (-np.inf, np.inf)


class FunctionFamily:
    """A set of functions that differ in their parameters."""

    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """Open interval of each parameter that has one; a parameter without one may be anything."""
    variables: ClassVar[Mapping[str, Variable]] = {}
    """Meaning, units and symbol of parameters, which a sweep writes beside their values."""
    contracts: ClassVar[Mapping[str, Contract]] = {}
    """Results of the methods that take an array, in words."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if not cls.__module__.startswith(OURS):
            hold(cls, cls.contracts)

    def __new__(cls, *_args, **_kwargs):
        methods = (name for name in dir(cls) if getattr(getattr(cls, name), "__isabstractmethod__", False))
        for method in methods:
            example = f"def {method}({', '.join(inspect.signature(getattr(cls, method)).parameters)}): ..."
            raise InputError("class", cls.__name__, f"must define the method {method}", example)
        for method in cls.contracts:
            value, rule = getattr(cls, method), "must be a method, whose array comes first"
            require(callable(value), f"{cls.__name__}.{method}", value, rule, f"def {method}(self, ...): ...")
        return super().__new__(cls)

    def __post_init__(self):
        kind = type(self).__name__
        names = [field.name for field in fields(self)] if is_dataclass(self) else list(vars(self))
        example = f"{kind}({', '.join(f'{name}=1.5' for name in names)})"
        for name, (low, high) in self.ranges.items():
            value = getattr(self, name)
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            rule = "must be finite" if low == -np.inf else f"must be finite and greater than {low:g}"
            rule += f" and less than {high:g}" if high < np.inf else ""
            rule += "" if number else " (one number; Model.sweep takes arrays)"
            require(number and low < value < high, f"{kind}.{name}", value, rule, example)

    def __repr__(self):  # of classes that are not dataclasses: parameters, and no address in memory
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


Member = TypeVar("Member")


def by_name(what: str, table: Mapping[str, type[Member]], name: str, **parameters: float) -> Member:
    """Make the member of a family that `table` calls `name`.

    Raises
    ------
    UnknownNameError
        If there is no such name, with the nearest that there are.
    InputError
        If the parameters are not those of the family.
    """
    if name not in table:
        raise UnknownNameError(what, name, table)
    known = [field.name for field in fields(table[name])]  # type: ignore[arg-type]
    for parameter in parameters:
        if parameter not in known:
            raise UnknownNameError(f"parameter of {name}", parameter, known)
    try:
        return table[name](**parameters)
    except TypeError:
        example = f"{what}({name!r}, {', '.join(f'{field}=1.5' for field in known)})"
        raise InputError(name, parameters, f"takes the parameters {', '.join(known)}", example) from None
