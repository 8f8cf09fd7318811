"""Synthetic networks with known truth, and toy models trained by gradient descent (arXiv 2606.03990, D.7)."""

from .packing import Choices, Packing
from .sweep import Simulation, simulate

__all__ = ["Choices", "Packing", "Simulation", "simulate"]
