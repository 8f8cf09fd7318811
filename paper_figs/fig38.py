"""Figure 38: DINOv3 against diffusion models, where the paper sees no clean trend, with fits of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..validation.power_law import fit_power_law
from ..validation.published import read
from ..validation.verdict import growth
from . import style
from .results_folder import Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the published counts with their fits and bands."""
    table = read("fig38_dinov3_failure")
    with style.figure(columns=2, size=(style.WIDTH + 0.9, 3.5), sharey=True) as (figure, axes):
        for i, (axis, model) in enumerate(zip(axes, ("DINOv2", "DINOv3"), strict=True)):
            rows = table.dropna(subset=[model])
            fit = fit_power_law(rows["neurons"], rows[model])
            grid = np.geomspace(4e4, 6e5, 100)
            style.log_sizes(axis, table["neurons"])
            axis.plot(grid, fit.predict(grid), color=style.CYCLE[i], lw=1.2)
            axis.fill_between(grid, *fit.band(grid), color=style.CYCLE[i], alpha=0.13, lw=0)
            axis.plot(rows["neurons"], rows[model], style.MARKERS[i], color=style.CYCLE[i], mfc="white", ms=6.5)
            lo, hi = fit.exponent_ci95
            axis.set_title(f"{model}: α = {style.signed(fit.exponent)} ({style.signed(lo)} to {style.signed(hi)})")
            axis.annotate(
                growth(fit).replace(": ", ":\n"), (0.04, 0.04), xycoords="axes fraction", fontsize=8, color=style.GREY
            )
            axis.set_ylim(200, 20000)
            axis.set_xlabel("MLP neurons, N")
        axes[0].set_ylabel("mutual pairs")
        style.source_note(
            figure, "Counts: arXiv 2606.03990, machine-read, approximate. Fits and 95% bands: this package."
        )
        return style.save(figure, path)
