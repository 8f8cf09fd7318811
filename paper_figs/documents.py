"""Which documents fire the neurons (figures 7, 29 and 30): share of top activations over the corpus share."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..validation.published import read
from . import style

CATEGORIES = ["code", "math", "formal", "prose", "conversational"]


def draw(path: Path, panels: list[tuple[str, str]]) -> list[Path]:
    """Draw one panel for each (family, population), a line for each model from small (light) to large (dark)."""
    table = read("fig07_29_30_document_firing")
    with style.figure(columns=len(panels), size=(3.6 * len(panels) + 0.4, 3.5), squeeze=False, sharey=True) as (
        figure,
        axes,
    ):
        for axis, (family, population) in zip(axes[0], panels, strict=True):
            rows = table[(table["family"] == family) & (table["population"] == population)]
            shades = np.linspace(0.25, 1, len(rows))
            for i, (_, row) in enumerate(rows.iterrows()):
                colour = style.shade(style.COLOURS["blue"], shades[i])
                style.published(axis, range(5), row[CATEGORIES].astype(float), str(row["model"]), i, color=colour)
            axis.axhline(1, color=style.INK, lw=0.8)
            axis.set_xticks(range(5), CATEGORIES, rotation=25, ha="right")
            axis.set_title(f"{family}, {population}")
            axis.legend(ncols=2, fontsize=7.5)
        axes[0, 0].set_ylabel("firing, 1 = corpus share")
        axes[0, 0].set_ylim(0.3, 2.1)
        style.source_note(figure, f"arXiv 2606.03990, {table.attrs['quality'].split('quality: ')[-1]}")
        return style.save(figure, path)
