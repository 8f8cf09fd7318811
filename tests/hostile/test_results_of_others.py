"""Results that are foreign, damaged, of another version, or no results at all: one message, or left out by name."""

import contextlib
import re

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rosettalaw as rl
from rosettalaw.errors import ForeignFileError, RosettaError
from rosettalaw.layouts import LAYOUTS, misfit
from rosettalaw.paper_figs.results_folder import read
from rosettalaw.results import interpreting, load, save
from rosettalaw.results_page import _provenance
from rosettalaw.validation.series_from import TOY, read_series
from tests.fuzz import results as fuzz
from tests.fuzz.examples import examples


@pytest.fixture(scope="module")
def kept():
    return examples()


def test_every_kind_fits_its_own_layout(kept, tmp_path):
    for ds in kept.values():
        assert misfit(ds.attrs["rosettalaw_kind"], ds) == ""
    load(save(kept["judge"], tmp_path / "judge.nc"))
    assert {ds.attrs["rosettalaw_kind"] for ds in kept.values()} >= set(LAYOUTS)


CHANGED = [
    (
        "ladder",
        lambda ds: ds.assign(correlation=("pair", ["x"] * ds.sizes["pair"])),
        "correlation does not contain numbers",
    ),
    ("ladder", lambda ds: ds.assign(pair_rung=ds["pair_rung"] + 9), "pair_rung has a number that is not from 0 to 3"),
    ("ladder", lambda ds: ds.assign(neurons=ds["neurons"] * np.nan), "neurons has a number that is not from 1 to 1e"),
    ("ladder", lambda ds: ds.assign(threshold=0.4), r"threshold along \(\), not \(rung\)"),
    ("ladder", lambda ds: ds.assign_attrs(families="["), "attribute families is not a list of at least 2 names"),
    ("ladder", lambda ds: ds.assign_attrs(families='["one"]'), "attribute families is not a list of at least 2 names"),
    ("pairs", lambda ds: ds.assign(unit_a=ds["unit_a"] + 0.5), "unit_a does not contain whole numbers"),
    ("pairs", lambda ds: ds.assign(unit_b=ds["unit_b"] + 60), "unit_b has a number that is not below neurons_b"),
    ("pairs", lambda ds: ds.rename_dims({"pair": "couple"}), r"unit_a along \(couple\), not \(pair\)"),
    ("pairs", lambda ds: ds.assign_attrs(seed="x"), "attribute seed is not a whole number"),
    ("pairs", lambda ds: ds.assign_attrs(corpus_sha256=7), "attribute corpus_sha256 is not text"),
    ("pairs", lambda ds: ds.assign_attrs(layer_names_a="[]"), "attribute layer_names_a is not a JSON object"),
    ("ladder", lambda ds: ds.assign_attrs(measurement="[]"), "attribute measurement is not a JSON object"),
    ("ladder", lambda ds: ds.assign_attrs(versions="{"), "attribute versions is not a JSON object"),
    ("filtering", lambda ds: ds.assign_coords(selector=["base"] * 5), "selector has a name twice"),
    ("filtering", lambda ds: ds.assign_coords(selector=np.arange(5)), "selector is not text"),
    ("judge", lambda ds: ds.assign_coords(top=[2, 2, 5]), "top has a number twice"),
    (
        "pairs",
        lambda ds: ds.assign(calibrated_count=ds["raw_count"] + 1),
        "calibrated_count exceeds raw_count",
    ),
    (
        "ladder",
        lambda ds: ds.assign(calibrated_count=ds["calibrated_count"].where(ds["rung"] != ds["rung"][1], 1e6)),
        "calibrated_count exceeds raw_count",
    ),
    (
        "ladder",
        lambda ds: ds.assign(k_calibrated_count=ds["k_raw_count"] + 1),
        "k_calibrated_count exceeds k_raw_count",
    ),
]
HEADS = [
    ("rosettalaw_format", 999, "newer version .format 999, this one reads up to 1."),
    ("rosettalaw_format", 0, "damaged or edited .there is no format 0."),
    ("rosettalaw_format", -1, "there is no format -1"),
    ("rosettalaw_format", 1.5, "there is no format 1.5"),
    ("rosettalaw_format", "x", "rosettalaw_format is not a number"),
    ("rosettalaw_format", np.nan, "rosettalaw_format is not a number"),
    ("rosettalaw_kind", [1, 2], "not a result of rosettalaw"),
    ("rosettalaw_kind", 7, "not a result of rosettalaw"),
]


@pytest.mark.parametrize(("kind", "change", "reason"), CHANGED)
def test_a_result_that_has_not_its_layout_is_refused_with_the_reason(kept, kind, change, reason, tmp_path):
    changed = change(kept[kind].copy(deep=True))
    assert re.search(reason, misfit(kind, changed))
    if kind == "pairs":  # one of small files, through the reader of folders
        fuzz.save(changed, tmp_path / "x.nc")
        (skipped,) = read(tmp_path).skipped
        assert re.search(f"^{re.escape(str(tmp_path))}/x.nc: .*{reason}", skipped)


@pytest.mark.parametrize(("name", "value", "reason"), HEADS)
def test_a_head_that_is_not_ours_or_newer_is_one_message(kept, name, value, reason, tmp_path):
    fuzz.save(kept["prediction"].assign_attrs({name: value}), tmp_path / "x.nc")
    with pytest.raises(ForeignFileError, match=reason):
        load(tmp_path / "x.nc")
    (skipped,) = read(tmp_path).skipped
    assert re.search(f"^{re.escape(str(tmp_path))}/x.nc: .*{reason}", skipped)


@pytest.mark.parametrize(
    ("kind", "variable"),
    [("ladder", "threshold"), ("pairs", "raw_count"), ("toy", "count_sd"), ("simulation", "beta")],
)
def test_a_missing_variable_is_named(kept, kind, variable, tmp_path):
    names = {"neurons", "neurons_a", "neurons_b", "calibrated_count"} | (
        {"count_run"} if kind == "simulation" else set()
    )
    there = set(kept[kind].data_vars) & (names if kind != "toy" else set(TOY)) - {variable}
    save(kept[kind][sorted(there)].drop_vars(variable, errors="ignore"), tmp_path / "x.nc")
    with pytest.raises(
        ForeignFileError, match=f"x(.nc)?: a result of kind '{kind}' without the variables? .*{variable}"
    ):
        read_series([tmp_path / "x.nc"])


@pytest.mark.parametrize(
    ("kind", "lacks"), [("ladder", "neurons"), ("pairs", "raw_count"), ("pairs", "positions"), ("recurrence", "model")]
)
def test_a_result_object_without_what_it_shows_is_refused_when_it_is_loaded(kept, kind, lacks, tmp_path):
    whole = kept[kind]
    repr(rl.load(save(whole, tmp_path / "whole.nc")))
    save(whole.drop_vars(lacks), tmp_path / "x.nc")
    with pytest.raises(ForeignFileError, match=f"x.nc: .*without the variable {lacks}"):
        rl.load(tmp_path / "x.nc")


def test_whatever_is_called_a_result_is_left_out_by_name(kept, tmp_path):
    (tmp_path / "folder.nc").mkdir()
    (tmp_path / "text.nc").write_text("my thesis")
    (tmp_path / "empty.nc").touch()
    whole = save(kept["judge"], tmp_path / "whole.nc").read_bytes()
    (tmp_path / "half.nc").write_bytes(whole[: len(whole) // 2])
    results = read(tmp_path)
    assert [name for name, _ in results.of("judge")] == ["whole"]
    assert len(results.skipped) == 4
    for name in ("folder.nc", "text.nc", "empty.nc", "half.nc"):
        assert any(reason.startswith(str(tmp_path / name)) for reason in results.skipped)


@pytest.mark.parametrize("one", [True, False])
def test_leaders_of_one_kind_are_refused(kept, one, tmp_path):
    save(kept["filtering"].assign(leader_rosetta=kept["filtering"]["leader_rosetta"] * 0 == one), tmp_path / "x.nc")
    (skipped,) = read(tmp_path).skipped
    assert "x.nc: its variables are inconsistent (ValueError: leader_rosetta: leaders of both kinds" in skipped


def test_a_warning_that_is_an_error_says_which_result():
    reason = r"x.nc: .*RuntimeWarning: Mean of empty slice"
    with pytest.raises(ForeignFileError, match=reason), interpreting("x.nc"):
        np.mean([])


def test_versions_that_are_no_list_are_shown_as_they_are(kept):
    for odd in ("no JSON", "[1]", "7", 7, "[" * 9999):
        assert str(odd)[:20] in _provenance("toy", "x", kept["toy"].assign_attrs(versions=odd))["facts"]["versions"]


def every_reader_answers_or_refuses(kept, folder, rng, names):
    ds = kept[rng.choice(names)].copy(deep=True)
    ds = rng.choice(fuzz.CHANGES)(ds, rng)
    fuzz.save(ds, folder / "x.nc")
    for reader in (fuzz.as_viewer, fuzz.as_matching):
        with contextlib.suppress(RosettaError):
            reader(folder / "x.nc", folder)
    results = read(folder)
    assert sum(map(len, results.datasets.values())) + len(results.skipped) >= (folder / "x.nc").is_file()


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(rng=st.randoms(use_true_random=False))
def test_every_reader_answers_or_refuses(kept, tmp_path_factory, rng):
    names = ["pairs", "toy", "filtering", "judge", "simulation", "image_kinds"]  # the smaller ones
    every_reader_answers_or_refuses(kept, tmp_path_factory.mktemp("case"), rng, names)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(rng=st.randoms(use_true_random=False))
def test_every_reader_answers_or_refuses_every_kind(kept, tmp_path_factory, rng):
    every_reader_answers_or_refuses(kept, tmp_path_factory.mktemp("case"), rng, sorted(kept))


@pytest.mark.parametrize("version", [1, 2, 5])
def test_a_classic_netcdf_file_is_named_as_one(version, tmp_path):
    path = tmp_path / "old.nc"
    path.write_bytes(b"CDF" + bytes([version]) + bytes(60))
    with pytest.raises(ForeignFileError, match=r"old.nc: netCDF in its classic format .*engine='h5netcdf'"):
        load(path)


def test_a_classic_file_that_scipy_wrote_is_converted_by_the_advice(kept, tmp_path):
    kept["prediction"].to_netcdf(tmp_path / "old.nc", engine="scipy")
    with pytest.raises(ForeignFileError, match="netCDF-3"):
        load(tmp_path / "old.nc")
    xr.open_dataset(tmp_path / "old.nc").to_netcdf(tmp_path / "result.nc", engine="h5netcdf")
    xr.testing.assert_equal(load(tmp_path / "result.nc"), kept["prediction"])
