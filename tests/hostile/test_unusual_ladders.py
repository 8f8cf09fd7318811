"""Ladder files of strangers: one message with file, entry, value, rule and a line that works, before any work."""

import pytest

import rosettalaw as rl
from rosettalaw import cli
from rosettalaw.empirical import nulls
from rosettalaw.empirical.config import MOST_DRAWS, MOST_SEED, Measurement
from rosettalaw.empirical.ladder.models import ModelRung, open_checkpoint_ladder
from rosettalaw.empirical.language.families import Training
from rosettalaw.empirical.language.opening import require_text
from rosettalaw.errors import InputError, RosettaError

FILE = """name = "t"
text = "text.txt"
[measurement]
tokens = 800
[[rung]]
models = ["a", "b"]
[[rung]]
models = ["c", "d"]
"""


def opened(folder, change=("", ""), name="mine.toml"):
    (folder / "text.txt").write_text("some words " * 50)
    (folder / name).write_text(FILE.replace(*change, 1) if change[0] else FILE)
    return open_checkpoint_ladder(folder / name)


WRONG = {
    "no whole number": (("800", "1e3"), "tokens = 1000.0: must be a whole number. Try: tokens = 1_000_000"),
    "text for a number": (("800", '"800"'), "tokens = '800': must be a whole number. Try: tokens = 1_000_000"),
    "a truth value": (("800", "true"), "tokens = True: must be a whole number"),
    "a date": (("800", "1979-05-27"), "tokens = 1979-05-27: must be a whole number"),
    "no tokens": (("800", "0"), "tokens = 0: must be at least 1. Try: tokens = 10000000"),
    "number for a name": (('"t"', "3"), 'name = 3: must be text in quotes. Try: name = "mine"'),
    "number for a truth value": (
        ("tokens", "allow_pickle_weights = 1\ntokens"),
        "= 1: must be true or false. Try: allow",
    ),
    "numbers for layers": (
        ('["a", "b"]', '["a", "b"]\nlayers = [0]'),
        r"layers = 0: must be text in quotes.*\[\"0-5\"\]",
    ),
    "too many draws": (
        ("tokens", "shift = 1000000000\ntokens"),
        "shift = 1000000000: must be at most 100,000. Try: shift",
    ),
    "sizes without end": (("tokens", "data_sizes = 1000000000\ntokens"), "data_sizes = .*must be at most 100"),
    "contexts without end": (
        ("tokens", "contexts = 9223372036854775807\ntokens"),
        "contexts = .*must be at most 10,000",
    ),
    "text without end": (("tokens", "around = 9223372036854775807\ntokens"), "around = .*must be at most 100,000"),
    "partners twice": (("tokens", "partners = [2, 2]\ntokens"), r"partners = \[2, 2\]: must be different values of k"),
    "partners without end": (("tokens", "partners = [2, 100000000]\ntokens"), "partners = .* from 2 to 1,000"),
    "a seed that no result stores": (
        ("tokens", f"seed = {2**63}\ntokens"),
        "seed = .*must be a whole number from 0 to",
    ),
    "a seed of training below 0": (('["a", "b"]', '["a", "b"]\nseeds = [-1, 0]'), "seeds = -1: must be a whole number"),
    "a seed of training too large": (
        ('["a", "b"]', f'["a", "b"]\nseeds = [0, {2**64}]'),
        "seeds = 18446744073709551616",
    ),
    "an option's words": (("tokens", 'device_map = "x"\ntokens'), r"device_map = 'x': .*Try: device_map = \"auto\"$"),
    "another option's words": (
        ("tokens", 'weights = "int8"\ntokens'),
        r"weights = 'int8'.*Try: weights = \"float32\"$",
    ),
    "no model": (
        ('"a", ', '"", '),
        r"models = \['', 'b'\]: must be folders or hub ids, none of them empty. Try: models",
    ),
    "a model twice": (('"a", "b"', '"a", "a"'), "models = .*names a model twice; a network matches itself"),
    "a rung twice": (('"c", "d"', '"a", "b"'), "models = .*rung 2 has the networks of rung 1; counted twice"),
    "a rung twice, relabelled": (
        ('"c", "d"]', '"a", "b"]\nlabel = "x"\nseeds = [3, 4]'),
        "rung 2 has the networks of rung 1",
    ),
    "rungs of other lengths": (('"c", "d"', '"c", "d", "e"'), "of rung 2 must be as many models as those of rung 1, 2"),
    "families of another number": (
        ("text =", 'families = "One"\ntext ='),
        "families = .'One'.: must name the 2 models",
    ),
    "a table that is a number": (('[[rung]]\nmodels = ["c", "d"]', ""), None),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_entry_that_cannot_be_used_is_named_with_its_file(case, tmp_path):
    change, message = WRONG[case]
    if message is None:
        assert len(opened(tmp_path, change).rungs) == 1
        return
    with pytest.raises(InputError, match=rf"^{tmp_path}/mine.toml: .*{message}"):
        opened(tmp_path, change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("text =", "txt ="), r"unknown entry in \S+mine.toml 'txt': did you mean text"),
        (("tokens", "token"), r"unknown entry of \[measurement\] in \S+mine.toml 'token': did you mean tokens"),
        (("models", "model"), r"unknown entry of \[\[rung\]\] in \S+mine.toml 'model': did you mean models"),
        (('models = ["a", "b"]', ""), r"mine.toml: \[\[rung\]\] lacks the entry 'models'. Try: models = \[\"Eleuther"),
        (('name = "t"', ""), r"mine.toml: it lacks the entry 'name'. Try: name = \"mine\"$"),
        (("[measurement]\ntokens = 800", ""), r"it lacks the entry 'measurement'. Try: \[measurement\]$"),
        (
            ("[measurement]\ntokens = 800", "measurement = 3"),
            r"measurement = 3: must be a table.*Try: \[measurement\] on",
        ),
        (('text = "text.txt"', ""), r"mine.toml: text = '': .*--text. Try: text = \"pile.jsonl.zst\"$"),
    ],
)
def test_entries_are_said_in_the_words_of_the_file(change, message, tmp_path):
    with pytest.raises(RosettaError, match=message):
        opened(tmp_path, change)


def test_what_is_no_file_is_said(tmp_path):
    opened(tmp_path)
    with pytest.raises(RosettaError, match=rf"{tmp_path}: a folder, not a ladder file. Try: {tmp_path}/mine.toml"):
        rl.measure_ladder(tmp_path)
    (tmp_path / "other").mkdir()
    with pytest.raises(RosettaError, match=r"other: a folder, not a ladder file. Try: .*/other/ladder.toml"):
        open_checkpoint_ladder(tmp_path / "other")
    for reader in (rl.measure_ladder, open_checkpoint_ladder):
        with pytest.raises(RosettaError, match=r"no such ladder file. Try: rosettalaw ladder --template mine.toml"):
            reader(tmp_path / "none.toml")
        with pytest.raises(RosettaError, match=r"x\.toml: no such ladder file"):
            reader(f"{'x' * 5000}.toml")
    (tmp_path / "real.json").write_text('{"name": "t"}')
    with pytest.raises(RosettaError, match=r"not a TOML file.*Try: rosettalaw ladder --template"):
        open_checkpoint_ladder(tmp_path / "real.json")


@pytest.mark.parametrize("option", [[], ["--check"]])
def test_a_shipped_name_with_a_letter_wrong_is_corrected(option, capsys):
    with pytest.raises(SystemExit):
        cli.main(["ladder", "quikstart", *option])
    assert "unknown ladder 'quikstart': did you mean quickstart?" in capsys.readouterr().err


def test_a_model_whose_name_is_longer_than_names_may_be_is_no_folder(tmp_path):
    assert opened(tmp_path, ('"d"', f'"{"x" * 5000}"')).rungs[1].models[1] == "x" * 5000


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_of_other_editors_are_read(encoding, end, tmp_path):
    opened(tmp_path)
    path = tmp_path / "a b 'q\" é.json"
    path.write_bytes(FILE.replace("\n", end).encode(encoding))
    assert open_checkpoint_ladder(path).rungs == opened(tmp_path).rungs


def test_different_networks_are_no_repeats():
    assert ModelRung(("a", "a"), layers=("0", "1")).read == (("a", "0", ""), ("a", "1", ""))
    ModelRung(("a", "a"), patterns=("up", "down")).require_different_networks()
    with pytest.raises(InputError, match="names a model twice"):
        ModelRung(("a", "a"), layers=("0",)).require_different_networks()


def test_seeds_that_a_result_stores():
    Measurement(seed=MOST_SEED)
    ModelRung(("a", "b"), seeds=(0, MOST_SEED))
    for seeds in ({"seed": MOST_SEED + 1}, {"training_seed": (-1,)}, {"split_seed": 2**70}):
        with pytest.raises(InputError, match="must be a whole number from 0 to"):
            Training(tokens=600, **seeds)
    assert MOST_DRAWS == nulls.MOST_DRAWS


class Config:
    """A configuration of a model of images."""

    model_type = "vit"


def test_a_model_of_images_is_named_before_its_tokenizer_is_looked_for():
    with pytest.raises(
        RosettaError, match=r"^m: reads no text: .*\(vit\) has no vocab_size. Try: rosettalaw match A B"
    ):
        require_text("m", Config())


def test_a_home_of_nobody_is_a_name_like_any_other(tmp_path):
    ladder = opened(tmp_path, ('"d"', '"~no-such-user/d"'))
    assert ladder.rungs[1].models[1] == "~no-such-user/d"
    for call in (rl.measure_ladder, open_checkpoint_ladder, lambda path: rl.match(path, path, progress=False)):
        with pytest.raises(RosettaError, match=r"^~no-such-user/x\.toml: "):
            call("~no-such-user/x.toml")
