"""Excess kurtosis of many columns at once, streamed: one pass over the rows in float64.

For a column x with mean μ and central moments m_k = ⟨(x − μ)^k⟩ the excess kurtosis is

    κ₄ = m₄ / m₂² − 3,

0 for a Gaussian, high where a few rows carry the variance. Sums of powers are taken about a shift c, the mean of the
first block, so that the subtractions below lose no digits unless the mean drifts by many standard deviations. With
d = x − c, δ = ⟨d⟩ and p_k = ⟨d^k⟩,

    m₂ = p₂ − δ²,    m₃ = p₃ − 3δp₂ + 2δ³,    m₄ = p₄ − 4δp₃ + 6δ²p₂ − 3δ⁴.
"""

from __future__ import annotations

import numpy as np


class ColumnMoments:
    """Moments of the columns of a matrix that arrives in blocks of rows.

    Attributes
    ----------
    rows : int
        Rows seen.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._shift = self._powers = np.empty(0)

    def add(self, block: np.ndarray) -> None:
        """Take in a block of shape (rows, columns)."""
        if self.rows == 0:
            self._shift = block.mean(0, dtype=float)
            self._powers = np.zeros((4, block.shape[1]))
        d = block - self._shift  # float64, as the shift is
        square = d * d
        self._powers += [
            d.sum(0),
            square.sum(0),
            np.einsum("ij,ij->j", square, d),
            np.einsum("ij,ij->j", square, square),
        ]
        self.rows += len(block)

    @property
    def mean(self) -> np.ndarray:
        """Mean of each column."""
        return self._shift + self._powers[0] / self.rows

    @property
    def variance(self) -> np.ndarray:
        """Mean squared deviation of each column from its mean."""
        delta, second = self._powers[:2] / self.rows
        return second - delta**2

    @property
    def excess_kurtosis(self) -> np.ndarray:
        """Excess kurtosis of each column; NaN where a column does not vary."""
        delta, second, third, fourth = self._powers / self.rows
        fourth_central = fourth - 4 * delta * third + 6 * delta**2 * second - 3 * delta**4
        variance = self.variance
        # A constant column leaves only rounding: squares of the last digits of its own size.
        varies = variance > (np.finfo(float).eps * np.maximum(np.abs(self.mean), np.abs(self._shift))) ** 2
        return np.where(varies, fourth_central / np.where(varies, variance, 1.0) ** 2 - 3.0, np.nan)
