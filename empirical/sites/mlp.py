"""Neurons: the inputs of each MLP's output projection (arXiv 2606.03990, section 3.1)."""

from __future__ import annotations

from typing import Any

from ..checkpoints.architectures import ModelParts, width
from .site import Site


class MlpNeurons(Site):
    """Activations of the MLPs' hidden layers, after the activation function and the gate."""

    word = "mlp"

    def modules(self, places: ModelParts) -> list[Any]:
        """Return the output projections."""
        return places.projections()

    def width(self, module: Any, places: ModelParts) -> int:
        """Return the number of inputs of a projection."""
        return width(module)
