"""Ladders with several seeds: the networks trained, each read once, and the interval of the exponent."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from rosettalaw.empirical.ladder import measure as measuring
from rosettalaw.empirical.ladder import neurons
from rosettalaw.empirical.ladder.measure import measure_ladder
from rosettalaw.empirical.ladder.rung import measure_rung
from rosettalaw.empirical.ladder.train import train_ladder
from rosettalaw.empirical.language.families import Family, Rung, Training, open_ladder
from rosettalaw.empirical.language.source import TextSource
from rosettalaw.errors import InputError
from rosettalaw.loop.ladder import judge
from rosettalaw.results import dataset
from tests.in_process import jobs_here
from tests.tiny_ladder import ladder_text, write_ladder

NULLS = {"permutations": 0, "untrained": 1, "shift": 2, "documents": 0}


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    """A ladder of two families, two seeds and one size, trained."""
    folder = tmp_path_factory.mktemp("seeds")
    path = write_ladder(folder, 600, measured=600, nulls=NULLS, widths=(8,))
    text = path.read_text().replace("[training]\n", "[training]\ntraining_seed = [0, 1]\n")
    path.write_text(text.replace("[measurement]\n", "[measurement]\npartners = []\ndata_sizes = 1\n"))
    with jobs_here():
        return train_ladder(open_ladder(path), cache=folder / "cache", quiet=True)


@pytest.fixture(scope="module")
def measured(crossed, tmp_path_factory):
    """The same, measured; how often each model was run over the text and described; and the folder of its rungs."""
    read: list[str] = []
    original, describing = TextSource._blocks, neurons.activity
    out = tmp_path_factory.mktemp("rungs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TextSource, "_blocks", lambda self, *of: (read.append(self.name), original(self, *of))[1])
        described = lambda source, *of: (read.append("described"), describing(source, *of))[1]  # noqa: E731
        patch.setattr(neurons, "activity", described)
        here = dataclasses.replace(crossed.models(), training_seed=None)  # measured in this process
        result = measure_ladder(here, out, quiet=True)
    return result, read, out


def fingerprint_before_seeds(family, rung, training, held_out):
    """The rule by which caches of earlier versions name their folders."""
    recipe = ("tokens", "context", "batch", "learning_rate", "weight_decay", "seed")
    facts = [
        {name: getattr(family, name) for name in ("name", "architecture", "vocabulary")},
        dataclasses.asdict(rung),
        {name: getattr(training, name) for name in recipe},
        held_out,
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:10]


def test_networks_of_one_seed_stay_where_earlier_versions_put_them(crossed):
    ladder = crossed.ladder
    for family in ladder.family:
        for rung in ladder.rung:
            expected = fingerprint_before_seeds(family, rung, ladder.training, ladder.held_out)
            assert ladder.fingerprint(family, rung, 0) == expected != ladder.fingerprint(family, rung, 1)


def test_every_seed_is_a_network_of_its_own(crossed):
    assert len(set(crossed.folders.values())) == 2 * 2
    first, second = (
        (crossed.folders["one", crossed.ladder.rung[0], seed] / "model.safetensors").read_bytes() for seed in (0, 1)
    )
    assert first != second


def test_seeds_of_split_tokenizer_and_training_are_apart(crossed):
    ladder = crossed.ladder
    one, rung = ladder.family[0], ladder.rung[0]
    plain = ladder.fingerprint(one, rung, 3)
    for name in ("split_seed", "tokenizer_seed"):
        other = dataclasses.replace(ladder, training=dataclasses.replace(ladder.training, **{name: 9}))
        assert other.fingerprint(one, rung, 3) != plain
        assert other.seeds(one) == (0, 1)
    alone = dataclasses.replace(ladder, training=Training(tokens=4_000, seed=5))
    assert (alone.training.split, alone.seeds(one)) == (5, (5,))
    own = dataclasses.replace(one, training_seed=(7,))
    assert ladder.seeds(own) == (7,)


def test_larger_networks_meet_the_one_with_their_own_seed(crossed):
    small, large = crossed.ladder.rung[0], Rung(width=16, layers=1)
    ladder = dataclasses.replace(crossed.ladder, rung=(small, large), crossed_to=small.neurons)
    folders = {
        (family.name, rung, seed): f"{rung.neurons}"
        for family in ladder.family
        for rung in ladder.rung
        for seed in (0, 1)
    }
    rungs = dataclasses.replace(crossed, ladder=ladder, folders=folders).models().rungs
    assert [rung.seeds for rung in rungs] == [(0, 0), (0, 1), (1, 0), (1, 1), (0, 0), (1, 1)]
    assert [rung.models[0] for rung in rungs] == ["32"] * 4 + ["64"] * 2
    assert ladder.fingerprint(ladder.family[0], small, 1) == crossed.ladder.fingerprint(ladder.family[0], small, 1)
    one = dataclasses.replace(ladder.family[0], training_seed=(0,))
    with pytest.raises(InputError, match=r"crossed_to = 32: needs as many seeds of each family, not \[1, 2\]"):
        dataclasses.replace(ladder, family=(one, ladder.family[1]))


def test_all_pairs_of_seeds_are_measured(measured):
    ladder, _, _ = measured
    assert ladder.sizes["rung"] == 4
    assert ladder["seed_a"].values.tolist() == [0, 0, 1, 1]
    assert ladder["seed_b"].values.tolist() == [0, 1, 0, 1]


def test_each_network_is_read_once_and_untrained_ones_once_a_size(measured):
    _, read, _ = measured
    assert read.count("described") == 4
    read = [name for name in read if name != "described"]
    trained = [name for name in read if "untrained" not in name]
    assert len(trained) == len(set(trained)) == 4
    assert len(read) - len(trained) == 2  # one draw, two sides


def test_a_pair_measured_alone_has_the_same_bits(crossed, measured):
    ladder, models = measured[0], crossed.models()
    alone = measure_rung(models, models.rungs[3])
    here = ladder["pair_rung"].values == 3
    assert np.array_equal(alone["correlation"].values, ladder["correlation"].values[here])
    of_rung = ladder["neuron_rung"].values == 3
    for name in (str(name) for name in alone.data_vars if alone[name].dims[:1] == ("neuron",)):
        np.testing.assert_array_equal(alone[name].values, ladder[name].values[of_rung], err_msg=name)
    null = ladder["null_rung"].values == 3
    assert np.array_equal(alone["null_correlation"].values, ladder["null_correlation"].values[null])


def test_a_rung_more_measures_no_other_again(crossed, measured, monkeypatch):
    ladder, _, out = measured
    models = dataclasses.replace(crossed.models(), training_seed=None)
    fewer = dataclasses.replace(models, rungs=models.rungs[2:])  # their numbers in the files are others now
    monkeypatch.setattr(measuring, "measure_rung", lambda *_: pytest.fail("measured again"))
    again = measure_ladder(fewer, out, quiet=True)
    assert np.array_equal(again["raw_count"].values, ladder["raw_count"].values[2:])


def planted():
    """Counts R = 40 √N times a factor of A's seed, rounded, of two seeds per family at four sizes."""
    n, a, b = (x.ravel() for x in np.meshgrid([128.0, 256, 512, 1024], [0, 1], [0, 1], indexing="ij"))
    counts = np.round(40 * np.sqrt(n) * (1 + 0.2 * (2 * a - 1))).astype(int)
    columns = {"neurons": n, "calibrated_count": counts, "threshold": np.full(16, 0.5), "raw_count": counts}
    columns |= {"seed_a": a.astype(int), "seed_b": b.astype(int)}
    return dataset("ladder", {name: ("rung", column) for name, column in columns.items()}, {}, corpus="python")


def test_the_interval_is_that_of_crossed_seeds():
    ladder = planted()
    analysis, _ = judge(ladder)
    log = np.log(ladder["calibrated_count"].values).reshape(4, 4).mean(1)
    slope = np.polyfit(np.log([128, 256, 512, 1024]), log, 1)[0]
    assert analysis.power_law.exponent == pytest.approx(slope, abs=0.01)
    assert analysis.power_law.exponent_ci95 == analysis.seeds.exponent_ci95
    assert analysis.seeds.components.a > 100 * analysis.seeds.components.b
    assert set(analysis.record()["seeds"]["parts"]) == {"seeds", "text", "lack of fit"}
    assert any("16 pairs of networks at 4 sizes" in sentence for sentence in analysis.counting)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Training(tokens=10, training_seed=(0, 0)), "training_seed"),
        (lambda: Training(tokens=10, training_seed=(-1,)), "training_seed"),
        (lambda: Training(tokens=10, split_seed=-1), "split_seed"),
        (lambda: Training(tokens=10, tokenizer_seed=-2), "tokenizer_seed"),
        (lambda: Training(tokens=10, training_seed=tuple(range(101))), "training_seed"),
        (lambda: Family("a", "gpt2", 300, (1, 1)), "training_seed"),
    ],
)
def test_impossible_seeds_are_refused(make, named):
    with pytest.raises(InputError, match=named):
        make()


def test_a_file_may_give_one_seed_or_several(tmp_path):
    path = tmp_path / "one.toml"
    path.write_text(ladder_text("x", 10).replace("[training]\n", "[training]\ntraining_seed = 4\n"))
    ladder = open_ladder(path)
    assert ladder.seeds(ladder.family[0]) == (4,)
    assert Rung(8, 1) in ladder.rung
