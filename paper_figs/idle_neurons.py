"""Idle neurons, which figure 27 leaves out: where they take part, the count without a threshold is about N/2.

Synthetic networks, β = 1.5, 1,000 inputs. Points are draws from the exact law of the correlations, lines the
detectability integral. Two unrelated networks have ``N²/(2N − 1)`` mutual pairs, so this line has slope 1 whatever the
features do; a correlation threshold brings the features' own slope back.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import style
from .results_folder import Results

BETA, INPUTS = 1.5, 1_000
LINES, POINTS, RUNS = 2 ** np.arange(8, 18), 2 ** np.arange(8, 11), 3
CASES = [  # words, share of idle neurons that take part, threshold, colour
    ("every neuron takes part,\nno threshold", 1.0, -1.0, "vermilion"),
    ("only neurons with a feature,\nno threshold (figure 27)", 0.0, -1.0, "blue"),
    ("every neuron takes part,\nρ ≥ 0.5", 1.0, 0.5, "green"),
]


def make(results: Results, path: Path) -> list[Path]:
    """Simulate and draw; a few seconds."""
    from ..sims import Choices, simulate

    with style.figure(size=(style.WIDTH + 1.2, 4.2)) as (figure, axis):
        labels = []
        for i, (words, idle, threshold, colour_name) in enumerate(CASES):
            choices, colour = Choices(idle=idle, threshold=threshold), style.COLOURS[colour_name]
            line = simulate(LINES, BETA, inputs=INPUTS, engine="expected", choices=choices, quiet=True)
            samples = simulate(POINTS, BETA, inputs=INPUTS, runs=RUNS, engine="wishart", choices=choices, quiet=True)
            counts = [row["count"] for row in line.rows]
            axis.plot(LINES, counts, color=colour, lw=1.4)
            axis.plot(
                POINTS, [row["count"] for row in samples.rows], style.MARKERS[i], color=colour, mec="white", ms=6.5
            )
            slope = line.fits[0].exponent
            labels.append((LINES[-1], counts[-1], f"{words}\nslope {slope:.2f}", style.dark(colour)))
        axis.set_xlabel("neurons per network, N")
        axis.set_ylabel("matched pairs")
        axis.set_title(f"Idle neurons match by chance (β = {BETA:g}, 1/β = {1 / BETA:.2f})")
        style.log_sizes(axis)
        style.source_note(figure, "Points: simulated networks. Lines: expected count, with its slope at the right.")
        style.label_ends(axis, labels)
        return style.save(figure, path)
