"""The commands on vision models: match, judge, demo --vision, on tiny models."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest
import torch
import transformers
from typer.testing import CliRunner

from rosettalaw.cli import app
from rosettalaw.cli.output import plain
from rosettalaw.empirical.vision.families.training import Recipe
from rosettalaw.empirical.vision.judging import endpoint
from rosettalaw.empirical.vision.train_ladder import Pairing, VisionLadder
from rosettalaw.errors import InputError, RosettaError
from rosettalaw.loop.vision import run
from rosettalaw.results import load

SIZE = {"image_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 16}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Two models with grids of 4 × 4 and 2 × 2 cells, that share their weights except for the patches' size."""
    folders = []
    for patch in (8, 16):
        torch.manual_seed(0)
        folder = tmp_path_factory.mktemp(f"vit{patch}")
        config = transformers.ViTConfig(**SIZE, patch_size=patch, intermediate_size=24, initializer_range=0.3)
        transformers.AutoModel.from_config(config).save_pretrained(folder)
        transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
        folders.append(str(folder))
    return folders


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    path = tmp_path_factory.mktemp("many") / "images.npz"
    np.savez(path, images=array, labels=np.arange(40) % 2)
    return path


def call(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def matched(checkpoints, many, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "pairs.nc"
    options = ("--images", many, "--untrained", 1, "--jackknife", 0, "--null-permutations", 1)
    result = call("match", checkpoints[0], checkpoints[0], *options, "--out", out, "--json")
    return out, json.loads(result.stdout)


def test_match_on_images_has_the_result_of_any_other(matched):
    out, record = matched
    assert record["positions"] == 40 * 16
    assert record["count"] == 24
    assert record["calibrated_count"] == 24
    saved = load(out, "pairs")
    np.testing.assert_array_equal(saved["unit_a"], saved["unit_b"])
    assert saved.attrs["number_of_images"] == 40
    assert saved.attrs["modality"] == "vision"


def test_models_of_different_grids_meet_on_the_larger(checkpoints, many):
    result = call("match", *checkpoints, "--images", many, "--jackknife", 0, "--null-permutations", 1, "--json")
    assert json.loads(result.stdout)["positions"] == 40 * 16


def test_judge_prints_rates_and_validation(matched, many, tmp_path):
    out, _ = matched
    # every neuron is matched with itself: some are made strangers, so that there are two populations
    saved = load(out)
    saved["correlation"].values[:12] = 0.0
    from rosettalaw.results import save

    some = save(saved, tmp_path / "some.nc")
    options = ("--images", many, "--top", "2,5", "--subset-size", 2, "--validated", 3)
    result = call("judge", some, *options, "--out", tmp_path / "judged.nc", "--json")
    record = json.loads(result.stdout)
    assert record["judge"] == "offline"
    assert [(row["population"], row["top"]) for row in record["rates"]] == [
        ("rosetta", 2), ("rosetta", 5), ("other", 2), ("other", 5)
    ]  # fmt: skip
    assert all(0 <= row["ci95"][0] <= row["monosemantic"] <= row["ci95"][1] <= 1 for row in record["rates"])
    assert [check["predictions"] for check in record["validation"]] == [30, 30]
    assert load(tmp_path / "judged.nc", "judge").sizes["subset"] == 5
    assert "held-out" in call("judge", some, *options).stdout


def test_judge_wants_two_populations(matched, many):
    with pytest.raises(InputError, match=r"population 'other' = 0"):
        call("judge", matched[0], "--images", many, "--top", "2,5")


def test_judge_tells_the_cost_and_asks_nothing_without_yes(matched, many, monkeypatch, tmp_path):
    monkeypatch.setenv(f"{endpoint.PREFIX}URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv(f"{endpoint.PREFIX}MODEL", "m")
    with pytest.raises(RosettaError, match="no question was sent yet: add --yes"):
        call("judge", matched[0], "--images", many, "--judge", "endpoint", "--prices", "1,2", "--cache", tmp_path)


def test_judge_needs_pairs_above_the_nulls(matched, many, tmp_path):
    from rosettalaw.results import save

    saved = load(matched[0])
    saved["threshold"] = np.nan
    with pytest.raises(InputError, match="has no pair above its nulls"):
        call("judge", save(saved, tmp_path / "none.nc"), "--images", many)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The vision loop on two widths and models that hardly learn."""
    pairings = (Pairing("denoising", "supervised"), Pairing("denoising", "denoising"))
    ladder = VisionLadder("tiny", (8, 16), Recipe(steps=3, batch=8, layers=1), pairings, 40, 1, 1)
    out, cache = tmp_path_factory.mktemp("demo"), tmp_path_factory.mktemp("cache")
    return out, run(out, cache, 1, ladder), lambda: run(out, cache, 1, ladder)


def test_a_finished_vision_demo_is_read_back(demo, monkeypatch):
    """Models, rungs, image sweeps and the comparison with generated images: nothing is computed again."""
    from rosettalaw.empirical.vision import ladder as rungs
    from rosettalaw.empirical.vision import studies

    _, summary, again = demo
    for module in (rungs, studies):
        monkeypatch.setattr(module, "match", lambda *_, **__: pytest.fail("matched again"))
    repeated = again()
    assert plain({**repeated, "seconds": 0}) == plain({**summary, "seconds": 0})


def test_the_vision_demo_leaves_results_that_all_commands_read(demo):
    out, summary, _ = demo
    assert set(summary["pairings"]) == {"denoising-supervised", "denoising-seeds"}
    assert json.loads((out / "summary.json").read_text())["pairings"].keys() == summary["pairings"].keys()
    for name in summary["pairings"]:
        assert load(out / name / "results.nc", "ladder").sizes["rung"] == 6
        assert load(out / name / "images.nc", "image_sweep").sizes["data_size"] >= 2
    assert load(out / "denoising-supervised" / "generated.nc", "image_kinds").sizes["seed"] == 3
    assert not (out / "denoising-seeds" / "generated.nc").exists()
    compared = call("compare", *out.glob("*/results.nc"), "--json").stdout
    assert "denoising-seeds" in compared


def test_its_page_ties_each_claim_to_its_pairing(demo):
    out, summary, _ = demo
    page = (out / "report.html").read_text()
    assert "denoising × supervised (generative × discriminative)" in page
    assert "denoising × denoising (two seeds of one objective)" in page
    assert "Two seeds of one objective are not two families" in page
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(script) == page.count("<script") == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    for one in summary["pairings"].values():
        assert one["verdict"].split(":")[0] in page
    found = re.findall(r"<dt>Found</dt><dd>(.+?)</dd>", page)
    assert len(found) == len(summary["pairings"])  # three short sentences for each pairing, before any table
    assert page.count("<dt>Contradicted</dt>") == page.count("<dt>Undecided</dt>") == len(found)
    assert page.rindex("<dt>Undecided</dt>") < page.index("<figure>")
    assert max(map(len, found)) < 250
    assert (out / "vision.png").read_bytes()[:4] == b"\x89PNG"


def test_its_page_says_how_to_reproduce_and_cite_it(demo):
    out, summary, _ = demo
    page = (out / "report.html").read_text()
    links = re.findall(r'<a href="#([^"]+)">', page.split("</nav>")[0])
    assert len(links) >= 4 + len(summary["pairings"])
    assert all(page.count(f'id="{link}"') == 1 for link in links)
    assert "@" in re.search(r'<pre id="bibtex">(.+?)</pre>', page, re.DOTALL)[1]
    assert "2606.03990" in page
    for name in summary["pairings"]:
        assert f"<code>{name}/results.nc</code>" in page
