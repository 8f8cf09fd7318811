"""Files of an unfinished matching that are damaged, replaced or moved: computed again, and never another number."""

import os

import numpy as np
import pytest

from rosettalaw.empirical.matching.machine.checkpoint import Checkpoint

GROUP = {"row_rho": np.arange(12.0).reshape(3, 4), "row_index": np.arange(12).reshape(3, 4)}


@pytest.fixture
def checkpoint(tmp_path):
    checkpoint = Checkpoint(tmp_path / "o.nc.unfinished", {"a": "a", "seed": 0})
    checkpoint.save("tile0", GROUP)
    checkpoint.save("tile1", {name: array + 1 for name, array in GROUP.items()})
    return checkpoint


def test_a_group_is_read_as_it_was_saved(checkpoint):
    again = Checkpoint(checkpoint.folder, {"seed": 0, "a": "a"}).load("tile0")
    assert again.keys() == GROUP.keys()
    assert all(np.array_equal(again[name], GROUP[name]) for name in GROUP)


def foreign(path):
    np.savez(path, x=np.arange(3))


def array(path):
    with path.open("wb") as file:
        np.save(file, np.arange(3))


def text(path):
    path.write_text("hello\n")


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(bytes(content))


def neighbour(path):
    os.replace(path.with_name("tile1.npz"), path)


def incomplete(path):
    with np.load(path) as stored:
        group = {name: stored[name] for name in stored.files if name != "row_rho"}
    np.savez(path, **{**group, "group": "0"})


@pytest.mark.parametrize("damage", [foreign, array, text, half, empty, flipped, neighbour, incomplete])
def test_a_damaged_group_is_computed_again_and_never_another_number(checkpoint, damage, caplog):
    damage(checkpoint.folder / "tile0.npz")
    with caplog.at_level("INFO", "rosettalaw"):
        assert checkpoint.load("tile0") is None
    assert "tile0.npz: damaged, or of another matching; computed again" in caplog.text
    checkpoint.save("tile0", GROUP)
    assert checkpoint.load("tile0").keys() == GROUP.keys()


def test_a_group_of_another_matching_is_computed_again(checkpoint, tmp_path):
    other = Checkpoint(tmp_path / "p.nc.unfinished", {"a": "a", "seed": 1})
    os.replace(checkpoint.folder / "tile0.npz", other.folder / "tile0.npz")
    assert other.load("tile0") is None


@pytest.mark.parametrize("seed", range(40))
def test_any_flipped_bits_are_noticed_or_harmless(checkpoint, seed):
    path, rng = checkpoint.folder / "tile0.npz", np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    for place in rng.integers(0, len(content), 2):
        content[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(bytes(content))
    stored = checkpoint.load("tile0")
    assert stored is None or all(np.array_equal(stored[name], GROUP[name]) for name in GROUP)
