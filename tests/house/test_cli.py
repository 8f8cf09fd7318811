"""The command line: one message and exit code 2 for what the user can mend, clean output for programs."""

import errno
import json
import os
import subprocess
import sys

import pytest
import typer
from rich.text import Text

from rosettalaw import cli, save
from rosettalaw.cli.output import grid, plain, print_table
from rosettalaw.errors import InputError
from rosettalaw.results import dataset


def rosettalaw(*arguments, **settings):
    command = [sys.executable, "-m", "rosettalaw", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **settings)


def commands():
    return typer.main.get_command(cli.app).commands


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_shows_a_call_that_works(name):
    shown = f"{commands()[name].epilog} {commands()[name].help}"
    assert f"rosettalaw {name}" in shown, shown


@pytest.mark.parametrize("name", sorted(commands()))
def test_no_word_of_the_help_is_taken_for_markup(name):
    for parameter in commands()[name].params:
        words = getattr(parameter, "help", None) or ""
        assert Text.from_markup(words).plain == words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predct"], "Did you mean 'predict'"),
        (["predict", "--bta", "2"], "--beta"),
        (["predict", "--beta", "2"], "--neurons"),
        (["predict", "--beta", "two", "--neurons", "8"], "two"),
        (["predict", "--beta", "2", "--neurons", "1:2"], "start:stop:number"),
        (["train", "quikstart"], "did you mean quickstart"),
        (["train", "quickstart", "--family", "gtp2"], "did you mean gpt2"),
        (["demo", "--ladder", "no/such.toml"], "no such ladder file"),
        (["fit", "no-such.csv"], "no-such.csv"),
    ],
)
def test_one_message_and_exit_code_two(arguments, message):
    done = rosettalaw(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "--beta", "2", "--neurons", "1:9:99999999999999999999"], "a range needs 1 to 10,000,000 points"),
        (["simulate", "--seed", "-1"], "--seed"),
        (["match", "a.npy", "b.npy", "--q", "1"], "--q = 1.0: must be between 0 and 1"),
        (["match", "a.npy", "b.npy", "--untrained", "3"], "--untrained = '3': applies to checkpoints"),
        (["match", "a.npy", "b.npy", "--weights", "bfloat16"], "--weights = 'bfloat16': applies to checkpoints"),
        (["match", "a", "b", "--images", "x", "--weights", "float16"], "vision models compute in float32"),
        (["match", "a.npy", "b.npy", "--text", "pile.jsonl"], "--text = 'pile.jsonl': applies to checkpoints"),
        (["match", "a.npy", "b.npy", "--timestep", "3"], "--timestep = 3: applies to --images"),
        (["match", "a.npy", "folder"], "must be two files of activations or two checkpoints"),
        (["plan", "--neurons-a", "nan", "--neurons-b", "9", "--positions", "9"], "--neurons-a = nan: must be between"),
        (["plan", "--neurons-a", "9", "--neurons-b", "9", "--positions", "inf"], "--positions = inf: must be between"),
        (["ladder", "quickstart", "--categories", "no-such.csv"], "no-such.csv: no such file of categories"),
        (["compare", "--no-references"], "nothing to compare"),
        (["fit", "counts.csv", "--posterior", "3"], "--posterior = 3: must be 0, or at least 100"),
    ],
)
def test_values_that_cannot_be_are_refused_before_anything_is_computed(arguments, message, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    told = capsys.readouterr()
    assert (left.value.code, told.out) == (2, "")
    assert message in told.err
    assert told.err.count("\n") == 1


def test_a_study_does_not_replace_what_it_is_made_from(tmp_path, capsys):
    pairs = save(dataset("pairs", {"raw_count": 3}), tmp_path / "pairs.nc")
    before = pairs.read_bytes()
    with pytest.raises(SystemExit):
        cli.main(["judge", str(pairs), "--images", str(tmp_path), "--out", str(pairs)])
    assert f"--out = '{pairs}': is the same file as the input {pairs}; must be another file" in capsys.readouterr().err
    assert pairs.read_bytes() == before


def test_interruption_says_how_to_go_on(monkeypatch, capsys):
    monkeypatch.setattr(typer.main, "get_command", lambda app: lambda **settings: 130)
    with pytest.raises(SystemExit) as left:
        cli.main([])
    assert left.value.code == 130
    told = capsys.readouterr().err
    assert "run the same command again" in told
    assert told.count("\n") == 1


FILES = """
sweep --beta 2 --neurons 8 --out
derive --latex
simulate --out
toy --out
match a.npy b.npy --out
view pairs.nc --out
judge pairs.nc --images photographs --out
filter --selection
compare --figure
report results --out
"""
FOLDERS = """
toy --cache
train quickstart --cache
ladder quickstart --cache
ladder quickstart --out
judge pairs.nc --images photographs --cache
filter --cache
filter --out
figures --out
demo --cache
demo --out
"""


def refused(call, path, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([*call.split(), str(path)])
    told = capsys.readouterr()
    assert (left.value.code, told.out) == (2, "")
    assert told.err.startswith(f"error: {call.split()[-1]} = '{path}'")
    return told.err


@pytest.mark.parametrize("call", FILES.strip().splitlines() + FOLDERS.strip().splitlines())
def test_a_place_that_cannot_be_written_is_refused_before_anything_else(call, tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    assert f"{tmp_path}/file is a file" in refused(call, tmp_path / "file/deep/x", capsys)
    if call in FILES:
        assert "is a folder; must name a file. Try:" in refused(call, tmp_path, capsys)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert f"must be in a writable folder; {tmp_path} is not" in refused(call, tmp_path / "x", capsys)


RESULTS = """
sweep --beta 2 --neurons 8 --out
simulate --out
toy --out
match a.npy b.npy --out
judge pairs.nc --images photographs --out
"""


@pytest.mark.parametrize("call", RESULTS.strip().splitlines())
def test_a_result_replaces_no_other_file(call, tmp_path, capsys):
    foreign = tmp_path / "foreign.nc"
    foreign.write_text("my thesis")
    told = refused(call, foreign, capsys)
    assert "must be a new file, or a result of rosettalaw to replace" in told
    assert told.rstrip().endswith("Try: another --out")
    assert foreign.read_text() == "my thesis"


@pytest.mark.parametrize(
    ("call", "name"),
    [("ladder quickstart", "results.nc"), ("demo", "results.nc"), ("filter", "filtering.nc"),
     ("demo --vision", "denoising-seeds/results.nc")],
)  # fmt: skip
def test_a_folder_of_results_keeps_other_files(call, name, tmp_path, capsys):
    foreign = tmp_path / name
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text("my thesis")
    with pytest.raises(SystemExit) as left:
        cli.main([*call.split(), "--out", str(tmp_path)])
    assert left.value.code == 2
    assert f"error: --out = '{foreign}': must be a new file" in capsys.readouterr().err
    assert foreign.read_text() == "my thesis"


def test_every_option_that_names_a_place_to_write_is_tested():
    tested = {(call.split()[0], call.split()[-1]) for call in (FILES + FOLDERS).strip().splitlines() if call}
    places = {"--out", "--cache", "--latex", "--figure", "--selection"}
    there = {(name, option) for name in commands() for p in commands()[name].params for option in places & set(p.opts)}
    assert tested == there - {("cache", "--cache")}  # a folder that is listed, in which nothing is written


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENAMETOOLONG])
def test_what_the_system_refuses_is_one_message(number, monkeypatch, capsys):
    def refuse(**settings):
        raise OSError(number, os.strerror(number), "some/file")

    monkeypatch.setattr(typer.main, "get_command", lambda app: refuse)
    with pytest.raises(SystemExit) as left:
        cli.main([])
    assert left.value.code == 2
    full = "the disk is full; free some space and run the same command again"
    reason = full if number == errno.ENOSPC else os.strerror(number)
    assert capsys.readouterr().err == f"error: some/file: {reason}\n"


def test_a_reader_that_has_seen_enough_is_no_error():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        command = [sys.executable, "-m", "rosettalaw", "predict", "--beta", "2", "--neurons", "1:9:999", "--json"]
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True)
    assert "Traceback" not in done.stderr


def test_json_is_alone_on_standard_output():
    done = rosettalaw("predict", "--beta", "1.6", "--neurons", "1024", "--json")
    assert json.loads(done.stdout)[0]["neurons"] == 1024
    assert done.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_greek_gets_an_answer(encoding):
    settings = {**os.environ, "PYTHONIOENCODING": encoding}
    done = rosettalaw("predict", "--beta", "2", "--neurons", "64", env=settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert "? = 2" in done.stdout
    assert "15.7" in done.stdout
    refused = rosettalaw("predict", "--beta", "2", "--neurons", "β", env=settings)
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: --neurons = '?'")
    code = "from rosettalaw.cli.output import print_json; print_json({'β': 'é'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=settings, check=True)
    assert json.loads(done.stdout) == {"β": "é"}


def test_grids():
    assert grid("--beta", "1.5") == [1.5]
    assert grid("--beta", "1,2,4:6:3") == [1, 2, 4, 5, 6]
    assert grid("--neurons", "1:100:3:log") == pytest.approx([1, 10, 100])
    with pytest.raises(InputError, match="positive ends for :log"):
        grid("--neurons", "0:100:3:log")
    with pytest.raises(InputError, match="must be numbers separated by commas"):
        grid("--neurons", "many")


def test_plain_has_no_nan_and_no_numpy():
    import numpy as np

    value = {"a": np.float64("nan"), "b": np.arange(2), "c": (np.int64(3), True, None), "d": float("inf")}
    assert json.dumps(plain(value)) == '{"a": null, "b": [0, 1], "c": [3, true, null], "d": null}'


def test_text_in_a_table_is_not_markup(capsys):
    print_table([{"name": "[red]x[/red]"}])
    assert "[red]x[/red]" in capsys.readouterr().out


@pytest.mark.parametrize("columns", ["30", "60", "200"])
def test_no_number_of_a_table_is_cut_where_the_terminal_is_narrow(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes it for a terminal
    records = [{f"quantity {i}": 0.1234 + i for i in range(7)}]
    print_table(records)
    shown = Text.from_ansi(capsys.readouterr().out).plain
    assert "…" not in shown
    assert all(f"{0.1234 + i:.4g}" in shown for i in range(7))
    assert ("│" in shown) == (columns == "200")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("16,384", "--neurons 16,384: read as the two numbers 16 and 384; one number is written 16384"),
        ("9,216", "one number is written 9216"),
        ("262,144", "one number is written 262144"),
        *((plain, "") for plain in ("128,256", "256,512", "64,128", "64,128,256", "16384", "2,5,20")),
    ],
)
def test_a_comma_that_may_stand_between_thousands_is_said(text, words, capsys):
    assert grid("--neurons", text) == [float(part) for part in text.split(",")]
    said = capsys.readouterr().err
    assert words in said
    assert bool(said) == bool(words)
