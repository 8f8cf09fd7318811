"""Utilities, spectra, costs and budgets as expressions: from text, from SymPy, or by the names of the shipped families.

The letters are those of `derivation`: isolation ``s``, rank ``r``, size ``N``, features ``A``; every other letter is a
positive parameter. Text is read by SymPy's parser with nothing in reach but the functions below.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sympy as sp

from ..errors import InputError, UnknownNameError, require
from .derivation import N, delta, eta, kappa, r, s, theta

A = sp.Symbol("A", positive=True)
beta, sigma, scale, power, width, shift, knee = sp.symbols("beta sigma scale power width shift knee", positive=True)
beta1, beta2 = sp.symbols("beta1 beta2", positive=True)

# The families of `spectra`, `utilities` and `budgets`, by the names of their tables.
UTILITIES: dict[str, sp.Expr] = {
    "log": sp.log(1 + s),
    "crra": ((1 + s) ** (1 - eta) - 1) / (1 - eta),
    "pure-power": s ** (1 - eta) / (1 - eta),
    "saturating": 1 - sp.exp(-s),
    "squared-error": s / (1 + s),
}
SPECTRA: dict[str, sp.Expr] = {
    "power-law": r**-beta,
    "exponential": sp.exp(-r / scale),
    "stretched-exponential": sp.exp(-((r / scale) ** power)),
    "log-quadratic": sp.exp(-(sp.log(r) ** 2) / (2 * width**2)),
    "broken-power-law": sp.Piecewise(((r / knee) ** -beta1, r <= knee), ((r / knee) ** -beta2, True)),
    "zipf-mandelbrot": (r + shift) ** -beta,
    "lognormal": sp.exp(sigma * sp.sqrt(2) * sp.erfinv(1 - 2 * (r - sp.Rational(1, 2)) / A)),
}
COSTS: dict[str, sp.Expr] = {"unit": sp.Integer(1), "power": r**delta}
BUDGETS: dict[str, sp.Expr] = {"linear": kappa * N, "power": kappa * N**theta}
TABLES = {"utility": (UTILITIES, {s}), "spectrum": (SPECTRA, {r, A}), "cost": (COSTS, {r}), "budget": (BUDGETS, {N})}

FUNCTIONS = ("exp", "log", "sqrt", "erf", "erfc", "erfinv", "atan", "tanh", "sinh", "cosh", "Piecewise", "Min", "Max")
INSIDE = ("Symbol", "Integer", "Float", "Rational")  # what SymPy's parser writes in place of names and numbers
EXAMPLE = 'derive(utility="s/(1 + s)", spectrum="r**-beta", cost="r**delta", budget="kappa*N**theta")'


def expression(part: str, given: Any) -> sp.Expr:
    """Return a part of a theory (`part` is a key of `TABLES`) as an expression in this package's letters.

    Raises
    ------
    InputError, UnknownNameError
        If it is not a formula, has none of the part's letters, or is a name that no family has.
    """
    table, letters = TABLES[part]
    if isinstance(given, str):
        if re.fullmatch(r"[A-Za-z]+([-_ ][A-Za-z]+)*", given) and (given in table or len(given) > 2):
            if given not in table:
                raise UnknownNameError(part, given, table)
            return table[given]
        given = _parsed(part, given)
    rule = f"must be a formula, as text or in SymPy, or a name: {', '.join(table)}"
    try:
        result = sp.sympify(given)
    except (sp.SympifyError, TypeError):
        raise InputError(part, given, rule, EXAMPLE) from None
    require(isinstance(result, sp.Expr), part, given, rule, EXAMPLE)
    result = in_our_letters(sp.nsimplify(result, rational=True))  # 1.7 is 17/10: what is proved is proved of that
    foreign = {symbol for _, own in TABLES.values() for symbol in own} - letters
    stray = sorted(str(symbol) for symbol in result.free_symbols & foreign)
    mine = " or ".join(sorted(str(letter) for letter in letters))
    require(not stray, part, given, f"is a function of {mine}; {', '.join(stray)} has another meaning", EXAMPLE)
    constant = part == "cost" and not result.free_symbols
    require(constant or result.free_symbols & letters, part, given, f"must be a function of {mine}", EXAMPLE)
    return result


def in_our_letters(given: sp.Expr) -> sp.Expr:
    """Return an expression whose letters are positive: those of `derivation`, by their names."""
    letters: Any = given.free_symbols
    return given.subs({symbol: sp.Symbol(symbol.name, positive=True) for symbol in letters})


def _parsed(part: str, text: str) -> Any:
    """Read a formula; only names, numbers, operators, commas and comparisons may occur."""
    from sympy.parsing.sympy_parser import parse_expr

    rule = "must be a formula of numbers, letters, + - * / ** ( ) and " + ", ".join(FUNCTIONS)
    plain = re.fullmatch(r"[\w\s+\-*/().,<>=]*", text) and "__" not in text and not re.search(r"\.\s*[A-Za-z_]", text)
    require(plain and text.strip(), part, text, rule, EXAMPLE)
    names: Mapping[str, Any] = {name: getattr(sp, name) for name in (*FUNCTIONS, *INSIDE)}
    letters = {name: sp.Symbol(name, positive=True) for name in re.findall(r"[A-Za-z]\w*", text) if name not in names}
    if "lambda" in letters:
        raise InputError(part, text, "lambda is the multiplier; rename your parameter", EXAMPLE)
    try:
        return parse_expr(text, local_dict=letters, global_dict={**names, "True": True, "__builtins__": {}})
    except Exception as error:
        raise InputError(part, text, f"{rule} ({type(error).__name__})", EXAMPLE) from None
