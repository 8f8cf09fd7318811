"""Tables of results: a row for each thing, columns by the names in the docs, and never empty without a word."""

import logging
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

import rosettalaw as rl
from rosettalaw import theory, validation
from rosettalaw.errors import InputError
from rosettalaw.interface.comparison import Comparison
from rosettalaw.theory import model_sweeps, sweeps

N, R = [128, 256, 512, 1024], [30, 45, 70, 100]
MODEL = theory.Model(theory.PowerLaw(1.5))
SWEPT = {
    "sweep": (lambda **more: rl.sweep([1e3, 1e4, 1e5], [1.5, 2.0], tau=2.0, **more), sweeps.VARIABLES),
    "model": (lambda **more: MODEL.sweep([1e3, 1e4, 1e5], tau=2.0, beta=[1.5, 2.0], **more), model_sweeps.VARIABLES),
}
FITTED = {
    "fit_model": lambda: validation.fit_model(lambda beta: theory.Model(theory.PowerLaw(beta)), validation.clean(N, R)),
    "fewest counts": lambda: validation.fit_model(
        lambda beta: theory.Model(theory.PowerLaw(beta)), validation.clean([16, 256], [3, 20])
    ),
    "fit": lambda: rl.fit(N, R),
    "fit_jointly": lambda: validation.fit_jointly(validation.Observations(N, R)),
}


@pytest.mark.parametrize("memory", [None, 10])
@pytest.mark.parametrize("kind", list(SWEPT))
def test_sweeps_have_a_row_a_point(kind, memory):
    make, variables = SWEPT[kind]
    frame = make(memory=memory).to_dataframe()
    assert frame.index.names == ["neurons", "beta"]
    assert len(frame) == 6
    others = {"kappa", "tau", "gamma"}
    assert set(frame.columns) == {*variables, "status", *others}
    for (neurons, beta), row in frame.iterrows():
        assert row["count"] == theory.predict(neurons, beta, tau=2.0)["count"].item()


@pytest.mark.parametrize("kind", list(SWEPT))
def test_sweeps_beyond_memory_are_refused_and_parts_are_not(kind, monkeypatch):
    lazy = SWEPT[kind][0](memory=10)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=60))
    with pytest.raises(InputError, match=r"sweep = '.* GB of active': must leave room .* Try: ds.isel\(neurons=0\)"):
        lazy.to_dataframe()
    part = lazy.isel(neurons=0).to_dataframe()
    assert part["count"].tolist() == [theory.predict(1e3, beta, tau=2.0)["count"].item() for beta in (1.5, 2.0)]


POINTS = {
    "predict": lambda: rl.predict(1e3, 1.5),
    "continuum": lambda: rl.predict(1e3, 1.5, limit="continuum"),
    "sweep": lambda: rl.sweep(1e3, 1.5),
    "lazy sweep": lambda: rl.sweep(1e3, 1.5, memory=1),
    "model": lambda: MODEL.sweep(1e3),
    "lazy model": lambda: MODEL.sweep(1e3, memory=1),
    "a part": lambda: rl.sweep([1e3, 1e4], 1.5).isel(neurons=0),
}


@pytest.mark.parametrize("kind", list(POINTS))
def test_single_points_have_one_row(kind):
    point = POINTS[kind]()
    frame = point.to_dataframe()
    assert len(frame) == 1
    assert set(frame.columns) == {*point.data_vars, *point.coords}
    assert frame.loc[0, ["neurons", "beta"]].tolist() == [1e3, 1.5]
    along = point.expand_dims("neurons").to_dataframe()
    for name in point.data_vars:
        assert frame.loc[0, name] == along[name].item()
        assert frame[name].dtype == point[name].dtype


def test_tables_of_more_points_have_their_dimensions_in_the_order_asked_for():
    assert rl.sweep([1e3, 1e4], [1.5, 2.0]).to_dataframe(dim_order=["beta", "neurons"]).index.names == [
        "beta",
        "neurons",
    ]


@pytest.mark.parametrize("memory", [None, 1])
def test_a_file_of_another_kind_is_refused(memory, tmp_path):
    with pytest.raises(InputError, match=r"s.zarr.: the result is netCDF, which does not fit"):
        sweeps.write(rl.sweep([1e3, 1e4], 1.5, memory=memory), tmp_path / "s.zarr", quiet=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", list(FITTED))
def test_fits_have_a_row_a_parameter(kind):
    fit = FITTED[kind]()
    frame = fit.to_dataframe()
    assert list(frame.columns) == ["value", "low", "high", "open"]
    assert list(frame.index) == list(fit.params)
    for name, one in fit.params.items():
        np.testing.assert_equal(frame.loc[name, ["value", "low", "high"]].tolist(), [one.value, *one.interval])


def test_other_results_have_the_columns_of_their_docs():
    law = rl.fit(N, R)
    assert list(rl.forecast(law, 2048).to_dataframe().columns) == ["neurons", "count", "low", "high", "status"]
    profile = FITTED["fit_model"]().profile("beta", points=5).to_dataframe()
    assert list(profile.columns) == ["beta", "rise"]
    assert len(profile) == 5
    assert rl.compare({"neurons": N, "count": R}).to_dataframe().index.name == "name"
    with pytest.raises(InputError, match=r"rows = \[\]: must be a list of rows of compare_series"):
        Comparison([])


def test_an_empty_table_is_reported(caplog):
    found = rl.match_several([np.random.default_rng(i).standard_normal((50, 3)) for i in range(3)], progress=False)
    with caplog.at_level(logging.WARNING, logger="rosettalaw"):
        assert not len(found.to_dataframe())
    assert "the table is empty: no neuron recurs in two of 0, 1, 2" in caplog.text
