"""Depth of Rosetta Neurons in the networks of measured ladders (figures 31 and 32), per twelfth of the depth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

BINS = 12
NEEDS = {"layer_a", "layer_b", "pair_rung", "correlation", "threshold"}  # where the shares were not saved
MODALITIES = {"Pythia": "language", "OpenCLIP": "vision"}  # family of the paper -> the ladders that stand beside it


def measured_depths(ladders: Iterable[tuple[str, xr.Dataset]], family: str) -> Iterator[tuple[str, float, np.ndarray]]:
    """Yield name, size and depths of each size with pairs, of the ladders that stand beside a family of the paper.

    Parameters
    ----------
    ladders : iterable of (name, Dataset)
        Measured ladders.
    family : str
        "Pythia" or "OpenCLIP".

    Yields
    ------
    (str, float, ndarray of shape (12,))
        Name of the ladder, neurons, and fraction of the Rosetta Neurons per bin, the mean over seeds; NaN where no
        layer is.
    """
    for name, ladder in ladders:
        known = "depth_share" in ladder or set(ladder.variables) >= NEEDS
        if not known or ladder.attrs.get("modality", "language") != MODALITIES.get(family):
            continue
        neurons, shares = ladder["neurons"].values, depth_shares(ladder)
        paired = ladder["calibrated_count"].values > 0  # where there is no pair, there is no depth
        for size in np.unique(neurons[paired]):
            yield name, float(size), shares[paired & (neurons == size)].mean(axis=0)


def depth_shares(ladder: xr.Dataset) -> np.ndarray:
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
