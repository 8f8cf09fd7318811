"""The untrained null: draws have weights of their own, the same for the same seed; finished ones are saved."""

import json

import numpy as np
import pytest

from rosettalaw import cli
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import Screening, engine, match, products
from rosettalaw.empirical.nulls import kind
from rosettalaw.errors import ForeignFileError, InputError
from rosettalaw.results import load


class Twin:
    """A source whose untrained twin is the requested seed."""

    def untrained(self, seed):
        return seed


def twins(sources, draw, seed):
    null = kind("untrained")
    return null.draw(*sources, null.entropy(seed, draw))


def untrained_null(models, draws, **options):
    """The correlations of the draws alone."""
    return match(*models, nulls={"untrained": draws}, jackknife_blocks=0, **options).nulls["untrained"]


def test_draws_sides_and_seeds_have_weights_of_their_own():
    sources = Twin(), Twin()
    drawn = [twins(sources, draw, seed) for seed in (0, 1) for draw in range(5)]
    flat = [one for pair in drawn for one in pair]
    assert len(set(flat)) == len(flat) == 20
    assert twins(sources, 3, 1) == drawn[5 + 3]


def test_arrays_have_no_untrained_twin():
    with pytest.raises(InputError, match="arrays, and layers taken out, have no untrained twins"):
        twins((Twin(), object()), 0, 0)


class Model(ArraySource):
    """Activations whose untrained twins are random numbers; reading stops when `left` is used up."""

    left = 10**9
    made = None

    def untrained(self, seed):
        Model.made.append(seed)
        array = np.random.default_rng(seed).standard_normal((640, len(self.layer))).astype(np.float32)
        return Model(array, f"{self.name} (untrained, seed {seed})")

    def rows(self, index, columns=slice(None)):
        Model.left -= 1
        if Model.left < 0:
            raise KeyboardInterrupt
        return super().rows(index, columns)


@pytest.fixture
def models(monkeypatch):
    monkeypatch.setattr(products, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(Model, "left", 10**9)
    monkeypatch.setattr(Model, "made", [])
    rng = np.random.default_rng(0)
    return tuple(Model(rng.standard_normal((640, 20)).astype(np.float32), name) for name in "ab")


@pytest.mark.parametrize("engine", ["exact", "screened"])
def test_a_killed_null_reads_finished_draws_back_and_resumes_the_unfinished_one(models, tmp_path, engine):
    options = {"engine": engine, "screening": Screening(64, 4), "block": 40, "quiet": True, "seed": 1}
    untrained_null(models, 1, **options)
    one = 10**9 - Model.left
    Model.left = 10**9
    whole = untrained_null(models, 3, **options)
    each = (10**9 - Model.left - one) // 2
    trained = one - each
    folder = tmp_path / "matching"
    Model.left = trained + each + each * 3 // 4
    with pytest.raises(KeyboardInterrupt):
        untrained_null(models, 3, folder=folder, **options)
    assert sorted(path.name for path in (folder / "untrained0").iterdir()) == [
        ".rosettalaw",
        "matching.json",
        "null.npz",
    ]
    assert list((folder / "untrained1/work").glob("*.npz"))
    assert not (folder / "untrained2").exists()
    Model.left, Model.made = 10**9, []
    resumed = untrained_null(models, 3, folder=folder, **options)
    assert len(Model.made) == 4  # no twins of the finished draw
    assert 10**9 - Model.left < trained + 2 * each
    assert [one.tobytes() for one in resumed] == [one.tobytes() for one in whole]


def test_a_matching_begun_with_nulls_is_finished_with_fewer(models, tmp_path):
    options = {"block": 40, "quiet": True, "seed": 1, "folder": tmp_path / "matching"}
    whole = match(*models, nulls={"permute": 3, "untrained": 2}, **options)
    Model.made = []
    fewer = match(*models, nulls={"permute": 1, "untrained": 1}, **options)
    assert Model.made == []
    assert fewer.correlation.tobytes() == whole.correlation.tobytes()
    for label, draws in fewer.nulls.items():
        assert [one.tobytes() for one in draws] == [whole.nulls[label][0].tobytes()]
    assert match(*models, nulls={}, **options).nulls == {}


def test_draws_of_something_else_are_refused(models, tmp_path):
    untrained_null(models, 1, folder=tmp_path, quiet=True)
    for given, differing in (({"seed": 1}, "seed"), ({"k": 2}, "k")):
        with pytest.raises(ForeignFileError, match=f"unfinished matching with other {differing}"):
            untrained_null(models, 1, folder=tmp_path, quiet=True, **given)
    with pytest.raises(ForeignFileError, match="unfinished matching with other a, b"):
        untrained_null(models[::-1], 1, folder=tmp_path, quiet=True)


@pytest.fixture
def command(checkpoints, tmp_path, monkeypatch, capsys):
    """The command on two checkpoints, and the draws that it computes."""
    import rosettalaw.empirical.two_models  # noqa: F401  # its own name for `match` stays as it is

    computed = []
    plain = engine.match
    monkeypatch.setattr(engine, "match", lambda *twins, **options: computed.append(1) or plain(*twins, **options))
    (tmp_path / "text.txt").write_text("The river carries what the mountain lets go. " * 60)
    models = [checkpoints["gpt2"], checkpoints["gpt_neox"]]
    fixed = ["--text", tmp_path / "text.txt", "--tokens", 300, "--jackknife", 0, "--json"]

    def call(*options):
        computed.clear()
        with pytest.raises(SystemExit) as left:
            cli.main(["match", *map(str, [*models, *fixed, *options])])
        output = capsys.readouterr().out
        return left.value.code, json.loads(output) if output else None, len(computed)

    return call


@pytest.mark.parametrize(("options", "draws"), [((), 0), (("--untrained", 2), 2), (("--untrained", 0), 0)])
def test_no_null_is_drawn_where_none_is_asked_for(command, options, draws):
    code, record, computed = command("--null-permutations", 0, *options)
    assert (code, computed) == (0, draws)
    assert (record["calibrated_count"] is None) == (draws == 0)
    assert (record["null_raw"] or {}).keys() == ({"untrained"} if draws else set())


def test_both_nulls_are_drawn_unless_told_otherwise(command):
    code, record, computed = command("--null-permutations", 1)
    assert (code, computed) == (0, 3)
    assert set(record["null_raw"]) == {"permuted", "untrained"}


@pytest.mark.slow
def test_a_killed_command_keeps_its_finished_draws(command, tmp_path, monkeypatch):
    options = "--null-permutations", 0, "--untrained", 3, "--out"
    _, whole, _ = command(*options, tmp_path / "whole.nc")
    counted = engine.match

    def killed(*twins, **given):
        if len(list(tmp_path.glob("r.nc.unfinished/untrained*/null.npz"))) == 2:
            raise KeyboardInterrupt
        return counted(*twins, **given)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "match", killed)
        assert command(*options, tmp_path / "r.nc") == (2, None, 2)
    code, record, computed = command(*options, tmp_path / "r.nc")
    assert (code, computed, record) == (0, 1, whole)
    assert not (tmp_path / "r.nc.unfinished").exists()
    one, other = (load(tmp_path / name) for name in ("r.nc", "whole.nc"))
    assert one["untrained_correlation"].values.tobytes() == other["untrained_correlation"].values.tobytes()
