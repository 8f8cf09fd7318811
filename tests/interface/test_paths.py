"""Paths that are blank, addresses of the web, or begin with the home folder: one message, or that folder."""

from pathlib import Path

import numpy as np
import pytest

import rosettalaw as rl
from rosettalaw import cli
from rosettalaw.arguments import on_disk

A = np.random.default_rng(0).standard_normal((50, 4))
MATCHING = {"nulls": {}, "progress": False}
VERBS = {
    "fit": (rl.fit, "neurons"),
    "fit several": (lambda path: rl.fit(["a.nc", path]), r"neurons\[1\]"),
    "forecast": (lambda path: rl.forecast(path, 1000), "counts"),
    "compare": (lambda path: rl.compare("a.csv", path), r"sources\[1\]"),
    "compare a list": (lambda path: rl.compare([path, "a.csv"]), r"sources\[0\]"),
    "compare by name": (lambda path: rl.compare({"mine": path}), r"sources\['mine'\]"),
    "load": (rl.load, "path"),
    "save": (lambda path: rl.save(rl.predict([1024], beta=1.6), path), "path"),
    "match": (lambda path: rl.match(A, path, **MATCHING), "b"),
    "match to": (lambda path: rl.match(A, A, out=path, **MATCHING), "out"),
    "several": (lambda path: rl.match_several([A, path, A], **MATCHING), "1"),
    "several to": (lambda path: rl.match_several([A, A, A], out=path, **MATCHING), "out"),
    "text": (lambda path: rl.match("model", "model", text=path, **MATCHING), "text"),
    "ladder": (rl.measure_ladder, "ladder"),
    "ladder to": (lambda path: rl.measure_ladder("quickstart", path), "out"),
    "ladder's cache": (lambda path: rl.measure_ladder("quickstart", cache=path), "cache"),
}


@pytest.mark.parametrize(("call", "argument"), VERBS.values(), ids=VERBS)
@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("", "must name a file or a folder; it is blank"),
        (" \t", "must name a file or a folder; it is blank"),
        ("a\0b.nc", "contains a NUL character"),
        ("https://example.org/a.nc", "must be a path on a disk, not an address of the web"),
        (Path("s3://bucket/a.nc"), "must be a path on a disk, not an address of the web"),
    ],
)
def test_no_path_is_one_message_that_names_the_argument(call, argument, path, rule, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(rl.InputError, match=rf"^{argument} = .*{rule}.* Try: "):
        call(path)
    assert not list(tmp_path.iterdir())


def test_the_home_folder_stands_for_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    law = rl.fit([128, 256, 512], [21, 33, 48])
    (tmp_path / "counts.csv").write_text("neurons,count\n128,21\n256,33\n512,48\n")
    assert rl.fit("~/counts.csv").exponent == rl.fit(Path("~/counts.csv")).exponent == law.exponent
    assert rl.compare("~/counts.csv")[0].analysis.power_law.exponent == law.exponent
    assert rl.save(law.to_dataset(), "~/law.nc") == tmp_path / "law.nc"
    assert rl.load("~/law.nc") == law
    matched = rl.match(A, A, out="~/pairs.nc", **MATCHING)
    assert rl.load(tmp_path / "pairs.nc") == matched
    np.save(tmp_path / "a.npy", A)
    assert rl.match("~/a.npy", A, **MATCHING).raw_count == matched.raw_count


def test_names_that_only_look_alike_are_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("~nobody-of-this-name/a", "org/model", "a~b", "c:/data", ".", " a", 3, None):
        assert on_disk("path", name, "") == name
    (tmp_path / "s3:").mkdir()
    (tmp_path / "s3:" / "a.csv").write_text("neurons,count\n128,21\n256,33\n512,48\n")
    assert rl.fit("s3:/a.csv").counts.tolist() == [21, 33, 48]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (["fit", ""], "COUNTS"),
        (["fit", " "], "COUNTS"),
        (["compare", "a.csv", ""], "RESULTS"),
        (["forecast", "", "--neurons", "9"], "COUNTS"),
        (["report", ""], "RESULTS"),
        (["figures", "--out", ""], "--out"),
        (["figures", "--out="], "--out"),
        (["demo", "--cache", " "], "--cache"),
        (["sweep", "--beta", "1.6", "--neurons", "9", "--out", ""], "--out"),
    ],
)
def test_a_blank_path_on_the_command_line_is_one_message(line, name, tmp_path, monkeypatch, capsys):
    if line[0] == "demo":  # without torch it says so first
        pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(line)
    assert ended.value.code == 2
    assert "must name a file or a folder; it is blank. Try: rosettalaw " in (said := capsys.readouterr().err)
    assert said.startswith("error: ")
    assert name.strip("-").lower() in said.lower()
    assert not list(tmp_path.iterdir())


WEB = "https://host/x.csv"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (["fit", WEB], "COUNTS"),
        (["forecast", WEB, "--neurons", "9"], "COUNTS"),
        (["triangle", WEB], "PAIRS"),
        (["compare", "a.csv", WEB], "RESULTS"),
        (["report", WEB], "RESULTS"),
        (["figures", WEB], "RESULTS"),
        (["view", WEB], "SOURCE"),
        (["judge", WEB, "--images", "."], "PAIRS"),
        (["ladder", WEB], "LADDER"),
        (["ladder", "quickstart", "--text", WEB], "--text"),
        (["ladder", "--template", WEB], "--template"),
        (["match", WEB, "b.npy"], "A"),
        (["match", "a.npy", WEB], "B"),
        (["match", "a.npy", "b.npy", "c.npy", WEB], "OTHERS"),
        (["match", "a.npy", "b.npy", f"--documents={WEB}"], "--documents"),
        (["match", "a.npy", "b.npy", "--out", "s3://bucket/x.nc"], "--out"),
        (["filter", "a", "b", "--text", WEB], "--text"),
        (["design", "--from", WEB], "--from"),
        (["demo", "--out", WEB], "--out"),
        (["train", "quickstart", "--cache", WEB], "--cache"),
        (["sweep", "--beta", "1.6", "--neurons", "9", "--out", WEB], "--out"),
        (["cache", "--cache", WEB], "--cache"),
        (["cache", "clear", "--cache", WEB], "--cache"),
    ],
    ids=" ".join,
)
def test_an_address_on_the_command_line_is_one_message(line, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(line)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    rule = "must be a path on a disk, not an address of the web. Try: the path of a copy on a disk"
    assert said.startswith(f"error: {name} = ")
    assert rule in " ".join(said.split())
    assert not list(tmp_path.iterdir())


def test_an_option_with_its_value_in_one_word_knows_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for number, out in enumerate((["--out=~/0.nc"], ["--out", "~/1.nc"])):
        with pytest.raises(SystemExit):
            cli.main(["sweep", "--beta", "1.6", "--neurons", "1000,2000", *out])
        assert (tmp_path / f"{number}.nc").is_file()
