"""Sentences of a triangle of exponents: its tests, the most robust first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .demands import ROUNDING, Estimate
from .verdict import listed, signed

if TYPE_CHECKING:
    from .triangle import Triangle

ANY = "under any attenuation of correlations that does not depend on N"


def sentence(triangle: Triangle) -> str:
    """Return which of the theory's demands survive: the attenuation-proof test, the plain one, the attenuation."""
    if triangle.status != "ok":
        return f"The triangle of exponents cannot be tested: {triangle.status}."
    said = [_proof(triangle), plain(triangle)]
    fitted = triangle.attenuation if triangle.unattenuated_contradicted else None
    if fitted is not None and fitted.needed:
        said.append(fitted.sentence())
    return " ".join(part for part in said if part)


def plain(triangle: Triangle) -> str:
    """Return the exponents and the two demands, a sentence each, of correlations that nothing attenuates."""
    limit = min(triangle.profile.value, 1.0)
    unattenuated = triangle.matched is not None
    parts = [
        _judged("α·b", triangle.product, triangle.expected_product, limit, unattenuated),
        _judged("α + p", triangle.sum, triangle.expected_sum, 1.0, unattenuated),
    ]
    exponents = listed(
        [
            f"{symbol} = {signed(estimate.value)} ({signed(estimate.ci95[0])} to {signed(estimate.ci95[1])})"
            for symbol, estimate in (("α", triangle.count), ("b", triangle.profile), ("p", triangle.purity))
        ]
    )
    outside = ""
    if triangle.profile.ci95[1] < 1:
        unless = " unless correlations are attenuated" if unattenuated else ""
        outside = f" b < 1 lies outside the paper's spectra (β > 1){unless}."
    sizes, matchings = len(np.unique(triangle.neurons)), len(triangle.neurons)
    over = f"{sizes} sizes" if sizes == matchings else f"{matchings} matchings at {sizes} sizes"
    return f"Over {over}, {exponents}. {parts[0]}. {parts[1]}.{outside}"


def _proof(triangle: Triangle) -> str:
    """Return the sentence on the shares of strong pairs, the headline of a triangle that has correlations."""
    if triangle.matched is None:
        return ""
    if triangle.theory_contradicted:
        causes = [
            f"the share of pairs above {share.high:.2f} among those above {share.low:.2f} changes as N to the power "
            f"{signed(share.exponent)} (joint 95% interval {signed(share.exponent_ci95[0])} to "
            f"{signed(share.exponent_ci95[1])})"
            for share in triangle.shares
            if share.p < 0.05
        ]
        if triangle.steep_p < 0.05:
            causes.append("the profile is steeper than the counts allow, and attenuation only flattens it")
        return f"The ladder contradicts the theory {ANY}: {', and '.join(causes)}."
    tested = [share for share in triangle.shares if np.isfinite(share.p)]
    if not tested:
        return "Too few strong pairs to test the theory without assumptions about attenuation."
    shares = "; ".join(
        f"{signed(share.exponent)} above {share.high:.2f} ({signed(share.exponent_ci95[0])} to "
        f"{signed(share.exponent_ci95[1])})"
        for share in tested
    )
    lows = sorted({f"{share.low:.2f}" for share in tested})
    return (
        "The theory is not contradicted if correlations are attenuated by factors that do not depend on N. No share of "
        f"strong pairs among those above {' or '.join(lows)} is seen to change with network size (exponents of the "
        f"shares, with joint 95% intervals: {shares})."
    )


def _agrees(measured: Estimate, expected: float) -> str:
    """Say how interval and demand go together."""
    demand = expected if np.isfinite(expected) else 1.0
    if not measured.ci95[0] - ROUNDING <= demand <= measured.ci95[1] + ROUNDING:
        return "contradicts"
    if measured.ci95[0] <= demand <= measured.ci95[1]:
        return "agrees with"
    return f"agrees, within the rounding error {ROUNDING:g} of whole counts, with"


def _judged(name: str, measured: Estimate, expected: float, limit: float, unattenuated: bool) -> str:
    interval = f"{signed(measured.value)} (95% interval {signed(measured.ci95[0])} to {signed(measured.ci95[1])})"
    demanded = f"{expected:.2f} at these sizes ({limit:.2g} for N → ∞)" if np.isfinite(expected) else f"{limit:.2g}"
    agrees = _agrees(measured, expected)
    if unattenuated and agrees == "contradicts":
        return f"{name} = {interval} contradicts the theory with unattenuated correlations, which demands {demanded}"
    return f"{name} = {interval} {agrees} the theory's {demanded}"
