"""Models on grids: the same numbers as one model at a time, in memory, lazily, and of families made here."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr

from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.theory import (
    CRRA,
    Exponential,
    LinearBudget,
    Model,
    PowerBudget,
    PowerCost,
    PowerLaw,
    Range,
    Spectrum,
    Utility,
    model_sweeps,
    predict,
)
from rosettalaw.theory.sweeps import STATUS, summary, write
from rosettalaw.vocabulary import Variable

GRID = {"neurons": [300.0, 2e4], "tau": [0.5, 1.0, 4.0], "beta": [0.8, 1.6], "eta": [0.7, 1.4]}
MODEL = Model(PowerLaw(1.0), CRRA(1.0), PowerCost(0.2), PowerBudget(2.0, 0.9), gamma=3.0)


@dataclass(frozen=True)
class Slowed(Spectrum):
    beta: float
    scale: float
    variables: ClassVar = {"scale": Variable("strength of the slowing", "rank", "ℓ")}

    def at(self, rank, features):
        return (rank + self.scale * np.log(rank)) ** -self.beta


class Scaled(Utility):
    """A class that is not a dataclass."""

    def __init__(self, scale):
        self.scale = scale

    def marginal(self, s):
        return 1 / (self.scale + s)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(model_sweeps, "BLOCK", 4)


def test_every_point_is_the_prediction_of_its_model():
    found = MODEL.sweep(**GRID)
    assert dict(found.sizes) == {"neurons": 2, "beta": 2, "eta": 2, "tau": 3}
    assert (found["status"] == 0).all()
    for beta in GRID["beta"]:
        for eta in GRID["eta"]:
            model = Model(PowerLaw(beta), CRRA(eta), PowerCost(0.2), PowerBudget(2.0, 0.9), gamma=3.0)
            for tau in GRID["tau"]:
                expected = model.predict(GRID["neurons"], tau)
                part = found.sel(beta=beta, eta=eta, tau=tau)
                for name in expected.data_vars:
                    np.testing.assert_array_equal(part[name], expected[name])


def test_the_paper_s_model_is_the_closed_form():
    grid = {"neurons": [128.0, 4096.0], "kappa": [0.3, 2.0], "tau": [1.0, 3.0], "gamma": [2.0, 4.0]}
    found = Model(PowerLaw(1.5), budget=LinearBudget(1.0)).sweep(**grid)
    expected = predict(beta=1.5, **grid)
    for name in ("active", "count", "r_tau", "mean_isolation", "tail_mass", "local_exponent"):
        np.testing.assert_allclose(found[name].transpose(*expected[name].dims), expected[name], rtol=1e-9)


def test_parameters_are_coordinates_with_symbols_and_units():
    found = MODEL.sweep([100.0, 200.0], eta=[0.5, 1.0])
    scalars = {"beta": 1.0, "delta": 0.2, "kappa": 2.0, "theta": 0.9, "gamma": 3.0, "tau": 1.0}
    assert {name: float(found[name]) for name in scalars} == scalars
    assert found["eta"].attrs["symbol"] == "η"
    assert found["delta"].attrs["equation"] == "theory.budgets"
    assert found["beta"].attrs["symbol"] == "β"


def test_own_families_are_swept_by_field_and_part():
    model = Model(Slowed(1.5, 2.0), Scaled(1.0))
    found = model.sweep(1000.0, beta=[1.2, 1.8], spectrum_scale=[0.0, 5.0], utility_scale=[1.0, 2.0])
    assert dict(found.sizes) == {"beta": 2, "spectrum_scale": 2, "utility_scale": 2}
    assert found["spectrum_scale"].attrs == {"long_name": "strength of the slowing", "units": "rank", "symbol": "ℓ"}
    assert (found["status"] == 0).all()
    expected = Model(Slowed(1.8, 5.0), Scaled(2.0)).predict(1000.0)
    assert float(found["r_tau"].values[1, 1, 1]) == float(expected["r_tau"].item())


def test_a_part_of_a_lazy_sweep_solves_that_part_alone(small_blocks, tmp_path, monkeypatch):
    lazy, eager = MODEL.sweep(**GRID, memory=100), MODEL.sweep(**GRID)
    assert lazy.chunks
    xr.testing.assert_identical(lazy.compute(scheduler="synchronous"), eager)
    solved, allocate = [], Model.allocate
    monkeypatch.setattr(Model, "allocate", lambda self, neurons: solved.append(neurons) or allocate(self, neurons))
    part = lazy.isel(neurons=0, eta=1)
    xr.testing.assert_identical(part.compute(scheduler="synchronous"), eager.isel(neurons=0, eta=1))
    assert len(solved) == 2  # two values of β; the thresholds share an allocation
    write(lazy, tmp_path / "model.nc", quiet=True)
    assert summary(tmp_path / "model.nc") == {"points": 24, "solved": 24, "unsolved": {}}


def test_impossible_points_are_marked():
    found = MODEL.sweep([0.1, 100.0, np.nan], beta=[1.5, -1.0], tau=[1.0, 0.0])
    assert found["status"].sel(neurons=100.0).values.tolist() == [[0, 1], [1, 1]]
    assert (found["status"].values[2] == 1).all()
    assert found["status"].values[0, 0, 0] == 3
    rising = Model(PowerLaw(0.5), cost=PowerCost(1.0)).sweep(100.0, delta=[1.0, -1.0])
    assert rising["status"].values.tolist() == [0, 4]
    assert STATUS[4].startswith("no optimum")


def test_a_fixed_number_of_features():
    model = Model(PowerLaw(1.2), features=50)
    assert float(model.sweep(1e4)["active"]) == float(model.predict(1e4)["active"].item())
    found = Model(PowerLaw(1.2)).sweep(1e4, features=[10, 50, 2.5])
    assert found["active"].values.tolist()[:2] == [10, 50]
    assert found["status"].values.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"bata": 1.5}, UnknownNameError, "unknown parameter of this model 'bata': did you mean beta"),
        ({"beta": [[1.5]]}, InputError, "must be a number or a 1-D array"),
        ({"gamma": 4, "features": 10}, InputError, "gamma, features = 'both': must be one of the two"),
        ({"memory": "1GB"}, InputError, "memory = '1GB': must be a positive number of bytes"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        Model(PowerLaw(1.5)).sweep(100.0, **arguments)


def test_models_without_parameters_sweep_sizes():
    found = Model(Exponential(9.0)).sweep([100.0, 1000.0])
    np.testing.assert_array_equal(found["count"], Model(Exponential(9.0)).predict([100.0, 1000.0])["count"])


def test_a_large_lazy_sweep_has_few_tasks_and_a_part_of_it_is_solved_alone():
    """A hundred million points: 1% of them must not wait for tasks of all."""
    wide = {"beta": Range(1.2, 2, 1000), "eta": Range(0.5, 1.5, 100), "tau": Range(0.5, 2, 100)}
    lazy = MODEL.sweep(Range(100.0, 200.0, 10), **wide, memory=1e6)
    assert lazy["count"].size == 10**8
    assert lazy["count"].data.npartitions <= 250
    part = lazy["count"].isel(neurons=3, beta=[0, 999], eta=99)
    assert part.data.npartitions == 1
    expected = MODEL.sweep(lazy["neurons"].values[3], beta=[1.2, 2.0], eta=1.5, tau=wide["tau"])["count"]
    np.testing.assert_array_equal(part.compute(scheduler="synchronous"), expected)
