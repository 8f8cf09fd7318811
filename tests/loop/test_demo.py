"""The whole loop on a ladder of a few neurons: files, figures, repetition, interruption, escaping."""

import base64
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
from typer.testing import CliRunner

from rosettalaw.cli import app
from rosettalaw.cli.output import plain
from rosettalaw.empirical.calibration import calibrate
from rosettalaw.loop import demo
from rosettalaw.results import load
from tests.in_process import jobs_here
from tests.tiny_ladder import write_ladder

NULLS = {"permutations": 1, "untrained": 2, "shift": 1, "documents": 1}
KEYS = {
    "neurons",
    "raw_count",
    "calibrated_count",
    "calibrated_count_se",
    "threshold",
    "permuted_raw",
    "untrained_raw",
    "permuted_above_threshold",
    "untrained_above_threshold",
    "stable_count",
    "expected_stable",
    "beyond_token_count",
    "median_lexical_share",
}


@pytest.fixture(scope="module")
def ladder(tmp_path_factory):
    return write_ladder(tmp_path_factory.mktemp("ladder"), 8_000, nulls=NULLS)


@pytest.fixture(scope="module")
def done(ladder, tmp_path_factory):
    """One run of the loop: its folder, its cache and its summary."""
    out = tmp_path_factory.mktemp("loop")
    with jobs_here():
        return out / "results", out / "cache", demo.run(str(ladder), out / "results", out / "cache")


def test_the_folder_holds_what_is_promised(done):
    out, _, _ = done
    files = {path.name for path in out.iterdir()}
    assert {"results.nc", "summary.json", "report.html"} <= files
    names = ("scaling", "calibration", "superiority", "selectivity", "documents", "partners", "data_size")
    assert {f"{name}.{ending}" for name in names for ending in ("png", "svg")} <= files


def test_summary_has_the_promised_fields(done):
    out, _, _ = done
    summary = json.loads((out / "summary.json").read_text())
    expected = {"rungs", "exponent", "exponent_ci95", "r2", "beta", "beta_ci95", "verdict", "findings", "seconds"}
    expected |= {"common_rho", "own_exponent", "own_exponent_ci95"}
    assert set(summary) == expected
    assert all(set(rung) == KEYS for rung in summary["rungs"])
    assert [rung["neurons"] for rung in summary["rungs"]] == [32, 64, 128]


def test_summary_agrees_with_the_pairs_in_the_result(done):
    """The calibrated counts follow from the correlations in the file, by a calibration done here."""
    out, _, summary = done
    ladder = load(out / "results.nc", "ladder")
    for i, rung in enumerate(summary["rungs"]):
        found = ladder.correlation.values[ladder.pair_rung.values == i]
        here = ladder.null_rung.values == i
        draws = {
            kind: [
                ladder.null_correlation.values[
                    here & (ladder.null_kind.values == kind) & (ladder.null_draw.values == draw)
                ]
                for draw in range(number)
            ]
            for kind, number in {"permuted": 1, "untrained": 2, "shifted": 1, "documents": 1}.items()
        }
        again = calibrate(found, draws)
        assert (again.count, len(found)) == (rung["calibrated_count"], rung["raw_count"])
        assert again.null_raw["permuted"] == rung["permuted_raw"]
        assert again.null_raw["untrained"] == rung["untrained_raw"]


def test_result_explains_itself(done):
    ladder = load(done[0] / "results.nc", "ladder")
    for name in KEYS:
        assert ladder[name].attrs["long_name"], name
        assert ladder[name].attrs["units"], name
    for fact in ("corpus_sha256", "seed", "training_seed", "versions", "command"):
        assert fact in ladder.attrs
    assert ladder["model_a"].values[0].startswith("one-32-")
    weights = next((done[1]).glob("**/one-32-*/model.safetensors")).read_bytes()
    assert ladder["revision_a"].values[0] == hashlib.sha256(weights).hexdigest()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures(ladder, done, tmp_path):
    """Everything again from nothing, in two processes."""
    again = demo.run(str(ladder), tmp_path / "results", tmp_path / "cache", workers=2)
    first = {key: value for key, value in done[2].items() if key != "seconds"}
    assert json.dumps({key: value for key, value in again.items() if key != "seconds"}) == json.dumps(first)


def times(folder):
    """Return when each rung of a folder was written."""
    return {path: path.stat().st_mtime_ns for path in sorted((folder / "rungs").iterdir())}


def test_a_second_run_measures_a_corrupt_rung_again_and_no_other(ladder, done):
    """By the command for ladders, which gives the demo's counts."""
    out, cache, first = done
    (broken, written), *others = times(out).items()
    assert len(others) == 2
    broken.write_bytes(broken.read_bytes()[:200])
    with jobs_here():
        again = CliRunner().invoke(app, ["ladder", str(ladder), "--out", str(out), "--cache", str(cache), "--json"])
    assert json.loads(again.stdout)["rungs"] == plain(first["rungs"])
    assert list(times(out).items())[1:] == others
    assert times(out)[broken] > written


def test_the_report_is_self_contained_and_escaped(done):
    html = (done[0] / "report.html").read_text()
    assert done[2]["verdict"].split(";")[0].split("(")[0].strip() in html
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', html)
    blocks = re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)
    assert [kind for kind, _ in blocks] == [' type="application/json" id="data"', ""]
    digest = base64.b64encode(hashlib.sha256(blocks[1][1].encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in html
    head, *_ = html.split('<h2 id="theory">')
    for words in ("Status of the fits: ", "Held-out test: "):  # of the counts, not of the theory's other demands
        assert html.count(words) == head.count(words)
    assert "<b>bold</b>" not in html
    assert "Which of the paper's findings does this ladder show?" in html.replace("&#39;", "'")
    if "context" in html:
        assert "&lt;b&gt;" in html or "&lt;/b&gt;" in html or "bold" not in html


def start(ladder, folder):
    command = [sys.executable, "-m", "rosettalaw", "demo", "--ladder", str(ladder), "--out", str(folder / "out")]
    return subprocess.Popen(
        [*command, "--cache", str(folder / "cache"), "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


def wait_until_training(process, folder):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if any(folder.glob("cache/**/*.partial.safetensors")) or any(folder.glob("cache/**/training.json")):
            return
        time.sleep(0.1)
    process.kill()
    pytest.fail(f"no training began: {process.communicate()}")


def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(tmp_path):
    process = start(write_ladder(tmp_path, 150_000, nulls=NULLS), tmp_path)
    wait_until_training(process, tmp_path)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (
        messages.strip().splitlines()[-1].startswith("interrupted: finished work is saved; run the same command again")
    )
    assert "Traceback" not in messages
    assert any(tmp_path.glob("cache/**/*.partial.safetensors"))


@pytest.mark.slow
def test_kill_leaves_no_process_behind_and_the_next_run_goes_on(tmp_path):
    """After kill -9 the workers save and leave; the next run resumes and ends with the bits of an unbroken one."""
    ladder = write_ladder(tmp_path, 40_000, nulls=NULLS)
    process = start(ladder, tmp_path)
    wait_until_training(process, tmp_path)
    workers = [child for child in psutil.Process(process.pid).children(recursive=True)]
    process.kill()
    process.communicate(timeout=60)  # the workers hold the pipes until they leave
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive
    assert any(tmp_path.glob("cache/**/*.partial.safetensors")) or any(tmp_path.glob("cache/**/training.json"))
    command = [sys.executable, "-m", "rosettalaw", "train", str(ladder), "--json", "--cache"]
    broken = subprocess.run([*command, str(tmp_path / "cache")], capture_output=True, text=True, check=True)
    unbroken = subprocess.run([*command, str(tmp_path / "other")], capture_output=True, text=True, check=True)
    weights = [
        [
            (pathlib.Path(model["folder"]) / "model.safetensors").read_bytes()
            for model in json.loads(done.stdout)["models"]
        ]
        for done in (broken, unbroken)
    ]
    assert weights[0] == weights[1]


def test_the_ladder_command_measures_models_that_are_given(ladder, done, tmp_path):
    """The trained models as a ladder of given folders, on the same text, have the same counts at k = 1."""
    out, cache, _ = done
    measured = load(out / "results.nc", "ladder")
    folders = {path.name: str(path) for path in cache.glob("*/*/*") if path.is_dir()}
    pairs = [[folders[str(measured[f"model_{side}"].values[i])] for side in "ab"] for i in (0, 2)]
    given = tmp_path / "given.toml"
    rungs = "".join(f"[[rung]]\nmodels = {json.dumps(pair)}\n" for pair in pairs)
    given.write_text(
        f'name = "given"\n[measurement]\ntokens = 1_000\nuntrained = 0\npartners = []\ndata_sizes = 1\n{rungs}'
    )
    arguments = ["ladder", str(given), "--text", str(ladder.parent / "text"), "--out", str(tmp_path / "out"), "--json"]
    summary = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert [rung["neurons"] for rung in summary["rungs"]] == [32, 128]
    assert summary["rungs"][0]["untrained_raw"] is None
    assert (tmp_path / "out/report.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    "name", ["fig04", *(pytest.param(f"fig{n}", marks=pytest.mark.slow) for n in ("06", "25", "29", "31", "33"))]
)
def test_the_papers_figures_show_the_ladder_too(done, tmp_path, name):
    from rosettalaw.paper_figs.catalogue import make_all
    from rosettalaw.paper_figs.results_folder import read

    (made,) = make_all(read(done[0]), tmp_path, [name])
    svg = made.files[1].read_text()
    assert "one × two" in svg
