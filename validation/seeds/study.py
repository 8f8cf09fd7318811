"""Coverage of the interval of α on simulated crossed ladders: ``python -m rosettalaw.validation.seeds.study OUT.csv``.

Log counts are drawn from the model of `crossed` with the scatter that seeds of training have here (sd of one pair 0.17
to 0.19), with and without error of the text; also with a lack of fit that the intervals do not know of.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from .crossed import analyse_seeds
from .table import SeedTable

SIZES = np.geomspace(128, 768, 6)
ALPHA = 0.7
COMPONENTS = {"even": (0.1, 0.1, 0.1), "one family": (0.13, 0.0, 0.12), "pairs": (0.05, 0.05, 0.16)}
SEEDS = (1, 2, 3, 5)
TEXT, MISFIT = 0.07, 0.07


def draw_table(
    rng: np.random.Generator,
    sizes: np.ndarray,
    seeds: int,
    sds: tuple[float, float, float],
    text: float = 0.0,
    misfit: float = 0.0,
    alpha: float = ALPHA,
) -> SeedTable:
    """Return a crossed ladder of ``N^α`` whose log counts scatter by standard deviations of (a, b, pair)."""
    a, b, pair = sds
    shared = rng.normal(0, np.hypot(text, misfit), len(sizes)) + alpha * np.log(sizes)
    of_a, of_b = (rng.normal(0, sd, (len(sizes), seeds)) for sd in (a, b))
    log = shared[:, None, None] + of_a[:, :, None] + of_b[:, None, :]
    log = log + rng.normal(0, pair, (len(sizes), seeds, seeds))
    size, seed_a, seed_b = np.indices(log.shape).reshape(3, -1)
    return SeedTable(
        neurons=sizes[size], seed_a=seed_a, seed_b=seed_b, counts=np.exp(log).ravel(), text_sd=np.full(log.size, text)
    )


def coverage(seeds: int, sds: tuple[float, float, float], text: float, misfit: float, runs: int, seed: int):
    """Return coverage, mean half-width, and the share of ladders whose line is rejected by the F test."""
    rng = np.random.default_rng(seed)
    fits = [analyse_seeds(draw_table(rng, SIZES, seeds, sds, text, misfit)) for _ in range(runs)]
    covered = np.mean([fit.exponent_ci95[0] <= ALPHA <= fit.exponent_ci95[1] for fit in fits])
    return (
        float(covered),
        float(np.mean([fit.half_width for fit in fits])),
        float(np.mean([f.fit_p < 0.05 for f in fits])),
    )


def write_coverage(path: str | Path, runs: int = 400) -> Path:
    """Write the table of the study."""
    path = Path(path)
    rows = []
    for seeds in SEEDS:
        for name, sds in COMPONENTS.items():
            for text, misfit in ((0.0, 0.0), (TEXT, 0.0), (TEXT, MISFIT)):
                covered, half, rejected = coverage(seeds, sds, text, misfit, runs, len(rows))
                known = {"seeds": seeds, "components": name, "sd_a": sds[0], "sd_b": sds[1], "sd_pair": sds[2]}
                known |= {"text_sd": text, "misfit_sd": misfit, "runs": runs}
                rows.append(known | {"coverage": covered, "half_width": round(half, 4), "line_rejected": rejected})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


if __name__ == "__main__":
    write_coverage(sys.argv[1])
