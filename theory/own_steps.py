"""Single steps of `own_theory`: demand, profile, frontier, local law and the budget that finds every feature."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import mpmath as mp
import sympy as sp

from ..errors import InputError, require
from . import growth
from .derivation import N, n, r, r0, s, tau
from .expressions import EXAMPLE, A, in_our_letters
from .limits import limit_of

r_tau, price = sp.symbols("r_tau p", positive=True)
T_sum, C_sum = sp.symbols("S_T C_n", positive=True)  # Σ c T(s), Σ c over active features
FEATURES = 10**6  # in the place of A
RANKS, SIZES = (1, 2, 3, 5, 8, 20, 100, 1000, 10**5), (10**2, 10**3, 10**4, 10**6, 10**9)
TRIED = [sp.Rational(*one) for one in ((1, 5), (1, 2), (3, 2), (4, 1))]  # numbers for letters without one
ISOLATION = [mp.mpf(one) / 1000 for one in (1, 10, 100, 300, 1000, 3000, 10_000, 50_000)]
DIGITS, NOISE = 60, mp.mpf(10) ** -30


def tidy(of: sp.Expr) -> sp.Expr:
    """Return an expression with its powers drawn together, as for positive letters."""
    return sp.powsimp(sp.powdenest(sp.simplify(of), force=True), force=True)


def by_ratio(profile: sp.Expr, last: sp.Symbol) -> sp.Expr:
    """Write a profile that depends on the ratio of two ranks alone as a function of it."""
    ratio = sp.Symbol("x", positive=True)
    result = sp.powsimp(sp.simplify(sp.expand(sp.expand_power_base(profile.subs(last, ratio * r), force=True))))
    return profile if result.has(r) else result.subs(ratio, last / r)


def require_concave(U: sp.Expr, marginal: sp.Expr, curvature: sp.Expr, at: Mapping[str, float]) -> None:
    """Raise unless U' is positive and falls, wherever it is looked at and for s → ∞.

    Letters without a number have each of `TRIED` in turn: a utility is refused if it fails with all of them.
    """
    rule = "must be concave: U' must be positive and fall with s"
    pieces = curvature.has(sp.DiracDelta, sp.Heaviside, sp.Derivative)
    require(not pieces and curvature != 0, "utility", U, rule, EXAMPLE)
    lowest = floor_of(marginal)
    negative = lowest is not None and lowest.is_extended_negative is True
    require(not negative, "utility", U, f"{rule}; it falls to {lowest}", EXAMPLE)
    worth, bend = _tried(marginal, s, ISOLATION, at), _tried(curvature * s, s, ISOLATION, at)
    falls = any(
        _positive(first) and all(two < -NOISE * one for one, two in zip(first, second, strict=True))
        for first, second in zip(worth, bend, strict=True)
        if second
    )
    require(falls, "utility", U, rule, EXAMPLE)


def require_parts(w: sp.Expr, c: sp.Expr, B: sp.Expr, at: Mapping[str, float]) -> None:
    """Raise unless importance, cost and budget are positive, and importance over cost falls with rank."""
    for name, part, x, places in (("spectrum", w, r, RANKS), ("cost", c, r, RANKS), ("budget", B, N, SIZES)):
        positive = any(map(_positive, _tried(part, x, places, at)))
        require(positive, name, part, f"must be positive at every {x}", EXAMPLE)
    values = [prices for prices in _tried(c / w, r, RANKS, at) if prices]
    falls = any(
        prices[0] < prices[-1] and all(b - a > -NOISE * a for a, b in itertools.pairwise(prices)) for prices in values
    )
    require(falls, "spectrum", w, "importance over cost must fall with rank", EXAMPLE)


def _tried(of: sp.Expr, x: sp.Symbol, places: Iterable[Any], at: Mapping[str, float]) -> list[list[Any]]:
    """Return the values at some places for each of `TRIED`; an empty list where one is no real number."""
    letters: Any = of.free_symbols - {x, A}
    result = []
    for other in TRIED:
        numbers: Any = {one: sp.Rational(str(at.get(one.name, other))) for one in letters} | {A: FEATURES}
        with mp.workdps(DIGITS):
            try:
                function = sp.lambdify(x, of.subs(numbers), "mpmath")
                values = [mp.mpf(function(mp.mpf(place))) for place in places]
            except (ArithmeticError, TypeError, ValueError, NameError):  # complex numbers, poles, unknown functions
                values = []
        result.append(values if all(map(mp.isfinite, values)) else [])
    return result


def _positive(values: list[Any]) -> bool:
    return bool(values) and min(values) > 0


def floor_of(marginal: sp.Expr) -> sp.Expr | None:
    """Return the limit of U' for s → ∞, or None where SymPy finds none."""
    try:
        lowest = limit_of(marginal, s, {})
    except InputError:  # no proof
        return None
    return lowest.value if lowest.known else None


def demand_of(marginal: sp.Expr) -> sp.Expr | None:
    """Return s with U'(s) = p: of several solutions the one that goes through U'(1)."""
    solutions = solutions_of(marginal - price, s)
    numbers: Any = {symbol: sp.Rational(3, 2) for symbol in marginal.free_symbols - {s}}
    known = marginal.subs(numbers)
    for solution in solutions:
        back = [abs(sp.N(solution.subs(numbers).subs(price, known.subs(s, at))) - at) for at in (1, sp.Rational(1, 3))]
        if all(one.is_number and one < 1e-9 for one in back):
            return solution
    return None


def frontier_of(q: sp.Expr, ratio: sp.Expr) -> sp.Expr | sp.Eq:
    """Return r_τ with q(r_τ)/q(r0) = U'(τ)/U'(0), in closed form or as that equation."""
    equation: Any = sp.Eq(q.subs(r, r_tau) / q.subs(r, r0), ratio, evaluate=False)
    steepness = growth.slope(q, r)
    if not steepness.has(r):
        return r0 * ratio ** (1 / steepness) if not steepness.has(sp.Piecewise) else equation
    if q.has(sp.Piecewise):
        return equation
    logs = sp.expand_log(sp.log(equation.lhs), force=True) - sp.log(ratio)
    solutions = solutions_of(equation.lhs - ratio, r_tau, logs)
    letters: Any = ratio.free_symbols | q.free_symbols
    numbers: Any = {symbol: sp.Rational(3, 2) for symbol in letters - {r, tau}} | {r0: sp.Integer(7)}
    # where τ is nothing the frontier is r0
    fine = [one for one in solutions if abs(sp.N(one.subs(numbers).subs(tau, 0)) - 7) < 1e-9]
    return sp.simplify(fine[0]) if fine else equation


def solutions_of(vanishing: sp.Expr, x: sp.Symbol, form: sp.Expr | None = None) -> list[sp.Expr]:
    """Return where an expression vanishes for a positive x, as far as closed forms are of use.

    A polynomial in one root of x is solved up to two different powers of it; beyond that SymPy's answers fill pages, or
    never come. All others are SymPy's, from another `form` of the equation where there is one.
    """
    polynomial, root = _in_one_root(sp.numer(sp.together(vanishing)), x)
    if polynomial is None:
        try:
            return list(sp.solve(vanishing if form is None else form, x))
        except NotImplementedError:
            return []
    powers = [monomial[0] - polynomial.monoms()[-1][0] for monomial in polynomial.monoms()]
    step = sp.igcd(*powers)
    if not step or powers[0] // step > 2:
        return []
    z = sp.Symbol("z")
    terms = zip(powers, polynomial.coeffs(), strict=True)
    reduced = sp.Poly(sp.Add(*(value * z ** (power // step) for power, value in terms)), z)
    return [one ** sp.Rational(root, step) for one in sp.roots(reduced)]


def _in_one_root(numerator: sp.Expr, x: sp.Symbol) -> tuple[Any, int]:
    """Return a polynomial in y and the whole number k of x = y^k, or None if the numerator is none in any root of x."""
    powers: Any = numerator.atoms(sp.Pow)
    fractions = [int(power.exp.q) for power in powers if power.base == x and power.exp.is_Rational]
    y, root = sp.Symbol("y", positive=True), math.lcm(*fractions)
    try:
        return sp.Poly(sp.expand(numerator.subs(x, y**root)), y), root
    except sp.PolynomialError:
        return None, root


def local_law(w: sp.Expr, c: sp.Expr, B: sp.Expr, tolerance: sp.Expr) -> sp.Expr:
    """Return d log r_τ/d log N."""
    steepness = growth.slope(c, r) - growth.slope(w, r)
    theta = growth.slope(B, N)
    slope = sp.simplify(sp.diff(tolerance, s))
    response = T_sum
    if not slope.has(s):  # T = a + b s
        response = sp.simplify(tolerance.subs(s, 0)) * (n if c == 1 else C_sum) + slope * B
    return sp.simplify(theta * B / response) / sp.simplify(steepness).subs(r, r_tau)


def budget_for_all(demand: sp.Expr, marginal: sp.Expr, q: sp.Expr, c: sp.Expr) -> sp.Expr:
    """Return Σ_{r≤A} c s when s_A = τ."""
    k, whole = sp.Symbol("r", integer=True, positive=True), sp.Symbol("A", integer=True, positive=True)
    each = tidy(demand.subs(price, marginal.subs(s, tau) * q / q.subs(r, A)))
    terms = sp.expand(sp.powsimp(sp.expand(c * each), force=True)).subs({r: k, A: whole})
    total: Any = sp.Integer(0)
    for term in sp.Add.make_args(terms):
        factor, rest = term.as_independent(k)
        if not _summable(rest, k):  # SymPy may look for a closed form without end
            total = sp.Sum((c * each).subs({r: k, A: whole}), (k, 1, whole))
            break
        total += factor * sp.Sum(rest, (k, 1, whole)).doit()
    sums = sorted(total.atoms(sp.Sum), key=str)
    return in_our_letters(sp.collect(total, sums, sp.factor)) if sums else in_our_letters(sp.factor_terms(total))


def _summable(term: Any, k: sp.Symbol) -> bool:
    """Return whether a term is a product of powers, logarithms and exponentials of k, or in pieces."""
    bases = [factor.as_base_exp()[0] for factor in sp.Mul.make_args(term)]
    return term.has(sp.Piecewise) or all(base in (k, sp.log(k)) or not base.has(k) for base in bases)
