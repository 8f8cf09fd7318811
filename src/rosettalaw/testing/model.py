"""Checks of whole models: that each answer is an optimum, and that answers fit together.

Sizes are tried in ascending order, and the size of the first failure is lowered for as long as the same law breaks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import BrokenLawError, InputError, require
from ..theory import Model
from ..theory.parameters import as_floats, positive
from .laws import MODEL_LAWS, Subject, close, require_kind
from .scaled import ScaledBudget, ScaledCost, ScaledSpectrum

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SIZES = (10.0, 100.0, 1000.0, 10_000.0)
TAUS = (1.0, 0.1, 10.0)
EXAMPLE = "check_model(Model(PowerLaw(1.6)), neurons=[10, 1000], tau=1.0)"
STEP = 1e-4  # in log N, of differences
TIE = 1e-9  # relative: isolation that may count as τ, a frontier that may count as a whole rank
KINK = 0.1  # share of a jump in slope by which a difference across it may miss both sides
LEAST = 1e-300  # isolation below it is as good as 0
TURNS = 20  # of lowering a size


def check_model(model: Model, neurons: ArrayLike = SIZES, tau: ArrayLike = TAUS) -> None:
    """Check a model at sizes and thresholds.

    Parameters
    ----------
    model : Model
        Any families; those of your own are best checked first (`check_spectrum`, `check_utility`, …).
    neurons, tau : float or array_like
        N and τ; every pair of them is tried.

    Raises
    ------
    BrokenLawError
        At the smallest size met where a law of `laws.MODEL_LAWS` breaks.
    """
    require_kind("model", model, Model, EXAMPLE)
    for size in np.sort(_positive("neurons", neurons)):
        for threshold in _positive("tau", tau):
            try:
                _check_point(model, float(size), float(threshold))
            except BrokenLawError as broken:
                raise _smallest(model, float(size), float(threshold), broken) from None


def _positive(name: str, value: ArrayLike) -> np.ndarray:
    array = np.atleast_1d(as_floats(name, value, EXAMPLE))
    good = array.ndim == 1 and array.size and all(map(positive, array.tolist()))
    require(good, name, value, "must be finite numbers greater than 0", EXAMPLE)
    return array


def _smallest(model: Model, size: float, tau: float, broken: BrokenLawError) -> BrokenLawError:
    """Return the failure at the smallest whole size that halving reaches."""
    low, high = 0.0, size
    for _ in range(TURNS):
        middle = math.floor((low + high) / 2)
        if middle <= low or middle >= high or model.features_at(middle) < 1:
            break
        try:
            _check_point(model, float(middle), tau)
            low = middle
        except BrokenLawError as error:
            if error.law == broken.law:
                broken, high = error, middle
            else:
                low = middle
    return broken


def _check_point(model: Model, neurons: float, tau: float) -> None:
    subject, at = Subject(model, MODEL_LAWS), {"neurons": neurons, "tau": tau}
    with np.errstate(all="ignore"):
        try:
            row = {str(name): float(value[0]) for name, value in model.predict(neurons, tau).data_vars.items()}
            tie = _check_optimum(subject, at, model, row)
            _check_figures(subject, at, row)
            _check_monotone(subject, at, model, row)
            _check_local_exponent(subject, at, model, row)
            if not tie:  # else rounding decides whether that feature counts
                _check_symmetries(subject, at, model, row)
        except InputError as error:  # at this size, or at one up to twice as large
            subject.obeys("solved", False, at, str(error))


def _check_optimum(subject: Subject, at: Mapping[str, float], model: Model, row: Mapping[str, float]) -> bool:
    """Compare the allocation with its conditions, taken from the families; return whether a feature lies at τ."""
    neurons, tau = at["neurons"], at["tau"]
    allocation, features = model.allocate(neurons), model.features_at(neurons)
    s, rank = allocation.isolation, np.arange(1.0, allocation.isolation.size + 1)
    c, budget = np.asarray(model.cost.at(rank)), float(model.budget.total(neurons))
    spent = float(np.sum(c * s))
    subject.obeys("budget", close(spent, budget), at, {"Σ c s": spent, "B": budget})
    excess = model.spectrum.log_at(rank, features) + model.utility.log_marginal(np.maximum(s, LEAST))
    excess -= np.log(c) + allocation.log_level
    fine = np.where(s > LEAST, np.abs(excess) <= 1e-6, excess <= 1e-6)
    subject.obeys("first order", fine, {**at, "rank": rank}, {"s": s, "log of w U'(s)/(λ c)": excess})
    certificate = allocation.certificate
    subject.obeys("certificate", certificate.holds(1e-6), at, str(certificate))
    rising = np.diff(s) <= TIE * (1 + s[1:])
    subject.obeys("ordered", rising, {**at, "rank": rank[1:]}, {"s": s[1:], "s before": s[:-1]})
    count, active, r_tau = row["count"], row["active"], row["r_tau"]
    fine = 0 <= count <= active <= features and active == np.count_nonzero(s)
    subject.obeys("bounds", fine, at, {"R": count, "n": active, "A": features, "ranks with s > 0": (s > 0).sum()})
    surely, perhaps = (int(np.count_nonzero(1 + s >= (1 + tau) * (1 + e))) for e in (TIE, -TIE))
    values = {"R": count, "ranks with s ≥ τ": perhaps, "r_τ": r_tau}
    subject.obeys("count", surely <= count <= perhaps, at, values)
    whole = math.floor(r_tau * (1 - TIE)), math.floor(r_tau * (1 + TIE))
    tie = surely != perhaps
    subject.obeys("count", tie or whole[0] <= count <= whole[1], at, values)
    total, inside = float(np.sum(s)), row["mean_isolation"] * count if count else 0.0
    values = {"⟨s⟩ R": inside, "tail mass": row["tail_mass"], "Σ s": total}
    subject.obeys("shares", close(inside + row["tail_mass"], total) & (row["tail_mass"] >= -TIE * total), at, values)
    reached = float(np.sum(s[: int(count)]))
    subject.obeys("shares", close(inside, reached, TIE, TIE * total), at, values | {"Σ s over ranks up to R": reached})
    return tie


def _check_figures(subject: Subject, at: Mapping[str, float], row: Mapping[str, float]) -> None:
    others = at["neurons"] - row["count"]
    absent = {"mean_isolation": row["count"] == 0, "isolation_per_non_rosetta": others <= 0}
    absent["local_exponent"] = row["r_tau"] == 0
    for name, value in row.items():
        subject.obeys("finite", math.isfinite(value) or absent.get(name, False), at, {name: value})
    share = row["isolation_per_non_rosetta"]
    if others > 0:
        values = {"per neuron": share, "tail mass": row["tail_mass"], "N − R": others}
        subject.obeys("shares", close(share * others, row["tail_mass"]), at, values)


def _check_monotone(subject: Subject, at: Mapping[str, float], model: Model, row: Mapping[str, float]) -> None:
    neurons, tau, r_tau = at["neurons"], at["tau"], row["r_tau"]
    fixed = replace(model, features=model.features_at(neurons))
    rises = float(model.budget.total(2 * neurons)) >= float(model.budget.total(neurons))
    cases = {
        "grows with neurons": (fixed, 2 * neurons, tau, 1 if rises else -1),
        "grows with kappa": (replace(model, budget=ScaledBudget(model.budget, 2.0)), neurons, tau, 1),
        "falls with tau": (model, neurons, 2 * tau, -1),
    }
    for law, (other, size, threshold, sign) in cases.items():
        after = other.frontier(size, threshold)
        fine = sign * (after - r_tau) >= -TIE * r_tau
        subject.obeys(law, fine, at, {"r_τ": r_tau, "r_τ at twice the value": after})


def _check_local_exponent(subject: Subject, at: Mapping[str, float], model: Model, row: Mapping[str, float]) -> None:
    """Compare the closed form with slopes on both sides, at fixed A; where n or a spectrum has a step, with either."""
    neurons, tau, r_tau = at["neurons"], at["tau"], row["r_tau"]
    features = model.features_at(neurons)
    fixed = replace(model, features=features)
    ends = [fixed.frontier(neurons * math.exp(sign * STEP), tau) for sign in (-1, 1)]
    if r_tau >= features or max(ends) >= features or min(*ends, r_tau) < np.finfo(float).tiny:
        return  # at A, or below a first rank: on level ground, or so far that the frontier has few digits
    given = float(fixed.predict(neurons, tau)["local_exponent"][0])
    slopes = [math.log(r_tau / ends[0]) / STEP, math.log(ends[1] / r_tau) / STEP]
    low, high = min(slopes), max(slopes)
    room = KINK * (high - low) + 1e-3 * abs(high) + 1e-6
    values = {"local_exponent": given, "slope below": slopes[0], "slope above": slopes[1]}
    subject.obeys("local exponent", low - room <= given <= high + room, at, values)


def _check_symmetries(subject: Subject, at: Mapping[str, float], model: Model, row: Mapping[str, float]) -> None:
    neurons, tau = at["neurons"], at["tau"]
    weighted = replace(model, spectrum=ScaledSpectrum(model.spectrum, 1000.0))
    priced = replace(model, cost=ScaledCost(model.cost, 8.0), budget=ScaledBudget(model.budget, 8.0))
    cases: dict[str, tuple[str, Any]] = {
        "1000 w": ("scale", weighted.predict(neurons, tau)),
        "8 c and 8 B": ("scale", priced.predict(neurons, tau)),
        "two sizes": ("vectorised", model.predict([neurons, 2 * neurons], tau)),
        "after pickle": ("pickles", subject.copy(at).predict(neurons, tau)),
    }
    names = [name for name in row if name not in ("active", "local_exponent")]  # rounding decides at a step of n
    total = row["tail_mass"] + (row["mean_isolation"] * row["count"] if row["count"] else 0.0)
    for case, (law, other) in cases.items():
        for name in names:
            value = float(other[name].values[0])
            room = {"tail_mass": 1e-7 * total, "isolation_per_non_rosetta": 1e-7 * total}.get(name, 0.0)
            subject.obeys(law, close(value, row[name], absolute=room), at, {name: row[name], case: value})
