"""Standard error of a calibrated count whose threshold is drawn anew with the data.

ρ* is an order statistic of few null draws and of the pairs themselves: another text, or other draws, give another ρ*,
and with it another count. A replicate draws both again: the documents (texts, photographs) with replacement, of which
the matching has the pairs (`matching.replicates`), and the draws of each null with replacement. It is then calibrated
as the data were. The standard deviation over replicates, times √(J/(J − 1)) for J parts, is the standard error.

That leaves out the seeds of training, and how the null's own correlations depend on the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..calibration import Q_DEFAULT, calibrate


@dataclass(frozen=True)
class CountError:
    """Errors of a calibrated count over replicates.

    Attributes
    ----------
    count : float
        Standard error of the count, its threshold drawn anew.
    threshold : float
        Standard deviation of ρ* over the replicates that have one; NaN with fewer than two.
    """

    count: float
    threshold: float


def redrawn_error(
    replicates: Sequence[np.ndarray],
    nulls: Mapping[str, Sequence[np.ndarray]],
    parts: int,
    seed: int | Sequence[int],
    q: float = Q_DEFAULT,
) -> CountError:
    """Return the errors of a count and of its threshold, both drawn anew.

    Parameters
    ----------
    replicates : sequence of ndarray
        Correlations of the pairs of each text drawn with replacement.
    nulls : mapping of str to sequence of ndarray
        Correlations of the pairs of each draw of each null, as `calibrate` takes them.
    parts : int
        Documents, or parts of the positions, that the texts were drawn from: J.
    seed : int or sequence of int
        Seed of the null draws that are drawn again.
    q : float
        Allowed share of null pairs.
    """
    if len(replicates) < 2 or parts < 2:
        return CountError(float("nan"), float("nan"))
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    counts, thresholds = [], []
    for correlations in replicates:
        drawn = {
            label: [np.abs(draws[i]) for i in rng.integers(len(draws), size=len(draws))]
            for label, draws in nulls.items()
        }
        calibration = calibrate(np.abs(correlations), drawn, q)
        counts.append(calibration.count)
        thresholds.append(calibration.threshold)
    known = np.array(thresholds)[np.isfinite(thresholds)]
    larger = (parts / (parts - 1)) ** 0.5
    spread = larger * float(np.std(known, ddof=1)) if len(known) > 1 else float("nan")
    return CountError(larger * float(np.std(counts, ddof=1)), spread)
