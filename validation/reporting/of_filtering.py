"""The answer of a filtering study: the selections that one Rosetta Neuron beats, those that beat it, those like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..verdict import listed
from .answer import NOTHING_OPEN, Answer

if TYPE_CHECKING:
    import xarray as xr

SELECTIONS = {"random": "random documents", "non_rosetta": "the other neuron", "oracle": "the oracle"}


def of_filtering(study: xr.Dataset) -> Answer:
    """Return the answer of a study by the 95% intervals of its differences.

    Parameters
    ----------
    study : Dataset
        Kind "filtering".
    """
    f1, low, high = (float(study[f"filter_f1{end}"].sel(selector="rosetta")) for end in ("", "_low", "_high"))
    better, worse, like = ([*one] for one in zip(_f1(study), _perplexity(study), strict=True))
    interval = f"F1 = {f1:.2f} (95% interval {low:.2f} to {high:.2f})"
    ahead = _joined("It beats", better)
    return Answer(
        growth=f"One Rosetta Neuron finds documents of {study.attrs['target']!r} with {interval}. {ahead}".strip(),
        contradiction=_joined("It is worse than", worse) or "No comparison on this page contradicts the paper.",
        open_questions=_joined("These data cannot distinguish it from", like) or NOTHING_OPEN,
    )


def _f1(study: xr.Dataset) -> tuple[str, str, str]:
    """Return the selections that the neuron's F1 exceeds, falls short of, and is not distinguished from."""
    ends = {
        words: tuple(float(study[f"f1_behind{end}"].sel(selector=selector)) for end in ("_low", "_high"))
        for selector, words in SELECTIONS.items()
        if selector != "oracle"  # whose F1 is 1
    }
    return _sorted(ends, "in F1")


def _perplexity(study: xr.Dataset) -> tuple[str, str, str]:
    """Return the same of the perplexity after training on the selections, where a model was trained."""
    if "test_perplexity" not in study:
        return "", "", ""
    ends = {}
    for selector, words in SELECTIONS.items():
        behind, half = (float(study[f"test_perplexity_behind{end}"].sel(selector=selector)) for end in ("", "_ci95"))
        ends[words] = behind - half, behind + half
    return _sorted(ends, "in perplexity")


def _sorted(ends: dict[str, tuple[float, ...]], measure: str) -> tuple[str, str, str]:
    sides = np.array([(low > 0) - (high < 0) for low, high in ends.values()])
    groups = [[words for words, side in zip(ends, sides, strict=True) if side == which] for which in (1, -1, 0)]
    ahead, behind, like = (f"{listed(group)} {measure}" if group else "" for group in groups)
    return ahead, behind, like


def _joined(begins: str, parts: list[str]) -> str:
    known = [part for part in parts if part]
    return f"{begins} {', and '.join(known)}." if known else ""
