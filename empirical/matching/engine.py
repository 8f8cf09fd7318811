"""`match`: from two activation sources to mutual pairs, their nulls and their replicates."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...console import progress
from ...errors import InputError, require
from ..array_sources import Permuted, RandomAccess, spool
from ..sources import ActivationSource
from .exact import Tile, pooled, products
from .matches import Matches, Side
from .moments import Moments, NonFinite
from .partners import Partners, Replicate, mutual, overlap, settle, top
from .reading import cut, tiles

BLOCK = 4096
TILE = (2048, 4096)
EXAMPLE = "match(ArraySource('a.npy'), ArraySource('b.npy'))"


@dataclass(frozen=True)
class Settings:
    """How a matching is done; see `match`."""

    k: int
    absolute: bool
    block: int
    parts: int
    tile: tuple[int, int]
    device: str


def match(
    a: ActivationSource,
    b: ActivationSource,
    *,
    k: int = 1,
    absolute: bool = False,
    permutations: int = 3,
    jackknife_blocks: int = 16,
    engine: str = "exact",
    block: int = BLOCK,
    tile: tuple[int, int] = TILE,
    seed: int = 0,
    device: str = "cpu",
    quiet: bool = False,
) -> Matches:
    """Match the neurons of two models.

    Parameters
    ----------
    a, b : ActivationSource
        The models' activations at the same positions.
    k : int
        Two neurons are a pair if each is among the other's k best partners.
    absolute : bool
        Rank by |ρ| instead of ρ. Otherwise only positive correlations make pairs.
    permutations : int
        Draws of the permutation null: all of B's positions permuted uniformly. Each costs as much as the matching.
    jackknife_blocks : int
        Blocks of consecutive positions for the standard error of the count and the split-half overlap; 0 skips both.
    engine : str
        "exact".
    block : int
        Positions read at a time.
    tile : pair of int
        Neurons of A and B whose products are held at a time.
    seed : int
        Seed of the permutations.
    device : str
        Where products are computed, in torch's words.
    quiet : bool
        No progress bar.

    Returns
    -------
    Matches

    Raises
    ------
    InputError
        If the sources have different numbers of positions, fewer than two, or a NaN or infinite activation.
    """
    require(a.positions == b.positions, "positions", f"{_shape(a)} and {_shape(b)}", "must be equal", EXAMPLE)
    require(a.positions >= 2, "positions", a.positions, "a correlation needs at least 2", EXAMPLE)
    for name, value, least in (
        ("k", k, 1),
        ("permutations", permutations, 0),
        ("jackknife_blocks", jackknife_blocks, 0),
    ):
        require(value >= least, name, value, f"must be at least {least}")
    require(engine == "exact", "engine", engine, "must be 'exact'")
    settings = Settings(k, absolute, block, max(jackknife_blocks, 1), tile, device)

    with tempfile.TemporaryDirectory(prefix="rosettalaw-") as folder:
        if permutations or len(tiles(len(a.layer), len(b.layer), tile)) > 1:
            a, b = (_readable(source, Path(folder) / side, block) for source, side in ((a, "a"), (b, "b")))
        total = len(tiles(len(a.layer), len(b.layer), tile)) * a.positions * (1 + permutations)
        with progress(f"matching {a.name} with {b.name}", total, quiet) as bar:
            found = _matching(a, b, settings, bar.advance)
            nulls = []
            for draw in range(permutations):
                assert isinstance(b, RandomAccess)
                null = Settings(k, absolute, block, 1, tile, device)
                nulls.append(_matching(a, Permuted(b, [seed, draw]), null, bar.advance).pairs[2])

    unit_a, unit_b, correlation, margin = found.pairs
    excluded = [np.flatnonzero((side.square == 0).cpu().numpy()) for side in found.moments]
    return Matches(
        unit_a=unit_a,
        unit_b=unit_b,
        correlation=correlation,
        margin=margin,
        a=Side(a.name, np.asarray(a.layer), np.asarray(a.unit), excluded[0]),
        b=Side(b.name, np.asarray(b.layer), np.asarray(b.unit), excluded[1]),
        positions=a.positions,
        null_correlations=nulls,
        replicate_correlations=found.replicates,
        split_half=found.split_half,
        k=k,
        absolute=absolute,
        engine=engine,
        seed=seed,
        details={"contested_units": found.contested, "accumulation": "float32 products, float64 sums"},
    )


@dataclass(frozen=True)
class _Found:
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    replicates: list[np.ndarray]
    split_half: float
    moments: tuple[Moments, Moments]
    contested: int


def _matching(a: ActivationSource, b: ActivationSource, settings: Settings, advance: Callable[[int], None]) -> _Found:
    """Match two sources with all replicates that the parts allow; one part means none."""
    parts = cut(a.positions, settings.block, settings.parts)
    whole = np.full(len(parts), True)
    leave_out = [np.arange(len(parts)) != j for j in range(len(parts))] if len(parts) > 1 else []
    first_half = np.arange(len(parts)) < (len(parts) + 1) // 2
    halves = [first_half, ~first_half] if len(parts) > 1 else []

    neurons = len(a.layer), len(b.layer)
    k = settings.k
    best_a, best_b = (Partners(own, min(k + 1, other)) for own, other in (neurons, neurons[::-1]))
    replicates = [Replicate(*neurons, min(k, *neurons)) for _ in (*leave_out, *halves)]
    moments: list[list[Moments]] = [[], []]
    for rows, columns in tiles(*neurons, settings.tile):
        try:
            tile = Tile(products(a, b, (rows, columns), parts, settings.device, advance))
        except NonFinite as error:
            raise _not_finite((a, b)[error.side], error.columns + (rows, columns)[error.side].start) from None
        rho = tile.correlations(whole)
        key, found, index = top(rho, k + 1, settings.absolute)
        best_a.offer(rows, key, found, np.where(index < 0, -1, index + columns.start))
        key, found, index = top(rho.T, k + 1, settings.absolute)
        best_b.offer(columns, key, found, np.where(index < 0, -1, index + rows.start))
        for subset, replicate in zip((*leave_out, *halves), replicates, strict=True):
            replicate.offer(tile.correlations(subset), (rows, columns), settings.absolute)
        if columns.start == 0:
            moments[0].append(pooled([part.a for part in tile.parts])[0])
        if rows.start == 0:
            moments[1].append(pooled([part.b for part in tile.parts])[0])

    side_a, side_b = (_joined(pieces) for pieces in moments)
    contested = settle(best_a, k, (a, b), (side_a, side_b), settings.block, settings.absolute)
    contested += settle(best_b, k, (b, a), (side_b, side_a), settings.block, settings.absolute)
    drawn = [replicate.pairs(settings.absolute) for replicate in replicates]
    return _Found(
        pairs=mutual(best_a, best_b, k, settings.absolute),
        replicates=[found[2] for found in drawn[: len(leave_out)]],
        split_half=overlap(*drawn[len(leave_out) :]) if halves else float("nan"),
        moments=(side_a, side_b),
        contested=contested,
    )


def _joined(pieces: list[Moments]) -> Moments:
    return Moments(
        pieces[0].count, torch.cat([piece.mean for piece in pieces]), torch.cat([piece.square for piece in pieces])
    )


def _readable(source: ActivationSource, path: Path, block: int) -> RandomAccess:
    """Return the source if its positions can be read in any order, else a copy on disk that can."""
    return source if isinstance(source, RandomAccess) else spool(source, path.with_suffix(".npy"), block)


def _not_finite(source: ActivationSource, columns: np.ndarray) -> InputError:
    first = int(columns[0])
    where = f"layer {source.layer[first]}, unit {source.unit[first]}"
    others = f" (and {len(columns) - 1} more neurons)" if len(columns) > 1 else ""
    rule = f"holds a NaN, an infinity or a number beyond 1e18 at {where}{others}; activations must be finite"
    return InputError(source.name, f"neuron {first}", rule)


def _shape(source: ActivationSource) -> str:
    return f"{source.name} {source.positions} × {len(source.layer)}"
