"""Choosing a neuron against brute force and planted ones; reading documents against one window at a time."""

import numpy as np
import pytest
import torch
from filtering_helpers import Planted
from hypothesis import given
from hypothesis import strategies as st

from rosettalaw.empirical.checkpoints import architectures, hub
from rosettalaw.empirical.corpora.corpus import Corpus, Document
from rosettalaw.empirical.filtering.choose_neuron import Ranking, choose, equal_shares, rank, rosetta_neurons
from rosettalaw.empirical.filtering.document_activations import ModelReader
from rosettalaw.errors import InputError, RosettaError
from rosettalaw.results import dataset


def documents(number=90, share=0.3, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Document(f"d{i}", "target" if rng.random() < share else "rest", "x" * int(rng.integers(1, 9)))
        for i in range(number)
    ]


def test_hits_among_top_contexts_by_brute_force():
    texts = documents()
    peaks = np.random.default_rng(1).standard_normal((90, 6)).astype(np.float32)
    reader = Planted(peaks, texts, at_once=7)
    ranking = rank(reader, texts, "target", np.arange(6), contexts=10)
    is_target = np.array([d.domain == "target" for d in texts])
    assert ranking.contexts.tolist() == [10, 20, 40, 80]
    for neuron in range(6):
        order = np.argsort(-peaks[:, neuron])
        assert ranking.hits[:, neuron].tolist() == [is_target[order[:k]].sum() for k in (10, 20, 40, 80)]
    tokens = np.array([len(d.text) for d in texts])
    share = tokens[is_target].sum() / tokens.sum()
    np.testing.assert_allclose(ranking.enrichment, ranking.hits[0] / 10 / share)


def test_a_tie_at_few_contexts_is_decided_by_more():
    texts = [Document(f"d{i}", "target" if i < 40 else "rest", "x") for i in range(100)]
    place = np.arange(100.0)
    first_twenty = np.where(place < 20, 1000 - place, place)  # target on top, then the end of the list
    all_forty = 1000 - place
    peaks = np.column_stack([first_twenty, all_forty, -place * 0 + (place >= 40) * place]).astype(np.float32)
    ranking = rank(Planted(peaks, texts), texts, "target", np.arange(3), contexts=20)
    assert ranking.hits[:, :2].T.tolist() == [[20, 20, 20], [20, 40, 40]]
    assert ranking.best(np.arange(3)).tolist() == [1, 0, 2]
    assert ranking.best(np.array([0, 2])).tolist() == [0, 2]


def test_equal_neurons_go_in_order():
    texts = documents()
    peaks = np.repeat(np.random.default_rng(2).standard_normal((90, 1)), 4, axis=1).astype(np.float32)
    ranking = rank(Planted(peaks, texts), texts, "target", np.arange(4))
    assert ranking.best(np.array([3, 1, 2])).tolist() == [1, 2, 3]


def test_the_control_comes_from_the_same_layer_and_is_no_rosetta_neuron():
    texts = documents(200)
    is_target = np.array([d.domain == "target" for d in texts], dtype=float)
    noise = np.random.default_rng(3).standard_normal((200, 8))
    strength = np.array([0, 4, 1, 2, 9, 3, 8, 0.5])  # how much each neuron prefers the target
    reader = Planted((noise * 0.1 + is_target[:, None] * strength).astype(np.float32), texts, layers=2)
    choice = choose(reader, texts, "target", rosetta=np.array([1, 2, 7]))
    assert choice.rosetta[0] == 1
    assert choice.rosetta.tolist() == [1, 2]  # 7 is of the other layer
    assert choice.control.tolist()[0] == 3  # 4 and 6 prefer the target more, but are of the other layer
    with pytest.raises(RosettaError, match="every neuron of layer 0"):
        choose(reader, texts, "target", rosetta=np.arange(4))


@given(pools=st.tuples(st.integers(1, 900), st.integers(1, 900)), leaders=st.integers(1, 60))
def test_leaders_are_an_equal_share_of_both_populations(pools, leaders):
    first, second = equal_shares(pools, leaders)
    assert 1 <= first <= pools[0]
    assert 1 <= second <= pools[1]
    assert abs(first / pools[0] - second / pools[1]) <= 0.5 / pools[0] + 0.5 / pools[1] + 1e-9 or 1 in (first, second)
    assert first + second <= 2 * leaders + 2
    assert equal_shares(pools[::-1], leaders) == (second, first)


def test_leaders_of_equal_quality_look_alike_at_equal_shares():
    """F1 falls with a neuron's place in its population, alike in both: the first 20 of either would differ."""
    quality = [np.linspace(1, 0, pool) for pool in (35, 350)]
    first, second = equal_shares((35, 350), 20)
    assert abs(quality[0][:first].mean() - quality[1][:second].mean()) < 0.02
    assert abs(quality[0][:20].mean() - quality[1][:20].mean()) > 0.2


def test_what_cannot_be_ranked_is_refused():
    texts = documents(30)
    reader = Planted(np.zeros((30, 2), np.float32), texts)
    with pytest.raises(InputError, match=r"contexts = 31.*30 documents"):
        rank(reader, texts, "target", np.arange(2), contexts=31)
    with pytest.raises(InputError, match="target = 'other'"):
        rank(reader, texts, "other", np.arange(2))


def pairs(correlation, threshold=0.5, neurons=8):
    units = np.arange(len(correlation))
    variables = {
        "unit_a": ("pair", units), "unit_b": ("pair", units), "correlation": ("pair", np.array(correlation)),
        "neurons_a": neurons, "threshold": threshold, "calibrated_count": 0,
    }  # fmt: skip
    return dataset("pairs", variables, {}, model_a="a", model_b="b")


def test_rosetta_neurons_are_those_of_calibrated_pairs():
    reader = Planted(np.zeros((1, 8), np.float32), documents(1))
    assert rosetta_neurons(pairs([0.9, 0.4, 0.5, -0.7]), reader).tolist() == [0, 2, 3]
    with pytest.raises(RosettaError, match="no Rosetta Neuron"):
        rosetta_neurons(pairs([0.9], threshold=np.nan), reader)
    with pytest.raises(RosettaError, match="9 neurons, not of planted with 8"):
        rosetta_neurons(pairs([0.9], neurons=9), reader)
    with pytest.raises(RosettaError, match="no calibrated threshold"):
        rosetta_neurons(pairs([0.9]).drop_vars("threshold"), reader)


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox"])
def test_mean_and_peak_against_one_window_at_a_time(checkpoints, name):
    """Documents of one token and of several windows, in batches with padding, neurons in any order."""
    texts = [
        Document(f"d{i}", "a", t) for i, t in enumerate(["a", "The river " * 60, "print(x)\n", "東京は晴れ。🎉" * 9])
    ]
    reader = ModelReader(checkpoints[name])
    neurons = np.array([127, 3, 64, 63, 5])
    (reading,) = reader.read(texts, neurons)

    tokenizer, model = (
        hub.open_tokenizer(checkpoints[name]),
        hub.open_model(checkpoints[name], hub.open_config(checkpoints[name])),
    )
    projections = architectures.output_projections(model, model.config.model_type, name)
    for row, text in enumerate(texts):
        ids = tokenizer(text.text, add_special_tokens=False)["input_ids"]
        seen = []
        for start in range(0, len(ids), 32):
            held = []
            handles = [p.register_forward_pre_hook(lambda _, x, h=held: h.append(x[0][0])) for p in projections]
            with torch.no_grad():
                model(input_ids=torch.tensor([ids[start : start + 32]]))
            for handle in handles:
                handle.remove()
            seen.append(torch.cat(held, dim=1).numpy().astype(float))
        activations = np.concatenate(seen)[:, neurons]
        assert reading.tokens[row] == len(ids) == len(activations)
        np.testing.assert_allclose(reading.mean[row], activations.mean(0), atol=2e-6)
        np.testing.assert_allclose(reading.peak[row], activations.max(0), atol=2e-6)


def test_a_whole_layer_and_its_neurons_one_by_one_agree(checkpoints, corpus):
    reader = ModelReader(checkpoints["gpt2"])
    everything = np.arange(len(reader.layer))
    (whole,) = reader.read(corpus.documents[:5], everything)
    (part,) = reader.read(corpus.documents[:5], everything[::-1][:70])
    np.testing.assert_allclose(part.mean, whole.mean[:, ::-1][:, :70], atol=1e-6)
    assert np.array_equal(reader.unit, np.tile(np.arange(64), 2))
    assert np.array_equal(reader.layer, np.repeat([0, 1], 64))


def test_special_tokens_are_read_and_not_counted(checkpoints, corpus, monkeypatch):
    plain = ModelReader(checkpoints["gpt2"])
    framed = ModelReader(checkpoints["gpt2"])
    framed._special, framed._window = ([299], []), 31
    short = [Document("d", "a", "The river")]
    (without,), (with_one,) = plain.read(short, np.arange(3)), framed.read(short, np.arange(3))
    assert without.tokens == with_one.tokens
    assert not np.allclose(without.mean, with_one.mean)  # the model sees the token before the text


def test_a_corpus_is_read_in_batches(checkpoints):
    texts = Corpus("many", tuple(Document(f"d{i}", "a", "word " * (i % 7 + 1)) for i in range(150))).documents
    reader = ModelReader(checkpoints["gpt_neox"])
    readings = list(reader.read(texts, np.array([4])))
    assert [len(reading.tokens) for reading in readings] == [64, 64, 22]
    (alone,) = reader.read(texts[149:], np.array([4]))
    np.testing.assert_allclose(readings[2].mean[-1], alone.mean[0], atol=1e-6)


def test_ties_go_to_the_neuron_that_is_ahead_at_more_contexts_then_to_the_first():
    hits = np.array([[9, 9, 9, 9, 8], [12, 14, 14, 14, 30], [40, 20, 21, 21, 50]])
    ranking = Ranking(np.array([3, 5, 7, 9, 11]), np.array([20, 40, 80]), hits, 0.25)
    assert ranking.best(np.arange(20)).tolist() == [7, 9, 5, 3, 11]
    assert ranking.best(np.array([11, 5, 4])).tolist() == [5, 11]
    assert ranking.of(5) == (9, 9 / (20 * 0.25))
