"""The reported study of toy networks, and its files in the repository.

    python -m rosettalaw.sims.toy_reported CACHE [--finished]

trains and measures every part of `toy_recipes.PARTS` (about an hour on two CPUs; CACHE saves trained networks, so
that it may be interrupted; ``--finished`` measures the cells with two networks or more there), writes
``toy_study.csv`` beside this file with one row per cell, and ``toy.nc`` with the profiles of all seeds into docs/toy,
whose FINDINGS.md is tested against both.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Any

from ..console import say
from ..results import replacing, save
from .toy_recipes import BETAS, BOUNDS, CONFIGURATIONS, LAW, NEURONS, PARTS, SCAN, SEED, TAU
from .toy_results import Rows, Study, checks
from .toy_study import study_toys, trained_seeds

ROWS = Path(__file__).with_name("toy_study.csv")
PROFILES = Path("docs/toy/toy.nc")
NUMBERS = ("neurons", "features", "steps", "batch", "seeds", "optimal_count")


def run(cache: Path, finished: bool = False) -> Study:
    """Return all parts as one study; with `finished` the networks in the cache alone."""
    cells = []
    for part in PARTS:
        for name in part.configurations:
            for N in part.neurons:
                for beta in part.beta:
                    seeds = trained_seeds(cache, name, N, beta, part.seeds) if finished else part.seeds
                    if seeds >= 2:
                        cells += study_toys([name], [N], [beta], seeds, cache=cache, quiet=finished).cells
    return Study(tuple(cells), {"seed": SEED, "tau": TAU, "kappa": LAW.kappa})


def write(rows: list[dict[str, Any]]) -> None:
    """Write the rows as CSV, whole or not at all, with four decimals."""
    with replacing(ROWS) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in rows)


def read() -> list[dict[str, Any]]:
    """Return the rows of the reported study."""
    with ROWS.open(encoding="utf-8") as file:
        return [
            {k: v if k == "configuration" else int(v) if k in NUMBERS else float(v or "nan") for k, v in row.items()}
            for row in csv.DictReader(file)
        ]


def counts_table(rows: Rows) -> str:
    """Return isolated features beside those of the optimum, and the share of its utility, of the complete recipes."""
    names = ("law", "scaled", "many updates")
    lines = [f"| N | β | optimum |{'|'.join(f' {name} | utility ' for name in names)}|", f"|{'--:|' * 9}"]
    for key in sorted({(row["neurons"], row["beta"]) for row in rows if row["configuration"] == "scaled"}):
        columns = [_row(rows, name, *key) for name in names]
        cells = [str(key[0]), f"{key[1]:g}", str(next(row for row in columns if row)["optimal_count"])]
        for row in columns:
            cells += (
                [f"{row['count']:.1f} ± {row['count_sd']:.1f}", f"{row['utility_share']:.3f}"] if row else ["–", "–"]
            )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def conditions_table(rows: Rows) -> str:
    """Return the four conditions for each configuration; the plain recipe also up to where it was expected to hold."""
    lines = [
        "| configuration | N | count off by | isolation off by | least utility | precision | recall | the law |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    parts = [("law", NEURONS[-1]), *((name, 10**9) for name in CONFIGURATIONS)]
    for name, last in parts:
        here = [row for row in rows if row["configuration"] == name and row["neurons"] <= last]
        if not here:
            continue
        (check,) = checks(here)
        words = [
            f"{check['worst'][key]:.2f}" if check["met"][key] else f"**{check['worst'][key]:.2f}**" for key in BOUNDS
        ]
        sizes = f"{min(row['neurons'] for row in here)} … {max(row['neurons'] for row in here)}"
        verdict = "holds" if check["law_holds"] else "fails"
        lines.append(f"| {name} | {sizes} | {' | '.join(words)} | {verdict} |")
    return "\n".join(lines)


def scan_table(rows: Rows) -> str:
    """Return the share of the optimum's count at each V, ordered by V, β = 1.2."""
    lines = ["| V | N | updates | batch | found |", "|--:|--:|--:|--:|--:|"]
    here = [row for row in rows if row["configuration"] in SCAN and row["configuration"] != "large batch"]
    for row in sorted(here, key=lambda row: row["visits"]):
        if row["beta"] == BETAS[0]:
            share = row["count"] / row["optimal_count"]
            cells = [f"{row['visits']:,.0f}", row["neurons"], row["steps"], row["batch"], f"{share:.2f}"]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def missing_table(rows: Rows) -> str:
    """Return the announced networks that are missing, or lack seeds."""
    missing: dict[tuple[str, str, str], list[str]] = {}
    for part in PARTS:
        for name in part.configurations:
            for N in part.neurons:
                seeds = {b: (_row(rows, name, N, b) or {"seeds": 0})["seeds"] for b in part.beta}
                for count in sorted({n for n in seeds.values() if n < part.seeds}):
                    betas = ", ".join(f"{b:g}" for b, n in seeds.items() if n == count)
                    missing.setdefault((name, betas, f"{count} of {part.seeds}"), []).append(str(N))
    if not missing:
        return "Everything that was announced was run."
    head = ["| configuration | N | β | seeds |", "|---|---|---|---|"]
    return "\n".join(
        [*head, *(f"| {name} | {', '.join(sizes)} | {b} | {n} |" for (name, b, n), sizes in missing.items())]
    )


def _row(rows: Rows, name: str, neurons: int, beta: float) -> dict[str, Any] | None:
    keys = ("configuration", "neurons", "beta")
    return next((row for row in rows if tuple(row[key] for key in keys) == (name, neurons, beta)), None)


def main(arguments: list[str] | None = None) -> None:
    """Run the study and write its files."""
    parser = argparse.ArgumentParser(
        "python -m rosettalaw.sims.toy_reported",
        description="Train and measure the reported toy networks: about an hour.",
    )
    parser.add_argument("cache", nargs="?", type=Path, default="results/toy-cache", help="folder of trained networks")
    parser.add_argument("--finished", action="store_true", help="measure the networks in CACHE without training")
    options = parser.parse_args(arguments)
    reported = run(options.cache, options.finished)
    write(reported.rows)
    save(reported.to_dataset(), PROFILES)
    say(f"rows: {ROWS}; profiles: {PROFILES}")


if __name__ == "__main__":
    sys.exit(main())
