"""Results from files have the type, words, numbers and figures that they had before they were saved."""

import logging
from pathlib import Path

import numpy as np
import pytest

import rosettalaw as rl
from rosettalaw.results import dataset

DATA = Path(__file__).parents[1] / "data"
N, R = [128, 256, 512, 1024], [21, 33, 48, 76]
LAWS = {
    "counts": lambda: rl.fit(N, R),
    "deviations": lambda: rl.fit(N, R, [3, 3, 4, 5]),
    "a deviation of zero": lambda: rl.fit(N, R, [3, 0, 4, 5]),
    "zeros": lambda: rl.fit(N, [0, 3, 0, 4]),
    "two sizes": lambda: rl.fit(N[:2], R[:2]),
    "repeats": lambda: rl.fit([128, 128, 256, 256, 512], [21, 22, 33, 35, 48]),
    "tau and gamma": lambda: rl.fit(N, R, tau=2.0, gamma=6.0),
    "nulls": lambda: rl.fit(N, R, nulls={"raw": np.array([30, 40, 60, 90]), "permuted": [5, 7, 8, 9]}),
    "a ladder": lambda: rl.fit(DATA / "format_1_ladder.nc"),
    "a ladder's own": lambda: rl.load(DATA / "format_1_ladder.nc").fit(1.5),
    "another law": lambda: rl.fit(rl.fit(N, R, [3, 0, 4, 5]), tau=1.5),
}


def points(axis):
    return [line.get_xydata().tolist() for line in axis.lines]


def axes():
    from matplotlib.figure import Figure

    return Figure().subplots()


@pytest.mark.parametrize("name", LAWS)
def test_a_law_comes_back_as_a_law(name, tmp_path, caplog):
    law = LAWS[name]()
    back = rl.load(law.save(tmp_path / "law.nc"))
    assert type(back) is type(law)
    assert (repr(back), back.summary(), back._repr_html_()) == (repr(law), law.summary(), law._repr_html_())
    assert str(back.record()) == str(law.record())
    assert back.to_dataframe().equals(law.to_dataframe())
    np.testing.assert_array_equal(back.interval("beta"), law.interval("beta"))
    assert points(back.plot(axes())) == points(law.plot(axes()))
    assert back.dataset.identical(law.dataset)
    assert back["value"].equals(law["value"])
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
    again = rl.load(back.save(tmp_path / "again.nc"))
    assert again.to_dataset().drop_attrs().identical(law.to_dataset().drop_attrs())


def test_a_law_of_an_older_version_is_fitted_again_and_says_what_differs(tmp_path, caplog):
    law = rl.fit(N, R)
    older = law.to_dataset().drop_vars("fitted_to")
    assert repr(rl.load(rl.save(older, tmp_path / "older.nc"))) == repr(law)
    assert not caplog.records
    other = rl.fit(N, R, tau=3.0).to_dataset().drop_vars("fitted_to")
    with caplog.at_level(logging.WARNING, "rosettalaw"):
        back = rl.load(rl.save(other, tmp_path / "other.nc"))
    assert back.beta == law.beta
    assert "beta" in caplog.text
    assert "alpha" not in caplog.text
    assert float(back["value"].sel(parameter="beta")) == float(other["value"].sel(parameter="beta"))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"counts": 3}', '{"series": {"name": "x"}}', '{"counts": {"neurons": [1]}}',
             '{"tau": 1, "gamma": 4, "series": {"name": "x", "source": "nowhere", "neurons": [1], "counts": [1]}}',
             '{"tau": "x", "gamma": 4, "nulls": null, "counts": {"neurons": [9, 99], "counts": [1, 2], "notes": [],'
             ' "zero_sizes": []}}'],
)  # fmt: skip
def test_a_law_whose_data_are_something_else_is_one_message(text, tmp_path):
    ds = rl.fit(N, R).to_dataset()
    ds["fitted_to"] = text
    with pytest.raises(rl.RosettaError, match=r"law\.nc: "):
        rl.load(rl.save(ds, tmp_path / "law.nc"))


def test_a_law_without_its_variables_is_one_message(tmp_path):
    path = rl.save(dataset("fit", {"neurons": ("size", [1.0, 2.0])}), tmp_path / "law.nc")
    with pytest.raises(rl.RosettaError, match="without the variables count, value, low, high, open"):
        rl.load(path)


def matched():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((400, 8)).astype("f4")
    b = (a + 0.3 * rng.standard_normal(a.shape)).astype("f4")
    return a, b


def test_a_matching_comes_back_as_a_matching(tmp_path):
    result = rl.match(*matched(), progress=False)
    back = rl.load(result.save(tmp_path / "pairs.nc"))
    assert type(back) is type(result)
    assert (repr(back), back.summary(), back._repr_html_()) == (repr(result), result.summary(), result._repr_html_())
    assert back.pairs.equals(result.pairs)
    assert back.dataset.identical(result.dataset)
    assert points(back.plot(axes())) == points(result.plot(axes()))
    assert back.matches is None


def test_neurons_that_recur_come_back_as_such(tmp_path):
    a, b = matched()
    result = rl.match_several({"a": a, "b": b, "c": a + b}, progress=False)
    back = rl.load(result.save(tmp_path / "recurrence.nc"))
    assert type(back) is type(result)
    assert (repr(back), back.summary(), back._repr_html_()) == (repr(result), result.summary(), result._repr_html_())
    assert back.families.equals(result.families)
    assert str(back.record()) == str(result.record())


def test_a_ladder_comes_back_as_a_ladder(tmp_path):
    result = rl.load(DATA / "format_1_ladder.nc")
    back = rl.load(result.save(tmp_path / "ladder.nc"))
    assert (type(back), repr(back), back.summary()) == (type(result), repr(result), result.summary())
    assert back.to_dataframe().equals(result.to_dataframe())
    assert points(back.plot(axes())) == points(result.plot(axes()))


@pytest.mark.parametrize("make", [lambda: rl.predict([1024, 2048], beta=1.6),
                                  lambda: rl.sweep(beta=[1.5, 2.0], neurons=[100, 200])])  # fmt: skip
def test_predictions_and_sweeps_come_back_and_are_drawn(make, tmp_path):
    result = make()
    back = rl.load(rl.save(result, tmp_path / "result.nc"))
    assert type(back) is type(result)
    assert back.identical(result)
    assert back.to_dataframe().equals(result.to_dataframe())
    assert points(back.plot(ax=axes())) == points(result.plot(ax=axes()))
