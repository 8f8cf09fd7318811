"""The audit of the screened engine: who is drawn, for how many each stands, and the recall that follows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosettalaw.empirical.matching.partners import Partners
from rosettalaw.empirical.matching.screening.audit import Audit, strata


@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 40), st.integers(0, 99))
def test_the_weights_of_a_stratum_add_up_to_its_neurons(neurons, likely, count, seed):
    likely = np.random.default_rng(seed).permutation(neurons)[: min(likely, neurons)]
    sampled = strata(neurons, likely, count, seed)
    assert len(sampled.sampled) == len(set(sampled.sampled.tolist())) == min(count, neurons)
    assert np.all(np.diff(sampled.sampled) > 0)
    inside = np.isin(sampled.sampled, likely)
    for chosen, size in ((inside, len(likely)), (~inside, neurons - len(likely))):
        if chosen.any():
            assert sampled.weight[chosen].sum() == pytest.approx(size)


def test_half_is_drawn_where_pairs_are():
    sampled = strata(1000, np.arange(100), 20, 0)
    assert (sampled.sampled < 100).sum() == 10


def test_a_missed_pair_counts_for_all_that_it_stands_for():
    """Four neurons drawn: found (weight 2), missed (weight 10), not mutual (10), not its partner's best (2)."""
    best = Partners(6, 1), Partners(6, 1)
    best[1].index[:, 0], best[1].key[:, 0] = [0, 1, 5, 4, -1, -1], [0.9, 0.8, 0.9, 0.8, -np.inf, -np.inf]
    units = np.arange(4)
    audit = Audit(4, units, units, np.array([0.9, 0.8, 0.7, 0.6]), np.array([2.0, 10.0, 10.0, 2.0]))
    report = audit.report(best, 1, (np.array([0, 5]), np.array([0, 2]), np.array([0.9, 0.9])))
    assert report == {"audited": 4, "audited_pairs": 2, "audited_found": 1, "recall_audited": pytest.approx(2 / 12)}


def test_the_weighted_recall_is_right_on_average():
    """Of 40 likely pairs all are found, of 20 unlikely ones none: a plain share of the drawn would say far more."""
    neurons, likely, lost = 400, np.arange(40), np.arange(40, 60)
    best = Partners(neurons, 1), Partners(neurons, 1)
    mutual = np.concatenate([likely, lost])
    best[1].index[mutual, 0], best[1].key[mutual, 0] = mutual, 0.5
    best[1].index[60:, 0], best[1].key[60:, 0] = 0, 0.9  # whose partners are closer to another
    found, all_pairs, plain = 0.0, 0.0, []
    for seed in range(400):
        sampled = strata(neurons, likely, 60, seed)
        key = np.full(len(sampled.sampled), 0.5)
        audit = Audit(len(sampled.sampled), sampled.sampled, sampled.sampled, key, sampled.weight)
        report = audit.report(best, 1, (likely, likely, np.full(40, 0.5)))
        weight = sampled.weight[np.isin(sampled.sampled, mutual)].sum()
        found += report["recall_audited"] * weight
        all_pairs += weight
        plain.append(report["audited_found"] / report["audited_pairs"])
    assert found / all_pairs == pytest.approx(40 / 60, abs=0.02)
    assert np.mean(plain) > 0.85
