"""Sparse samples: features that are independently active with probability ``p_r = ½ r^-β``, and products with them.

One to three features of a sample are active, so X, the samples × features matrix, is stored as its entries, and both of
its products with a dense matrix are sums over them: ``X T`` adds rows of a table for each sample, ``Xᵀ h`` adds samples
for each feature. Every network has its own stream, keyed by (seed, N, β, index): it sees the same data alone and beside
others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

CHUNK = 1 << 15  # samples drawn at once; the numbers of a seed depend on it


def active_probability(beta: float, features: int) -> np.ndarray:
    """Return p_r, the probability that each feature is active, shape (features,)."""
    return 0.5 * np.arange(1.0, features + 1) ** -beta


def variance(p: np.ndarray) -> np.ndarray:
    """Return Var x_r of a value uniform in [0, 1] that is there with probability p."""
    return p / 3 - p**2 / 4


def network_generator(seed: int, neurons: int, beta: float, index: int) -> np.random.Generator:
    """Return the generator of one network, the same alone and in any batch."""
    low, high = np.array([beta]).view(np.uint32).tolist()
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(neurons, low, high, index)))


def active_entries(rng: np.random.Generator, p: np.ndarray, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the active entries of `samples` samples: sample, feature and value of each, ordered by sample.

    Points of a Poisson process of rate ``−log(1 − p)`` a cell hit a cell at least once with probability p: drawing the
    points alone costs as much as there are active features, not samples × features.
    """
    ends = np.cumsum(-np.log1p(-p))
    points = rng.poisson(samples * ends[-1])
    column = np.minimum(np.searchsorted(ends, rng.random(points) * ends[-1], side="right"), len(p) - 1)
    cell = np.sort(rng.integers(samples, size=points) * len(p) + column)
    cell = cell[np.diff(cell, prepend=-1) > 0]
    return cell // len(p), cell % len(p), rng.random(len(cell), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Samples:
    """The block-diagonal X of several networks: entries by row (network, sample), and by column (network, feature)."""

    shape: tuple[int, int, int]  # networks, batch, features
    by_row: tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # column of each entry, first entry of each row, values
    by_column: tuple[torch.Tensor, torch.Tensor, torch.Tensor]

    def times(self, table: torch.Tensor) -> torch.Tensor:
        """Return ``X T``, shape (networks, batch, n), of a table of shape (networks, features, n)."""
        return _bag(*self.by_row, table).view(self.shape[0], self.shape[1], -1)

    def transposed_times(self, h: torch.Tensor) -> torch.Tensor:
        """Return ``Xᵀ h``, shape (networks, features, n), of h of shape (networks, batch, n)."""
        return _bag(*self.by_column, h).view(self.shape[0], self.shape[2], -1)

    def variance(self) -> torch.Tensor:
        """Return the variance of each feature over the batch, shape (networks, features)."""
        import torch

        _, starts, values = self.by_column
        ends = torch.cat([starts[1:], torch.tensor([len(values)])])
        x = values.double()
        sums = torch.nn.functional.pad(torch.stack([x, x * x]).cumsum(1), (1, 0))
        mean, square = (sums[:, ends] - sums[:, starts]) / self.shape[1]
        return (square - mean**2).view(self.shape[0], self.shape[2]).to(values.dtype)


def _bag(index: torch.Tensor, starts: torch.Tensor, values: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    import torch

    rows = table.reshape(-1, table.shape[-1])
    return torch.nn.functional.embedding_bag(index, rows, starts, mode="sum", per_sample_weights=values.to(rows.dtype))


def sample_stream(rngs: Sequence[np.random.Generator], p: np.ndarray, batch: int, steps: int) -> Iterator[Samples]:
    """Yield the samples of `steps` updates for networks with feature probabilities p, shape (networks, features)."""
    chunk = max(1, CHUNK // batch)
    for first in range(0, steps, chunk):
        count = min(chunk, steps - first)
        yield from sample_batches(
            [active_entries(rng, own, count * batch) for rng, own in zip(rngs, p, strict=True)],
            p.shape[1],
            batch,
            count,
        )


def sample_batches(active: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], features: int, batch: int, count: int):
    """Yield `count` batches of the active entries of each network."""
    import torch

    networks = len(active)
    which = np.repeat(np.arange(networks), [len(value) for _, _, value in active])
    sample, feature, value = (np.concatenate(parts) for parts in zip(*active, strict=True))
    step, sample = sample // batch, sample % batch
    row, column = which * batch + sample, which * features + feature
    orders = [_sorted(step, row, networks * batch, count), _sorted(step, column, networks * features, count)]
    for k in range(count):
        sides = []
        for (order, starts), index in zip(orders, (column, row), strict=True):
            entries = order[starts[k, 0] : starts[k, -1]]
            first = torch.from_numpy(starts[k, :-1] - starts[k, 0])
            sides.append((torch.from_numpy(index[entries]), first, torch.from_numpy(value[entries])))
        yield Samples((networks, batch, features), *sides)


def _sorted(step: np.ndarray, line: np.ndarray, lines: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the order of entries by (step, line), and where each line of each step starts, with the end at the end."""
    key = step * lines + line
    edges = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=count * lines))])
    starts = edges[np.arange(count)[:, None] * lines + np.arange(lines + 1)]
    return np.argsort(key, kind="stable"), starts
