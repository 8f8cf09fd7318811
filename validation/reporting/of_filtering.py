"""The answer of a filtering study: the selections that one Rosetta Neuron beats, those that beat it, those like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..verdict import listed
from .answer import NOTHING_OPEN, PageAnswer

if TYPE_CHECKING:
    import xarray as xr

SELECTIONS = {"random": "random documents", "non_rosetta": "the other neuron", "oracle": "the oracle"}
LEVEL = 0.05


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
    undecided = [_sentence("These data cannot distinguish it from", sides[0], "or"), _leaders(study)]
    return PageAnswer(
        growth=f"One Rosetta Neuron finds {study.attrs['target']!r} documents with {interval}. {ahead}".strip(),
        contradiction=_sentence("It is worse than", sides[-1])
        or "No other selection is better than the Rosetta Neuron's.",
        open_questions=" ".join(filter(None, undecided)) or NOTHING_OPEN,
    )


def _leaders(study: xr.Dataset) -> str:
    """Return a sentence where the leaders do not show that Rosetta Neurons are better than others; empty where they do.

    Intervals over documents compare one neuron of each kind. How far neurons of a kind differ is seen in the leaders of
    an equal share of both (Mann and Whitney's test).
    """
    if "leader_pool" not in study:  # unequal shares: the leaders do not compare
        return ""
    from scipy.stats import mannwhitneyu

    is_rosetta = study["leader_rosetta"].values
    ours, others = (study["leader_f1"].values[mask] for mask in (is_rosetta, ~is_rosetta))
    if not len(ours) or not len(others):
        return ""
    test = mannwhitneyu(ours, others, alternative="two-sided")
    larger = test.statistic / (len(ours) * len(others))
    if larger > 0.5 and test.pvalue < LEVEL:
        return ""
    return (
        "One pair of neurons does not show that Rosetta Neurons filter better than others: a leading one has the "
        f"larger F1 in {larger:.0%} of its pairs with the {len(others)} other leaders."
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
