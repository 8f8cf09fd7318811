"""Simulations over sizes and spectra: engines, independent streams, and the result as a Dataset.

Each run draws from its own stream, keyed by (seed, N, β, run): a point is the same alone and in a sweep, whatever the
number of workers, and two settings that differ in an open choice alone share their random numbers. Linear algebra runs
on one thread per worker, because the order of its sums, and so the last bit, depends on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..console import progress
from ..errors import InputError, UnknownNameError, require
from . import dense, wishart
from .expected import expect
from .exponents import LIMITS, Exponent, fit_exponents
from .packing import EXAMPLE, Choices, Outcome, Packing, mutual_nearest

if TYPE_CHECKING:
    import xarray as xr

MOST_RUNS = 1_000_000
ENGINES = ("auto", "dense", "expected", "wishart")
DRAW: dict[str, Callable[[Packing, np.random.Generator], Outcome]] = {"dense": dense.draw, "wishart": wishart.draw}
FACTS = ("kappa", "gamma", "inputs", "runs", "seed", *(field.name for field in fields(Choices)))
MEASURED = tuple(field.name for field in fields(Outcome) if field.name != "count_sd")


@dataclass(frozen=True)
class Point:
    """Outcomes of all runs of one packing; one outcome, of means, if the engine was `expected`."""

    packing: Packing
    engine: str
    runs: tuple[Outcome, ...]

    def mean(self, name: str) -> float:
        """Return the mean over runs, of those in which it is defined."""
        values = np.array([getattr(run, name) for run in self.runs])
        known = values[np.isfinite(values)]
        return float(known.mean()) if known.size else np.nan

    @property
    def count_sd(self) -> float:
        """Standard deviation of the count from run to run."""
        if self.engine == "expected":
            return self.runs[0].count_sd
        return float(np.std([run.count for run in self.runs], ddof=1)) if len(self.runs) > 1 else np.nan

    def row(self) -> dict[str, Any]:
        """Return the point as a record, means over runs."""
        packing, means = self.packing, {name: self.mean(name) for name in MEASURED}
        head = {"beta": packing.beta, "neurons": packing.neurons, "count": means.pop("count")}
        return {**head, "count_sd": self.count_sd, "candidates": packing.candidates, **means}


@dataclass(frozen=True)
class Simulation:
    """Points of a sweep over β (outer) and N (inner), with its arguments."""

    points: tuple[Point, ...]
    facts: dict[str, Any]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One record per point: ``beta, neurons, count, count_sd, candidates, false_pairs, …``."""
        return [point.row() for point in self.points]

    @cached_property
    def fits(self) -> list[Exponent]:
        """Exponents of count and isolation over N for each β, measured and expected."""
        fitted = []
        for beta in dict.fromkeys(point.packing.beta for point in self.points):
            points = [point for point in self.points if point.packing.beta == beta]
            measured = {name: np.array([point.mean(name) for point in points]) for name in LIMITS}
            fitted += fit_exponents([point.packing for point in points], measured)
        return fitted

    @classmethod
    def from_dataset(cls, ds: xr.Dataset) -> Simulation:
        """Return the simulation that `to_dataset` described."""
        facts: dict[str, Any] = {name: ds.attrs.get(name) for name in FACTS}
        choices = Choices(**{field.name: facts[field.name] for field in fields(Choices)})
        shared = {"kappa": facts["kappa"], "gamma": facts["gamma"], "inputs": facts["inputs"], "choices": choices}
        points = []
        for b in ds["beta"].values:
            for size in ds["neurons"].values:
                one = ds.sel(beta=b, neurons=size)
                columns = [one[f"{name}_run"].values.tolist() for name in MEASURED]
                sd = float(one["count_sd"]) if one["engine"] == "expected" else np.nan
                runs = [Outcome(*values, count_sd=sd) for values in zip(*columns, strict=True)]
                points.append(Point(Packing(int(size), float(b), **shared), str(one["engine"].values), tuple(runs)))
        return cls(tuple(points), facts)

    def matched_correlations(self, beta: float, runs: int = 3, threshold: float = 0.5) -> list[tuple[int, np.ndarray]]:
        """Return, for the first runs at each size of one β, the size and the correlations of its matched pairs.

        A result holds counts; its seed gives the same networks again. Sizes whose counts were computed by the integral
        have no networks and are left out.

        Parameters
        ----------
        beta : float
            One β of the sweep.
        runs : int
            Runs drawn again at each size, at most.
        threshold : float
            Least correlation of a pair: ½ is that of τ = 1 (Eq. 62).
        """
        pairs = []
        for point in self.points:
            if point.packing.beta == beta and point.engine == "wishart":
                choose_engine(point.packing, "wishart")  # a file may ask for networks that fit into no memory
                for run in range(min(len(point.runs), runs)):
                    generator = stream(int(self.facts["seed"]), point.packing, run)
                    matrix = wishart.correlations(point.packing, generator)
                    pairs.append((point.packing.neurons, matrix[mutual_nearest(matrix, threshold)]))
        return pairs

    def record(self) -> dict[str, Any]:
        """Return rows and fits as plain records."""
        return {"rows": self.rows, "fits": [asdict(fit) for fit in self.fits]}

    def to_dataset(self) -> xr.Dataset:
        """Return dimensions ``beta, neurons, run``: every run of every quantity, and the number of candidates."""
        from ..results import dataset

        betas = list(dict.fromkeys(point.packing.beta for point in self.points))
        sizes = list(dict.fromkeys(point.packing.neurons for point in self.points))
        shape = (len(betas), len(sizes), -1)
        named = {
            f"{name}_run": np.array([[getattr(run, name) for run in p.runs] for p in self.points]).reshape(shape)
            for name in MEASURED
        }
        variables: dict[str, Any] = {name: (("beta", "neurons", "run"), values) for name, values in named.items()}
        flat = {
            "candidates": [p.packing.candidates for p in self.points],
            "count_sd": [p.count_sd for p in self.points],
        }
        variables |= {name: (("beta", "neurons"), np.array(values).reshape(shape[:2])) for name, values in flat.items()}
        variables["engine"] = (("beta", "neurons"), np.array([p.engine for p in self.points]).reshape(shape[:2]))
        return dataset("simulation", variables, {"beta": betas, "neurons": sizes}, **self.facts)


def simulate(
    neurons: float | Iterable[float],
    beta: float | Iterable[float],
    kappa: float = 1.0,
    gamma: float = 4.0,
    inputs: int = 10_000,
    runs: int = 10,
    seed: int = 0,
    engine: str = "auto",
    choices: Choices | None = None,
    workers: int | None = None,
    quiet: bool = False,
) -> Simulation:
    """Simulate pairs of synthetic networks and match them (D.7).

    Parameters
    ----------
    neurons : number or iterable of numbers
        Sizes N ≥ 2, rounded to whole neurons; each is simulated once.
    beta : float or iterable of float
        Spectrum exponents β.
    kappa, gamma : float
        Budget and features per neuron.
    inputs : int
        M ≥ 4 inputs that correlations are taken over.
    runs : int
        Independent pairs of networks per point.
    seed : int
        Seed; the same seed gives the same bits for any number of workers.
    engine : {"auto", "wishart", "dense", "expected"}
        "auto" is wishart where memory allows, and expected beyond.
    choices : Choices, optional
        Choices that the paper leaves open.
    workers : int, optional
        Runs at once; default: one per CPU.
    quiet : bool
        Show no progress.

    Raises
    ------
    InputError
        For values outside the model, and sizes too large for the chosen engine.

    Examples
    --------
    >>> [row["count"] for row in simulate([256, 1024], 2.0, runs=3, quiet=True).rows]
    [12.0, 24.333333333333332]
    """
    choices = choices or Choices()
    require_runs(runs, seed, engine, workers)
    packings = packings_of(neurons, beta, kappa, gamma, inputs, choices)
    engines = [choose_engine(packing, engine) for packing in packings]
    points = _run(packings, engines, int(runs), seed, workers or os.cpu_count() or 1, quiet)
    facts = {"kappa": kappa, "gamma": gamma, "inputs": inputs, "runs": runs, "seed": seed, **choices.facts()}
    return Simulation(tuple(points), facts)


def packings_of(
    neurons: float | Iterable[float],
    beta: float | Iterable[float],
    kappa: float,
    gamma: float,
    inputs: int,
    choices: Choices,
) -> list[Packing]:
    """Return the points that `simulate` runs with these arguments; nothing is drawn.

    Raises
    ------
    InputError
        As `simulate` does, but for sizes that are too large for an engine.
    """
    require(inputs == int(inputs), "inputs", inputs, "must be a whole number", EXAMPLE)
    sizes, betas = _sizes(neurons), list(dict.fromkeys(_numbers("beta", beta)))
    return [
        Packing(neurons=size, beta=b, kappa=kappa, gamma=gamma, inputs=int(inputs), choices=choices)
        for b in betas
        for size in sizes
    ]


def require_runs(runs: int, seed: int, engine: str, workers: int | None) -> None:
    """Refuse what `simulate` refuses of the arguments that say how points are run."""
    rule = f"must be a whole number from 1 to {MOST_RUNS}"
    require(1 <= runs <= MOST_RUNS and runs == int(runs), "runs", runs, rule, EXAMPLE)
    require(seed >= 0, "seed", seed, "must be at least 0", EXAMPLE)
    require(workers is None or workers >= 1, "workers", workers, "must be at least 1", EXAMPLE)
    if engine not in ENGINES:
        raise UnknownNameError("engine", engine, ENGINES)


def choose_engine(packing: Packing, engine: str = "auto") -> str:
    """Return the engine for a packing; "auto" by size.

    Raises
    ------
    InputError
        If the chosen engine would not fit into memory.
    """
    rows = packing.candidates + 2 * packing.matched
    if engine == "auto":
        return "wishart" if rows <= wishart.LARGEST else "expected"
    if engine == "wishart" and rows > wishart.LARGEST:
        rule = f"engine wishart takes n + 2m ≤ {wishart.LARGEST} (here {rows}, β = {packing.beta:g})"
        raise InputError("neurons", packing.neurons, rule, "engine='expected', or a larger beta")
    if engine == "dense" and packing.neurons > dense.LARGEST:
        rule = f"engine dense takes at most {dense.LARGEST} neurons"
        raise InputError("neurons", packing.neurons, rule, "engine='wishart'")
    return engine


def stream(seed: int, packing: Packing, run: int) -> np.random.Generator:
    """Return the generator of one run: the same wherever the run takes place."""
    beta_low, beta_high = np.array([packing.beta]).view(np.uint32).tolist()
    key = (packing.neurons, beta_low, beta_high, run)
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(seed, spawn_key=key)))


def _run(packings: Sequence[Packing], engines: Sequence[str], runs: int, seed: int, workers: int, quiet: bool):
    from threadpoolctl import threadpool_limits

    def one(i: int, run: int) -> Outcome:
        if engines[i] == "expected":
            return expect(packings[i])
        return DRAW[engines[i]](packings[i], stream(seed, packings[i], run))

    jobs = [(i, run) for i in range(len(packings)) for run in range(1 if engines[i] == "expected" else runs)]
    cost = [packings[i].matched ** 3.0 + 1e5 for i, _ in jobs]
    order = sorted(range(len(jobs)), key=lambda job: -cost[job])  # the longest first: no straggler at the end
    outcomes: dict[tuple[int, int], Outcome] = {}
    with threadpool_limits(1), progress("simulating", sum(cost), quiet) as bar, ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(one, *jobs[job]): job for job in order}
        try:
            for future in as_completed(futures):
                outcomes[jobs[futures[future]]] = future.result()
                bar.advance(cost[futures[future]])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for i, (packing, engine) in enumerate(zip(packings, engines, strict=True)):
        yield Point(packing, engine, tuple(outcomes[key] for key in sorted(outcomes) if key[0] == i))


def _sizes(neurons: float | Iterable[float]) -> list[int]:
    sizes = _numbers("neurons", neurons)
    for size in sizes:
        whole = np.isfinite(size) and size >= 2
        require(whole, "neurons", size, "must be whole numbers of at least 2", EXAMPLE)
    return list(dict.fromkeys(round(size) for size in sizes))


def _numbers(argument: str, values: float | Iterable[float]) -> list[float]:
    from ..theory.parameters import as_floats

    array = np.atleast_1d(as_floats(argument, list(values) if isinstance(values, Iterator) else values, EXAMPLE))
    rule = "must be a number or a one-dimensional array"
    require(array.ndim == 1 and array.size, argument, f"array of shape {array.shape}", rule, EXAMPLE)
    return array.tolist()
