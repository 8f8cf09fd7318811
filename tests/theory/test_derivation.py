"""The symbolic chain: its claims hold, wrong ones are caught, and the numerical modules compute what it derives."""

import dataclasses
import shutil
import subprocess

import numpy as np
import pytest
import sympy as sp

from rosettalaw.errors import InputError
from rosettalaw.theory import correlation, frontier, interference_variance, isolation, isolation_from, predict
from rosettalaw.theory import derivation as d
from rosettalaw.theory.chain import CHAIN, Claim, chain, step
from rosettalaw.theory.power_law import continuum_budget
from rosettalaw.theory.typesetting import as_latex, as_text, text_to_latex

STEPS = range(1, len(CHAIN) + 1)


@pytest.mark.parametrize("number", STEPS)
def test_every_claim_of_the_chain_holds(number):
    found = step(number)
    assert found.claims
    for claim in found.claims:
        assert claim.holds(), f"{claim.name}: derived {claim.derived}"


@pytest.mark.parametrize("number", STEPS)
def test_a_wrong_claim_is_caught(number):
    """A claim with a wrong factor, a wrong sign or another term does not hold: the comparison can fail."""
    for claim in step(number).claims:
        for wrong in (claim.claimed + 1, sp.Rational(3, 2) * claim.claimed, -claim.claimed):
            if sp.simplify(wrong - claim.claimed) != 0:
                assert not dataclasses.replace(claim, claimed=wrong).holds()


def random_points(number=40):
    rng = np.random.default_rng(17)
    return zip(rng.uniform(1.2, 3, number), rng.uniform(3, 500, number), rng.uniform(0.3, 6, number), strict=True)


def numeric(expression, *symbols):
    return sp.lambdify(symbols, expression, ["numpy", "scipy"])


def test_continuum_budget_and_frontier_are_the_derived_expressions():
    budget, edge = numeric(d.continuum_budget(), d.b, d.r0), numeric(d.frontier(), d.b, d.r0, d.tau)
    for beta, r0, tau in random_points():
        total = budget(beta - 1, r0)
        assert continuum_budget(np.log(r0), beta) == pytest.approx(total, rel=1e-11, abs=0)
        found = predict(total, beta, 1.0, tau, 1e6, "continuum")
        assert float(found["r0"]) == pytest.approx(r0, rel=1e-10, abs=0)
        assert float(found["r_tau"]) == pytest.approx(edge(beta - 1, r0, tau), rel=1e-10, abs=0)
        assert float(frontier(total, beta, 1.0, tau, 1e6, "continuum")) == pytest.approx(
            edge(beta - 1, r0, tau), rel=1e-10
        )


def test_profile_mean_and_tail_are_the_derived_integrals():
    profile = numeric(d.profile(), d.b, d.r0, d.r)
    inside = numeric(d.isolation_between(sp.Integer(1), d.frontier()), d.b, d.r0, d.tau)
    tail = numeric(d.isolation_between(d.frontier(), d.r0), d.b, d.r0, d.tau)
    budget = numeric(d.continuum_budget(), d.b, d.r0)
    for beta, r0, tau in random_points():
        size = budget(beta - 1, r0)
        found = predict(size, beta, 1.0, tau, 10.0, "continuum")
        if float(found["r_tau"]) <= 1:
            continue
        assert float(found["tail_mass"]) == pytest.approx(tail(beta - 1, r0, tau), rel=1e-8)
        total = float(found["mean_isolation"]) * float(found["count"])
        assert total == pytest.approx(inside(beta - 1, r0, tau), rel=1e-8)
        if size > 1e5:
            continue
        s = isolation(size, beta, 1.0, 10.0, "continuum")
        rank = np.arange(1, 4)
        expected = np.maximum(profile(beta - 1, r0, rank[rank < r0]), 0)
        np.testing.assert_allclose(s[: len(expected)], expected, rtol=1e-8)


def test_local_exponent_is_the_derived_one():
    law = numeric(d.local_exponent(), d.b, d.N, d.kappa, d.n)
    for beta, size, tau in random_points():
        found = predict(1e3 * size, beta, 0.7, tau, 100.0)
        assert float(found["local_exponent"]) == pytest.approx(law(beta - 1, 1e3 * size, 0.7, float(found["active"])))


def test_discrete_closed_form_gives_r0_within_its_order():
    """κN = ζ(β) r0^β − β r0/(β−1) + ½ neglects O(1/r0); with n = floor(r0) it is off by at most β/8 of that order."""
    closed = numeric(d.discrete_budget(), d.b, d.r0)
    for beta, size, _ in random_points():
        r0 = float(predict(1e3 * size, beta, gamma=1e3)["r0"])
        error = closed(beta - 1, r0) - 1e3 * size
        assert abs(error) < beta / (4 * r0) * 1.01


def test_correlation_and_interference_are_the_derived_ones():
    rho, spread = numeric(d.correlation(), d.s, d.s2), numeric(d.interference_variance(), d.s, d.s2, d.L)
    for s, t, length in random_points():
        assert float(correlation(s, t)) == pytest.approx(rho(s, t), rel=1e-12, abs=0)
        assert float(isolation_from(rho(s, t), t)) == pytest.approx(s, rel=1e-9)
        assert float(interference_variance(s, t, length)) == pytest.approx(spread(s, t, length), rel=1e-12, abs=0)


def test_text_shows_number_source_expression_and_tick():
    text = as_text(step(7))
    assert text.startswith("7. Frontier and count  (Eqs. 10, 21–23)")
    assert text.count("✓") == 2
    assert "r_τ" in text
    wrong = dataclasses.replace(step(7), claims=(Claim("r_τ", d.frontier(), d.r0),))
    assert "✗ derived" in as_text(wrong)


def test_latex_is_balanced_and_plain_ascii_outside_declared_letters():
    document = as_latex(chain())
    assert document.startswith("\\documentclass")
    assert document.rstrip().endswith("\\end{document}")
    assert document.count("\\section*") == len(CHAIN)
    assert document.count("{") == document.count("}")
    assert document.count("\\[") == document.count("\\]")
    assert document.isascii()  # every letter of the words has a command
    assert text_to_latex("r_τ at 5% & N^(1/β)") == (
        r"r\textsubscript{\ensuremath{\tau}} at 5\% \& N\textsuperscript{1/\ensuremath{\beta}}"
    )


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex; runs wherever TeX is installed")
def test_latex_compiles(tmp_path):
    (tmp_path / "chain.tex").write_text(as_latex(chain()), encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "chain.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "chain.pdf").stat().st_size > 10_000


def test_unknown_step():
    with pytest.raises(InputError, match=rf"step = 99: the chain has steps 1 to {len(CHAIN)}. Try: rosettalaw derive"):
        step(99)


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (sp.log(d.r0), 0),
        (d.r0**d.beta * sp.log(d.r0), 1),
        (d.r0 + d.r0**d.beta, 1),
        (d.r0 ** (d.b / 2) + sp.log(d.r0) ** 3, d.b / (2 * (d.b + 1))),
        (sp.sqrt(d.r0 + 1), 1 / (2 * (d.b + 1))),
        (sp.Symbol("r_0") ** 2, 2 / (d.b + 1)),
        (sp.Integer(7), 0),
    ],
    ids=str,
)
def test_exponents_are_limits(quantity, expected):
    assert sp.simplify(d.exponent(quantity) - expected) == 0


def test_exponents_and_tolerances_know_their_letters():
    assert d.tolerance(sp.log(1 + sp.Symbol("s"))) == 1 + d.s
    assert sp.simplify(d.tolerance("beta * s**(1 - eta) / (1 - eta)") - d.s / d.eta) == 0
    with pytest.raises(InputError, match="unknown: x"):
        d.exponent(sp.Symbol("x"))
    for flat in (sp.Integer(3), d.s, sp.log(d.r)):
        with pytest.raises(InputError, match="must be a concave function of s"):
            d.tolerance(flat)


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (sp.sqrt(1 + d.r0) - sp.sqrt(d.r0), -sp.Rational(1, 2) / (d.b + 1)),  # leading terms cancel
        (sp.log(1 + d.r0) - sp.log(d.r0), -1 / (d.b + 1)),
        (d.r0 + d.r0**d.delta, sp.Max(1, d.delta) / (d.b + 1)),
        (d.r0**d.eta + d.r0**d.delta, sp.Max(d.eta, d.delta) / (d.b + 1)),
        (d.kappa * d.N, 1),
        (d.r0**2 / (1 + d.r0), 1 / (d.b + 1)),
        (sp.log(sp.log(d.r0)), 0),
        ("r_0**2", 2 / (d.b + 1)),
        (d.N * sp.log(d.N), 1),
        (d.N / sp.log(d.N), 1),
        (sp.sqrt(d.N * sp.log(1 + d.N)) * d.r0, sp.Rational(1, 2) + 1 / (d.b + 1)),
        ("log(log(N))", 0),
        ("r_0**beta", 1),  # a letter, where SymPy has a function of that name
        ("gamma*N**theta", d.theta),
        ("C*zeta(beta)*r_0", 1 / (d.b + 1)),
    ],
)
def test_exponents_of_sums_whose_order_is_not_at_hand(quantity, expected):
    assert sp.simplify(d.exponent(quantity) - expected) == 0


@pytest.mark.parametrize(
    "quantity",
    [0, sp.nan, sp.oo, sp.I * d.r0, None, [d.r0], "r_0**", True, sp.Eq(d.r0, 1), sp.Matrix([d.r0])],
)
def test_only_real_expressions_have_exponents_and_tolerances(quantity):
    with pytest.raises(InputError, match=r"quantity = .*: must be a real expression, not 0. Try: exponent\("):
        d.exponent(quantity)
    with pytest.raises(InputError, match=r"of = .*: must be a real expression, not 0. Try: tolerance\("):
        d.tolerance(quantity)


@pytest.mark.parametrize("quantity", [sp.sin(d.r0), 2 + sp.sin(d.r0), sp.Max(1, d.r0), sp.Piecewise((d.r0, d.r0 > 1))])
def test_where_sympy_finds_no_limit_there_is_no_exponent(quantity):
    with pytest.raises(InputError, match="must have a limit of d log X/d log r0 that SymPy finds"):
        d.exponent(quantity)


UNBENT = [
    d.s**2,
    -sp.log(1 + d.s),
    sp.Max(d.s, 1),
    d.s,
    sp.Integer(1),
    sp.Piecewise((d.s, d.s < 1), (sp.log(d.s), True)),
]


@pytest.mark.parametrize("utility", UNBENT)
def test_utilities_that_are_not_concave_have_no_tolerance(utility):
    with pytest.raises(InputError, match="must be a concave function of s"):
        d.tolerance(utility)


def test_results_are_written_in_beta_which_is_b_and_one():
    assert d.in_beta(2 * (d.b + 1)) == 2 * d.beta
    assert d.in_beta(1 / (d.b + 1)) == 1 / d.beta
