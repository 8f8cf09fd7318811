"""Results: self-describing, whole or absent, recognised or refused."""

import errno
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from rosettalaw import disk, results
from rosettalaw.errors import ForeignFileError, InputError, MissingFileError, RosettaError
from rosettalaw.vocabulary import VOCABULARY


def example():
    return results.dataset(
        "ladder", {"raw_count": ("rung", np.array([3, 5]))}, {"rung": [0, 1]}, seed=7, families=["a", "b"]
    )


def test_a_saved_result_explains_itself(tmp_path):
    results.save(example(), tmp_path / "deep" / "r.nc")
    assert (tmp_path / "deep" / "r.nc").stat().st_mode & 0o777 == 0o644  # others may read it, unlike a temporary file
    loaded = results.load(tmp_path / "deep" / "r.nc", "ladder")
    assert loaded.raw_count.attrs["units"] == "pairs"
    assert loaded.raw_count.attrs["equation"] == "3"
    assert loaded.attrs["seed"] == 7
    assert '"numpy"' in loaded.attrs["versions"]
    np.testing.assert_array_equal(loaded.raw_count, [3, 5])


def test_every_word_has_a_description_and_units():
    for name, variable in VOCABULARY.items():
        assert variable.description, name
        assert variable.units, name


def test_what_a_result_says_of_a_variable_goes_before_the_vocabulary():
    made = results.dataset("ladder", {"raw_count": ("rung", [3, 5], {"units": "pairs of both kinds"})}, replicated=True)
    assert made.raw_count.attrs["units"] == "pairs of both kinds"
    assert made.raw_count.attrs["equation"] == "3"
    assert made.attrs["replicated"] == "true"  # netCDF has no booleans


def test_no_such_file(tmp_path):
    with pytest.raises(MissingFileError, match=r"nothing\.nc: no such result file"):
        results.load(tmp_path / "nothing.nc")


def test_a_corrupt_file_is_refused(tmp_path):
    path = results.save(example(), tmp_path / "r.nc")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ForeignFileError, match="corrupt or half-written"):
        results.load(path)


def test_a_foreign_file_is_refused(tmp_path):
    xr.Dataset({"x": 1}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(ForeignFileError, match="not a result of rosettalaw"):
        results.load(tmp_path / "other.nc")


def test_a_result_of_another_kind_is_refused(tmp_path):
    path = results.save(example(), tmp_path / "r.nc")
    with pytest.raises(ForeignFileError, match="holds a result of kind 'ladder', expected 'pairs'"):
        results.load(path, "pairs")


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = results.save(example(), tmp_path / "r.nc")
    before = path.read_bytes()

    plain = pathlib.Path.write_bytes

    def fill(self, whole):
        plain(self, whole[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_bytes", fill)
    with pytest.raises(RosettaError, match=r"the disk is full; free some space and run the same command again"):
        results.save(example(), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["r.nc"]


LIMITED = """
import resource
import numpy as np
from rosettalaw.errors import RosettaError
from rosettalaw.results import dataset, save
big = dataset("ladder", {"raw_count": ("rung", np.random.default_rng(0).random(10**5))})
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    save(big, "big.nc")
except RosettaError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_does_not_bring_the_process_down(tmp_path):
    """HDF5 on such a disk ends in a segmentation fault once the error has been reported."""
    done = subprocess.run([sys.executable, "-c", LIMITED], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "big.nc: cannot be written (File too large)\n"
    assert list(tmp_path.iterdir()) == []


def test_a_figure_that_cannot_be_finished_is_not_begun(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    from rosettalaw.paper_figs import style

    def fill(self, target, **settings):
        pathlib.Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fill)
    with style.figure() as (drawing, _), pytest.raises(RosettaError, match=r"fig\.png: the disk is full"):
        style.save(drawing, tmp_path / "fig.png")
    assert list(tmp_path.iterdir()) == []


def test_room_is_asked_for_before_a_long_computation(tmp_path):
    results.require_room(tmp_path / "deep/r.nc", 1000)
    with pytest.raises(RosettaError, match=r"r\.nc: needs 1e\+09 GB, but only .* GB are free"):
        results.require_room(tmp_path / "deep/r.nc", 1e18)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RosettaError, match="cannot be written"):
        results.save(example(), tmp_path / "file" / "r.nc")


@pytest.mark.parametrize("error", [OSError("5 requested and 3 written"), RuntimeError("No space left on device")])
def test_libraries_report_a_full_disk_in_their_own_ways(tmp_path, monkeypatch, error):
    def fill(self, whole):
        raise error

    monkeypatch.setattr(pathlib.Path, "write_bytes", fill)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 0}))
    with pytest.raises(RosettaError, match="the disk is full"):
        results.save(example(), tmp_path / "r.nc")


def test_an_error_that_is_not_the_disks_stays_what_it_is(tmp_path, monkeypatch):
    def fail(self, whole):
        raise ValueError("a mistake of the program")

    monkeypatch.setattr(pathlib.Path, "write_bytes", fail)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 0}))
    with pytest.raises(ValueError, match="a mistake of the program"):
        results.save(example(), tmp_path / "r.nc")


def test_only_results_are_replaced(tmp_path):
    results.require_replaceable("--out", tmp_path / "new.nc")
    path = results.save(example(), tmp_path / "r.nc")
    results.require_replaceable("--out", path)
    xr.Dataset({"x": 1}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    (tmp_path / "half.nc").write_bytes(path.read_bytes()[:-1000])
    (tmp_path / "text.nc").write_text("my thesis\n")
    (tmp_path / "empty.nc").touch()
    os.mkfifo(tmp_path / "pipe.nc")
    for name, reason in (
        ("other.nc", "a netCDF file, but not a result of rosettalaw"),
        ("half.nc", "corrupt or half-written"),
        ("text.nc", "not a readable netCDF result, but a text file"),
        ("empty.nc", "not a readable netCDF result, but an empty file"),
        ("pipe.nc", "not a regular file"),
    ):
        with pytest.raises(InputError, match="must be a new file, or a result of rosettalaw") as told:
            results.require_replaceable("--out", tmp_path / name)
        assert f"{tmp_path / name}: " in str(told.value)
        assert reason in str(told.value)
        assert str(told.value).endswith("Try: another --out")
        assert str(told.value).count("Try: ") == 1


@pytest.mark.parametrize(
    ("content", "words", "example"),
    [
        (b"", "an empty file", "rerun the command that made it"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS", "git lfs pull"),
        (b"\n<!DOCTYPE html><p>Not found", "a web page", "a result that rosettalaw saved"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image", "a result that rosettalaw saved"),
        (b"\x93NUMPY\x01\0", "a NumPy array", "a result that rosettalaw saved"),
        (b'{"a": 1}', "a JSON file", "a result that rosettalaw saved"),
        ("neurons,count\n128,21 é\n".encode(), "a text file", "x.csv, if these are counts"),
    ],
)
def test_a_file_of_another_kind_is_named_with_the_next_step(tmp_path, content, words, example):
    path = tmp_path / "x.nc"
    path.write_bytes(content)
    with pytest.raises(ForeignFileError) as refused:
        results.load(path)
    assert str(refused.value).startswith(f"{path}: not a readable netCDF result, but {words}")
    assert f"Try: {example}" in str(refused.value)


def test_paths_that_are_no_files_name_the_nearest_result(tmp_path):
    path = results.save(example(), tmp_path / "pairs.nc")
    (tmp_path / "broken.nc").symlink_to("nowhere.nc")
    (tmp_path / "loop.nc").symlink_to("loop.nc")
    for given, words in (
        ("pair.nc", f"no such result file. Try: {path}"),
        ("quite-another", "no such result file. Try: a result that rosettalaw saved"),
        (".", f"not a regular file (a folder; must be a file). Try: {path}"),
        ("broken.nc", "a link to nowhere.nc, which cannot be opened"),
        ("loop.nc", "a link to loop.nc, which cannot be opened"),
    ):
        with pytest.raises(MissingFileError) as refused:
            results.load(tmp_path / given)
        assert words in str(refused.value)


def test_a_result_to_replace_is_looked_at_without_xarray(tmp_path):
    """Importing it would take a second before a command begins."""
    path = results.save(example(), tmp_path / "r.nc")
    program = (
        "import sys\nfrom rosettalaw.results import require_replaceable\nrequire_replaceable('--out', sys.argv[1])\n"
        "sys.exit(bool({'xarray', 'dask', 'pandas', 'h5netcdf'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program, path], check=False).returncode == 0


def test_a_result_is_read_without_arrays_of_dask(tmp_path):
    """Importing them takes half a second; xarray would do so to convert texts."""
    path = results.save(example(), tmp_path / "r.nc")
    kept = pathlib.Path(__file__).parents[1] / "data" / "format_1_ladder.nc"
    program = (
        "import sys\nfrom rosettalaw.results import load\nfor path in sys.argv[1:]: load(path)\n"
        "sys.exit('dask.array' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, path, kept], check=False).returncode == 0


def test_texts_read_are_those_saved(tmp_path):
    texts = np.array(["a", "", "ü €"], dtype=object)
    made = results.dataset("ladder", {"raw_count": ("rung", [1, 2, 3]), "note": ("rung", texts)})
    loaded = results.load(results.save(made, tmp_path / "r.nc"))
    assert loaded["note"].values.tolist() == texts.tolist()
    again = results.load(results.save(loaded.isel(rung=[0, 2]), tmp_path / "again.nc"))
    assert again["note"].values.tolist() == ["a", "ü €"]
    assert xr.open_dataset(tmp_path / "r.nc", engine="h5netcdf").identical(loaded)
