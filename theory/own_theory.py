"""A theory of one's own derived in symbols: utility, spectrum, costs and budget in, the law out.

The steps are those of `derivation` with nothing assumed of the parts but that U is concave and c/w rises:

    w U'(s) = λ c                                                        stationarity          (Eq. 16)
    s*(r) = D(U'(0) q(r)/q(r0)),  q = c/w,  D = (U')⁻¹                    allocation            (Eqs. 14, 17)
    B(N) = ∫_1^{r0} c s* dr                                              budget integral       (Eqs. 18–20)
    q(r_τ)/q(r0) = U'(τ)/U'(0)                                           frontier              (Eqs. 21–22)
    d log r_τ/d log N = θ B/[(β_loc + δ_loc)(r_τ) Σ c T(s)]              local law             (`model`)

Where U'(0) is infinite every feature is active, and r_τ and U'(τ) take the places of r0 and U'(0). With
``T = a + b s``, as for all shipped utilities, ``Σ c T = a Σ_active c + b B``: the sum over features is gone. Exponents
for N → ∞ are those of `growth`; where indices do not decide, the limit of the local law in the continuum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import mpmath as mp
import sympy as sp

from ..arguments import checked
from ..errors import InputError, require
from . import growth
from .derivation import N, lam, r, r0, s, tau
from .expressions import EXAMPLE, A, expression
from .limits import NONE, Limit, NumbersNeeded, last_piece, limit_of, numerical_limit, require_numbers
from .own_steps import (
    budget_for_all,
    by_ratio,
    demand_of,
    frontier_of,
    local_law,
    price,
    r_tau,
    require_concave,
    require_parts,
    tidy,
)
from .parameters import RULES, as_number, positive
from .rank_integrals import over_ranks

DEFAULTS = {"utility": "log", "spectrum": "power-law", "cost": "unit", "budget": "linear"}
EDGES = [10**k for k in (2, 4, 6, 8, 10)]  # r0 at which a numerical limit of the local law is looked at


@dataclass(frozen=True)
class OwnTheory:
    """A theory and what follows from it; every expression is SymPy's.

    Attributes
    ----------
    utility, spectrum, cost, budget : Expr
        U(s), w(r), c(r), B(N).
    marginal, tolerance : Expr
        U'(s) and T(s) = −U'/U''.
    first_unit : Expr
        U'(0), infinite where the first unit is priceless.
    demand : Expr or None
        D(p), s at the price p; None where SymPy cannot solve U'(s) = p.
    stationarity : Eq
        w U'(s) = λ c.
    allocation : Expr or None
        s*(r), in r0; in r_τ where the first unit is priceless.
    frontier : Expr or Eq
        r_τ in r0, or the equation that fixes it.
    spent : Expr or None
        ∫ c s* dr, which equals B(N); an `Integral` where it has no elementary form.
    local_exponent : Expr
        d log r_τ/d log N, with n active features, C_n for their costs and S_T for Σ c T(s).
    found_all_from : Expr or None
        Budget from which all of a fixed number A of features are found.
    exponents : dict of str to Limit
        Exponents of ``count, mean_isolation, tail_mass, isolation_per_non_rosetta`` for N → ∞.
    """

    utility: sp.Expr
    spectrum: sp.Expr
    cost: sp.Expr
    budget: sp.Expr
    marginal: sp.Expr
    tolerance: sp.Expr
    first_unit: sp.Expr
    demand: sp.Expr | None
    stationarity: sp.Eq
    allocation: sp.Expr | None
    frontier: sp.Expr | sp.Eq
    spent: sp.Expr | None
    local_exponent: sp.Expr
    found_all_from: sp.Expr | None
    exponents: dict[str, Limit] = field(hash=False)

    @property
    def continuum_exponent(self) -> sp.Expr | None:
        """Local exponent as a function of r0, sums taken as integrals; None without a closed form."""
        return _continuum_exponent(self)

    @property
    def r0(self) -> sp.Expr | None:
        """Last active rank as a function of N in closed form, where the budget integral can be solved for it."""
        if self.spent is None or self.spent.free_symbols != {r0}:
            return None
        try:
            solutions = sp.solve(sp.Eq(self.spent, self.budget), r0)
        except NotImplementedError:
            return None
        return solutions[-1] if solutions else None

    def __str__(self) -> str:
        from .theory_pages import theory_as_text

        return theory_as_text(self)

    def latex(self) -> str:
        """Return the derivation as a complete LaTeX document."""
        from .theory_pages import theory_as_latex

        return theory_as_latex(self)


@checked("derive(utility='s/(1 + s)', at={'beta': 2})")
def derive(
    utility: Any = "log",
    spectrum: Any = "power-law",
    cost: Any = "unit",
    budget: Any = "linear",
    at: Mapping[str, float] | None = None,
) -> OwnTheory:
    """Derive the law of a theory.

    Parameters
    ----------
    utility, spectrum, cost, budget : str or Expr
        Formulas in ``s``, ``r`` (and ``A``, if importance depends on r/A), ``r`` and ``N``; all other letters are
        positive parameters. Or names of families: "log", "crra", "pure-power", "saturating", "squared-error";
        "power-law", "exponential", "stretched-exponential", "log-quadratic", "broken-power-law", "zipf-mandelbrot",
        "lognormal"; "unit", "power"; "linear", "power".
    at : mapping of str to float, optional
        Values of the parameters, used only for limits that SymPy does not find.

    Returns
    -------
    OwnTheory
        Printing it shows every step; `OwnTheory.latex` is a document of them.

    Raises
    ------
    InputError, UnknownNameError
        For anything but a formula, a utility that is not concave, importance over cost that rises, and a limit that
        needs numbers.

    Examples
    --------
    >>> derive(utility="s/(1 + s)").exponents["count"].value
    Min(1, 2/beta)
    """
    U, w = expression("utility", utility), expression("spectrum", spectrum)
    c, B = expression("cost", cost), expression("budget", budget)
    for name, number in (at or {}).items():
        as_number(f"at[{name!r}]", number, positive, RULES["tau"], f"derive(..., at={{{name!r}: 1.5}})")
    try:
        return _derived(U, w, c, B, tuple(sorted((at or {}).items())))
    except NumbersNeeded as refused:
        given = {"utility": utility, "spectrum": spectrum, "cost": cost, "budget": budget}
        example = _with_numbers(given, [U, w, c, growth.slope(B, N)])
        raise InputError("at", dict(at or {}), refused.rule, example) from None


def _with_numbers(given: Mapping[str, Any], parts: list[sp.Expr]) -> str:
    """Return the call that derives the same theory with a number for every letter of its parts, and for τ."""
    symbols: Any = set().union(*(part.free_symbols for part in parts)) - {s, r, N, A}
    letters = {name: 1.5 for name in sorted({symbol.name for symbol in symbols} | {tau.name})}
    stated = [f"{name}={str(value)!r}" for name, value in given.items() if value != DEFAULTS[name]]
    return f"derive({', '.join([*stated, f'at={letters}'])})"


@cache
def _derived(U: sp.Expr, w: sp.Expr, c: sp.Expr, B: sp.Expr, at: tuple[tuple[str, float], ...]) -> OwnTheory:
    marginal = sp.simplify(sp.diff(U, s))
    curvature = sp.simplify(sp.diff(marginal, s))
    require_concave(U, marginal, curvature, dict(at))
    require_parts(w, c, B, dict(at))
    tolerance = sp.simplify(-marginal / curvature)
    first_unit = sp.limit(marginal, s, 0, "+")
    q = c / w
    demand = demand_of(marginal)
    priceless = first_unit == sp.oo
    level = marginal.subs(s, tau) / q.subs(r, r_tau) if priceless else first_unit / q.subs(r, r0)
    profile = None if demand is None else by_ratio(tidy(demand.subs(price, level * q)), r_tau if priceless else r0)
    ranks = (sp.Integer(1), A if priceless else r0)
    theory = {
        "utility": U,
        "spectrum": w,
        "cost": c,
        "budget": B,
        "marginal": marginal,
        "tolerance": tolerance,
        "first_unit": first_unit,
        "demand": demand,
        "stationarity": sp.Eq(w * marginal, lam * c, evaluate=False),
        "allocation": profile,
        "frontier": r_tau if priceless else frontier_of(q, sp.simplify(marginal.subs(s, tau) / first_unit)),
        "spent": None if profile is None else over_ranks(c * profile, *ranks),
        "local_exponent": local_law(w, c, B, tolerance),
        "found_all_from": None if demand is None or w.has(A) else budget_for_all(demand, marginal, q, c),
    }
    bare = OwnTheory(**theory, exponents={})
    return OwnTheory(**theory, exponents=_exponents(bare, dict(at)))


def _exponents(theory: OwnTheory, at: Mapping[str, float]) -> dict[str, Limit]:
    appetite = sp.simplify(s / theory.tolerance)
    if theory.spectrum.has(A):
        result = growth.exponents_of_draws(theory.spectrum, limit_of(appetite, s, at), at)
        unit = theory.cost == 1 and sp.simplify(growth.slope(theory.budget, N)) == 1
        rule = "may contain A only as r/A, with unit costs and a budget proportional to N"
        require(result is not None and unit, "spectrum", theory.spectrum, rule, 'derive(spectrum="-log(r/A)")')
        assert result is not None
        return result
    of = growth.indices(theory.spectrum, theory.cost, appetite, theory.budget, theory.first_unit == sp.oo, at)
    rising = of.price.is_extended_negative is True
    require(not rising, "spectrum", theory.spectrum, "importance over cost must fall with rank", EXAMPLE)
    none = Limit(sp.nan, NONE, words="the indices of the parts do not decide")
    if of.budget.known and of.budget.value.is_negative:
        return dict.fromkeys(growth.QUANTITIES, Limit(sp.nan, NONE, words="the budget falls with N"))
    if of.spectrum.known and of.cost.known and of.price.is_zero:
        words = "importance over cost falls slower than any power of rank: every feature is active in the end"
        return dict.fromkeys(growth.QUANTITIES, Limit(sp.nan, NONE, words=words))
    if of.decide:
        return growth.exponents(of)
    if theory.first_unit == sp.oo or not of.budget.known:
        return dict.fromkeys(growth.QUANTITIES, none)
    theta = of.budget.value
    count = _limit_of_local_law(theory, theta, at)
    mean, tail = (_by_integrals(theory, theta, part, at) for part in ("inside", "tail"))
    mean = Limit(mean.value - count.value, mean.how, mean.table, mean.words) if count.known and mean.known else none
    rest = Limit(tail.value - 1, tail.how, tail.table, tail.words) if tail.known else none
    return dict(zip(growth.QUANTITIES, (count, mean, tail, rest), strict=True))


def _by_integrals(theory: OwnTheory, theta: sp.Expr, part: str, at: Mapping[str, float]) -> Limit:
    """Return the exponent of the isolation inside or beyond the frontier, from its closed form in r0."""
    none = Limit(sp.nan, NONE, words="its integral has no closed form")
    spent, edge = theory.spent, theory.frontier
    if theory.allocation is None or spent is None or spent.has(sp.Integral) or isinstance(edge, sp.Eq):
        return none
    mass = over_ranks(theory.allocation, *((sp.Integer(1), edge) if part == "inside" else (edge, r0)))
    if mass.has(sp.Integral):
        return none
    try:
        return limit_of(theta * (sp.diff(mass, r0) / mass) / (sp.diff(spent, r0) / spent), r0, at)
    except InputError:  # no proof, and no numbers to look at it with
        return none


def _continuum_exponent(theory: OwnTheory) -> sp.Expr | None:
    """Return F/[(β_loc + δ_loc)(r_τ) ∫ c T dr] d log B/d log N, as a function of r0."""
    spent, profile, edge = theory.spent, theory.allocation, theory.frontier
    if spent is None or profile is None or isinstance(edge, sp.Eq) or spent.has(sp.Integral) or edge == r_tau:
        return None
    response = over_ranks(theory.cost * sp.expand(theory.tolerance.subs(s, profile)), sp.Integer(1), r0)
    if response.has(sp.Integral):
        return None
    steepness = growth.slope(theory.cost, r) - growth.slope(theory.spectrum, r)
    law = spent / (steepness.subs(r, edge) * response)
    return sp.simplify(growth.slope(theory.budget, N) * law)


def _limit_of_local_law(theory: OwnTheory, theta: sp.Expr, at: Mapping[str, float]) -> Limit:
    law = theory.continuum_exponent
    if law is not None and not law.has(N):
        result = limit_of(law, r0, at)
        if result.known:
            return result
    if theory.allocation is None or isinstance(theory.frontier, sp.Eq):
        return Limit(sp.nan, NONE, words="the local law has no closed form")
    return numerical_limit(_local_law(theory, theta, at), EDGES)


def _local_law(theory: OwnTheory, theta: sp.Expr, at: Mapping[str, float]) -> Callable[[Any], Any]:
    """Return the local exponent in the continuum as a function of r0, by quadrature."""
    steepness = growth.slope(theory.cost, r) - growth.slope(last_piece(theory.spectrum, r), r)
    parts = (theory.cost * theory.allocation, theory.cost * theory.tolerance.subs(s, theory.allocation))
    symbols: Any = set().union(*(part.free_symbols for part in (*parts, steepness, theory.frontier, theta))) - {r, r0}
    missing = sorted(str(symbol) for symbol in symbols if symbol.name not in at)
    require_numbers(missing, at)
    known = {symbol: sp.Float(at[symbol.name], 30) for symbol in symbols}
    spent, response = (sp.lambdify((r, r0), part.subs(known), "mpmath") for part in parts)
    rate = sp.lambdify(r, steepness.subs(known), "mpmath")
    edge = sp.lambdify(r0, theory.frontier.subs(known), "mpmath")
    growing = mp.mpf(str(theta.subs(known)))

    def law(last: Any) -> Any:
        with mp.workdps(20):
            ends = [mp.mpf(1), *(last ** (mp.mpf(k) / 12) for k in range(1, 12)), last]
            totals = [mp.quad(lambda rank, of=of: of(rank, last), ends) for of in (spent, response)]
            return growing * totals[0] / (rate(edge(last)) * totals[1])

    return law
