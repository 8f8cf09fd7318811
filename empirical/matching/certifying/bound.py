r"""A bound on the error of correlations whose columns are rounded to, or split into, half-precision pieces.

A column is shifted and scaled by constants of its own, q = (x − m) s, m near its mean and s a power of two. It is
rounded to one piece, q = p₁ + r, or split into two, q = p₁ + p₂ + r. Each piece has the 8 bits of bfloat16 (11 of
float16), so that products of pieces are exact in float32; they are summed in float32 over a block of n positions, and
blocks are added. With two pieces p₁p₁' + p₁p₂' + p₂p₁' is formed, and p₂p₂' left out. Dekker and Veltkamp split numbers
in this way; Ozaki, Ogita, Oishi and Rump (2012, Numer. Algorithms 59, 95–118) split the factors of matrix products,
Henry, Tang and Heinecke (2019, ARITH-26, 69–76) into bfloat16, Ootomo and Yokota (2022, Int. J. High Perform. Comput.
Appl. 36(4), 475–491) into float16 for tensor cores.

**What rounding leaves out.** Norms are over all positions, S = ‖q‖. Let ε = ‖r‖/S, λ = ‖p₂‖/S, φ = 1 + ε + λ ≥ ‖p₁‖/S;
primes are the other side's. By Cauchy and Schwarz, |Σ q q' − Σ(products formed)| ≤ S S' σ with

    σ = ε + (1 + ε) ε' + λ λ'.

That is reached only if roundings point along the other column. One piece is therefore rounded at random (on the CPU):
up or down by one step g of the grid around q, with the probability that leaves q unchanged in the mean, independently
at each position and on each side. Of Σ p p' − Σ q q' = Σ r q' + Σ q r' + Σ r r' the first two are one sum of
independent terms of mean 0, each within an interval of width g |q'| or g' |q|, and by Hoeffding (1963, J. Am. Stat.
Assoc. 58, 13–30) it exceeds C (Σ g² q'² + Σ g'² q²)^½ with a probability of at most 2 exp(−2 C²) = `RISK`. The terms of
Σ r r' lie within intervals of width g g'. With γ = (Σ g⁴)^¼/S and φ₄ = (Σ q⁴)^¼/S, Cauchy and Schwarz give

    σ = C ((γ² φ₄'² + φ₄² γ'²)^½ + γ γ'),

unless the sum above is smaller. Where columns are not heavy-tailed, this falls as 1/√T, as correlations of unrelated
columns do: it is a tenth of those, at any T. The random bits are a hash of position and column, always the same: the
risk is that of columns that do not depend on it; columns made from the hash can be further off. Connolly, Higham and
Mary (2021, SIAM J. Sci. Comput. 43, A566–A585) study such rounding.

**Whole numbers.** Where the processor multiplies numbers of eight bits faster still, q is rounded at random to a whole
number between −`MOST` and `MOST`, with s as large as the column allows. The grid is even, g = 1, and

    σ = C ((1/S² + 1/S'²)^½ + √T/(S S')).

The first is C (m² + m'²)^½/(`MOST` √T) for columns whose largest deviation is m and m' standard deviations. Sums are
exact. s is no power of two, and random bits are sixteen: q is off by 2⁻²³ of itself, by 2⁻¹⁷ where it is taken to these
bits, and by the 2⁻²⁴ that `integer_kernels` cuts before.

**What sums leave out.** A sum of n exact products in any order errs by at most γ_n Σ|p p'|, γ_n = n u/(1 − n u) (Higham
2002, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1), and blocks add up by Cauchy and Schwarz
again. The small products (2n terms) are summed first, the large ones onto them:

    α = γ_{n+1} (φ φ' + (1 + γ_{2n}) ψ) + γ_{2n} ψ,    ψ = φ λ' + λ φ'.

For u see `UNIT`. On the CPU a block's sums c may come rounded to 8 bits, and blocks are added in float32. Their sizes
are added too: of B blocks, that errs by at most (2⁻⁸ + γ_B) Σ|c|, up to a factor near 1. Unrelated columns have small
c.

**The correlation** is (Σ q q' − Σq Σq'/T)/√(D D') with D = S² − (Σq)²/T. Sums of q, q², q⁴ and g⁴ are float32 over
`RUN` positions and float64 beyond, off by at most η of themselves (Σq by η √T S); so D is off by
δ = η (1 + 2μ + η) S²/D of itself, μ = |Σq|/(√T S). In all, with κ = S/√D,

    |ρ̂ − ρ| ≤ κ κ' (σ + α + η (μ + μ' + η) + underflow) + (2⁻⁸ + γ_B) Σ|c|/√(D D') + δ + the rounding of ρ̂ to float32.

All these norms are measured for each column. σ for random rounding and the sizes of blocks are taken pair by pair; of
all else a tile takes the largest. Columns with κ above `FAR` (m is no mean) or sums that are not finite are doubtful:
they are left out of the bound, and nothing is said of their correlations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STRIP = 64  # positions that blocks are filled up to
RUN = 256  # positions whose powers are summed in float32
# Unit roundoff of sums. Processors round sums to nearest (2⁻²⁴), or otherwise in some matrix units; tensor cores cut
# terms to the largest one's last bit (Fasi, Higham, Mikaitis and Pranesh 2021, PeerJ Comput. Sci. 7, e330): twice each.
UNIT = {"cpu": 2.0**-23, "cuda": 2.0**-22}
EIGHT_BITS = 2.0**-8 * (1 + 2.0**-7)  # a sum that is rounded to bfloat16, relatively to what it is then
MEASURED = (RUN + 8) * 2.0**-24  # η: how far measured sums of powers may be off, relatively
UNDERFLOW = 2.0**-100  # of products and pieces, relative to columns whose mean square is about 1
FAR = 1.01
GRAIN = 2.0**36  # bounds are rounded up to a multiple of 1/GRAIN: the same in whatever order norms were summed
SIXTEEN_BITS = 2.0**-17 + 2.0**-24  # how far a whole number may be off in the mean
RISK = 2.0**-64  # of one sum of randomly rounded products: 10¹² pairs have two of them each
WIDTH = (np.log(2 / RISK) / 2) ** 0.5  # C
MOST = 126.5  # largest size of a column's q that is rounded to a whole number of eight bits
SUMS = ("sum", "square", "low", "rest", "fourth", "step")  # Σq, Σq², Σp₂², Σr², Σq⁴, Σg⁴ (0: not rounded at random)


@dataclass(frozen=True)
class Norms:
    """Measured sums of a side's columns, shape (6, columns): `SUMS`, over so many positions.

    `whole` says whether they were rounded to whole numbers; Σq⁴ and Σg⁴ are then left out.
    """

    sums: np.ndarray
    positions: int
    whole: bool = False

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

    @property
    def rated(self) -> np.ndarray:
        """Mask of the columns that have a bound and vary."""
        return ~self.doubtful & (self.spread > 0)

    def roundings(self) -> np.ndarray:
        """Return ε, γ, φ₄ and γ of each column, shape (4, columns), rounded up; 0 where a column is not rated.

        ε is of (x − m) s: that of q, and how far q is off. Of whole numbers 1/S, 1 and T^¼/S take the place of γ, φ₄
        and the second γ.
        """
        some, more = self.rated, 1 + MEASURED
        each = np.zeros((4, len(some)))
        square, rest, fourth, step = self.sums[[1, 3, 4, 5]][:, some]
        norm = np.sqrt(square)
        each[0, some] = np.sqrt(rest) / norm * more + self._off()
        if self.whole:
            each[1, some], each[2, some], each[3, some] = more / norm, 1, more * self.positions**0.25 / norm
            return each
        each[1, some] = step**0.25 / norm * more
        each[2, some] = fourth**0.25 / norm * more
        each[3] = each[1]
        return each

    def _off(self) -> np.ndarray:
        """Return how far q may be from (x − m) s, as shares of S of columns that are rated."""
        off = 2.0**-24 * (1 + MEASURED) + UNDERFLOW
        norm = np.sqrt(self.sums[1, self.rated])
        if not self.whole:
            return np.full(len(norm), off)
        return 2 * off + SIXTEEN_BITS * (self.positions**0.5 / norm) * (1 + MEASURED)

    @property
    def tiny(self) -> float:
        """The largest share of S that q may be off by: float32's rounding, and that to sixteen bits."""
        return float(self._off().max(initial=0))

    def largest(self) -> tuple[float, float, float, float, float]:
        """Return the largest ε, λ, μ, κ and δ of the columns that have a bound and vary."""
        some = self.rated
        if not some.any():
            return 0.0, 0.0, 0.0, 1.0, 0.0
        total, square, low, rest = self.sums[:4, some]
        norm, more = np.sqrt(square), 1 + MEASURED
        rest_share = np.max(np.sqrt(rest) / norm) * more
        mean = np.max(np.abs(total) / norm) / self.positions**0.5 * more + MEASURED
        bend = np.max(square / self.spread[some]) * more
        error = MEASURED * (1 + 2 * mean + MEASURED) * bend
        return rest_share, np.max(np.sqrt(low) / norm) * more, mean, bend**0.5 * (1 + error), error


@dataclass(frozen=True)
class Bound:
    """The parts of the bound of a tile's correlations.

    Attributes
    ----------
    flat : float
        All of it but the rounding of columns, the same for every correlation.
    worst : float
        The largest error from the rounding of columns.
    factor : float
        κ κ', by which σ is multiplied.
    at_random : bool
        Whether both sides were rounded at random, so that rounding has a bound of its own for each pair.
    """

    flat: float
    worst: float
    factor: float
    at_random: bool

    @property
    def everywhere(self) -> float:
        """The largest error of a correlation, without that of blocks of 8 bits."""
        return float(np.ceil((self.flat + self.worst) * GRAIN) / GRAIN)


def gamma(terms: int, unit: float) -> float:
    """Return γ_n, the relative error of a sum of n terms in any order.

    Examples
    --------
    >>> gamma(2, 0.25)
    1.0
    """
    return terms * unit / (1 - terms * unit)


def bound(a: Norms, b: Norms, rows: int, blocks: int, unit: float) -> Bound:
    """Return the bound of correlations of columns that are not doubtful (module head).

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
    tiny, tiny2 = a.tiny, b.tiny
    r, r2 = r + tiny, r2 + tiny2
    f, f2 = 1 + r + l, 1 + r2 + l2
    split = r + (1 + r) * r2
    small, g, g_small = f * l2 + l * f2, gamma(rows + 1, unit), gamma(2 * rows, unit)
    summed = g * (f * f2 + (1 + g_small) * small) + g_small * small
    across = gamma(blocks + 8, 2.0**-53) * (f * f2 + small) * (1 + summed)
    means = MEASURED * (mean + mean2 + MEASURED)
    factor = bend * bend2
    own = 1.5 * (tiny + tiny2)  # beside σ for random rounding, below 1/2; ε has it already
    flat = factor * (l * l2 + summed + across + means + UNDERFLOW + own) + max(error, error2) + 2.0**-22
    at_random = a.whole or bool(a.sums[5].any() and b.sums[5].any())
    return Bound(float(flat), float(factor * split), float(factor), at_random)
