"""Spectra of feature importance: ``w_r`` for ranks r = 1 … A.

A spectrum is a class with one method, `weights`; its exponent at a rank, ``β_loc = −d log w/d log r``, follows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np


class Spectrum(ABC):
    """Importance as a function of rank; subclasses are frozen dataclasses of their parameters."""

    @abstractmethod
    def at(self, rank: np.ndarray) -> np.ndarray:
        """Return w at real-valued ranks ≥ 1 (any shape), up to a constant factor."""

    def weights(self, features: int) -> np.ndarray:
        """Return ``w_1 … w_A``, shape (features,)."""
        return self.at(np.arange(1.0, features + 1.0))


@dataclass(frozen=True)
class PowerLaw(Spectrum):
    """``w_r = r^-β`` (Eq. 9)."""

    beta: float

    def at(self, rank: np.ndarray) -> np.ndarray:
        return rank**-self.beta
