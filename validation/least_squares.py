"""Least squares of a few residuals in a few parameters, by Levenberg and Marquardt's method.

Each step solves ``(JᵀJ + λ D²) δ = −Jᵀf`` as the least squares of J stacked on √λ D, with D the largest norms of J's
columns so far (Moré 1978) and λ set by how well the last step was foretold (Nielsen 1999). A parameter that a step
would take over its limit stops there, and the others take the best step beside it. In place of SciPy's searches, whose
import takes longer than a whole fit of eight counts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

FIRST_DAMPING = 1e-3
MOST = 200  # steps for each parameter
TURNS = 4  # of a parameter, from its limit and to it, in one step
TIGHTEST = 2.3e-16
DIFFERENCE = 1.5e-8  # relative step of a forward difference

Residuals = Callable[[np.ndarray], np.ndarray]
Jacobian = Callable[[np.ndarray, np.ndarray], np.ndarray]  # of the parameters and their residuals


def least_squares(
    residuals: Residuals,
    start: ArrayLike,
    jacobian: Jacobian | None = None,
    precision: float = 1.5e-8,
    limits: tuple[ArrayLike, ArrayLike] = (-np.inf, np.inf),
) -> tuple[np.ndarray, np.ndarray]:
    """Return the parameters of least squares near a start, and their residuals.

    Parameters
    ----------
    residuals : callable
        Residuals, shape (n,), of parameters, shape (k,).
    start : array_like, shape (k,)
        Where the search begins.
    jacobian : callable, optional
        Derivatives of the residuals, shape (n, k), of the parameters and their residuals; by default differences.
    precision : float
        Relative: the search ends when the sum of squares, or the parameters, would change by less.
    limits : tuple of array_like, shape (k,)
        Least and largest values.
    """
    lows, highs = (np.broadcast_to(np.asarray(end, dtype=float), np.shape(start)) for end in limits)
    at = np.clip(np.asarray(start, dtype=float), lows, highs)
    slopes = jacobian or (lambda at, left: forward_differences(residuals, at, left))
    left = residuals(at)
    squares, damping, growth = float(left @ left), FIRST_DAMPING, 2.0
    matrix = slopes(at, left)
    scale = np.maximum(np.sqrt(np.sum(matrix**2, axis=0)), 1e-30)
    for _ in range(MOST * len(at)):
        step = _step(matrix, left, np.sqrt(damping) * scale, lows - at, highs - at)
        there = np.clip(at + step, lows, highs)
        left_there = residuals(there)
        gain = squares - float(left_there @ left_there)
        linear = left + matrix @ step
        foretold = squares - float(linear @ linear)
        small = np.linalg.norm(scale * step) <= precision * np.linalg.norm(scale * at)
        settled = abs(gain) <= precision * squares and foretold <= precision * squares
        if gain > 0:
            at, left, squares = there, left_there, squares - gain
            if small or settled:
                break
            matrix = slopes(at, left)
            scale = np.maximum(scale, np.sqrt(np.sum(matrix**2, axis=0)))
            share = gain / foretold if foretold > gain else 1.0
            damping *= max(1 / 3, 1 - (2 * share - 1) ** 3)
            growth = 2.0
        else:
            if small or settled or foretold <= TIGHTEST * squares:
                break
            damping, growth = damping * growth, 2 * growth
    return at, left


def forward_differences(residuals: Residuals, at: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return derivatives of the residuals by each parameter."""
    columns = []
    for place, value in enumerate(at):
        moved = at.copy()
        moved[place] += DIFFERENCE * abs(value) or DIFFERENCE
        columns.append((residuals(moved) - left) / (moved[place] - value))
    return np.stack(columns, axis=1)


def _step(matrix: np.ndarray, left: np.ndarray, damping: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
    """Return the best damped step within its limits: parameters stop at a limit until the others call them back."""
    stacked = np.concatenate([matrix, np.diag(damping)])
    wanted = -np.concatenate([left, np.zeros(len(damping))])
    step = np.zeros(len(damping))
    downhill = stacked.T @ wanted
    free = ~(((lows >= 0) & (downhill < 0)) | ((highs <= 0) & (downhill > 0)))
    for _ in range(TURNS * len(damping)):
        target = step.copy()
        if free.any():
            rest = wanted - stacked[:, ~free] @ step[~free]
            target[free] = np.linalg.lstsq(stacked[:, free], rest, rcond=None)[0]
        over = (target < lows) | (target > highs)
        if over.any():
            way = np.where(target < lows, lows - step, highs - step)
            share = np.where(over, way / np.where(over, target - step, 1.0), np.inf)
            first = int(np.argmin(share))
            step = np.clip(step + share[first] * (target - step), lows, highs)
            step[first] = lows[first] if target[first] < lows[first] else highs[first]
            free[first] = False
            continue
        step = target
        downhill = stacked.T @ (wanted - stacked @ step)
        back = np.where(free, 0.0, np.where(step <= lows, downhill, -downhill))
        if back.max() <= TIGHTEST * np.abs(wanted).max() * np.abs(stacked).max():
            break
        free[int(np.argmax(back))] = True
    return step
