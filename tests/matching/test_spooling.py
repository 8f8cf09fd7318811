"""Copies on disk: what offsets cost them, and what is left of them when they are killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from rosettalaw import leftovers
from rosettalaw.empirical.activations import copies
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.activations.files import open_activations
from rosettalaw.empirical.activations.spooling import bytes_on_disk, spool
from rosettalaw.empirical.activations.streamed import StreamedArray
from rosettalaw.empirical.activations.views import Layers
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.matching.machine import reading
from rosettalaw.errors import InputError, RosettaError
from rosettalaw.removal import begin

POSITIONS, NEURONS, BLOCK = 150, 7, 16
PROGRAM = """
import sys, time
from pathlib import Path
from rosettalaw.empirical.activations import copies
from rosettalaw.empirical.activations.spooling import spool
from rosettalaw.empirical.activations.streamed import StreamedArray
copies.SHARE = float("inf")
class Slow(StreamedArray):
    def blocks_from(self, size, first):
        for block in super().blocks_from(size, first):
            time.sleep(0.05)
            yield block
spool(Slow("a.zarr"), Path("copy"), 16, sys.argv[1])
"""


def store(path, array):
    """Write an array as zarr or netCDF."""
    import zarr

    if path.suffix == ".zarr":
        zarr.create_array(path, shape=array.shape, chunks=(32, 3), dtype=array.dtype)[:] = array
    else:
        xr.Dataset({"x": (("position", "neuron"), array)}).to_netcdf(path, engine="h5netcdf")


@pytest.fixture
def array():
    """Columns with offsets, trends and scales of their own; one is constant."""
    rng = np.random.default_rng(0)
    made = rng.standard_normal((POSITIONS, NEURONS)) * 10.0 ** np.arange(-3, 4) + 1e4
    made[:, 2] += np.arange(POSITIONS)
    made[:, 5] = 1e4 + 1 / 3
    return made


@pytest.fixture
def always(monkeypatch):
    """Record every block."""
    monkeypatch.setattr(copies, "SHARE", np.inf)


class Stops(StreamedArray):
    """A stored array whose reading breaks off after some blocks, and which remembers where it was read."""

    def __init__(self, path, left=99):
        super().__init__(path, "stored")
        self.left, self.read = left, []

    def blocks_from(self, size, first):
        for block in super().blocks_from(size, first):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            self.read.append(first)
            first += len(block)
            yield block


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# ---------------------------------------------------------------------------------------------------------------------
# What a copy keeps


@pytest.mark.parametrize("suffix", [".zarr", ".nc"])
@pytest.mark.parametrize(("kind", "error"), [("float32", 1e-6), ("float16", 2e-3)])
def test_an_offset_costs_a_float64_stream_no_digits(tmp_path, reference, suffix, kind, error):
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 1000, 60))
    b[:, :20] += a[:, :20]
    a[:, 30] = b[:, 40] = 1 / 3
    for name, side in (("a", a + 1e4), ("b", b - 1e4)):
        store(tmp_path / f"{name}{suffix}", side)
    sources = [open_activations(tmp_path / f"{name}{suffix}") for name in "ab"]
    matches = match(*sources, nulls={}, spool_as=kind, block=300, quiet=True)
    expected = reference(a, b)
    correlation = dict(
        zip(zip(matches.unit_a.tolist(), matches.unit_b.tolist(), strict=True), matches.correlation, strict=True)
    )
    assert {(u, u) for u in range(20)} <= set(correlation)
    for pair in set(correlation) & set(expected):
        assert correlation[pair] == pytest.approx(expected[pair], rel=error)
    assert kind == "float16" or set(correlation) == set(expected)
    assert matches.a.excluded.tolist() == [30]
    assert matches.b.excluded.tolist() == [40]


def test_the_shift_is_the_first_blocks_and_exact_for_constants(tmp_path, array):
    store(tmp_path / "a.zarr", array)
    copy = spool(open_activations(tmp_path / "a.zarr"), tmp_path / "copy", BLOCK).rows(slice(None))
    shift = array[:BLOCK].mean(0)
    np.testing.assert_allclose(copy, array - shift, rtol=2.0**-24, atol=1e-11)
    assert not copy[:, 5].any()


def test_the_bits_of_a_float32_stream_are_kept(tmp_path, array):
    store(tmp_path / "a.zarr", array.astype(np.float32))
    copy = spool(open_activations(tmp_path / "a.zarr"), tmp_path / "copy", BLOCK)
    assert copy.rows(slice(None)).tobytes() == array.astype(np.float32).tobytes()
    header = np.load(tmp_path / "copy-float32.npy", mmap_mode="r")
    assert (header.shape, header.dtype) == (array.shape, np.float32)


# ---------------------------------------------------------------------------------------------------------------------
# Killed copies


@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_a_copy_killed_anywhere_goes_on_and_has_the_same_bits(tmp_path, array, kind):
    store(tmp_path / "a.zarr", array)
    spool(StreamedArray(tmp_path / "a.zarr"), tmp_path / "whole", BLOCK, kind)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    call = [sys.executable, "-c", PROGRAM, kind]
    killed = subprocess.Popen(call, cwd=tmp_path, env=environment)
    partial, row = tmp_path / f"copy-{kind}.partial", NEURONS * np.dtype(kind).itemsize
    deadline = time.monotonic() + 120
    while (not partial.exists() or partial.stat().st_size < 60 * row) and time.monotonic() < deadline:
        assert killed.poll() is None
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / f"copy-{kind}.npy").exists()
    assert subprocess.run(call, cwd=tmp_path, env=environment, check=False).returncode == 0
    made = contents(tmp_path)
    for name in [f"copy-{kind}.npy"] + [f"copy-{kind}-border.npy"] * (kind == "float16"):
        assert made[name] == made[name.replace("copy", "whole")]
    assert not [name for name in made if "partial" in name or "unfinished" in name]


def test_a_record_that_was_killed_in_writing_leaves_no_litter(tmp_path, array, monkeypatch):
    store(tmp_path / "a.zarr", array)
    monkeypatch.setattr(os, "getpid", lambda: 2**22 + 7)  # no process has so high a number
    killed = f"{leftovers.prefix('copy-float32-unfinished.npz')}k2x9abcd.npz"
    monkeypatch.undo()
    (tmp_path / killed).write_bytes(b"half a record")
    (tmp_path / ".other-float32-unfinished.npz.k2x9.npz").write_bytes(b"another's")
    spool(StreamedArray(tmp_path / "a.zarr"), tmp_path / "copy", BLOCK, "float32")
    assert set(contents(tmp_path)) == {"copy-float32.npy", ".other-float32-unfinished.npz.k2x9.npz"}


def test_a_copy_that_was_killed_after_its_last_row_leaves_no_record(tmp_path, array):
    work, stranger = begin(tmp_path / "work", "copies"), tmp_path / "copy-float32-unfinished.npz"
    for folder in (work, tmp_path):
        spool(ArraySource(array), folder / "copy", BLOCK, "float32")
        copies.record_of(folder / "copy-float32.npy").write_bytes(b"all rows")
        spool(ArraySource(array), folder / "copy", BLOCK, "float32")
    assert {file.name for file in work.iterdir()} == {".rosettalaw", "copy-float32.npy"}
    assert stranger.exists()  # in a folder that is not this program's


@pytest.mark.parametrize("restrict", [False, True])
def test_blocks_that_are_copied_are_not_read_again(tmp_path, array, always, restrict):
    store(tmp_path / "a.zarr", array)

    def source(left=99):
        stops = Stops(tmp_path / "a.zarr", left)
        return stops, Layers(stops, [0]) if restrict else stops

    with pytest.raises(KeyboardInterrupt):
        spool(source(5)[1], tmp_path / "copy", BLOCK)
    told = []
    stops, wanted = source()
    copy = spool(wanted, tmp_path / "copy", BLOCK, advance=told.append)
    assert stops.read == [80, 96, 112, 128, 144]
    assert told[0] == 80
    assert sum(told) == POSITIONS
    whole = spool(source()[1], tmp_path / "whole", BLOCK)
    assert copy.rows(slice(None)).tobytes() == whole.rows(slice(None)).tobytes()


def test_a_source_that_cannot_begin_later_is_read_from_the_start(tmp_path, array, always):
    left = [40]  # rows that can be read

    def blocks(size):
        for piece in np.array_split(array, 20):
            left[0] -= len(piece)
            if left[0] < 0:
                raise KeyboardInterrupt
            yield piece

    layer = np.zeros(NEURONS, dtype=int)
    source = SimpleNamespace(name="plain", positions=POSITIONS, layer=layer, unit=np.arange(NEURONS), blocks=blocks)
    with pytest.raises(KeyboardInterrupt):
        spool(source, tmp_path / "copy", BLOCK)
    left[0] = POSITIONS
    resumed = spool(source, tmp_path / "copy", BLOCK)
    left[0] = POSITIONS
    whole = spool(source, tmp_path / "whole", BLOCK)
    assert resumed.rows(slice(None)).tobytes() == whole.rows(slice(None)).tobytes()


def test_the_record_claims_only_what_is_on_disk(tmp_path, array, monkeypatch, always):
    """Each record follows a flush and tells the length that was flushed; one that is interrupted changes nothing."""
    store(tmp_path / "a.zarr", array)
    flushed, recorded = [], []
    fsync, savez = os.fsync, np.savez

    def told(number):
        fsync(number)
        flushed.append(os.fstat(number).st_size)

    def kept(path, **arrays):
        recorded.append(arrays["place"][1])
        assert recorded[-1] == flushed[-1]
        if len(recorded) == 4:
            path.write_bytes(b"half")
            raise KeyboardInterrupt
        savez(path, **arrays)

    monkeypatch.setattr(os, "fsync", told)
    monkeypatch.setattr(np, "savez", kept)
    with pytest.raises(KeyboardInterrupt):
        spool(Stops(tmp_path / "a.zarr"), tmp_path / "copy", BLOCK)
    stops = Stops(tmp_path / "a.zarr")
    spool(stops, tmp_path / "copy", BLOCK)
    assert stops.read[0] == 3 * BLOCK
    assert recorded == sorted(recorded[:3]) + recorded[3:]


def flip(path):
    held = bytearray(path.read_bytes())
    held[200] ^= 1
    path.write_bytes(held)


DAMAGE = {
    "a bit of the rows": lambda partial, record: flip(partial),
    "rows that are gone": lambda partial, record: os.truncate(partial, 200),
    "no rows at all": lambda partial, record: partial.unlink(),
    "half a record": lambda partial, record: os.truncate(record, 50),
    "no record": lambda partial, record: record.unlink(),
    "a record of something else": lambda partial, record: np.savez(record, x=np.zeros(3)),
    "no archive": lambda partial, record: record.write_bytes(b"thesis"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_copy_is_begun_anew(tmp_path, array, always, damage):
    store(tmp_path / "a.zarr", array)
    with pytest.raises(KeyboardInterrupt):
        spool(Stops(tmp_path / "a.zarr", 4), tmp_path / "copy", BLOCK)
    damage(tmp_path / "copy-float32.partial", tmp_path / "copy-float32-unfinished.npz")
    again = Stops(tmp_path / "a.zarr")
    copy = spool(again, tmp_path / "copy", BLOCK)
    assert again.read[0] == 0
    whole = spool(Stops(tmp_path / "a.zarr"), tmp_path / "whole", BLOCK)
    assert copy.rows(slice(None)).tobytes() == whole.rows(slice(None)).tobytes()


def test_another_sources_copy_is_begun_anew(tmp_path, array, always):
    store(tmp_path / "a.zarr", array)
    with pytest.raises(KeyboardInterrupt):
        spool(Stops(tmp_path / "a.zarr", 4), tmp_path / "copy", BLOCK)
    for case, block in ((array + 1, BLOCK), (array, 2 * BLOCK)):
        name = f"other{block}.zarr"
        store(tmp_path / name, case)
        for path in tmp_path.glob("copy*"):
            shutil.copy(path, tmp_path / path.name.replace("copy", f"copy{block}"))
        other = Stops(tmp_path / name)
        copy = spool(other, tmp_path / f"copy{block}", block)
        assert other.read[0] == 0
        np.testing.assert_allclose(copy.rows(slice(None)), case - case[:block].mean(0), rtol=1e-6, atol=1e-8)


def test_what_follows_the_record_is_written_again(tmp_path, array, always):
    """A kill between two records leaves rows, or half a row, that no record speaks of."""
    store(tmp_path / "a.zarr", array)
    with pytest.raises(KeyboardInterrupt):
        spool(Stops(tmp_path / "a.zarr", 4), tmp_path / "copy", BLOCK)
    with (tmp_path / "copy-float32.partial").open("ab") as partial:
        partial.write(b"x" * 12345)
    stops = Stops(tmp_path / "a.zarr")
    spool(stops, tmp_path / "copy", BLOCK)
    spool(Stops(tmp_path / "a.zarr"), tmp_path / "whole", BLOCK)
    assert stops.read[0] == 4 * BLOCK
    assert (tmp_path / "copy-float32.npy").read_bytes() == (tmp_path / "whole-float32.npy").read_bytes()


def test_recording_takes_its_share_of_the_time(tmp_path, array, monkeypatch):
    """A slow disk is asked seldom: one record of 1 s at the start, and no other within 20 s."""
    now = [0.0]
    sync = copies.UnfinishedCopy._sync

    def slow(self):
        now[0] += 1
        sync(self)

    monkeypatch.setattr(copies.UnfinishedCopy, "_sync", slow)
    monkeypatch.setattr(copies, "time", SimpleNamespace(monotonic=lambda: now[0]))
    store(tmp_path / "a.zarr", np.concatenate([array] * 5))
    for block in Stops(tmp_path / "a.zarr").blocks(BLOCK):
        assert len(block)
    stops = Stops(tmp_path / "a.zarr")
    waited = stops.blocks_from

    def slowly(size, first):
        for block in waited(size, first):
            now[0] += 0.9
            yield block

    stops.blocks_from = slowly
    spool(stops, tmp_path / "copy", BLOCK)
    blocks = -(-5 * POSITIONS // BLOCK)
    records = 1 + 1 + blocks * 0.9 // 20  # or two more or fewer: a block is written while the next one is made
    assert now[0] == pytest.approx(0.9 * blocks + records, abs=2.1)


def test_a_full_disk_is_told(tmp_path, array, monkeypatch):
    store(tmp_path / "a.zarr", array)

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RosettaError, match=r"copy-float32.npy: the disk is full; free some space and run the same"):
        spool(Stops(tmp_path / "a.zarr"), tmp_path / "copy", BLOCK)


def test_room_that_an_earlier_run_has_taken_is_not_asked_for_again(tmp_path, array, monkeypatch, always):
    store(tmp_path / "a.zarr", array)
    work = tmp_path / "work"
    work.mkdir()
    need = POSITIONS * NEURONS * 4
    free = SimpleNamespace(free=need)
    monkeypatch.setattr(reading.shutil, "disk_usage", lambda folder: free)
    options = (work, BLOCK, "float32", 2, True, True)
    with pytest.raises(InputError, match="can be permuted or shared out only where there is room"):
        reading.readable((Stops(tmp_path / "a.zarr"), ArraySource(array)), *options)
    with pytest.raises(KeyboardInterrupt):
        spool(Stops(tmp_path / "a.zarr", 5), work / "spool-a", BLOCK)
    assert bytes_on_disk(work / "spool-a", "float32") == 128 + 5 * BLOCK * NEURONS * 4
    stops = Stops(tmp_path / "a.zarr")
    reading.readable((stops, ArraySource(array)), *options)
    assert stops.read[0] == 5 * BLOCK
    free.free = 1
    reading.readable((stops, ArraySource(array)), *options)


def other_shape(path):
    with path.open("wb") as file:
        np.save(file, np.zeros((3, 4), np.float32))


def other_type(path):
    with path.open("wb") as file:
        np.save(file, np.full((3, 4), "a"))


def to_itself(path):
    path.unlink()
    path.symlink_to(path.name)


@pytest.mark.parametrize("kind", ["float32", "float16"])
@pytest.mark.parametrize(
    "damage",
    [
        other_shape,
        other_type,
        to_itself,
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("hello"),
    ],
)
def test_a_whole_copy_that_was_damaged_is_written_anew(tmp_path, array, damage, kind):
    source = ArraySource(array)
    whole = np.array(spool(source, tmp_path / "copy", BLOCK, kind).rows(slice(None)))  # not a view of the file
    for path in list(tmp_path.glob("copy-*.npy")):  # a copy of half the size has two files
        damage(path)
        assert np.array_equal(spool(source, tmp_path / "copy", BLOCK, kind).rows(slice(None)), whole)
