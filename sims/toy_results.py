"""Results of toy networks: cells beside their optimum, exponents over N, and whether the law holds.

A cell is all networks of one configuration, N and β. Its row is in the file of the reported study (`toy_reported`),
and the exponents and the four conditions of `toy_recipes` are computed from rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .exponents import slope
from .toy_ingredients import ToyRecipe
from .toy_measures import profile_slope
from .toy_recipes import BOUNDS, CONFIGURATIONS, LAW, SCAN, TAU, visits

if TYPE_CHECKING:
    import xarray as xr

RANKS = 256  # of a saved profile; the frontier at N = 512 is at 113
Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Cell:
    """All networks of one configuration, β and N, beside the optimum.

    Attributes
    ----------
    isolation, information : ndarray, shape (seeds, A)
        s_r and t_r.
    optimum : ndarray, shape (A,)
        The water-filling's s_r.
    matchings : ndarray, shape (pairs of seeds, 3)
        Pairs, precision and recall.
    recipe : ToyRecipe
    """

    configuration: str
    beta: float
    neurons: int
    isolation: np.ndarray = field(repr=False)
    information: np.ndarray = field(repr=False)
    optimum: np.ndarray = field(repr=False)
    matchings: np.ndarray = field(repr=False)
    recipe: ToyRecipe = LAW

    @property
    def counts(self) -> np.ndarray:
        """R_τ of every seed (Eq. 10)."""
        return (self.isolation >= TAU).sum(axis=1)

    @property
    def mean_isolation(self) -> float:
        """Mean isolation over the features with s ≥ τ of all seeds (Eq. 25)."""
        return _mean(self.isolation[self.isolation >= TAU])

    @property
    def utility_share(self) -> float:
        """``Σ w log(1 + t)`` over the optimum's ``Σ w log(1 + s)``, mean over seeds."""
        w = np.arange(1.0, len(self.optimum) + 1) ** -self.beta
        return float(np.mean(np.log1p(self.information) @ w) / (np.log1p(self.optimum) @ w))

    def row(self) -> dict[str, Any]:
        """Return the cell as a record."""
        pairs, precision, recall = (_mean(column) for column in self.matchings.T)
        detectable = self.optimum >= TAU
        return {
            "configuration": self.configuration,
            "beta": self.beta,
            "neurons": self.neurons,
            "features": len(self.optimum),
            "steps": self.recipe.steps,
            "batch": self.recipe.samples(self.neurons),
            "seeds": len(self.counts),
            "count": float(self.counts.mean()),
            "count_sd": float(self.counts.std(ddof=1)) if len(self.counts) > 1 else np.nan,
            "optimal_count": int(detectable.sum()),
            "visits": visits(self.recipe, self.neurons, self.beta, max(float(detectable.sum()), 1.0)),
            "informed_count": float((self.information >= TAU).sum(axis=1).mean()),
            "mean_isolation": self.mean_isolation,
            "optimal_mean_isolation": _mean(self.optimum[detectable]),
            "profile_slope": _mean([profile_slope(s, TAU) for s in self.isolation]),
            "information_slope": _mean([profile_slope(t, TAU) for t in self.information]),
            "optimal_slope": profile_slope(self.optimum, TAU),
            "utility_share": self.utility_share,
            "pairs": pairs,
            "precision": precision,
            "recall": recall,
        }


@dataclass(frozen=True)
class Study:
    """Cells of a study and the facts of its run."""

    cells: tuple[Cell, ...]
    facts: dict[str, Any]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One record per cell."""
        return [cell.row() for cell in self.cells]

    @property
    def fits(self) -> list[dict[str, Any]]:
        """Exponents over N (`fits`)."""
        return fits(self.rows)

    @property
    def checks(self) -> list[dict[str, Any]]:
        """Each configuration checked against the law (`checks`)."""
        return checks(self.rows)

    def record(self) -> dict[str, Any]:
        """Return rows, fits and checks as plain records."""
        return {"rows": self.rows, "fits": self.fits, "checks": self.checks}

    def to_dataset(self) -> xr.Dataset:
        """Return dimension ``cell`` for every row, and ``(cell, seed, rank)`` for the profiles; NaN pads."""
        from ..results import dataset

        rows = self.rows
        seeds = max(len(cell.isolation) for cell in self.cells)
        ranks = min(max(len(cell.optimum) for cell in self.cells), RANKS)
        profiles = np.full((3, len(rows), seeds, ranks), np.nan, dtype=np.float32)
        for i, cell in enumerate(self.cells):
            last, here = min(len(cell.optimum), ranks), len(cell.isolation)
            profiles[0, i, :here, :last] = cell.isolation[:, :last]
            profiles[1, i, :here, :last] = cell.information[:, :last]
            profiles[2, i, :, :last] = cell.optimum[:last]
        variables: dict[str, Any] = {name: ("cell", np.array([row[name] for row in rows])) for name in rows[0]}
        dims = ("cell", "seed", "rank")
        variables |= {"toy_isolation": (dims, profiles[0]), "toy_information": (dims, profiles[1])}
        variables["toy_optimum"] = (("cell", "rank"), profiles[2, :, 0])
        return dataset("toy", variables, {"rank": np.arange(1, ranks + 1)}, **self.facts)


def fits(rows: Rows) -> list[dict[str, Any]]:
    """Return exponents over N of count and mean isolation: measured with interval, the optimum's, and the limit."""
    exponents = []
    for name, beta in dict.fromkeys((row["configuration"], row["beta"]) for row in rows):
        here = [row for row in rows if (row["configuration"], row["beta"]) == (name, beta)]
        sizes = np.array([row["neurons"] for row in here], dtype=float)
        limits = {"count": min(1.0, 1 / beta), "mean_isolation": max(0.0, 1 - 1 / beta)}
        for quantity, limit in limits.items():
            exponent, interval = slope(sizes, np.array([row[quantity] for row in here], dtype=float))
            optimal, _ = slope(sizes, np.array([row[f"optimal_{quantity}"] for row in here], dtype=float))
            head = {"configuration": name, "beta": beta, "quantity": quantity}
            references = {"finite_size_exponent": optimal, "asymptotic_exponent": limit}
            exponents.append({**head, "exponent": exponent, "exponent_ci95": interval, **references})
    return exponents


def checks(rows: Rows) -> list[dict[str, Any]]:
    """Return for each configuration which conditions hold, the worst value of each, and the expectation."""
    lines, records = fits(rows), []
    for name in dict.fromkeys(row["configuration"] for row in rows):
        here = [row for row in rows if row["configuration"] == name]
        away = {
            quantity: _worst([abs(f["exponent"] - f["finite_size_exponent"]) for f in lines if _is(f, name, quantity)])
            for quantity in ("count", "mean_isolation")
        }
        values = {
            "count": away["count"],
            "isolation": away["mean_isolation"],
            "information": min(row["utility_share"] for row in here),
            "precision": _by_beta(here, "precision"),
            "recall": _by_beta(here, "recall"),
        }
        met = {
            key: bool(value <= BOUNDS[key] if key in ("count", "isolation") else value >= BOUNDS[key])
            for key, value in values.items()
        }
        expected = {**CONFIGURATIONS, **SCAN}[name]
        record = {"configuration": name, "law_holds": all(met.values()), "law_expected": expected.holds}
        records.append({**record, "worst": values, "met": met, "expected": expected.expected})
    return records


def _mean(values) -> float:
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else np.nan


def _is(fit: dict[str, Any], configuration: str, quantity: str) -> bool:
    return fit["configuration"] == configuration and fit["quantity"] == quantity


def _worst(values: list[float]) -> float:
    return float("inf") if any(np.isnan(v) for v in values) else max(values)


def _by_beta(rows: Rows, name: str) -> float:
    """Return the smallest, over β, of the mean over sizes; 0 where nothing was matched."""
    return min(
        float(np.mean([np.nan_to_num(r[name]) for r in rows if r["beta"] == b])) for b in {r["beta"] for r in rows}
    )
