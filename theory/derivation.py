"""The chain of the paper's appendix D, computed by SymPy: from a noisy readout to the exponents.

Every function derives its expression with SymPy's own operations (integrals, derivatives, solutions of equations,
limits) from those before it; no result is typed in. `chain` sets them beside the closed forms that are claimed, and
the numerical modules are tested against them at random parameters.

Exponents in N are taken along the exact budget: with ``κN = F(r0)`` (Eq. 20) the exponent of a quantity X(r0) is

    lim_{r0→∞} (d log X/d log r0) / (d log F/d log r0).
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any

import sympy as sp

from ..errors import InputError, require

N, kappa, tau, gamma, C, lam, theta = sp.symbols("N kappa tau gamma C lambda theta", positive=True)
r, r0, r_star, n, s, s2 = sp.symbols("r r_0 r_star n s s'", positive=True)
sigma, a, others, C_h, L, eta, delta = sp.symbols("sigma a o C_h L eta delta", positive=True)
b = sp.Symbol("b", positive=True)  # β − 1: SymPy's limits need to know its sign
beta = sp.Symbol("beta", positive=True)
SYMBOLS = (N, kappa, tau, gamma, C, lam, theta, r, r0, r_star, n, s, s2, sigma, a, others, C_h, L, eta, delta, b, beta)


def in_beta(expression: sp.Expr) -> sp.Expr:
    """Write β for b + 1."""
    return sp.simplify(sp.sympify(expression).subs(b, beta - 1))


@cache
def posterior_variance() -> sp.Expr:
    """Var(z | z + ε) for unit Var z and Var ε = 1/s, from the joint covariance (Eqs. 48–49)."""
    mixing = sp.Matrix([[1, 0], [1, 1]])  # (z, z + ε) from (z, ε)
    joint = mixing * sp.diag(1, 1 / s) * mixing.T
    return sp.simplify(joint[0, 0] - joint[0, 1] * joint[1, 0] / joint[1, 1])


@cache
def gaussian_entropy(variance: sp.Expr) -> sp.Expr:
    """−∫ p log p of a Gaussian."""
    x, v = sp.symbols("x", real=True), sp.Symbol("v", positive=True)
    log_p = -(x**2) / (2 * v) - sp.log(2 * sp.pi * v) / 2
    return sp.simplify(sp.integrate(-sp.exp(log_p) * log_p, (x, -sp.oo, sp.oo))).subs(v, variance)


@cache
def information_gain() -> sp.Expr:
    """Entropy of z before the readout less the entropy after it (Eqs. 50–51)."""
    gain = gaussian_entropy(sp.Integer(1)) - gaussian_entropy(posterior_variance())
    return sp.simplify(sp.expand_log(gain, force=True))


@cache
def utility() -> sp.Expr:
    """U(s), twice the information gain: the factor has no effect on the optimum (Eq. 11)."""
    return 2 * information_gain()


@cache
def stationary_isolation() -> sp.Expr:
    """The zero in s of the derivative of the Lagrangian ``w U(s) − λ s``, as a function of λ (Eqs. 9, 16)."""
    lagrangian = C * r ** -(b + 1) * utility() - lam * s
    (solution,) = sp.solve(sp.diff(lagrangian, s), s)
    return solution


@cache
def multiplier() -> sp.Expr:
    """λ, from s(r0) = 0 (Eq. 17)."""
    (solution,) = sp.solve(stationary_isolation().subs(r, r0), lam)
    return sp.simplify(solution)


@cache
def profile() -> sp.Expr:
    """s*(r) below r0 (Eq. 14)."""
    return sp.powsimp(sp.expand(stationary_isolation().subs(lam, multiplier())), force=True)


@cache
def continuum_budget() -> sp.Expr:
    """F(r0) = ∫_1^{r0} s* dr, which equals κN (Eqs. 18–20)."""
    return sp.simplify(sp.integrate(sp.expand(profile()), (r, 1, r0)))


@cache
def frontier() -> sp.Expr:
    """r_τ, from s*(r_τ) = τ (Eqs. 21–22)."""
    ratio = sp.Symbol("q", positive=True)  # r0/r
    (solution,) = sp.solve(profile().subs(r0, ratio * r) - tau, ratio)
    return r0 / solution


@cache
def isolation_between(low: sp.Expr, high: sp.Expr) -> sp.Expr:
    """∫ s* dr between two ranks."""
    return sp.integrate(sp.expand(profile()), (r, low, high))


def exponent(quantity: sp.Expr) -> sp.Expr:
    """Limit of d log X/d log N along κN = F(r0), for β > 1: the ratio of the degrees in r0.

    Of positive terms whose order depends on parameters it is the largest of theirs: ``Max(1, delta)/(b + 1)`` of
    ``r0 + r0**delta``.

    Raises
    ------
    InputError
        For what is no real expression, for letters that are not this module's (r0 is ``Symbol("r_0", positive=True)``),
        and where SymPy finds no limit.
    """
    own = _in_own_letters("quantity", _expression("quantity", quantity, "exponent(r0**2 + r0)"))
    return _exponent(own.subs(N, continuum_budget() / kappa).subs(beta, b + 1))


@cache
def _exponent(quantity: sp.Expr) -> sp.Expr:
    return sp.simplify(_degree(quantity) / _degree(continuum_budget()))


def _degree(expression: sp.Expr) -> sp.Expr:
    """Return lim d log X/d log r0: of a sum, that of the term beside which all others stay bounded."""
    by_parts = _of_parts(expression)
    if by_parts is not None:
        return by_parts
    terms = sp.Add.make_args(sp.powsimp(sp.expand(sp.powdenest(expression, force=True)), force=True))
    for leader in terms:
        ratios = [_limit(sp.powsimp(sp.simplify(term / leader), force=True)) for term in terms if term is not leader]
        bounded = [ratio for ratio in ratios if ratio is not None and ratio.is_finite]
        if len(bounded) == len(ratios):
            cancelled = sp.simplify(sp.Add(1, *bounded)) == 0
            degree = _slope(expression if cancelled else leader)
            if degree is not None:
                return degree
    degrees = [_slope(term) if term.is_positive else None for term in terms]
    rule = "must have a limit of d log X/d log r0 that SymPy finds"
    require(None not in degrees, "quantity", expression, rule, "exponent(r0**2 + r0)")
    return sp.Max(*degrees)


def _of_parts(expression: sp.Expr) -> sp.Expr | None:
    """Return the degree of a product, a power or a logarithm of sums from theirs; SymPy's limits may never end there.

    ``d log log X = d log X/log X`` vanishes where X has a degree other than 0.
    """
    logs: Any = expression.atoms(sp.log)
    if not any(log.args[0].is_Add or log.args[0].is_Mul for log in logs):
        return None
    degree: Any = None
    with suppress(InputError):
        if isinstance(expression, sp.Mul):
            degree = sp.Add(*(_degree(factor) for factor in expression.args))
        elif isinstance(expression, sp.Pow) and not expression.args[1].has(r0):
            degree = expression.args[1] * _degree(expression.args[0])
        elif isinstance(expression, sp.log):
            inner = _degree(expression.args[0])
            degree = sp.Integer(0) if inner.is_nonzero and inner.is_finite else None
    return None if degree is None or degree.has(sp.nan) else sp.simplify(degree)


def _slope(term: sp.Expr) -> sp.Expr | None:
    """Return lim d log X/d log r0 of one term, or None where SymPy finds none."""
    return _limit(sp.simplify(r0 * sp.diff(sp.expand_log(sp.log(term), force=True), r0)))


def _limit(expression: sp.Expr) -> sp.Expr | None:
    try:
        limit = sp.simplify(sp.limit(expression, r0, sp.oo))
    except (NotImplementedError, TypeError, ValueError):  # the sign of an exponent is open; Max, Piecewise
        return None
    return None if limit.has(r0, sp.Limit, sp.AccumBounds, sp.nan, sp.zoo) else limit


def _expression(argument: str, given: Any, example: str) -> sp.Expr:
    """Return an expression of real numbers, or refuse anything else."""
    expression: Any = None
    read: Any = sp.sympify
    with suppress(sp.SympifyError, TypeError, AttributeError):
        expression = read(given, locals={symbol.name: symbol for symbol in SYMBOLS})  # beta is no function here
    scalar = isinstance(expression, sp.Expr) and not isinstance(expression, sp.MatrixExpr)
    real = scalar and not expression.has(sp.I, sp.nan, sp.zoo, sp.oo) and expression != 0
    require(real, argument, given, "must be a real expression, not 0", example)
    own: Any = expression
    return own


def _in_own_letters(argument: str, expression: sp.Expr) -> sp.Expr:
    """Return an expression with letters of the same name, but other assumptions, replaced by this module's."""
    own = {symbol.name: symbol for symbol in SYMBOLS}
    letters: Any = expression.free_symbols
    given: Any = {symbol: own.get(symbol.name) for symbol in letters}
    strange = sorted(symbol.name for symbol, ours in given.items() if ours is None)
    rule = f"may contain only the letters of rosettalaw.theory.derivation; unknown: {', '.join(strange)}"
    require(not strange, argument, expression, rule, f"letters such as {', '.join(sorted(own)[:6])}")
    return expression.subs(given)


@cache
def harmonic_tail() -> sp.Expr:
    """Σ_{r>n} r^-β to two orders, by Euler and Maclaurin's formula."""
    term = r ** -(b + 1)
    return sp.integrate(term, (r, n, sp.oo)) - term.subs(r, n) / 2


@cache
def discrete_budget() -> sp.Expr:
    """Σ_{r≤r0} [(r0/r)^β − 1] = r0^β (ζ(β) − Σ_{r>r0} r^-β) − r0, to order 1."""
    harmonic = sp.zeta(b + 1) - harmonic_tail().subs(n, r0)
    return sp.expand(sp.powsimp(sp.expand(r0 ** (b + 1) * harmonic), force=True) - r0)


@cache
def local_exponent() -> sp.Expr:
    """Growth d log r0/d log N at fixed n from κN = r0^β H(n) − n, H eliminated by the same equation."""
    H = sp.Symbol("H", positive=True)
    spent = r0 ** (b + 1) * H - n
    slope = N * kappa / (r0 * sp.diff(spent, r0))  # d(κN) = κN dlogN = (∂F/∂r0) r0 dlog r0
    (level,) = sp.solve(spent - kappa * N, H)
    return sp.simplify(slope.subs(H, level))


@cache
def correlation() -> sp.Expr:
    """Corr(z + ε, z + ε') with Var ε = 1/s, Var ε' = 1/s' (Eq. 62)."""
    mixing = sp.Matrix([[1, 1, 0], [1, 0, 1]])  # both readouts from (z, ε, ε')
    joint = mixing * sp.diag(1, 1 / s, 1 / s2) * mixing.T
    covariance, variance, other = (sp.sympify(joint[i, j]) for i, j in ((0, 1), (0, 0), (1, 1)))
    return covariance / sp.sqrt(variance * other)


@cache
def interference_variance() -> sp.Expr:
    """Var Σ_k u_k u'_k of independent isotropic directions with |u|² = 1/s, |u'|² = 1/s' (Eqs. 60–61)."""
    k = sp.Symbol("k", integer=True, positive=True)
    total: Any = sp.summation((1 / (s * L)) * (1 / (s2 * L)), (k, 1, L))
    return sp.simplify(total)


def tolerance(of: sp.Expr) -> sp.Expr:
    """T = −U'/U'' of a utility given as an expression in s.

    Raises
    ------
    InputError
        If its second derivative is not below 0, as of anything without an s; other letters than s are parameters.
    """
    example = "tolerance(log(1 + s))"
    own = _expression("of", of, example)
    letters: Any = own.free_symbols
    own = own.subs({symbol: s for symbol in letters if symbol.name == s.name})
    curvature = sp.simplify(sp.diff(own, s, 2))
    concave = not curvature.is_nonnegative and not curvature.has(sp.DiracDelta)
    answer = sp.simplify(-sp.diff(own, s) / curvature) if concave else sp.nan
    straight = answer.has(sp.zoo, sp.nan, sp.oo)  # where U'' is 0, if only on a piece
    require(concave and not straight, "of", of, "must be a concave function of s", example)
    return answer


@cache
def general_local_exponent() -> sp.Expr:
    """Growth d log r_τ/d log N for any U, costs and spectrum, from implicit derivatives of the two conditions.

    Stationarity ``w U'(s) = λ c`` gives ds/d log λ = U'/U''; the budget then d log λ/d log B; the frontier
    ``log w(r) + log U'(τ) = log λ + log c(r)`` gives d log r_τ/d log λ.
    """
    T_sum, B, beta_loc, delta_loc = sp.symbols("S_T B beta_loc delta_loc", positive=True)
    U = sp.Function("U")
    log_lam, w, c = sp.Symbol("l", real=True), *sp.symbols("w c", positive=True)
    condition = w * sp.diff(U(s), s) - sp.exp(log_lam) * c
    response = -sp.diff(condition, log_lam) / sp.diff(condition, s)  # ds/dlogλ
    response = sp.simplify(response.subs(sp.exp(log_lam), w * sp.diff(U(s), s) / c))
    sensitivity = sp.simplify(response * sp.diff(U(s), s, 2) / sp.diff(U(s), s))  # +1: ds/dlogλ = U'/U'' = −T
    log_level_per_log_size = -sensitivity * theta * B / T_sum
    log_rank_per_log_level = -1 / (beta_loc + delta_loc)
    return sp.simplify(log_rank_per_log_level * log_level_per_log_size)
