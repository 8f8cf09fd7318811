"""All sources side by side: every series through the same fits, the same curves and the same triangle.

A source with too little in it keeps its row, with what its counts allow and the reason why the rest is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..arguments import checked
from ..contents import ByContent
from ..errors import InputError
from .analysis import Analysis, analyse_series
from .extension import Extension, fit_extension
from .forecast import HeldOut, held_out_largest
from .holm import sentence
from .joint_fit import JointFit, Observations, fit_jointly
from .likelihoods import LikelihoodFit
from .power_law import PowerLawFit
from .profiles import FEWEST_PAIRS
from .references import reference_series
from .series import Series
from .triangle import ROUNDING, Triangle, TriangleStatus, contradicted
from .verdict import growth, signed


@dataclass(frozen=True, eq=False)
class Row(ByContent):
    """One source under every test.

    Attributes
    ----------
    series : Series
        The counts that were tested.
    analysis : Analysis or None
        Fits of its counts; None if they cannot be fitted.
    triangle : Triangle or None
        The three exponents, and the attenuation that they need; None without correlations.
    extension : Extension or None
        The budget exponent that the triangle asks for.
    held_out : HeldOut or None
        The largest size predicted from the others; None with fewer than four sizes.
    problem : str
        Why something is missing, or "".
    """

    series: Series
    analysis: Analysis | None
    triangle: Triangle | None
    extension: Extension | None
    held_out: HeldOut | None
    problem: str

    @property
    def trend(self) -> PowerLawFit | LikelihoodFit | None:
        """The power law whose exponent is judged: least squares as in the paper, but Poisson's for null pairs.

        Least squares would take a fall from 4 such pairs to 1 for a precise measurement.
        """
        if self.analysis is None:
            return None
        return self.analysis.likelihoods[0] if self.series.chance else self.analysis.power_law

    def record(self) -> dict[str, Any]:
        """Return one line of the comparison table as plain values."""
        line, trend = self.analysis.power_law if self.analysis else None, self.trend
        theory = self.analysis.theory if self.analysis else None
        tested = self.triangle is not None and self.triangle.status is TriangleStatus.OK
        triangle = self.triangle if tested else None
        return {
            "name": self.series.name,
            "source": self.series.source,
            "sizes": len(np.unique(self.series.neurons)),
            "neurons": [float(self.series.neurons.min()), float(self.series.neurons.max())],
            "exponent": trend.exponent if trend else None,
            "exponent_ci95": trend.exponent_ci95 if trend else None,
            "common_rho": self.analysis.common_rho if self.analysis else None,
            "own_exponent": self.analysis.own.exponent if self.analysis and self.analysis.own else None,
            "own_exponent_ci95": self.analysis.own.exponent_ci95 if self.analysis and self.analysis.own else None,
            "r2": line.r2 if line else None,
            "beta": theory.beta if theory else None,
            "beta_ci95": theory.beta_ci95 if theory else None,
            "preferred": self.analysis.comparison.preferred if self.analysis else None,
            "status": self.analysis.status if self.analysis else None,
            "profile_exponent": triangle.profile.value if triangle else None,
            "profile_exponent_ci95": triangle.profile.ci95 if triangle else None,
            "purity_exponent": triangle.purity.value if triangle else None,
            "purity_exponent_ci95": triangle.purity.ci95 if triangle else None,
            "product": triangle.product.value if triangle else None,
            "product_ci95": triangle.product.ci95 if triangle else None,
            "expected_product": triangle.expected_product if triangle else None,
            "expected_sum": triangle.expected_sum if triangle else None,
            "sum": triangle.sum.value if triangle else None,
            "sum_ci95": triangle.sum.ci95 if triangle else None,
            "theta": self.extension.theta.value if triangle and self.extension else None,
            "theta_ci95": self.extension.theta.ci95 if triangle and self.extension else None,
            "plain_p": self.extension.plain_p if triangle and self.extension else None,
            "held_out": vars(self.held_out) if self.held_out else None,
            "sentences": self.sentences(),
        }

    def sentences(self) -> list[str]:
        """Return the sentences about this source: counts first, then the triangle and the extension."""
        return [*self.of_counts(), *self.of_theory(), *([self.problem] if self.problem else [])]

    def of_counts(self) -> list[str]:
        """Return the sentences about the counts, the verdict first; none where they cannot be fitted."""
        if self.analysis is None or self.trend is None:
            return []
        if not self.series.chance:
            return [self.analysis.verdict, *self.analysis.counting, *self._warnings()]
        judged, (low, high) = growth(self.trend), map(signed, self.trend.exponent_ci95)
        exponent = f"exponent {signed(self.trend.exponent)}, 95% interval {low} to {high}"
        return [f"{judged[0].upper()}{judged[1:]} ({exponent}, with Poisson's likelihood, if pairs occur by chance)."]

    def of_theory(self) -> list[str]:
        """Return the sentences of triangle and extension about the theory; none without a triangle."""
        if self.triangle is None:
            return []
        extended = [] if self.extension is None else [self.extension.verdict(), *self._alone_and_together()]
        corrected = sentence(self.tests())
        return [self.triangle.verdict(), *extended, *([corrected] if corrected else [])]

    def tests(self) -> dict[str, float]:
        """Return the p-values of the tests of the theory on this source, by the demand that each tests.

        Whole counts' rounding is allowed for as in the triangle's sentences.
        """
        if self.triangle is None or self.triangle.status is not TriangleStatus.OK:
            return {}
        demands = {"α·b": (self.triangle.product, self.triangle.expected_product)}
        demands["α + p"] = self.triangle.sum, self.triangle.expected_sum
        tests = {
            name: one.p_value(one.value + np.sign(demand - one.value) * max(abs(demand - one.value) - ROUNDING, 0.0))
            for name, (one, expected) in demands.items()
            for demand in [expected if np.isfinite(expected) else 1.0]
        }
        return tests | ({} if self.extension is None else {"both together": self.extension.plain_p})

    def _warnings(self) -> list[str]:
        status = "ok" if self.analysis is None else self.analysis.status
        warnings = [] if status == "ok" else [f"Status of the fits: {status}."]
        return warnings if self.held_out is None else [*warnings, self.held_out.sentence()]

    def _alone_and_together(self) -> list[str]:
        """Say why a demand can fail by itself where the joint test of both rejects nothing."""
        triangle, joint = self.triangle, self.extension
        if triangle is None or joint is None or not joint.plain_p >= 0.05:
            return []
        demands = (triangle.product, triangle.expected_product), (triangle.sum, triangle.expected_sum)
        if not any(contradicted(one, expected) for one, expected in demands):
            return []
        return [
            "A demand that is contradicted alone is not rejected when both are tested together, because their "
            "covariance is estimated from the same few sizes."
        ]


def corrected(rows: Sequence[Row]) -> str:
    """Return a sentence on the tests of several sources that survive correction; "" for fewer than two tests."""
    return sentence({f"{name} of {row.series.name}": p for row in rows for name, p in row.tests().items()})


@checked("compare_series(read_series(['counts.csv', 'ladder.nc']))")
def compare_series(series: Sequence[Series]) -> list[Row]:
    """Put every series through every test."""
    return [_row(one) for one in series]


@cache
def reference_rows() -> tuple[Row, ...]:
    """Return the rows of the references, under every test: worked out once in a process."""
    return tuple(compare_series(reference_series()))


def joint_of(series: Series) -> JointFit | None:
    """Fit the theory to counts and ranked correlations of one series together; None if it has no correlations.

    All sizes are cut at one correlation, as the theory's τ is one number.
    """
    if series.correlations is None or series.sizes_matched is not None:
        return None
    threshold = series.threshold if np.isfinite(series.threshold) else 0.0
    cut = [np.asarray(rho)[np.asarray(rho) >= threshold] for rho in series.correlations]
    enough = [i for i, rho in enumerate(cut) if len(rho) >= FEWEST_PAIRS]
    if len(np.unique(series.neurons[enough])) < 3:
        return None
    correlations = [cut[i].tolist() for i in enough]
    counts = [float(len(rho)) for rho in correlations]
    return fit_jointly(Observations(series.neurons[enough].tolist(), counts, correlations=correlations))


def _row(series: Series) -> Row:
    problem, analysis, held_out = "", None, None
    try:
        analysis = analyse_series(series)
        held_out = held_out_largest(series.clean())
    except InputError as error:
        problem = f"{series.name}: {error}"
    triangle, extension = series.triangle(), None
    if triangle is not None and triangle.status is TriangleStatus.OK:
        extension = fit_extension(triangle)
    return Row(
        series=series,
        analysis=analysis,
        triangle=triangle,
        extension=extension,
        held_out=held_out,
        problem=problem,
    )
