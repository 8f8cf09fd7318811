"""Every figure of a page in axes of one's own: no file, the numbers of the results, matplotlib as it was."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

import rosettalaw as rl
from rosettalaw.paper_figs import CATALOGUE, plot

ROOT = Path(__file__).parents[2]
LADDER = ROOT / "docs/full_ladder/one_seed.nc"
OF_LADDERS = sorted(figure.demo for figure in CATALOGUE.values() if figure.demo)
UNMEASURED = ("calibration", "reproducibility")  # the kept ladder is older than both
PUBLISHED = ["fig03b", "fig04", "fig06", "fig07", "fig26", "fig31", "fig38", "table2", "table5"]


@pytest.fixture(scope="module")
def ladder():
    return rl.load(LADDER)


@pytest.fixture(autouse=True)
def as_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before, backend = dict(matplotlib.rcParams), matplotlib.get_backend()
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")
    pyplot.switch_backend(backend)
    assert list(tmp_path.iterdir()) == []
    assert {name: value for name, value in matplotlib.rcParams.items() if value != before[name]} == {}


def listed(axes):
    return list(axes) if isinstance(axes, tuple) else [axes]


def marks(axis):
    return len(axis.lines) + len(axis.collections) + len(axis.patches) + len(axis.texts) + len(axis.images)


@pytest.mark.parametrize("name", UNMEASURED)
def test_a_figure_whose_data_were_not_measured(ladder, name):
    with pytest.raises(rl.InputError, match=f"figure = '{name}': has no data here; it needs"):
        ladder.plot(figure=name)
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("name", [name for name in OF_LADDERS if name not in UNMEASURED])
def test_each_figure_of_a_ladder(ladder, name):
    axes = listed(ladder.plot(figure=name))
    assert len(pyplot.get_fignums()) == 1
    assert all(marks(axis) > 0 for axis in axes)
    mine = list(np.ravel(Figure().subplots(1, len(axes))))
    again = listed(ladder.plot(mine if len(mine) > 1 else mine[0], figure=name))
    assert again == mine
    for one, other in zip(axes, again, strict=True):
        assert marks(one) <= marks(other)  # texts of the legend go into the first
        for line, same in zip(one.lines, other.lines, strict=True):
            np.testing.assert_array_equal(line.get_xydata(), same.get_xydata())
    assert len(pyplot.get_fignums()) == 1
    mine[0].figure.canvas.draw()


def test_its_numbers_are_those_of_the_result(ladder):
    left, _ = ladder.plot(figure="superiority")
    values = ladder.dataset["superiority"].isel(side=0).values
    drawn = np.concatenate([line.get_ydata() for line in left.lines])
    known = values[np.isfinite(values)]
    assert known.size
    assert all(np.isclose(drawn, value).any() for value in known)


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_published_figure(name):
    axes = listed(plot(name))
    assert all(marks(axis) > 0 for axis in axes)


def test_wrong_names_axes_and_missing_data(ladder):
    with pytest.raises(rl.RosettaError, match="unknown figure of a ladder 'scalng': did you mean scaling"):
        ladder.plot(figure="scalng")
    with pytest.raises(rl.RosettaError, match="unknown figure 'fig3'"):
        plot("fig3")
    with pytest.raises(rl.InputError, match="must be as many axes as panels, 2 here"):
        ladder.plot(Figure().subplots(), figure="superiority")
    with pytest.raises(rl.InputError, match="ax = 3: must be axes of matplotlib"):
        ladder.plot(3, figure="calibration")
    with pytest.raises(rl.InputError, match="'toy': has no data here; it needs a toy study: rosettalaw toy --out"):
        plot("toy")


def test_a_name_that_is_no_text_is_refused():
    with pytest.raises(rl.InputError, match=r"^name = \['fig03'\]: must be the name of a figure"):
        plot(["fig03"])
