"""Figure 35: counts and overlap from real and from generated images, of our vision ladders.

The paper publishes no numbers of its own figure but the two in `PUBLISHED`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import style
from .results_folder import Results

PUBLISHED = "The paper reports about 93% of the count on real images, and an overlap of about 0.8 (appendix G.3)."


def make(results: Results, path: Path) -> list[Path]:
    """Draw every comparison of real with generated images."""
    studies = [ds for _, ds in results.of("image_kinds")]
    if not studies:
        return []
    with style.figure(columns=2, size=(style.WIDTH + 0.6, 3.6), width_ratios=(3, 2)) as (figure, (left, right)):
        labels = []
        for i, ds in enumerate(studies):
            counts = ds["kind_calibrated_count"].values
            for j, kind in enumerate(ds["image_kind"].values):
                place = 2.6 * i + j + np.linspace(-0.15, 0.15, counts.shape[1])
                face = {"mfc": "white"} if kind == "generated" else {}
                left.plot(place, counts[j], style.MARKERS[j], color=style.CYCLE[i], **face)
                labels.append((2.6 * i + j, str(kind)))
            where = np.full(counts.shape[1], i) + np.linspace(-0.1, 0.1, counts.shape[1])
            right.plot(
                where, ds["calibrated_overlap"].values, "o", color=style.CYCLE[i], label="above ρ*" if not i else ""
            )
            right.plot(where, ds["raw_overlap"].values, "o", mfc="white", color=style.CYCLE[i])
        left.set_xticks([place for place, _ in labels], [label for _, label in labels])
        left.set_ylim(bottom=-0.04 * left.get_ylim()[1])
        left.set_ylabel("calibrated pairs")
        right.set_xticks(range(len(studies)), [_short(ds.attrs["pairing"]) for ds in studies])
        right.set_xlim(-0.6, len(studies) - 0.4)
        right.set_ylim(-0.03, 1.03)
        right.set_ylabel("Jaccard overlap, real with generated")
        for i, ds in enumerate(studies):
            above = {"transform": left.get_xaxis_transform(), "ha": "center", "fontsize": 8.5}
            left.text(2.6 * i + 0.5, 1.02, _short(ds.attrs["pairing"]), color=style.CYCLE[i], **above)
        style.source_note(
            figure, f"This package, one point per seed; right, filled: above ρ*, open: no threshold. {PUBLISHED}"
        )
        return style.save(figure, path)


def _short(pairing: str) -> str:
    """Return a pairing's title without its parenthesis, on two lines."""
    return pairing.split(" (")[0].replace(" × ", " ×\n")
