"""Superiority of one group of neurons over another of the same layers: a probability with an interval.

The effect size is the probability of superiority (the area under the ROC curve) within layers,

    P = ⟨ Pr(x_i > x_j) + ½ Pr(x_i = x_j) ⟩,

i a Rosetta Neuron drawn at random, j another neuron drawn at random from i's layer: ½ if the groups do not differ, 1 if
every Rosetta Neuron exceeds all its neighbours. It depends on ranks alone, so heavy tails do no harm, and it cannot be
moved by some layers having more Rosetta Neurons and other values than others.

Interval: with placements V_i (share of i's neighbours below it) and, for another neuron j of layer ℓ, W_j (share of ℓ's
Rosetta Neurons above it), DeLong, DeLong and Clarke-Pearson (1988) give, stratified,

    Var P = Var V / n + Σ_ℓ (n_ℓ/n)² Var_ℓ W / m_ℓ,

n_ℓ Rosetta and m_ℓ other neurons in layer ℓ. Var V is taken over all layers at once, so the interval also covers
differences between layers. It is formed for log P/(1 − P), with the normal's quantile. Where one group exceeds the
other without exception the variance vanishes; then P's other end is that of Clopper and Pearson for as many trials as
the smaller group has members. Neurons are treated as independent draws: what the seeds of training would change is not
in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Superiority:
    """A probability of superiority with its 95% interval, and how many neurons stand on either side."""

    value: float
    low: float
    high: float
    group: int
    others: int


Z95 = 1.959963984540054  # two-sided 95% of the normal
NOTHING = Superiority(value=np.nan, low=np.nan, high=np.nan, group=0, others=0)


def superiority(values: np.ndarray, member: np.ndarray, layer: np.ndarray) -> Superiority:
    """Compare members with the other neurons of their layers.

    Parameters
    ----------
    values : ndarray, shape (neurons,)
        The measure compared; neurons with NaN take no part.
    member : ndarray of bool, shape (neurons,)
        The group, such as the Rosetta Neurons.
    layer : ndarray of int, shape (neurons,)
        Layer of each neuron. Layers without a member, or without another neuron, take no part.
    """
    known = np.isfinite(values)
    placements, sizes, variances = [], [], []
    for one in np.unique(layer[member & known]):
        here = (layer == one) & known
        group, others = np.sort(values[here & member]), np.sort(values[here & ~member])
        if not len(group) or not len(others):
            continue
        placements.append(_share_below(others, group))
        reached = 1 - _share_below(group, others)
        sizes.append((len(group), len(others)))
        variances.append(float(np.var(reached, ddof=1)) if len(others) > 1 else 0.25)
    if not placements:
        return NOTHING
    placed = np.concatenate(placements)
    n, (group, others) = len(placed), np.array(sizes, dtype=float).T
    value = float(placed.mean())
    own = float(np.var(placed, ddof=1)) if n > 1 else 0.25  # the largest that a share can have
    error = np.sqrt(own / n + float(np.sum((group / n) ** 2 * np.array(variances) / others)))
    low, high = _interval(value, float(error), int(min(n, others.sum())))
    return Superiority(value=value, low=low, high=high, group=n, others=int(others.sum()))


def _share_below(reference: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the share of a sorted reference below each value, equal ones counted half."""
    below, upto = (np.searchsorted(reference, values, side=side) for side in ("left", "right"))
    return (below + upto) / (2 * len(reference))


def _interval(value: float, error: float, trials: int) -> tuple[float, float]:
    if value in (0.0, 1.0):
        reach = 0.025 ** (1 / trials)
        return (reach, 1.0) if value == 1.0 else (0.0, 1 - reach)
    centre, half = np.log(value / (1 - value)), Z95 * error / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-(centre + np.array([-half, half]))))
    return float(low), float(high)
