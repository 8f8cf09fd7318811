"""Starts that go wrong: variables of torchrun that make no sense, Ctrl-C while modules are imported, ladder files."""

import builtins

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rosettalaw import __main__, cli, console
from rosettalaw.empirical.checkpoints.completeness import require_sizes
from rosettalaw.empirical.config import LONGEST_FILE, read_table
from rosettalaw.empirical.language.families import open_ladder
from rosettalaw.empirical.matching.machine import distributed
from rosettalaw.errors import ForeignFileError, InputError, RosettaError

FUZZ = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
WHOLE = {
    "WORLD_SIZE": "2",
    "RANK": "1",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
}


@pytest.fixture
def torchrun(monkeypatch):
    """Return a function that sets the variables; processes are joined only in name."""
    joined = []
    monkeypatch.setattr(torch.distributed, "init_process_group", joined.append)
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: None)

    def start(**changes):
        for name, value in (WHOLE | changes).items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        with distributed.started():
            return list(joined)

    return start


def test_variables_that_make_sense(torchrun):
    assert torchrun() == ["gloo"]
    assert torchrun(LOCAL_RANK=None, LOCAL_WORLD_SIZE=None) == ["gloo", "gloo"]
    for alone in ("1", None):
        assert torchrun(WORLD_SIZE=alone, RANK="x") == ["gloo", "gloo"]


@pytest.mark.parametrize("name", ["WORLD_SIZE", "RANK", "LOCAL_WORLD_SIZE", "MASTER_PORT"])
@pytest.mark.parametrize("value", ["abc", "-1", "1.5", "²", " 1", "9" * 5000, "1e3", "0x1"])
def test_variables_that_are_no_number_are_named(torchrun, name, value):
    with pytest.raises(InputError, match=rf"^{name} = .*must be a whole number from .*unset WORLD_SIZE"):
        torchrun(**{name: value})
    assert console._rank() >= 0


@pytest.mark.parametrize(
    "changes", [{"RANK": "2"}, {"WORLD_SIZE": "0"}, {"LOCAL_WORLD_SIZE": "3"}, {"MASTER_PORT": "0"}]
)
def test_variables_that_contradict_each_other_are_named(torchrun, changes):
    with pytest.raises(InputError, match=f"^{next(iter(changes))} = "):
        torchrun(**changes)


@pytest.mark.parametrize("name", ["RANK", "MASTER_ADDR", "MASTER_PORT"])
@pytest.mark.parametrize("value", [None, ""])
def test_variables_that_are_missing_are_named(torchrun, name, value):
    with pytest.raises(InputError, match=rf"{name} = '': is not set, and WORLD_SIZE says that"):
        torchrun(**{name: value})


@pytest.mark.parametrize("error", [RuntimeError("no\nroute"), ValueError(""), OSError(111, "refused")])
def test_processes_that_cannot_reach_each_other_say_so(torchrun, monkeypatch, error):
    def fail(backend):
        raise error

    monkeypatch.setattr(torch.distributed, "init_process_group", fail)
    with pytest.raises(RosettaError, match=r"the 2 processes cannot reach .* 127\.0\.0\.1:29500 \([^\n]*\)$"):
        torchrun()


def test_ctrl_c_while_the_command_line_is_imported_is_a_message(monkeypatch, capsys):
    whole = builtins.__import__

    def interrupted(name, globals=None, locals=None, fromlist=(), level=0):
        if name == "cli" and level == 1:
            raise KeyboardInterrupt
        return whole(name, globals, locals, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", interrupted)
    monkeypatch.setattr(__main__.signal, "signal", lambda number, handler: None)  # of this process
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted before anything was started\n"


# ---------------------------------------------------------------------------------------------------------------------
# Files that describe something


@pytest.mark.parametrize("content", [b"a = " + b"[" * 100_000, b"\xff", b"a = 1\na = 2", b"\x00", b"x" * 10])
def test_files_that_are_no_ladder_are_named(tmp_path, content):
    (tmp_path / "x.toml").write_bytes(content)
    with pytest.raises(ForeignFileError, match=r"x\.toml: not a TOML file"):
        read_table(tmp_path / "x.toml")


def test_a_ladder_file_without_end_is_refused(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(b"#" * (LONGEST_FILE + 1))
    with pytest.raises(ForeignFileError, match="longer than 1 MiB, so not a ladder file"):
        read_table(path)


LADDER = """
name = "a"
description = ""
corpus = "python"
held_out = 0.2
[training]
tokens = 1000
[measurement]
[[family]]
name = "one"
architecture = "gpt2"
vocabulary = 300
[[rung]]
width = 8
layers = 1
"""
SCALARS = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.sampled_from(['"../x"', '"gpt2"', "[]", "{}", "[[1]]", "inf", "nan", "1979-05-27"]),
)


@given(st.integers(1, 14), SCALARS.map(lambda value: str(value).lower() if isinstance(value, bool) else str(value)))
@example(3, "[" * 3000)
@FUZZ
def test_any_value_in_a_ladder_file_is_taken_or_named(tmp_path, line, value):
    lines = LADDER.splitlines()
    if "=" in lines[line]:
        lines[line] = f"{lines[line].split('=')[0]}= {value}"
    (tmp_path / "x.toml").write_text("\n".join(lines))
    try:
        open_ladder(tmp_path / "x.toml")
    except RosettaError as error:
        message = str(error)
    else:
        return
    assert "x.toml" in message


class Config:
    def __init__(self, **sizes):
        vars(self).update(sizes)


SIZES = ["num_hidden_layers", "hidden_size", "image_size", "patch_size", "num_channels", "depths", "block_out_channels"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("value", [10**9, -5, 0, 1.5, "3", True, [10**9], [3, -2], [1] * 2000])
def test_absurd_sizes_in_a_configuration_are_refused_before_it_is_built(size, value):
    with pytest.raises(RosettaError, match=f"m: its config.json says {size} = .*must be a whole number from 1 to"):
        require_sizes("m", Config(**{size: value}))


def test_sizes_of_real_models():
    require_sizes("m", Config(num_hidden_layers=126, hidden_size=16384, vocab_size=128256, num_local_experts=0))
    require_sizes(
        "m", Config(image_size=[224, 224], patch_size=14, depths=[2, 2, 18, 2], type_vocab_size=0, head_dim=None)
    )


def test_a_current_folder_that_was_removed_is_said(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(SystemExit) as ended:
        cli.main(["predict", "--beta", "2", "--neurons", "100"])
    assert ended.value.code == 2
    assert "the current folder no longer exists" in capsys.readouterr().err
