"""Costs of isolation, and the budget of it that a network of N neurons has.

The paper: unit costs and the budget ``κN`` with ``κ = C_h/σ∞²`` (Eqs. 41, 53–54), an energy bound over a noise floor.
Beyond it:

- costs ``c_r = r^δ``: rarer features cost more to isolate; the constraint reads ``Σ c_r s_r ≤ B(N)``;
- a budget ``κN^θ``: isolation grows slower than size. Then, for the logarithmic utility and A = γN,

      β > 1:  count ∝ N^(θ/β),  mean isolation ∝ N^(θ(β−1)/β)
      β < 1:  count ∝ N^θ,      mean isolation constant

  and the two exponents sum to θ instead of 1.

`power_law`'s fast solver covers the power budget as it stands: ``frontier(N, beta, kappa=budget.per_neuron(N))``.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .contracts import Contract
from .families import POSITIVE, REAL, FunctionFamily, by_name

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Cost(FunctionFamily):
    """Cost of a unit of isolation as a function of rank; subclasses define `at`.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Threshold(Cost):
    ...     rare: float
    ...
    ...     def at(self, rank):
    ...         return np.where(rank < self.rare, 1.0, 2.0)
    >>> Threshold(3.0).at(np.arange(1, 5)).tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    contracts: ClassVar = {"at": Contract("one cost > 0 for each rank", "rank**0.5")}

    @abstractmethod
    def at(self, rank: np.ndarray) -> np.ndarray:
        """Return c > 0 at real-valued ranks (any shape)."""


@dataclass(frozen=True)
class UnitCost(Cost):
    """``c_r = 1`` (Eq. 11)."""

    def at(self, rank):
        return np.ones_like(rank)


@dataclass(frozen=True)
class PowerCost(Cost):
    """``c_r = r^δ``."""

    delta: float
    ranges: ClassVar = {"delta": REAL}

    def at(self, rank):
        return rank**self.delta


class Budget(FunctionFamily):
    """Total budget as a function of size; subclasses define `total`.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Spared(Budget):
    ...     reserve: float
    ...
    ...     def total(self, neurons):
    ...         return np.maximum(np.asarray(neurons) - self.reserve, 1.0)
    >>> Spared(24.0).total([100, 1024]).tolist()
    [76.0, 1000.0]
    """

    contracts: ClassVar = {
        "total": Contract("one budget > 0 for each size", "0.5 * neurons**0.9"),
        "per_neuron": Contract("B(N)/N at each size", "0.5 * neurons**-0.1"),
    }

    @abstractmethod
    def total(self, neurons: ArrayLike) -> np.ndarray:
        """Return B(N) > 0 (any shape)."""

    def per_neuron(self, neurons: ArrayLike) -> np.ndarray:
        """Return B(N)/N, the κ that gives this budget at each size."""
        return self.total(neurons) / np.asarray(neurons, dtype=float)


@dataclass(frozen=True)
class LinearBudget(Budget):
    """``B = κN`` (Eqs. 53–54)."""

    kappa: float = 1.0
    ranges: ClassVar = {"kappa": POSITIVE}

    def total(self, neurons):
        return self.kappa * np.asarray(neurons, dtype=float)


@dataclass(frozen=True)
class PowerBudget(Budget):
    """``B = κN^θ``."""

    kappa: float
    theta: float
    ranges: ClassVar = {"kappa": POSITIVE, "theta": REAL}

    def total(self, neurons):
        with np.errstate(over="ignore"):  # an infinite budget is refused
            return self.kappa * np.asarray(neurons, dtype=float) ** self.theta


COSTS: dict[str, type[Cost]] = {"unit": UnitCost, "power": PowerCost}
BUDGETS: dict[str, type[Budget]] = {"linear": LinearBudget, "power": PowerBudget}


def cost(name: str, **parameters) -> Cost:
    """Return the cost called `name`, for example ``cost("power", delta=0.5)``."""
    return by_name("cost", COSTS, name, **parameters)


def budget(name: str, **parameters) -> Budget:
    """Return the budget law called `name`, for example ``budget("power", kappa=1, theta=0.7)``."""
    return by_name("budget", BUDGETS, name, **parameters)
