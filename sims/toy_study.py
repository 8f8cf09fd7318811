"""A study of toy networks: train each configuration over widths, β and seeds, and measure it beside the optimum.

Recipes, expectations and the bounds of "the law holds" are in `toy_recipes`, written before the reported runs; the
findings are in docs/toy/FINDINGS.md, with the files they come from. Pieces of the work (networks of one width) run side
by side, each on one thread; with a cache folder an interrupted study can be resumed.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..checksums import arrays_in
from ..console import progress, say
from ..errors import InputError, UnknownNameError, require
from ..results import replacing
from .toy import Network, Trained, train_networks
from .toy_ingredients import ToyRecipe
from .toy_measures import ToyMeasurement, measure_networks, water_filling
from .toy_recipes import BETAS, CONFIGURATIONS, LAW, NEURONS, SCAN, SEED, SEEDS, TAU
from .toy_results import Cell, Study

EXAMPLE = "study_toys(['law'], neurons=[8, 16, 32], beta=[1.5], seeds=3)"
LARGEST = 1 << 14  # neurons: beyond, one network's weights and their gradients fill tens of gigabytes
MOST_SEEDS, MOST_STEPS = 1000, 10**9  # beyond, a number is a slip of the hand
PIECE = 1 << 20  # encoder weights trained together: the networks of all seeds and β up to N = 128, one at N = 512


def study_toys(
    configurations: Sequence[str] = ("law",),
    neurons: Iterable[float] = NEURONS,
    beta: Iterable[float] = BETAS,
    seeds: int = SEEDS,
    seed: int = SEED,
    steps: int | None = None,
    workers: int | None = None,
    cache: str | os.PathLike[str] | None = None,
    quiet: bool = False,
) -> Study:
    """Train and measure networks of every configuration, width and β, several seeds each.

    Parameters
    ----------
    configurations : sequence of str
        Names in `CONFIGURATIONS` or `SCAN`.
    neurons, beta : iterable of number
        Widths N ≥ 4, and spectrum exponents β.
    seeds : int
        Networks of each kind, ≥ 2, with independent data and first weights.
    seed : int
        Seed of the study.
    steps : int, optional
        Updates, in place of the recipe's.
    workers : int, optional
        Pieces trained at once; default: one per CPU. Results do not depend on it.
    cache : path, optional
        Folder of trained networks; networks in it are not trained again.
    quiet : bool
        Show no progress.

    Raises
    ------
    UnknownNameError
        For a configuration that is not in the tables.
    InputError
        For fewer than two seeds, or sizes outside the model.
    """
    known = {**CONFIGURATIONS, **SCAN}
    for name in configurations:
        if name not in known:
            raise UnknownNameError("configuration", name, known)
    neurons, betas = list(neurons), list(dict.fromkeys(float(b) for b in beta))
    for n in neurons:
        require(4 <= n <= LARGEST, "neurons", n, f"must be between 4 and {LARGEST}", EXAMPLE)
    widths = sorted({round(n) for n in neurons})
    require(bool(widths), "neurons", widths, "must not be empty", EXAMPLE)
    require(seed >= 0, "seed", seed, "must be at least 0", EXAMPLE)
    rule = f"must be from 2 to {MOST_SEEDS}; networks are matched across seeds"
    require(2 <= seeds <= MOST_SEEDS, "seeds", seeds, rule, EXAMPLE)
    require(workers is None or workers >= 1, "workers", workers, "must be at least 1", EXAMPLE)
    for b in betas:
        if not 0 < b < np.inf:
            raise InputError("beta", b, "must be finite and greater than 0", EXAMPLE)
    recipes = {name: known[name].recipe for name in configurations}
    if steps is not None:
        require(1 <= steps <= MOST_STEPS, "steps", steps, f"must be from 1 to {MOST_STEPS}", EXAMPLE)
        recipes = {name: replace(recipe, steps=steps) for name, recipe in recipes.items()}
    acting = dict.fromkeys((recipe.at(width), width) for recipe in recipes.values() for width in widths)
    pieces = [piece for recipe, width in acting for piece in _pieces(recipe, [width], betas, seeds)]
    networks = _train_all(
        pieces, seed, Path(cache) if cache is not None else None, workers or os.cpu_count() or 1, quiet
    )
    cells = []
    with progress("measuring toy networks", len(recipes) * len(widths) * len(betas), quiet) as bar, _one_thread():
        for name, recipe in recipes.items():
            for width in widths:
                for b in betas:
                    trained = _together([networks[recipe.at(width), Network(width, b, i)] for i in range(seeds)])
                    cells.append(_cell(name, replace(trained, recipe=recipe), measure_networks(trained, seed, TAU)))
                    bar.advance()
    facts = {"seed": seed, "seeds": seeds, "tau": TAU, "kappa": LAW.kappa, "steps": steps}
    return Study(tuple(cells), facts)


def trained_seeds(cache: Path, name: str, neurons: int, beta: float, seeds: int, seed: int = SEED) -> int:
    """Return how many networks of a kind a cache folder has, of the first `seeds`, without a gap."""
    recipe = {**CONFIGURATIONS, **SCAN}[name].recipe
    trained = [_file(cache, seed, recipe, Network(neurons, float(beta), i)).is_file() for i in range(seeds)]
    return trained.index(False) if False in trained else seeds


def _cell(name: str, trained: Trained, measured: ToyMeasurement) -> Cell:
    (N, beta, _), recipe = trained.networks[0], trained.recipe
    return Cell(
        configuration=name,
        beta=beta,
        neurons=N,
        isolation=np.array([one.isolation for one in measured.learned]),
        information=np.array([one.information for one in measured.learned]),
        optimum=water_filling(N, beta, recipe.kappa, recipe.gamma, recipe.relu),
        matchings=np.array([[m.pairs, m.precision, m.recall] for m in measured.matchings], dtype=float),
        recipe=recipe,
    )


Piece = tuple[ToyRecipe, tuple[Network, ...]]


def _pieces(recipe: ToyRecipe, widths: Sequence[int], betas: Sequence[float], seeds: int) -> Iterator[Piece]:
    for width in widths:
        networks = [Network(width, b, i) for b in betas for i in range(seeds)]
        size = max(1, int(PIECE / (recipe.gamma * width**2)))
        for start in range(0, len(networks), size):
            yield recipe, tuple(networks[start : start + size])


def _train_all(pieces: Sequence[Piece], seed: int, cache: Path | None, workers: int, quiet: bool):
    """Return the trained network for each (recipe, network), the longest pieces first."""
    networks_by_key: dict[tuple[ToyRecipe, Network], Trained] = {}

    def cost(recipe: ToyRecipe, networks: Sequence[Network]) -> float:
        N = networks[0].neurons
        return recipe.steps * (2e7 + len(networks) * (recipe.gamma * N + recipe.samples(N)) * (N**2 + 2e3))

    def one(recipe: ToyRecipe, networks: tuple[Network, ...], advance: Callable[[float], None]) -> None:
        keys = [(recipe, network) for network in networks]
        share = cost(recipe, networks) / recipe.steps
        singles = [_cached(cache, seed, *key) for key in keys]
        if any(single is None for single in singles):
            with _one_thread():
                trained = train_networks(networks, seed, recipe, lambda: advance(share))
            singles = [Trained((n,), trained.encoder[[i]], trained.bias[[i]], recipe) for i, n in enumerate(networks)]
            for single in singles:
                _save(cache, seed, single)
        else:
            advance(share * recipe.steps)
        networks_by_key.update(zip(keys, [one for one in singles if one is not None], strict=True))

    halt = threading.Event()

    def advance_unless_halted(amount: float) -> None:
        if halt.is_set():
            raise CancelledError
        bar.advance(amount)

    todo = sorted(pieces, key=lambda piece: -cost(*piece))
    total = sum(cost(*piece) for piece in todo)
    with progress("training toy networks", total, quiet) as bar, ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(one, *piece, advance_unless_halted) for piece in todo]
        try:
            for future in futures:
                future.result()
        except BaseException:
            halt.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return networks_by_key


class _one_thread:
    """The order of sums, and so the last bit, depends on the number of threads: one, for this thread's torch."""

    def __enter__(self):
        import torch

        self.before = torch.get_num_threads()
        torch.set_num_threads(1)

    def __exit__(self, *_):
        import torch

        torch.set_num_threads(self.before)


def _together(networks: Sequence[Trained]) -> Trained:
    import torch

    members = tuple(one.networks[0] for one in networks)
    encoder, bias = (torch.cat([getattr(one, name) for one in networks]) for name in ("encoder", "bias"))
    return Trained(members, encoder, bias, networks[0].recipe)


def _file(cache: Path, seed: int, recipe: ToyRecipe, network: Network) -> Path:
    key = repr((seed, recipe.at(network.neurons), network)).replace("ToyRecipe(", "Recipe(")  # its name in older caches
    return cache / f"toy-{hashlib.sha256(key.encode()).hexdigest()[:20]}.npz"


def _save(cache: Path | None, seed: int, trained: Trained) -> None:
    if cache is not None:
        with replacing(_file(cache, seed, trained.recipe, trained.networks[0])) as partial:
            np.savez(partial, encoder=trained.encoder.numpy(), bias=trained.bias.numpy())


def _cached(cache: Path | None, seed: int, recipe: ToyRecipe, network: Network) -> Trained | None:
    import torch

    if cache is None or not (path := _file(cache, seed, recipe, network)).is_file():
        return None
    try:
        arrays = arrays_in(path)
        encoder, bias = (torch.from_numpy(arrays[name]) for name in ("encoder", "bias"))
        neurons = network.neurons
        shapes = (1, int(recipe.gamma * neurons), neurons), (1, 1, neurons)
        fits = (encoder.shape, bias.shape) == shapes and encoder.dtype == bias.dtype == torch.float32
        if fits and torch.isfinite(encoder).all() and torch.isfinite(bias).all():
            return Trained((network,), encoder, bias, recipe)
    except (ValueError, KeyError, TypeError):  # damaged, or an archive of something else
        pass
    say(f"{path}: damaged, or not a network of this study; trained again")
    return None
