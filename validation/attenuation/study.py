"""Error rates of the triangle's verdicts on ladders drawn from the theory, with and without attenuation and seeds.

    python -m rosettalaw.validation.attenuation.study triangle_rates.csv 300

writes the table; the number is that of the ladders of each kind, of which 300 take some minutes of one core. Every kind
of ladder is drawn that often and put through `measure_triangle`; the law of attenuations is fitted to a few. Sizes and
thresholds are those of the two kept ladders.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..triangle import measure_triangle
from .drawn import DrawnLadder

QUICKSTART: dict[str, Any] = {
    "neurons": (128.0, 192.0, 256.0, 384.0, 512.0, 768.0),
    "thresholds": (0.3515, 0.2841, 0.3061, 0.3082, 0.2747, 0.2426),
    "middle_count": 44.0,
}
FULL: dict[str, Any] = {
    "neurons": (288.0, 384.0, 576.0, 768.0, 1152.0, 1536.0, 2304.0, 3072.0),
    "thresholds": (0.27, 0.23, 0.27, 0.27, 0.23, 0.23, 0.22, 0.21),
    "middle_count": 155.0,
}
ATTENUATIONS = (None, (0.9, 0.05), (0.8, 0.1), (0.7, 0.15), (0.6, 0.2), (0.5, 0.25))
SCATTERS = (0.0, 0.17)  # of log r0 between networks: none, and that of seeds of training
BUDGET = {"beta": 0.6, "theta": 0.7}
FITTED = 16  # ladders of a kind to which the law of attenuations is fitted


def kinds() -> Iterator[tuple[str, DrawnLadder]]:
    """Yield every kind of ladder of the study with its name."""
    for name, sizes, beta in (("quickstart", QUICKSTART, 1.35), ("full", FULL, 1.5)):
        for scatter in SCATTERS:
            for attenuation in ATTENUATIONS:
                yield name, DrawnLadder(**sizes, beta=beta, attenuation=attenuation, scatter=scatter)
            yield name, DrawnLadder(**sizes, beta=BUDGET["beta"], theta=BUDGET["theta"], scatter=scatter)


def rates(ladder: DrawnLadder, runs: int, seed: int, fitted: int = FITTED) -> dict[str, float]:
    """Return means over drawn ladders: exponents, the share of each verdict, and the fitted attenuation."""
    rng = np.random.default_rng(seed)
    measured, fits = [], []
    for run in range(runs):
        triangle = measure_triangle(ladder.neurons, ladder.draw(rng))
        if triangle.status != "ok":
            continue
        exponents = triangle.count.value, triangle.profile.value, triangle.product.value, triangle.expected_product
        measured.append((*exponents, triangle.unattenuated_contradicted, triangle.theory_contradicted))
        result = triangle.attenuation if run < fitted else None
        if result is not None:
            facts = result.needed, result.can_tell, result.flat_rejected
            fits.append((result.mean, result.sd, result.smallest_reconciling_mean, *facts))
    names = ("alpha", "b", "product", "expected_product", "unattenuated_contradicted", "theory_contradicted")
    words = ("fitted_mean", "fitted_sd", "smallest_reconciling_mean", "needed", "can_tell", "flat_profile_rejected")
    table = {"runs": float(len(measured))} | dict(zip(names, np.mean(measured, axis=0), strict=True))
    return table | dict(zip(words, np.nanmean(fits, axis=0) if fits else np.full(len(words), np.nan), strict=True))


def write_rates(path: str | Path, runs: int, seed: int = 0) -> Path:
    """Write the table of the study."""
    path, rows = Path(path), []
    for i, (name, kind) in enumerate(kinds()):
        mean, sd = kind.attenuation or (1.0, 0.0)
        truth = {"ladder": name, "beta": kind.beta, "theta": kind.theta, "mean": mean, "sd": sd}
        result = {key: f"{value:.4g}" for key, value in rates(kind, runs, seed + i).items()}
        rows.append({**truth, "scatter": kind.scatter, **result})
        with path.open("w", newline="", encoding="utf-8") as file:  # each finished row is saved
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return path


if __name__ == "__main__":
    write_rates(sys.argv[1], int(sys.argv[2]))
