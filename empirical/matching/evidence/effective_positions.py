r"""Effective positions: independent positions with which unrelated neurons would correlate as these do.

Correlations of unrelated neurons over M independent positions have variance 1/(M − 1). Over autocorrelated positions
the variance is larger (Bartlett 1935, J. R. Stat. Soc. 98, 536–543). Here it is measured: neurons of A are correlated
with neurons of B shifted by several lags of at least a tenth of the positions, and

    M = 1 + 1 / mean(ρ²)    over all of these, at most the number of positions.

`theory.detect` takes this M in place of the number of positions. The mean is taken over a sample of neurons, so that
each file is read once, some columns of it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...activations.source import ActivationSource, RandomAccess, mapped

NEURONS = 128  # of each model
GROUPS = 4  # of neighbours that these lie in
LAGS = 4
FEWEST = 20  # positions
MOST_BYTES = 2**27  # of both samples: of many positions fewer neurons
NOT_MEASURED = float("nan"), float("nan")


def effective_positions(
    a: ActivationSource, b: ActivationSource, block: int = 2048, memory: int = 2**30
) -> tuple[float, float]:
    """Return the mean lag-1 autocorrelation of neurons of both models, and the effective positions.

    Parameters
    ----------
    a, b : ActivationSource
        The models; NaN are returned where one cannot be read at random.
    block : int
        Positions read at a time.
    memory : int
        Bytes that the samples may take.
    """
    if not (isinstance(a, RandomAccess) and isinstance(b, RandomAccess)) or a.positions < FEWEST:
        return NOT_MEASURED
    most = int(np.clip(min(memory, MOST_BYTES) // (12 * a.positions), 8, NEURONS))
    lags = np.linspace(0.1 * a.positions, 0.9 * a.positions, LAGS).round().astype(int)
    from threadpoolctl import threadpool_info, threadpool_limits

    # Threads of so narrow a product wait for each other every few hundred positions: beside other work, for seconds.
    # So each thread has a lag to itself.
    allowed = min((one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"), default=1)
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(min(allowed, LAGS)) as pool:
        x, y = pool.map(lambda source: _sample(source, most, block), (a, b))
        if not x.shape[1] or not y.shape[1]:
            return NOT_MEASURED
        lag_one = float(np.mean(list(pool.map(_lag_one, (x, y)))))
        squares = list(pool.map(lambda lag: _mean_square(x, y, lag), lags))
    return lag_one, float(min(1 + 1 / max(np.mean(squares), 1e-300), a.positions))


def _lag_one(x: np.ndarray) -> float:
    return float(np.mean(np.einsum("ij,ij->j", x[1:], x[:-1])))


def _mean_square(x: np.ndarray, y: np.ndarray, lag: int) -> float:
    rho = x[: len(x) - lag].T @ y[lag:] + x[len(x) - lag :].T @ y[:lag]
    return float(np.mean(np.square(rho, dtype=float)))


def _sample(source: RandomAccess, most: int, block: int) -> np.ndarray:
    """Return some neurons that vary, centred and of norm 1, shape (positions, neurons)."""
    neurons = len(source.layer)
    width = -(-min(most, neurons) // GROUPS)
    begins = np.unique(np.linspace(0, max(neurons - width, 0), GROUPS).astype(int))
    columns = [slice(begin, begin + width) for begin in begins]
    first = np.concatenate([source.rows(slice(0, 1), some)[0] for some in columns])  # keeps the digits of float32
    out = np.empty((source.positions, len(first)), dtype=np.float32)
    blocks = [slice(start, min(start + block, source.positions)) for start in range(0, source.positions, block)]
    total, square = np.zeros((2, len(first)))
    for here in blocks:
        with mapped(source):  # the groups share the file's pages
            out[here] = np.concatenate([source.rows(here, some) for some in columns], axis=1)
        out[here] -= first
        total += out[here].sum(0)
    mean = (total / source.positions).astype(np.float32)
    for here in blocks:
        out[here] -= mean
        square += np.square(out[here], dtype=float).sum(0)  # of numbers near 1e18 float32 cannot hold the sum
    norm = np.sqrt(square)
    usable = np.isfinite(norm) & (norm > 0)
    if not usable.all():
        out, norm = out[:, usable], norm[usable]
    out /= norm.astype(np.float32)
    return out
