"""Figure 36: share of neurons judged monosemantic, as the judge sees more images."""

from __future__ import annotations

from pathlib import Path

from ..validation.published import read
from . import style
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the published numbers."""
    table = read("fig36_judge_topk")
    with style.figure(size=(4.2, 3.3)) as (figure, axis):
        style.published(axis, table["top_k"], table["rosetta"], "Rosetta", 0)
        style.published(axis, table["top_k"], table["non_rosetta"], "other neurons", 1)
        axis.set_ylim(0, 0.8)
        axis.set_xlabel("top-activating images shown")
        axis.set_ylabel("share judged monosemantic")
        axis.legend()
        style.source_note(figure, "arXiv 2606.03990, machine-read from its figure, approximate")
        return style.save(figure, path)
