"""Figure 3b: the paper's vision curves, as the lines it states, beside measured counts.

The paper gives prefactor and exponent of each curve in its legend, and DINOv2's counts in figure 38: lines and hollow
points. Our ladders' calibrated counts are filled. Its counts have no threshold and no null subtracted, ours have: only
slopes compare.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..validation.published import read
from . import style
from .results_folder import Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the published lines, and our ladders beside them."""
    table = read("fig03b_vision_fits")
    curves = table[table["curve"].str.startswith("Diffusion")]
    points = read("fig38_dinov3_failure").dropna(subset=["DINOv2"])
    with style.figure(size=(style.WIDTH + 0.9, 4.2)) as (figure, axis):
        style.log_sizes(axis)
        sizes, labels = np.array([4e4, 1.2e6]), []
        for i, curve in enumerate(curves.itertuples()):
            counts = curve.prefactor * sizes**curve.exponent
            axis.plot(sizes, counts, ls=(0, (5, 2)), color=style.CYCLE[i + 1])
            labels.append((sizes[-1], counts[-1], f"{curve.curve}, α = {curve.exponent}", style.CYCLE[i + 1]))
        axis.plot(points["neurons"], points["DINOv2"], "o", mfc="white", color=style.CYCLE[1])
        for i, (name, ladder) in enumerate(results.ladders()):
            neurons, counts = style.over_seeds(ladder["neurons"].values, ladder["calibrated_count"].values)
            style.ours(axis, neurons[counts > 0], counts[counts > 0], f"{name}, calibrated", i)
        axis.set_xlabel("MLP neurons per network, N")
        axis.set_ylabel("matched pairs")
        if results.of("ladder"):
            axis.legend(loc="upper left")
        style.label_ends(axis, labels)
        style.source_note(
            figure,
            "Dashed: arXiv 2606.03990. Hollow: its raw counts, machine-read, approximate (figure 38)."
            + (" Filled: this package (calibrated counts)." if results.of("ladder") else ""),
        )
        return style.save(figure, path)
