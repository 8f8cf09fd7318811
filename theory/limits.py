"""Limits: proved by SymPy, or else found numerically and shown with the table that they were read from.

A numerical limit is taken along x = 10, 10², 10⁴, 10⁸ … 10^128 at 150 digits. It is reported when the last two values
agree to 1e-6, or, as infinite or 0, when they run off steadily; otherwise there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import sympy as sp

from ..errors import InputError

PROVED = "proved"
NUMERICAL = "numerically, to 1e-6"
FALLING = "numerically, by decreasing slopes"
NONE = "no limit was found"
CLOSE = 1e-6
FAR = [10 ** (2**k) for k in range(8)]
DIGITS = 150


class NumbersNeeded(InputError):
    """A limit that has no proof, and letters without numbers: `derive` adds a call that gives them."""


@dataclass(frozen=True)
class Limit:
    """A limit and how it is known.

    Attributes
    ----------
    value : Expr
        A number, ∞ or an expression in the parameters; nan if none was found.
    how : str
        "proved", "numerically, to 1e-6", "numerically, by decreasing slopes" or "no limit was found".
    table : tuple of (float, float)
        Points and values that a numerical limit was read from; x as its decimal logarithm.
    words : str
        What the proof rests on, or why there is no limit.
    """

    value: sp.Expr
    how: str = PROVED
    table: tuple[tuple[float, float], ...] = ()
    words: str = ""

    @property
    def known(self) -> bool:
        """True where there is a limit."""
        return self.how != NONE

    def __str__(self) -> str:
        rows = "".join(f"\n    x = 1e{at:g}: {value:.9g}" for at, value in self.table)
        reason = f"; {self.words}" if self.words else ""
        return f"{self.value} ({self.how}{reason}){rows}"


def limit_of(of: sp.Expr, x: sp.Symbol, numbers: Mapping[str, float], at_zero: bool = False) -> Limit:
    """Return the limit of an expression for x → ∞, or for x → 0 from above.

    `numbers` are values of the parameters, needed only where SymPy finds no limit.

    Raises
    ------
    InputError
        If there is no proof and a parameter has no number.
    """
    far = sp.simplify(last_piece(of, x))
    if not far.has(x):
        return Limit(far)
    result = _proof(far, x, at_zero)
    if result is not None:
        return Limit(result)
    letters: Any = far.free_symbols - {x}
    known: Any = {symbol: sp.Float(numbers[symbol.name], 30) for symbol in letters if symbol.name in numbers}
    missing = sorted(str(symbol) for symbol in letters - set(known))
    require_numbers(missing, numbers)
    function = sp.lambdify(x, far.subs(known), "mpmath")
    return numerical_limit(lambda big: function(1 / big if at_zero else big))


def require_numbers(missing: list[str], numbers: Mapping[str, float]) -> None:
    """Raise `NumbersNeeded` if letters have no numbers."""
    if missing:
        rule = f"must have numbers for {', '.join(missing)}: SymPy finds no limit"
        raise NumbersNeeded("at", dict(numbers), rule)


def numerical_limit(function: Callable[[Any], Any], far: list[int] | None = None) -> Limit:
    """Return the limit of a function of a large number by its values."""
    table = []
    with mp.workdps(DIGITS):
        for big in FAR if far is None else far:
            try:
                value = mp.mpf(mp.re(function(mp.mpf(big))))
            except (ArithmeticError, ValueError, TypeError):
                break
            if not mp.isfinite(value):
                break
            table.append((float(mp.log10(big)), float(value)))
    values = [value for _, value in table]
    rows = tuple(table)
    if len(values) >= 3:
        last, before, third = values[-1], values[-2], values[-3]
        if abs(last - before) <= CLOSE * max(1.0, abs(last)):
            return Limit(sp.Float(last, 9), NUMERICAL, rows)
        if abs(last) > 1 / CLOSE and abs(last) > abs(before) > abs(third):
            return Limit(sp.oo if last > 0 else -sp.oo, NUMERICAL, rows)
    return Limit(sp.nan, NONE, rows)


def last_piece(of: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """Return an expression with every `Piecewise` replaced by its piece for large x."""
    pieces: Any = {}
    result: Any = of.atoms(sp.Piecewise)
    for piecewise in result:
        for value, condition in piecewise.args:
            letters = {symbol: 10**30 if symbol == x else 2 for symbol in condition.free_symbols}
            if condition == True or condition.subs(letters) == True:  # noqa: E712  SymPy's truth is not a bool
                pieces[piecewise] = value
                break
    last: Any = of.xreplace(pieces)
    return last


def _proof(of: sp.Expr, x: sp.Symbol, at_zero: bool) -> sp.Expr | None:
    try:
        result = sp.limit(of, x, 0 if at_zero else sp.oo, "+" if at_zero else "-")
    except Exception:  # SymPy raises of many kinds where it does not know
        return None
    unknown = result.has(x, sp.Limit, sp.AccumBounds, sp.nan, sp.zoo) or result.is_extended_real is False
    return None if unknown else sp.simplify(result)
