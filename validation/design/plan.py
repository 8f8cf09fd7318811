r"""Designs of a ladder: sizes, seeds, text, and the scatter that its counts are expected to have.

The count is the theory's, ``R ∝ N^α`` with the slope that β gives at these sizes. A pair of networks scatters about it
by a standard deviation of the log count (0.17 to 0.19 for seeds of training seen here), which is divided evenly between
both families and the pair unless a measured ladder says otherwise. Text adds ``τ = 0.07 √(86,000/positions)``, the
error that a bootstrap over documents gives the counts of the shipped ladders; it is common to all pairs of a size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...arguments import check_fields
from ...contents import ByContent
from ...errors import InputError, require
from ..demands import expected_exponents
from ..inputs import number
from ..seeds.components import Components, SizeMeans
from ..theory_search import GAMMA

SEED_SD = 0.17  # pure error of the log count over 7 degrees of freedom (95% interval 0.11 to 0.35)
TEXT_SD, POSITIONS = 0.07, 86_000.0
THRESHOLD = 0.3  # correlation from which pairs count
SHARE = (0.7, 0.73)  # of the count, ``0.7 N^0.73``: the shipped ladders'
STEEPEST = 20.0
CALL = "Design((128, 256, 512), seeds=3, positions=86_000, beta=1.5)"
EXAMPLE = "rosettalaw design --neurons 128:768:6:log --seeds 3 --positions 86000 --beta 1.5"
BETAS = np.exp(np.linspace(np.log(1.001), np.log(STEEPEST), 40))


@dataclass(frozen=True)
class Scatter:
    """Standard deviations of the log of a count: seeds of either family, the pair, and text at 86,000 positions."""

    a: float
    b: float
    pair: float
    text: float = TEXT_SD

    def __post_init__(self):
        check_fields(self, "Scatter(a=0.1, b=0.1, pair=0.1)")
        for name in ("a", "b", "pair", "text"):
            value, rule = getattr(self, name), "must be a standard deviation from 0 to 3"
            require(0 <= value <= 3, f"sd of {name}", value, rule, "--seed-sd 0.17")

    @classmethod
    def even(cls, sd: float) -> Scatter:
        """Return the scatter of one pair of networks, divided evenly."""
        sd = number("sd", sd, lambda sd: 0 <= sd <= 5, "must be a standard deviation from 0 to 5", "Scatter.even(0.17)")
        return cls(*(3 * (sd / np.sqrt(3),)))


@dataclass(frozen=True, eq=False)
class Design(ByContent):
    """A ladder that is to be measured.

    Attributes
    ----------
    neurons : tuple of float
        Different sizes, three or more.
    seeds : int
        Seeds of each of the two families at every size, all pairs of them matched.
    positions : float
        Aligned positions of text.
    beta : float
        β of the theory, greater than 1.
    scatter : Scatter
        What counts scatter by.
    count : float, optional
        Expected count at the middle size; the shipped ladders' by default.
    """

    neurons: tuple[float, ...]
    seeds: int = 1
    positions: float = POSITIONS
    beta: float = 1.5
    scatter: Scatter = field(default_factory=lambda: Scatter.even(SEED_SD))
    count: float | None = None

    def __post_init__(self):
        check_fields(self, CALL)
        sizes = sorted(set(self.neurons))
        require(
            all(1 <= n <= 1e12 for n in sizes), "neurons", sizes, "must be numbers of neurons, from 1 to 1e12", EXAMPLE
        )
        if len(sizes) < 3:
            low, high = (sizes[0], sizes[-1]) if len(sizes) == 2 else (sizes[0] if sizes else 128, 0)
            high = max(high, 6 * low)
            rule = "must be at least three sizes, for a slope with an interval; the nearest possible design has three"
            raise InputError("neurons", len(sizes), rule, f"--neurons {low:g}:{high:g}:3:log")
        spread = sizes[-1] / sizes[0]
        require(spread >= 1.2, "neurons", sizes, "must span a factor of at least 1.2, for a slope", EXAMPLE)
        rule = f"must be from 1.01 to {STEEPEST:g}: the paper's spectra have β > 1; the nearest possible is "
        nearest = min(max(self.beta, 1.01), STEEPEST) if np.isfinite(self.beta) else 1.5
        require(1.01 <= self.beta <= STEEPEST, "beta", self.beta, rule + f"{nearest:g}", f"--beta {nearest:g}")
        whole = 1 <= self.seeds <= 1000 and self.seeds == int(self.seeds)
        require(whole, "seeds", self.seeds, "must be a whole number from 1 to 1000", "--seeds 3")
        good = 100 <= self.positions <= 1e12
        require(good, "positions", self.positions, "must be from 100 to 1e12 aligned positions", "--positions 86000")
        good = self.count is None or 2 <= self.count <= min(self.middle, 1e12)
        require(good, "count", self.count, f"must be from 2 to the middle size, {self.middle:g}", "--count 40")

    @property
    def sizes(self) -> np.ndarray:
        """Sizes in order."""
        return np.array(sorted(set(self.neurons)), dtype=float)

    @property
    def middle(self) -> float:
        """The size in the middle."""
        return float(self.sizes[len(self.sizes) // 2])

    @property
    def middle_count(self) -> float:
        """Count expected there."""
        return self.count if self.count is not None else max(SHARE[0] * self.middle ** SHARE[1], 2.0)

    @cached_property
    def slopes(self) -> np.ndarray:
        """α that the theory gives at these sizes for each of `BETAS`."""
        tau = THRESHOLD / (1 - THRESHOLD)
        return np.array([expected_exponents(self.sizes, beta, tau, self.middle_count, GAMMA)[0] for beta in BETAS])

    @property
    def alpha(self) -> float:
        """α of this β."""
        return float(np.interp(np.log(self.beta), np.log(BETAS), self.slopes))

    def beta_at(self, alpha: float) -> float:
        """Return β of an exponent: 1 where the theory allows none so large, infinite where none so small."""
        alpha = number("alpha", alpha, np.isfinite, "must be a finite number", "design.beta_at(0.6)")
        if alpha >= self.slopes[0]:
            return 1.0
        if alpha <= self.slopes[-1]:
            return np.inf
        return float(np.exp(np.interp(-alpha, -self.slopes, np.log(BETAS))))

    @property
    def text_sd(self) -> float:
        """Standard deviation that the text gives the log of a count."""
        return self.scatter.text * float(np.sqrt(POSITIONS / self.positions))

    @property
    def components(self) -> Components:
        """Variance components, as known exactly."""
        one = self.scatter
        return Components(a=one.a**2, b=one.b**2, pair=one.pair**2, freedom=np.inf)

    @property
    def variance(self) -> float:
        """Variance of the mean log count of a size."""
        k = np.array(self.seeds)
        return float(self.components.variance(k, k)) + self.text_sd**2

    def means(self, log_count: np.ndarray) -> SizeMeans:
        """Return mean log counts of the sizes as the analysis takes them."""
        n = len(self.sizes)
        k = np.full(n, self.seeds)
        return SizeMeans(
            neurons=self.sizes,
            log_count=log_count,
            text_sd=np.full(n, self.text_sd),
            seeds_a=k,
            seeds_b=k,
            pairs=k**2,
            crossed=np.full(n, True),
        )
