"""Verdict on counts in a few short sentences, decided by intervals and nulls.

Claims in the order of their strength, each with the test that it has to pass:

- growth: the 95% interval of the exponent lies above 0;
- sublinear growth: it also lies below 1;
- that zeros, which least squares on logarithms leaves out, do not change this: Poisson's likelihood takes them in;
- that the stated errors of the counts do not change this: the weighted fit takes them in;
- a power law: the curve comparison prefers it over every alternative (rarely decidable with a handful of sizes);
- that no single size decides it: a size that is an outlier is named, and the claim without it is made;
- that any of it concerns Rosetta Neurons: the counts are calibrated against nulls, or raw counts exceed them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .alternatives import CANNOT_TELL, CurveComparison
from .counts import IMPOSSIBLE
from .power_law import PowerLawFit, PowerLawStatus, fit_clean
from .theory_fit import TheoryFit, TheoryStatus

if TYPE_CHECKING:
    import xarray as xr

    from .likelihoods import LikelihoodFit
    from .resampling import ResidualChecks

NO_POWER_LAW = "no power law"


def signed(value: float) -> str:
    """Return a number with two decimals, a true minus sign, and ∞."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−").replace("inf", "∞")  # + 0 makes −0 a 0


def ends(interval: tuple[float, float]) -> str:
    """Return an interval's ends with as many decimals, two to four, as show on which side of 0 and 1 they lie."""

    def shown(end: float) -> str:
        for decimals in (2, 3, 4):
            text = f"{end:.{decimals}f}"
            if end in (0, 1) or float(text) not in (0, 1):
                break
        return text.replace("-", "−").replace("inf", "∞") if float(text) else text.lstrip("-")

    return " to ".join(map(shown, interval))


def growth(fit: PowerLawFit | LikelihoodFit) -> str:
    """Return the claim that the exponent's interval allows, as a verb phrase."""
    lo, hi = fit.exponent_ci95
    if not np.isfinite([lo, hi]).all():
        return "no exponent can be claimed"
    if hi < 0:
        return f"{NO_POWER_LAW} is shown: the count falls with network size"
    if lo <= 0:
        return f"{NO_POWER_LAW} is shown: growth cannot be distinguished from none"
    if hi < 1:
        return "the count grows sublinearly with network size"
    if lo > 1:
        return "the count grows faster than the network"
    return "the count grows with network size, but sublinear growth cannot be distinguished from linear"


def verdict(
    fit: PowerLawFit,
    theory: TheoryFit | None = None,
    comparison: CurveComparison | None = None,
    nulls: Mapping[str, Any] | None = None,
    likelihoods: Sequence[LikelihoodFit] = (),
    checks: ResidualChecks | None = None,
) -> str:
    """Return short sentences: the claim with its numbers, the limits of it, and the questions that stay open.

    Parameters
    ----------
    fit : PowerLawFit
        The exponent and its interval.
    theory : TheoryFit, optional
        β and its interval.
    comparison : CurveComparison, optional
        Power law against other curves.
    nulls : mapping, optional
        ``raw`` and each null by its label: raw counts per size, shape (n,). Without it the
        verdict says that the counts are taken at face value.
    likelihoods : sequence of LikelihoodFit
        "poisson", asked where there are zeros, and "weighted", where the counts have stated errors.
    checks : ResidualChecks, optional
        Whether a size is an outlier.
    """
    impossible = fit.data.impossible_sizes
    if impossible and 2 * len(impossible) >= fit.data.sizes:
        where = "every size" if len(impossible) == fit.data.sizes else f"N = {_listed(impossible)}"
        return f"No law is shown: at {where} there are {IMPOSSIBLE}, so these are not counts of such pairs."
    by = {one.likelihood: one for one in likelihoods}
    parts, decides = [f"{growth(fit)} ({_exponent(fit)})"], [fit.exponent_ci95]
    if fit.data.zero_sizes and "poisson" in by:
        with_them, sizes = by["poisson"], _listed(fit.data.zero_sizes)
        numbers = f"{_numbers(with_them)} by Poisson's likelihood with the zeros at N = {sizes}"
        if growth(with_them) != growth(fit):
            parts, decides = (
                [f"{growth(with_them)} ({numbers}; without them {_exponent(fit)})"],
                [with_them.exponent_ci95],
            )
        else:
            parts.append(f"the zeros at N = {sizes} do not change this (with them {_numbers(with_them)})")
    parts += doubts(fit, likelihoods, checks)
    if "weighted" in by and growth(by["weighted"]) != growth(fit):
        decides.append(by["weighted"].exponent_ci95)
    if checks is not None and checks.out_of_line and fit.data.sizes > 3:
        decides.append(fit_clean(fit.data.without(checks.outlier)).exponent_ci95)
    parts.append(_nulls(nulls))
    claimed = all(low > 0 for low, _ in decides)
    if claimed and theory is not None:
        parts.append(_beta(theory))
    if claimed and comparison is not None:
        parts.append(_form(comparison))
    return " ".join(as_sentence(part) for part in parts if part)


def as_sentence(words: str) -> str:
    """Return words with a capital, unless they begin with a symbol, and a full stop."""
    return f"{words[0].upper() if words[0].isascii() else words[0]}{words[1:]}."


def doubts(
    fit: PowerLawFit, likelihoods: Sequence[LikelihoodFit] = (), checks: ResidualChecks | None = None
) -> list[str]:
    """Return the parts of a verdict that cast doubt on its claim: stated errors, impossible counts, outliers, scatter.

    Parameters
    ----------
    fit, likelihoods, checks
        As `verdict` takes them.
    """
    parts = []
    weighted = next((one for one in likelihoods if one.likelihood == "weighted"), None)
    if weighted is not None and growth(weighted) != growth(fit):
        parts.append(f"by the stated errors of the counts, {growth(weighted)} ({_numbers(weighted)})")
    if fit.data.impossible_sizes:
        sizes = _listed(fit.data.impossible_sizes)
        parts.append(f"the count at N = {sizes} is a mistake, because there are {IMPOSSIBLE}")
    if checks is not None and checks.out_of_line:
        parts.append(_out_of_line(fit, checks))
    elif fit.status is PowerLawStatus.SCATTERED:
        factor = float(np.exp(np.sqrt(fit.variance)))
        parts.append(f"the counts scatter about the line by a factor of {factor:.1f}, more than expected by chance")
    return parts


def _out_of_line(fit: PowerLawFit, checks: ResidualChecks) -> str:
    rest = fit_clean(fit.data.without(checks.outlier))
    same = growth(rest) == growth(fit)
    says = "the claim is the same" if same else growth(rest)
    return (
        f"N = {checks.outlier:,g} is an outlier, with {checks.outlier_factor:.2g} times the count expected from the "
        f"other sizes (p = {checks.outlier_p:.1g}): without it {says} ({_numbers(rest)})"
    )


def with_zeros(neurons: np.ndarray, counts: np.ndarray, verdict: str) -> str:
    """Return a verdict on calibrated counts, zeros included: those, which a fit in log space leaves out, decide first.

    Where at a size most pairs of seeds have no pair above the calibrated threshold, there is no law to claim.
    """
    zeros = {n: (int(np.sum(counts[neurons == n] == 0)), int(np.sum(neurons == n))) for n in np.unique(neurons)}
    named = [
        f"N = {size:g}" + (f" ({empty} of {pairs} pairs of seeds)" if pairs > 1 else "")
        for size, (empty, pairs) in zeros.items()
        if empty
    ]
    if not np.any(counts):
        return "No law is shown: at no size does any pair exceed the nulls (the test is the calibrated threshold)."
    if any(2 * empty > pairs for empty, pairs in zeros.values()):
        test = "no pair exceeds the nulls (the test is the calibrated threshold)"
        return f"No law is shown: {test} at {', '.join(named)}. The other counts alone would say: {verdict}"
    return f"{verdict} No pair exceeds the nulls at {', '.join(named)}; fits omit these sizes." if named else verdict


def nulls_of(ladder: xr.Dataset) -> dict[str, np.ndarray]:
    """Return the raw counts of a ladder, or of one matching, and of its nulls, as `verdict` takes them."""
    from ..empirical.nulls import every_label

    names = {"raw": "raw_count", **{label: f"{label}_raw" for label in every_label()}}
    return {word: np.asarray(ladder[name].values, dtype=float) for word, name in names.items() if name in ladder}


def _exponent(fit: PowerLawFit) -> str:
    return f"{_numbers(fit)}, {fit.data.sizes} sizes, N = {fit.data.neurons[0]:,.0f} to {fit.data.neurons[-1]:,.0f}"


def _numbers(fit: PowerLawFit | LikelihoodFit) -> str:
    known = np.isfinite(fit.exponent_ci95).all()
    interval = f"95% interval {ends(fit.exponent_ci95)}" if known else "no interval"
    return f"exponent {signed(fit.exponent)}, {interval}"


def _listed(sizes: Sequence[float]) -> str:
    return ", ".join(f"{size:,g}" for size in dict.fromkeys(sizes))


def _beta(theory: TheoryFit) -> str:
    if theory.status is TheoryStatus.STEEP:
        return "β is at its lower limit 1, because at these sizes the theory allows no faster growth"
    if theory.status is TheoryStatus.FLAT or not np.isfinite(theory.beta_ci95[0]):
        return "β is not identified"
    lo, hi = theory.beta_ci95
    upper = f"{hi:.2f}" if np.isfinite(hi) else "no upper end"
    empty = _listed(theory.data.zero_sizes) if theory.variance_power == 1 else ""
    also = f", including the zero at N = {empty}, which the exponent omits" if empty else ""
    lower = f"{lo:.2f}" if lo > 1 else "from its limit 1"
    return f"if the theory holds, β = {theory.beta:.2f} (95% interval {lower} to {upper}{also})"


def _form(comparison: CurveComparison) -> str:
    if comparison.preferred == CANNOT_TELL:
        return "whether it is a power law or another curve cannot be decided from these counts"
    if comparison.preferred == "power law":
        return "a power law describes it better than every other curve tried"
    if comparison.preferred == "theory":
        return "the theory's finite-size curve describes it better than a power law"
    return f"a {comparison.preferred} curve describes it better than a power law"


def listed(names: Sequence[str], last: str = "and") -> str:
    """Return names as a list in words: "a, b and c"; or with another word before the last."""
    return f" {last} ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), *names[-1:]])


def of(some: int, every: int, things: str) -> str:
    """Return a number of things out of all of them, as a sentence begins: "All 3 curves", "2 of 3 curves"."""
    if 1 < every == some:
        return f"{'Both' if every == 2 else f'All {every}'} {things}"
    if not some:
        return f"{'Neither' if every == 2 else 'None'} of the {every} {things}"
    return f"{some} of {every} {things}"


def _nulls(nulls: Mapping[str, Any] | None) -> str:
    if not nulls or "raw" not in nulls or len(nulls) < 2:
        return "no null was given, so the counts are taken at face value"
    raw = np.asarray(nulls["raw"], dtype=float)
    covering = [kind for kind in nulls if kind != "raw" and np.any(np.asarray(nulls[kind], dtype=float) >= raw)]
    if covering:
        have = "null has" if len(covering) == 1 else "nulls have"
        return (
            f"without a threshold nothing is shown, because the {listed(covering)} {have} as many raw matches: "
            "the evidence is the count above the calibrated threshold"
        )
    return "raw counts exceed those of every null at every size"
