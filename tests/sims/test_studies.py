"""The studies: their cost, and that the kept summaries agree with the code."""

import csv
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from rosettalaw.paper_figs import tail
from rosettalaw.sims import ablation, dense, simulate, toy_reported, wishart
from rosettalaw.sims.packing import Choices, Packing

PAGE = Path(__file__).parents[2] / "docs/synthetic/FINDINGS.md"
FIGURE_27 = """
import resource
from rosettalaw.sims import simulate
found = simulate([2**k for k in range(10, 18)], [1.5, 1.75, 2, 2.25, 2.5, 3], quiet=True)
for fit in found.fits:
    if fit.quantity != "isolation_per_non_rosetta":
        print(abs(fit.exponent - fit.finite_size_exponent), abs(fit.exponent - fit.asymptotic_exponent))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_drawing_the_correlations_is_far_cheaper_than_drawing_inputs():
    packing, seconds = Packing(1024, 1.5, inputs=2000), {}
    with threadpool_limits(1):
        for engine in (wishart, dense):
            engine.draw(packing, np.random.default_rng(0))
            start = time.thread_time()
            engine.draw(packing, np.random.default_rng(0))
            seconds[engine] = time.thread_time() - start
    assert seconds[dense] > 10 * seconds[wishart]


@pytest.mark.slow
def test_figure_27_in_full():
    done = subprocess.run([sys.executable, "-c", FIGURE_27], capture_output=True, text=True, check=True)
    *fits, kilobytes = done.stdout.splitlines()
    assert int(kilobytes) < 1.5 * 2**20
    assert len(fits) == 12
    for line in fits:
        from_sizes, from_limit = map(float, line.split())
        assert from_sizes < 0.01
        assert from_limit < 0.05


def test_summary_of_the_ablation_counts_what_is_within():
    rows = [
        {"beta": 1.5, "kappa": k, "gamma": 4.0, "inputs": 1000, "threshold": -1.0, "quantity": "count"}
        | {"exponent": e, "finite_size_exponent": 0.6, "asymptotic_exponent": 0.667}
        for k, e in [(1.0, 0.64), (2.0, 0.56), (4.0, float("nan"))]
    ]
    (summary,) = ablation.summarise(rows)
    assert (summary["settings"], summary["with_exponent"]) == (3, 2)
    assert (summary["within_limit"], summary["within_finite_size"]) == (1, 2)
    assert (summary["worst"], summary["worst_kappa"]) == (0.107, 2.0)


def test_the_page_of_the_ablation_is_the_kept_summary():
    with ablation.SUMMARY.open(encoding="utf-8") as file:
        saved = list(csv.DictReader(file))
    assert ablation.claim_table(saved) in (text := PAGE.read_text(encoding="utf-8"))
    for quantity in ("count", "mean_isolation_matched"):
        rows = [row for row in saved if row["quantity"] == quantity and row["threshold"] == "-1.0"]
        assert all(row["within_finite_size"] == row["settings"] for row in rows)
        high = [row for row in rows if float(row["beta"]) >= 1.5]
        assert f"all {sum(int(row['within_limit']) for row in high)} settings" in text
        assert f"at most {max(float(row['worst']) for row in high):.3f}" in text
    others = [row for row in saved if row["quantity"] == "isolation_per_non_rosetta" and float(row["beta"]) >= 1.5]
    plain, cut = (sum(int(r["within_limit"]) for r in others if float(r["threshold"]) == rho) for rho in (-1.0, 0.5))
    settings = sum(int(row["settings"]) for row in others if float(row["threshold"]) == 0.5)
    assert f"within 0.05 in {plain} of the {settings} settings" in " ".join(text.split())
    assert f"With ρ ≥ 0.5 it does, in {cut}" in text
    for image in ("idle.png", "tail.png"):
        assert f"]({image})" in text
        assert PAGE.with_name(image).stat().st_size > 10_000


def test_the_page_says_what_is_left_above_a_threshold():
    settings = {"runs": tail.RUNS, "engine": "wishart", "choices": Choices(threshold=0.5), "quiet": True}
    fits = [f for f in simulate(tail.SIZES, tail.BETAS, **settings).fits if f.quantity == "isolation_per_non_rosetta"]
    measured = [f"{f.exponent:.2f} ± {(f.exponent_ci95[1] - f.exponent_ci95[0]) / 2:.2f}" for f in fits]
    finite, limit = ([f"{getattr(f, f'{name}_exponent'):.2f}" for f in fits] for name in ("finite_size", "asymptotic"))
    words = " ".join(PAGE.read_text(encoding="utf-8").replace("−", "-").split())
    assert f"over N = 2^{np.log2(tail.SIZES[0]):.0f} … 2^{np.log2(tail.SIZES[-1]):.0f} for β" in words
    for a, b, c in (measured, finite, limit):
        assert f"{a}, {b} and {c}" in words
    for f in fits:
        assert f.exponent_ci95[0] < f.finite_size_exponent < f.exponent_ci95[1]


def test_the_ablation_covers_every_combination():
    asked = {(kappa, gamma, inputs) for _, kappa, gamma, inputs, threshold in ablation.settings() if threshold < 0}
    assert len(asked) == 7 * 7 * 3
    assert {0.5, 32.0} <= {kappa for kappa, _, _ in asked}


@pytest.mark.slow
def test_the_kept_summary_is_what_the_ablation_gives():
    with ablation.SUMMARY.open(encoding="utf-8") as file:
        saved = list(csv.DictReader(file))
    assert [{key: str(value) for key, value in row.items()} for row in ablation.summarise(ablation.run())] == saved


def _largest_difference(rows):
    return np.nanmax([abs(float(row["drawn"]) - float(row["integral"])) for row in rows])


def test_draws_and_the_integral_have_the_same_exponents():
    """54 settings of the ablation, six of each β: the largest difference is below a fifth of the claim's 0.05."""
    with ablation.DRAWS_SUMMARY.open(encoding="utf-8") as file:
        rows, others = [], []
        for row in csv.DictReader(file):
            (others if row["quantity"] == "isolation_per_non_rosetta" else rows).append(row)
    assert len(rows) == 2 * 6 * len(ablation.BETAS + ablation.LOW_BETAS)
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"differ by at most {_largest_difference(rows):.3f}" in text
    assert f"differ by up to {_largest_difference(others):.1f}" in text
    assert _largest_difference(rows) < 0.01
    for row in rows[:: len(rows) // 3]:
        choices = Choices(threshold=float(row["threshold"]))
        sizes = np.geomspace(int(row["smallest"]), int(row["largest"]), 6)
        setting = {name: float(row[name]) for name in ("beta", "kappa", "gamma")} | {"inputs": int(row["inputs"])}
        again = simulate(sizes, engine="expected", choices=choices, quiet=True, **setting)
        (fit,) = [fit for fit in again.fits if fit.quantity == row["quantity"]]
        assert fit.exponent == pytest.approx(float(row["integral"]), abs=1e-4)


@pytest.mark.slow
def test_the_kept_draws_are_what_the_ablation_draws():
    with ablation.DRAWS_SUMMARY.open(encoding="utf-8") as file:
        saved = list(csv.DictReader(file))
    assert [{key: str(value) for key, value in row.items()} for row in ablation.by_draws(quiet=True)] == saved


@pytest.mark.slow
def test_the_kept_toy_study_is_what_training_gives():
    """Bits may differ between processors, what is learned may not."""
    from rosettalaw.sims import toy_reported, toy_study

    results = {(r["configuration"], r["beta"], r["neurons"]): r for r in toy_reported.read()}
    study = toy_study.study_toys(["law"], [8, 16, 32], quiet=True)
    for row in study.rows:
        expected = results[row["configuration"], row["beta"], row["neurons"]]
        assert row["count"] == pytest.approx(expected["count"], abs=0.6)
        assert row["utility_share"] == pytest.approx(expected["utility_share"], abs=0.005)
        assert row["precision"] == 1


@pytest.mark.parametrize("study", [ablation, toy_reported])
def test_asking_for_help_starts_no_study(study, monkeypatch, capsys):
    monkeypatch.setattr(study, "run", None)
    for asked, code, told in ((["--help"], 0, "usage: python -m rosettalaw.sims."), (["--hlep"], 2, "--hlep")):
        with pytest.raises(SystemExit) as left:
            study.main(asked)
        assert left.value.code == code
        assert told in "".join(capsys.readouterr())
