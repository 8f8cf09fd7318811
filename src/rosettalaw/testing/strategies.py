"""Strategies of hypothesis: families, models, sizes and ladders.

Every function returns a strategy that covers the shipped families; each takes strategies of your own in their place.
Numbers shrink to simple ones: sizes to powers of ten, parameters to halves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError, MissingExtraError
from ..theory import (
    CRRA,
    BrokenPowerLaw,
    Budget,
    Cost,
    Empirical,
    Exponential,
    LinearBudget,
    Log,
    LognormalQuantiles,
    LogQuadratic,
    Model,
    PowerBudget,
    PowerCost,
    PowerLaw,
    PurePower,
    Saturating,
    Spectrum,
    SquaredError,
    StretchedExponential,
    UnitCost,
    Utility,
    ZipfMandelbrot,
)
from .ladder import PlantedLadder

try:
    from hypothesis import assume
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ImportError:
    raise MissingExtraError("hypothesis", "testing") from None


def numbers(low: float, high: float, simple: Sequence[float] = ()) -> SearchStrategy[float]:
    """Return a strategy of numbers between two limits, even in their logarithm where both are positive."""
    between = st.floats(low, high)
    if low > 0 and high / low > 100:
        between = st.floats(math.log10(low), math.log10(high)).map(lambda x: min(max(10.0**x, low), high))
    known = [value for value in simple if low <= value <= high]
    return st.one_of(st.sampled_from(known), between) if known else between


def sizes(low: float = 1.0, high: float = 1e4) -> SearchStrategy[float]:
    """Return a strategy of sizes N: whole numbers, even in their logarithm."""
    decades = [10.0**k for k in range(13)]
    return numbers(low, high, decades).map(lambda size: float(min(max(round(size), math.ceil(low)), math.floor(high))))


def thresholds(low: float = 0.05, high: float = 50.0) -> SearchStrategy[float]:
    """Return a strategy of τ."""
    return numbers(low, high, (1.0, 0.5, 2.0))


def spectra(*families: type[Spectrum]) -> SearchStrategy[Spectrum]:
    """Return a strategy of spectra of the families given, of all shipped ones without any."""
    beta = numbers(0.2, 6.0, (1.0, 1.5, 2.0))
    scale = numbers(0.5, 1000.0, (1.0, 10.0))
    known = {
        PowerLaw: st.builds(PowerLaw, beta),
        ZipfMandelbrot: st.builds(ZipfMandelbrot, beta, numbers(0.01, 100.0, (1.0,))),
        BrokenPowerLaw: st.builds(BrokenPowerLaw, beta, beta, numbers(2.0, 1000.0, (10.5,))),
        Exponential: st.builds(Exponential, scale),
        StretchedExponential: st.builds(StretchedExponential, scale, numbers(0.2, 2.0, (0.5,))),
        LogQuadratic: st.builds(LogQuadratic, numbers(0.5, 5.0, (1.0, 2.0))),
        LognormalQuantiles: st.builds(LognormalQuantiles, numbers(0.1, 4.0, (1.0,))),
        Empirical: st.builds(_measured, st.integers(1, 500), beta, st.integers(0, 2**16)),
    }
    return _of(known, families, "spectra(PowerLaw, Exponential)")


def utilities(*families: type[Utility]) -> SearchStrategy[Utility]:
    """Return a strategy of utilities of the families given, of all shipped ones without any."""
    eta = numbers(0.2, 5.0, (1.0, 0.5, 2.0))
    known = {
        Log: st.just(Log()),
        CRRA: st.builds(CRRA, eta),
        SquaredError: st.just(SquaredError()),
        Saturating: st.just(Saturating()),
        PurePower: st.builds(PurePower, eta),
    }
    return _of(known, families, "utilities(Log, CRRA)")


def costs(*families: type[Cost]) -> SearchStrategy[Cost]:
    """Return a strategy of costs that do not fall with rank."""
    known = {UnitCost: st.just(UnitCost()), PowerCost: st.builds(PowerCost, numbers(0.0, 2.0, (0.0, 0.5, 1.0)))}
    return _of(known, families, "costs(PowerCost)")


def budgets(*families: type[Budget]) -> SearchStrategy[Budget]:
    """Return a strategy of budget laws."""
    kappa = numbers(1e-3, 1e3, (1.0, 0.1, 10.0))
    known = {
        LinearBudget: st.builds(LinearBudget, kappa),
        PowerBudget: st.builds(PowerBudget, kappa, numbers(0.0, 1.5, (1.0, 0.5, 0.0))),
    }
    return _of(known, families, "budgets(LinearBudget)")


@st.composite
def models(
    draw: Any,
    spectrum: SearchStrategy[Spectrum] | None = None,
    utility: SearchStrategy[Utility] | None = None,
    cost: SearchStrategy[Cost] | None = None,
    budget: SearchStrategy[Budget] | None = None,
) -> Model:
    """Return a strategy of models with any of the parts, A = γN or A fixed; A is what an empirical spectrum holds."""
    parts: dict[str, Any] = {
        "spectrum": draw(spectra() if spectrum is None else spectrum),
        "utility": draw(utilities() if utility is None else utility),
        "cost": draw(costs() if cost is None else cost),
        "budget": draw(budgets() if budget is None else budget),
    }
    if isinstance(parts["spectrum"], Empirical):
        return Model(**parts, features=len(parts["spectrum"].values))
    gamma = draw(st.sampled_from([4.0, 1.0, 2.5, 32.0]))
    return Model(**parts, gamma=gamma, features=draw(st.one_of(st.none(), st.integers(1, 5000))))


@st.composite
def ladders(
    draw: Any,
    model: SearchStrategy[Model] | None = None,
    scatter: SearchStrategy[float] | None = None,
    low: float = 128.0,
    high: float = 65536.0,
) -> PlantedLadder:
    """Return a strategy of ladders: 5 to 10 sizes between two limits, with counts of which the last is at least 3.

    Without `model` the truth is the paper's: a power law with β from 1.2 to 3, the logarithm, and a budget κN.
    """
    chosen = draw(model if model is not None else _paper())
    spread = draw(scatter if scatter is not None else st.just(0.0))
    number = draw(st.integers(5, 10))
    neurons = np.unique(np.geomspace(low, high, number).round())
    ladder = PlantedLadder(
        model=chosen,
        tau=draw(thresholds(0.5, 4.0)),
        neurons=neurons,
        scatter=spread,
        seed=draw(st.integers(0, 2**16)),
    )
    assume(ladder.counts[-1] >= 3)
    return ladder


def _paper() -> SearchStrategy[Model]:
    spectrum = st.builds(PowerLaw, numbers(1.2, 3.0, (1.5, 2.0)))
    return st.builds(lambda s, b: Model(s, budget=b), spectrum, st.builds(LinearBudget, numbers(0.1, 10.0, (1.0,))))


def _measured(features: int, beta: float, seed: int) -> Empirical:
    """Return a power law whose importances scatter by a tenth."""
    noise = np.random.default_rng(seed).normal(0, 0.1, features)
    return Empirical(np.arange(1.0, features + 1) ** -beta * np.exp(noise))


def _of(known: dict[Any, SearchStrategy[Any]], families: tuple[Any, ...], example: str) -> SearchStrategy[Any]:
    for family in families:
        if family not in known:
            raise InputError("families", family, f"must be of {', '.join(one.__name__ for one in known)}", example)
    return st.one_of(*(known[family] for family in families or known))
