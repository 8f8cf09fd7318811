"""The answer of a page in three short sentences: found, contradicted, undecided.

The first says what grew and how fast, the second which statement of the theory or of the paper the results contradict,
the third which questions they leave open. Every number comes with its interval; the rest of the page gives the tests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...model_names import family_name
from ..alternatives import CANNOT_TELL
from ..findings import Finding, Shown
from ..holm import LEVEL, holm
from ..series import CALIBRATED
from ..triangle import TriangleStatus, contradicted
from ..verdict import NO_POWER_LAW, as_sentence, doubts, ends, growth, listed, nulls_of, signed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

    from ..analysis import Analysis
    from ..compare import Row
    from ..triangle import Triangle

WIDE = 2.0  # an upper end of β's interval this many times its lower end says little about β
NOTHING_CONTRADICTED = "No test on this page contradicts the theory or a finding of the paper."
NOTHING_OPEN = "No question remains open here."


@dataclass(frozen=True)
class PageAnswer:
    """Three sentences."""

    growth: str
    contradiction: str
    open_questions: str


def answer(
    ladder: xr.Dataset,
    analysis: Analysis | None,
    triangle: Triangle | None,
    judged: Sequence[Finding],
    verdict: str,
    tests: Mapping[str, float] | None = None,
) -> PageAnswer:
    """Return the answer of a ladder from its fits, its triangle of exponents and the judged findings.

    Parameters
    ----------
    ladder : Dataset
        Kind "ladder".
    analysis, triangle
        Its fits and its three exponents; None where there were too few pairs.
    judged : sequence of Finding
        Findings on its neurons.
    verdict : str
        The verdict on its counts.
    tests : mapping of str to float, optional
        p-values of all tests of the theory: those that do not survive correction for their number contradict nothing.
    """
    families = " and ".join(map(family_name, json.loads(ladder.attrs["families"])[:2]))
    one_seed = len(np.unique(ladder["neurons"].values)) == ladder.sizes["rung"]
    tests = tests or {}
    return PageAnswer(
        growth=_growth(f"Matched pairs of {families}", analysis, verdict),
        contradiction=_contradiction(nulls_of(ladder), analysis, triangle, judged, tests),
        open_questions=_open_questions(analysis, triangle, judged, one_seed, tests),
    )


def of_row(row: Row, judged: Sequence[Finding] = ()) -> PageAnswer:
    """Return the answer of a source of counts over sizes, which may be a simulation or a table.

    Parameters
    ----------
    row : Row
        The source under every test.
    judged : sequence of Finding
        Findings on its neurons, where they were measured.
    """
    series, analysis = row.series, row.analysis
    measured = series.source in CALIBRATED
    one_seed = measured and len(np.unique(series.neurons)) == len(series.neurons)
    verdict = row.problem if analysis is None else analysis.verdict
    alone = series.source == "counts"
    return PageAnswer(
        growth=_growth("Matched pairs" if measured else "Rosetta Neurons", analysis, verdict),
        contradiction=_contradiction(series.nulls, analysis, row.triangle, judged, row.tests()),
        open_questions=_open_questions(analysis, row.triangle, judged, one_seed, row.tests(), alone),
    )


def of_findings(judged: Sequence[Finding]) -> PageAnswer:
    """Return the answer of the findings of one ladder: those shown, those contradicted, those that are neither."""

    def those(shown: Shown) -> str:
        return listed([one.name for one in judged if one.shown is shown])

    shown, opposite, unknown = map(those, (Shown.YES, Shown.OPPOSITE, Shown.NO))
    return PageAnswer(
        growth=f"Shown: {shown}." if shown else "No finding of the paper is shown.",
        contradiction=f"Contradicted: {opposite}." if opposite else "No finding of the paper is contradicted.",
        open_questions=f"Not shown: {unknown}." if unknown else NOTHING_OPEN,
    )


def _growth(pairs: str, analysis: Analysis | None, verdict: str) -> str:
    if analysis is None or verdict.startswith("No law"):
        return verdict.split(". The other counts alone")[0].rstrip(".") + "."
    line = analysis.power_law
    sizes = np.unique(line.data.neurons)
    first, last = (line.data.counts[line.data.neurons == size].mean() for size in (sizes[0], sizes[-1]))
    at = f" at correlation ρ ≥ {analysis.common_rho:.2f}" if np.isfinite(analysis.common_rho) else ""
    counted = f"{pairs}{at} go from {first:,.0f} at {sizes[0]:,.0f} neurons to {last:,.0f} at {sizes[-1]:,.0f}"
    claim = growth(line)
    if not verdict.lower().startswith(claim.lower()):  # zeros that least squares omits take the claim away
        return f"{counted}. {verdict.split(' (exponent')[0]}."
    low, high = line.exponent_ci95
    if not np.isfinite([low, high]).all():
        return f"{counted}; {claim}."
    interval = f"(95% interval {ends((low, high))})"
    if low > 0 and high < 1:
        return (
            f"{counted}: they grow as N to the power {signed(line.exponent)} {interval}, more slowly than the networks."
        )
    claim = claim.removeprefix(f"{NO_POWER_LAW} is shown: ")
    return f"{counted}: exponent {signed(line.exponent)} {interval}, so {claim}."


def contradicts_theory(triangle: Triangle | None, tests: Mapping[str, float] | None = None) -> bool:
    """Return whether the tests of a page contradict the theory, with or without attenuated correlations.

    Parameters
    ----------
    triangle : Triangle or None
        The three exponents.
    tests : mapping of str to float, optional
        p-values of all tests without attenuation: one that Holm's correction for their number takes away is no
        contradiction.
    """
    if triangle is None or triangle.status is not TriangleStatus.OK:
        return False
    remains = not tests or bool(np.any(holm(list(tests.values())) < LEVEL))
    return bool(triangle.theory_contradicted or (remains and triangle.unattenuated_contradicted))


def _contradiction(
    nulls: Mapping[str, np.ndarray],
    analysis: Analysis | None,
    triangle: Triangle | None,
    judged: Sequence[Finding],
    tests: Mapping[str, float],
) -> str:
    """Return the sentences that contradict: doubts about the count, tests of the theory, findings, or else nulls."""
    said = [] if analysis is None else doubts(analysis.power_law, analysis.likelihoods, analysis.checks)
    sentences = [as_sentence(one) for one in said]
    opposite = [one.name for one in judged if one.shown is Shown.OPPOSITE]
    if triangle is not None and contradicts_theory(triangle, tests):
        sentences.append(_against_theory(triangle))
    if opposite:
        sentences.append(f"These findings contradict the paper: {listed(opposite)}.")
    return " ".join(sentences) or _covered(nulls) or NOTHING_CONTRADICTED


def _against_theory(triangle: Triangle) -> str:
    if triangle.theory_contradicted:
        return "The share of strong pairs changes with network size, which the theory excludes."
    unless = ", unless features are attenuated unequally" if triangle.matched is not None else ""
    if contradicted(triangle.product, triangle.expected_product):
        demanded = triangle.expected_product
        demand = signed(demanded) if np.isfinite(demanded) else "1"
        product = f"{signed(triangle.product.value)} ({' to '.join(map(signed, triangle.product.ci95))})"
        return f"The product of count and profile exponents is {product}, but the theory demands {demand}{unless}."
    total = f"{signed(triangle.sum.value)} ({' to '.join(map(signed, triangle.sum.ci95))})"
    return f"The sum of the exponents of count and mean isolation is {total}, not the theory's{unless}."


def _covered(nulls: Mapping[str, np.ndarray]) -> str:
    """Return the sentence on nulls that have as many pairs as the trained networks; "" for none."""
    raw = nulls.get("raw")
    if raw is None:
        return ""
    covering = [label for label, counts in nulls.items() if label != "raw" and np.any(counts >= raw)]
    if not covering:
        return ""
    have = "null has" if len(covering) == 1 else "nulls have"
    return (
        f"The raw count, without a threshold, shows nothing: the {listed(covering)} {have} as many pairs as the "
        "trained networks."
    )


def _open_questions(
    analysis: Analysis | None,
    triangle: Triangle | None,
    judged: Sequence[Finding],
    one_seed: bool,
    tests: Mapping[str, float],
    counts_alone: bool = False,
) -> str:
    questions = []
    if analysis is None:
        questions.append("whether the count grows with network size")
    else:
        if analysis.comparison.preferred == CANNOT_TELL:
            questions.append("whether the curve is a power law")
        low, high = analysis.theory.beta_ci95
        if contradicts_theory(triangle, tests) or not np.isfinite([low, high]).all() or high > WIDE * low:
            questions.append("which β the theory would have")
    unknown = [one.name for one in judged if one.shown is Shown.NO]
    if unknown:
        number = "one finding" if len(unknown) == 1 else f"{len(unknown)} findings"
        questions.append(f"{number} of the paper")
    if counts_alone:
        questions += ["how many of the pairs are due to chance", "whether correlations are as the theory demands"]
    if one_seed:
        questions.append("how much other training seeds would change these results")
    return f"These data cannot decide {listed(questions, 'or')}." if questions else NOTHING_OPEN
