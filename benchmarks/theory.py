"""Speed of the theory: the sweep, the solver against Brent's method, the allocation against a cumulative sum."""

from __future__ import annotations

import time

import numpy as np
from scipy.optimize import brentq
from scipy.special import zeta

from rosettalaw.theory import (
    CRRA,
    BrokenPowerLaw,
    Exponential,
    Log,
    LogQuadratic,
    Model,
    PowerCost,
    PowerLaw,
    Range,
    Saturating,
    SquaredError,
    StretchedExponential,
    Utility,
    ZipfMandelbrot,
    allocate,
    frontier,
    predict,
    sweep,
)

from .timing import Ratio, seconds

BRENT_POINTS = 500


def run() -> list[Ratio]:
    models = [models_against_the_closed_form(), own_utility_against_a_shipped_one()]
    sweeps = [sweep_of_a_million(), part_of_a_lazy_sweep()]
    return [*sweeps, *solver_against_brent(), allocation_against_cumsum(), *models]


def sweep_of_a_million() -> Ratio:
    grid = {
        "neurons": Range(1e3, 1e9, 100, log=True),
        "beta": Range(1.2, 3, 100),
        "kappa": Range(0.1, 10, 100, log=True),
    }
    (took,) = seconds(lambda: sweep(**grid), repeats=3)
    return Ratio("seconds for a sweep of 10^6 points (β, κ, N), all variables", took, 2.0, at_least=False)


def part_of_a_lazy_sweep() -> Ratio:
    """Processor seconds of 1% of a grid of 10^8 points, over ten times those of a tenth, which stands for the whole."""
    grid = sweep(
        neurons=Range(1e3, 1e9, 1000, log=True),
        beta=Range(1.2, 3, 1000),
        kappa=Range(0.1, 10, 100, log=True),
        memory=1.0,
    )
    parts = grid.isel(kappa=50), grid.isel(neurons=slice(0, 1000, 10))
    works = [lambda part=part: part["count"].data.sum().compute(scheduler="synchronous") for part in parts]
    one, tenth = seconds(*works, repeats=1, clock=time.process_time)
    detail = f"({one:.3g} s of the processor against {10 * tenth:.3g} s)"
    return Ratio("percent of a 10^8 grid's time that 1% of its points take", 10 * one / tenth, 2, False, detail)


def solver_against_brent() -> list[Ratio]:
    """Time per point of the vectorised solver and of `brentq` in a loop, on the same equation and points."""
    rng = np.random.default_rng(0)
    size, beta, kappa = 10 ** rng.uniform(3, 9, 10**6), rng.uniform(1.1, 3, 10**6), 10 ** rng.uniform(-1, 1, 10**6)
    few = list(zip(size.tolist(), beta.tolist(), kappa.tolist(), strict=True))[:BRENT_POINTS]
    equations = {
        "discrete": lambda x, N, b, k: x**b * (zeta(b) - zeta(b, x + 1)) - x - k * N,
        "continuum": lambda x, N, b, k: (x**b - b * x) / (b - 1) + 1 - k * N,
    }
    ratios = []
    for limit, equation in equations.items():
        slow, fast = seconds(
            lambda f=equation: [brentq(f, 1, 4 * N, args=(N, b, k)) for N, b, k in few],
            lambda limit=limit: frontier(size, beta, kappa, limit=limit),
        )
        ratio = slow / BRENT_POINTS / (fast / len(size))
        detail = f"({slow / BRENT_POINTS * 1e6:.3g} µs against {fast / len(size) * 1e6:.3g} µs)"
        bound = 300 if limit == "discrete" else 100
        ratios.append(Ratio(f"brentq's time per point over the solver's, {limit}", ratio, bound, True, detail))
    return ratios


def allocation_against_cumsum() -> Ratio:
    """Sorted weights that are no power law, with a budget that activates about half of them."""
    weights = np.sort(np.random.default_rng(1).lognormal(0, 2, 4 << 20))[::-1].copy()
    total, solved = seconds(lambda: np.cumsum(weights), lambda: allocate(weights, 8.0 * weights.size))
    active = allocate(weights, 8.0 * weights.size).active
    detail = f"({solved * 1e3:.3g} ms against {total * 1e3:.3g} ms, {active / weights.size:.0%} active)"
    return Ratio("allocation of 4·2^20 sorted weights over numpy.cumsum", solved / total, 4, False, detail)


class OwnUtility(Utility):
    """CRRA(0.7) by its `marginal` alone."""

    def marginal(self, s):
        return (1 + s) ** -0.7


def models_against_the_closed_form() -> Ratio:
    """Predictions at four sizes, for families of which some thousands of features are active."""
    sizes = [1e3, 1e4, 1e5, 1e6]
    spectra = [PowerLaw(1.5), Exponential(10.0), StretchedExponential(3.0, 0.5), LogQuadratic(2.0)]
    spectra += [BrokenPowerLaw(1.2, 2.0, 40.0), ZipfMandelbrot(1.5, 10.0)]
    models = [Model(spectrum, Log()) for spectrum in spectra] + [Model(PowerLaw(1.5), cost=PowerCost(0.5))]
    models += [
        Model(PowerLaw(1.5), CRRA(0.7)),
        Model(PowerLaw(3.0), SquaredError()),
        Model(Exponential(10.0), Saturating()),
    ]
    predictions = (lambda one=one: one.predict(sizes) for one in models)
    closed, *times = seconds(lambda: predict(sizes, 1.5), *predictions, clock=time.process_time)
    slowest = models[int(np.argmax(times))]
    detail = f"({max(times) * 1e3:.3g} ms against {closed * 1e3:.3g} ms; slowest {slowest.spectrum}, {slowest.utility})"
    return Ratio("a model's time over the closed power law's, slowest of 10", max(times) / closed, 20, False, detail)


def own_utility_against_a_shipped_one() -> Ratio:
    sizes = [1e3, 1e4, 1e5, 1e6]
    shipped, own = Model(PowerLaw(1.7), CRRA(0.7)), Model(PowerLaw(1.7), OwnUtility())
    fast, slow = seconds(lambda: shipped.predict(sizes), lambda: own.predict(sizes), clock=time.process_time)
    detail = f"({slow * 1e3:.3g} ms against {fast * 1e3:.3g} ms)"
    return Ratio("an own utility's time over that of the same one, shipped", slow / fast, 5, False, detail)
