"""Pairs of several models' results: in how many further models each recurs, against features planted here."""

import numpy as np
import pytest

import rosettalaw as rl
from rosettalaw.empirical.viewer.items import judged_pairs
from rosettalaw.empirical.viewer.language_page import write_viewer
from rosettalaw.empirical.viewer.recurring import recurs
from rosettalaw.errors import InputError
from rosettalaw.results import load, save

PLANTED = {"a": range(0, 12), "b": range(3, 15), "c": range(6, 18), "d": range(9, 21)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of four models that share 9, 6 and 3 features, each with two neurons of its own."""
    out = tmp_path_factory.mktemp("several")
    rng = np.random.default_rng(1)
    features = rng.standard_normal((400, 21))
    models = {
        name: np.hstack([features[:, chosen] + 0.2 * rng.standard_normal((400, 12)), rng.standard_normal((400, 2))])
        for name, chosen in PLANTED.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROSETTALAW_CACHE", str(out / "cache"))
        rl.match_several(models, out=out / "all", null="shift:4", jackknife=0, progress=False)
    return out / "all"


def expected(first, second, ds):
    """Return the further models that have the feature of each pair; 0 of pairs of two features, and of noise."""
    both = {}
    for name in (first, second):
        both[name] = [feature for feature in PLANTED[name]] + [-1, -2]
    found = []
    for a, b in zip(ds["unit_a"].values, ds["unit_b"].values, strict=True):
        one, other = both[first][a], both[second][b]
        found.append(sum(one in chosen for chosen in PLANTED.values()) - 2 if one == other >= 0 else 0)
    return found


@pytest.mark.parametrize(("first", "second"), ["ab", "ac", "ad", "bd", "cd"])
def test_a_pair_recurs_in_the_models_that_have_its_feature(folder, first, second):
    path = folder / f"{first}--{second}.nc"
    ds = load(path, "pairs")
    found = recurs(ds, path)
    assert found.tolist() == expected(first, second, ds)
    assert found.max() == 2


def test_a_neighbour_of_another_run_says_nothing(folder, tmp_path):
    path = tmp_path / "a--b.nc"
    ds = load(folder / "a--b.nc", "pairs")
    assert recurs(ds, path) is None  # no neighbour
    several = load(folder / "recurrence.nc", "recurrence")
    save(several.assign(raw_count=several["raw_count"] + 1), tmp_path / "recurrence.nc")
    assert recurs(ds, path) is None
    save(several, tmp_path / "recurrence.nc")
    assert recurs(ds, path).max() == 2
    assert recurs(ds, tmp_path / "renamed.nc") is None
    assert recurs(ds.assign(threshold=ds["threshold"] + 0.1), path) is None
    (tmp_path / "recurrence.nc").write_bytes(b"no result")
    assert recurs(ds, path) is None
    assert not np.isfinite(judged_pairs(ds, [0])[0].recurs)


def test_the_list_of_families_leads_to_its_first_pair(folder, tmp_path):
    with pytest.raises(InputError, match=r"a--b\.nc': was matched from files of activations"):
        write_viewer(str(folder / "recurrence.nc"), None, tmp_path / "page.html", quiet=True)
    save(load(folder / "recurrence.nc", "recurrence"), tmp_path / "recurrence.nc")
    with pytest.raises(InputError, match="their pairs are not beside it"):
        write_viewer(str(tmp_path / "recurrence.nc"), None, tmp_path / "page.html", quiet=True)
