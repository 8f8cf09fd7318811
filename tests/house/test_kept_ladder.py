"""What the page of the full ladder says of count and set as data grow is what its file gives."""

import pathlib

import pytest

from rosettalaw.results import load

FOLDER = pathlib.Path(__file__).parents[2] / "docs/full_ladder"


def test_whether_the_set_settles():
    ladder, text = load(FOLDER / "results.nc", "ladder"), (FOLDER / "FINDINGS.md").read_text(encoding="utf-8")
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
