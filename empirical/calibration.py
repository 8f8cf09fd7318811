"""The calibrated count of Rosetta Neurons: how many matched pairs the null cannot explain.

Mutual nearest neighbours exist between any two sets of signals: two unrelated networks of N neurons have about N/2 of
them, so the raw count is no evidence by itself. The calibrated count keeps the pairs above a correlation ρ*
that is read off the nulls.

Definition
----------
For a threshold ρ let ``K(ρ)`` be the number of mutual pairs of the trained models with correlation at least ρ, and, for
each kind of null k (positions of one model shifted; untrained networks of the same architectures) with ``D_k``
independent draws that have ``V_k(ρ)`` mutual pairs at or above ρ in all draws together,

    E(ρ) = max_k (1 + V_k(ρ)) / D_k

the estimated number of null pairs in one matching. ρ* is the smallest correlation of a trained pair at which
``E(ρ*) ≤ q K(ρ*)``, with q = 0.05; the calibrated count is ``K(ρ*)``. If there is no such pair, the count is 0 and ρ*
is undefined (NaN). The 1 in the numerator is the usual correction of target–decoy counting: it makes the estimate
hold when the null is empty above ρ, and it means that fewer than ``1/(q D_k)`` pairs are never called a finding.

Assumptions
-----------
- A pair without a shared feature behaves like a pair of the worst null drawn. `nulls.KINDS` says what each keeps:
  shifted positions and permuted documents keep the autocorrelation of text and only lose the alignment; positions
  permuted one by one lose both, and are no null for signals that are autocorrelated; untrained networks keep both but
  respond to surface features only. None of these contains shared features that are learned but uninteresting (a
  token's identity, say): such pairs are counted, unless the null `span` is drawn.
- Null draws are independent of each other; their sampling error beyond the 1 is not added to the threshold's.
- The standard error comes from texts drawn with replacement at fixed ρ* (`matching.replicates`): it covers the choice
  of text, not the seeds of training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..contents import ByContent
from ..errors import InputError, require

Q_DEFAULT = 0.05


@dataclass(frozen=True, eq=False)
class Calibration(ByContent):
    """A calibrated count.

    Attributes
    ----------
    threshold : float
        ρ*, the smallest correlation counted; NaN where no pair is counted.
    count : int
        Pairs with correlation at least ρ*.
    q : float
        Allowed share of null pairs.
    expected_null : float
        E(ρ*), NaN where no pair is counted.
    null_raw, null_above : dict of str to float
        Mean number of mutual pairs per draw of each null: all of them (NaN for the screened engine, which does not
        count them), and those at or above ρ*.
    standard_error : float
        Standard error of the count at fixed ρ*, over texts; NaN where it was not measured.
    binding : str
        Label of the null with the largest estimate at ρ*, or at the highest correlation where nothing is kept.
    draws : dict of str to int
        Draws of each null.
    """

    threshold: float
    count: int
    q: float
    expected_null: float
    null_raw: dict[str, float]
    null_above: dict[str, float]
    standard_error: float = float("nan")
    binding: str = ""
    draws: dict[str, int] = field(default_factory=dict)

    @property
    def fewest(self) -> int:
        """Smallest count that D draws can show: 1/(q D) where a null is empty, for the null with fewest draws."""
        return max((int(np.ceil(1 / (self.q * draws) - 1e-9)) for draws in self.draws.values()), default=0)


def calibrate(correlations: np.ndarray, nulls: Mapping[str, Sequence[np.ndarray]], q: float = Q_DEFAULT) -> Calibration:
    """Calibrate a matching against its nulls; the module's head states the definition.

    Parameters
    ----------
    correlations : ndarray, shape (pairs,)
        Correlations of the mutual pairs of the trained models.
    nulls : mapping of str to a sequence of ndarray
        For each kind of null, one array of mutual-pair correlations per draw.
    q : float
        Allowed share of null pairs among those counted.

    Raises
    ------
    InputError
        If q is outside (0, 1), there is no null draw to calibrate against, or a correlation is NaN.
    """
    require(0 < q < 1, "q", q, "must be between 0 and 1", "calibrate(correlations, nulls, q=0.05)")
    draws = {kind: [_sorted(f"nulls[{kind!r}]", draw) for draw in sets] for kind, sets in nulls.items()}
    if not draws or not all(draws.values()):
        rule = "each kind of null needs at least one draw"
        raise InputError("nulls", {kind: len(sets) for kind, sets in draws.items()}, rule, "--null shift")

    pairs = _sorted("correlations", correlations)
    above = len(pairs) - np.searchsorted(pairs, pairs, side="left")
    by_kind = np.array([(1 + _at_or_above(sets, pairs)) / len(sets) for sets in draws.values()])
    expected = by_kind.max(0)
    passing = np.flatnonzero(expected <= q * above)
    first = passing[0] if passing.size else None
    threshold = float(pairs[first]) if first is not None else np.nan
    return Calibration(
        threshold=threshold,
        count=int(above[first]) if first is not None else 0,
        q=q,
        expected_null=float(expected[first]) if first is not None else np.nan,
        null_raw={kind: float(np.mean([len(draw) for draw in sets])) for kind, sets in draws.items()},
        null_above={
            kind: 0.0 if first is None else float(_at_or_above(sets, np.array([threshold]))[0] / len(sets))
            for kind, sets in draws.items()
        },
        binding=list(draws)[int(by_kind[:, -1 if first is None else first].argmax())] if len(pairs) else "",
        draws={kind: len(sets) for kind, sets in draws.items()},
    )


def _sorted(name: str, correlations: np.ndarray) -> np.ndarray:
    """Return correlations from the lowest up; a NaN, which sorts last, would count as above every threshold."""
    array = np.asarray(correlations, dtype=float)
    example = "calibrate(correlations, {'permuted': [one array per draw]})"
    require(array.ndim == 1, name, f"array of shape {array.shape}", "must be a vector of correlations", example)
    require(not np.isnan(array).any(), name, array, "must not be NaN", example)
    return np.sort(array)


def _at_or_above(draws: Sequence[np.ndarray], thresholds: np.ndarray) -> np.ndarray:
    """Return, for each threshold, how many values of all (sorted) draws together reach it."""
    return np.sum([len(draw) - np.searchsorted(draw, thresholds, side="left") for draw in draws], axis=0)
