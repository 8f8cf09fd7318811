"""Table 1: filtering a corpus by one neuron, the paper's results and ours beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..validation.published import read
from . import style
from .results_folder import Results

if TYPE_CHECKING:
    import xarray as xr

NAMES = {
    "base": "no training",
    "random": "random documents",
    "non_rosetta": "other neuron",
    "rosetta": "Rosetta Neuron",
    "oracle": "oracle",
}


def make(results: Results, path: Path) -> list[Path]:
    """Draw the published table, with two columns more for each filtering study of ours."""
    table = read("table1_filtering").set_index("method")
    columns = ["selected by", "F1, paper\n(JavaScript)", "test perplexity\npaper"]
    rows = [
        [name, _with(table["f1"][selector], None), _with(table["test_ppl"][selector], table["ppl_ci95"][selector])]
        for selector, name in NAMES.items()
    ]
    studies = sorted(results.of("filtering"), key=lambda one: one[1].attrs.get("seed", 0))
    seeds = [study.attrs.get("seed") for _, study in studies]
    if len(studies) > 1:  # one below the other: a wide table would have letters too small to read
        columns, rows = ["study", "selected by", "F1", "test perplexity"], _grouped("the paper (JavaScript)", rows)
    for name, study in studies:
        if len(studies) == 1:
            name = "ours"
        elif len(set(seeds)) == len(seeds):  # the same study, split in several ways
            name = f"seed {study.attrs['seed']}"
        measured = [_ours(study.sel(selector=selector)) for selector in NAMES]
        if len(studies) > 1:
            own = [[words, *cells] for words, cells in zip(NAMES.values(), measured, strict=True)]
            rows += _grouped(f"{name} ({study.attrs['target']})", own)
            continue
        columns += [f"F1, {name}\n({study.attrs['target']})", f"test perplexity\n{name}"]
        rows = [row + cells for row, cells in zip(rows, measured, strict=True)]
    note = f"The paper: arXiv 2606.03990 ({table.attrs.get('quality', 'as published').replace('+-', '±')})."
    if studies:
        note += " Ours: F1 with a 95% bootstrap interval over documents; ± Student's 95% over the runs' seeds."
    return style.table(path, columns, rows, "Filtering by one neuron", note)


def _grouped(name: str, rows: list[list[str]]) -> list[list[str]]:
    """Return rows with the name of their group before the first."""
    return [["" if i else name, *row] for i, row in enumerate(rows)]


def _ours(one: xr.Dataset) -> list[str]:
    f1, low, high = (float(one[f"filter_f1{end}"]) for end in ("", "_low", "_high"))
    interval = "–" if f1 != f1 else f"{f1:.2f} [{low:.2f}, {high:.2f}]"
    if "test_perplexity" not in one:
        return [interval, "–"]
    return [interval, _with(float(one["test_perplexity"]), float(one["test_perplexity_ci95"]))]


def _with(value: float, half: float | None) -> str:
    """Return a number with the half-width of its interval, where there are such."""
    if value != value:
        return "–"
    return f"{value:.2f}" if half is None or half != half else f"{value:.2f} ± {half:.2f}"
