"""Null counts over size (figures 4 and 26): published numbers with their fitted trends, our ladders beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..validation.likelihoods import fit_likelihood
from ..validation.published import read
from . import style
from .found import Found


def draw(found: Found, path: Path, table_name: str, ours: str, words: str) -> list[Path]:
    """Draw one null: the published series of `table_name`, and the ladder variable `ours`."""
    table = read(table_name)
    ladders = [(name, ds) for name, ds in found.of("ladder") if ours in ds and np.isfinite(ds[ours].values).all()]
    with style.figure(size=(style.WIDTH, 3.7)) as (figure, axis):
        style.log_sizes(axis)
        for i, (modality, rows) in enumerate(table.groupby("modality")):
            lo, hi = fit_likelihood(rows["neurons"], rows["count"]).exponent_ci95
            slope = f"slope {style.signed(lo)} to {style.signed(hi)}"
            style.published(axis, rows["neurons"], rows["count"], f"paper, {modality} ({slope})", i + 1)
        for i, (name, ladder) in enumerate(ladders):
            sizes = ladder["neurons"].values
            style.ours(axis, sizes, np.maximum(ladder[ours], 0.3), f"{name}, {words}, no threshold", 3 + i)
            if f"{ours}_low" in ladder:
                low, high = (np.maximum(ladder[f"{ours}_{end}"].values, 0.3) for end in ("low", "high"))
                style.bars(axis, sizes, ladder[ours].values, low, high, 3 + i)
            kept = ladder["calibrated_count"].values
            style.ours(axis, ladder["neurons"], np.maximum(kept, 0.3), f"{name}, trained, above ρ*", 0)
        axis.set_xlabel("MLP neurons per network, N")
        axis.set_ylabel("mutual pairs")
        low, high = axis.get_ylim()
        axis.set_ylim(min(low, 0.8), high * 14)
        axis.legend(loc="upper left", fontsize=8)
        style.source_note(figure, f"Hollow: arXiv 2606.03990, {table.attrs['quality']}. Filled: this package.")
        return style.save(figure, path)
