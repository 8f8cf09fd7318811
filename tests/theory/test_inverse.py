"""The theory backwards, by the theory forwards; and the numbers that a reader of the paper asks for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import betas, gammas, taus

from rosettalaw.errors import InputError
from rosettalaw.theory import beta_for, frontier, kappa_for, neurons_for, predict

limits = st.sampled_from(["discrete", "continuum"])
kappas = st.floats(-3, 3).map(lambda e: 10.0**e)
counts = st.integers(1, 3000).map(float)


def test_beta_of_the_paper_s_exponents():
    """β of α = .63 and .69 over N = 4e4 to 2e6, found by another program; 1/α is 1.587 and 1.449."""
    assert beta_for(exponent=0.63, neurons=[4e4, 2e6]) == pytest.approx(1.577, abs=5e-4)
    assert beta_for(exponent=0.69, neurons=[4e4, 2e6]) == pytest.approx(1.433, abs=1e-3)
    assert beta_for(exponent=0.69, neurons=np.geomspace(4e4, 2e6, 30), kappa=0.01) == pytest.approx(1.369, abs=2e-3)


@pytest.mark.parametrize("limit", ["discrete", "continuum"])
def test_beta_has_the_exponent(limit):
    alphas, sizes = np.array([[0.2, 0.5], [0.8, 0.95]]), [1e4, 1e5, 1e6]
    found = beta_for(alphas, sizes, kappa=0.3, tau=2.0, limit=limit)
    for alpha, beta in zip(alphas.flat, found.flat, strict=True):
        r = frontier(sizes, beta, 0.3, 2.0, limit=limit)
        assert np.polyfit(np.log(sizes), np.log(r), 1)[0] == pytest.approx(alpha, abs=1e-9)
    one = beta_for(0.5, 1e5, limit="continuum")
    assert float(predict(1e5, one, limit="continuum")["local_exponent"]) == pytest.approx(0.5, abs=1e-9)


def test_beta_of_large_networks_is_one_over_the_exponent():
    assert beta_for(0.5, 1e14) == pytest.approx(2, rel=1e-6)


@settings(deadline=None, max_examples=150)
@given(count=counts, size=st.floats(1, 9), beta=betas, tau=taus, gamma=gammas, limit=limits)
def test_kappa_brings_the_frontier_to_the_count(count, size, beta, tau, gamma, limit):
    neurons = float(int(10**size))
    count = min(count, np.floor(gamma * neurons) - 1)
    if count < 1:
        return
    kappa = kappa_for(count, neurons, beta, tau, gamma, limit)
    if kappa < 1e250:
        edge = count if limit == "discrete" else count + 1
        assert float(frontier(neurons, beta, kappa, tau, gamma, limit)) == pytest.approx(edge, rel=1e-8)
    if limit == "discrete" and kappa < 1e250:
        assert float(predict(neurons, beta, kappa * (1 + 1e-8), tau, gamma)["count"]) >= count
        assert float(predict(neurons, beta, kappa * (1 - 1e-6), tau, gamma)["count"]) < count


@settings(deadline=None, max_examples=150)
@given(count=counts, beta=betas, kappa=kappas, tau=taus, gamma=gammas, limit=limits)
def test_neurons_are_the_least_that_show_the_count(count, beta, kappa, tau, gamma, limit):
    neurons = neurons_for(count, beta, kappa, tau, gamma, limit)
    if limit == "continuum":
        found = float(predict(neurons * (1 + 1e-12), beta, kappa, tau, gamma, limit)["count"])
        assert found == pytest.approx(count, rel=1e-6)
    elif neurons < 2**53:
        assert neurons == np.floor(neurons)
        assert float(predict(neurons, beta, kappa, tau, gamma)["count"]) >= count
        if gamma * (neurons - 1) >= 1:
            assert float(predict(neurons - 1, beta, kappa, tau, gamma)["count"]) < count


def test_arrays_broadcast():
    found = kappa_for([10, 100], 1e6, [[1.5], [2.0]])
    assert found.shape == (2, 2)
    assert found[1, 0] == kappa_for(10, 1e6, 2.0)
    assert neurons_for([10, 100], 1.5).tolist() == [neurons_for(10, 1.5), neurons_for(100, 1.5)]
    with pytest.raises(InputError, match="must broadcast together"):
        kappa_for([10, 20, 30], 1e6, [1.5, 2.0])


def test_impossible_wishes_name_what_is_possible():
    with pytest.raises(InputError, match=r"exponent = 1.2: must lie strictly between .* and 1 at these sizes"):
        beta_for(1.2, 1e5)
    with pytest.raises(InputError, match=r"exponent = 0.9999: must lie strictly between"):
        beta_for(0.9999, [1e4, 1e5], gamma=np.inf)
    with pytest.raises(InputError, match=r"count = 401.0: there are 400 features to count"):
        kappa_for(401, 100, 1.5)
    with pytest.raises(InputError, match=r"count = 0.0: must be finite and at least 1. Try: neurons_for\("):
        neurons_for(0, 1.5)
    with pytest.raises(InputError, match=r"beta = 0.5: must be greater than 1 when gamma is infinite"):
        neurons_for(10, 0.5, gamma=np.inf)
    with pytest.raises(InputError, match=r"beta = -1.0"):
        kappa_for(10, 100, -1)


@pytest.mark.parametrize("kappa", [1e-20, 1e-18, 3e-16, 1e-14, 1e-9])
@pytest.mark.parametrize("ratio", [3, 10.5, 1000])
@pytest.mark.parametrize("beta", [0.5, 1.5, 4.0])
def test_the_first_feature_of_tiny_budgets(kappa, ratio, beta):
    """Rank 1 alone has isolation, s = κN: it reaches τ from N = τ/κ on, whatever β is."""
    tau = kappa * ratio
    assert neurons_for(1, beta, kappa, tau) == np.ceil(ratio)
    assert kappa_for(1, np.ceil(ratio), beta, tau) == pytest.approx(tau / np.ceil(ratio), rel=1e-14)
