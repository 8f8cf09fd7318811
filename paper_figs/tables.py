"""The paper's tables (1 to 5) as it published them; the published files do not say how 2 and 3 were laid out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from ..validation.published import read
from . import style


def filtering(path: Path) -> list[Path]:
    """Draw table 1: recovery of JavaScript documents by one neuron."""
    names = {
        "base": "no training",
        "random": "random documents",
        "non_rosetta": "other neuron",
        "rosetta": "Rosetta Neuron",
    }
    rows = [
        [names.get(row.method, row.method), _number(row.f1, 2), _with(row.test_ppl, row.ppl_ci95)]
        for row in read("table1_filtering").itertuples()
    ]
    return _draw(path, ["selected by", "F1", "test perplexity"], rows, "Filtering by one neuron", "table1_filtering")


def models(path: Path) -> list[Path]:
    """Draw table 2: language models and their sizes."""
    table = read("models")
    rows = [[r.family, r.model, str(r.layers), f"{r.mlp_width:,}", f"{r.neurons:,}"] for r in table.itertuples()]
    return _draw(path, ["family", "model", "layers", "MLP width", "neurons"], rows, "Models", "models")


def pairs(path: Path) -> list[Path]:
    """Draw table 3: the pairs of each scaling curve."""
    runs: Any = pd.concat([read("runs_language"), read("runs_vision")])
    rows = [[row.curve, row.models.replace("|", " × ")] for row in runs.itertuples()]
    return _draw(path, ["curve", "models"], rows, "Pairs of the scaling curves", "runs_language")


def categories(path: Path) -> list[Path]:
    """Draw table 4: categories of The Pile."""
    table = read("table4_pile_categories")
    rows = [
        [r.category, f"{100 * r.corpus_token_share:.2f}%", textwrap.fill(r.pile_subsets.replace("|", ", "), 62)]
        for r in table.itertuples()
    ]
    return _draw(path, ["category", "tokens", "subsets"], rows, "Document categories", "table4_pile_categories")


def judge(path: Path) -> list[Path]:
    """Draw table 5: validation of the judge."""
    table = read("table5_judge").set_index("predictor")
    words = ["accuracy", "precision", "recall", "f1"]
    rows = [
        ["vision-language judge", *(_with(table[w]["vlm_judge"], table[w]["vlm_judge_ci95"], 3) for w in words)],
        ["chance", *(_number(table[w]["chance"], 3) for w in words)],
    ]
    return _draw(path, ["predictor", *words], rows, "Validation of the judge", "table5_judge")


TABLES: dict[str, Callable[[Path], list[Path]]] = {
    "table1": filtering,
    "table2": models,
    "table3": pairs,
    "table4": categories,
    "table5": judge,
}


def _draw(path: Path, columns: list[str], rows: list[list[str]], title: str, source: str) -> list[Path]:
    return style.table(path, columns, rows, title, f"arXiv 2606.03990 ({read(source).attrs['quality']})")


def _number(value: float, digits: int) -> str:
    return "–" if pd.isna(value) else f"{value:.{digits}f}"


def _with(value: float, half: float, digits: int = 2) -> str:
    return _number(value, digits) + ("" if pd.isna(half) else f" ± {half:.{digits}f}")
