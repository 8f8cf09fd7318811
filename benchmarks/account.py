"""Accounts of time: seconds of a computation's stages, from Python's own profiler."""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Place = tuple[str, str]  # end of a file's path, name of a function in it

# Stages of a matching by the exact engine.
EXACT: Mapping[str, tuple[Place, ...]] = {
    "products": (("machine/precision.py", "add_product"),),
    "centring": (("matching/moments.py", "take"),),
    "reading": (("machine/reading.py", "read"),),
    "partners": (("matching/exact.py", "best"), ("matching/exact.py", "offer"), ("matching/partners.py", "settle")),
    "pairs in float64": (("matching/pairs.py", "pair_correlations"),),
    "replicates": (("evidence/replicates.py", "replicates"),),
    "autocorrelation": (("evidence/effective_positions.py", "effective_positions"),),
}

# Stages of a matching by the certified engine.
CERTIFIED: Mapping[str, tuple[Place, ...]] = {
    "products": (
        ("certifying/integers.py", "integer_product"),
        ("certifying/sums.py", "host_product"),
        ("certifying/sums.py", "device_product"),
    ),
    "rounding": (("certifying/pieces.py", "take"), ("certifying/integers.py", "take")),
    "reading": (("machine/reading.py", "read"), ("machine/reading.py", "aligned_blocks")),
    "moments": (("certifying/standard.py", "moments_of"),),
    "bounds": (("certifying/sums.py", "correlations"), ("certifying/undecided.py", "of_bounds")),
    "open pairs": (("screening/pair_products.py", "exact_products"), ("matching/partners.py", "settle")),
    **{stage: EXACT[stage] for stage in ("pairs in float64", "replicates", "autocorrelation")},
}


def account(work: Callable[[], Any], stages: Mapping[str, tuple[Place, ...]] = EXACT) -> tuple[float, dict[str, float]]:
    """Return how long a computation took, and the seconds of each stage; "else" is what is left.

    What a stage's function calls is part of it, another stage's function too.
    """
    profile = cProfile.Profile()
    begun = time.perf_counter()
    profile.runcall(work)
    took = time.perf_counter() - begun
    calls = pstats.Stats(profile).stats  # pyright: ignore[reportAttributeAccessIssue]
    own = {stage: {one for one in calls if _is_one_of(one, places)} for stage, places in stages.items()}
    within = set().union(*own.values())
    spent = {
        stage: sum(times[3] for one in functions for caller, times in calls[one][4].items() if caller not in within)
        for stage, functions in own.items()
    }
    return took, {**spent, "else": took - sum(spent.values())}


def _is_one_of(function: tuple[str, int, str], places: tuple[Place, ...]) -> bool:
    path, _, name = function
    return any(name == called and Path(path).as_posix().endswith(end) for end, called in places)


def shown(took: float, spent: Mapping[str, float]) -> str:
    """Return an account in one line, largest stages first."""
    largest = sorted(spent.items(), key=lambda item: -item[1])
    return ", ".join(f"{stage} {second:.2f} ({second / took:.1%})" for stage, second in largest)
