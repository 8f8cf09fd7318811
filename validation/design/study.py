"""Predictions of designs compared with simulated ladders: ``python -m rosettalaw.validation.design.study OUT.csv``.

Whole tables of counts with crossed seeds are drawn 400 times from each design and analysed; ladders of correlations are
drawn 400 times from the alternatives of the triangle. Predictions use other random numbers than the ladders do.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from ..seeds.components import estimate_components
from ..seeds.crossed import of_means
from ..seeds.study import draw_table
from .expected import expect, rival_p, triangle_powers
from .plan import Design, Scatter

DESIGNS = (
    Design(neurons=tuple(np.geomspace(128, 768, 6)), seeds=1),
    Design(neurons=tuple(np.geomspace(128, 768, 6)), seeds=2),
    Design(neurons=tuple(np.geomspace(128, 768, 6)), seeds=3),
    Design(neurons=tuple(np.geomspace(128, 768, 6)), seeds=3, scatter=Scatter(0.13, 0.05, 0.1), positions=344_000),
    Design(neurons=tuple(np.geomspace(288, 3072, 8)), seeds=3),
    Design(neurons=tuple(np.geomspace(128, 6144, 5)), seeds=5, beta=2.0),
)


def simulate(design: Design, runs: int, ladders: int, seed: int) -> dict[str, float]:
    """Return half-widths and rates of simulated ladders of a design."""
    rng = np.random.default_rng(seed)
    sds = design.scatter.a, design.scatter.b, design.scatter.pair
    fits, betas = [], []
    rejected: dict[str, list[bool]] = {"linear": [], "logarithmic": []}
    for _ in range(runs):
        table = draw_table(rng, design.sizes, design.seeds, sds, design.text_sd, 0.0, design.alpha)
        components, means = estimate_components(table)
        fits.append(of_means(means, components, table).exponent_ci95)
        betas.append((design.beta_at(fits[-1][0]) - design.beta_at(fits[-1][1])) / 2)
        for name, result in rejected.items():
            result.append(components is not None and rival_p(means, components, name) < 0.05)
    low, high = np.array(fits).T
    triangle = triangle_powers(design, ladders, rng) if ladders else {}
    return {
        "half_width_alpha": float(np.mean(high - low) / 2),
        "half_width_beta": float(np.median(betas)),
        "sublinear": float(np.mean((low > 0) & (high < 1))),
        "shrinking": float(np.mean(high < 1)),
        **{f"over {name}": float(np.mean(result)) for name, result in rejected.items()},
        **{f"triangle {name}": value for name, value in triangle.items()},
    }


def write_study(path: str | Path, runs: int = 400, ladders: int = 400) -> Path:
    """Write predictions beside the values of simulated ladders."""
    path = Path(path)
    rows = []
    for i, design in enumerate(DESIGNS):
        said = expect(design, ladders=ladders, seed=1000 + i)
        predicted = {"half_width_alpha": said.half_width_alpha, "half_width_beta": said.half_width_beta}
        predicted |= {"sublinear": said.sublinear, "shrinking": said.shrinking}
        predicted |= {f"over {name}": said.curves[name] or 0.0 for name in ("linear", "logarithmic")}
        predicted |= {f"triangle {name}": value for name, value in said.triangle.items()}
        seen = simulate(design, runs, ladders, i)
        known = {"sizes": len(design.sizes), "largest": round(design.sizes[-1]), "seeds": design.seeds}
        known |= {"positions": design.positions, "beta": design.beta}
        for name, value in predicted.items():
            row = {
                "design": i,
                **known,
                "quantity": name,
                "predicted": f"{value:.4g}",
                "simulated": f"{seen[name]:.4g}",
            }
            rows.append(row | {"runs": ladders if name.startswith("triangle") else runs})
        with path.open("w", newline="", encoding="utf-8") as file:  # each finished design is saved
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return path


if __name__ == "__main__":
    write_study(sys.argv[1])
