"""The engine without draws: mean and standard deviation of the outcome, by the detectability integral.

`rosettalaw.theory.detectability` derives P_r, the probability that the two neurons of feature r are mutual nearest
neighbours, and the expected number of false pairs. Then

    E[count] = Σ P_r + E[false],      Var[count] ≈ Σ P_r (1 − P_r) + Var[false]

False pairs are those of exchangeable neurons. Let u neurons per side be free to form them, each competing with all m:
an entry of an m × m matrix of independent numbers leads its row and column with probability 1/(2m − 1), so u² entries
give ``E = u²/(2m−1)`` pairs. Two entries without a common line both lead with probability ``1/((2m−2)(2m−1))``: the
larger leads all 4m − 4 entries of the four lines, either may be the larger, and the other leads its own 2m − 1. Hence

    Var[false] = E + u²(u−1)²/((2m−2)(2m−1)) − E²          (u = m: about E/4, pairs exclude each other's lines)

Approximations: competitors of a pair are independent, right and false pairs too; each neuron's interference has its
mean overlap with the others' loadings. |B_j| drops out (the overlap of random subsets has the same variance, whatever
their size), and a pool of L inactive features counts as ``L (ā + f(1−ā))/(f(1−ā))`` features of the whole, which
overlap a weak neuron as much. Neurons of strong features are the best partner of many idle ones, which lowers the
number of false pairs by up to a third where M is far above A; that is in the integral, which is within 5% of draws.
"""

from __future__ import annotations

import numpy as np

from .packing import Outcome, Packing, outcome


def expect(packing: Packing) -> Outcome:
    """Return the expected outcome of matching two networks, with the standard deviation of the count."""
    from ..theory.detectability import detect

    s, f = packing.isolation, packing.choices.interference
    detection = detect(s, packing.inputs, _features(packing), f, packing.idle, packing.choices.threshold)
    # A false pair joins neurons that are in no right pair: take their isolation as the mean of those.
    missed = 1 - detection.probability
    others = missed.sum() + packing.idle
    false_isolation = detection.false_pairs * float(missed @ s) / others if others > 0 else 0.0
    return outcome(
        packing,
        count=detection.count + detection.false_pairs,
        false_pairs=detection.false_pairs,
        matched_isolation=float(detection.probability @ s) + min(false_isolation, float(missed @ s)),
        count_sd=float(np.sqrt(detection.count_sd**2 + false_pairs_variance(detection.false_pairs, packing.matched))),
    )


def false_pairs_variance(mean: float, neurons: int) -> float:
    """Return the variance of the number of false pairs among `neurons` per side, given its mean E."""
    lines = 2 * neurons - 1
    free = np.sqrt(mean * lines)
    if free <= 1:
        return mean
    return mean + mean**2 * ((1 - 1 / free) ** 2 * lines / (lines - 1) - 1)


def _features(packing: Packing) -> float:
    """Return over how many features of the whole pool the interference counts as spread."""
    f = packing.choices.interference
    if packing.choices.pool == "all" or f == 0:
        return packing.features
    share = float(np.sum(packing.isolation / (1 + packing.isolation))) / packing.matched
    if share == 1:
        return np.inf
    return max(packing.pool_size * (1 + share / (f * (1 - share))), packing.candidates)
