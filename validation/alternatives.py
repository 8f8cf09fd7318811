"""Which curve? A power law against the curves that a few counts could hide.

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
- no curve predicts sizes left out better, but for those that contain it: a broken power law is as good on a power law
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
from scipy import optimize, stats

from .counts import Counts
from .power_law import fit_clean, student
from .rounding import ROUNDING, whole
from .theory_fit import log_curve

CANNOT_TELL = "cannot tell"
CLEAR_AICC = 2.0  # the customary least difference that means anything
SIGNIFICANT = 0.05  # p-value below which a curve is rejected
REJECTED = 0.02  # p-value of Cox's test: 0.05 lets a false curve pass in up to 8% of ladders, as scatter is estimated
SAME = 0.1  # difference between exponents that makes no difference here
DRAWS = 99  # ladders from a rival's curve: the least that resolve p-values of a hundredth
CLEAR_DRAWS = 59  # enough, if none of them beats the rival so clearly

Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Alternative:
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


@dataclass(frozen=True)
class CurveComparison:
    """All curves, and the one preferred, or "cannot tell" (then `reason` says why)."""

    alternatives: tuple[Alternative, ...]
    preferred: str
    reason: str


def compare_curves(data: Counts) -> CurveComparison:
    """Fit every curve of `CURVES` and say which one the counts prefer, if any."""
    x, y = np.log(data.neurons), np.log(data.counts)
    fitted, floor = [], _floor(data)
    for name, (parameters, fit) in CURVES.items():
        rms = float(np.sqrt(np.mean((y - fit(x, y)(x)) ** 2))) if data.sizes >= parameters else np.nan
        fitted.append(
            Alternative(name, parameters, rms, aicc(max(rms, floor), len(y), parameters + 1), _left_out(data, name))
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
        return CANNOT_TELL, "fewer than five counts: no criterion can tell curves of two parameters apart"
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
    return first.name, f"{lead}, and no curve but those that contain it predicts left-out sizes better"


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
            return f"{name} fits best, but were {rival.name} true, that would happen in {100 * p:.0f}% of ladders"
    return ""


def cox_p(data: Counts, name: str, rival: str, seed: int = 0) -> float:
    """Return how often the rival, were it true, would be beaten by a curve as clearly as it is (at most `DRAWS` draws).

    The larger of two p-values: with one variance of all log counts, and with one that falls as 1/count. Drawing ends as
    soon as the rival cannot be rejected any more, or is clearly beaten.
    """
    x, y, floor = np.log(data.neurons), np.log(data.counts), _floor(data)
    fit, other, parameters = CURVES[name][1], CURVES[rival][1], CURVES[rival][0]

    def lead(y: np.ndarray) -> float:
        sums = (max(float(np.mean((y - each(x, y)(x)) ** 2)), floor**2, 1e-24) for each in (other, fit))
        worse, better = sums
        return float(np.log(worse / better))

    truth, measured = other(x, y)(x), lead(y)
    p = 0.0
    for weights in (np.ones_like(y), np.exp(truth - truth.mean())):
        variance = float(np.sum(weights * (y - truth) ** 2)) / max(len(y) - parameters, 1)
        scatter = np.sqrt(np.maximum(variance / weights, max(floor, 1e-12) ** 2))
        p = max(p, _share(lambda noise: lead(truth + noise) >= measured, scatter, np.random.default_rng(seed)))
        if p > REJECTED:
            break
    return p


def _share(beaten_by: Callable[[np.ndarray], bool], scatter: np.ndarray, rng: np.random.Generator) -> float:
    """Return the p-value of being beaten by normal noise, drawn until it is decided."""
    beaten = 0
    for drawn in range(1, DRAWS + 1):
        beaten += beaten_by(rng.normal(0, scatter))
        decided = (1 + beaten) / (1 + DRAWS) > REJECTED or (beaten == 0 and drawn == CLEAR_DRAWS)
        if decided:
            return (1 + beaten) / (1 + drawn)
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
    return float(stats.f.sf(gained * (n - many) / max(wide, 1e-12) ** 2, many - few, n - many))


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


def _constant(x: np.ndarray, y: np.ndarray) -> Curve:
    return lambda at: np.full_like(at, y.mean())


def _linear(x: np.ndarray, y: np.ndarray) -> Curve:
    return lambda at: at + np.mean(y - x)


def _power_law(x: np.ndarray, y: np.ndarray) -> Curve:
    line = np.polyfit(x, y, 1)
    return lambda at: np.polyval(line, at)


def _logarithmic(x: np.ndarray, y: np.ndarray) -> Curve:
    """R = a (1 + t (log N − m)), m the middle of the data; t runs over all slopes that keep R positive on the data."""
    middle = (x.min() + x.max()) / 2
    reach = 0.999 / (np.ptp(x) / 2)

    def shape(t: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(1 + t * (at - middle), 1e-3))  # clipped where R would be negative

    return _searched(x, y, shape, np.linspace(-reach, reach, 201))


def _saturating(x: np.ndarray, y: np.ndarray) -> Curve:
    """Search over log N₀, from far below the smallest size (constant) to far above the largest (linear)."""
    return _searched(x, y, lambda knee, at: at - np.logaddexp(at, knee), np.linspace(x.min() - 7, x.max() + 7, 141))


def _floor_plus_linear(x: np.ndarray, y: np.ndarray) -> Curve:
    """R = a (1 + N/N₀), from N₀ far above the largest size (constant) to far below the smallest (linear)."""
    return _searched(x, y, lambda knee, at: np.logaddexp(0, at - knee), np.linspace(x.min() - 7, x.max() + 7, 141))


def _searched(x: np.ndarray, y: np.ndarray, shape: Callable[..., np.ndarray], grid: np.ndarray) -> Curve:
    """Fit ``log R = log a + shape(t, log N)``: a in closed form, t by a grid search and a polish."""
    best = int(np.argmin(np.var(y - shape(grid[:, None], x), axis=1)))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    polished = optimize.minimize_scalar(
        lambda t: np.var(y - shape(t, x)), bounds=bounds, method="bounded", options={"xatol": 1e-9}
    )
    t = float(polished.x)
    offset = float(np.mean(y - shape(t, x)))
    return lambda at: offset + shape(t, at)


def _broken(x: np.ndarray, y: np.ndarray) -> Curve:
    """Two slopes that meet at a knee inside the data: linear least squares for each knee of a grid."""

    def design(knee: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.stack(np.broadcast_arrays(1.0, np.minimum(at, knee), np.maximum(at, knee)), axis=-1)

    sizes = np.unique(x)
    inner = sizes[1:-1] if len(sizes) > 3 else sizes
    knees = np.linspace(inner[0], inner[-1], 101)
    designs = design(knees[:, None], x)
    slopes = np.linalg.pinv(designs) @ y
    best = int(np.argmin(np.sum((y - np.einsum("kni,ki->kn", designs, slopes)) ** 2, axis=1)))
    return lambda at: design(knees[best], at) @ slopes[best]


CURVES: dict[str, tuple[int, Callable[[np.ndarray, np.ndarray], Curve]]] = {
    "constant": (1, _constant),
    "linear": (1, _linear),
    "power law": (2, _power_law),
    "logarithmic": (2, _logarithmic),
    "saturating": (2, _saturating),
    "floor plus linear": (2, _floor_plus_linear),
    "theory": (2, log_curve),
    "broken power law": (4, _broken),
}

CONTAINED_IN = {
    "constant": ("power law", "logarithmic", "saturating", "floor plus linear", "broken power law"),
    "linear": ("power law", "saturating", "floor plus linear", "broken power law"),
    "power law": ("broken power law",),
}
