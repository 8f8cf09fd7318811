"""Count and matched set as the matching data grow (figures 33 and 34): published, our ladders below."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..validation.published import read
from . import style
from .results_folder import Results


def draw(results: Results, path: Path, number: int) -> list[Path]:
    """Draw count (left) and overlap with the set at the previous data size (right), a row for each source."""
    table = read("fig33_35_data_size")
    rows = table[table["figure"] == number]
    unit = rows["unit"].iloc[0]
    sweeps = [(sweep.attrs["ladder"], sweep) for _, sweep in results.of("image_sweep")]
    source = results.ladders() if number == 33 else sweeps
    ladders = [each for each in source if "size_raw_count" in each[1]]
    height = 1 + len(ladders)
    with style.figure(columns=2, rows=height, size=(style.WIDTH + 0.4, 3.2 * height), squeeze=False) as (figure, axes):
        left, right = axes[0]
        style.published(left, rows["size"], rows["count"], "count", 0)
        overlap = rows.dropna(subset=["jaccard_with_previous"])
        style.published(right, overlap["size"], overlap["jaccard_with_previous"], "overlap", 1)
        left.set_title(rows["pair"].iloc[0].replace("|", " × "))
        _finish(left, right, f"{unit} used for matching")
        for row, (name, ladder) in zip(axes[1:], ladders, strict=True):
            draw_row(row[0], row[1], ladder, name)
        note = "Hollow: arXiv 2606.03990, machine-read from its figure, approximate."
        style.source_note(figure, note + (" Filled: this package, largest rung." if ladders else ""))
        return style.save(figure, path)


def draw_ladder(ladder, path: Path) -> list[Path]:
    """Draw one ladder alone; nothing if it was matched on one amount of data."""
    if "size_raw_count" not in ladder:
        return []
    with style.figure(columns=2, size=(style.WIDTH + 0.4, 3.2)) as (figure, axes):
        draw_row(axes[0], axes[1], ladder)
        return style.save(figure, path)


def draw_row(left, right, ladder, name: str = "") -> None:
    """Draw a ladder's counts and overlaps over nested subsets of its largest rung."""
    images = "size_images" in ladder
    positions = ladder["size_images" if images else "size_positions"].values
    for i, (kind, words) in enumerate((("raw", "no threshold"), ("calibrated", "above ρ*"))):
        style.ours(left, positions, ladder[f"size_{kind}_count"].values, words, i)
        overlap = ladder[f"size_{kind}_overlap"].values
        known = np.isfinite(overlap)
        style.ours(right, positions[known], overlap[known], words, i)
    size = "" if images else f"N = {style.short(float(ladder['neurons'][-1]))}"
    left.set_title(", ".join(part for part in (name, size) if part))
    left.legend()
    _finish(left, right, f"{'images' if images else 'aligned positions'} used for matching")


def _finish(left, right, words: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis in (left, right):
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1,)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: style.short(value)))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(words)
    left.margins(y=0.15)
    left.set_ylim(bottom=-0.03 * left.get_ylim()[1])  # so that a marker at 0 is whole
    right.set_ylim(-0.03, 1.03)
    right.set_xlim(left.get_xlim())
    left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    left.set_ylabel("mutual pairs")
    right.set_ylabel("Jaccard overlap with previous")
