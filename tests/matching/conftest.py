"""An independent matching in float64, planted activations, and what every test of the engine shares."""

import numba
import numpy as np
import pytest
import torch


def reference_correlations(x, y):
    """Correlate all columns in float64 with everything in memory; constant columns give NaN."""
    x, y = (np.asarray(side, dtype=np.float64) for side in (x, y))
    constant_x, constant_y = ((side == side[0]).all(0) for side in (x, y))
    x, y = x - x.mean(0), y - y.mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = (x.T @ y) / np.sqrt((x**2).sum(0))[:, None] / np.sqrt((y**2).sum(0))
    rho[constant_x] = np.nan
    rho[:, constant_y] = np.nan
    return rho


def reference_pairs(x, y, k=1, absolute=False, equal=1e-12):
    """Return {(u, v): ρ} by sorting every row and column; values closer than `equal` tie, the lower index first."""
    rho = reference_correlations(x, y)
    key = np.where(np.isnan(rho), -np.inf, np.abs(rho) if absolute else rho)
    partners = [[_first(row, k, equal) for row in side] for side in (key, key.T)]
    return {
        (u, v): rho[u, v]
        for u, chosen in enumerate(partners[0])
        for v in chosen
        if u in partners[1][v] and (absolute or rho[u, v] > 0)
    }


def _first(row, k, equal):
    left, chosen = row.copy(), []
    while len(chosen) < k and left.max() > -np.inf:
        chosen.append(int(np.flatnonzero(left >= left.max() - equal)[0]))
        left[chosen[-1]] = -np.inf
    return chosen


def planted(positions, neurons_a, neurons_b, shared, noise=0.5, seed=0, dtype=np.float32):
    """Return activations of which A's first `shared` neurons share a signal with B's neurons `order`, and `order`."""
    rng = np.random.default_rng(seed)
    signals = rng.standard_normal((positions, shared))
    a, b = (rng.standard_normal((positions, neurons)) for neurons in (neurons_a, neurons_b))
    order = rng.permutation(neurons_b)[:shared]
    a[:, :shared] = signals + noise * a[:, :shared]
    b[:, order] = signals + noise * b[:, order]
    return a.astype(dtype), b.astype(dtype), order


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Small tensors are faster on one thread, most of all beside other busy processes."""
    threads = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    yield
    torch.set_num_threads(threads[0])
    numba.set_num_threads(threads[1])


@pytest.fixture(scope="session")
def reference():
    """Brute force: all correlations, all mutual pairs."""
    return reference_pairs


@pytest.fixture(scope="session")
def correlations():
    """Brute force: the full matrix."""
    return reference_correlations


@pytest.fixture(scope="session")
def plant():
    """Synthetic activations with known pairs."""
    return planted
