"""Matchings of one folder: those measured alike are one ladder, others stand by themselves and say why."""

import numpy as np
import pytest
from typer.testing import CliRunner

from rosettalaw.cli import app
from rosettalaw.results import dataset, load, save
from rosettalaw.validation import pooling
from rosettalaw.validation.series_from import read_series


def matching(neurons, count, nulls=("shifted",), positions=10_000, **facts):
    variables = {
        "neurons_a": neurons,
        "neurons_b": neurons,
        "positions": positions,
        "calibrated_count": count,
        "raw_count": count + 3,
        "threshold": 0.4,
        "correlation": ("pair", np.linspace(0.9, 0.41, count)),
        **{f"{label}_raw": 2.0 * count for label in nulls},
    }
    names = {"model_a": f"maker/a-{neurons}", "model_b": f"maker/b-{neurons}"}
    return dataset("pairs", variables, {}, **{"k": 1, "absolute": False, "corpus": "prose"} | names | facts)


BASE = [matching(256, 16), matching(512, 25, positions=10_900), matching(1024, 40)]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (matching(2048, 90, k=5), "k 5: a-2048 × b-2048"),
        (matching(2048, 90, absolute=True), "signs left out: a-2048 × b-2048"),
        (matching(2048, 90, corpus="code"), "text code: a-2048 × b-2048"),
        (matching(2048, 90, corpus_sha256="0123456789abcdef"), "text prose 01234567: a-2048 × b-2048"),
        (matching(2048, 90, nulls=("permuted",)), "nulls permuted: a-2048 × b-2048"),
        (matching(2048, 90, positions=50_000), "50,000 positions: a-2048 × b-2048"),
    ],
)
def test_a_matching_of_another_kind_is_no_rung_of_the_ladder(tmp_path, other, words):
    for i, one in enumerate([*BASE, other]):
        save(one, tmp_path / f"{i}.nc")
    first, second = read_series(sorted(tmp_path.glob("*.nc")))
    assert first.neurons.tolist() == [256, 512, 1024]
    assert second.neurons.tolist() == [2048]
    assert second.name == f"{tmp_path.name} ({words})"
    assert "a-256 × b-256 and 2 more" in first.name


def test_matchings_of_one_kind_are_named_after_their_folder_and_models_and_said(tmp_path, capsys):
    for i, one in enumerate(BASE):
        save(one, tmp_path / f"{i}.nc")
    (series,) = read_series(sorted(tmp_path.glob("*.nc")))
    assert series.name == f"{tmp_path.name} (a-256 × b-256 and 2 more)"
    assert series.counts.tolist() == [16, 25, 40]
    assert f"{series.name}: one series of 0.nc, 1.nc, 2.nc" in " ".join(capsys.readouterr().err.split())
    (single,) = read_series([tmp_path / "0.nc"])
    assert single.name == f"{tmp_path.name} (a-256 × b-256)"
    assert capsys.readouterr().err == ""


def test_facts_are_the_same_once_saved(tmp_path):
    for one in (BASE[0], matching(2048, 90, absolute=True)):
        assert pooling.groups([one, load(save(one, tmp_path / "x.nc"))])[0][1] == ""


@pytest.mark.parametrize("command", [["fit"], ["forecast", "--neurons", "4096"]])
def test_one_matching_is_too_few_sizes_and_is_named(tmp_path, command):
    path = save(BASE[0], tmp_path / "one.nc")
    result = CliRunner().invoke(app, [*command, str(path)])
    assert str(result.exception).startswith(f"{path}: sizes = '256': a slope needs positive counts at two sizes")
