"""Positions of one neuron that are different passages of a text: none within the context of a stronger one."""

from __future__ import annotations

import numpy as np

AROUND = 24  # spans shown on either side of a position


def apart(positions: np.ndarray, number: int) -> list[int]:
    """Return the first `number` positions that do not lie in the context of one before."""
    chosen: list[int] = []
    for position in positions[positions >= 0].tolist():
        if len(chosen) < number and all(abs(position - other) > AROUND for other in chosen):
            chosen.append(position)
    return chosen
