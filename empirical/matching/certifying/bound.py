r"""A bound on the error of correlations whose columns are split into half-precision pieces.

A column is shifted and scaled by constants of its own, q = (x − m) s, m near its mean and s a power of two, and split,
q = p + r with p = p₁ (one piece) or p₁ + p₂ (two). Each piece has the 8 bits of bfloat16 (11 of float16), so that
products of pieces are exact in float32; they are summed in float32 over a block of n positions and in float64 over
blocks. With two pieces p₁p₁' + p₁p₂' + p₂p₁' is formed, and p₂p₂' left out. Dekker and Veltkamp split numbers in this
way; Ozaki, Ogita, Oishi and Rump (2012, Numer. Algorithms 59, 95–118) split the factors of matrix products, Henry, Tang
and Heinecke (2019, ARITH-26, 69–76) into bfloat16, Ootomo and Yokota (2022, Int. J. High Perform. Comput. Appl. 36(4),
475–491) into float16 for tensor cores.

Norms are over all positions, S = ‖q‖. Let ε = ‖r‖/S, λ = ‖p₂‖/S, φ = 1 + ε + λ ≥ ‖p₁‖/S; primes are the other side's.
By Cauchy and Schwarz, |Σ q q' − Σ(products formed)| ≤ S S' σ with

    σ = ε + (1 + ε) ε' + λ λ'.

A sum of n exact products in any order errs by at most γ_n Σ|p p'|, γ_n = n u/(1 − n u) (Higham 2002, Accuracy and
Stability of Numerical Algorithms, 2nd ed., section 3.1), and blocks add up by Cauchy and Schwarz again. The small
products (2n terms) are summed first, the large ones onto them:

    α = γ_{n+1} (φ φ' + (1 + γ_{2n}) ψ) + γ_{2n} ψ,    ψ = φ λ' + λ φ'.

For u see `UNIT`. The correlation is (Σ q q' − Σq Σq'/T)/√(D D') with D = S² − (Σq)²/T. Sums of q and q² are float32
over `STRIP` positions and float64 beyond, off by at most η S² and η √T S; so D is off by δ = η (1 + 2μ + η) S²/D of
itself, μ = |Σq|/(√T S). In all, with κ = S/√D,

    |ρ̂ − ρ| ≤ κ κ' (σ + α + η (μ + μ' + η) + underflow) + δ + the rounding of ρ̂ to float32.

All these norms are measured for each column, and a tile takes the largest of each. Columns with κ above `FAR` (m is no
mean) or sums that are not finite are doubtful: they are left out of the bound, and nothing is said of their
correlations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STRIP = 64
# Unit roundoff of sums. Processors round sums to nearest (2⁻²⁴), or otherwise in some matrix units; tensor cores cut
# terms to the largest one's last bit (Fasi, Higham, Mikaitis and Pranesh 2021, PeerJ Comput. Sci. 7, e330): twice each.
UNIT = {"cpu": 2.0**-23, "cuda": 2.0**-22}
MEASURED = (STRIP + 8) * 2.0**-24  # η: how far measured sums of squares may be off, relatively
UNDERFLOW = 2.0**-100  # of products and pieces, relative to columns whose mean square is about 1
FAR = 1.01
GRAIN = 2.0**36  # bounds are rounded up to a multiple of 1/GRAIN: the same in whatever order norms were summed
SUMS = ("sum", "square", "low", "rest")  # Σq, Σq², Σp₂², Σr²


@dataclass(frozen=True)
class Norms:
    """Measured sums of a side's columns, shape (4, columns): `SUMS`, over so many positions."""

    sums: np.ndarray
    positions: int

    @property
    def spread(self) -> np.ndarray:
        """D of each column, the centred sum of squares; 0 for constant ones."""
        with np.errstate(invalid="ignore", over="ignore"):  # columns that are doubtful
            return np.maximum(self.sums[1] - self.sums[0] ** 2 / self.positions, 0)

    @property
    def doubtful(self) -> np.ndarray:
        """Mask of the columns that have no bound."""
        finite = np.isfinite(self.sums).all(0)
        return ~finite | (self.sums[1] > FAR**2 * self.spread)

    def largest(self) -> tuple[float, float, float, float, float]:
        """Return the largest ε, λ, μ, κ and δ of the columns that have a bound and vary."""
        some = ~self.doubtful & (self.spread > 0)
        if not some.any():
            return 0.0, 0.0, 0.0, 1.0, 0.0
        total, square, low, rest = self.sums[:, some]
        norm, more = np.sqrt(square), 1 + MEASURED
        rest_share = np.max(np.sqrt(rest) / norm) * more + 2.0**-24 * more + UNDERFLOW
        mean = np.max(np.abs(total) / norm) / self.positions**0.5 * more + MEASURED
        bend = np.max(square / self.spread[some]) * more
        error = MEASURED * (1 + 2 * mean + MEASURED) * bend
        return rest_share, np.max(np.sqrt(low) / norm) * more, mean, bend**0.5 * (1 + error), error


def gamma(terms: int, unit: float) -> float:
    """Return γ_n, the relative error of a sum of n terms in any order.

    Examples
    --------
    >>> gamma(2, 0.25)
    1.0
    """
    return terms * unit / (1 - terms * unit)


def bound(a: Norms, b: Norms, rows: int, blocks: int, unit: float) -> float:
    """Return the largest error of a correlation of two columns that are not doubtful (module head).

    Parameters
    ----------
    rows : int
        Positions summed in float32, n.
    blocks : int
        How many such sums are added in float64.
    unit : float
        Unit roundoff of float32 sums.
    """
    (r, l, mean, bend, error), (r2, l2, mean2, bend2, error2) = a.largest(), b.largest()
    f, f2 = 1 + r + l, 1 + r2 + l2
    split = r + (1 + r) * r2 + l * l2
    small, g, g_small = f * l2 + l * f2, gamma(rows + 1, unit), gamma(2 * rows, unit)
    summed = g * (f * f2 + (1 + g_small) * small) + g_small * small
    across = gamma(blocks + 8, 2.0**-53) * (f * f2 + small) * (1 + summed)
    means = MEASURED * (mean + mean2 + MEASURED)
    exactly = bend * bend2 * (split + summed + across + means + UNDERFLOW) + max(error, error2) + 2.0**-23
    return float(np.ceil(exactly * GRAIN) / GRAIN)
