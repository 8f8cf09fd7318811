r"""Neurons that recur in three or more networks of a ladder with seeds, one by one.

At one size, the networks are the seeds of two families, and every network of one is matched with every one of the
other. Pairs at or above one correlation are edges between neurons, and a *family of neurons* is a connected component.
It is *closed* if it has one neuron of each of its networks, two or more networks of either family, and every two that
were matched are a pair. Where the matchings are unrelated, there are

    Σ_S Π_{i∈S} N_i Π_{i∈A∩S, j∈B∩S} c_ij / (N_i N_j)

closed families of m networks, S running over all choices of m networks with two or more of either family, with c_ij
pairs of networks of N_i and N_j neurons.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contents import ByContent
from ...empirical.several.recurrence import Edges, families
from ...results import replacing
from .recurrence import crossed_rungs

if TYPE_CHECKING:
    import xarray as xr

LEAST = 3  # networks: in two, a family is one pair, or a chain of them


@dataclass(frozen=True, eq=False)
class RecurringNeurons(ByContent):
    """Families of neurons of three or more networks, size by size.

    Attributes
    ----------
    rho : float
        Correlation at which pairs are counted.
    networks : list of str
        Names of the networks: the family and its seed.
    rows : list of dict
        One row for each family, smallest size first, then those of most networks, then those with the strongest weakest
        pair: ``neurons`` (N), ``networks``, ``closed``, ``weakest`` (ρ), and for each network its neurons as
        "layer:unit", "" where it has none.
    counts : list of dict
        For each size and number of networks: ``neurons``, ``networks``, ``families``, ``closed``, ``closed_by_chance``.
    """

    rho: float
    networks: list[str]
    rows: list[dict[str, Any]]
    counts: list[dict[str, Any]]

    def largest(self, rows: int = 12) -> list[dict[str, Any]]:
        """Return the first rows of the largest size whose seeds are crossed."""
        size = max(one["neurons"] for one in self.counts)
        return [one for one in self.rows if one["neurons"] == size][:rows]

    def write(self, path: str | Path) -> Path:
        """Write the rows as CSV, whole or not at all."""
        names = ["neurons", "networks", "closed", "weakest", *self.networks]
        with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            for row in self.rows:
                size = int(row["neurons"]) if row["neurons"] == int(row["neurons"]) else row["neurons"]
                writer.writerow(row | {"neurons": size, "weakest": f"{row['weakest']:.4f}"})
        return Path(path)


def recurring_neurons(ladder: xr.Dataset, rho: float) -> RecurringNeurons | None:
    """Return the neurons that recur in three or more networks; None without two seeds of either family."""
    needed = ("seed_a", "unit_a", "layer_unit_a")
    if not all(name in ladder for name in needed) or not np.isfinite(rho):
        return None
    names, rows, counts = json.loads(ladder.attrs["families"]), [], []
    networks: dict[str, None] = {}
    for size, rungs in crossed_rungs(ladder):
        seeds = [sorted({key[side] for key in rungs}) for side in (0, 1)]
        here = [f"{names[side]} seed {seed}" for side in (0, 1) for seed in seeds[side]]
        networks |= dict.fromkeys(here)
        edges, neurons, labels = _edges(ladder, rungs, seeds, rho)
        split = len(seeds[0])
        rows += _rows(neurons, edges, labels, here, split, size)
        for number in range(len(here), LEAST - 1, -1):
            of = [one for one in rows if one["neurons"] == size and one["networks"] == number]
            counts.append(
                {
                    "neurons": size,
                    "networks": number,
                    "families": len(of),
                    "closed": sum(one["closed"] for one in of),
                    "closed_by_chance": closed_by_chance(neurons, edges, split, number),
                }
            )
    if not counts:
        return None
    rows = [dict.fromkeys(("neurons", "networks", "closed", "weakest", *networks), "") | row for row in rows]
    return RecurringNeurons(rho=float(rho), networks=list(networks), rows=rows, counts=counts)


def closed_by_chance(neurons: Sequence[int], edges: Sequence[Edges], split: int, models: int) -> float:
    """Return how many closed families of so many networks unrelated matchings of the same counts would have.

    Parameters
    ----------
    neurons : sequence of int
        Neurons of each network, those of the first family before those of the second.
    edges : sequence of Edges
        Pairs of every network of one family with every one of the other.
    split : int
        Networks of the first family.
    models : int
        Networks of a family of neurons.
    """
    counts = {(one.first, one.second): len(one.unit_a) for one in edges}
    total = 0.0
    for chosen in itertools.combinations(range(len(neurons)), models):
        sides = [i for i in chosen if i < split], [j for j in chosen if j >= split]
        if min(map(len, sides)) > 1:
            term = float(np.prod([float(neurons[i]) for i in chosen]))
            for i, j in itertools.product(*sides):
                term *= counts[i, j] / (neurons[i] * neurons[j])
            total += term
    return total


def _edges(
    ladder: xr.Dataset, rungs: dict[tuple[int, int], int], seeds: list[list[int]], rho: float
) -> tuple[list[Edges], list[int], list[dict[int, str]]]:
    """Return the pairs of every two networks, and each network's neurons: their number, and the labels of matched."""
    split, owner = len(seeds[0]), ladder["pair_rung"].values
    strong = ladder["correlation"].values >= rho
    neurons = [0] * (split + len(seeds[1]))
    labels: list[dict[int, str]] = [{} for _ in neurons]
    edges = []
    for (seed_a, seed_b), rung in sorted(rungs.items()):
        pairs = np.flatnonzero((owner == rung) & strong)
        places = seeds[0].index(seed_a), split + seeds[1].index(seed_b)
        units = [ladder[f"unit_{side}"].values[pairs] for side in "ab"]
        for side, place, own in zip("ab", places, units, strict=True):
            largest = int(own.max(initial=-1)) + 1
            exact = int(ladder[f"neurons_{side}"].values[rung]) if f"neurons_{side}" in ladder else 0
            neurons[place] = max(neurons[place], exact or int(ladder["neurons"].values[rung]), largest)
            named = (ladder[f"{name}_{side}"].values[pairs].tolist() for name in ("layer", "layer_unit"))
            labels[place] |= {
                unit: f"{layer}:{within}" for unit, layer, within in zip(own.tolist(), *named, strict=True)
            }
        edges.append(
            Edges(
                first=places[0],
                second=places[1],
                unit_a=units[0],
                unit_b=units[1],
                correlation=ladder["correlation"].values[pairs],
            )
        )
    return edges, neurons, labels


def _rows(
    neurons: list[int], edges: list[Edges], labels: list[dict[int, str]], networks: list[str], split: int, size: float
) -> list[dict[str, Any]]:
    """Return one row for each family of neurons of `LEAST` networks or more."""
    joined = families(neurons, edges)
    members: list[dict[int, list[str]]] = [{} for _ in joined.models]
    each = (joined.member_family.tolist(), joined.member_model.tolist(), joined.member_unit.tolist())
    for family, model, unit in zip(*each, strict=True):
        members[family].setdefault(model, []).append(labels[model][unit])
    rows = []
    for own, number, pairs, weakest in zip(
        members, joined.models.tolist(), joined.pairs.tolist(), joined.weakest.tolist(), strict=True
    ):
        if number >= LEAST:
            single, of_a = all(len(of) == 1 for of in own.values()), sum(model < split for model in own)
            closed = single and 1 < of_a < number - 1 and pairs == of_a * (number - of_a)
            row = {"neurons": size, "networks": number, "closed": closed, "weakest": weakest}
            rows.append(row | {networks[model]: ", ".join(of) for model, of in own.items()})
    return rows
