"""The README is executed and checked: its Python runs, its commands exist, its claim is the one that was measured."""

import json
import pathlib
import re

import numpy as np
import typer

from benchmarks import record
from rosettalaw import cli
from rosettalaw.validation import agreement

ROOT = pathlib.Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_way_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len([line for line in code.splitlines() if line and not line.startswith("#")]) <= 10
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    assert "0.625" in printed[0]  # 1/β, exactly
    assert "sublinearly" in printed[1]


def test_its_commands_exist_and_none_is_missing():
    known = typer.main.get_command(cli.app).commands
    named = set(re.findall(r"`rosettalaw (\w+)", README))
    assert named
    assert named == set(known)


def test_its_make_targets_and_links_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"make ([a-z-]+)", README)) <= targets
    for link in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / link).exists(), link


def test_its_speed_is_what_was_recorded():
    text, said = " ".join(README.split()), {}
    for machine in record.records():
        ratios = machine["areas"]["matching"]["ratios"]
        said[machine["processor"]] = [
            next(one.value for one in ratios if words in one.claim) for words in ("share of torch", "screened one's")
        ]
        said[machine["processor"]] += [one.value for one in ratios if "over the certified one's" in one.claim]
    share, faster = said.pop("AMD EPYC, 2 cores")
    assert f"On an AMD EPYC with two cores, the exact engine reaches {share:.0%} of the speed of `torch.matmul`" in text
    assert f"Screening is {faster:.0f} times faster than the exact engine there" in text
    share, faster, certified = said.pop("Intel(R) Xeon(R) Processor, 2 cores")
    words = f"the exact engine reaches {share:.0%}, eight-bit products bring {certified:.1f} times its speed, and"
    assert f"On an Intel Xeon with two cores, {words} screening is {faster:.0f} times faster" in text
    assert not said


def means(rungs, name):
    """Return the means over pairs of seeds at the smallest and at the largest size, as whole numbers."""
    sizes = [rung["neurons"] for rung in rungs]
    return [f"{np.mean([rung[name] for rung in rungs if rung['neurons'] == end(sizes)]):.0f}" for end in (min, max)]


def test_its_claim_is_what_was_measured():
    summary = json.loads((ROOT / "docs/quickstart/summary.json").read_text())
    claim = " ".join(README.split("<!-- claim -->")[1].split("<!-- /claim -->")[0].split())
    exponents = [summary[f"{one}exponent{end}"] for one in ("", "own_") for end in ("", "_ci95")]
    numbers = [f"{number:.2f}" for number in (*np.hstack(exponents), summary["common_rho"])]
    first, last = means(summary["rungs"], "calibrated_count")
    assert f"there are {first} calibrated pairs in the smallest networks and {last} in the largest" in claim
    for number in numbers:
        assert number in claim, number
    assert f"of **{summary['exponent']:.2f}**" in claim  # the headline is at one correlation
    assert f"all {summary['seeds']['pairs']} pairs of networks" in claim
    parts = summary["seeds"]["parts"]
    assert f"seeds alone make {parts['seeds']:.2f} and text {parts['text']:.2f}" in claim
    recurs = summary["recurrence"]
    shares = [100 * one / pairs for one, pairs in zip(recurs["anchored"], recurs["pairs"], strict=True)]
    assert f"{min(shares):.0f} to {max(shares):.0f}% are Rosetta Neurons against both seeds" in claim
    chance, there = sum(recurs["by_chance"]), sum(recurs["anchored"])
    assert f"chance would make {chance:.0f} where there are {there:.0f}" in claim


def test_the_tolerance_is_the_one_that_is_checked():
    claim = " ".join(README.split("<!-- claim -->")[1].split("<!-- /claim -->")[0].split())
    share, _, exponent = agreement.SAME_TEXT
    assert f"within {100 * share:.0f}% of a count and {exponent:.2f} of the exponent" in claim


def test_what_it_says_of_the_pairs_is_what_was_measured():
    rungs = json.loads((ROOT / "docs/quickstart/summary.json").read_text())["rungs"]
    said = " ".join(README.split("<!-- pairs -->")[1].split("<!-- /pairs -->")[0].split())
    for name in ("calibrated_count", "stable_count", "beyond_token_count"):
        assert " to ".join(means(rungs, name)) in said, name
    shares = [100 * rung["median_lexical_share"] for rung in rungs]
    assert f"{min(shares):.0f} to {max(shares):.0f}%" in said
    kept = sum(rung["calibrated_count"] == rung["raw_count"] for rung in rungs)
    assert kept == 12  # which README calls three of four sizes


def test_what_it_says_of_the_theory_is_what_was_measured():
    claim = README.split("<!-- claim -->")[1].split("<!-- /claim -->")[0]
    triangle = json.loads((ROOT / "docs/quickstart/triangle.json").read_text(encoding="utf-8"))
    low, high = (f"{end:.2f}" for end in triangle["product_ci95"])
    demand = f"{triangle['product']:.2f}, {low} to {high}, where {triangle['expected_product']:.2f} is demanded"
    assert demand in claim
    assert f"mean {triangle['attenuation']['smallest_reconciling_mean']:.2f} or less" in " ".join(claim.split())
    assert all(share["p"] > 0.05 for share in triangle["share"])
    assert "contradicts the theory under any" not in triangle["verdict"]


def test_what_it_says_first_is_what_the_larger_ladder_shows():
    """The page of that ladder is itself compared with the ladder's file."""
    said = " ".join(README.split("<!-- finding -->")[1].split("<!-- /finding -->")[0].split())
    page = (ROOT / "docs/full_ladder/FINDINGS.md").read_text(encoding="utf-8")
    (row,) = re.findall(
        r"the count grows sublinearly \| \*\*shown\*\* \| α = ([\d.]+) \((95% interval [^)]+)\), (\d+) sizes", page
    )
    assert f"N^{row[0]} ({row[1]}, {row[2]} sizes" in said
    assert "reason stays open" in said
    assert "theory is not contradicted if correlations are attenuated" in page
    assert "contradicts the theory with unattenuated correlations" in " ".join(page.split())


def test_its_first_screen_says_what_it_is_and_three_ways_in():
    first = README.split("## ")[0]
    assert len(first.splitlines()) < 60
    for needed in ("pip install", "```python", "make demo", "](docs/quickstart/scaling.png)", "*Without a threshold"):
        assert needed in first
