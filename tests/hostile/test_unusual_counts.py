"""Counts and results of every kind before `fit`, `forecast` and `compare`: the numbers of a file, or one message."""

import re

import numpy as np
import pandas as pd
import pytest

import rosettalaw as rl
from rosettalaw.errors import InputError, MissingFileError, RosettaError
from rosettalaw.results import dataset
from rosettalaw.validation.series_from import read_series

SIZES, COUNTS = [64, 128, 256, 512, 1024], [0, 21, 33, 48, 76]
LAW = rl.fit(SIZES[1:], COUNTS[1:])


def pairs(folder, name, neurons, count, seed):
    """Save the matching of two networks of one size."""
    rho = np.sort(np.random.default_rng(seed).uniform(0.6, 0.9, count))[::-1]
    units = {f"unit_{side}": ("pair", np.arange(count)) for side in "ab"}
    facts = {
        "neurons_a": neurons,
        "neurons_b": neurons,
        "raw_count": count,
        "calibrated_count": count,
        "threshold": 0.5,
        "positions": 900,
    }
    return rl.save(
        dataset("pairs", {**units, "correlation": ("pair", rho), **facts}, model_a="a", model_b="b"), folder / name
    )


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "z.csv"
    pd.DataFrame({"neurons": SIZES, "count": COUNTS}).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "of",
    [
        lambda path: {"neurons": SIZES, "count": COUNTS},
        lambda path: {"Neurons": SIZES[::-1], "COUNTS": COUNTS[::-1]},
        pd.read_csv,
        rl.fit,
        lambda path: rl.fit(SIZES, COUNTS).to_dataset(),
        lambda path: rl.load(rl.fit(SIZES, COUNTS).save(path.with_name("law.nc"))),
    ],
)
def test_counts_in_memory_are_compared_as_a_file_of_them_is(of, csv):
    """An empty size decides whether the growth is sublinear: it is not left out."""
    (file,) = rl.compare(csv).record()
    (memory,) = rl.compare(of(csv)).record()
    assert "cannot be distinguished from linear" in file["sentences"][0]
    assert repr(memory | {"name": "z"}) == repr(file)


def test_stated_errors_stay_with_a_law():
    law = rl.fit({"neurons": SIZES, "count": COUNTS, "count_sd": [1, 2, 3, 4, 5]})
    assert law.to_dataset()["count_sd"].values.tolist() == [2, 3, 4, 5, 0]  # the empty size stands last


def test_matchings_of_one_folder_are_one_series_and_none_is_read_twice(tmp_path, caplog):
    paths = [
        pairs(tmp_path, f"{n}.nc", n, count, i) for i, (n, count) in enumerate(zip(SIZES[1:], COUNTS[1:], strict=True))
    ]
    (whole,) = rl.compare(*paths)
    assert whole.series.neurons.tolist() == SIZES[1:]
    caplog.clear()
    (tmp_path / "link.nc").symlink_to(paths[0])
    (again,) = read_series([*paths, paths[0], tmp_path / "link.nc"])
    assert again.neurons.tolist() == SIZES[1:]
    assert caplog.text.count("the same file as") == 2


def test_series_of_one_name_are_told_apart(tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        pd.DataFrame({"neurons": SIZES, "count": COUNTS}).to_csv(tmp_path / folder / "x.csv", index=False)
    one, other = tmp_path / "a/x.csv", tmp_path / "b/x.csv"
    assert rl.compare(one, LAW, other).to_dataframe().index.tolist() == ["x", "counts 2", "x (2)"]
    assert repr(rl.compare(one, LAW, other)).count("α = ") == 3


def test_a_matching_is_compared_and_has_no_law(tmp_path):
    matched = rl.load(pairs(tmp_path, "p.nc", 128, 21, 0))
    for source in (matched, matched.dataset):
        assert rl.compare(source).record()[0]["neurons"] == [128, 128]
        with pytest.raises(InputError, match="a slope needs positive counts at two sizes"):
            rl.fit(source)


def test_a_law_without_an_interval_says_so():
    assert "(no interval)" in repr(rl.compare(rl.fit([128, 256], [21, 33])))


@pytest.mark.parametrize(
    ("neurons", "message"),
    [
        (0, "neurons = 0: must be a number of neurons, from 1 to 1e+15. Try: neurons=[1e5, 1e6]"),
        (0.5, "neurons = 0.5: must be a number of neurons"),
        ([512, -1], "neurons[1] = -1: must be a number of neurons"),
        (float("nan"), "neurons = nan: must be a number of neurons"),
        (10**400, "must be numbers. Try: neurons=[1e5, 1e6]"),
        ([], "neurons = []: must be one size or more"),
        (np.ones((2, 2)), "must be a number"),
        (bytearray(b"12"), "neurons = bytearray(b'12'): must be a number or a list"),
        (memoryview(b"12"), "must be a number or a list"),
        (np.ma.masked_equal([512, 3], 3), "neurons[1] = 'masked': must be a number of neurons"),
        ("4k", "neurons = '4k': must be a number or a list"),
    ],
)
def test_sizes_that_cannot_be_forecast(neurons, message):
    with pytest.raises(InputError, match=re.escape(message)):
        rl.forecast(LAW, neurons)


@pytest.mark.parametrize("source", [None, 3, b"a.csv", [LAW], pd.DataFrame(), rl.forecast(LAW, 2048)])
def test_objects_without_counts_are_named_by_their_argument(source):
    with pytest.raises(InputError, match=r"^counts = .*: must be a law, a table or file with the columns"):
        rl.forecast(source, 2048)
    with pytest.raises(InputError, match=r"^sources\[1\] = .*: must be a law, .*Try: compare\(law, 'ladder.nc'\)$"):
        rl.compare(LAW, source)


@pytest.mark.parametrize("suffix", ["", ".nc", ".csv"])
def test_a_name_longer_than_names_may_be_is_no_file(suffix):
    name = "x" * 5000 + suffix
    for call in (rl.load, rl.fit, rl.compare, lambda path: rl.forecast(path, 512), lambda path: rl.match(path, path)):
        with pytest.raises(RosettaError) as told:
            call(name)
        assert len(str(told.value)) < 400
    with pytest.raises(MissingFileError, match="name is too long"):
        rl.load(name)


def test_an_empty_path_is_refused():
    with pytest.raises(InputError, match="path = '': must name a file"):
        rl.load("")
    with pytest.raises(InputError, match="path = '': must name a file"):
        LAW.save("")
