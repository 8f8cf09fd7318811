"""Drawing of a model's fit: counts over sizes, and the expected counts of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..looks import COLOURS, INK, axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .counts import Counts
    from .model_fit import ModelFit

POINTS = 41
MARGIN = 1.25  # beyond the smallest and the largest size


def draw_fit(fit: ModelFit, data: Counts, ax: Axes | None) -> Axes:
    """Draw counts, with their standard deviations where stated, and ``r_τ − ½`` of the fitted model."""
    sizes = np.geomspace(data.neurons.min() / MARGIN, data.neurons.max() * MARGIN, POINTS)
    values = ", ".join(f"{name} = {value:.3g}" for name, value in fit.values.items())
    with axes(ax) as drawing:
        drawing.plot(sizes, fit.predict(sizes), color=COLOURS["blue"], label=values)
        drawing.errorbar(data.neurons, data.counts, data.sd, fmt="o", color=INK, mec="white", mew=0.6, label="counts")
        drawing.set_xscale("log")
        drawing.set_yscale("log")
        drawing.set_xlabel("neurons, N")
        drawing.set_ylabel("count, R")
        drawing.legend()
    return drawing
