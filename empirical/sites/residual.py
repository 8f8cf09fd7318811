"""The residual stream: the sum of all that has been written to it, behind each block.

Its coordinates are no privileged basis of a transformer without a nonlinearity on it, so that few of them recur is to
be expected; `--null rotation` asks the same of neurons.
"""

from __future__ import annotations

from typing import Any

from ..checkpoints.architectures import ModelParts
from .site import Site


class ResidualStream(Site):
    """Coordinates of the residual stream: the output of each block, before any final norm."""

    of, word = "output", "residual"

    def modules(self, places: ModelParts) -> list[Any]:
        """Return the blocks."""
        return places.blocks()

    def width(self, module: Any, places: ModelParts) -> int:
        """Return the width of the stream."""
        return places.stream()
