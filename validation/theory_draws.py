"""The theory fitted to many series of log counts at once: the draws of a test, which one by one take most of a fit.

The same least squares as `theory_search.log_curve`, over β and log b at τ = 1 and γ = 4, by Levenberg and Marquardt's
steps for all series together. A β that would leave its range stays at the end of it, and b takes the best step there.
"""

from __future__ import annotations

import numpy as np

from ..theory.frontiers import frontiers
from .theory_search import BETA_RANGE, FLOOR, GAMMA, TAU, WIDEST

STEPS = 60
TURNS = 6
PRECISION = 1e-9
DIFFERENCE = 1e-7


def fitted_theories(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the log counts of the best theory of each series.

    Parameters
    ----------
    x : ndarray, shape (sizes,)
        Log sizes.
    y : ndarray, shape (series, sizes)
        Log counts.

    Returns
    -------
    ndarray, shape (series, sizes)
    """
    at = _starts(x, y)
    curve = _curves(x, at)
    left, damping = y - curve, np.full(len(y), 1e-3)
    squares, running = np.sum(left**2, axis=1), np.ones(len(y), dtype=bool)
    for _ in range(STEPS):
        if not running.any():
            break
        some = np.flatnonzero(running)
        slopes = _slopes(x, at[some], curve[some])
        there = _stepped(at[some], slopes, left[some], damping[some])
        curve_there = _curves(x, there)
        squares_there = np.sum((y[some] - curve_there) ** 2, axis=1)
        better = squares_there <= squares[some]
        gain = squares[some] - squares_there
        moved = np.abs(there - at[some]).max(1)
        taken = some[better]
        at[taken], curve[taken], squares[taken] = there[better], curve_there[better], squares_there[better]
        left[taken] = y[taken] - curve[taken]
        damping[some] *= np.where(better, 0.1, 10.0)
        settled = (better & (gain <= PRECISION * squares_there)) | (moved <= PRECISION) | (damping[some] > 1e12)
        running[some[settled]] = False
    return curve


def _curves(x: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return log expected counts, shape (series, sizes), of parameters of shape (series, 2)."""
    shape = len(at), len(x)
    neurons = np.broadcast_to(np.exp(x), shape)
    beta = np.broadcast_to(at[:, :1], shape)
    kappa = np.broadcast_to(np.exp(np.clip(at[:, 1:], -WIDEST, WIDEST)) * (1 + TAU), shape)
    return np.log(np.maximum(frontiers(neurons, beta, kappa, TAU, GAMMA) - 0.5, FLOOR))


def _starts(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return β from the slope of a line, and the log b at which the middle size is met."""
    low, high = BETA_RANGE
    slopes, middle = np.polyfit(x, y.T, 1)[0], len(x) // 2
    beta = np.clip(1 / np.maximum(slopes, 1e-3), low + 0.05, high - 0.5)
    guess = beta * y[:, middle] - x[middle]  # r_τ^β = b N, up to ζ(β)
    for _ in range(TURNS):  # d log R/d log b is at most 1/β, so that no step goes too far
        guess = guess + beta * (y[:, middle] - _curves(x[middle : middle + 1], np.stack([beta, guess], axis=1))[:, 0])
    return np.stack([beta, guess], axis=1)


def _slopes(x: np.ndarray, at: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Return derivatives by β and log b, shape (series, sizes, 2), by forward differences."""
    columns = []
    for place in (0, 1):
        moved = at.copy()
        moved[:, place] += DIFFERENCE * np.maximum(np.abs(at[:, place]), 1.0)
        columns.append((_curves(x, moved) - curve) / (moved - at)[:, place : place + 1])
    return np.stack(columns, axis=2)


def _stepped(at: np.ndarray, slopes: np.ndarray, left: np.ndarray, damping: np.ndarray) -> np.ndarray:
    """Return the parameters after a damped step; β stays in its range."""
    products = np.einsum("sni,snj->sij", slopes, slopes)
    uphill = np.einsum("sni,sn->si", slopes, left)
    damped = products * (1 + damping[:, None, None] * np.eye(2)) + 1e-300 * np.eye(2)
    determinant = damped[:, 0, 0] * damped[:, 1, 1] - damped[:, 0, 1] ** 2
    determinant = np.where(determinant > 0, determinant, np.inf)
    step = np.stack(
        [
            (damped[:, 1, 1] * uphill[:, 0] - damped[:, 0, 1] * uphill[:, 1]) / determinant,
            (damped[:, 0, 0] * uphill[:, 1] - damped[:, 0, 1] * uphill[:, 0]) / determinant,
        ],
        axis=1,
    )
    beta = np.clip(at[:, 0] + step[:, 0], *BETA_RANGE)
    change = beta - at[:, 0]
    alone = (uphill[:, 1] - products[:, 0, 1] * change) / damped[:, 1, 1]  # the best step of log b beside that of β
    return np.stack([beta, at[:, 1] + np.where(change == step[:, 0], step[:, 1], alone)], axis=1)
