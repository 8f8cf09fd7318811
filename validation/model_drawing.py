"""Drawings of fits: counts over sizes, and the expected counts of the fitted theory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..looks import COLOURS, INK, axes, symbol
from .theory_search import expected_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .counts import Counts
    from .joint_problem import JointProblem
    from .model_fit import ModelFit

POINTS = 41
MARGIN = 1.25  # beyond the smallest and the largest size


def draw_fit(fit: ModelFit, data: Counts, ax: Axes | None) -> Axes:
    """Draw counts, with their standard deviations where stated, and ``r_τ − ½`` of the fitted model."""
    sizes = _sizes(data.neurons)
    return _draw(sizes, fit.predict(sizes), fit.values, data.neurons, data.counts, data.sd, ax)


def draw_joint_fit(problem: JointProblem, values: Mapping[str, float], ax: Axes | None) -> Axes:
    """Draw counts with the standard deviations that the fit used, and ``r_τ − ½`` at the fitted parameters."""
    sizes = _sizes(problem.neurons)
    curve = expected_count(sizes, values["beta"], values["kappa"], values["tau"], problem.gamma)
    counts = np.exp(problem.measured["counts"])
    sd = np.broadcast_to(problem.sd["counts"] / problem.weight["counts"], counts.shape) * counts
    return _draw(sizes, curve, values, problem.neurons, counts, sd, ax)


def _sizes(neurons: np.ndarray) -> np.ndarray:
    return np.geomspace(neurons.min() / MARGIN, neurons.max() * MARGIN, POINTS)


def _draw(
    sizes: np.ndarray,
    curve: np.ndarray,
    values: Mapping[str, float],
    neurons: np.ndarray,
    counts: np.ndarray,
    sd: np.ndarray | None,
    ax: Axes | None,
) -> Axes:
    fitted = ", ".join(f"{symbol(name)} = {value:.3g}" for name, value in values.items())
    with axes(ax) as drawing:
        drawing.plot(sizes, curve, color=COLOURS["blue"], label=fitted)
        drawing.errorbar(neurons, counts, sd, fmt="o", color=INK, mec="white", mew=0.6, label="counts")
        drawing.set_xscale("log")
        drawing.set_yscale("log")
        drawing.set_xlabel("neurons, N")
        drawing.set_ylabel("count, R")
        drawing.legend()
    return drawing
