"""A design that starts from a measured ladder: its variance components, and the step that narrows its interval most."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...empirical.matching.rates import Device
from ..seeds.components import estimate_components
from ..seeds.crossed import of_means
from ..seeds.table import SeedTable, read_seeds
from .cost import TOKENS, design_cost
from .plan import POSITIONS, Design, Scatter
from .search import Candidate, typical_half_width


def measured_design(
    source: str | os.PathLike[str] | Mapping[str, Any] | SeedTable, positions: float = POSITIONS
) -> tuple[Design, str]:
    """Return the design of a measured ladder with the scatter that it shows, and a sentence on that scatter.

    One seed a size shows seeds, pair and lack of fit as one scatter about the line, which is then divided evenly.
    """
    table = source if isinstance(source, SeedTable) else read_seeds(source)
    components, means = estimate_components(table)
    text = float(np.sqrt(np.mean(means.text_sd**2)))
    fit = of_means(means, components, table)
    if components is None:
        x, y = np.log(means.neurons), means.log_count
        left = y - np.polyval(np.polyfit(x, y, 1), x)
        total = float(left @ left) / (len(x) - 2)
        text = min(text, float(np.sqrt(total / 2)))  # a jackknife of few texts may say more than all of the scatter
        scatter = Scatter.even(float(np.sqrt(total - text**2)))
        said = f"one seed per size: scatter about the line, sd {np.sqrt(total):.2f}, is attributed to seeds and text"
    else:
        scatter = Scatter(*(float(np.sqrt(part)) for part in (components.a, components.b, components.pair)))
        said = f"sd of the log count between pairs of networks {components.sd:.2f} ({components.freedom:.0f} df)"
    scatter = replace(scatter, text=text * float(np.sqrt(positions / POSITIONS)))
    middle = len(means.neurons) // 2
    alpha = float(np.clip(fit.exponent, 0.06, 0.95))
    design = Design(
        neurons=tuple(means.neurons.tolist()),
        seeds=max(1, round(float(np.mean(np.minimum(means.seeds_a, means.seeds_b))))),
        positions=positions,
        scatter=scatter,
        count=max(float(np.exp(means.log_count[middle])), 2.0),
    )
    beta = design.beta_at(alpha)
    return replace(design, beta=float(np.clip(beta, 1.01, 20.0))), said


def next_steps(design: Design, device: Device, tokens: float = TOKENS) -> list[Candidate]:
    """Return the steps that may be measured next, the one that saves most half-width per hour first. Each cost is that
    of the added step.
    """
    sizes = design.sizes
    steps = {
        "one more seed of both families": replace(design, seeds=design.seeds + 1),
        "twice the text": replace(design, positions=2 * design.positions),
        "one more size, twice the largest": replace(design, neurons=(*design.neurons, 2 * float(sizes[-1]))),
        "sizes between the present ones": replace(
            design, neurons=tuple(sorted({*sizes.tolist(), *np.round(np.sqrt(sizes[1:] * sizes[:-1])).tolist()}))
        ),
    }
    now, spent = typical_half_width(design), design_cost(design, device, tokens)
    result = []
    for effort, one in steps.items():
        cost = design_cost(one, device, tokens)
        matching = cost.matching_seconds - spent.matching_seconds
        added = replace(
            cost, training_seconds=cost.training_seconds - spent.training_seconds, matching_seconds=matching
        )
        if one.positions > design.positions:  # all is read and matched again
            added = replace(added, training_seconds=0.0, matching_seconds=cost.matching_seconds)
        result.append(Candidate(design=one, half_width=typical_half_width(one), cost=added, effort=effort))
    return sorted(result, key=lambda one: -(now - one.half_width) / max(one.cost.hours, 1e-9))
