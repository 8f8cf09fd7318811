"""What spectra, utilities, costs and budget laws share: positive parameters, and a name in a table.

A member of a family is a frozen dataclass with one abstract method. To add one, write the class and, if it should
have a name on the command line or in a file, add a line to its module's table::

    @dataclass(frozen=True)
    class Plateau(Spectrum):
        width: float

        def at(self, rank, features):
            return np.where(rank <= self.width, 1.0, (rank / self.width) ** -2)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TypeVar

import numpy as np

from ..errors import InputError, UnknownNameError, require


class Family:
    """A set of functions told apart by positive numbers."""

    def __post_init__(self):
        for name, value in vars(self).items():
            if np.isscalar(value):
                number = isinstance(value, int | float | np.number) and 0 < value < np.inf
                example = f"{type(self).__name__}({name}=1.5)"
                require(number, f"{type(self).__name__}.{name}", value, "must be finite and greater than 0", example)


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
    for given in parameters:
        if given not in known:
            raise UnknownNameError(f"parameter of {name}", given, known)
    try:
        return table[name](**parameters)
    except TypeError:
        example = f"{what}({name!r}, {', '.join(f'{field}=1.5' for field in known)})"
        raise InputError(name, parameters, f"takes the parameters {', '.join(known)}", example) from None
