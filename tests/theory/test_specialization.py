"""Domains that share a budget: the union solved by the array solver, closed-form limits, and what figure 7 shows."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.errors import InputError
from rosettalaw.theory import allocate, frontier, predict, specialize

OFFSETS = {"prose": 0.6, "conversational": 0.2, "math": 0.12, "code": 0.08}
domain_offsets = st.lists(st.floats(1e-3, 1), min_size=1, max_size=5).map(
    lambda c: {f"d{i}": x for i, x in enumerate(c)}
)


@settings(deadline=None, max_examples=60)
@given(domain_offsets, st.floats(0.6, 3), st.integers(20, 3000), st.floats(0.05, 20), st.floats(0.2, 5))
def test_equals_the_allocation_over_all_features(offsets, beta, neurons, kappa, tau):
    domains = specialize(neurons, offsets, beta, kappa, tau)
    each = int(4 * neurons / len(offsets))
    weights = np.concatenate([c * np.arange(1.0, each + 1) ** -beta for c in offsets.values()])
    expected = allocate(weights, kappa * neurons).isolation.reshape(len(offsets), each)
    if (np.abs(expected - tau) < 1e-9 * (1 + tau)).any():
        return
    np.testing.assert_array_equal(domains["count"].values[:, 0], (expected >= tau).sum(axis=1))
    assert abs(int(domains["active"][0]) - np.count_nonzero(expected > 1e-12)) <= np.sum(np.abs(expected) < 1e-9)


def test_one_domain_is_the_plain_theory():
    sizes = [100, 10_000, 10**9]
    domains = specialize(sizes, {"all": 3.0}, 1.4, 0.5, 2.0)
    np.testing.assert_allclose(domains["r_tau"].values[0], frontier(sizes, 1.4, 0.5, 2.0), rtol=1e-9)
    np.testing.assert_array_equal(domains["count"].values[0], predict(sizes, 1.4, 0.5, 2.0)["count"])
    np.testing.assert_allclose(domains["share"], 1)


def test_a_single_feature_takes_everything():
    domains = specialize([1.0, 3.7], {"all": 2.0}, 1.5, kappa=5.0, gamma=1.0)
    assert domains["active"].values.tolist() == [1, 3]
    assert domains["count"].values.tolist() == [[1, 3]]


def test_equal_offsets_share_equally():
    domains = specialize([10_000], dict.fromkeys("abcd", 1.0), 1.5)
    np.testing.assert_allclose(domains["share"], 0.25)


@pytest.mark.parametrize("beta", [1.2, 1.6, 2.5])
def test_shares_tend_to_the_power_of_the_offsets(beta):
    domains = specialize([1e12], OFFSETS, beta)
    limit = np.array(list(OFFSETS.values())) ** (1 / beta)
    np.testing.assert_allclose(domains["share"].values[:, 0], limit / limit.sum(), rtol=2e-2 if beta > 2 else 1e-3)


def test_rare_domains_enter_late_and_then_gain():
    """Figure 7's shape: the rarest domain is below its share of the data in small networks and above it in large."""
    domains = specialize(2.0 ** np.arange(4, 24), OFFSETS, 1.4, kappa=0.3, tau=2.0)["enrichment"]
    code, prose = domains.sel(domain="code").values, domains.sel(domain="prose").values
    assert code[np.isfinite(code)][0] == 0
    assert code[-1] > 1 > prose[-1]
    assert prose[np.isfinite(prose)][0] > 1


def test_slowest_decay_takes_over():
    domains = specialize([1e3, 1e6, 1e12], {"code": 0.05, "prose": 0.95}, {"code": 1.2, "prose": 1.6})
    code = domains["share"].sel(domain="code").values
    assert code[0] < code[1] < code[2]
    assert code[2] > 0.9


def test_frontiers_grow_by_the_shared_law():
    """D log r_τ,d/d log N = (1/β_d) κN/(κN + n)."""
    h, size, beta = 1e-4, 3e6, {"a": 1.3, "b": 1.9}
    domains = specialize(size * np.exp([-h, 0, h]), {"a": 0.3, "b": 0.7}, beta, 0.8)
    r = domains["r_tau"].values
    slopes = np.log(r[:, 2] / r[:, 0]) / (2 * h)
    shared = 0.8 * size / (0.8 * size + float(domains["active"][1]))
    np.testing.assert_allclose(slopes, [shared / 1.3, shared / 1.9], rtol=1e-3)


def test_enrichment_against_the_data_share_given():
    plain, given_share = (specialize([1e5], OFFSETS, 1.5, data_share=d) for d in (None, dict.fromkeys(OFFSETS, 1.0)))
    np.testing.assert_allclose(given_share["enrichment"], plain["share"] * 4)
    np.testing.assert_allclose(plain["enrichment"], plain["share"] / plain["offset"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"offsets": {}}, "offsets = {}: must name at least one domain"),
        ({"offsets": {"a": 0.0}}, r"offsets\['a'\] = 0.0: must be greater than 0"),
        ({"beta": {"a": 1.5}}, r"beta = \['a'\]: must name the domains"),
        ({"kappa": 0}, "kappa = 0: must be finite and greater than 0"),
        ({"neurons": [-5]}, "neurons = .*must be finite and greater than 0"),
        ({"gamma": 0.01}, "gamma = 0.01: leaves no feature"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        specialize(**{"neurons": [100], "offsets": {"a": 1.0, "b": 2.0}, "beta": 1.5, **arguments})


def test_no_domain_has_more_rosetta_features_than_features():
    domains = specialize([20.0], {"prose": 1.0, "code": 1.0}, beta=1.5, kappa=1000.0, gamma=1.0)
    assert domains["active"].item() == 20
    assert domains["count"].values[:, 0].tolist() == [10, 10]
    assert domains["r_tau"].values[:, 0].tolist() == [10, 10]


@pytest.mark.parametrize("kappa", [1e-20, 3e-16, 3e-14, 1e-9, 1e-5])
@pytest.mark.parametrize("offsets", [(1.0,), (1.0, 1.0), (0.7, 0.3), (1.0, 1 - 2**-40), (1.0, 1 - 2**-50, 1 - 2**-44)])
def test_tiny_budgets_keep_their_digits(kappa, offsets):
    """The prefix rule over the first ranks in rational numbers: no second rank comes near the level at β = 1.5."""
    neurons, exact = 64.0, [Fraction(c) for c in sorted(offsets, reverse=True)]
    budget = Fraction(kappa) * 64
    n = max(k for k in range(1, len(exact) + 1) if exact[k - 1] * (budget + k) > sum(exact[:k]))
    level = sum(exact[:n]) / (budget + n)
    isolation = [Fraction(c) / level - 1 for c in offsets]
    for share in (Fraction(1, 3), Fraction(99, 100), Fraction(101, 100), Fraction(3)):
        for tau in {float(s * share) for s in isolation if s > 0}:
            domains = specialize(neurons, {f"d{i}": c for i, c in enumerate(offsets)}, 1.5, kappa, tau)
            assert domains["active"].values.tolist() == [n]
            counts = [int(s >= Fraction(tau)) for s in isolation]
            assert domains["count"].values[:, 0].tolist() == counts
            assert np.floor(domains["r_tau"].values[:, 0]).tolist() == counts
            expected = [float((1 + s) / (1 + Fraction(tau))) ** (1 / 1.5) for s in isolation]
            np.testing.assert_allclose(domains["r_tau"].values[:, 0], expected, rtol=1e-14)


def test_many_ranks_of_flat_domains_share_a_tiny_budget():
    """The prefix rule in fifty digits, over two equal domains: w_r = 0.7 r^-β, β = 10^-10 and κN = 10^-9."""
    beta, budget, weights = mp.mpf(1e-10), mp.mpf(1e-9), []
    with mp.workdps(50):
        for r in range(1, 100):
            weights += [mp.mpf(0.7) * mp.mpf(r) ** -beta] * 2
            if weights[-1] * (budget + len(weights)) <= mp.fsum(weights):
                break
        n = len(weights) - 2
        level = mp.fsum(weights[:n]) / (budget + n)
        isolation = [w / level - 1 for w in weights[:n:2]]
    tau = float((isolation[2] + isolation[3]) / 2)
    domains = specialize(1.0, {"a": 0.7, "b": 0.7}, 1e-10, 1e-9, tau, gamma=200.0)
    assert n > 8
    assert domains["active"].item() == n
    assert domains["count"].values[:, 0].tolist() == [3, 3]
