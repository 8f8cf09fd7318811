r"""Cost of a design on this machine: training both families of every seed, reading them, and matching all pairs.

With L layers of width d, N = 4 d L, and a network has ``12 L d² + V d`` weights, V the tokens of its vocabulary:

    training   2 k networks per size, of 6 operations per weight and token, in steps of 1,024 tokens that take
               `STEP` seconds besides; networks are trained side by side, one per core
    reading    2 k networks per size, of 2 operations a weight and token
    matching   k² pairs per size and their null draws, by the exact engine's cost model; and `PAIR` seconds per pair for
               everything else that a rung is measured for
    memory     of the largest size: the activations of 2 k networks, and the matching's own

Small products reach `EFFICIENCY` of the speed that is measured now on large ones. The shipped quickstart, 16 networks
and 16 pairs, took 253 seconds on two cores; the model is good to a factor of about 2.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from ...empirical.matching.cost import Sizes, exact_cost
from ...empirical.matching.rates import Device, device_rates
from .plan import Design

LAYERS = 2
VOCABULARIES = (1024, 2048)  # tokens of either family, each of which the last layer is multiplied with
TOKENS = 400_000.0  # read by each network
STEP, STEP_TOKENS = 0.01, 1024
EFFICIENCY = 0.5
DRAWS = 8  # of the permuted and untrained nulls
PAIR = 12.0


@dataclass(frozen=True)
class DesignCost:
    """Seconds and bytes of a design."""

    training_seconds: float
    matching_seconds: float
    memory_bytes: float

    @property
    def hours(self) -> float:
        """All of it."""
        return (self.training_seconds + self.matching_seconds) / 3600

    def record(self) -> dict[str, Any]:
        """Return the cost as plain values."""
        return vars(self) | {"hours": self.hours}


@cache
def this_machine() -> Device:
    """Return the rates of this machine's processor, measured once."""
    return device_rates("cpu")


def design_cost(design: Design, device: Device, tokens: float = TOKENS) -> DesignCost:
    """Return the cost of a design.

    Parameters
    ----------
    design : Design
        The ladder.
    device : Device
        Measured rates of the processor.
    tokens : float
        Training tokens per network.
    """
    cores, seeds = os.cpu_count() or 1, design.seeds
    rate = EFFICIENCY * device.operations
    training = matching = memory = 0.0
    for neurons in design.sizes:
        width = neurons / (4 * LAYERS)
        for rows in VOCABULARIES:
            weights = 12 * LAYERS * width**2 + rows * width
            training += seeds * (tokens / STEP_TOKENS * STEP / cores + 6 * weights * tokens / rate)
            matching += seeds * 2 * weights * design.positions / rate
        seconds, needed = _pair(int(neurons), int(design.positions), device)
        matching += seeds**2 * (seconds + PAIR / cores)
        memory = max(memory, needed + 8.0 * seeds * neurons * design.positions)
    return DesignCost(training, matching, memory)


@cache
def _pair(neurons: int, positions: int, device: Device) -> tuple[float, float]:
    """Return seconds and bytes of one matching with its null draws."""
    one = exact_cost(Sizes(neurons, neurons, positions), device, DRAWS)
    return one.seconds, one.memory
