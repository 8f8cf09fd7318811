"""Figure 36: share of neurons judged monosemantic, as the judge sees more images: published, ours beside it."""

from __future__ import annotations

from pathlib import Path

from ..validation.published import read
from . import style
from .results_folder import Results

LABELS = {"rosetta": "Rosetta", "other": "other neurons"}


def make(results: Results, path: Path) -> list[Path]:
    """Draw the published numbers, and every study of a judge."""
    table = read("fig36_judge_topk")
    studies = results.of("judge")
    with style.panels(1 + len(studies), 3.6, 3.4, sharey=True) as (figure, axes):
        first = axes[0]
        style.published(first, table["top_k"], table["rosetta"], "Rosetta", 0)
        style.published(first, table["top_k"], table["non_rosetta"], "other neurons", 1)
        first.set_ylabel("share judged monosemantic")
        first.set_title("paper" if studies else "")
        for axis, (name, ds) in zip(axes[1:], studies, strict=True):
            for i, population in enumerate(ds["population"].values):
                one = ds.sel(population=population)
                mean = one["monosemantic_mean"].values
                style.ours(axis, ds["top"].values, mean, LABELS.get(str(population), str(population)), i)
                low, high = one["monosemantic_low"].values, one["monosemantic_high"].values
                axis.fill_between(ds["top"].values, low, high, color=style.CYCLE[i], alpha=0.15, lw=0)
            axis.set_title(f"{name}, judge: {ds.attrs['judge']}")
        for axis in axes:
            axis.set_ylim(0, 1 if studies else 0.8)
            axis.set_xlabel("top-activating images shown")
            axis.legend()
        note = "Hollow: arXiv 2606.03990, machine-read from its figure, approximate."
        style.source_note(figure, note + (" Filled: this package, 95% intervals over subsets." if studies else ""))
        return style.save(figure, path)
