"""The paper's tables 2 to 5 as it published them; the published files do not say how 2 and 3 were laid out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from ..validation.published import read
from . import style


def models(path: Path) -> list[Path]:
    """Draw table 2: language models and their sizes, a family's name on its first row."""
    table = read("models")
    rows = [
        [family, r.model, str(r.layers), f"{r.mlp_width:,}", f"{r.neurons:,}"]
        for family, r in zip(_once(table["family"]), table.itertuples(), strict=True)
    ]
    columns = ["family", "model", "layers", "MLP width", "neurons N"]
    return _draw(
        path, columns, rows, "Language models", "models", "N is layers × width; vision sizes are not published"
    )


def pairs(path: Path) -> list[Path]:
    """Draw table 3: the models of each point of the scaling curves, and their mean size where it is known."""
    neurons: Any = read("models").set_index("model")["neurons"]
    rows: list[list[str]] = []
    for runs in (read("runs_language"), read("runs_vision")):
        for curve, row in zip(_once(runs["curve"]), runs.itertuples(), strict=True):
            names = row.models.split("|")
            known = set(names) <= set(neurons.index)
            size = f"{neurons[names].mean():,.0f}" if known else "–"
            rows.append([curve, str(row.run), " × ".join(names), size])
    note = "N is the mean of table 2's sizes, computed here; those of the vision models are not published"
    columns = ["curve", "run", "models", "mean N"]
    return _draw(path, columns, rows, "Models of the scaling curves", "runs_language", note)


def _once(names: Any) -> list[str]:
    """Return names with every repetition of the one before left blank."""
    names = list(names)
    return [name if i == 0 or names[i - 1] != name else "" for i, name in enumerate(names)]


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
    return _draw(path, ["predictor", *words[:-1], "F1"], rows, "Validation of the judge", "table5_judge")


TABLES: dict[str, Callable[[Path], list[Path]]] = {
    "table2": models,
    "table3": pairs,
    "table4": categories,
    "table5": judge,
}


def _draw(path: Path, columns: list[str], rows: list[list[str]], title: str, source: str, note: str = "") -> list[Path]:
    quality = f"arXiv 2606.03990 ({read(source).attrs['quality']})"
    return style.table(path, columns, rows, title, f"{quality}; {note}" if note else quality)


def _number(value: float, digits: int) -> str:
    return "–" if pd.isna(value) else f"{value:.{digits}f}"


def _with(value: float, half: float, digits: int = 2) -> str:
    return _number(value, digits) + ("" if pd.isna(half) else f" ± {half:.{digits}f}")
