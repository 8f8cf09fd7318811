"""Depth of Rosetta Neurons in the network (figures 31 and 32): fraction per twelfth of the depth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..validation.depths import measured_depths
from ..validation.published import read
from . import style
from .results_folder import Results

BINS = 12


def draw(results: Results, path: Path, family: str) -> list[Path]:
    """Draw the published family as a map, one row per model; our ladders below it, if they are of its kind."""
    from matplotlib.colors import PowerNorm

    table = read("fig31_32_depth")
    rows = table[table["family"] == family]
    names = [f"{family} {model}" for model in rows["model"]]
    shares = rows[[f"b{i:02d}" for i in range(1, BINS + 1)]].to_numpy(float)
    for name, size, mine in measured_depths(results.ladders(), family):
        names.append(f"{name}, N = {style.short(size)}")
        shares = np.vstack([shares, mine])
    with style.figure(size=(style.WIDTH, 0.9 + 0.3 * len(names))) as (figure, axis):
        # Most shares are near 1/12 and must differ visibly.
        scale = PowerNorm(0.5, 0, max(0.5, float(np.nanmax(shares))))
        image = axis.imshow(shares, aspect="auto", cmap="cividis", norm=scale)
        axis.set_facecolor(style.NOTHING)
        axis.set_yticks(range(len(names)), names)
        axis.set_xticks([-0.5, 5.5, 11.5], ["first layer", "middle", "last layer"])
        axis.grid(visible=False)
        for y in range(len(rows), len(names)):
            axis.get_yticklabels()[y].set_fontweight("bold")
        bar = figure.colorbar(image, ax=axis, shrink=0.8)
        bar.set_label("fraction of Rosetta Neurons")
        ours = "; bold: this package, mean over seeds" if len(names) > len(rows) else ""
        ours += "; grey: no layer there" if np.isnan(shares).any() else ""
        style.source_note(figure, f"arXiv 2606.03990{ours}")
        return style.save(figure, path)
