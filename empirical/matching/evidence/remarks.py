"""Remarks on a calibrated count: reasons to read it with care, which its status says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ...calibration import Calibration
    from ..matches import Matches

AUTOCORRELATED = 0.1  # mean lag-1 autocorrelation above which positions permuted one by one are no null
UNSTABLE = 0.5  # share of the calibrated pairs that should be stable


def remarks_on_nulls(matches: Matches, calibration: Calibration) -> list[str]:
    """Return remarks on the nulls of a count and the pairs that it counts.

    - Positions were permuted one by one although signals are autocorrelated, and no other null was drawn.
    - Fewer than half of the calibrated pairs are found again in nine of ten halves of the text.
    - More pairs than are counted lie above every null pair, but so few draws cannot show so few pairs.
    """
    return [*_autocorrelated(matches, calibration), *_unstable(matches, calibration), *_too_few(matches, calibration)]


def _autocorrelated(matches: Matches, calibration: Calibration) -> list[str]:
    if set(calibration.draws) != {"permuted"} or not matches.autocorrelation > AUTOCORRELATED:
        return []
    return [
        f"activations are autocorrelated over positions (lag 1: {matches.autocorrelation:.2f}), and positions permuted "
        "one by one lose that: the count may be of unrelated neurons; use --null shift"
    ]


def _unstable(matches: Matches, calibration: Calibration) -> list[str]:
    stable = matches.stable_count(calibration.threshold)
    if stable is None or calibration.count == 0 or stable >= UNSTABLE * calibration.count:
        return []
    return [
        f"only {stable} of {calibration.count} calibrated pairs are stable (found again in nine of ten halves of the "
        "text): the others may be of unrelated neurons; match more text"
    ]


def _too_few(matches: Matches, calibration: Calibration) -> list[str]:
    highest = max((np.abs(draw).max(initial=0) for draws in matches.nulls.values() for draw in draws), default=0)
    above = int(np.sum(np.abs(matches.correlation) > highest))
    if not calibration.count < above < calibration.fewest:
        return []
    label, draws = min(calibration.draws.items(), key=lambda one: one[1])
    return [
        f"too few draws to say: {above} pairs lie above every null pair, but {draws} draw{'s' * (draws > 1)} of the "
        f"null {label!r} can show no fewer than {calibration.fewest}"
    ]
