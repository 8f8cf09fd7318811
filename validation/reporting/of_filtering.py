"""The answer of a filtering study: the selections that one Rosetta Neuron beats, those that beat it, those like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..verdict import listed
from .answer import NOTHING_OPEN, PageAnswer

if TYPE_CHECKING:
    import xarray as xr

SELECTIONS = {"random": "random documents", "non_rosetta": "the other neuron", "oracle": "the oracle"}


def of_filtering(study: xr.Dataset) -> PageAnswer:
    """Return the answer of a study by the 95% intervals of its differences.

    Parameters
    ----------
    study : Dataset
        Kind "filtering".
    """
    f1, low, high = (float(study[f"filter_f1{end}"].sel(selector="rosetta")) for end in ("", "_low", "_high"))
    sides = _sides(study)
    interval = f"F1 = {f1:.2f} (95% interval {low:.2f} to {high:.2f})"
    ahead = _sentence("It beats", sides[1])
    return PageAnswer(
        growth=f"One Rosetta Neuron finds {study.attrs['target']!r} documents with {interval}. {ahead}".strip(),
        contradiction=_sentence("It is worse than", sides[-1])
        or "No other selection is better than the Rosetta Neuron's.",
        open_questions=_sentence("These data cannot distinguish it from", sides[0], "or") or NOTHING_OPEN,
    )


def _sides(study: xr.Dataset) -> dict[int, dict[str, list[str]]]:
    """Return the measures in which the neuron is better than (1), worse than (−1) or like (0) each other selection."""
    sides: dict[int, dict[str, list[str]]] = {1: {}, -1: {}, 0: {}}
    for selector, words in SELECTIONS.items():
        one = study.sel(selector=selector)
        ends = {}
        if selector != "oracle":  # whose F1 is 1
            ends["F1"] = float(one["f1_behind_low"]), float(one["f1_behind_high"])
        if "test_perplexity" in study:
            behind, half = float(one["test_perplexity_behind"]), float(one["test_perplexity_behind_ci95"])
            ends["perplexity after training"] = behind - half, behind + half
        for measure, (low, high) in ends.items():
            sides[(low > 0) - (high < 0)].setdefault(words, []).append(measure)
    return sides


def _sentence(begins: str, selections: dict[str, list[str]], last: str = "and") -> str:
    parts = [f"{words} in {listed(measures)}" for words, measures in selections.items()]
    return f"{begins} {f', {last} '.join(parts)}." if parts else ""
