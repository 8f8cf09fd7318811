"""Messages of figures of the paper's numbers: a sentence each, computed from `rosettalaw.validation.published`.

Every function takes the table that its figure draws. Trends are judged as in `rosettalaw.validation.published_checks`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..likelihoods import fit_likelihood
from ..power_law import fit_power_law
from ..published import read
from ..verdict import growth, listed, of, signed


def of_published(figure: str) -> str:
    """Return the message of the published numbers that a figure draws; "" for a figure without such."""
    return SAID[figure](read(TABLES[figure])) if figure in SAID else ""


def vision_curves(table: Any) -> str:
    """Say how many of the paper's vision curves have an exponent between 0 and 1.

    Parameters
    ----------
    table : DataFrame
        Columns ``curve`` and ``exponent``; curves of diffusion models are drawn.
    """
    alpha = table.loc[table["curve"].str.startswith("Diffusion"), "exponent"]
    some = of(int(((alpha > 0) & (alpha < 1)).sum()), len(alpha), "published curves")
    return f"{some} grow sublinearly: α is {_span(alpha)}."


def null_counts(table: Any, name: str) -> str:
    """Say how many pairs a null of the paper has, and whether their number changes with network size.

    Parameters
    ----------
    table : DataFrame
        Columns ``modality``, ``neurons`` and ``count``.
    name : str
        The null: "untrained networks", "permuted inputs".
    """
    steady, parts = 0, []
    for modality, rows in table.groupby("modality"):
        low, high = fit_likelihood(rows["neurons"], rows["count"]).exponent_ci95
        steady += bool(low <= 0 <= high)
        slope = f"slope {signed(low)} to {signed(high)}"
        parts.append(f"{_span(rows['count'], 0)} pairs in {modality} ({slope})")
    trend = of(steady, len(parts), "published series")
    verb = "shows" if steady == 1 else "show"
    return f"With {name} the paper has {listed(parts)}; {_lower(trend)} {verb} no trend with network size."


def depths(table: Any, family: str) -> str:
    """Say in how many networks of a family most Rosetta Neurons lie in the first half of the layers.

    Parameters
    ----------
    table : DataFrame
        Columns ``family``, ``model`` and shares in twelve bins of depth, ``b01`` to ``b12``.
    family : str
        A value of ``family``.
    """
    shares = table.loc[table["family"] == family, [f"b{i:02d}" for i in range(1, 13)]].to_numpy(float)
    early = shares[:, :6].sum(1) / shares.sum(1)
    some = of(int((early > 0.5).sum()), len(early), f"{family} networks")
    where = "in the first half of the depth; the smallest share there"
    return f"{some} have more than half of their Rosetta Neurons {where} is {100 * early.min():.0f}%."


def more_data(table: Any, number: int) -> str:
    """Say how count and overlap move from the least to the most matching data.

    Parameters
    ----------
    table : DataFrame
        Columns ``figure``, ``pair``, ``unit``, ``size``, ``count`` and ``jaccard_with_previous``.
    number : int
        Number of the figure in the paper.
    """
    rows = table[table["figure"] == number].sort_values("size")
    overlap = rows["jaccard_with_previous"].dropna()
    unit = rows["unit"].iloc[0]
    return (
        f"Published: from {rows['size'].iloc[0]:,.0f} to {rows['size'].iloc[-1]:,.0f} {unit} "
        f"{moved('the count', rows['count'].iloc[0], rows['count'].iloc[-1], 0)}; "
        f"{moved('the overlap with the previous set', overlap.iloc[0], overlap.iloc[-1])}."
    )


def judged(table: Any) -> str:
    """Say at how many numbers of images Rosetta Neurons are judged monosemantic more often than others.

    Parameters
    ----------
    table : DataFrame
        Columns ``top_k``, ``rosetta`` and ``non_rosetta``.
    """
    ahead = int((table["rosetta"] > table["non_rosetta"]).sum())
    where = of(ahead, len(table), "published numbers of images")
    first, last = table.iloc[0], table.iloc[-1]
    return (
        f"At {_lower(where)} Rosetta Neurons are judged monosemantic more often than other neurons: "
        f"{first['rosetta']:.2f} against {first['non_rosetta']:.2f} with {first['top_k']:.0f} images, "
        f"{last['rosetta']:.2f} against {last['non_rosetta']:.2f} with {last['top_k']:.0f}."
    )


def dino(table: Any) -> str:
    """Say which growth the counts of DINOv2 and of DINOv3 against diffusion models show.

    Parameters
    ----------
    table : DataFrame
        Columns ``neurons``, ``DINOv2`` and ``DINOv3``.
    """
    said = []
    for model in ("DINOv2", "DINOv3"):
        rows = table.dropna(subset=[model])
        fit = fit_power_law(rows["neurons"], rows[model])
        low, high = fit.exponent_ci95
        said.append(f"{model}: {growth(fit)} (α = {signed(fit.exponent)}, {signed(low)} to {signed(high)}).")
    return " ".join(said)


def filtering(table: Any) -> str:
    """Say how a Rosetta Neuron's selection of documents compares with another neuron's and with the oracle's.

    Parameters
    ----------
    table : DataFrame
        Columns ``method``, ``f1``, ``test_ppl`` and ``ppl_ci95``, the half-width of the perplexity's 95% interval.
    """
    rows = table.set_index("method")
    rosetta, other, oracle = (rows.loc[name] for name in ("rosetta", "non_rosetta", "oracle"))
    return (
        f"In the paper a Rosetta Neuron selects the target's documents {_compared(rosetta['f1'], other['f1'])} "
        f"another neuron (F1 {rosetta['f1']:.2f} against {other['f1']:.2f}); its test perplexity of "
        f"{rosetta['test_ppl']:.2f} is {_against(rosetta, other)} the other neuron's {other['test_ppl']:.2f} and "
        f"{_against(rosetta, oracle)} the oracle's {oracle['test_ppl']:.2f}."
    )


def judge(table: Any) -> str:
    """Say whether the paper's judge is right more often than by chance.

    Parameters
    ----------
    table : DataFrame
        Columns ``predictor`` and ``accuracy``; rows of the judge, its 95% half-widths, and chance.
    """
    accuracy = table.set_index("predictor")["accuracy"]
    value, half, chance = (float(accuracy[name]) for name in ("vlm_judge", "vlm_judge_ci95", "chance"))
    than = "more often than" if value - half > chance else "less often than" if value + half < chance else "as often as"
    return f"The paper's judge is right {than} by chance: accuracy {value:.3f} ± {half:.3f} against {chance:.3f}."


def moved(name: str, first: float, last: float, decimals: int = 2) -> str:
    """Return how a number moves between two ends: "the count falls from 20 to 13"."""
    ends = [f"{value:,.{decimals}f}" for value in (first, last)]
    if ends[0] == ends[1]:
        return f"{name} stays at {ends[0]}"
    return f"{name} {'rises' if last > first else 'falls'} from {ends[0]} to {ends[1]}"


def _lower(words: str) -> str:
    return words[0].lower() + words[1:]


def _span(values: Any, decimals: int = 2) -> str:
    low, high = (f"{value:,.{decimals}f}" for value in (np.min(values), np.max(values)))
    return low if low == high else f"{low} to {high}"


def _compared(one: float, other: float) -> str:
    return "better than" if one > other else "worse than" if one < other else "as well as"


def _against(one: Any, other: Any) -> str:
    """Compare two perplexities by the 95% interval of their difference."""
    gap, half = one["test_ppl"] - other["test_ppl"], np.hypot(one["ppl_ci95"], other["ppl_ci95"])
    return "below" if gap < -half else "above" if gap > half else "within the error of"


TABLES = {
    "fig03b": "fig03b_vision_fits",
    "fig04": "fig04_untrained_null",
    "fig26": "fig26_permutation_null",
    "fig31": "fig31_32_depth",
    "fig32": "fig31_32_depth",
    "fig33": "fig33_35_data_size",
    "fig34": "fig33_35_data_size",
    "fig36": "fig36_judge_topk",
    "fig38": "fig38_dinov3_failure",
    "table1": "table1_filtering",
    "table5": "table5_judge",
}
SAID: dict[str, Callable[[Any], str]] = {
    "fig03b": vision_curves,
    "fig04": lambda table: null_counts(table, "untrained networks"),
    "fig26": lambda table: null_counts(table, "permuted inputs"),
    "fig31": lambda table: depths(table, "Pythia"),
    "fig32": lambda table: depths(table, "OpenCLIP"),
    "fig33": lambda table: more_data(table, 33),
    "fig34": lambda table: more_data(table, 34),
    "fig36": judged,
    "fig38": dino,
    "table1": filtering,
    "table5": judge,
}
