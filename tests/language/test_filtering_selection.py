"""The budget rule against a loop, F1 against its expectation under chance, the bootstrap against repeated documents."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosettalaw.empirical.corpora.corpus import Corpus, Document
from rosettalaw.empirical.filtering.select_documents import interval, recovery, replicate_f1, select
from rosettalaw.empirical.filtering.splitting import passages, split
from rosettalaw.errors import InputError, UnknownNameError


def taken_by_hand(scores, tokens, budget):
    taken, total = set(), 0
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if total >= budget:
            break
        taken.add(i)
        total += tokens[i]
    return taken


@given(
    st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), st.integers(1, 50)), min_size=1, max_size=30),
    st.floats(0.001, 1.0),
)
def test_documents_are_taken_from_the_highest_score_until_the_budget_is_reached(documents, part):
    scores, tokens = (np.array(column) for column in zip(*documents, strict=True))
    budget = part * tokens.sum()
    taken = select(scores, tokens, budget)
    assert set(np.flatnonzero(taken)) == taken_by_hand(scores, tokens, budget)


def test_a_budget_beyond_the_documents_is_refused():
    with pytest.raises(InputError, match=r"budget = 11.*at most the 10 tokens"):
        select(np.zeros(2), np.array([5, 5]), 11)


def test_recovery_by_counting():
    taken = np.array([True, True, True, False, False, False, False])
    target = np.array([True, True, False, True, True, False, False])
    recovered = recovery(taken, target, np.array([10, 1, 5, 2, 2, 9, 9]))
    assert recovered.precision == pytest.approx(2 / 3)
    assert recovered.recall == pytest.approx(2 / 4)
    assert recovered.f1 == pytest.approx(4 / 7)
    assert recovered.f1_tokens == pytest.approx(2 * 11 / (16 + 15))


def test_a_neuron_that_fires_in_the_target_alone_recovers_it():
    rng = np.random.default_rng(0)
    target = rng.random(200) < 0.3
    tokens = rng.integers(1, 300, size=200)
    scores = np.where(target, 1.0, -1.0) + 0.1 * rng.standard_normal(200)
    recovered = recovery(select(scores, tokens, tokens[target].sum()), target, tokens)
    assert (recovered.precision, recovered.recall, recovered.f1, recovered.f1_tokens) == (1, 1, 1, 1)


def test_a_constant_neuron_is_a_random_sample():
    """Of n documents of one length, m of the target: TP is hypergeometric, so E[F1] = m/n."""
    n, m, tries = 60, 12, 600
    rng = np.random.default_rng(1)
    f1 = []
    for _ in range(tries):
        target = rng.permutation(np.arange(n) < m)  # equal scores go in the order of the documents, which is shuffled
        f1.append(recovery(select(np.zeros(n), np.full(n, 7), 7 * m), target, np.full(n, 7)).f1)
    variance = m * (m / n) * (1 - m / n) * (n - m) / (n - 1) / m**2
    assert abs(np.mean(f1) - m / n) < 4 * np.sqrt(variance / tries)


def test_the_bootstrap_repeats_the_selection_on_repeated_documents():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(12), 3)
    tokens, target = rng.integers(1, 40, size=36), np.repeat(rng.random(12) < 0.4, 3)
    scores = target + rng.standard_normal(36)
    for budget in (None, 90.0):
        replicates = replicate_f1([scores, target.astype(float)], tokens, target, groups, budget, seed=5, replicates=25)
        stream = np.random.default_rng(np.random.SeedSequence([5, 0xB007]))
        for replicate in range(25):
            drawn = stream.integers(12, size=12)
            stream.permutation(36)
            # every document as often as its group was drawn, in the order of the documents
            copies = [i for i in range(36) for _ in range(int((drawn == groups[i]).sum()))]
            wanted = tokens[copies][target[copies]].sum()
            taken = taken_by_hand(scores[copies], tokens[copies], wanted if budget is None else budget)
            hits = sum(target[copies[place]] for place in taken)
            expected = 2 * hits / (len(taken) + target[copies].sum()) if wanted else np.nan
            np.testing.assert_allclose(replicates[0, replicate], expected)
        if budget is None:
            assert np.all(replicates[1][~np.isnan(replicates[1])] == 1)  # the oracle's


def test_random_replicates_have_the_target_share_as_mean():
    target = np.arange(200) % 5 == 0
    replicates = replicate_f1([None], np.full(200, 3), target, np.arange(200), None, seed=0, replicates=400)
    assert np.mean(replicates) == pytest.approx(0.2, abs=4 * np.std(replicates) / 20)
    low, high = interval(replicates)[0]
    assert low < 0.2 < high


def labelled(groups=24, each=3):
    return Corpus(
        "labelled",
        tuple(
            Document(f"g{g}/{i}", "ab"[(g + i) % 3 == 0], f"text {g} {i}", group=f"g{g}")
            for g in range(groups)
            for i in range(each)
        ),
    )


def test_the_three_parts_share_no_group_and_lose_no_document():
    corpus = labelled()
    parts = split(corpus, "b", 0.25, 0.25, seed=3)
    names = [{document.name for document in part.documents} for part in vars(parts).values()]
    groups = [{document.group for document in part.documents} for part in vars(parts).values()]
    assert sum(map(len, names)) == len(set.union(*names)) == len(corpus.documents)
    assert sum(map(len, groups)) == len(set.union(*groups)) == 24
    assert [len(g) for g in groups] == [6, 12, 6]
    again = split(corpus, "b", 0.25, 0.25, seed=3)
    assert again == parts
    assert split(corpus, "b", 0.25, 0.25, seed=4) != parts


def test_a_part_without_the_target_is_refused():
    documents = tuple(Document(f"d{i}", "b" if i == 0 else "a", "text") for i in range(20))
    with pytest.raises(InputError, match=r"0 of .* documents in the"):
        split(Corpus("one", documents), "b", 0.3, 0.3, seed=0)
    with pytest.raises(UnknownNameError, match="unknown target domain of one 'c': known: a, b"):
        split(Corpus("one", documents), "c", 0.3, 0.3, seed=0)


@given(st.text(alphabet="ab \n\r", max_size=200), st.integers(1, 40))
def test_passages_hold_the_document_but_for_blank_ones(text, characters):
    corpus = passages(Corpus("one", (Document("d", "a", text),)), characters)
    joined = "".join(document.text for document in corpus.documents)
    assert "".join(joined.split()) == "".join(text.split())
    assert all(len(document.text) >= characters for document in corpus.documents[:-1])
    assert {document.group for document in corpus.documents} <= {"d"}
    assert len({document.name for document in corpus.documents}) == len(corpus.documents)


def test_passages_keep_the_group_of_their_document():
    corpus = Corpus("one", (Document("code/x.py", "code", "one\ntwo\nthree\n", group="x.py"),))
    assert [d.text for d in passages(corpus, 6).documents] == ["one\ntwo\n", "three\n"]
    assert {d.group for d in passages(corpus, 6).documents} == {"x.py"}
    assert passages(corpus, 0) is corpus


def test_a_replicate_without_the_target_has_no_f1():
    """Three groups, one of them the target: (2/3)³ of the replicates draw none of it, and say nothing."""
    target = np.array([True, False, False])
    replicates = replicate_f1([np.arange(3.0)], np.ones(3), target, np.arange(3), budget=1, seed=0, replicates=4000)[0]
    assert np.mean(np.isnan(replicates)) == pytest.approx((2 / 3) ** 3, abs=0.03)
    # The other two are taken first; where neither was drawn, one of the three copies of the target is taken.
    assert set(replicates[np.isfinite(replicates)]) == {0.0, 0.5}


def test_an_interval_leaves_half_of_the_rest_on_either_side():
    values = np.random.default_rng(0).permutation(np.r_[np.arange(1001.0), np.nan])
    assert interval(values) == pytest.approx([25, 975])
    both = interval(np.stack([values, 2 * values]), level=0.5)
    np.testing.assert_allclose(both, [[250, 750], [500, 1500]])
