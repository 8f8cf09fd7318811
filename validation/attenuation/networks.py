"""Attenuation and recurrence in all networks of a trained ladder with seeds, those of one family matched too.

    python -m rosettalaw.validation.attenuation.networks full networks.csv 0.27

matches every two networks of each size on the ladder's held-out text, without nulls, and writes a row for each size:
attenuation between the networks (`measured`), and triangles of pairs that close, with the number that chance closes
(`rosettalaw.validation.seeds.anchored`), of pairs at or above the correlation given. Networks come from the cache,
where ``rosettalaw demo --ladder full`` has put them; ``--cache FOLDER`` names another one.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..seeds.anchored import closing_triangles
from .measured import Pairs, measure_attenuation

if TYPE_CHECKING:
    from ...empirical.ladder.train import TrainedLadder


def rows(trained: TrainedLadder, rho: float) -> Iterator[dict[str, Any]]:
    """Yield the numbers of each size of a trained ladder, smallest first.

    Parameters
    ----------
    trained : TrainedLadder
        Two families with at least two seeds each.
    rho : float
        Pairs below this correlation are left out.
    """
    from ...empirical.several.several_models import match_several

    measurement = trained.ladder.measurement
    for rung in sorted(trained.ladder.rung, key=lambda one: one.neurons):
        networks = {
            f"{family}-{seed}": str(folder) for (family, size, seed), folder in trained.folders.items() if size == rung
        }
        families = {name: name.rpartition("-")[0] for name in networks}
        text, tokens, seed = trained.held_out, measurement.tokens, measurement.seed
        result = match_several(networks, text=text, tokens=tokens, seed=seed, null="none", contexts=0)
        names = list(networks)
        pairs: dict[tuple[str, str], Any] = {
            (names[pair.first], names[pair.second]): _strong(pair.dataset, rho) for pair in result.pairs
        }
        positions = float(np.mean([pair.dataset["effective_positions"] for pair in result.pairs]))
        attenuation = measure_attenuation(pairs, families, positions, rho)
        yield {"neurons": rung.neurons, "rho": rho, **_plain(attenuation.record()), **triangles(pairs, families)}


def triangles(pairs: Pairs, families: dict[str, str]) -> dict[str, float]:
    """Return pairs that go on to a third network, those that close, and the number by chance, summed over threes.

    Names of counts open with ``within`` where the three networks are of one family, with ``across`` elsewhere.
    """
    totals = {f"{kind}_{name}": 0.0 for kind in ("within", "across") for name in ("go_on", "close", "by_chance")}

    def of(x: str, y: str) -> np.ndarray:
        first, second = pairs[x, y][:2] if (x, y) in pairs else pairs[y, x][1::-1]
        return np.stack([np.asarray(first), np.asarray(second)], axis=1)

    for a, b, c in itertools.combinations(families, 3):
        kind = "within" if len({families[name] for name in (a, b, c)}) == 1 else "across"
        closing = closing_triangles(of(a, b), of(b, c), of(a, c))
        for name, value in (("go_on", closing.of), ("close", closing.count), ("by_chance", closing.expected)):
            totals[f"{kind}_{name}"] += float(value)
    return totals


def _strong(pairs: Any, rho: float) -> tuple[np.ndarray, ...]:
    strong = pairs["correlation"].values >= rho
    return tuple(pairs[name].values[strong] for name in ("unit_a", "unit_b", "correlation"))


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with the ends of each interval in columns of their own."""
    plain = {}
    for name, value in record.items():
        if isinstance(value, tuple):
            plain |= {name.replace("ci95", end): one for end, one in zip(("low", "high"), value, strict=True)}
        else:
            plain[name] = value
    return plain


def write_rows(trained: TrainedLadder, path: str | Path, rho: float) -> Path:
    """Write the table of a trained ladder; finished rows are saved at once."""
    path, table = Path(path), []
    for row in rows(trained, rho):
        table.append({name: f"{value:.4g}" if isinstance(value, float) else value for name, value in row.items()})
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command of this module."""
    from ...empirical.ladder.train import train_ladder
    from ...empirical.language.families import open_ladder

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("ladder", help="name of a shipped ladder, or a ladder file")
    parser.add_argument("out", type=Path, help="the table")
    parser.add_argument("rho", type=float, help="pairs below this correlation are left out")
    parser.add_argument("--cache", type=Path, help="folder of the checkpoints")
    given = parser.parse_args(arguments)
    write_rows(train_ladder(open_ladder(given.ladder), cache=given.cache), given.out, given.rho)


if __name__ == "__main__":
    main()
