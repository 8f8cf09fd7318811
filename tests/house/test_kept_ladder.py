"""The page of the full ladder against its file: count and set as data grow."""

import pathlib

import numpy as np
import pytest
from scipy import stats

from rosettalaw.results import load

FOLDER = pathlib.Path(__file__).parents[2] / "docs/full_ladder"


def page():
    """Return the page with single spaces, wherever its lines break."""
    return " ".join((FOLDER / "FINDINGS.md").read_text(encoding="utf-8").split())


def test_whether_the_set_settles():
    ladder, text = load(FOLDER / "results.nc", "ladder"), page()
    columns = ("positions", "raw_count", "calibrated_count", "raw_overlap", "calibrated_overlap")
    for row in zip(*(ladder[f"size_{name}"].values for name in columns), strict=True):
        shown = [f"{value:.0f}" for value in row[:3]] + ["–" if value != value else f"{value:.2f}" for value in row[3:]]
        assert f"| {' | '.join(shown)} |" in text
    before, last = ladder["size_raw_count"].values[-2:].astype(float)
    overlap = float(ladder["size_raw_overlap"][-1])
    common = overlap * (before + last) / (1 + overlap)  # of Jaccard's c/(a + b - c)
    assert common == pytest.approx(round(common))
    assert f"{last:.0f} pairs are found, and {common / last:.0%} of them were" in text
    halves = ladder["split_half"].values
    assert f"overlap by {halves[0]:.2f} (Jaccard) at N = 288 and by {halves[-1]:.2f} at N = 3,072" in text
    assert ladder["neurons"].values[[0, -1]].tolist() == [288, 3072]


def test_what_both_halves_agree_on():
    ladder, text = load(FOLDER / "results.nc", "ladder"), page()
    counts, settled = (ladder[name].values for name in ("calibrated_count", "settled_count"))
    for i, rung in enumerate(ladder["pair_rung"].values == np.arange(8)[:, None]):
        above = ladder["correlation"].values >= ladder["threshold"].values[i] - 1e-6  # kept in single precision
        assert settled[i] == np.sum(rung & above & (ladder["settled"].values == 1))
    found, share = (fit(np.log(ladder["neurons"].values), np.log(y)) for y in (settled, settled / counts))
    assert f"there are {settled[0]} to {settled[-1]} of them, an exponent of {found[0]}" in text
    assert f"({found[1]} to {found[2]}), and their share" in text.replace("95% interval ", "")
    assert f"to the power {share[0]} (95% interval {share[1]} to {share[2]})" in text
    positions = ladder["positions"].values
    assert len(set(positions)) == 1
    assert f"a half holds {round(positions[0] / 2, -3):,.0f} positions" in text
    row = f"from {settled[0]} to {settled[-1]}, exponent {found[0]} (95% interval {found[1]} to {found[2]})"
    assert f"the pairs that both halves of the text give grow sublinearly | **shown** | {row}" in text


def fit(x, y):
    """Return the least-squares slope and the ends of Student's 95% interval as they are written."""
    line = stats.linregress(x, y)
    half = stats.t.ppf(0.975, len(x) - 2) * line.stderr
    return [f"{v:.2f}".replace("-", "−") for v in (line.slope, line.slope - half, line.slope + half)]
