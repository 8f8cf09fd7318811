"""Depth of Rosetta Neurons in the network (figures 31 and 32): fraction per twelfth of the depth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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
    kind = "vision" if family == "OpenCLIP" else "language"
    for name, ladder in results.ladders() if family in ("Pythia", "OpenCLIP") else []:
        if ladder.attrs.get("modality", "language") != kind:
            continue
        paired = ladder["calibrated_count"].values > 0  # where there is no pair, there is no depth
        neurons, mine = style.over_seeds(ladder["neurons"].values[paired], depth_shares(ladder)[paired])
        names += [f"{name}, N = {style.short(size)}" for size in neurons]
        shares = np.vstack([shares, mine.reshape(-1, BINS)])
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


def depth_shares(ladder) -> np.ndarray:
    """Return the fraction per depth bin of both models' calibrated pairs, shape (rungs, 12); NaN where no layer is."""
    if "depth_share" in ladder:
        shares = np.nan_to_num(ladder["depth_share"].mean("side").values)
        return np.where((ladder["depth_neurons"] > 0).any("side").values, shares, np.nan)
    rows = []
    for i in range(ladder.sizes["rung"]):
        here = ladder["pair_rung"].values == i
        calibrated = here & (ladder["correlation"].values >= ladder["threshold"].values[i])
        depths, possible = [], []
        for side in "ab":
            layers = ladder[f"layer_{side}"].values
            last = max(int(layers[here].max(initial=1)), 1)
            depths.append(layers[calibrated] / last)
            possible.append(np.arange(last + 1) / last)
        counted, layered = (np.histogram(np.concatenate(x), bins=BINS, range=(0, 1))[0] for x in (depths, possible))
        rows.append(np.where(layered > 0, counted / max(counted.sum(), 1), np.nan))
    return np.array(rows)
