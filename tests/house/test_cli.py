"""The command line: one message and exit code 2 for what the user can mend, clean output for programs."""

import json
import os
import subprocess
import sys

import pytest
import typer
from rich.text import Text

from rosettalaw import cli
from rosettalaw.cli.output import grid, plain, print_table
from rosettalaw.errors import InputError


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


def test_interruption_says_how_to_go_on(monkeypatch, capsys):
    monkeypatch.setattr(typer.main, "get_command", lambda app: lambda **settings: 130)
    with pytest.raises(SystemExit) as left:
        cli.main([])
    assert left.value.code == 2
    assert "run the same command again to go on" in capsys.readouterr().err


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
