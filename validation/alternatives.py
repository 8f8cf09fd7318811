"""Comparison of curves: a power law against the curves that a few counts could hide.

Curves of N, each fitted by least squares on log R (so that their likelihoods compare):

    constant     R = a                          linear             R = a N
    power law    R = a N^α                      logarithmic        R = a + b log N
    saturating   R = a N / (N + N₀)             floor plus linear  R = a + b N
    theory       R = r_τ(N; β, κ) − ½           broken             R = a N^α₁ below N₀, slope α₂ above

The theory's curve is the finite-size frontier of `rosettalaw.validation.theory_fit` at τ = 1: a power law only for
N → ∞, so that counts of the theory itself, measured well enough, are no power law.

AICc counts σ as a parameter, ``n log(S/n) + 2k + 2k(k+1)/(n−k−1)``, and does not exist for n ≤ k + 1: a curve of two
parameters needs five counts. Cross-validation leaves out one size at a time and predicts its log count.

Verdict
-------
A curve is preferred if five tests agree:

- its AICc is at least 2 below every other curve's;
- no curve predicts sizes left out better, except those that contain it: a broken power law is as good on a power law
  as a power law is, its two further parameters having nothing to do, so that chance decides which errs less;
- no curve that contains it fits better than chance lets further parameters fit, by the F test of nested models at 5%;
- it is equivalent to the curves that contain it: that a test of few counts does not reject a line is no evidence for it
  (with the quickstart's six sizes a line would be "preferred" over its truth N^0.73 in a third to half of ladders). The
  95% interval of α lies within `SAME` of 0 for a constant and of 1 for a line; that of the difference of the slopes
  below and above the middle size within twice that for a power law;
- every curve that does not contain it is rejected by Cox's (1962) test: were that curve true, with normal scatter as
  large as it leaves (of all logarithms alike, or larger for smaller counts), it would be beaten by so much in at most
  2% of ladders. The law of its defeat is drawn (Wagenmakers, Ratcliff, Gomez and Iverson 2004): `DRAWS` ladders from
  the fitted curve, both fitted to each.

Otherwise the answer is "cannot tell": with three to eight sizes it nearly always is. If the truth is among the curves,
another is preferred in at most 5% of ladders; `tests/data/curve_verdicts.csv` has the rates for each truth, number of
sizes and scatter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..contents import ByContent
from .counts import Counts, counts_from
from .curves import CONTAINED_IN, CURVES, fitted_curves
from .distributions import f_tail
from .power_law import fit_clean, student
from .rounding import ROUNDING, whole
from .theory_fit import CLOSE

CANNOT_TELL = "cannot tell"
CLEAR_AICC = 2.0  # the customary least difference that means anything
SIGNIFICANT = 0.05  # p-value below which a curve is rejected
REJECTED = 0.02  # p-value of Cox's test: 0.05 lets a false curve pass in up to 8% of ladders, as scatter is estimated
SAME = 0.1  # difference between exponents that makes no difference here
DRAWS = 99  # ladders from a rival's curve: the least that resolve p-values of a hundredth
CLEAR_DRAWS = 59  # enough, if none of them beats the rival so clearly
AT_ONCE = 8, CLEAR_DRAWS - 8, DRAWS - CLEAR_DRAWS  # draws that are fitted together


@dataclass(frozen=True, eq=False)
class Alternative(ByContent):
    """One curve fitted to counts.

    Attributes
    ----------
    name : str
        Key of `CURVES`.
    parameters : int
        Free parameters, σ not counted.
    rms : float
        Root mean square of the residuals of log R.
    aicc : float
        NaN if there are too few counts for it.
    cv_rms : float
        Root mean square error of log R at sizes left out; NaN if the rest cannot be fitted.
    """

    name: str
    parameters: int
    rms: float
    aicc: float
    cv_rms: float


@dataclass(frozen=True, eq=False)
class CurveComparison(ByContent):
    """All curves, and the one preferred, or "cannot tell" (then `reason` says why)."""

    alternatives: tuple[Alternative, ...]
    preferred: str
    reason: str


def compare_curves(data: Counts) -> CurveComparison:
    """Fit every curve of `CURVES` and say which one the counts prefer, if any."""
    data = counts_from(data, "compare_curves(clean(neurons, counts))")
    x, y = np.log(data.neurons), np.log(data.counts)
    fitted, floor = [], _floor(data)
    for name, (parameters, fit) in CURVES.items():
        rms = float(np.sqrt(np.mean((y - fit(x, y)(x)) ** 2))) if data.sizes >= parameters else np.nan
        fitted.append(
            Alternative(
                name=name,
                parameters=parameters,
                rms=rms,
                aicc=aicc(max(rms, floor), len(y), parameters + 1),
                cv_rms=_left_out(data, name),
            )
        )
    preferred, reason = _preferred(fitted, len(y), floor)
    if preferred != CANNOT_TELL:
        doubt = _not_equivalent(data, preferred) or _not_rejected(data, preferred, fitted)
        preferred, reason = (CANNOT_TELL, doubt) if doubt else (preferred, reason)
    return CurveComparison(tuple(fitted), preferred, reason)


def aicc(rms: float, n: int, k: int) -> float:
    """Return the corrected Akaike criterion of normal residuals, NaN unless ``n > k + 1``."""
    if n <= k + 1:
        return np.nan
    return float(2 * n * np.log(max(rms, 1e-12)) + 2 * k + 2 * k * (k + 1) / (n - k - 1))


def _preferred(fitted: list[Alternative], n: int, floor: float = 0.0) -> tuple[str, str]:
    if any(np.isnan(a.aicc) for a in fitted if a.name in ("power law", "logarithmic", "saturating")):
        return CANNOT_TELL, "fewer than five counts: no criterion can distinguish curves of two parameters"
    ranked = sorted((a for a in fitted if not np.isnan(a.aicc)), key=lambda a: a.aicc)
    first, second = ranked[:2]
    if second.aicc - first.aicc < CLEAR_AICC:
        return CANNOT_TELL, f"{first.name} and {second.name} differ by {second.aicc - first.aicc:.1f} in AICc"
    rivals = [a for a in fitted if a.name not in CONTAINED_IN.get(first.name, ()) and not np.isnan(a.cv_rms)]
    foresight = min(rivals, key=lambda a: a.cv_rms)
    if not first.cv_rms <= foresight.cv_rms:
        return CANNOT_TELL, f"AICc prefers {first.name}, cross-validation {foresight.name}"
    for wider in (a for a in fitted if a.name in CONTAINED_IN.get(first.name, ())):
        p = nested_p(max(first.rms, floor), max(wider.rms, floor), first.parameters, wider.parameters, n)
        if p < SIGNIFICANT:
            return (
                CANNOT_TELL,
                f"AICc prefers {first.name}, but {wider.name}, which contains it, fits better (p = {p:.2g})",
            )
    lead = f"leads by {second.aicc - first.aicc:.1f} in AICc"
    return first.name, f"{lead}, and no curve except those that contain it predicts left-out sizes better"


def _floor(data: Counts) -> float:
    """Return the scatter of log counts that rounding leaves: to fit closer is luck."""
    return float(np.sqrt(np.mean(ROUNDING / data.counts**2))) if whole(data.counts) else 0.0


def _not_equivalent(data: Counts, name: str) -> str:
    """Say why a curve is not shown to be as good as those that contain it; "" if it is."""
    if name in ("constant", "linear"):
        low, high = fit_clean(data).exponent_ci95
        alpha = 1.0 if name == "linear" else 0.0
        if not (alpha - SAME < low and high < alpha + SAME):
            return f"a {name} curve is not excluded, but the exponent may be {low:.2f} to {high:.2f}"
    if name == "power law":
        low, high = slope_change(data)
        if not (low > -2 * SAME and high < 2 * SAME):
            return f"the slope of a power law may change by {low:.2f} to {high:.2f} over these sizes"
    return ""


def slope_change(data: Counts) -> tuple[float, float]:
    """Return the 95% interval of the slope above the middle size less that below; infinite with four counts or fewer.

    The variance is not below that of rounding.
    """
    x, y = np.log(data.neurons), np.log(data.counts)
    freedom = len(y) - 3
    if freedom < 1 or data.sizes < 4:
        return -np.inf, np.inf
    middle = (x.min() + x.max()) / 2
    design = np.stack([np.ones_like(x), x, np.maximum(x - middle, 0)], axis=1)
    coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
    variance = max(float(np.sum((y - design @ coefficients) ** 2)) / freedom, _floor(data) ** 2)
    half = student(freedom) * float(np.sqrt(variance * np.linalg.inv(design.T @ design)[2, 2]))
    return float(coefficients[2]) - half, float(coefficients[2]) + half


def _not_rejected(data: Counts, name: str, fitted: list[Alternative]) -> str:
    """Name a curve that the counts do not reject for the one preferred, by Cox's test; "" if there is none."""
    containing = CONTAINED_IN.get(name, ())
    rivals = [one for one in fitted if one.name not in (name, *containing) and np.isfinite(one.rms)]
    for rival in sorted(rivals, key=lambda one: one.rms):
        p = cox_p(data, name, rival.name)
        if p > REJECTED:
            return f"{name} fits best, but this would happen in {100 * p:.0f}% of ladders if {rival.name} were true"
    return ""


def cox_p(data: Counts, name: str, rival: str, seed: int = 0) -> float:
    """Return how often the rival, were it true, would be beaten by a curve as clearly as it is (at most `DRAWS` draws).

    The larger of two p-values, with one variance of all log counts and with one that falls as 1/count, unless the
    residuals of the rival distinguish the laws. Drawing ends as soon as the rival cannot be rejected any more, or is
    clearly beaten.
    """
    x, y, floor = np.log(data.neurons), np.log(data.counts), _floor(data)
    parameters, other = CURVES[rival]

    def leads(ys: np.ndarray) -> np.ndarray:
        worse, better = (
            np.maximum(np.mean((ys - fitted_curves(one, x, ys)) ** 2, axis=1), max(floor**2, 1e-24))
            for one in (rival, name)
        )
        return np.log(worse / better)

    truth, measured = other(x, y)(x), float(leads(y[None])[0])
    p, laws = 0.0, [np.ones_like(y), np.exp(truth - truth.mean())]
    likelihoods = [_log_likelihood(y - truth, weights) for weights in laws]
    for weights, likelihood in zip(laws, likelihoods, strict=True):
        if likelihood < max(likelihoods) - CLOSE:
            continue
        variance = float(np.sum(weights * (y - truth) ** 2)) / max(len(y) - parameters, 1)
        scatter = np.sqrt(np.maximum(variance / weights, max(floor, 1e-12) ** 2))
        p = max(p, _share(lambda noise: leads(truth + noise) >= measured, scatter, np.random.default_rng(seed)))
        if p > REJECTED:
            break
    return p


def _log_likelihood(residuals: np.ndarray, weights: np.ndarray) -> float:
    """Return the log-likelihood of residuals with variances in proportion to 1/weights, up to a constant."""
    squares = max(float(np.sum(weights * residuals**2)), 1e-300)
    return float(np.sum(np.log(weights))) / 2 - len(residuals) / 2 * float(np.log(squares))


def _share(beaten_by: Callable[[np.ndarray], np.ndarray], scatter: np.ndarray, rng: np.random.Generator) -> float:
    """Return the p-value of being beaten by normal noise, of as many draws as decide it, some at a time."""
    beaten = draw = 0
    for some in AT_ONCE:
        for one in beaten_by(rng.normal(0, scatter, (some, len(scatter)))):
            beaten, draw = beaten + int(one), draw + 1
            decided = (1 + beaten) / (1 + DRAWS) > REJECTED or (beaten == 0 and draw == CLEAR_DRAWS)
            if decided:
                return (1 + beaten) / (1 + draw)
    return (1 + beaten) / (1 + DRAWS)


def nested_p(narrow: float, wide: float, few: int, many: int, n: int) -> float:
    """Return the p-value of the F test of a curve against one that contains it; NaN without a degree of freedom.

    Parameters
    ----------
    narrow, wide : float
        Root mean square residuals.
    few, many : int
        Parameters of either.
    n : int
        Counts fitted.
    """
    if n <= many or np.isnan(wide):
        return np.nan
    gained = (narrow**2 - wide**2) / (many - few)
    return f_tail(many - few, n - many, max(gained * (n - many) / max(wide, 1e-12) ** 2, 0.0))


def _left_out(data: Counts, name: str) -> float:
    parameters, fit = CURVES[name]
    if data.sizes <= parameters:
        return np.nan
    errors = []
    for size in np.unique(data.neurons):
        rest, out = data.without(size), data.neurons == size
        curve = fit(np.log(rest.neurons), np.log(rest.counts))
        errors.extend(np.log(data.counts[out]) - curve(np.log(data.neurons[out])))
    return float(np.sqrt(np.mean(np.square(errors))))
