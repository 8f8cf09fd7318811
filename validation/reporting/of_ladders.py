"""Messages of figures that draw measurements: a sentence each, computed from the variables that the figure draws.

`Said` carries the sentence of one source and, for a caption of many sources, whether its claim holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..common_rho import exponent_curve
from ..depths import measured_depths
from ..findings import size_means
from ..power_law import fit_clean, fit_power_law
from ..reproducibility import of_halves
from ..series_from import of_ladder
from ..triangle import TriangleStatus, contradicted
from ..verdict import listed, nulls_of, of, signed
from .of_published import moved

if TYPE_CHECKING:
    import xarray as xr

    from ..compare import Row
    from ..demands import Estimate
    from ..power_law import PowerLawFit
    from ..series import Series
    from ..triangle import Triangle

RATE = 0.05  # expected irreproducible share


@dataclass(frozen=True)
class Said:
    """The sentence of one source, and whether the claim holds that a caption of many sources counts."""

    sentence: str
    holds: bool


def scaling(ladder: xr.Dataset) -> Said:
    """Say how the count moves from the smallest to the largest size, and which nulls reach the raw count."""
    series = of_ladder(ladder)
    sizes, counts = size_means(series.neurons, series.counts)
    at = f" at ρ ≥ {series.threshold:.2f}" if np.isfinite(series.threshold) else ""
    grows = f"over a {sizes[-1] / sizes[0]:.3g}-fold growth of N "
    words = f"{grows}{moved(f'the count{at}', counts[0], counts[-1], 0)}"
    nulls = nulls_of(ladder)
    raw = size_means(series.neurons, nulls.pop("raw"))[1] if "raw" in nulls else None
    reaching = {}  # null -> the sizes at which it has as many pairs
    for label, values in nulls.items():
        if raw is not None and np.isfinite(values).any():
            reaching[label] = size_means(series.neurons, values)[1] >= raw
    names = [label for label, reaches in reaching.items() if reaches.any()]
    if names:
        where = f"{int(np.any(list(reaching.values()), axis=0).sum())} of {len(sizes)} sizes"
        null = f"a null ({', '.join(names)}) has at least as many pairs as the trained networks"
        words += f"; without a threshold, {null} at {where}"
    elif reaching:
        words += "; without a threshold, the trained networks have more pairs than every null at every size"
    return Said(f"{words[0].upper()}{words[1:]}.", not names)


def calibration(ladder: xr.Dataset) -> Said | None:
    """Say how many pairs of the largest size, or of one matching, lie above ρ*, and how many of the strongest null."""
    if "pair_rung" not in ladder and "correlation" in ladder:
        return _calibration_of_pairs(ladder)
    if "null_correlation" not in ladder or "correlation" not in ladder:
        return None
    last = ladder.sizes["rung"] - 1
    rho, threshold = ladder["correlation"].values[ladder["pair_rung"].values == last], float(ladder["threshold"][last])
    size = f"At N = {float(ladder['neurons'][last]):,.0f}"
    if not np.isfinite(threshold):
        return Said(f"{size} no correlation separates the {len(rho):,} pairs from the nulls.", False)
    above = int(ladder["calibrated_count"].values[last])
    strongest = max(_null_pairs(ladder, last, threshold).items(), key=lambda one: one[1], default=("", 0.0))
    null = f", against {strongest[1]:.3g} of the {strongest[0]} null" if strongest[0] else ""
    return Said(f"{size}, {above:,} of {len(rho):,} trained pairs lie above ρ* = {threshold:.2f}{null}.", above > 0)


def _calibration_of_pairs(ds: xr.Dataset) -> Said | None:
    """Say the same of one matching, whose nulls have their correlations in a variable each."""
    if "threshold" not in ds or ds["threshold"].ndim:
        return None
    rho, threshold, most = ds["correlation"].values, float(ds["threshold"]), ("", 0.0)
    if not np.isfinite(threshold):
        return Said(f"No correlation separates the {len(rho):,} pairs from the nulls.", False)
    for name in map(str, ds.data_vars):
        label = name.removesuffix("_correlation")
        if label != name and f"{label}_draws" in ds:
            pairs = float(np.sum(ds[name].values >= threshold)) / max(float(ds[f"{label}_draws"]), 1.0)
            most = max(most, (label, pairs), key=lambda one: one[1])
    above = int(np.sum(rho >= threshold))
    null = f", against {most[1]:.3g} of the {most[0]} null" if most[0] else ""
    return Said(f"{above:,} of {len(rho):,} trained pairs lie above ρ* = {threshold:.2f}{null}.", above > 0)


def _null_pairs(ladder: xr.Dataset, rung: int, threshold: float) -> dict[str, float]:
    """Return how many pairs of each null reach a correlation, the mean over draws."""
    here = ladder["null_rung"].values == rung
    pairs = {}
    for label in np.unique(ladder["null_kind"].values[here].astype(str)):
        chosen = here & (ladder["null_kind"].values.astype(str) == label)
        draws = len(np.unique(ladder["null_draw"].values[chosen]))
        pairs[label] = float(np.sum(ladder["null_correlation"].values[chosen] >= threshold)) / draws
    return pairs


def reproducible(ds: xr.Dataset) -> Said | None:
    """Say how many pairs of the largest size can be taken with at most 5% irreproducible ones expected."""
    fit = of_halves(ds)
    if fit is None:
        return None
    some, every = fit.count(RATE), len(fit.local)
    return Said(
        f"{some:,} of {every:,} pairs can be taken with at most {RATE:.0%} irreproducible ones expected among them.",
        2 * some > every,
    )


def partners(ladder: xr.Dataset) -> Said | None:
    """Say whether the exponent of the count above ρ* differs between the smallest and the largest k."""
    if "k_calibrated_count" not in ladder or ladder.sizes["k"] < 2:
        return None
    fits = []
    for k in (ladder["k"].values.min(), ladder["k"].values.max()):
        sizes, counts = size_means(ladder["neurons"].values, ladder["k_calibrated_count"].sel(k=k).values.astype(float))
        if np.sum(counts > 0) < 3:
            return None
        fits.append((k, fit_power_law(sizes[counts > 0], counts[counts > 0])))
    (few, one), (many, other) = fits
    apart = one.exponent_ci95[1] < other.exponent_ci95[0] or other.exponent_ci95[1] < one.exponent_ci95[0]
    numbers = f"α = {_estimate(one)} at k = {few}, {_estimate(other)} at k = {many}"
    words = (
        "The exponent depends on k: the intervals" if apart else "The exponent shows no change with k: the intervals"
    )
    return Said(f"{words} {'do not overlap' if apart else 'overlap'} ({numbers}).", not apart)


def more_data(ladder: xr.Dataset) -> Said | None:
    """Say how the calibrated count and its overlap with the previous set move as the matching data grow."""
    if "size_calibrated_count" not in ladder:
        return None
    images = "size_images" in ladder
    data = ladder["size_images" if images else "size_positions"].values
    counts, overlap = ladder["size_calibrated_count"].values, ladder["size_calibrated_overlap"].values
    words = f"From {data[0]:,.0f} to {data[-1]:,.0f} {'images' if images else 'aligned positions'} "
    words += moved("the calibrated count", counts[0], counts[-1], 0)
    known = overlap[np.isfinite(overlap)]
    if len(known) > 1:
        words += f"; {moved('its overlap with the previous set', known[0], known[-1])}"
    return Said(f"{words}.", bool(len(known)) and bool(known[-1] > 0.5))


def below_trained(ladder: xr.Dataset, null: str) -> Said | None:
    """Say at how many sizes a null without a threshold has fewer pairs than the trained networks above ρ*.

    Parameters
    ----------
    ladder : Dataset
        A measured ladder.
    null : str
        Label of the null: "untrained", "permuted".
    """
    if f"{null}_raw" not in ladder or not np.isfinite(ladder[f"{null}_raw"].values).all():
        return None
    neurons = ladder["neurons"].values
    sizes, pairs = size_means(neurons, ladder[f"{null}_raw"].values.astype(float))
    trained = size_means(neurons, ladder["calibrated_count"].values.astype(float))[1]
    fewer = int(np.sum(pairs < trained))
    where = "every size" if fewer == len(sizes) else f"{fewer} of {len(sizes)} sizes"
    has = f"At {where} the {null} null has" if fewer else f"At no size does the {null} null have"
    return Said(f"{has} fewer pairs without a threshold than the trained networks have above ρ*.", fewer == len(sizes))


def exponent_over_rho(series: Series) -> Said | None:
    """Say how the exponent moves from the common ρ to the highest ρ at which every size has five pairs."""
    curve = exponent_curve(series, points=2)
    if curve is None:
        return None
    first, last = ((curve.exponent[i], curve.low[i], curve.high[i]) for i in (0, -1))
    if len(curve.rho) < 2:
        return Said(f"α = {_three(*first)} at ρ ≥ {curve.rho[0]:.2f}, the one ρ that can be counted at.", True)
    apart = bool(first[1] > last[2] or last[1] > first[2])
    ends = f"α is {_three(*first)} at ρ ≥ {curve.rho[0]:.2f} and {_three(*last)} at ρ ≥ {curve.rho[-1]:.2f}"
    return Said(f"{ends}; the intervals {'do not overlap' if apart else 'overlap'}.", not apart)


def triangle_demands(triangle: Triangle) -> Said | None:
    """Say which of the two demands of the theory the measured exponents meet."""
    if triangle.status is not TriangleStatus.OK:
        return None
    parts, met = [], []
    for name, one, expected in _demands(triangle):
        met.append(not contradicted(one, expected))
        number = f"{name} = {_three(one.value, *one.ci95)}"
        agrees = "agrees with" if met[-1] else "contradicts"
        parts.append(f"{number} {agrees} the demanded {signed(expected if np.isfinite(expected) else 1.0)}")
    whose = "" if all(met) else " The demands are the theory's for unattenuated correlations."
    return Said(f"{listed(parts)}.{whose}", all(met))


def profile_steepness(row: Row) -> Said | None:
    """Say whether the isolation profile is as steep as the counts require."""
    triangle = row.triangle
    if triangle is None or triangle.status is not TriangleStatus.OK:
        return None
    (_, product, demand), _ = _demands(triangle)
    demand = demand if np.isfinite(demand) else 1.0
    as_steep = not contradicted(product, demand)
    words = "as steep as" if as_steep else "flatter than" if product.value < demand else "steeper than"
    required = f" at these sizes (b = {signed(demand / triangle.count.value)})" if triangle.count.value > 0 else ""
    return Said(
        f"The profile (b = {signed(triangle.profile.value)}) is {words} the counts require{required}.", as_steep
    )


def all_sources(rows: list[Row]) -> str:
    """Say for how many sources the count grows sublinearly, and for how many each demand of the theory is met."""
    trends = [row.trend.exponent_ci95 for row in rows if row.trend is not None]
    known = [(low, high) for low, high in trends if np.isfinite([low, high]).all()]
    if not known:
        return ""
    words = f"The count grows sublinearly in {sum(low > 0 and high < 1 for low, high in known)} of {len(known)} sources"
    return f"{words}{demands_met([row.triangle for row in rows if row.triangle is not None])}."


def demands_met(triangles: list[Triangle]) -> str:
    """Return the end of a sentence: how many of the tested triangles agree with each demand; "" for none tested."""
    tested = [_demands(one) for one in triangles if one.status is TriangleStatus.OK]
    if not tested:
        return ""
    met = [sum(not contradicted(one[i][1], one[i][2]) for one in tested) for i in (0, 1)]
    agrees = f"; α·b agrees with the theory of unattenuated correlations in {met[0]} of {len(tested)}"
    return f"{agrees} that were tested, α + p in {met[1]}"


def early_layers(ladders: list[tuple[str, xr.Dataset]], family: str) -> str:
    """Say at how many sizes beside a family of the paper most Rosetta Neurons lie in the first half of the depth."""
    shares = np.array([np.nan_to_num(mine) for _, _, mine in measured_depths(ladders, family)])
    if not len(shares):
        return ""
    early = shares[:, :6].sum(1) / shares.sum(1)
    some = of(int((early > 0.5).sum()), len(early), "sizes measured here")
    do = "do" if (early > 0.5).sum() > 1 else "does"
    middle = ", if a layer exactly in the middle counts as the second half" if shares[:, 6].any() else ""
    return f"{some} {do}{middle}; the smallest share is {100 * early.min():.0f}%."


def vision_pairings(ladders: list[xr.Dataset]) -> str:
    """Say in how many pairings the calibrated count grows, and in how many a null reaches the raw count."""
    if not ladders:
        return ""
    grow, fitted, reached = 0, 0, 0
    for ladder in ladders:
        neurons, counts = ladder["neurons"].values, ladder["calibrated_count"].values.astype(float)
        if len(np.unique(neurons[counts > 0])) > 2:
            fitted += 1
            grow += bool(fit_clean(of_ladder(ladder).clean()).exponent_ci95[0] > 0)
        reached += not scaling(ladder).holds
    words = [] if not fitted else [f"The calibrated count grows in {grow} of {fitted} pairings"]
    words.append(f"{'w' if words else 'W'}ithout a threshold a null has as many pairs as the trained networks in "
                 f"{reached} of {len(ladders)}")  # fmt: skip
    return f"{'; '.join(words)}."


def judged_study(ds: xr.Dataset) -> Said | None:
    """Say at how many numbers of images Rosetta Neurons are judged monosemantic more often, by 95% intervals."""
    if not {"rosetta", "other"} <= set(ds["population"].values.astype(str).tolist()):
        return None
    rosetta, other = (ds.sel(population=name) for name in ("rosetta", "other"))
    ahead = rosetta["monosemantic_low"].values > other["monosemantic_high"].values
    more = of(int(ahead.sum()), len(ahead), "numbers of images here")
    words = "Rosetta Neurons are judged monosemantic more often than other neurons, by intervals that do not overlap"
    return Said(f"At {more[0].lower()}{more[1:]} {words}.", bool(ahead.all()))


def filtered(study: xr.Dataset) -> Said:
    """Say whether the Rosetta Neuron selects documents better than the other neuron, by the difference's interval."""
    rosetta, other = (study.sel(selector=name) for name in ("rosetta", "non_rosetta"))
    low, high = (float(other[f"f1_behind_{end}"]) for end in ("low", "high"))
    than = "better than" if low > 0 else "worse than" if high < 0 else "not measurably better or worse than"
    numbers = f"F1 {float(rosetta['filter_f1']):.2f} against {float(other['filter_f1']):.2f}"
    return Said(f"Here the Rosetta Neuron selects documents {than} the other neuron ({numbers}).", low > 0)


def _demands(triangle: Triangle) -> tuple[tuple[str, Estimate, float], tuple[str, Estimate, float]]:
    return ("α·b", triangle.product, triangle.expected_product), ("α + p", triangle.sum, triangle.expected_sum)


def _estimate(fit: PowerLawFit) -> str:
    return _three(fit.exponent, *fit.exponent_ci95)


def _three(value: float, low: float, high: float) -> str:
    return f"{signed(value)} ({signed(low)} to {signed(high)})"


# Figure, also by its name in a ladder's folder -> its sentence of one ladder, and the claim of many.
OF_LADDER: dict[str, tuple[Callable[[xr.Dataset], Said | None], str]] = {
    "scaling": (scaling, "have more raw pairs than every null at every size"),
    "calibration": (calibration, "have pairs above ρ* at their largest size"),
    "reproducibility": (reproducible, f"have more than half of their pairs at most {RATE:.0%} irreproducible"),
    "fig25": (partners, "show no change of the exponent with k"),
    "partners": (partners, ""),
    "fig33": (more_data, "share more than half of their pairs with the previous set at the most data"),
    "data_size": (more_data, ""),
    "fig04": (
        lambda ladder: below_trained(ladder, "untrained"),
        "have fewer untrained than trained pairs at each size",
    ),
    "fig26": (lambda ladder: below_trained(ladder, "permuted"), "have fewer permuted than trained pairs at each size"),
}
OF_STUDY: dict[str, tuple[str, Callable[[xr.Dataset], Said | None], str]] = {  # with the kind of its results
    "fig36": ("judge", judged_study, "judge Rosetta Neurons monosemantic more often at every number of images"),
    "table1": ("filtering", filtered, "select documents better by the Rosetta Neuron"),
    "fig34": ("image_sweep", more_data, "share more than half of their pairs with the previous set at the most data"),
}
