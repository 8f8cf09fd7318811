"""Parts of a model times a constant: what the optimum must not notice, or must grow with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..theory import Budget, Cost, Spectrum


@dataclass(frozen=True, eq=False)
class ScaledSpectrum(Spectrum):
    """``k w``."""

    of: Spectrum
    factor: float

    def __post_init__(self):
        object.__setattr__(self, "quantiles", self.of.quantiles)

    def at(self, rank, features):
        return self.factor * self.of.at(rank, features)

    def log_at(self, rank, features):
        return np.log(self.factor) + self.of.log_at(rank, features)

    def exponent(self, rank, features):
        return self.of.exponent(rank, features)


@dataclass(frozen=True, eq=False)
class ScaledCost(Cost):
    """``k c``."""

    of: Cost
    factor: float

    def at(self, rank):
        return self.factor * self.of.at(rank)


@dataclass(frozen=True, eq=False)
class ScaledBudget(Budget):
    """``k B``."""

    of: Budget
    factor: float

    def total(self, neurons):
        return self.factor * self.of.total(neurons)
