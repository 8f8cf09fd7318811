"""Timing of pairs of computations, in turn, and the claim that is made about them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from rosettalaw.empirical.matching.machine import choice


@dataclass(frozen=True)
class Ratio:
    """A measured figure and the bound claimed for it.

    Attributes
    ----------
    claim : str
        What is compared with what.
    value, bound : float
        The figure measured, and what it must not fall below (`at_least`) or exceed.
    at_least : bool
        Which of the two.
    detail : str
        The times behind the figure.
    points : list of dict
        Measurements over sizes that it is taken from, for a picture.
    """

    claim: str
    value: float
    bound: float
    at_least: bool
    detail: str = ""
    points: list[dict[str, Any]] = field(default_factory=list)

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        mark = "✓" if self.met else "✗"
        return f"{mark} {self.claim}: {self.value:.3g} (claimed {sign} {self.bound:g})  {self.detail}".rstrip()


def processor() -> str:
    """Return the name of this machine's processor, and the number of its cores."""
    return f"{choice.processor()}, {os.cpu_count()} cores"


# Instructions that decide how fast products are, as Linux calls them.
MATTER = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8", "asimd", "bf16", "sve")


def instructions() -> list[str]:
    """Return which of the instructions that `MATTER` this processor has; none where Linux does not tell."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return []
    flags = next((line.partition(":")[2].split() for line in text.splitlines() if line[:5] in ("flags", "Featu")), [])
    return [name for name in MATTER if name in flags]


def threads() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def memory_speed(size: int = 2**28) -> float:
    """Return bytes a second that one thread moves in memory: a copy reads `size` bytes and writes as many."""
    source, out = np.ones(size // 8), np.empty(size // 8)
    return 2 * size / seconds(lambda: np.copyto(out, source), repeats=3)[0]


def seconds(*works: Callable[[], Any], repeats: int = 5, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Return the best time of each computation over rounds in which all take turns, after one to warm up.

    Times of milliseconds are best told by the processor's clock, `time.process_time`: others' work on a busy machine
    is no part of it.
    """
    best = [float("inf")] * len(works)
    for turn in range(repeats + 1):
        for i, work in enumerate(works):
            start = clock()
            work()
            if turn:
                best[i] = min(best[i], clock() - start)
    return best
