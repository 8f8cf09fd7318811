"""Rungs that name layers: the neurons of these layers alone, wherever they come from."""

import numpy as np
import pytest

from rosettalaw.empirical.activations.views import Layers
from rosettalaw.empirical.config import Measurement
from rosettalaw.empirical.ladder.measure import measure_ladder
from rosettalaw.empirical.ladder.models import ModelLadder, ModelRung
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.sites import AttentionHeads, ChosenLayers, MlpNeurons, layer_numbers
from rosettalaw.errors import InputError, RosettaError

PLAN = Measurement(tokens=900, permutations=1, untrained=0, partners=(), data_sizes=1)


def ladder(checkpoints, corpus, *layers):
    models = str(checkpoints["gpt2"]), str(checkpoints["gpt_neox"])
    rungs = tuple(ModelRung(models, layers=one) for one in layers)
    return ModelLadder("t", ("one", "two"), rungs, corpus, corpus.sha256, PLAN)


def test_chosen_layers_are_the_columns_of_all(checkpoints, corpus):
    folder = checkpoints["gpt2"]
    for site in (MlpNeurons(), AttentionHeads()):
        chosen = ChosenLayers(site, [1])
        source, whole = text_sources(folder, folder, corpus, 300, sites=(chosen, site))
        assert set(source.layer) == {1}
        np.testing.assert_array_equal(next(source.blocks(10_000)), next(whole.blocks(10_000))[:, whole.layer == 1])
        assert source.identity() != whole.identity()


def test_a_rung_counts_the_pairs_of_its_layers(checkpoints, corpus, tmp_path):
    measured = measure_ladder(ladder(checkpoints, corpus, ("0",), (), ("0", "0-1")), tmp_path, quiet=True)
    by_size = {int(n): measured.isel(rung=i) for i, n in enumerate(measured["neurons"].values)}
    a, b = text_sources(checkpoints["gpt2"], checkpoints["gpt_neox"], corpus, 900)
    per_layer = len(a.layer) // 2
    assert sorted(by_size) == [per_layer, 3 * per_layer // 2, 2 * per_layer]
    expected = match(Layers(a, [0]), Layers(b, [0]), nulls={"permute": 1}, quiet=True)
    assert int(by_size[per_layer]["raw_count"]) == expected.count
    assert int(by_size[per_layer]["calibrated_count"]) == expected.calibrate().count
    assert len(list(tmp_path.glob("*.nc"))) == 3  # one file for each, of the same two models


def test_an_earlier_rung_is_not_taken_for_one_of_other_layers(checkpoints, corpus, tmp_path):
    for layers in (("0",), ("1",)):
        measure_ladder(ladder(checkpoints, corpus, layers), tmp_path, quiet=True)
    assert len(list(tmp_path.glob("*.nc"))) == 2


def test_numbers_of_layers():
    assert layer_numbers("0-2,5") == [0, 1, 2, 5]
    assert layer_numbers(" 3 ") == [3]
    for wrong in ("", "a", "2-1", "-1", "1,,2", "0-99999999", "1.5"):
        with pytest.raises(InputError, match="must be numbers and ranges of layers"):
            layer_numbers(wrong)
    with pytest.raises(InputError, match="names a layer twice"):
        layer_numbers("0-3,2")


def test_layers_that_are_not_there(checkpoints, corpus, tmp_path):
    with pytest.raises(RosettaError, match=r"rung 1 .*layers = '0-2': .* has the layers 0 to 1"):
        measure_ladder(ladder(checkpoints, corpus, ("0-2",)), tmp_path, quiet=True)
    with pytest.raises(InputError, match="must be one entry for all models, or one for each of the 2"):
        ModelRung(("a", "b"), layers=("0", "1", "2"))
    folder = checkpoints["gpt2"]
    with pytest.raises(InputError, match=r"layers = 9: .* has the layers 0 to 1"):
        text_sources(folder, folder, corpus, 300, sites=(ChosenLayers(MlpNeurons(), [0, 9]), MlpNeurons()))
