"""Curves of N fitted by least squares on log R, in a table of names.

`rosettalaw.validation.alternatives` compares them. A new curve is a function of log sizes and log counts that returns
the fitted curve, and a line in `CURVES`; where it has another as a special case, a word in `CONTAINED_IN`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .minimum import minimum
from .theory_draws import fitted_theories
from .theory_search import log_curve

Curve = Callable[[np.ndarray], np.ndarray]


def _constant(x: np.ndarray, y: np.ndarray) -> Curve:
    return lambda at: np.full_like(at, y.mean())


def _linear(x: np.ndarray, y: np.ndarray) -> Curve:
    return lambda at: at + np.mean(y - x)


def _power_law(x: np.ndarray, y: np.ndarray) -> Curve:
    line = np.polyfit(x, y, 1)
    return lambda at: np.polyval(line, at)


def _logarithmic(x: np.ndarray, y: np.ndarray) -> Curve:
    """R = a (1 + t (log N − m)), m the middle of the data; t runs over all slopes that keep R positive on the data."""
    middle = (x.min() + x.max()) / 2
    reach = 0.999 / (np.ptp(x) / 2)

    def shape(t: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(1 + t * (at - middle), 1e-3))  # clipped where R would be negative

    return _searched(x, y, shape, np.linspace(-reach, reach, 201))


def _saturating(x: np.ndarray, y: np.ndarray) -> Curve:
    """Search over log N₀, from far below the smallest size (constant) to far above the largest (linear)."""
    return _searched(x, y, lambda knee, at: at - np.logaddexp(at, knee), np.linspace(x.min() - 7, x.max() + 7, 141))


def _floor_plus_linear(x: np.ndarray, y: np.ndarray) -> Curve:
    """R = a (1 + N/N₀), from N₀ far above the largest size (constant) to far below the smallest (linear)."""
    return _searched(x, y, lambda knee, at: np.logaddexp(0, at - knee), np.linspace(x.min() - 7, x.max() + 7, 141))


def _searched(x: np.ndarray, y: np.ndarray, shape: Callable[..., np.ndarray], grid: np.ndarray) -> Curve:
    """Fit ``log R = log a + shape(t, log N)``: a in closed form, t by a grid search and a polish."""
    best = int(np.argmin(np.var(y - shape(grid[:, None], x), axis=1)))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    t, _ = minimum(lambda t: float(np.var(y - shape(np.float64(t), x))), *bounds, 1e-9)
    offset = float(np.mean(y - shape(t, x)))
    return lambda at: offset + shape(t, at)


def _broken(x: np.ndarray, y: np.ndarray) -> Curve:
    """Two slopes that meet at a knee inside the data: linear least squares for each knee of a grid."""

    def design(knee: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.stack(np.broadcast_arrays(1.0, np.minimum(at, knee), np.maximum(at, knee)), axis=-1)

    sizes = np.unique(x)
    inner = sizes[1:-1] if len(sizes) > 3 else sizes
    knees = np.linspace(inner[0], inner[-1], 101)
    designs = design(knees[:, None], x)
    slopes = np.linalg.pinv(designs) @ y
    best = int(np.argmin(np.sum((y - np.einsum("kni,ki->kn", designs, slopes)) ** 2, axis=1)))
    return lambda at: design(knees[best], at) @ slopes[best]


CURVES: dict[str, tuple[int, Callable[[np.ndarray, np.ndarray], Curve]]] = {
    "constant": (1, _constant),
    "linear": (1, _linear),
    "power law": (2, _power_law),
    "logarithmic": (2, _logarithmic),
    "saturating": (2, _saturating),
    "floor plus linear": (2, _floor_plus_linear),
    "theory": (2, log_curve),
    "broken power law": (4, _broken),
}


def fitted_curves(name: str, x: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Return the log counts of one curve fitted to each of many series, shape (series, sizes)."""
    if name == "theory":
        return fitted_theories(x, ys)
    fit = CURVES[name][1]
    return np.array([fit(x, y)(x) for y in ys])


CONTAINED_IN = {
    "constant": ("power law", "logarithmic", "saturating", "floor plus linear", "broken power law"),
    "linear": ("power law", "saturating", "floor plus linear", "broken power law"),
    "power law": ("broken power law",),
}
