"""`match`: from two activation sources to mutual pairs, their nulls and their replicates."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from ...console import progress
from ...disk import marked, temporary_folder
from ...errors import InputError, UnknownNameError, require, require_extra
from ..activations.source import ActivationSource, common_labels, holding, mapped
from ..activations.views import Without
from ..config import ENGINES
from ..nulls import Null, default_nulls, draws_of
from .cost import Sizes, budget, matchings_at_once, tile_shape
from .evidence.effective_positions import NOT_MEASURED, effective_positions
from .evidence.lexical import lexical_share
from .fresh import fresh_draws
from .machine import arrays, distributed
from .machine.checkpoint import Checkpoint, tile_of
from .machine.choice import AUTO, fastest, library_of_products
from .machine.precision import Product
from .machine.reading import Block, cut_documents, readable
from .machine.small import sized
from .matches import Matches, Side
from .moments import NonFinite, say_faint
from .products import Workspace
from .screening.settings import Screening
from .searches import TRAINED, SearchResult, Settings, exact_search

BLOCK = 2048
PARTS = 16
MOST_BLOCKS = 1024  # a jackknife gains nothing by more, and each takes memory
MOST_MAPPED = 2**30  # bytes of files that the certified engine keeps mapped: larger ones would count as its memory
MOST_IN_PLACE = 2**30  # bytes of positions that are put in place at a time, where no memory is stated
Examine = Callable[[ActivationSource, ActivationSource, Matches], None]


def require_options(k: int, seed: int, jackknife_blocks: int, engine: str, compute: str) -> None:
    """Refuse options that no matching has, whatever its models are.

    Raises
    ------
    RosettaError
        If one is out of its range or unknown, or two do not go together.
    """
    for name, value, least in (("k", k, 1), ("seed", seed, 0)):
        require(value >= least, name, value, f"must be at least {least}", f"{name}={least}")
    fits = jackknife_blocks == 0 or 2 <= jackknife_blocks <= MOST_BLOCKS
    rule = f"must be between 2 and {MOST_BLOCKS}, or 0 for no standard error"
    require(fits, "jackknife_blocks", jackknife_blocks, rule, "jackknife_blocks=16")
    if engine not in ENGINES:
        raise UnknownNameError("engine", engine, ENGINES)
    Product(compute)
    if engine in ("certified", "screened"):
        require_extra("torch")
        rule = f"needs the exact engine: the {engine} one chooses its own"
        require(compute == "float32", "compute", compute, rule, "engine='exact', or compute='float32'")


def match(
    a: ActivationSource,
    b: ActivationSource,
    *,
    k: int = 1,
    also_k: Sequence[int] = (),
    absolute: bool = False,
    nulls: Mapping[str, int] | None = None,
    jackknife_blocks: int = PARTS,
    engine: str = "auto",
    block: int = BLOCK,
    memory: int | None = None,
    tile: tuple[int, int] | None = None,
    seed: int = 0,
    compute: str = "float32",
    device: str = "cpu",
    nonfinite: str = "error",
    spool_as: str = "float32",
    folder: str | os.PathLike[str] | None = None,
    screening: Screening | None = None,
    verified: bool = True,
    quiet: bool = False,
    examine: Examine | None = None,
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
    nulls : mapping of str to int
        Draws of each kind of null (`rosettalaw.empirical.nulls.KINDS`); ``{}`` draws none. By default three draws of
        ``shift``, of ``documents`` where the documents are known, and of ``untrained`` where both models are
        checkpoints (`nulls.default_nulls`). Matchings of small networks share their pass over A with the draws
        (`cost.matchings_at_once`); in large ones products take nearly all of the time, and each draw costs as much
        again. The screened engine shares A's sketch among the draws. It may leave out null pairs weaker than the
        matching's weakest pair, on which no count at or above a pair's correlation depends. Otherwise it does not read
        the rivals of null pairs, so that a draw has too many weak pairs rather than too few.
    jackknife_blocks : int
        Parts of the positions, whole documents where these are known, for the standard error of the count and the
        stability of each pair (`replicates`); 0 skips both.
    engine : str
        "exact"; "certified": half-precision products with a stated bound, and exact correlations where it leaves a
        choice: the same pairs (`certifying`); "auto": the faster of these two on this machine (`machine.choice`); or
        "screened": candidates from a sketch, then exact correlations (`screened`).
    block : int
        Positions read at a time.
    memory : int, optional
        Bytes that the matching may hold in each process; half of the free memory by default (`cost.tile_shape`).
    tile : pair of int, optional
        Neurons of A and B whose products are held at a time; from `memory` by default, or as an unfinished matching
        in `folder` has it.
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
        Where unfinished work is saved. A killed matching that is run again with the same folder and settings resumes
        from its last completed block and gives the same bits; the caller removes the folder when the result is saved.
    screening : Screening, optional
        Settings of the screened engine.
    verified : bool
        Whether the screened engine also correlates the rivals of its pairs (`screened`); for a null it does not.
    quiet : bool
        No progress bar.
    examine : callable, optional
        Called with sources and matches while copies on disk can be read again; by the first process alone.

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
    turned = [one for one in (a, b) if one.positions < len(one.layer)]
    example = "rows of the same inputs, shown to both models"
    if len(turned) == 1:
        example = f"{turned[0].name}.T, if its rows are neurons"
    require(a.positions == b.positions, "positions", f"{_shape(a)} and {_shape(b)}", "must be equal", example)
    require(a.positions >= 2, "positions", a.positions, "a correlation needs at least 2", "10,000 positions, or more")
    require(block >= 1, "block", block, "must be at least 1", "block=1")
    require_options(k=k, seed=seed, jackknife_blocks=jackknife_blocks, engine=engine, compute=compute)
    partners = min(len(a.layer), len(b.layer))
    require(k <= partners, "k", k, f"must be at most the number of neurons, {partners}", "k=1")
    for other in also_k:
        require(other >= 1, "also_k", other, "must be at least 1", "also_k=(2, 5, 10)")
        require(engine in ("auto", "exact"), "also_k", other, "needs the exact engine", "engine='exact', or no also_k")
    require(nonfinite in ("error", "exclude"), "nonfinite", nonfinite, "must be 'error' or 'exclude'")
    # Fail early if the device is unusable: sums take double precision.
    arrays.zeros([1], device)
    parts = cut_documents(a.positions, block, jackknife_blocks or PARTS, common_labels(a, b).get("document"))
    kinds = draws_of(default_nulls(a, b) if nulls is None else nulls)
    for null, draws in kinds.items():
        null.check(a, b, draws)
    shared = sum(draws for null, draws in kinds.items() if not null.fresh)
    sizes = Sizes(
        neurons_a=len(a.layer),
        neurons_b=len(b.layer),
        positions=a.positions,
        parts=len(parts),
        block=block,
        draws=shared,
        k=max((k, *also_k)),
    )
    amount = float(a.positions) * len(a.layer) * len(b.layer) * (1 + shared)
    if engine == AUTO:
        engine = distributed.once(lambda: fastest(amount, also_k, compute, device, folder))
    library = distributed.once(lambda: library_of_products(amount, engine, compute, device, folder))
    free = int(distributed.agree(budget(memory, device, distributed.sharing())))
    if tile is None and engine != "screened":
        # Free memory may have changed since an unfinished matching began: it resumes with its tile.
        shape = functools.partial(tile_shape, sizes, free, device, engine)
        tile = distributed.once(lambda: (None if memory else tile_of(folder)) or shape())
    settings = Settings(
        k=k,
        also_k=tuple(also_k),
        absolute=absolute,
        jackknife_blocks=jackknife_blocks,
        engine=engine,
        block=block,
        tile=tile or (1, 1),
        seed=seed,
        compute=Product(compute).compute,
        library=library,
        device=device,
        screening=screening or Screening(),
        verified=verified,
    )
    with temporary_folder() as temporary:
        marked(temporary, "copies of activations, for as long as they are matched")
        stated = settings.fingerprint(a, b)
        checkpoint = distributed.once(lambda: Checkpoint(folder, stated))
        passes = settings.passes(len(a.layer), len(b.layer))
        runs = settings.screening.runs((a, b), free) if engine == "screened" else passes + 1
        work = checkpoint.folder or Path(distributed.agree(str(temporary)))
        trained = a, b
        reordered = any(null.random_access for null in kinds)
        a, b = readable((a, b), work, block, spool_as, runs + 2 * bool(examine), reordered, quiet)
        if nonfinite == "exclude":
            a, b = Without.nonfinite(a, block), Without.nonfinite(b, block)
        total = a.positions * (1 + shared) * passes
        label = f"matching {Path(a.name).name} with {Path(b.name).name}"
        products = float(total) * len(a.layer) * len(b.layer)
        with sized(products), progress(label, total, quiet or distributed.rank() > 0) as bar:
            in_place = free // 8 if memory else min(free // 8, MOST_IN_PLACE)
            matches = _with_nulls(a, b, kinds, settings, parts, (free, in_place), checkpoint, bar.advance)
        if examine is not None and distributed.rank() == 0:
            examine(a, b, matches)
    if any(null.fresh for null in kinds):
        options = {"memory": memory, "nonfinite": nonfinite, "spool_as": spool_as, "quiet": quiet}
        fresh = {null: draws for null, draws in kinds.items() if null.fresh}
        return fresh_draws(match, matches, trained, fresh, settings, checkpoint.folder, options)
    return matches


def _with_nulls(
    a: ActivationSource,
    b: ActivationSource,
    kinds: Mapping[Null, int],
    settings: Settings,
    parts: list[list[Block]],
    rooms: tuple[int, int],
    checkpoint: Checkpoint,
    advance: Callable[[float], None],
) -> Matches:
    """Match the models, and A with B as each draw of the nulls that leave A as it is has it.

    `rooms` are the bytes that the matching may hold, and those of positions that are put in place at a time.
    """
    exact, (memory, in_place) = settings.engine == "exact", rooms
    draws = [(null, number) for null, many in kinds.items() if not null.fresh for number in range(many)]
    sizes = Sizes(
        neurons_a=len(a.layer),
        neurons_b=len(b.layer),
        positions=a.positions,
        parts=len(parts),
        block=settings.block,
        draws=len(draws),
        k=settings.widest_k,
    )
    at_once = matchings_at_once(sizes, settings.tile, memory, settings.device) if exact else 1
    workspace = Workspace(
        settings.tile,
        parts,
        Product(settings.compute, settings.library),
        settings.device,
        memory,
        at_once,
        draws=bool(draws),
    )
    names = [TRAINED, *(f"{null.label}{number}" for null, number in draws)]

    def against(name: str) -> ActivationSource:
        """Return B, or B as one draw has it, made when it is needed: an order of positions takes memory."""
        if name == TRAINED:
            return b
        null, number = draws[names.index(name) - 1]
        return holding(null.draw(a, b, null.entropy(settings.seed, number))[1], in_place // at_once)

    work = settings, workspace, checkpoint, advance
    # The exact engine reads each block once a tile, in the time of its products; the screened one is all reading.
    small = 4 * a.positions * (len(a.layer) + len(b.layer)) <= MOST_MAPPED
    files = mapped(a, b) if settings.engine == "screened" or (small and not exact) else nullcontext()
    searches: list[SearchResult] = []
    try:
        with files:
            if exact:
                for first in range(0, len(names), at_once):
                    searches += exact_search(a, {name: against(name) for name in names[first : first + at_once]}, *work)
            else:
                search = _search_of(settings.engine)
                searches = [search(a, against(name), *work, name) for name in names]
            measured = bool(kinds) or settings.jackknife_blocks > 0
            signals = effective_positions(a, b, settings.block, memory // 8) if measured else NOT_MEASURED
    except NonFinite as error:
        raise not_finite((a, b)[error.side], error.columns) from None
    trained, *null_searches = searches
    by_kind = {
        null: [one for (of, _), one in zip(draws, null_searches, strict=True) if of is null] for null, _ in draws
    }
    excluded = [np.flatnonzero(arrays.on_host(side.square) == 0) for side in trained.moments]
    for source, out in zip((a, b), excluded, strict=True):
        say_faint(source, out)
    sides = [
        Side(source.name, np.asarray(source.layer), np.asarray(source.unit), out)
        for source, out in zip((a, b), excluded, strict=True)
    ]
    return Matches(
        *trained.pairs,
        a=sides[0],
        b=sides[1],
        positions=a.positions,
        nulls={null.label: [one.pairs[2] for one in many] for null, many in by_kind.items()},
        replicates=trained.replicates,
        autocorrelation=signals[0],
        effective_positions=signals[1],
        lexical_share=_lexical(a, b, trained.pairs) if settings.jackknife_blocks else None,
        k=settings.k,
        absolute=settings.absolute,
        engine=settings.engine,
        seed=settings.seed,
        details={"compute": settings.compute, **({"library": settings.library} if exact else {}), **trained.details},
        at_k=trained.at_k,
        null_at_k={
            other: {null.label: [one.at_k[other][2] for one in many] for null, many in by_kind.items()}
            for other in settings.also_k
        },
    )


def _search_of(engine: str) -> Callable[..., SearchResult]:
    """Return the search of an engine that needs torch and the compiler."""
    if engine == "certified":
        from .certifying.search import certified_search

        return certified_search
    from .screening.search import screened_search

    return screened_search


def _lexical(a: ActivationSource, b: ActivationSource, pairs: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return the lexical share of each pair where the texts of the spans are known."""
    span = common_labels(a, b).get("span")
    return None if span is None else lexical_share(a, b, pairs[0], pairs[1], span)


def not_finite(source: ActivationSource, columns: np.ndarray) -> InputError:
    """Return the error of neurons whose activations the engine refuses."""
    first = int(columns[0])
    where = f"layer {source.layer[first]}, unit {source.unit[first]}"
    others = f" (and {len(columns) - 1} more neurons)" if len(columns) > 1 else ""
    rule = f"holds a NaN, an infinity or a number beyond 1e18 at {where}{others}; activations must be finite"
    return InputError(source.name, f"neuron {first}", rule, "--exclude-nonfinite leaves such neurons out")


def _shape(source: ActivationSource) -> str:
    return f"{source.name} {source.positions} × {len(source.layer)}"
