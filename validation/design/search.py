r"""The cheapest design that reaches a half-width of α, and alternatives that spend their effort elsewhere.

Tried are 3 to 12 sizes in equal ratios from the smallest to the largest, or to two or four times that; 1 to 12 seeds;
and half to eight times the text. The half-width of each follows from the law of its F statistic by quadrature
(`typical_half_width`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from ...empirical.matching.rates import Device
from ...errors import InputError, require
from ...lazy import deferred
from ..seeds.crossed import POOLED
from .cost import TOKENS, DesignCost, design_cost
from .expected import error_freedom
from .plan import Design

stats = deferred("scipy.stats")

SIZES, SEEDS = (3, 4, 5, 6, 8, 10, 12), (1, 2, 3, 4, 6, 8, 12)
SPANS, TEXT = (1, 2, 4), (0.5, 1.0, 2.0, 4.0, 8.0)  # times the largest size, and the text, that were given
QUANTILES = (np.arange(80) + 0.5) / 80


@dataclass(frozen=True)
class Candidate:
    """A design with its half-width of α, its cost, and a word for how it spends its effort."""

    design: Design
    half_width: float
    cost: DesignCost
    effort: str = ""

    def record(self) -> dict[str, Any]:
        """Return sizes, seeds, text, half-width and cost as plain values."""
        return {
            "effort": self.effort,
            "neurons": [round(size) for size in self.design.sizes],
            "seeds": self.design.seeds,
            "positions": self.design.positions,
            "half_width_alpha": self.half_width,
            "hours": self.cost.hours,
        }


def typical_half_width(design: Design) -> float:
    """Return the mean half-width of α, averaged over the law of the pure-error F (see `crossed`)."""
    x = np.log(design.sizes)
    n, se = len(x), float(np.sqrt(design.variance / np.sum((x - x.mean()) ** 2)))
    if design.seeds == 1:
        root = float(np.mean(np.sqrt(stats.chi2.ppf(QUANTILES, n - 2) / (n - 2))))
        return float(stats.t.ppf(0.975, n - 2)) * se * root
    within = error_freedom(design)
    f = stats.f.ppf(QUANTILES, n - 2, within)
    pooled = stats.t.ppf(0.975, within + n - 2) * np.sqrt((within + (n - 2) * f) / (within + n - 2))
    scatter = stats.t.ppf(0.975, n - 2) * np.sqrt(f)
    return se * float(np.mean(np.where(1 - QUANTILES > POOLED, pooled, scatter)))


def candidates(design: Design, device: Device, tokens: float = TOKENS) -> Iterator[Candidate]:
    """Yield every design that is tried, with half-width and cost."""
    low, high = design.sizes[[0, -1]]
    at_middle = None if design.count is None else design.count / design.middle**design.alpha
    for span, number in product(SPANS, SIZES):
        sizes = tuple(np.round(np.geomspace(low, span * high, number)).tolist())
        if len(set(sizes)) < number:
            continue
        count = None if at_middle is None else max(at_middle * sizes[number // 2] ** design.alpha, 2.0)
        for seeds, part in product(SEEDS, TEXT):
            positions = max(round(design.positions * part), 100)
            one = replace(design, neurons=sizes, seeds=seeds, positions=positions, count=count)
            yield Candidate(one, typical_half_width(one), design_cost(one, device, tokens))


def search(
    design: Design, half_width: float, hours: float, device: Device, tokens: float = TOKENS
) -> tuple[list[Candidate], list[Candidate]]:
    """Return the cheapest design that reaches a half-width, two alternatives, and all designs that were tried.

    Raises
    ------
    InputError
        If no design reaches the half-width, or none within the hours; the message has the nearest that is possible.
    """
    require(
        0.001 <= half_width <= 1,
        "halfwidth",
        half_width,
        "must be a half-width of α, from 0.001 to 1",
        "--halfwidth 0.1",
    )
    require(0 < hours <= 1e6, "hours", hours, "must be greater than 0, and at most 1e6", "--hours 3")
    tried = sorted(candidates(design, device, tokens), key=lambda one: one.cost.hours)
    reaching = [one for one in tried if one.half_width <= half_width]
    within = [one for one in tried if one.cost.hours <= hours]
    if not reaching or reaching[0].cost.hours > hours:
        narrowest = min(within or tried[:1], key=lambda one: one.half_width)
        asked = f"± {half_width:g} within {hours:g} hours"
        if not within:
            rule = f"the cheapest design tried takes {tried[0].cost.hours:.3g} hours"
        elif reaching:
            rule = f"takes at least {reaching[0].cost.hours:.3g} hours ({_words(reaching[0].design)})"
        else:
            best = min(tried, key=lambda one: one.half_width)
            rule = f"is out of reach with these sizes: the narrowest tried has ± {best.half_width:.2g}"
        possible = np.ceil(narrowest.half_width * 100) / 100
        nearest = f"--halfwidth {possible:.2f} --hours {max(narrowest.cost.hours * 1.05, hours):.3g}"
        raise InputError("halfwidth", asked, rule, f"{nearest} ({_words(narrowest.design)})")
    best = replace(reaching[0], effort="cheapest")
    return [best, *_elsewhere(best, reaching, hours)[:2]], tried


def _elsewhere(best: Candidate, reaching: list[Candidate], hours: float) -> list[Candidate]:
    """Return the cheapest designs within the hours with more sizes, more seeds, more text, and less elsewhere."""
    at = best.design
    more = {
        "more sizes": lambda one: len(one.sizes) > len(at.sizes),
        "more seeds": lambda one: one.seeds > at.seeds,
        "more text": lambda one: one.positions > at.positions,
    }
    result: list[Candidate] = []
    for effort, asked in more.items():
        fitting = (one for one in reaching if one.cost.hours <= hours and asked(one.design))
        one = next((one for one in fitting if one.design not in [other.design for other in result]), None)
        if one is not None:
            result.append(replace(one, effort=effort))
    return sorted(result, key=lambda one: one.cost.hours)


def _words(design: Design) -> str:
    return (
        f"{len(design.sizes)} sizes, {design.seeds} seed{'s' * (design.seeds > 1)}, {design.positions:,.0f} positions"
    )
