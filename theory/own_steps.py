"""Single steps of `own_theory`: demand, profile, frontier, local law and the budget that finds every feature."""

from __future__ import annotations

import math
from typing import Any

import sympy as sp

from . import growth
from .derivation import N, n, r, r0, s, tau
from .expressions import A, in_our_letters

r_tau, price = sp.symbols("r_tau p", positive=True)
T_sum, C_sum = sp.symbols("S_T C_n", positive=True)  # Σ c T(s), Σ c over active features


def tidy(of: sp.Expr) -> sp.Expr:
    """Return an expression with its powers drawn together, as for positive letters."""
    return sp.powsimp(sp.powdenest(sp.simplify(of), force=True), force=True)


def by_ratio(profile: sp.Expr, last: sp.Symbol) -> sp.Expr:
    """Write a profile that depends on the ratio of two ranks alone as a function of it."""
    ratio = sp.Symbol("x", positive=True)
    result = sp.powsimp(sp.simplify(sp.expand(sp.expand_power_base(profile.subs(last, ratio * r), force=True))))
    return profile if result.has(r) else result.subs(ratio, last / r)


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
