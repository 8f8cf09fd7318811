"""`match`: from two activation sources to mutual pairs, their nulls and their replicates."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...console import progress
from ...errors import InputError, UnknownNameError, require
from ..array_sources import Permuted, Without, identity, mapped
from ..hub import moved
from ..sources import ActivationSource
from . import distributed, screened
from .checkpoint import Checkpoint
from .cost import Sizes, budget, tile_shape
from .exact import Subsets, TileBest
from .matches import Matches, Side
from .moments import Moments, NonFinite
from .pairs import pair_correlations
from .partners import SPARE, Partners, Replicate, mutual, overlap, settle
from .precision import Product
from .products import Workspace
from .reading import cut, readable, tiles

BLOCK = 2048
PARTS = 16
MOST_BLOCKS = 1024  # a jackknife gains nothing by more, and each takes memory
ENGINES = ("exact", "screened")
EXAMPLE = "match(ArraySource('a.npy'), ArraySource('b.npy'))"


@dataclass(frozen=True)
class Settings:
    """How a matching is done; see `match`."""

    k: int
    also_k: tuple[int, ...]
    absolute: bool
    permutations: int
    jackknife_blocks: int
    engine: str
    block: int
    tile: tuple[int, int]
    seed: int
    compute: str
    device: str
    screening: screened.Screening

    def fingerprint(self, a: ActivationSource, b: ActivationSource) -> dict[str, Any]:
        """Return what must be the same for a matching to be gone on with."""
        return {"a": identity(a), "b": identity(b), **dataclasses.asdict(self)}


@dataclass(frozen=True)
class Found:
    """What one matching found: mutual pairs (at other k too), replicates, moments of both sides, and remarks."""

    pairs: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    replicates: list[np.ndarray]
    split_half: float
    moments: tuple[Moments, Moments]
    details: dict[str, Any]
    at_k: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = dataclasses.field(default_factory=dict)


def match(
    a: ActivationSource,
    b: ActivationSource,
    *,
    k: int = 1,
    also_k: Sequence[int] = (),
    absolute: bool = False,
    permutations: int = 3,
    jackknife_blocks: int = PARTS,
    engine: str = "exact",
    block: int = BLOCK,
    memory: int | None = None,
    tile: tuple[int, int] | None = None,
    seed: int = 0,
    compute: str = "float32",
    device: str = "cpu",
    nonfinite: str = "error",
    spool_as: str = "float32",
    folder: str | os.PathLike[str] | None = None,
    screening: screened.Screening | None = None,
    quiet: bool = False,
) -> Matches:
    """Match the neurons of two models.

    Parameters
    ----------
    a, b : ActivationSource
        The models' activations at the same positions.
    k : int
        Two neurons are a pair if each is among the other's k best partners.
    also_k : sequence of int
        Further k whose pairs are listed (`Matches.at_k`) from the same products; exact engine only.
    absolute : bool
        Rank by |ρ| instead of ρ. Otherwise only positive correlations make pairs.
    permutations : int
        Draws of the permutation null: all of B's positions permuted uniformly. Each costs as much as the matching: its
        time goes into products, and B is read in another order. In one pass with the matching A would be read once for
        D draws, but tiles would take 1 + D times the memory; of tiles that small, both sides are read more often than
        is saved. The screened engine shares A's sketch among the draws.
    jackknife_blocks : int
        Blocks of consecutive positions for the standard error of the count and the split-half overlap; 0 skips both.
    engine : str
        "exact", or "screened": candidates from a sketch, then exact correlations (`screened`; no replicates).
    block : int
        Positions read at a time.
    memory : int, optional
        Bytes that the matching may hold; half of what is free by default (`cost.tile_shape`).
    tile : pair of int, optional
        Neurons of A and B whose products are held at a time; from `memory` by default.
    seed : int
        Seed of the permutations, the sketch and the audited sample.
    compute : str
        Precision of the products: "float32", "tf32", "float16" or "bfloat16" (`precision`); they are added in float32.
    device : str
        Where activations are worked on, in torch's words. Lists of pairs are kept on the CPU.
    nonfinite : str
        "error", or "exclude": neurons with a NaN or an infinity take no part and are counted.
    spool_as : str
        Sources that can only be read from the start are copied to disk once, as "float32" or "float16" (half the size;
        each activation is rounded to 11 bits of its block's range).
    folder : path, optional
        Where unfinished work is kept. A killed matching that is run again with the same folder and settings goes on
        from its last completed block and gives the same bits; the caller removes the folder when the result is saved.
    screening : Screening, optional
        Settings of the screened engine.
    quiet : bool
        No progress bar.

    Returns
    -------
    Matches

    Raises
    ------
    InputError
        If the sources have different numbers of positions, fewer than two, or a NaN or infinite activation; or the
        device does not exist.
    ForeignFileError
        If `folder` holds something else.
    """
    require(a.positions == b.positions, "positions", f"{_shape(a)} and {_shape(b)}", "must be equal", EXAMPLE)
    require(a.positions >= 2, "positions", a.positions, "a correlation needs at least 2", EXAMPLE)
    for name, value, least in (("k", k, 1), ("permutations", permutations, 0), ("block", block, 1), ("seed", seed, 0)):
        require(value >= least, name, value, f"must be at least {least}", f"{name}={least}")
    fits = jackknife_blocks == 0 or 2 <= jackknife_blocks <= MOST_BLOCKS
    rule = f"must be between 2 and {MOST_BLOCKS}, or 0 for no standard error"
    require(fits, "jackknife_blocks", jackknife_blocks, rule, "jackknife_blocks=16")
    for other in also_k:
        require(other >= 1, "also_k", other, "must be at least 1", "also_k=(2, 5, 10)")
        require(engine == "exact", "also_k", other, "needs the exact engine", "engine='exact', or no also_k")
    require(nonfinite in ("error", "exclude"), "nonfinite", nonfinite, "must be 'error' or 'exclude'")
    if engine not in ENGINES:
        raise UnknownNameError("engine", engine, ENGINES)
    moved(
        torch.zeros(1, dtype=torch.float64), device
    )  # or it is said what is wrong with it: sums take double precision
    parts = min(jackknife_blocks or PARTS, a.positions)
    sizes = Sizes(len(a.layer), len(b.layer), a.positions, parts, block)
    memory = budget(memory, device)
    tile = tile or tile_shape(sizes, memory, device)
    settings = Settings(
        k,
        tuple(also_k),
        absolute,
        permutations,
        jackknife_blocks,
        engine,
        block,
        tile,
        seed,
        Product(compute).compute,
        device,
        screening or screened.Screening(),
    )
    with tempfile.TemporaryDirectory(prefix="rosettalaw-") as temporary:
        checkpoint = distributed.agree(Checkpoint(folder, settings.fingerprint(a, b)))
        passes = len(tiles(len(a.layer), len(b.layer), tile)) if engine == "exact" else 2
        runs = passes + 1 if engine == "exact" else settings.screening.runs((a, b), memory)
        work = checkpoint.folder or Path(distributed.agree(temporary))
        a, b = readable((a, b), work, block, spool_as, runs, bool(permutations), quiet)
        if nonfinite == "exclude":
            a, b = Without.nonfinite(a, block), Without.nonfinite(b, block)
        total = a.positions * (1 + permutations) * passes
        label = f"matching {Path(a.name).name} with {Path(b.name).name}"
        with progress(label, total, quiet or distributed.rank() > 0) as bar:
            matches = _with_nulls(a, b, settings, memory, checkpoint, bar.advance)
    return matches


def _with_nulls(
    a: ActivationSource,
    b: ActivationSource,
    settings: Settings,
    memory: int,
    checkpoint: Checkpoint,
    advance: Callable[[float], None],
) -> Matches:
    """Match, match with permuted positions, and put the result together."""
    one = _screened if settings.engine == "screened" else _exact
    workspace = Workspace(
        settings.tile if settings.engine == "exact" else (1, 1),
        cut(a.positions, settings.block, settings.jackknife_blocks or PARTS),
        Product(settings.compute),
        settings.device,
        memory,
    )
    # The exact engine reads each block once a tile, in the time of its products; the screened one is all reading.
    kept = mapped(a, b) if settings.engine == "screened" else nullcontext()
    try:
        with kept:
            found = one(a, b, settings, workspace, checkpoint, advance, "trained", settings.jackknife_blocks > 0)
            nulls: list[Found] = []
            for draw in range(settings.permutations):
                permuted = Permuted(b, [settings.seed, draw])  # pyright: ignore[reportArgumentType]  (readable by now)
                nulls.append(one(a, permuted, settings, workspace, checkpoint, advance, f"null{draw}", False))
    except NonFinite as error:
        raise _not_finite((a, b)[error.side], error.columns) from None
    excluded = [np.flatnonzero(side.square.cpu().numpy() == 0) for side in found.moments]
    sides = [
        Side(source.name, np.asarray(source.layer), np.asarray(source.unit), out)
        for source, out in zip((a, b), excluded, strict=True)
    ]
    return Matches(
        *found.pairs,
        a=sides[0],
        b=sides[1],
        positions=a.positions,
        null_correlations=[null.pairs[2] for null in nulls],
        replicate_correlations=found.replicates,
        split_half=found.split_half,
        k=settings.k,
        absolute=settings.absolute,
        engine=settings.engine,
        seed=settings.seed,
        details={"compute": settings.compute, **found.details},
        at_k=found.at_k,
        null_at_k={other: [null.at_k[other][2] for null in nulls] for other in settings.also_k},
    )


def _exact(
    a: ActivationSource,
    b: ActivationSource,
    settings: Settings,
    workspace: Workspace,
    checkpoint: Checkpoint,
    advance: Callable[[float], None],
    name: str,
    with_replicates: bool,
) -> Found:
    """Match two sources tile by tile."""
    k, absolute = settings.k, settings.absolute
    neurons = len(a.layer), len(b.layer)
    count = len(Subsets(len(workspace.parts)).masks()) if with_replicates else 0
    keep = max(k, *settings.also_k, 0) + SPARE
    best = Partners(neurons[0], min(keep, neurons[1])), Partners(neurons[1], min(keep, neurons[0]))
    replicates = [Replicate(*neurons, min(k, *neurons)) for _ in range(count)]
    means, squares = zip(*(_empty_moments(n) for n in neurons), strict=True)
    for number, tile in enumerate(tiles(*neurons, settings.tile)):
        title = f"{name}-tile{number}"
        held = checkpoint.load(title)
        if held is not None:
            found = TileBest(**held)
            advance(a.positions)
        else:
            try:
                products = workspace.tile(a, b, tile, title, checkpoint, advance)
            except NonFinite as error:
                raise NonFinite(error.side, error.columns + tile[error.side].start) from None
            found = products.best(tile, k, absolute, with_replicates, keep)
            if distributed.rank() == 0:
                checkpoint.save(title, found.__dict__)
                distributed.wait()
                workspace.forget(title, checkpoint)
            else:
                distributed.wait()
        found.offer(tile, best, replicates)
        means[0][tile[0]], squares[0][tile[0]] = found.mean_a, found.square_a
        means[1][tile[1]], squares[1][tile[1]] = found.mean_b, found.square_b

    sides = tuple(
        Moments(a.positions, torch.from_numpy(mean), torch.from_numpy(square))
        for mean, square in zip(means, squares, strict=True)
    )
    side_a, side_b = sides
    details: dict[str, Any] = {}
    if settings.compute == "float32":
        contested = settle(best[0], k, (a, b), (side_a, side_b), workspace.parts, absolute)
        contested += settle(best[1], k, (b, a), (side_b, side_a), workspace.parts, absolute)
        details["contested_units"] = contested
    pairs = mutual(*best, k, absolute)
    if name == "trained":
        rho = pair_correlations(a, b, pairs[0], pairs[1], (side_a, side_b), workspace.parts)
        details["largest_rounding_error"] = float(np.max(np.abs(rho - pairs[2]), initial=0))
        pairs = (pairs[0], pairs[1], rho, pairs[3])
    drawn = [replicate.pairs(absolute) for replicate in replicates]
    return Found(
        pairs=pairs,
        replicates=[one[2] for one in drawn[:-2]],
        split_half=overlap(*drawn[-2:]) if drawn else float("nan"),
        moments=(side_a, side_b),
        details=details,
        at_k={other: mutual(*best, other, absolute)[:3] for other in settings.also_k},
    )


def _screened(
    a: ActivationSource,
    b: ActivationSource,
    settings: Settings,
    workspace: Workspace,
    checkpoint: Checkpoint,
    advance: Callable[[float], None],
    name: str,
    with_replicates: bool,
) -> Found:
    """Match two sources through a sketch; see `screened`."""
    screening, absolute, k = settings.screening, settings.absolute, settings.k
    neurons, parts, trained = (len(a.layer), len(b.layer)), workspace.parts, name == "trained"

    def sketched(source: ActivationSource, side: int) -> screened.Sketch:
        how = settings.seed, settings.block, settings.device, workspace.memory
        return screened.kept_sketch(source, side, screening.buckets, *how, checkpoint, name)

    workspace.sketch = workspace.sketch or sketched(a, 0)  # the nulls permute B only
    sketches = workspace.sketch, sketched(b, 1)
    advance(a.positions)
    audited = screening.audit
    search = screened.Search(a, b, sketches, parts, checkpoint, name, k, absolute, trained, audited, settings.seed)
    for attempt in range(5):
        pairs, recall, likely = search.run(min(screening.candidates, *neurons), advance if not attempt else None)
        if screening.recall is None or not recall < screening.recall or screening.candidates >= min(neurons):
            break
        screening = screened.doubled(screening)
    audit: dict[str, float] = {}
    if trained:
        pairs, audit = search.verify()
        recall, likely = search.recall(pairs)
    masks = Subsets(len(parts)).masks() if with_replicates else []
    replicates = [mutual(*search.best(k, mask), k, absolute) for mask in masks]
    return Found(
        pairs=pairs,
        replicates=[one[2] for one in replicates[:-2]],
        split_half=overlap(*replicates[-2:]) if replicates else float("nan"),
        moments=(sketches[0].moments, sketches[1].moments),
        details={
            "buckets": screening.buckets,
            "candidates": screening.candidates,
            "candidate_pairs": len(search.products.unit_a),
            "unverified_pairs": search.unverified,
            "reliable_above": search.reliable_above,
            "recall_expected": recall,
            "recall_rests_on": likely,
            **audit,
        },
    )


def _empty_moments(neurons: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(neurons), np.zeros(neurons)


def _not_finite(source: ActivationSource, columns: np.ndarray) -> InputError:
    first = int(columns[0])
    where = f"layer {source.layer[first]}, unit {source.unit[first]}"
    others = f" (and {len(columns) - 1} more neurons)" if len(columns) > 1 else ""
    rule = f"holds a NaN, an infinity or a number beyond 1e18 at {where}{others}; activations must be finite"
    return InputError(source.name, f"neuron {first}", rule, "--exclude-nonfinite leaves such neurons out")


def _shape(source: ActivationSource) -> str:
    return f"{source.name} {source.positions} × {len(source.layer)}"
