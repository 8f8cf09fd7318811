"""The answer of a measured ladder in three short sentences: found, contradicted, undecided.

The first says what grew and how fast, the second which statement of the theory or of the paper these networks
contradict, the third which questions they leave open. Every number comes with its interval; the rest of the page gives
the tests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...model_names import family_name
from ..alternatives import CANNOT_TELL
from ..findings import Finding, Shown
from ..triangle import TriangleStatus, contradicted
from ..verdict import NO_POWER_LAW, ends, growth, listed, nulls_of, signed

if TYPE_CHECKING:
    import xarray as xr

    from ..analysis import Analysis
    from ..triangle import Triangle

WIDE = 2.0  # an upper end of β's interval this many times its lower end says little about β


@dataclass(frozen=True)
class LadderAnswer:
    """Three sentences."""

    growth: str
    contradiction: str
    open_questions: str


def answer(
    ladder: xr.Dataset, analysis: Analysis | None, triangle: Triangle | None, judged: list[Finding], verdict: str
) -> LadderAnswer:
    """Return the answer of a ladder from its fits, its triangle of exponents and the judged findings."""
    return LadderAnswer(
        growth=_growth(ladder, analysis, verdict),
        contradiction=_contradiction(ladder, analysis, triangle, judged),
        open_questions=_open_questions(ladder, analysis, triangle, judged),
    )


def _growth(ladder: xr.Dataset, analysis: Analysis | None, verdict: str) -> str:
    if analysis is None or verdict.startswith("No law"):
        return verdict.split(". The other counts alone")[0].rstrip(".") + "."
    line = analysis.power_law
    families = " and ".join(map(family_name, json.loads(ladder.attrs["families"])[:2]))
    sizes = np.unique(line.data.neurons)
    first, last = (line.data.counts[line.data.neurons == size].mean() for size in (sizes[0], sizes[-1]))
    at = f" at correlation ρ ≥ {analysis.common_rho:.2f}" if np.isfinite(analysis.common_rho) else ""
    counted = (
        f"Matched pairs of {families}{at} go from {first:,.0f} at {sizes[0]:,.0f} neurons to {last:,.0f} "
        f"at {sizes[-1]:,.0f}"
    )
    low, high = line.exponent_ci95
    if not np.isfinite([low, high]).all():
        return f"{counted}; {growth(line)}."
    interval = f"(95% interval {ends((low, high))})"
    if low > 0 and high < 1:
        return (
            f"{counted}: they grow as N to the power {signed(line.exponent)} {interval}, more slowly than the networks."
        )
    claim = growth(line).removeprefix(f"{NO_POWER_LAW} is shown: ")
    return f"{counted}: exponent {signed(line.exponent)} {interval}, so {claim}."


def contradicts_theory(triangle: Triangle | None) -> bool:
    """Return whether a test of the page contradicts the theory, with or without attenuated correlations."""
    if triangle is None or triangle.status is not TriangleStatus.OK:
        return False
    return bool(triangle.theory_contradicted or triangle.unattenuated_contradicted)


def _contradiction(
    ladder: xr.Dataset, analysis: Analysis | None, triangle: Triangle | None, judged: list[Finding]
) -> str:
    opposite = [one.name for one in judged if one.shown is Shown.OPPOSITE]
    against = f" These findings contradict the paper: {listed(opposite)}." if opposite else ""
    if triangle is not None and contradicts_theory(triangle):
        if triangle.theory_contradicted:
            sentence = "The share of strong pairs changes with network size, which the theory excludes."
        else:
            product, demanded = signed(triangle.product.value), triangle.expected_product
            demand = signed(demanded) if np.isfinite(demanded) else "1"
            sentence = (
                f"The product of count and profile exponents is {product}, but the theory demands {demand}, unless "
                "features are attenuated unequally."
                if contradicted(triangle.product, triangle.expected_product)
                else f"The sum of count and purity exponents is {signed(triangle.sum.value)}, not the theory's, unless "
                "features are attenuated unequally."
            )
        return sentence + against
    if opposite:
        return against.strip()
    nulls = nulls_of(ladder)
    raw = nulls.pop("raw", None)
    covering = [] if raw is None else [label for label, counts in nulls.items() if np.any(counts >= raw)]
    if covering:
        return (
            f"The raw count, without a threshold, shows nothing: {listed(covering)} nulls have as many pairs as the "
            "trained networks."
        )
    return "No test on this page contradicts the theory or a finding of the paper."


def _open_questions(
    ladder: xr.Dataset, analysis: Analysis | None, triangle: Triangle | None, judged: list[Finding]
) -> str:
    questions = []
    if analysis is not None:
        if analysis.comparison.preferred == CANNOT_TELL:
            questions.append("whether the curve is a power law")
        low, high = analysis.theory.beta_ci95
        if contradicts_theory(triangle) or not np.isfinite([low, high]).all() or high > WIDE * low:
            questions.append("which β the theory would have")
    unknown = [one.name for one in judged if one.shown is Shown.NO]
    if unknown:
        number = "one finding" if len(unknown) == 1 else f"{len(unknown)} findings"
        questions.append(f"{number} of the paper")
    if len(np.unique(ladder["neurons"].values)) == ladder.sizes["rung"]:
        questions.append("how much other training seeds would change these results")
    return f"These data cannot decide {listed(questions)}." if questions else "No question remains open here."
