"""Integrals over ranks of sums of powers, powers with a logarithm, and exponentials: term by term, never for long."""

from __future__ import annotations

from typing import Any

import sympy as sp

from .derivation import r


def over_ranks(of: sp.Expr, low: sp.Expr, high: sp.Expr) -> sp.Expr:
    """Return ∫ f dr; an `Integral` where a term is none of those above."""
    if any(piece.has(r) for piece in of.atoms(sp.Piecewise)):
        return sp.Integral(of, (r, low, high))
    plain = sp.expand(sp.expand_power_exp(sp.expand(sp.expand_power_base(sp.expand_log(of, force=True), force=True))))
    total = sp.Integer(0)
    for term in sp.Add.make_args(sp.powsimp(plain, force=True).expand()):
        factor, rest = term.as_independent(r)
        antiderivative: Any = _antiderivative(sp.powsimp(rest, force=True))
        if antiderivative is None:
            return sp.Integral(of, (r, low, high))
        total += factor * (antiderivative.subs(r, high) - antiderivative.subs(r, low))
    return sp.simplify(sp.powsimp(sp.expand(total), force=True))


def _antiderivative(term: Any) -> sp.Expr | None:
    """Return ∫ of r^a, r^a log r, e^(kr) or r^m e^(kr) with a whole m ≥ 0."""
    if not term.has(r):
        return term * r
    power, logs, rest = sp.Integer(0), 0, sp.Integer(1)
    for factor in sp.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        if base == r and not exponent.has(r):
            power += exponent
        elif base == sp.log(r) and exponent == 1:
            logs += 1
        else:
            rest *= factor
    if rest == 1 and logs <= 1:
        a = sp.simplify(power + 1)
        if logs == 0:
            return sp.log(r) if a == 0 else r**a / a
        return sp.log(r) ** 2 / 2 if a == 0 else r**a * (sp.log(r) / a - 1 / a**2)
    inside = sp.simplify(sp.log(rest)) if logs == 0 else sp.nan
    whole = power.is_Integer and 0 <= int(power) <= 6
    if whole and not sp.simplify(sp.diff(inside, r)).has(r) and inside is not sp.nan:
        return sp.integrate(term, r)
    return None
