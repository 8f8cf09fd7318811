"""Removal of own files alone: one function removes, and asks for a marker."""

import ast
import os
import pathlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.checkpoints.claims import CONTENT, claimed
from rosettalaw.empirical.matching.machine.checkpoint import Checkpoint, tile_of
from rosettalaw.errors import ForeignFileError
from rosettalaw.removal import MARKER, begin, made, mark, ours, remove
from rosettalaw.results import replacing

ROOT = pathlib.Path(__file__).parents[2]
ROOMS = ("src/rosettalaw", "theory", "sims", "empirical", "validation", "paper_figs", "benchmarks")
REMOVAL = "src/rosettalaw/removal.py"
REMOVING = {"rmtree", "unlink", "rmdir", "removedirs"}


def removals(text):
    """Return the lines of a module that remove anything; `remove` is the method of many things, but in `os`."""
    lines = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute):
            of_os = isinstance(node.value, ast.Name) and node.value.id == "os" and node.attr == "remove"
            if node.attr in REMOVING or of_os:
                lines.append(node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module in ("os", "shutil"):
            lines += [node.lineno for name in node.names if name.name in (*REMOVING, "remove", "move")]
    return lines


def test_one_function_removes():
    found = {
        str(path.relative_to(ROOT)): removals(path.read_text(encoding="utf-8"))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
    }
    assert len(found) > 200
    assert {name for name, lines in found.items() if lines} == {REMOVAL}
    assert removals("import os, shutil\nos.remove(x)\nshutil.rmtree(y)\nx.unlink()\nhandle.remove()") == [2, 3, 4]
    assert removals("from shutil import rmtree\nfrom os import remove as r") == [1, 2]


def test_a_folder_that_was_begun_is_removed(tmp_path):
    folder = begin(tmp_path / "a" / "b", "a test")
    assert (folder / MARKER).read_text() == "Made by rosettalaw, which may remove this folder: a test\n"
    (folder / "inner").mkdir()
    (folder / "inner" / "x").write_text("x")
    begin(folder, "again")
    remove(folder / "none")
    remove(folder)
    assert os.listdir(tmp_path / "a") == []


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(names=st.lists(NAMES.filter(lambda name: name not in (".", "..")), min_size=1, max_size=4), inner=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_folder_of_a_user_is_neither_begun_nor_removed(tmp_path_factory, names, inner):
    folder = tmp_path_factory.mktemp("user")
    for name in names:
        (folder / name).write_text("precious")
    if inner:
        mark(folder / "inner" if (folder / "inner").mkdir(exist_ok=True) is None else folder, "inside")
    before = sorted(os.listdir(folder))
    for refused in (lambda: begin(folder, "x"), lambda: remove(folder), lambda: remove(folder / names[0])):
        with pytest.raises(ForeignFileError, match="was not made by rosettalaw"):
            refused()
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("content", ["", "x", "made by someone else", "\ufeff"])
def test_a_marker_of_someone_else_is_none(tmp_path, content):
    (tmp_path / MARKER).write_text(content)
    (tmp_path / "x").write_text("precious")
    with pytest.raises(ForeignFileError):
        remove(tmp_path)
    (tmp_path / "y" / MARKER).mkdir(parents=True)
    with pytest.raises(ForeignFileError):
        remove(tmp_path / "y")


def test_links_are_removed_and_not_where_they_lead(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "x").write_text("x")
    folder = begin(tmp_path / "own", "a test")
    (folder / "link").symlink_to(precious)
    (tmp_path / "to_own").symlink_to(folder)
    with pytest.raises(ForeignFileError):
        remove(tmp_path / "to_own")
    remove(folder)
    assert (precious / "x").read_text() == "x"
    remove(made(tmp_path / "to_own"))
    assert sorted(os.listdir(tmp_path)) == ["precious"]


def test_a_removal_that_is_killed_leaves_the_marker_to_the_end(tmp_path, monkeypatch):
    folder = begin(tmp_path / "own", "a test")
    for name in ("a", "z"):
        (folder / name).write_text("x")

    def killed(path, missing_ok=False):
        os.unlink(path)
        raise KeyboardInterrupt

    monkeypatch.setattr(pathlib.Path, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        remove(folder)
    assert len(os.listdir(folder)) == 2
    assert ours(folder)
    monkeypatch.undo()
    remove(folder)
    assert not folder.exists()


def test_what_this_process_made_is_its_own_until_it_is_removed(tmp_path):
    file = tmp_path / "x"
    file.write_text("x")
    with pytest.raises(ForeignFileError):
        remove(file)
    remove(made(file))
    file.write_text("a user's, of the same name")
    with pytest.raises(ForeignFileError):
        remove(file)
    with replacing(file) as partial:
        assert ours(partial)
        partial.write_text("y")
    assert not ours(file)
    assert os.listdir(tmp_path) == ["x"]


def test_a_users_file_with_the_name_of_a_lock_stays(tmp_path):
    lock = tmp_path / "model.lock"
    for content in (b"precious", CONTENT + b"and more"):
        lock.write_bytes(content)
        with claimed(tmp_path / "model") as mine:
            assert mine
        assert lock.read_bytes() == content
    for content in (CONTENT, b""):
        lock.write_bytes(content)
        with claimed(tmp_path / "model"):
            assert lock.read_bytes() == CONTENT
        assert not lock.exists()


def test_an_unfinished_matching_of_an_earlier_version_is_taken_up_and_removed(tmp_path):
    folder = tmp_path / "p.nc.unfinished"
    Checkpoint(folder, {"k": 1})
    (folder / MARKER).unlink()
    Checkpoint(folder, {"k": 1}).finish()
    assert not folder.exists()


@pytest.mark.parametrize("tile", ['"xx"', "5", "[1]", "[0, 1]", "[1, null]", "{}", "true", '["1", "2"]'])
def test_a_tile_that_is_none_is_named(tmp_path, tile):
    (tmp_path / "matching.json").write_text(f'{{"tile": {tile}}}')
    with pytest.raises(ForeignFileError, match=r"matching\.json: damaged, its tile is"):
        tile_of(tmp_path)
