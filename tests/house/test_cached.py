"""Contents of the cache: listed by kind, removed by age and kind, bounded oldest first, and nobody else's files."""

import json
import os
import time
from pathlib import Path

import pytest

from rosettalaw import cli
from rosettalaw.cached import FACTS, bound_spools, clear, contents
from rosettalaw.leftovers import is_read, note_reader, reader_file
from rosettalaw.removal import MARKER, SIGNATURE, begin

DAY = 86400


@pytest.fixture
def cache(tmp_path):
    """One thing of each kind, and files of somebody else beside and within them."""
    root = tmp_path / "cache"
    for number, name in enumerate(("old", "middle", "new")):
        made(
            root / "spools" / name,
            f"activations of {name} on text",
            {"activations-float32.npy": 1000},
            30 - 10 * number,
        )
        (root / "spools" / name / FACTS).write_text(json.dumps({"model": name, "context": 64}))
        aged(root / "spools" / name, 30 - 10 * number)
    made(root / "mine/0123/gpt2-64-abc", "a model of the ladder mine", {"config.json": 10, "model.safetensors": 90}, 5)
    made(root / "mine/0123/text/gpt2-v300", "a tokenizer", {"tokens.npy": 50}, 5)
    made(root / "mine/0123/.neox-64-abc.writing", "a model of the ladder mine", {"model.safetensors": 7}, 5)
    answer = root / "judge" / f"{'0' * 64}.json"
    answer.parent.mkdir()
    answer.write_text('{"answer": 1}')
    for stranger in ("thesis.txt", "spools/thesis.txt", "mine/0123/thesis/config.json", "judge/notes.json"):
        (root / stranger).parent.mkdir(parents=True, exist_ok=True)
        (root / stranger).write_text("precious")
    return root


def made(folder, what, files, days):
    begin(folder, what)
    for name, size in files.items():
        (folder / name).write_bytes(b"x" * size)
    aged(folder, days)


def aged(folder, days):
    for file in folder.iterdir():
        os.utime(file, (time.time() - days * DAY,) * 2)


def strangers(root):
    return sum(path.read_text() == "precious" for path in root.rglob("*") if path.suffix in (".txt", ".json"))


def run(*words):
    with pytest.raises(SystemExit) as end:
        cli.main(list(map(str, words)))
    return end.value.code


def test_the_list_says_what_whose_and_how_old(cache, capsys):
    assert run("cache", "--cache", cache, "--json") == 0
    record = json.loads(capsys.readouterr().out)
    items = {Path(one["path"]).name: one for one in record["items"]}
    assert {name: one["kind"] for name, one in items.items()} == {
        "old": "spools",
        "middle": "spools",
        "new": "spools",
        "gpt2-64-abc": "models",
        "gpt2-v300": "texts",
        ".neox-64-abc.writing": "unfinished",
        f"{'0' * 64}.json": "answers",
    }
    assert [one["age_days"] for one in record["items"][:2]] == pytest.approx([30, 20], abs=0.01)
    assert items["old"]["about"] == "activations of old on text"
    assert items["old"]["facts"]["context"] == 64
    files = [file for file in cache.rglob("*") if file.is_file() and "precious" not in file.read_text()]
    assert record["bytes"] == sum(file.stat().st_size for file in files)
    assert run("cache", "list", "--cache", cache, "--kind", "spools", "--older-than", "15d") == 0
    shown = capsys.readouterr().out
    assert "activations of middle on text, context 64" in shown
    assert "activations of new" not in shown
    assert "2 things in the cache" in shown


def test_clear_removes_what_is_named_and_nothing_else(cache, capsys):
    assert run("cache", "clear", "--cache", cache, "--kind", "spools", "--older-than", "15d", "--json") == 0
    assert {Path(one["path"]).name for one in json.loads(capsys.readouterr().out)["items"]} == {"old", "middle"}
    assert [item.path.name for item in contents(cache, ("spools",))] == ["new"]
    assert run("cache", "clear", "--cache", cache) == 0
    assert {item.kind for item in contents(cache)} == {"answers", "models"}  # money, and hours
    assert run("cache", "clear", "--cache", cache, "--kind", "answers", "--kind", "models") == 0
    assert contents(cache) == []
    assert strangers(cache) == 4
    assert run("cache", "clear", "--cache", cache) == 0  # nothing is left
    assert run("cache", "clear", "--cache", cache / "none") == 0


def test_what_is_read_stays(cache):
    reader_file(cache / "spools/old").touch()
    removed, in_use = clear(cache, ("spools",))
    assert [item.path.name for item in in_use] == ["old"]
    assert {item.path.name for item in removed} == {"middle", "new"}
    ended = reader_file(cache / "spools/old")
    ended.rename(ended.with_name(ended.name.rpartition("-")[0] + "-999999999"))  # a process that has ended
    assert not is_read(cache / "spools/old")
    assert [item.path.name for item in clear(cache, ("spools",))[0]] == ["old"]


def test_the_marks_of_killed_readers_go_and_those_of_others_stay(cache):
    folder = cache / "spools/old"
    own = reader_file(folder)
    dead, away, strange = (
        own.with_name(f"{own.name.rpartition('-')[0]}-999999999"),
        own.with_name("read-by.abcdef-1"),
        own.with_name("read-by.abcdef-x"),
    )
    for file in (dead, away, strange):
        file.touch()
    note_reader(folder)
    assert own.exists()
    assert away.exists()  # on another machine, lately
    assert not dead.exists()
    assert strange.exists()
    os.utime(away, (0, 0))
    note_reader(folder)
    assert not away.exists()


def test_spools_are_bounded_and_the_oldest_go_first(cache):
    size = contents(cache, ("spools",))[0].bytes
    assert bound_spools(cache, 3 * size + 50) == []
    assert [item.path.name for item in bound_spools(cache, 3 * size, room_for=10)] == ["old"]
    reader_file(cache / "spools/middle").touch()
    assert [item.path.name for item in bound_spools(cache, 0)] == ["new"]
    assert [item.path.name for item in contents(cache, ("spools",))] == ["middle"]


def test_bounding_removes_the_marks_of_killed_readers_in_every_spool(cache):
    own = reader_file(cache / "spools/old")
    dead = [cache / "spools" / name / f"{own.name.rpartition('-')[0]}-999999999" for name in ("old", "middle", "new")]
    for file in (own, *dead):
        file.touch()
    assert bound_spools(cache, 1e9) == []
    assert own.exists()
    assert not any(file.exists() for file in dead)


def test_a_link_into_the_cache_is_not_followed(cache, tmp_path):
    outside = tmp_path / "outside"
    made(outside / "spools/linked", "activations", {"activations-float32.npy": 10}, 50)
    (cache / "link").symlink_to(outside)
    clear(cache)
    assert (outside / "spools/linked/activations-float32.npy").exists()


def test_a_marker_alone_makes_nothing_ours(cache):
    """Another program's file of that name."""
    (cache / "mine/0123/thesis" / MARKER).write_text("by somebody else")
    clear(cache)
    assert (cache / "mine/0123/thesis/config.json").exists()
    assert SIGNATURE not in (cache / "mine/0123/thesis" / MARKER).read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["burn"], "unknown action 'burn'"),
        (["clear", "--kind", "spool"], "did you mean spools"),
        (["clear", "--older-than", "30"], "--older-than = '30': must be a number and a unit"),
        (["clear", "--older-than", "-3d"], "must be a number and a unit"),
        (["clear", "--older-than", "nand"], "must be a number and a unit"),
        (["list", "--cache", "FILE"], "must be a folder"),
    ],
)
def test_bad_words_are_one_message_and_remove_nothing(cache, capsys, words, message):
    words = [str(cache / "thesis.txt") if word == "FILE" else word for word in words]
    more = [] if "--cache" in words else ["--cache", cache]
    assert run("cache", *words, *more) == 2
    assert message.lower() in " ".join(capsys.readouterr().err.split()).lower()
    assert len(contents(cache)) == 7
