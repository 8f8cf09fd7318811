"""Null counts over size (figures 4 and 26): published numbers with their fitted trends, our ladders beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..validation.likelihoods import fit_likelihood
from ..validation.published import read
from . import style
from .results_folder import Results
from .zeros import intervals, of_means

LONG_NAME = 20  # characters of a ladder's name beyond which its labels fill a line each


def draw(results: Results, path: Path, table_name: str, ours: str, words: str) -> list[Path]:
    """Draw one null: the published series of `table_name`, and the ladder variable `ours`."""
    table = read(table_name)
    ladders = [(name, ds) for name, ds in results.ladders() if ours in ds and np.isfinite(ds[ours].values).all()]
    longest = max((len(name) for name, _ in ladders), default=0)
    columns, entries = 2 if longest <= LONG_NAME else 1, 2 + 2 * len(ladders)
    with style.figure(size=(style.WIDTH, 3.7 + 0.2 * -(-entries // columns))) as (figure, axis):
        style.log_sizes(axis)
        for i, (modality, rows) in enumerate(table.groupby("modality")):
            lo, hi = fit_likelihood(rows["neurons"], rows["count"]).exponent_ci95
            slope = f"slope {style.signed(lo)} to {style.signed(hi)}"
            style.published(axis, rows["neurons"], rows["count"], f"paper, {modality} ({slope})", i + 1)
        for i, (name, ladder) in enumerate(ladders):
            _mean(axis, ladder, ours, f"{name}: {words}, no threshold", 3 + i, ":", 4)
            _mean(axis, ladder, "calibrated_count", f"{name}: trained, above ρ*", 3 + i, "-", 6.5)
        axis.set_xlabel("MLP neurons per network, N")
        axis.set_ylabel("mutual pairs")
        ends = [_ends(ladder, ours) for _, ladder in ladders]
        axis.set_ylim(bottom=min(axis.get_ylim()[0], 0.8))
        tops = [table["count"].max(), *(np.nanmax(high, initial=0) for _, _, high in ends)]
        axis.set_ylim(top=max(axis.get_ylim()[1], 1.25 * max(tops)))  # markers at the top are whole
        for i, (sizes, low, high) in enumerate(ends):
            intervals(axis, sizes, low, high, style.CYCLE[(3 + i) % len(style.CYCLE)])
        figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=columns, fontsize=8)
        quality = table.attrs["quality"].removeprefix("quality: ")
        mine = " Filled: this package, mean over seeds, 95% intervals over null draws; ×: 0 pairs." if ladders else ""
        style.source_note(figure, f"Hollow: arXiv 2606.03990, {quality}; slopes: 95% intervals.{mine}")
        return style.save(figure, path)


def _ends(ladder, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sizes and the ends of the 95% intervals of a null's mean at each size; NaN if unknown."""
    sizes = ladder["neurons"].values
    unknown = np.full(sizes.shape, np.nan)
    ends = (f"{name}_{end}" for end in ("low", "high"))
    low, high = (ladder[end].values if end in ladder else unknown for end in ends)
    return of_means(sizes, ladder[name].values, low, high, shared=name.startswith("untrained"))


def _mean(axis, ladder, name: str, label: str, index: int, line: str, size: float) -> None:
    """Draw a count's mean over seeds; a size where it is 0 is a cross on the lower edge."""
    sizes, means = style.over_seeds(ladder["neurons"].values, ladder[name].values)
    look = {"color": style.CYCLE[index % 7], "mec": "white", "mew": 0.8, "ms": size, "ls": line, "label": label}
    axis.plot(sizes, np.where(means > 0, means, np.nan), style.MARKERS[index % 7], **look)
    axis.plot(sizes[means == 0], np.full(np.sum(means == 0), 0.9), "x", color=style.CYCLE[index % 7])
