"""The positions where each neuron is most active, collected while activations stream by.

Each neuron keeps its `number` best so far. Of a new block only what exceeds the worst of them is read, which after a
few blocks is almost nothing: of n positions about ``number · log n`` ever enter. Of equal activations the earlier
position wins, so the outcome does not depend on the blocks.
"""

from __future__ import annotations

import numpy as np


class TopPositions:
    """The highest entries of each column of a matrix that arrives in blocks of rows.

    Attributes
    ----------
    position : ndarray of int, shape (columns, number)
        Rows of the highest entries, highest first; −1 where there were fewer.
    activation : ndarray, shape (columns, number)
        The entries; NaN where there were fewer.
    """

    def __init__(self, columns: int, number: int):
        self._number, self._rows = number, 0
        self.position = np.full((columns, number), -1, dtype=np.int64)
        self.activation = np.full((columns, number), np.nan, dtype=np.float32)

    def add(self, block: np.ndarray) -> None:
        """Take in the next rows, shape (rows, columns); NaN never counts."""
        if self._number == 0:
            return
        bar = np.where(self.position[:, -1] < 0, -np.inf, self.activation[:, -1])
        row, column = np.nonzero((block > bar) | ((bar == -np.inf) & np.isfinite(block)))
        if len(row):
            changed = np.unique(column)
            valid = self.position[changed] >= 0
            columns = np.concatenate([np.repeat(changed, valid.sum(1)), column])
            values = np.concatenate([self.activation[changed][valid], block[row, column]])
            positions = np.concatenate([self.position[changed][valid], row + self._rows])
            order = np.lexsort((positions, -values, columns))
            columns, values, positions = columns[order], values[order], positions[order]
            rank = np.arange(len(columns)) - np.searchsorted(columns, columns)
            best = rank < self._number
            self.position[columns[best], rank[best]] = positions[best]
            self.activation[columns[best], rank[best]] = values[best]
        self._rows += len(block)
