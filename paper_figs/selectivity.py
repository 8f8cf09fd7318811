"""Selectivity of Rosetta and other neurons over size (figures 6, 28 and 37), from the published numbers."""

from __future__ import annotations

from pathlib import Path

from ..validation.published import read
from . import style

METRICS = {
    "vocab_excess_kurtosis": "excess kurtosis over the vocabulary",
    "vlm_monosemantic_rate": "share judged monosemantic",
}


def draw(path: Path, panels: list[str]) -> list[Path]:
    """Draw the named panels of ``fig06_28_37_selectivity`` side by side."""
    table = read("fig06_28_37_selectivity")
    with style.figure(columns=len(panels), size=(3.3 * len(panels) + 0.4, 3.4), squeeze=False) as (figure, axes):
        for axis, panel in zip(axes[0], panels, strict=True):
            rows = table[table["figure"] == panel]
            style.published(axis, rows["neurons"], rows["rosetta"], "Rosetta", 0)
            style.published(axis, rows["neurons"], rows["non_rosetta"], "other neurons", 1)
            axis.set_xscale("log")
            style.size_ticks(axis, rows["neurons"])
            axis.set_ylim(bottom=0)
            axis.set_title(rows["family"].iloc[0])
            axis.set_xlabel("MLP neurons, N")
            axis.set_ylabel(METRICS[rows["metric"].iloc[0]])
            axis.legend()
        style.source_note(figure, "arXiv 2606.03990, machine-read from its figures (10–20%)")
        return style.save(figure, path)
