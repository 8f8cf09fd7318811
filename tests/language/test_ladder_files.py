"""Ladder files to begin with, and what one asks for before anything is measured."""

import json
import re
from dataclasses import replace

import pytest
import torch
from transformers import GPT2Config, OPTConfig

import rosettalaw as rl
from rosettalaw import cli
from rosettalaw.empirical.config import Measurement
from rosettalaw.empirical.ladder.models import open_checkpoint_ladder
from rosettalaw.empirical.ladder.preview import preview
from rosettalaw.empirical.ladder.template import TEMPLATE, write_template
from rosettalaw.errors import InputError, RosettaError
from rosettalaw.loop.ladder import models_of

PAIR = 'models = ["{}", "{}"]'


@pytest.fixture
def file(tmp_path):
    """A file of two rungs, whose models are configurations alone: nothing may open their weights."""
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "one.txt").write_text("words " * 400)
    for layers in (1, 3):
        GPT2Config(n_embd=8, n_layer=layers, n_head=2, vocab_size=50).save_pretrained(tmp_path / f"gpt{layers}")
        sizes = {"hidden_size": 8, "ffn_dim": 20, "num_hidden_layers": layers, "num_attention_heads": 2}
        OPTConfig(vocab_size=50, word_embed_proj_dim=8, **sizes).save_pretrained(tmp_path / f"opt{layers}")
    rungs = "".join(f"[[rung]]\n{PAIR.format(f'gpt{layers}', f'opt{layers}')}\n" for layers in (1, 3))
    (tmp_path / "mine.toml").write_text(f'name = "mine"\ntext = "text"\n[measurement]\ntokens = 1000\n{rungs}')
    return tmp_path / "mine.toml"


def test_sizes_come_from_configurations(file):
    small, large = preview(str(file))
    assert (small.neurons, large.neurons) == ((4 * 8, 20), (3 * 4 * 8, 3 * 20))  # layers × width of the MLP
    assert small.title == " × ".join(str(file.parent / name) for name in ("gpt1", "opt1"))
    assert small.pairs == 1
    assert large.disk_bytes == 4 * 1000 * (96 + 60)
    assert 0 < small.seconds < large.seconds


def test_a_ladder_of_families_is_counted_with_its_seeds():
    rungs = preview("quickstart")
    assert [rung.neurons for rung in rungs] == [(8 * width,) * 2 for width in (16, 24, 32, 64)]  # 2 layers of 4 widths
    assert {rung.pairs for rung in rungs} == {4}  # two seeds of either family
    assert rungs[0].disk_bytes == 4 * 60_000 * 4 * 128  # float32 × positions × networks × neurons
    with pytest.raises(InputError, match="--text = 'x': models trained here"):
        preview("quickstart", "x")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "CUDA", ""])
def test_a_device_that_torch_does_not_know_is_refused_before_anything_is_opened(device, file):
    text = file.read_text().replace("[measurement]", f'[measurement]\ndevice = "{device}"')
    file.write_text(text)
    with pytest.raises(InputError, match=rf"device = '{device}': must be a device in torch's words.*device = \"cuda\""):
        preview(str(file))


def test_every_kind_of_device_of_torch_may_be_said():
    """Those that torch itself lists; it is about to remove mkldnn, and older ones list ort."""
    with pytest.raises(RuntimeError) as refused:
        torch.device("nonsense")
    listed = re.search(r"Expected one of (.+?) device", str(refused.value))[1].split(", ")
    assert len(listed) > 10
    for kind in set(listed) - {"mkldnn", "ort"}:
        assert Measurement(tokens=100, device=f"{kind}:1").device == f"{kind}:1"


def test_what_cannot_be_opened_is_named(file):
    (file.parent / "opt3" / "config.json").unlink()
    with pytest.raises(RosettaError, match="opt3"):
        preview(str(file))
    for lacking in ("none", str(file.parent / "none.toml")):
        with pytest.raises(RosettaError, match="none"):
            preview(lacking)


def test_the_command(file, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["ladder", str(file), "--check", "--json"])
    assert ended.value.code == 0
    assert [rung["neurons"] for rung in json.loads(capsys.readouterr().out)["rungs"]] == [[32, 20], [96, 60]]
    assert not (file.parent / "results").exists()
    with pytest.raises(SystemExit):
        cli.main(["ladder"])
    assert "names no ladder. Try: rosettalaw ladder --template mine.toml" in capsys.readouterr().err


def test_the_machine_may_be_given_in_place_of_the_files(file, capsys):
    given = {"device": "cuda", "weights": "bfloat16", "engine": "screened", "device_map": "auto"}
    words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]
    measured = models_of(str(file), machine=given).measurement
    assert measured == replace(Measurement(tokens=1000), **given)
    with pytest.raises(SystemExit) as ended:
        cli.main(["ladder", str(file), "--check", *words])
    assert ended.value.code == 0
    for option, rule in (
        ("--weights", "float32, bfloat16"),
        ("--engine", "auto, exact, certified, screened"),
        ("--device-map", "auto"),
    ):
        with pytest.raises(SystemExit):
            cli.main(["ladder", str(file), "--check", option, "nonsense"])
        assert re.search(f"{option[2:]} = 'nonsense': must be one of {rule}", capsys.readouterr().err)
    file.write_text(file.read_text().replace("tokens = 1000", 'tokens = 1000\nengine = "exakt"'))
    with pytest.raises(
        InputError, match=r"mine\.toml: engine = 'exakt': must be one of auto, exact, certified, screened"
    ):
        preview(str(file))


def test_the_machine_may_be_given_in_python_too(file, monkeypatch):
    given = {"device": "cuda", "weights": "bfloat16", "engine": "screened", "device_map": "auto"}
    given |= {"allow_pickle_weights": True}
    seen = []
    monkeypatch.setattr("rosettalaw.empirical.ladder.measure.measure_ladder", lambda ladder, *_: seen.append(ladder))
    monkeypatch.setattr("rosettalaw.interface.counting.LadderResult", lambda dataset: dataset)
    for ladder in (str(file), models_of(str(file))):
        rl.measure_ladder(ladder, **given)
        assert seen.pop().measurement == replace(Measurement(tokens=1000), **given)
        rl.measure_ladder(ladder)
        assert seen.pop().measurement == Measurement(tokens=1000)
        for name, rule in (("weights", "float32, bfloat16"), ("engine", "auto, exact"), ("device_map", "auto")):
            with pytest.raises(InputError, match=f"{name.split('_')[0]}.* = 'nonsense': must be one of {rule}"):
                rl.measure_ladder(ladder, **{name: "nonsense"})
    with pytest.raises(InputError, match=r"engine = 3: must be text or None\. Try: measure_ladder\("):
        rl.measure_ladder(str(file), engine=3)
    assert not seen


def test_the_template_is_a_ladder_file(tmp_path):
    path = write_template(tmp_path / "new.toml")
    (tmp_path / "pile.jsonl.zst").mkdir()
    (tmp_path / "pile.jsonl.zst" / "one.txt").write_text("words " * 400)
    ladder = open_checkpoint_ladder(path)
    assert [rung.models[0] for rung in ladder.rungs] == [
        f"EleutherAI/pythia-{size}" for size in ("160m", "410m", "1.4b")
    ]
    with pytest.raises(InputError, match="exists and is not replaced"):
        write_template(path)


def test_every_line_of_the_template_may_be_uncommented(tmp_path):
    """An offered entry is taken; where it says a default, it is the default."""
    text = re.sub(r"^# (\w+ = )", r"\1", TEMPLATE.format(name="new.toml"), flags=re.MULTILINE)
    assert text.count("\nseeds = ") == 1
    (tmp_path / "categories.csv").write_text("subset,category\nx,prose\n")
    (tmp_path / "pile.jsonl.zst").mkdir()
    (tmp_path / "pile.jsonl.zst" / "one.txt").write_text("words " * 400)
    (tmp_path / "new.toml").write_text(text)
    ladder = open_checkpoint_ladder(tmp_path / "new.toml")
    assert ladder.rungs[0].seeds == (0, 1)
    assert ladder.measurement == Measurement(tokens=1_000_000)
