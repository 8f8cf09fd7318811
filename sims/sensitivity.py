"""Sensitivity to the choices that the paper leaves open: one changed at a time, the random numbers shared.

Two settings of one point draw from the same stream, so that differences are smaller than the scatter of either. Known
beforehand: rescaling interference norm and noise together changes nothing (correlations have no scale);
with neurons for features with s > 0 alone, nearly all are matched, so the count follows n and no choice can move its
exponent far; idle neurons pair among themselves, about half of them, and make the count grow like N.

Where idle neurons take part, m is of the order of N and drawing takes N³ operations: engine "auto" then means expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .packing import Choices
from .sweep import choose_engine, packings_of, require_runs, simulate

# Open choice -> a setting that differs from the default in it alone.
VARIATIONS: dict[str, Choices] = {
    "default": Choices(),
    "|B_j| = 4": Choices(background=4),
    "|B_j| = 64": Choices(background=64),
    "pool: inactive features": Choices(pool="inactive"),
    "interference norm ÷ 10": Choices(interference_norm=0.1),
    "interference norm × 10": Choices(interference_norm=10.0),
    "σ∞² ÷ 10": Choices(noise=0.1),
    "σ∞² × 10": Choices(noise=10.0),
    "idle neurons: a tenth": Choices(idle=0.1),
    "idle neurons: all": Choices(idle=1.0),
    "threshold ρ ≥ 0.1": Choices(threshold=0.1),
    "threshold ρ ≥ 0.5": Choices(threshold=0.5),
    "all idle, ρ ≥ 0.5": Choices(idle=1.0, threshold=0.5),
}


def sensitivity(
    neurons: Iterable[float],
    beta: Iterable[float],
    kappa: float = 1.0,
    gamma: float = 4.0,
    inputs: int = 10_000,
    runs: int = 10,
    seed: int = 0,
    engine: str = "auto",
    workers: int | None = None,
    quiet: bool = False,
) -> list[Mapping[str, Any]]:
    """Return one record for each β and variation: counts at the largest size, and the exponents over N.

    Parameters are those of `rosettalaw.sims.simulate`.

    Returns
    -------
    list of dict
        ``beta, choice, engine, neurons, candidates, count, count_sd, false_pairs`` at the largest N, and
        ``count_exponent, mean_isolation_exponent, non_rosetta_exponent``.

    Raises
    ------
    InputError
        If `simulate` refuses the arguments with any of the variations; nothing is simulated then.
    """
    neurons, beta = list(neurons), list(beta)
    engines = {
        name: "expected" if engine == "auto" and choices.idle else engine for name, choices in VARIATIONS.items()
    }
    # What one variation refuses is refused before any is simulated; of the whole pool nothing need be computed.
    require_runs(runs, seed, engine, workers)
    points = {
        name: packings_of(neurons, beta, kappa, gamma, inputs, choices)
        for name, choices in sorted(VARIATIONS.items(), key=lambda one: one[1].pool)
    }
    for name, packings in points.items():
        for packing in packings:
            choose_engine(packing, engines[name])
    records: list[Mapping[str, Any]] = []
    for name, choices in VARIATIONS.items():
        simulation = simulate(neurons, beta, kappa, gamma, inputs, runs, seed, engines[name], choices, workers, quiet)
        for b in beta:
            largest = max((p for p in simulation.points if p.packing.beta == b), key=lambda p: p.packing.neurons)
            row = largest.row()
            exponent = {fit.quantity: fit.exponent for fit in simulation.fits if fit.beta == b}
            records.append(
                {
                    "beta": b,
                    "choice": name,
                    "engine": largest.engine,
                    **{key: row[key] for key in ("neurons", "candidates", "count", "count_sd", "false_pairs")},
                    "count_exponent": exponent["count"],
                    "mean_isolation_exponent": exponent["mean_isolation_matched"],
                    "non_rosetta_exponent": exponent["isolation_per_non_rosetta"],
                }
            )
    return sorted(records, key=lambda record: record["beta"])
