"""`fit`, `forecast`, `compare`, `predict` and `load` as users call them."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import rosettalaw as rl
from rosettalaw.interface.ladder_result import LadderResult
from rosettalaw.interface.match_result import MatchResult

N = np.array([128, 256, 512, 1024, 2048])
COUNTS = np.round(0.9 * N**0.62).astype(int)


@pytest.fixture(scope="module")
def law():
    return rl.fit(N, COUNTS)


def test_a_planted_exponent_is_fitted(law):
    slope = np.polyfit(np.log(N), np.log(COUNTS), 1)[0]
    assert law.exponent == pytest.approx(slope, abs=1e-9)
    low, high = law.interval()
    assert low < 0.62 < high
    assert law.interval("exponent") == law.interval("α") == law.interval("alpha")
    assert law.interval("beta")[0] < law.beta < law.interval("beta")[1]
    np.testing.assert_allclose(law.predict(N), np.exp(np.polyval(np.polyfit(np.log(N), np.log(COUNTS), 1), np.log(N))))
    with pytest.raises(rl.RosettaError, match="unknown parameter 'gama'"):
        law.interval("gama")


FORMS = ("DataFrame", "mapping", "plural", "csv", "Dataset", "index", "Series", "sizes")
FORMS += ("law", "saved law", "loaded law")


@pytest.mark.parametrize("form", FORMS)
def test_counts_in_other_forms(form, tmp_path, law):
    frame = pd.DataFrame({"neurons": N, "count": COUNTS})
    frame.to_csv(tmp_path / "counts.csv", index=False)
    given = {
        "DataFrame": frame,
        "mapping": {"neurons": N.tolist(), "count": COUNTS.tolist()},
        "plural": {"neurons": N, "counts": COUNTS},
        "csv": tmp_path / "counts.csv",
        "Dataset": xr.Dataset({"neurons": ("i", N), "count": ("i", COUNTS)}),
        "law": law,
        "saved law": law.save(tmp_path / "law.nc"),
        "loaded law": rl.load(law.save(tmp_path / "law.nc")),
        "index": frame.set_index("neurons"),
        "Series": frame.set_index("neurons")["count"],
        "sizes": dict(zip(N.tolist(), COUNTS.tolist(), strict=True)),
    }[form]
    assert rl.fit(given).exponent == law.exponent
    assert rl.forecast(given, 4096).count == rl.forecast(law, 4096).count
    assert rl.compare(given)[0].analysis.power_law.exponent == law.exponent


def test_errors_of_counts_are_kept_with_a_saved_law(tmp_path):
    law = rl.fit(N, COUNTS, COUNTS * 0.1)
    again = rl.fit(law.save(tmp_path / "law.nc"))
    assert again.exponent == law.exponent
    assert again.interval() == law.interval()


def matching(neurons, count):
    variables = {"neurons_a": neurons, "neurons_b": neurons, "positions": 10_000, "calibrated_count": count}
    variables |= {"raw_count": count + 3, "threshold": 0.4, "correlation": ("pair", np.linspace(0.9, 0.41, count))}
    places = {f"unit_{side}": ("pair", np.arange(count)) for side in "ab"}
    names = {"model_a": f"a-{neurons}", "model_b": f"b-{neurons}"}
    return MatchResult(rl.results.dataset("pairs", variables | places, {}, **{"k": 1, "corpus": "prose"} | names))


def test_matchings_at_several_sizes_are_one_series(tmp_path, law):
    matchings = [matching(int(n), int(count)) for n, count in zip(N, COUNTS, strict=True)]
    files = [one.save(tmp_path / f"{i}.nc") for i, one in enumerate(matchings)]
    assert rl.fit(matchings).exponent == rl.fit(files).exponent == pytest.approx(law.exponent, abs=1e-12)
    assert len(rl.compare(*matchings)) == len(rl.compare(*files)) == 1
    with pytest.raises(rl.InputError, match="must be results alone or files alone"):
        rl.fit([*matchings, files[0]])


def test_sources_of_a_list_and_with_names(law):
    frame = pd.DataFrame({"neurons": N, "count": COUNTS})
    assert [row.series.name for row in rl.compare([law, frame])] == ["counts 1", "counts 2"]
    assert [row.series.name for row in rl.compare(one for one in [frame])] == ["counts 1"]
    assert [row.series.name for row in rl.compare({"mine": law, "yours": frame})] == ["mine", "yours"]
    with pytest.raises(rl.InputError, match=r"sources\['b'\] = 'columns N, count': must have the columns neurons"):
        rl.compare({"a": law, "b": frame.rename(columns={"neurons": "N"})})


def test_columns_that_a_table_lacks_or_that_are_not_read(law, capsys):
    frame = pd.DataFrame({"neurons": N, "count": COUNTS})
    with pytest.raises(rl.InputError, match="neurons = 'columns size, count': must have the columns neurons and count"):
        rl.fit(frame.rename(columns={"neurons": "size"}))
    rl.fit(frame)
    rl.fit({"neurons": N, "counts": COUNTS})
    assert capsys.readouterr().err == ""
    rl.fit(frame.assign(count_std=1.0))
    assert "the column count_std is not read; its name must be count_sd" in capsys.readouterr().err
    with pytest.raises(rl.InputError, match="must be a ladder file, the name of a ladder that ships"):
        rl.measure_ladder({"models": ["a", "b"]})


def ladder():
    variables = {
        "neurons": ("rung", N),
        "calibrated_count": ("rung", COUNTS),
        "calibrated_count_se": ("rung", COUNTS * 0.1),
        "raw_count": ("rung", COUNTS + 9),
        "threshold": ("rung", np.full(5, 0.5)),
    }
    return rl.results.dataset("ladder", variables)


def test_a_measured_ladder_is_fitted_drawn_and_loaded(tmp_path, law):
    result = LadderResult(ladder())
    assert result.fit().exponent == rl.fit(ladder()).exponent == law.exponent
    path = result.save(tmp_path / "ladder.nc")
    loaded = rl.load(path)
    assert isinstance(loaded, LadderResult)
    assert rl.fit(path).exponent == law.exponent
    assert loaded.to_dataframe()["calibrated_count"].tolist() == COUNTS.tolist()
    assert f"N = 2,048  mutual pairs {COUNTS[-1] + 9}, calibrated {COUNTS[-1]}" in repr(loaded)
    assert "<table>" in loaded._repr_html_()
    axis = axes()
    assert loaded.plot(axis) is axis
    assert drawn(axis)


def axes():
    from matplotlib.figure import Figure

    return Figure().subplots()


def drawn(axis):
    """Return the points drawn at the sizes, from whichever line has them."""
    lines = [line.get_xydata() for line in axis.get_lines()]
    return any(len(points) == 5 and np.allclose(points[:, 0], N) for points in lines)


def test_a_law_is_drawn_from_counts_alone_and_shown_shortly(law, tmp_path):
    axis = axes()
    assert law.plot(axis) is axis
    assert drawn(axis)
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    assert len(repr(law)) < 500
    assert law.verdict in law.summary()
    assert "<table>" in law._repr_html_()
    assert law.to_dataframe().loc["alpha", "value"] == law.exponent
    saved = rl.load(law.save(tmp_path / "fit.nc"), "fit")
    assert saved["value"].sel(parameter="alpha") == law.exponent
    assert saved.attrs["verdict"] == law.verdict


def test_a_figure_of_its_own_leaves_matplotlib_as_it_was(law):
    import matplotlib
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    before = dict(matplotlib.rcParams)
    axis = law.plot()
    assert axis.figure.number in pyplot.get_fignums()
    pyplot.close(axis.figure)
    assert dict(matplotlib.rcParams) == before


def test_forecasts(law):
    one = rl.forecast(law, 4096)
    assert one.ci95[0] < 0.9 * 4096**0.62 < one.ci95[1]
    several = rl.forecast({"neurons": N, "count": COUNTS}, [4096, 8192])
    assert [forecast.neurons for forecast in several] == [4096, 8192]
    assert several[0].count == one.count
    assert rl.forecast(law, np.float64(4096)).count == one.count
    with pytest.raises(rl.InputError, match="three sizes or more"):
        rl.forecast({"neurons": N[:2], "count": COUNTS[:2]}, 4096)


def test_comparisons(law, tmp_path):
    pd.DataFrame({"neurons": N, "count": N // 8}).to_csv(tmp_path / "linear.csv", index=False)
    both = rl.compare(law, tmp_path / "linear.csv")
    frame = both.to_dataframe()
    assert frame.index.tolist() == ["counts 1", "linear"]
    assert frame.loc["linear", "exponent"] == pytest.approx(1)
    assert len(both) == 2
    assert "linear" in repr(both)
    assert "linear" in both.summary()
    assert "<table>" in both._repr_html_()
    axis = axes()
    assert both.plot(axis) is axis
    with pytest.raises(rl.InputError, match="nothing"):
        rl.compare()


def test_theory():
    expected = rl.predict(neurons=[1024, 4096], beta=2.0)
    assert set(expected["asymptotic_exponent"].values.ravel()) == {0.5}
    grid = rl.sweep(neurons=[1e3, 1e4, 1e5], beta=[1.5, 2.0])
    assert dict(grid.sizes) == {"neurons": 3, "beta": 2}


def test_wrong_counts_are_explained():
    with pytest.raises(rl.InputError, match="must be sizes, beside counts, or a table or file with the columns"):
        rl.fit([1, 2, 3])
    with pytest.raises(rl.InputError) as refused:
        rl.fit([128], [5])
    assert "--" not in str(refused.value)
