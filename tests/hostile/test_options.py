"""Options whose values are out of all proportion are refused by one message that names them, before any work."""

import pathlib

import numpy as np
import pytest

from rosettalaw import cli

HUGE = 10**29


@pytest.fixture
def arrays(tmp_path):
    rng = np.random.default_rng(0)
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", rng.standard_normal((120, 6)))
    return [str(tmp_path / f"{name}.npy") for name in "ab"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--k", HUGE], "k = 1"),
        (["--k", 7], "k = 7: must be at most the number of neurons, 6"),
        (["--null-permutations", 10**18], "must be from 0 to 100,000"),
        (["--jackknife", HUGE], "jackknife"),
        (["--contexts", 10**18], "must be from 0 to 1000"),
        (["--memory", "1e999"], "must be an amount of memory"),
        (["--memory", "1e30GB"], "must be an amount of memory"),
        (["--memory", "0.2"], "must be an amount of memory"),
        (["--pattern-a", "layers.*.mlp"], "--pattern-a = 'layers.*.mlp': applies to checkpoints"),
        (["--device-map", "auto"], "--device-map = 'auto': applies to checkpoints"),
        (["--allow-pickle-weights"], "--allow-pickle-weights = 'True': applies to checkpoints"),
    ],
)
def test_sizes_of_a_matching(options, message, arrays, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["match", *arrays, *map(str, options)])
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ")
    assert message in said


WRONG = {
    "--null": ("wrong:3", "unknown null 'wrong'"),
    "--null ": ("shift:x", "must have a whole number of draws"),
    "--engine": ("fast", "unknown engine 'fast'"),
    "--compute": ("int4", "unknown precision 'int4'"),
    "--spool": ("int8", "must be float32 or float16"),
    "--jackknife": (1, "must be between 2 and"),
    "--k": (0, "k = 0: must be at least 1"),
    "--device": ("tpu", "must be a device in torch's words"),
    "--tokens": (0, "must be at least 1"),
    "--weights": ("float8", "must be one of float32"),
    "--site": ("wrong", "unknown --site 'wrong'"),
    "--untrained": (10**18, "must be from 0 to 100,000"),
    "--null-permutations": (10**18, "must be from 0 to 100,000"),
}


@pytest.mark.parametrize("option", WRONG)
@pytest.mark.parametrize("others", [(), ("c",)])
def test_options_of_a_matching_are_refused_before_models_and_text(option, others, capsys, monkeypatch):
    """Neither is looked for: it could take minutes to read them."""
    monkeypatch.setattr("rosettalaw.empirical.corpora.texts.open_texts", None)
    monkeypatch.setattr("rosettalaw.empirical.checkpoints.hub.open_config", None)
    value, message = WRONG[option]
    with pytest.raises(SystemExit) as ended:
        cli.main(["match", "owner/a", "owner/b", *others, option.strip(), str(value)])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("view owner/a owner/b --tokens 0", "--tokens = 0: must be at least 1"),
        ("view ./no owner/b", "./no: no such folder"),
        ("plan --neurons-a 9 --neurons-b 9 --positions 99 --memory x", "--memory = 'x': must be an amount of memory"),
    ],
)
def test_options_are_refused_before_anything_is_opened_or_measured(words, message, capsys, monkeypatch):
    monkeypatch.setattr("rosettalaw.empirical.viewer.language_page.open_text", None)
    monkeypatch.setattr("rosettalaw.empirical.matching.rates.device_rates", None)
    with pytest.raises(SystemExit) as ended:
        cli.main(words.split())
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_refused_before_text_is_read(capsys, monkeypatch):
    monkeypatch.setattr("rosettalaw.empirical.corpora.texts.open_texts", None)
    for models in (["/no/a", "owner/b"], ["owner/a", "./no"]):
        with pytest.raises(SystemExit):
            cli.main(["match", *models])
        assert "no such folder. Try: the folder of a checkpoint, or a hub id" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["simulate", "--beta", "2", "--neurons", "64", "--runs", HUGE], "runs"),
        (["sensitivity", "--beta", "2", "--neurons", "64,128", "--runs", HUGE], "runs"),
        (["toy", "--neurons", "8", "--beta", "2", "--seeds", HUGE], "seeds"),
        (["toy", "--neurons", "8", "--beta", "2", "--seeds", 2, "--steps", HUGE], "steps"),
    ],
)
def test_numbers_of_runs(command, message, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(list(map(str, command)))
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith((f"error: {message} = 1{'0' * 29}: must be ", f"error: --{message} = 1{'0' * 29}: must be "))


def kind_of(parameter):
    """Return the Python type of an option, whose place differs between versions of typer."""
    described = getattr(parameter, "type_descriptor", None)
    if described is not None:
        return described.annotation
    name = parameter.type.name
    return int if name.startswith("integer") else pathlib.Path if name in ("path", "file", "directory") else str


def commands():
    """Yield the words of each command with one of its options that take whole numbers."""
    import typer

    group = typer.main.get_command(cli.app)
    for name, command in group.commands.items():
        for parameter in command.params:
            if parameter.param_type_name == "option" and kind_of(parameter) is int:
                yield name, max(parameter.opts, key=len), command


@pytest.mark.parametrize(("name", "option"), sorted({(name, option) for name, option, _ in commands()}))
def test_no_command_takes_a_whole_number_that_no_result_holds(name, option, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = [name]
    command = next(command for one, other, command in commands() if (one, other) == (name, option))
    for parameter in command.params:
        if parameter.required:
            example = str(tmp_path) if issubclass(kind_of(parameter), pathlib.Path) else "2"
            words += [example] if parameter.param_type_name == "argument" else [max(parameter.opts, key=len), example]
    for value in (HUGE, -HUGE):
        with pytest.raises(SystemExit) as ended:
            cli.main([*words, option, str(value)])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert option in said, said


@pytest.mark.parametrize("top", ["nan", "inf", "2.5,5", "1e30", "-inf,5"])
def test_numbers_of_images_are_whole(top, tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["judge", str(tmp_path / "p.nc"), "--images", str(tmp_path), "--top", top])
    assert "error: --top = " in capsys.readouterr().err


@pytest.mark.parametrize("command", ["simulate", "sensitivity"])
def test_simulations_of_extreme_theories(command, capsys):
    """A spectrum so steep that one feature takes all; more features than can be counted."""
    words = [command, "--neurons", "64,128", "--runs", "1", "--inputs", "100"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--beta", "1e29"])
    assert ended.value.code == 0
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--beta", "2", "--gamma", "1e29"])
    assert ended.value.code == 2
    assert "error: --gamma = 1e+29: makes more than 1e+15 features" in capsys.readouterr().err


def test_a_design_without_differences_between_seeds(capsys):
    words = ["design", "--neurons", "128,256,512", "--seeds", "2", "--positions", "20000", "--beta", "1.5"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--seed-sd", "0", "--json"])
    assert ended.value.code == 0, capsys.readouterr().err


def test_studies_refuse_sizes_of_zero_and_ranks_beyond_any_model():
    from rosettalaw.empirical.filtering import FilteringPlan, TuningRecipe
    from rosettalaw.empirical.vision.judging.judgement import JudgingPlan
    from rosettalaw.errors import InputError

    for name in ("subset_size", "validated"):
        with pytest.raises(InputError, match=f"--{name.replace('_', '-')} = 0: must be at least 1"):
            JudgingPlan(**{name: 0})
    with pytest.raises(InputError, match=r"rank = 10+: must be at most 65536"):
        TuningRecipe(rank=HUGE)
    for name in ("budget", "contexts", "match_tokens", "context", "passage", "seed"):
        with pytest.raises(InputError, match=rf"{name} = 10+: must be below 2\^63"):
            FilteringPlan(target="x", **{name: HUGE})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("toy --beta nan", "--beta = nan: must be finite and greater than 0. Try: rosettalaw toy"),
        (
            "simulate --beta 1.5 --runs 0",
            "--runs = 0: must be a whole number from 1 to 1000000. Try: rosettalaw simulate",
        ),
        ("simulate --beta 1.5 --kappa 0", "--kappa = 0.0: must be finite and greater than 0. Try: rosettalaw simulate"),
        ("predict --beta 0 --neurons 10", "--beta = 0.0: must be finite and greater than 0. Try: rosettalaw predict"),
        ("design --seeds 0", "--seeds = 0: must be a whole number from 1 to 1000. Try: --seeds 3"),
        ("fit counts.csv --tau -1", "--tau = -1.0: must be a number greater than 0, such as 1. Try: --tau 1"),
        (
            "forecast counts.csv --neurons 0",
            "--neurons = 0.0: must be a number of neurons, from 1 to 1e+15. Try: --neurons",
        ),
        ("triangle counts.csv --threshold 2", "--threshold = 2.0: must be a correlation between 0 and 1. Try: --thre"),
    ],
)
def test_a_message_of_a_function_names_the_option_and_a_command(line, said, tmp_path, monkeypatch, capsys):
    """A shell runs no ``predict(neurons=…)``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "counts.csv").write_text("neurons,count\n128,21\n256,33\n512,48\n1024,76\n")
    with pytest.raises(SystemExit) as ended:
        cli.main(line.split())
    assert ended.value.code == 2
    assert f"error: {said}" in capsys.readouterr().err
