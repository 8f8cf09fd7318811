r"""Expectations of a design: half-widths of intervals, and the power of each test at 5%.

The statistics of a ladder are drawn from their laws — means of sizes, mean squares of seeds — and put through the
analysis of `rosettalaw.validation.seeds.crossed`, some hundred times. Half-widths are the mean for α, and for β, whose
interval may have no upper end, the median.

    sublinear            the interval of α lies within (0, 1)
    shrinking            the interval of α − 1, exponent of R/N, lies below 0
    a rival curve        its lack of fit against the scatter of seeds, F(n − p, f) at 5%; one seed a size has no such
                         scatter, and shows nothing
    triangle             share of drawn ladders that `measure_triangle` finds to contradict the theory with unattenuated
                         correlations (or, for a budget, with any attenuation), if that is the truth

A flat budget, unattenuated, has exactly the profile of an attenuated theory (see the law of attenuation), and the
shares of neither change with N: the last power is the test's own error rate, at every size of ladder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arguments import checked
from ...contents import ByContent
from ...errors import require
from ...lazy import deferred
from ..attenuation.drawn import DrawnLadder
from ..curves import CURVES
from ..seeds.components import Components, SizeMeans, expected_squares, solve_components
from ..seeds.crossed import of_means
from ..triangle import measure_triangle
from .plan import THRESHOLD, Design

stats = deferred("scipy.stats")

RIVALS = ("constant", "linear", "logarithmic", "saturating", "floor plus linear")
DRAWS, LADDERS = 400, 100
ATTENUATION = (0.6, 0.2)  # mean and spread of the alternative "attenuated theory"
BUDGET = (0.6, 0.7)  # β and θ of the alternative "budget κN^θ"


@dataclass(frozen=True, eq=False)
class Expectation(ByContent):
    """Expected half-widths and powers of a design.

    Attributes
    ----------
    half_width_alpha, half_width_beta : float
        Of the 95% intervals.
    sublinear, shrinking : float
        Powers.
    curves : dict of str to float or None
        Power against each rival of the power law; None with one seed a size.
    triangle : dict of str to float
        Power against each alternative; empty if it was not asked for.
    """

    half_width_alpha: float
    half_width_beta: float
    sublinear: float
    shrinking: float
    curves: dict[str, float | None]
    triangle: dict[str, float]

    def record(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        return {
            "half_width_alpha": self.half_width_alpha,
            "half_width_beta": self.half_width_beta,
            "power": {
                "sublinear": self.sublinear,
                "shrinking": self.shrinking,
                "power_law_over": self.curves,
                "triangle": self.triangle,
            },
        }


@checked("expect(Design((128, 256, 512)))")
def expect(design: Design, draws: int = DRAWS, ladders: int = LADDERS, seed: int = 0) -> Expectation:
    """Return the expectations of a design.

    Parameters
    ----------
    design : Design
        The ladder.
    draws : int
        Draws of the statistics.
    ladders : int
        Ladders of correlations drawn for each power of the triangle; 0 leaves these out.
    seed : int
        Of all random numbers.
    """
    for name, value, least in (("draws", draws, 1), ("ladders", ladders, 0), ("seed", seed, 0)):
        require(value >= least, name, value, f"must be at least {least}", f"expect(design, {name}={max(least, 100)})")
    draws, ladders, seed = int(draws), int(ladders), int(seed)
    rng = np.random.default_rng(seed)
    fits = [of_means(*draw_statistics(design, rng)) for _ in range(draws)]
    low, high = np.array([fit.exponent_ci95 for fit in fits]).T
    half, x = (high - low) / 2, np.log(design.sizes)
    se = np.sqrt(design.variance / np.sum((x - x.mean()) ** 2))
    below = stats.norm.cdf((1 - half - design.alpha) / se)  # α̂ is independent of the interval's width
    above = stats.norm.cdf((half - design.alpha) / se)
    betas = np.array([(design.beta_at(end), design.beta_at(start)) for start, end in zip(low, high, strict=True)])
    return Expectation(
        half_width_alpha=float(np.mean(half)),
        half_width_beta=float(np.median(betas[:, 1] - betas[:, 0]) / 2),
        sublinear=float(np.mean(np.maximum(below - above, 0))),
        shrinking=float(np.mean(below)),
        curves=curve_powers(design),
        triangle=triangle_powers(design, ladders, rng) if ladders else {},
    )


def draw_statistics(design: Design, rng: np.random.Generator) -> tuple[SizeMeans, Components | None]:
    """Return means of sizes and estimated components of one ladder, drawn from their laws."""
    n, k = len(design.sizes), design.seeds
    means = design.means(design.alpha * np.log(design.sizes) + rng.normal(0, np.sqrt(design.variance), n))
    if k == 1:
        return means, None
    expected, freedom = expected_squares(k, k)
    true = design.components
    typical = expected @ [true.a, true.b, true.pair] / freedom  # mean squares
    squares = typical * rng.chisquare(n * freedom)
    return means, solve_components(squares, n * expected, n * freedom)


def curve_powers(design: Design) -> dict[str, float | None]:
    """Return the power to reject each rival if the truth is the power law."""
    x = np.log(design.sizes)
    truth, powers = design.alpha * x, {}
    for name in RIVALS:
        parameters, fit = CURVES[name]
        freedom = len(x) - parameters
        if design.seeds == 1 or freedom < 1:
            powers[name] = None
            continue
        apart = float(np.sum((truth - fit(x, truth)(x)) ** 2)) / design.variance
        within = error_freedom(design)
        critical = stats.f.ppf(0.95, freedom, within)
        powers[name] = float(stats.ncf.sf(critical, freedom, within, apart)) if apart > 1e-9 else 0.05
    return powers


def error_freedom(design: Design) -> float:
    """Return Satterthwaite's degrees of freedom of the variance of a size's mean, text known."""
    n, k = len(design.sizes), design.seeds
    expected, freedom = expected_squares(k, k)
    true = design.components
    squares = n * (expected @ [true.a, true.b, true.pair])
    of_seeds = solve_components(squares, n * expected, n * freedom).freedom
    seeds = design.variance - design.text_sd**2
    return of_seeds * min(design.variance / max(seeds, 1e-9 * design.variance), 1e3) ** 2


def rival_p(means: SizeMeans, components: Components, name: str) -> float:
    """Return the p-value of a rival curve: its lack of fit against the scatter of seeds and text."""
    x, seeds = np.log(means.neurons), components.variance(means.seeds_a, means.seeds_b, means.crossed)
    variance = seeds + means.text_sd**2
    parameters, fit = CURVES[name]
    left = means.log_count - fit(x, means.log_count)(x)
    within = components.freedom * float(np.sum(variance) / max(np.sum(seeds), 1e-300)) ** 2
    freedom = len(x) - parameters
    return float(stats.f.sf(np.sum(left**2 / variance) / freedom, freedom, within))


def triangle_powers(design: Design, ladders: int, rng: np.random.Generator) -> dict[str, float]:
    """Return how often each alternative is found to contradict the theory."""
    sizes = tuple(design.sizes.tolist())
    common: dict[str, Any] = {"neurons": sizes, "thresholds": (THRESHOLD,) * len(sizes)}
    common |= {"middle_count": design.middle_count, "scatter": float(np.sqrt(design.variance))}
    common |= {"positions": max(int(design.positions), 100)}
    attenuated = DrawnLadder(**common, beta=design.beta, attenuation=ATTENUATION)
    budget = DrawnLadder(**common, beta=BUDGET[0], theta=BUDGET[1])
    sample = {
        name: [measure_triangle(sizes, kind.draw(rng)) for _ in range(ladders)]
        for name, kind in (("attenuation", attenuated), ("budget", budget))
    }
    return {
        "attenuation": float(np.mean([one.unattenuated_contradicted for one in sample["attenuation"]])),
        "budget": float(np.mean([one.unattenuated_contradicted for one in sample["budget"]])),
        "budget_under_any_attenuation": float(np.mean([one.theory_contradicted for one in sample["budget"]])),
    }
