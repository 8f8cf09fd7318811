"""Parameters that counts identify, and the gain from more data: profiles of β, κ and τ on one planted data set.

Planted: β = 1.6, κ = 0.5, τ = 2, six sizes, errors of 5% stated and no noise added. Counts alone leave κ and τ open
(a flat valley along κ/(1+τ)); isolation and tail close it; ranked correlations narrow β and κ further, while τ, which
acts on the count alone, keeps the count's own error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import zeta

from ..theory import frontier
from . import style
from .results_folder import Results

SIZES = (512, 1024, 2048, 4096, 8192, 16384)
BETA, KAPPA, TAU, GAMMA, NOISE = 1.6, 0.5, 2.0, 4.0, 0.05
DATA = {
    "counts": (),
    "+ isolation and tail": ("isolation", "tail"),
    "+ correlations": ("isolation", "tail", "correlations"),
}
PANELS = {"beta": ("β", BETA), "log_kappa": ("κ", KAPPA), "log_threshold": ("1 + τ", 1 + TAU)}
NOTE = (
    f"Synthetic: the theory's values at six sizes, N = {SIZES[0]} to {SIZES[-1]:,}, errors of 5%. "
    "Vertical: the true values. Counts alone do not determine κ and τ."
)
HALF_WIDTHS = {"beta": 0.2, "log_kappa": 0.7, "log_threshold": 0.5}


def make(results: Results, path: Path) -> list[Path]:
    """Draw the profiles; all data are planted here, none measured."""
    from ..validation.joint_fit import Observations, fit_jointly
    from ..validation.joint_problem import LIMITS

    rows = _planted()
    with style.figure(columns=3, size=(style.WIDTH + 1.4, 3.3), sharey=True) as (figure, axes):
        for i, (words, blocks) in enumerate(DATA.items()):
            measured: dict[str, Any] = {name: rows[name] for name in blocks}
            sd: dict[str, float] = {"counts": NOISE, **{name: NOISE for name in blocks}}
            fit = fit_jointly(Observations(SIZES, rows["counts"], sd=sd, **measured))
            for axis, (name, (symbol, truth)) in zip(axes, PANELS.items(), strict=True):
                logarithmic = name != "beta"
                centre = np.log(truth) if logarithmic else truth
                grid = np.linspace(centre - HALF_WIDTHS[name], centre + HALF_WIDTHS[name], 161)
                grid = np.clip(grid, *LIMITS[name])
                rise = fit.rise(name, grid)
                axis.plot(
                    np.exp(grid) if logarithmic else grid, rise, style.LINES[i], color=style.CYCLE[i], label=words
                )
                axis.axvline(truth, color=style.GREY, lw=0.8)
                axis.set_xlabel(symbol)
                if logarithmic:
                    axis.set_xscale("log")
                    style.size_ticks(axis, [truth / 1.5, truth, truth * 1.5])
        axes[0].axhline(3.84, color=style.GREY, lw=0.8, ls=":")
        axes[0].set_ylim(0, 10)
        axes[0].set_ylabel("rise of χ² (3.84: 95%)")
        for axis in axes[1:]:
            axis.axhline(3.84, color=style.GREY, lw=0.8, ls=":")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        style.source_note(figure, NOTE)
        return style.save(figure, path)


def _planted() -> dict[str, list]:
    """Return the theory's values for the planted parameters: without noise each profile is the expected one."""
    r_tau = np.asarray(frontier(np.array(SIZES, dtype=float), BETA, KAPPA, TAU, GAMMA))
    ranks = [np.arange(1.0, np.floor(edge) + 1) for edge in r_tau]
    counts = r_tau - 0.5  # the mean of whole counts
    r0 = r_tau * (1 + TAU) ** (1 / BETA)
    inside = r0**BETA * (zeta(BETA) - zeta(BETA, counts + 1)) - counts  # Σ s over the Rosetta set
    return {
        "counts": counts.tolist(),
        "isolation": (inside / counts).tolist(),
        "tail": ((KAPPA * np.array(SIZES) - inside) / (np.array(SIZES) - counts)).tolist(),
        "correlations": [1 - (r / last) ** BETA for r, last in zip(ranks, r0, strict=True)],
    }
