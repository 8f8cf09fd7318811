"""The theory as a chain of steps: each derived expression next to the closed form that is claimed for it.

`derivation` computes, this module compares: `Claim.holds` asks SymPy whether the two are the same expression.
``rosettalaw derive`` shows the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import sympy as sp

from ..errors import InputError
from .derivation import (
    C,
    C_h,
    L,
    N,
    a,
    b,
    continuum_budget,
    correlation,
    delta,
    discrete_budget,
    eta,
    exponent,
    frontier,
    gamma,
    general_local_exponent,
    information_gain,
    interference_variance,
    isolation_between,
    kappa,
    lam,
    local_exponent,
    multiplier,
    n,
    others,
    posterior_variance,
    profile,
    r,
    r0,
    r_star,
    s,
    s2,
    sigma,
    stationary_isolation,
    tau,
    theta,
    tolerance,
    utility,
)


@dataclass(frozen=True)
class Claim:
    """An expression derived, beside the closed form claimed for it."""

    name: str
    derived: sp.Expr
    claimed: sp.Expr

    def holds(self) -> bool:
        """Return whether the two are equal as expressions."""
        difference = sp.expand_log(self.derived - self.claimed, force=True)
        return sp.simplify(sp.expand(sp.powsimp(difference, force=True))) == 0 or sp.simplify(difference) == 0


@dataclass(frozen=True)
class Step:
    """One step of the chain: its place in the paper, the reasoning in words, and what SymPy made of it."""

    number: int
    title: str
    equations: str
    words: str
    claims: tuple[Claim, ...]


def _readout() -> tuple[Claim, ...]:
    return (Claim("Var(z|y)", posterior_variance(), 1 / (1 + s)),)


def _information() -> tuple[Claim, ...]:
    return (Claim("gain", information_gain(), sp.log(1 + s) / 2), Claim("U", utility(), sp.log(1 + s)))


def _budget() -> tuple[Claim, ...]:
    rest = sp.Symbol("a_rest", nonnegative=True)  # g² = a + what other neurons carry of the feature
    slack = (a + rest) / sigma**2 - a / (sigma**2 + others)
    energy = sp.Symbol("G", positive=True)  # Σ g²
    a2 = sp.Symbol("a'", positive=True)  # another feature in the same neuron
    both = (a - sigma**2 - a2) + (a2 - sigma**2 - a)  # s > 1 says that each bracket is positive
    return (
        Claim("g²/σ² − s", slack, (a * others + rest * (sigma**2 + others)) / (sigma**2 * (sigma**2 + others))),
        Claim("κN", (energy / sigma**2).subs(energy, C_h * N), C_h / sigma**2 * N),
        Claim("sum of two s > 1", sp.expand(both), -2 * sigma**2),
    )


def _stationarity() -> tuple[Claim, ...]:
    return (Claim("s(λ)", stationary_isolation(), C * r ** -(b + 1) / lam - 1),)


def _profile() -> tuple[Claim, ...]:
    return (Claim("λ", multiplier(), C * r0 ** -(b + 1)), Claim("s*", profile(), (r0 / r) ** (b + 1) - 1))


def _integral() -> tuple[Claim, ...]:
    F = r0 ** (b + 1) / b - (b + 1) * r0 / b + 1
    return (
        Claim("κN", continuum_budget(), F),
        Claim("lim F/r0^β", sp.limit(sp.expand(continuum_budget() / r0 ** (b + 1)), r0, sp.oo), 1 / b),
        Claim("exponent of r0", exponent(r0), 1 / (b + 1)),
    )


def _count() -> tuple[Claim, ...]:
    return (
        Claim("r_τ", frontier(), r0 * (1 + tau) ** (-1 / (b + 1))),
        Claim("exponent of R", exponent(frontier() - 1), 1 / (b + 1)),
    )


def _polarization() -> tuple[Claim, ...]:
    mean = exponent(isolation_between(sp.Integer(1), frontier())) - exponent(frontier() - 1)
    return (
        Claim("exponent of s*(r★)", exponent(sp.expand(profile().subs(r, r_star))), sp.Integer(1)),
        Claim("exponent of ⟨s⟩", sp.simplify(mean), b / (b + 1)),
        Claim("sum with the count's", sp.simplify(mean + exponent(frontier() - 1)), sp.Integer(1)),
    )


def _tail() -> tuple[Claim, ...]:
    tail = isolation_between(frontier(), r0)
    size = continuum_budget() / kappa
    per_neuron = sp.simplify(exponent(sp.expand(tail)) - exponent(sp.expand(size - frontier() + 1)))
    per_feature = sp.simplify(exponent(sp.expand(tail)) - exponent(sp.expand(gamma * size - frontier())))
    return (
        Claim("exponent of ∫s*", exponent(sp.expand(tail)), 1 / (b + 1)),
        Claim("per tail feature", per_feature, -b / (b + 1)),
        Claim("per non-Rosetta neuron", per_neuron, -b / (b + 1)),
    )


def _matching() -> tuple[Claim, ...]:
    rho = sp.Symbol("rho", positive=True)
    equal = sp.simplify(correlation().subs(s2, s))
    (inverse,) = sp.solve(s / (1 + s) - rho, s)
    return (
        Claim("ρ", correlation(), 1 / sp.sqrt((1 + 1 / s) * (1 + 1 / s2))),
        Claim("ρ, s = s'", equal, s / (1 + s)),
        Claim("s(ρ)", inverse, rho / (1 - rho)),
        Claim("Var interference", interference_variance(), 1 / (s * s2 * L)),
    )


def _discrete() -> tuple[Claim, ...]:
    x = sp.Symbol("x", positive=True)  # discrete over continuum r0, at equal leading budgets
    (ratio,) = sp.solve(sp.zeta(b + 1) * x ** (b + 1) - 1 / b, x)
    return (
        Claim("κN", discrete_budget(), sp.zeta(b + 1) * r0 ** (b + 1) - (b + 1) * r0 / b + sp.Rational(1, 2)),
        Claim("r0 / continuum r0", ratio, (b * sp.zeta(b + 1)) ** (-1 / (b + 1))),
    )


def _local() -> tuple[Claim, ...]:
    F = continuum_budget()
    elasticity = sp.simplify(F / (r0 * sp.diff(F, r0)))
    return (
        Claim("d log r_τ/d log N", local_exponent(), kappa * N / ((b + 1) * (kappa * N + n))),
        Claim("continuum, n = r0 − 1", elasticity, F / ((b + 1) * (F + r0 - 1))),
        Claim("limit for N → ∞", sp.limit(local_exponent(), N, sp.oo), 1 / (b + 1)),
    )


def _beyond() -> tuple[Claim, ...]:
    T_sum, B, beta_loc, delta_loc = sp.symbols("S_T B beta_loc delta_loc", positive=True)
    crra = ((1 + s) ** (1 - eta) - 1) / (1 - eta)
    q = sp.Symbol("q", positive=True)  # r0/r where w U'(s) = λ c, with c = r^δ
    (front,) = sp.solve(q ** (b + 1 + delta) * (1 + s) ** -eta - 1, s)
    return (
        Claim("any U, c, w", general_local_exponent(), theta * B / ((beta_loc + delta_loc) * T_sum)),
        Claim("T of log", tolerance(utility()), 1 + s),
        Claim("T of CRRA", tolerance(crra), (1 + s) / eta),
        Claim("T of 1 − e^−s", tolerance(1 - sp.exp(-s)), sp.Integer(1)),
        Claim("T of s/(1 + s)", tolerance(s / (1 + s)), (1 + s) / 2),
        Claim("1 + s*, CRRA and costs", 1 + front, q ** ((b + 1 + delta) / eta)),
        Claim("count, B = κN^θ", theta * exponent(frontier() - 1), theta / (b + 1)),
    )


CHAIN: tuple[tuple[str, str, str, Callable[[], tuple[Claim, ...]]], ...] = (
    (
        "A Gaussian readout of a feature",
        "48–49",
        "A neuron dedicated to feature z reads y = z + ε with Var z = 1 and Var ε = 1/s. The joint covariance of "
        "(z, y) gives the remaining uncertainty about z.",
        _readout,
    ),
    (
        "Information and utility",
        "50–51, 11",
        "The entropy of a Gaussian by its integral, before and after the readout; twice the gain is the utility.",
        _information,
    ),
    (
        "The energy bound is a budget",
        "41, 53–54",
        "Isolation is at most g²/σ², since the slack has no negative term (o: other variance in the neuron, a_rest: "
        "the feature in other neurons). With Σ g² ≤ C_h N, Σ s ≤ κN and κ = C_h/σ². If two features had s > 1 in one "
        "neuron, the inequalities a > σ² + a' and a' > σ² + a would add up to 0 < −2σ².",
        _budget,
    ),
    (
        "Stationarity",
        "9, 11, 16",
        "The derivative of the Lagrangian w U(s) − λ s vanishes where s > 0, with w = C r^−β.",
        _stationarity,
    ),
    ("The allocation profile", "14, 17", "s vanishes at the last active rank r0, which fixes λ.", _profile),
    (
        "The budget fixes r0",
        "18–20",
        "The profile integrated from rank 1 to r0 is κN; the leading term gives the exponent of r0.",
        _integral,
    ),
    ("Frontier and count", "10, 21–23", "The frontier is where the profile crosses τ; R = r_τ − 1.", _count),
    (
        "Polarization: the Rosetta set",
        "24–26",
        "A fixed top feature grows like N; the mean over the Rosetta set like N^((β−1)/β). Count and mean sum to 1.",
        _polarization,
    ),
    (
        "Polarization: the tail",
        "27–32",
        "Isolation beyond the frontier, per tail feature (A = γN) and per non-Rosetta neuron, falls.",
        _tail,
    ),
    (
        "From isolation to correlation",
        "60–62",
        "Two networks share z and have independent noise; interference over L random directions overlaps by chance.",
        _matching,
    ),
    (
        "Whole ranks: the discrete sum",
        "11, 14; beyond the paper",
        "The Euler–Maclaurin formula for the sum over ranks replaces 1/(β − 1) by ζ(β), and 1 by ½.",
        _discrete,
    ),
    (
        "The local exponent",
        "beyond the paper",
        "The budget differentiated at fixed n; n increases where the new feature has isolation 0, so the law holds.",
        _local,
    ),
    (
        "Other utilities, costs and budgets",
        "beyond the paper",
        "The same derivative in general: θ B/[(β+δ) Σ c T], where S_T stands for Σ c_r T(s_r) over active features.",
        _beyond,
    ),
)


@cache
def step(number: int) -> Step:
    """Return one step of the chain, 1 … len(CHAIN).

    Raises
    ------
    InputError
        If there is no such step.
    """
    if not 1 <= number <= len(CHAIN):
        raise InputError("step", number, f"the chain has steps 1 to {len(CHAIN)}", "rosettalaw derive --step 7")
    title, equations, words, claims = CHAIN[number - 1]
    return Step(number=number, title=title, equations=equations, words=words, claims=claims())


def chain() -> tuple[Step, ...]:
    """Return the whole chain."""
    return tuple(step(number) for number in range(1, len(CHAIN) + 1))
