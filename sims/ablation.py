"""The paper's robustness claim, rerun: are the exponents within 0.05 of theory for every κ, γ and M? (D.7)

    κ, γ ∈ {2^-1, …, 2^5},   M ∈ {10^3, 10^4, 10^5},   N = 2^10 … 2^17,   the paper's six β: every combination
    β = 1.1, 1.2, 1.3: one of κ, γ, M changed at a time

Means come from the detectability integral. Each exponent is compared with its limit for endless networks, which the
claim is about, and with the allocation's own slope at these sizes. `by_draws` checks the integral: six settings of each
β, chosen at random among all κ, γ, M and thresholds, are simulated by sampled covariances at six sizes with at most
1,000 candidates.

    python -m rosettalaw.sims.ablation

takes some ten minutes on one CPU, writes every exponent to results/, and the two summaries ``ablation.csv`` and
``ablation_draws.csv`` beside this file. Their findings are in docs/synthetic/FINDINGS.md, which is tested against them.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from ..console import progress, say
from ..results import replacing
from .packing import Choices, Packing
from .sweep import Simulation, simulate

TOLERANCE = 0.05
POWERS = [2.0**k for k in range(-1, 6)]
INPUTS = [1_000, 10_000, 100_000]
BETAS, LOW_BETAS = [1.5, 1.75, 2.0, 2.25, 2.5, 3.0], [1.1, 1.2, 1.3]
SIZES = 2 ** np.arange(10, 18)
THRESHOLDS = [-1.0, 0.5]
RUNS = 5
DRAWS_SUMMARY = Path(__file__).with_name("ablation_draws.csv")
SUMMARY = Path(__file__).with_name("ablation.csv")
Row = dict[str, float | str]


def settings() -> Iterator[tuple[list[float], float, float, int, float]]:
    """Yield (betas, κ, γ, M, threshold)."""
    for kappa, gamma, inputs, threshold in product(POWERS, POWERS, INPUTS, THRESHOLDS):
        alone = (kappa != 1) + (gamma != 4) + (inputs != 10_000) <= 1
        yield BETAS + (LOW_BETAS if alone else []), kappa, gamma, inputs, threshold


def run(quiet: bool = False) -> list[Row]:
    """Return every exponent of every setting."""
    rows: list[Row] = []
    todo = list(settings())
    cost = [1 + 4 * (len(betas) > len(BETAS)) * kappa**0.7 + kappa**0.6 for betas, kappa, *_ in todo]
    with progress("ablation", sum(cost), quiet) as bar:
        for (betas, kappa, gamma, inputs, threshold), share in zip(todo, cost, strict=True):
            choices = Choices(threshold=threshold)
            simulation = simulate(SIZES, betas, kappa, gamma, inputs, engine="expected", choices=choices, quiet=True)
            for fit in simulation.fits:
                setting: Row = {"beta": fit.beta, "kappa": kappa, "gamma": gamma, "inputs": inputs}
                exponents: Row = {
                    "exponent": fit.exponent,
                    "finite_size_exponent": fit.finite_size_exponent,
                    "asymptotic_exponent": fit.asymptotic_exponent,
                }
                rows.append({**setting, "threshold": threshold, "quantity": fit.quantity, **exponents})
            bar.advance(share)
    return rows


def by_draws(quiet: bool = False) -> list[Row]:
    """Return the exponents of a sample of settings by draws and by the integral, at the same sizes."""
    rng, rows = np.random.default_rng(27), []
    grid = list(product(POWERS, POWERS, INPUTS, THRESHOLDS))
    todo = [(beta, *grid[i]) for beta in LOW_BETAS + BETAS for i in rng.choice(len(grid), 6, replace=False)]
    with progress("ablation by draws", len(todo), quiet) as bar:
        for beta, kappa, gamma, inputs, threshold in todo:
            choices = Choices(threshold=threshold)
            powers = [2**k for k in range(5, 18)]
            fits = [
                N
                for N in powers
                if Packing(neurons=N, beta=beta, kappa=kappa, gamma=gamma, inputs=inputs, choices=choices).candidates
                <= 1000
            ]
            sampled, integral = (
                simulate(fits[-6:], beta, kappa, gamma, inputs, RUNS, 0, engine, choices, quiet=True)
                for engine in ("wishart", "expected")
            )
            for one, other in zip(sampled.fits, integral.fits, strict=True):
                rows.append(
                    {"beta": beta, "kappa": kappa, "gamma": gamma, "inputs": inputs, "threshold": threshold}
                    | {"smallest": fits[-6:][0], "largest": fits[-1], "quantity": one.quantity}
                    | {"drawn": round(one.exponent, 4), "drawn_se": round(_slope_error(sampled, one.quantity), 4)}
                    | {"integral": round(other.exponent, 4)}
                )
            bar.advance()
    return rows


def _slope_error(simulation: Simulation, quantity: str) -> float:
    """Return the standard error of an exponent from the scatter of runs."""
    x = np.log([point.packing.neurons for point in simulation.points])
    runs = np.array([[getattr(run, quantity) for run in point.runs] for point in simulation.points])
    with np.errstate(invalid="ignore"):  # where nothing is left unmatched
        relative = runs.std(axis=1, ddof=1) / np.abs(runs.mean(axis=1)) / np.sqrt(runs.shape[1])
    weights = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    return float(np.sqrt(np.sum((weights * relative) ** 2)))


def summarise(rows: list[Row]) -> list[Row]:
    """Return, for each quantity, threshold and β: settings, share within 0.05 of either reference, and the worst."""
    summary: list[Row] = []
    for quantity, threshold, beta in sorted({(r["quantity"], r["threshold"], r["beta"]) for r in rows}):
        here = [r for r in rows if (r["quantity"], r["threshold"], r["beta"]) == (quantity, threshold, beta)]
        away = {
            name: np.array([abs(float(r["exponent"]) - float(r[name])) for r in here])
            for name in ("asymptotic_exponent", "finite_size_exponent")
        }
        known = np.isfinite(away["asymptotic_exponent"])
        worst = int(np.argmax(np.where(known, away["asymptotic_exponent"], -1)))
        summary.append(
            {
                "quantity": quantity,
                "threshold": threshold,
                "beta": beta,
                "settings": len(here),
                "with_exponent": int(known.sum()),
                "within_limit": int((away["asymptotic_exponent"] <= TOLERANCE).sum()),
                "within_finite_size": int((away["finite_size_exponent"] <= TOLERANCE).sum()),
                "worst": round(float(away["asymptotic_exponent"][worst]), 4),
                **{f"worst_{name}": here[worst][name] for name in ("kappa", "gamma", "inputs")},
            }
        )
    return summary


def claim_table(summary: Sequence[Mapping[str, Any]]) -> str:
    """Return how many settings are within 0.05 of the limit, and the largest difference, as a Markdown table."""
    columns = {
        "count": ("count", -1.0),
        "isolation": ("mean_isolation_matched", -1.0),
        "others' isolation": ("isolation_per_non_rosetta", -1.0),
        "others', ρ ≥ 0.5": ("isolation_per_non_rosetta", 0.5),
    }
    here = {(row["quantity"], float(row["threshold"]), float(row["beta"])): row for row in summary}
    lines = [
        f"| β | settings |{''.join(f' {name} | worst |' for name in columns)}",
        f"|{'--:|' * (2 + 2 * len(columns))}",
    ]
    for beta in LOW_BETAS + BETAS:
        rows = [here[quantity, threshold, beta] for quantity, threshold in columns.values()]
        cells = [f"{row['within_limit']} | {float(row['worst']):.3f}" for row in rows]
        lines.append(f"| {beta:g} | {rows[0]['settings']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def write(rows: list[Row], path: Path) -> None:
    """Write records as CSV, whole or not at all."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def main(arguments: list[str] | None = None) -> None:
    """Run the study; write every exponent to results/ and the summaries beside this file."""
    about = "Test the paper's robustness claim, in about ten minutes. Writes results/ablation.csv and the summaries."
    argparse.ArgumentParser("python -m rosettalaw.sims.ablation", description=about).parse_args(arguments)
    rows = run()
    write(rows, Path("results/ablation.csv"))
    write(summarise(rows), SUMMARY)
    write(by_draws(), DRAWS_SUMMARY)
    say(f"every exponent: results/ablation.csv; summary: {SUMMARY}")


if __name__ == "__main__":
    sys.exit(main())
