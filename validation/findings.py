"""Findings of the paper, judged by a measured ladder, each decided by an interval.

| finding of arXiv 2606.03990 | shown if |
|---|---|
| the count grows sublinearly (4.1) | 95% interval of α within (0, 1) |
| the fraction of Rosetta Neurons shrinks (4.1) | 95% interval of α − 1, the exponent of R/N, below 0 |
| the pairs found again in nine of ten halves of the text grow sublinearly (ours) | the same of their exponent |
| the neurons that recur with another seed grow sublinearly (ours) | 95% interval of their exponent within (0, 1) |
| Rosetta Neurons are more selective (5.1) | 95% interval of the chance that one exceeds another of its layer, above ½ |
| … and become more so, while others do not (5.1) | slope of the gap in mean kurtosis over log N, interval above 0 |
| they specialize in some kinds of document (5.2) | firing that differs from the control's, in some category |

Slopes are least squares over the sizes (of several pairs of seeds, their mean), intervals Student's. Each finding about
neurons is asked of both models; with several categories or models the level is divided among them (Bonferroni), so that
the 95% applies to the whole finding. A finding is *contradicted* where the interval lies wholly on the other side, and
*not shown* where it holds both. Neurons, not trainings, are what intervals within a rung are over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contents import ByContent
from ..lazy import deferred
from ..model_names import family_name
from .holm import interval_p, sentence
from .seeds.recurrence import Recurrence, recurrence

stats = deferred("scipy.stats")  # half a second

if TYPE_CHECKING:
    import xarray as xr

    from .analysis import Analysis

# Counts of pairs found again on other text: the first that a ladder has is judged (older ladders have the second).
REPEATED = {
    "stable_count": "the pairs found again in nine of ten halves of the text",
    "settled_count": "the pairs found in both halves of the text",
}
Z95 = 1.959963984540054  # Φ⁻¹(0.975)
ENDS = ("", "_low", "_high")


class Shown(StrEnum):
    """Judgement of an interval on a finding."""

    YES = "shown"
    NO = "not shown"
    OPPOSITE = "contradicted"


@dataclass(frozen=True, eq=False)
class Finding(ByContent):
    """One finding, its judgement by this ladder, the numbers, and the p-value of its absence."""

    name: str
    shown: Shown
    numbers: str
    p: float = float("nan")


def findings(ladder: xr.Dataset, analysis: Analysis | None) -> list[Finding]:
    """Judge each finding that the ladder's variables allow to be judged."""
    judged = []
    if analysis is not None:
        line = analysis.power_law
        low, high = line.exponent_ci95
        inside = Shown.YES if low > 0 and high < 1 else Shown.OPPOSITE if low > 1 or high < 0 else Shown.NO
        numbers = f"α = {_number(line.exponent)} ({_ends(low, high)}), {line.data.sizes} sizes"
        freedom = len(line.data) - 2 if analysis.seeds is None else analysis.seeds.freedom
        absent = max(interval_p(line.exponent, low, high, bound, freedom) for bound in (0, 1))
        judged.append(Finding("the count grows sublinearly", inside, numbers, absent))
        shares = line.data.counts / line.data.neurons
        numbers = (
            f"from {100 * shares[0]:.1f}% to {100 * shares[-1]:.1f}%, exponent {_number(line.exponent - 1)} "
            f"({_ends(low - 1, high - 1)})"
        )
        absent = interval_p(line.exponent, low, high, 1, freedom)
        judged.append(Finding("the fraction of Rosetta Neurons shrinks", _side(1 - high, 1 - low), numbers, absent))
    for name, words in REPEATED.items():
        if name in ladder and (ladder[name] > 0).all():
            judged.append(_repeated(ladder, name, words))
            break
    recurs = None if analysis is None else recurrence(ladder, analysis.common_rho)
    if recurs is not None and (recurs.anchored > 0).all() and len(recurs.neurons) > 2:
        judged.append(_anchored(recurs))
    if "superiority" in ladder:
        judged += [_selective(ladder), _polarized(ladder)]
    if "firing_rosetta" in ladder:
        judged.append(_specialized(ladder))
    return judged


def together(judged: list[Finding]) -> str:
    """Return a sentence on the findings of one page, shown or contradicted, that remain after Holm's correction."""
    return sentence({one.name: one.p for one in judged}, "tests of findings")


def table(judged: list[Finding]) -> str:
    """Return findings as a table in Markdown."""
    rows = [f"| {one.name} | **{one.shown}** | {one.numbers} |" for one in judged]
    return "\n".join(["| finding | here | numbers |", "|---|---|---|", *rows])


def _repeated(ladder: xr.Dataset, name: str, words: str) -> Finding:
    """Judge the growth of the pairs that do not depend on which part of the text was read."""
    counts = ladder[name].values
    x, y = size_means(ladder["neurons"].values, np.log(counts))
    slope, low, high = slope_interval(np.log(x), y)
    inside = Shown.YES if low > 0 and high < 1 else Shown.OPPOSITE if low > 1 or high < 0 else Shown.NO
    first, last = np.exp(y[[0, -1]])
    numbers = f"from {first:.0f} to {last:.0f}, exponent {_number(slope)} ({_ends(low, high)})"
    absent = max(interval_p(slope, low, high, bound, len(x) - 2) for bound in (0, 1))
    return Finding(f"{words} grow sublinearly", inside, numbers, absent)


def _anchored(recurs: Recurrence) -> Finding:
    """Judge the growth of the neurons that are Rosetta Neurons against two or more seeds of the partner."""
    slope, low, high = slope_interval(np.log(recurs.neurons), np.log(recurs.anchored))
    inside = Shown.YES if low > 0 and high < 1 else Shown.OPPOSITE if low > 1 or high < 0 else Shown.NO
    ends = f"from {recurs.anchored[0]:.1f} to {recurs.anchored[-1]:.1f} a network"
    numbers = f"{ends}, exponent {_number(slope)} ({_ends(low, high)}), {len(recurs.neurons)} sizes"
    absent = max(interval_p(slope, low, high, bound, len(recurs.neurons) - 2) for bound in (0, 1))
    name = "the neurons that recur with another seed of the partner grow sublinearly"
    return Finding(name, inside, numbers, absent)


def size_means(neurons: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return different sizes and the mean of each: pairs of one size share networks, and are no independent repeats."""
    sizes = np.unique(neurons)
    means = [values[(neurons == size) & np.isfinite(values)] for size in sizes]
    return sizes, np.array([one.mean() if len(one) else np.nan for one in means])


def _selective(ladder: xr.Dataset, measure: str = "output_kurtosis") -> Finding:
    """Judge superiority at the largest size, in the kurtosis over the vocabulary."""
    here = _largest(ladder, [f"superiority{end}" for end in ENDS]).sel(measure=measure)
    parts, ends, p = [], [], []
    for side, family in enumerate(_families(ladder)):
        value, low, high = (float(here[f"superiority{end}"][side]) for end in ("", "_low", "_high"))
        wide = _widened(value, low, high, 2)
        ends.append((wide[0] - 0.5, wide[1] - 0.5))
        p.append(_p_of_half(value, low, high))
        parts.append(f"{family} {_number(value)} ({_ends(*wide, joint=True)})")
    name = "Rosetta Neurons are more selective than others of their layers"
    return Finding(name, _all(ends), "; ".join(parts), _joint(ends, p))


def _polarized(ladder: xr.Dataset, measure: str = "output_kurtosis") -> Finding:
    """Judge how the gap in mean kurtosis between Rosetta and other neurons moves with size."""
    here = ladder.sel(measure=measure)
    parts, ends, p = [], [], []
    for side, family in enumerate(_families(ladder)):
        gap = (here["selectivity_rosetta"] - here["selectivity_other"]).values[:, side]
        sizes, gap = size_means(ladder["neurons"].values, gap)
        x = np.log(sizes)
        slope, low, high = slope_interval(x, gap, 0.05 / 2)
        ends.append((low, high))
        p.append(interval_p(*slope_interval(x, gap), 0, np.isfinite(gap).sum() - 2))
        parts.append(f"{family} {_number(slope)} per factor e in N ({_ends(low, high, joint=True)})")
    return Finding("their lead in selectivity grows with size", _all(ends), "; ".join(parts), _joint(ends, p))


def _specialized(ladder: xr.Dataset) -> Finding:
    """Judge whether Rosetta Neurons of the largest size fire on other documents than the control does."""
    here = _largest(ladder, [f"firing_{group}{end}" for group in ("rosetta", "control") for end in ENDS])
    gap = here["firing_rosetta"] - here["firing_control"]
    half = np.hypot(
        *((here[f"firing_{group}_high"] - here[f"firing_{group}_low"]).values / 2 for group in ("rosetta", "control"))
    )
    known = np.isfinite(gap.values) & np.isfinite(half)
    if not known.any():
        return Finding("they specialize in kinds of document", Shown.NO, "no interval")
    smallest = 2 * stats.norm.sf(Z95 * np.max(np.abs(gap.values[known]) / np.maximum(half[known], 1e-300)))
    half = half * stats.norm.ppf(1 - 0.025 / known.sum()) / Z95
    apart = known & (np.abs(gap.values) > half)
    listed = [
        f"{family}: {name} {_number(here['firing_rosetta'].values[side, i])} against "
        f"{_number(here['firing_control'].values[side, i])}"
        for side, family in enumerate(_families(ladder))
        for i, name in enumerate(ladder["category"].values.tolist())
        if apart[side, i]
    ]
    numbers = "; ".join(listed) or f"none of {known.sum()} comparisons differs significantly from the control"
    absent = min(1.0, float(smallest) * int(known.sum()))
    return Finding("they specialize in kinds of document", Shown.YES if listed else Shown.NO, numbers, absent)


def _largest(ladder: xr.Dataset, names: list[str]) -> xr.Dataset:
    """Return variables of the largest size: means over its pairs of networks, intervals no narrower than one pair's."""
    largest = ladder["neurons"].values == ladder["neurons"].values.max()
    return ladder[names].isel(rung=np.flatnonzero(largest)).mean("rung", skipna=False)


def slope_interval(x: np.ndarray, y: np.ndarray, level: float = 0.05) -> tuple[float, float, float]:
    """Return the least-squares slope and its two-sided interval at ``1 − level``; NaN below three known points."""
    known = np.isfinite(y)
    if known.sum() < 3:
        return np.nan, np.nan, np.nan
    fit: Any = stats.linregress(x[known], y[known])
    half = stats.t.ppf(1 - level / 2, known.sum() - 2) * fit.stderr
    return float(fit.slope), float(fit.slope - half), float(fit.slope + half)


def _side(low: float, high: float) -> Shown:
    return Shown.YES if low > 0 else Shown.OPPOSITE if high < 0 else Shown.NO


def _all(ends: list[tuple[float, float]]) -> Shown:
    """Return the judgement on every model: shown if of each, contradicted if the opposite is of each."""
    sides = {_side(*one) for one in ends}
    return sides.pop() if len(sides) == 1 else Shown.NO


def _joint(ends: list[tuple[float, float]], p: list[float]) -> float:
    """Return the p-value of a finding asked of every model, the level divided among them; 1 where they part."""
    same = len({np.sign(low + high) for low, high in ends}) == 1
    return min(1.0, len(p) * max(p)) if same else 1.0


def _p_of_half(value: float, low: float, high: float) -> float:
    """Return the two-sided p-value of ½ by a 95% interval of a probability, on the logit scale of `_widened`."""
    if not np.isfinite([value, low, high]).all():
        return float("nan")
    ends = np.clip([value, low if value > 0.5 else high], 1e-12, 1 - 1e-12)
    centre, nearest = np.log(ends / (1 - ends))
    return float(2 * stats.norm.sf(Z95 * abs(centre) / max(abs(nearest - centre), 1e-300)))


def _widened(value: float, low: float, high: float, tests: int) -> tuple[float, float]:
    """Return a 95% interval of a probability at the level 5% / `tests`, widened on the logit scale."""
    factor = float(stats.norm.ppf(1 - 0.025 / tests)) / Z95
    ends = np.clip([value, low, high], 1e-12, 1 - 1e-12)
    centre, *logits = np.log(ends / (1 - ends))
    wide = centre + factor * (np.array(logits) - centre)
    return float(1 / (1 + np.exp(-wide[0]))), float(1 / (1 + np.exp(-wide[1])))


def _families(ladder: xr.Dataset) -> list[str]:
    families = json.loads(ladder.attrs["families"])[:2] if "families" in ladder.attrs else ["a", "b"]
    return [family_name(name) for name in families]


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _ends(low: float, high: float, joint: bool = False) -> str:
    """Say an interval; a `joint` one holds together with that of the other family in 95%."""
    return f"{'joint ' if joint else ''}95% interval {_number(low)} to {_number(high)}"
