"""Exponents of a theory for N → ∞, from the indices of its parts.

Let for large arguments ``w ~ r^-β``, ``c ~ r^δ``, ``U' ~ s^-η`` and ``B ~ N^θ`` up to slowly varying factors; the
indices are limits of logarithmic slopes,

    β = lim −d log w/d log r     δ = lim d log c/d log r     η = lim −d log U'/d log s     θ = lim d log B/d log N

and each may be infinite (exponential spectra have β = ∞, a bounded appetite for isolation η = ∞). The price of a unit
at rank r is ``c/w ~ r^(β+δ)``, so ``s*(1) ~ r0^((β+δ)/η)``, and by Karamata's theorem the spending integral is carried
by the first ranks or by the edge, whichever grows faster:

    ∫_1^{r0} c s* dr ~ r0^D,     D = max((β + δ)/η, 1 + δ)

    count                  θ/D
    mean isolation         θ max((β + δ)/η − 1, 0)/D
    tail mass              θ/D           and, over N − R, θ/D − 1

That needs 0 < β + δ and 0 ≤ η, not both infinite, and A ≥ r0. With η = 0, where U' has a positive limit or falls
slower than any power, s*(1) outgrows every power of r0: the count has exponent 0 and mean isolation θ. Where the first
unit is priceless, U'(0) = ∞ with ``U' ~ s^-ζ`` at 0, every feature up to A = γN is active and takes its part, so that
the count has the exponent

    min(θη/(β + δ), θ/(1 + δ), 1 − (1 + δ − θ) ζ/(β + δ))

Importances that depend on r/A alone are drawn from a distribution; if its mean is finite, everything is proportional
to N. Where indices do not decide, `own_theory` takes the limit of the local law itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from .derivation import N, r, s
from .expressions import A
from .limits import FALLING, NONE, NUMERICAL, PROVED, Limit, last_piece, limit_of

QUANTITIES = ("count", "mean_isolation", "tail_mass", "isolation_per_non_rosetta")


@dataclass(frozen=True)
class Indices:
    """Indices β, δ, η, θ of a theory's parts, and ζ, that of U' at 0, where U'(0) is infinite."""

    spectrum: Limit
    cost: Limit
    appetite: Limit
    budget: Limit
    at_zero: Limit | None = None

    @property
    def decide(self) -> bool:
        """True where the exponents follow from the indices."""
        price, eta = self.price, self.appetite.value
        limits = [self.spectrum, self.cost, self.appetite, self.budget, *([self.at_zero] if self.at_zero else [])]
        known = all(one.known for one in limits)
        proper = price.is_extended_positive is True if eta.is_zero else price.is_extended_positive is not False
        return known and proper and not price == eta == sp.oo

    @property
    def price(self) -> sp.Expr:
        """β + δ."""
        return sp.sympify(self.spectrum.value + self.cost.value)

    @property
    def how(self) -> str:
        """The weakest way in which one of them is known."""
        limits = [self.spectrum, self.cost, self.appetite, self.budget, *([self.at_zero] if self.at_zero else [])]
        return NUMERICAL if any(one.how == NUMERICAL for one in limits) else PROVED


def slope(of: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """Return d log f/d log x."""
    log = sp.expand_log(sp.log(of), force=True) if not of.has(sp.Piecewise) else None
    if log is not None:
        return sp.simplify(x * sp.diff(log, x))
    folded: Any = sp.piecewise_fold(x * sp.diff(of, x) / of)
    return sp.simplify(folded)


def indices(
    spectrum: sp.Expr, cost: sp.Expr, appetite: sp.Expr, budget: sp.Expr, priceless: bool, at: Mapping[str, float]
) -> Indices:
    """Return the indices; `appetite` is s/T(s) = −d log U'/d log s."""
    return Indices(
        spectrum=limit_of(-slope(last_piece(spectrum, r), r), r, at),
        cost=limit_of(slope(last_piece(cost, r), r), r, at),
        appetite=limit_of(appetite, s, at),
        budget=limit_of(slope(budget, N), N, at),
        at_zero=limit_of(appetite, s, at, at_zero=True) if priceless else None,
    )


def exponents(of: Indices) -> dict[str, Limit]:
    """Return the exponents in N that the indices decide."""
    price, delta, eta, theta = of.price, of.cost.value, of.appetite.value, of.budget.value
    top = sp.Integer(0) if eta == sp.oo else sp.oo if eta.is_zero else price / eta  # index of s*(1) in r0
    edge = 1 + delta
    if top == sp.oo and of.at_zero is None:
        count, mean = sp.Integer(0), theta
        values = (count, mean, count, sp.Integer(-1))
    elif of.at_zero is None:
        by_edge = sp.oo if edge.is_nonpositive else theta / edge
        count = sp.Min(by_edge, theta / top if top != 0 else sp.oo)
        if (count - 1).is_extended_positive:  # r0 outgrows A
            rest = Limit(sp.nan, NONE, words="every feature is found")
            return {"count": _limit(sp.Integer(1), of), **dict.fromkeys(QUANTITIES[1:], rest)}
        values = (count, count * sp.Max(top - 1, 0), count, count - 1)
        if (by_edge - 1).is_extended_positive:  # where top < θ, r0 outgrows A
            count = theta / top
            others = (sp.Piecewise((one, theta <= top), (sp.nan, True)) for one in (theta - count, count, count - 1))
            values = (sp.Min(count, 1), *others)
    else:
        small = price / of.at_zero.value  # s falls as r^-small beyond the frontier
        bounds = [theta / edge, 1 - (edge - theta) / small] + ([theta / top] if top != 0 else [])
        count = sp.Min(*map(sp.simplify, bounds))
        tail = sp.Max(count, count * small + 1 - small)
        mean = theta if top == sp.oo else count * sp.Max(top - 1, 0)
        values = (count, mean, tail, tail - 1)
    return {name: _limit(value, of) for name, value in zip(QUANTITIES, values, strict=True)}


def exponents_of_draws(spectrum: sp.Expr, appetite: Limit, at: Mapping[str, float]) -> dict[str, Limit] | None:
    """Return the exponents where w depends on r/A alone, unit costs, B ∝ N; None for other spectra."""
    share = sp.Symbol("u", positive=True)  # r/A
    small = sp.Symbol("a", positive=True)  # 1/A, gone in the limit
    scaled = sp.expand_log(sp.log(sp.simplify(spectrum.subs(r, share * A))), force=True)
    endless = sp.simplify(scaled.subs(A, 1 / small)).subs(small, 0)
    scaled = scaled if endless.has(sp.oo, sp.nan, sp.zoo) else endless
    against = sp.simplify(scaled - scaled.subs(share, sp.Rational(1, 2)))
    if against.has(A) or against.has(sp.oo, sp.nan, sp.Limit):
        return None
    steep = limit_of(-share * sp.diff(against, share), share, at, at_zero=True)
    if not appetite.known:
        return None
    words = f"importances drawn from a distribution whose largest grow as (A/r)^{steep.value}"
    if steep.known:
        finite = sp.simplify(steep.value < appetite.value)
    else:  # the slope may creep: that it falls and is below η already is enough
        values = [value for _, value in steep.table[-4:]]
        if len(values) < 4 or values != sorted(values, reverse=True) or not values[-1] < appetite.value:
            return None
        finite, steep = sp.true, Limit(sp.nan, FALLING, steep.table)
        words = f"importances drawn from a distribution whose largest grow slower than (A/r)^{values[-1]:.2g}"
    how = next((one.how for one in (steep, appetite) if one.how != PROVED), PROVED)
    none = "their sum has no finite mean, so samples at different sizes do not converge"
    result = {}
    for name, value in zip(QUANTITIES, (1, 0, 1, 0), strict=True):
        if finite == False:  # noqa: E712  SymPy's truth is not a bool
            result[name] = Limit(sp.nan, NONE, steep.table, f"{words}; {none}")
        else:
            exact = sp.Integer(value)
            whole = exact if finite == True else sp.Piecewise((exact, finite), (sp.nan, True))  # noqa: E712
            result[name] = Limit(whole, how, steep.table, words if finite == True else f"{words}; elsewhere {none}")  # noqa: E712
    return result


def _limit(value: sp.Expr, of: Indices) -> Limit:
    sources = (of.spectrum, of.cost, of.appetite, of.budget)
    table = next((one.table for one in sources if one.table), ())
    names = (("β", of.spectrum), ("δ", of.cost), ("η", of.appetite), ("θ", of.budget))
    words = ", ".join(f"{name} = {one.value}" for name, one in names)
    return Limit(sp.simplify(value), of.how, table, f"from the indices {words}")
