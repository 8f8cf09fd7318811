"""A ladder with planted truth for the joint fit: brute-force water-filling, with errors of a stated size."""

import numpy as np

from rosettalaw.validation.joint_fit import Observations
from rosettalaw.validation.observations import BLOCKS

SIZES = np.array([512, 1024, 2048, 4096, 8192, 16384])
BETA, KAPPA, TAU, SCALE = 1.6, 0.5, 2.0, 3.0
TRUTH = {"beta": BETA, "log_kappa": np.log(KAPPA), "log_threshold": np.log1p(TAU), "log_scale": np.log(SCALE)}
TRUTH_OF_COUNTS = {name: TRUTH[name] for name in ("beta", "log_kappa", "log_threshold")}
NOISE = 0.05


def water_fill(size):
    """Isolation of every feature at the discrete optimum (Eqs. 11, 14), by trying every active set."""
    w = np.arange(1.0, 4 * size + 1) ** -BETA
    active = np.arange(1, len(w) + 1)
    level = (KAPPA * size + active) / np.cumsum(w)
    return np.maximum(w * level[np.flatnonzero(w * level > 1)[-1]] - 1, 0)


PROFILES = {int(size): water_fill(size) for size in SIZES}


def observe(seed, blocks=BLOCKS, stated=True, noise=NOISE):
    rng = np.random.default_rng(seed)
    rows = {name: [] for name in BLOCKS}
    for size, s in PROFILES.items():
        count = round(np.sum(s >= TAU) * np.exp(rng.normal(0, noise)))  # pairs by chance are in every block
        found, rest = s[:count], s[count:]
        rows["counts"].append(count)
        rows["isolation"].append(SCALE * found.mean() * np.exp(rng.normal(0, noise)))
        rows["tail"].append(SCALE * rest.sum() / (size - count) * np.exp(rng.normal(0, noise)))
        rows["correlations"].append(1 - np.exp(rng.normal(0, noise, len(found))) / (1 + found))
    kept = {name: rows[name] for name in blocks}
    return Observations(list(PROFILES), **kept, sd=dict.fromkeys(blocks, noise) if stated else {})
