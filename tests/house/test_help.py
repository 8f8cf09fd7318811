"""Help at 80 columns: whole names of options, no type of flags; and completion of the shell."""

import os
import re
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from rosettalaw import cli
from rosettalaw.cli.option_groups import GROUPS, grouped

GROUP = typer.main.get_command(cli.app)
WIDTH = {"COLUMNS": "80", "TERMINAL_WIDTH": "80"}


def shown(*arguments):
    done = CliRunner().invoke(cli.app, [*arguments, "--help"], prog_name="rosettalaw", env=WIDTH)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("name", ["", *sorted(GROUP.commands)])
def test_no_name_is_cut_and_flags_show_no_type(name):
    command = GROUP.commands[name] if name else GROUP
    lines = shown(*filter(None, [name])).splitlines()
    assert max(map(len, lines)) <= 80
    words = {word for line in lines for word in re.split(r"[\s,/]+", line)}
    for parameter in command.params:
        if parameter.param_type_name == "option":
            assert {*parameter.opts, *parameter.secondary_opts} <= words, parameter.name
    assert "<bool" not in "".join(lines).lower()


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_is_an_answer(words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    shown, message = capsys.readouterr()
    assert (ended.value.code, message) == (0, "")
    assert all(f"\n  {name} " in shown for name in cli.COMMANDS)


def test_one_command_is_the_same_alone_as_among_all(capsys):
    for name in ("fit", "cache"):
        with pytest.raises(SystemExit):
            cli.main([name, "--help"])
        alone = capsys.readouterr().out
        with pytest.raises(SystemExit):
            typer.main.get_command(cli.app)([name, "--help"], prog_name="rosettalaw")
        assert capsys.readouterr().out == alone


def test_every_command_is_listed_with_its_whole_first_sentence():
    lines = " ".join(shown().split())
    for name, command in GROUP.commands.items():
        assert f"{name} {' '.join(command.help.partition(chr(10) * 2)[0].split())}" in lines
    for section in set(cli.COMMANDS.values()):
        assert f"{section}:" in lines


@pytest.mark.parametrize(
    ("words", "completed"), [("rosettalaw forec", "forecast"), ("rosettalaw fit --gam", "--gamma")]
)
def test_the_shell_completes_commands_and_options(words, completed):
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1), "_ROSETTALAW_COMPLETE": "complete_bash"}
    done = subprocess.run(
        [sys.executable, "-c", "from rosettalaw.__main__ import main; main()"],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [completed], done.stderr


def test_long_help_is_in_groups_with_the_common_options_first():
    lines = shown("match").splitlines()
    places = [
        lines.index(f"{title}:") for title in ("Arguments", "Options", "Input", "Pairs", "Nulls and errors", "Engine")
    ]
    assert places == sorted(places)
    common = "\n".join(lines[places[1] : places[2]])
    assert all(f"  {name}" in common for name in ("--text", "--tokens", "--null", "--device", "--out", "--json", "-h"))
    assert "--buckets" not in common


@pytest.mark.parametrize("name", GROUPS)
def test_groups_name_options_that_the_command_has_and_each_once(name):
    own = [one.name for one in GROUP.commands[name].params if one.param_type_name == "option"]
    members = [member for words in GROUPS[name].values() for member in words.split()]
    assert len(members) == len(set(members))
    assert set(members) <= set(own)
    parts = grouped(name, own)
    assert sorted(one for names in parts.values() for one in names) == sorted(own)
    assert next(iter(parts)) == "Options"


def test_commands_with_many_options_have_groups():
    many = {name for name, command in GROUP.commands.items() if len(command.params) > 13}
    assert many <= set(GROUPS)
