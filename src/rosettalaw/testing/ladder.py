"""Ladders of counts whose truth is known: a model, its threshold, and the scatter between networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import check_fields
from ..errors import require
from ..theory import Model
from ..theory.parameters import RULES, as_floats, as_number, positive

CALL = "PlantedLadder(Model(PowerLaw(1.6)), tau=1.0, neurons=np.array([256.0, 1024.0]))"


@dataclass(frozen=True, eq=False)
class PlantedLadder:
    """Counts at several sizes, drawn from a model.

    Attributes
    ----------
    model : Model
        What the counts come from.
    tau : float
        τ.
    neurons : ndarray, shape (sizes,)
        N, ascending.
    scatter : float
        Standard deviation of log r_τ between networks.
    seed : int
        Of the scatter.
    """

    model: Model
    tau: float
    neurons: np.ndarray
    scatter: float = 0.0
    seed: int = 0

    def __post_init__(self):
        check_fields(self, CALL)
        sizes = as_floats("neurons", self.neurons, CALL)
        fine = sizes.ndim == 1 and sizes.size > 0 and bool(((sizes > 0) & (sizes < np.inf)).all())
        require(fine, "neurons", self.neurons, "must be a list of sizes, finite and greater than 0", CALL)
        as_number("tau", self.tau, positive, RULES["tau"], CALL)
        as_number("scatter", self.scatter, lambda sd: 0 <= sd < np.inf, "must be finite and at least 0", CALL)
        require(self.seed >= 0, "seed", self.seed, "must be a whole number of at least 0", CALL)

    @property
    def frontier(self) -> np.ndarray:
        """Return r_τ of the model at every size, without scatter."""
        return np.array([self.model.frontier(size, self.tau) for size in self.neurons])

    @property
    def counts(self) -> np.ndarray:
        """Return the counts: the whole part of r_τ e^z with z normal."""
        noise = self.scatter * np.random.default_rng(self.seed).standard_normal(self.neurons.size)
        return np.floor(self.frontier * np.exp(noise) * (1 + 1e-12)).astype(np.int64)

    @property
    def exponent(self) -> float:
        """Return the slope of log r_τ over log N, without scatter."""
        return float(np.polyfit(np.log(self.neurons), np.log(self.frontier), 1)[0])
