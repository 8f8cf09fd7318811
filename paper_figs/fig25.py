"""Figure 25: counts with k best partners per neuron; does the exponent depend on k?

The paper's own counts at several k are not legible in its figure: only ladders measured here are drawn.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import style
from .results_folder import MeasuredLadder, Results
from .zeros import Zeros, interrupted


def make(results: Results, path: Path) -> list[Path]:
    """Draw every ladder that was measured at several k."""
    files = []
    for (name, ladder), (title, _) in zip(results.of("ladder"), results.ladders(), strict=True):
        if "k_calibrated_count" in ladder and ladder.sizes["k"] > 1:
            files += draw(ladder, style.target_of(path, files, name), title)
    return files


def draw_measured(measured: MeasuredLadder, path: Path) -> list[Path]:
    """Draw one measured ladder for its own page; nothing if it has one k alone."""
    return draw(measured.ladder, path) if measured.ladder.sizes["k"] > 1 else []


def draw(ladder, path: str | Path, title: str = "") -> list[Path]:
    """Draw a ladder's counts at each k, raw and above each k's own threshold, with the fitted exponents."""
    every = ladder["neurons"].values
    with style.figure(columns=2, size=(style.WIDTH + 1.4, 3.6), sharey=True) as (figure, axes):
        rows, nulls = [], {}
        for axis, kind, words in zip(axes, ("raw", "calibrated"), ("no threshold", "above ρ*"), strict=True):
            style.log_sizes(axis, every)
            zeros = Zeros(axis)
            rows.append(zeros)
            for i, k in enumerate(ladder["k"].values.tolist()):
                sizes, counts = style.over_seeds(every, ladder[f"k_{kind}_count"].sel(k=k).values)
                if counts.any():
                    style.ours(axis, sizes, interrupted(counts), f"k = {k}{_slope(sizes, counts)}", i)
                zeros.add(sizes, counts, style.MARKERS[i], style.CYCLE[i], style.CYCLE[i], f"k = {k}, {words}")
                null = next((n for one in style.null_looks() if (n := f"k_{one.label}_{kind}") in ladder), None)
                if null is not None:
                    sizes, pairs = style.over_seeds(every, ladder[null].sel(k=k).values)
                    if np.isfinite(pairs).any():
                        nulls[null.removeprefix("k_").removesuffix(f"_{kind}")] = None
                    axis.plot(sizes, pairs, style.MARKERS[i], ls=":", color=style.CYCLE[i], mfc="white", ms=5, lw=1)
            axis.set_title(f"{title}\n{words}" if title else words)
            axis.set_xlabel("MLP neurons per network, N")
            if axis.get_legend_handles_labels()[0]:  # none where no pair is above the threshold at any size
                axis.legend(fontsize=8)
        axes[0].set_ylabel("matched pairs")
        low, high = axes[0].get_ylim()
        axes[0].set_ylim(low, high * (high / low) ** 0.5)
        for row in rows:
            row.draw()
        note = "This package; α: least squares in log–log with 95% interval."
        style.source_note(figure, note + (f" Hollow: {', '.join(nulls)} null." if nulls else ""))
        return style.save(figure, path)


def _slope(sizes: np.ndarray, counts: np.ndarray) -> str:
    from ..validation.power_law import fit_power_law

    if np.sum(counts > 0) < 3:
        return ""
    fit = fit_power_law(sizes[counts > 0], counts[counts > 0])
    low, high = fit.exponent_ci95
    return f": α = {style.signed(fit.exponent)} ({style.signed(low)} to {style.signed(high)})"
