"""How count and matched set settle as the matching data grow (figures 33 and 34), from the published numbers."""

from __future__ import annotations

from pathlib import Path

from ..validation.published import read
from . import style


def draw(path: Path, number: int) -> list[Path]:
    """Draw count (left axis) and overlap with the set found at the previous data size (right panel)."""
    table = read("fig33_35_data_size")
    rows = table[table["figure"] == number]
    unit = rows["unit"].iloc[0]
    with style.figure(columns=2, size=(style.WIDTH + 0.4, 3.2)) as (figure, (left, right)):
        style.published(left, rows["size"], rows["count"], "count", 0)
        overlap = rows.dropna(subset=["jaccard_with_previous"])
        style.published(right, overlap["size"], overlap["jaccard_with_previous"], "overlap", 1)
        for axis in (left, right):
            axis.set_xscale("log")
            axis.set_xlabel(f"{unit} used for matching")
        left.set_ylim(bottom=0)
        right.set_ylim(0, 1)
        left.set_ylabel("mutual pairs")
        right.set_ylabel("Jaccard overlap with previous")
        left.set_title(rows["pair"].iloc[0].replace("|", " × "))
        style.source_note(figure, "arXiv 2606.03990, machine-read from its figure, approximate")
        return style.save(figure, path)
