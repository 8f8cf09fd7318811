"""Sentences about results that have no counts to fit: predictions, sweeps, and studies of images.

Results whose counts are fitted are spoken of by `rosettalaw.validation.compare.Row`, matchings by `of_matchings`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ...results import interpreting, require_variables
from ..verdict import listed
from .of_ladders import judged_study, more_data

if TYPE_CHECKING:
    import xarray as xr

    from ..compare import Row

SPOKEN_OF = ("ladder", "pairs", "recurrence", "simulation", "toy", "filtering", "fit")  # elsewhere on the page
COUNTS_ALONE = (
    "A saved law has its counts alone. Nulls, and the correlations that test the theory's other demands, are in the "
    "result of a measured ladder."
)


def of_other(kind: str, ds: xr.Dataset, name: str) -> list[str]:
    """Return sentences about a result of another kind than those whose counts are fitted.

    Parameters
    ----------
    kind : str
        Its kind; "rung" for a part of a ladder.
    ds : Dataset
        The result.
    name : str
        Name of the result, for messages.

    Raises
    ------
    ForeignFileError
        If its variables are missing or inconsistent.
    """
    if kind in SPOKEN_OF:
        return []
    with interpreting(name):
        speak = SPEAKERS.get(kind)
        if speak is not None:
            return speak(ds, name)
        return [f"A page has no figure or sentence for results of kind {kind}; its facts are under provenance."]


def of_law(law: xr.Dataset, row: Row) -> list[str]:
    """Return sentences about a saved law: its own verdict, where a fit without its τ and nulls has another; its limits.

    Parameters
    ----------
    law : Dataset
        Kind "fit".
    row : Row
        Its counts under every test.
    """
    saved, again = str(law.attrs.get("verdict", "")), "" if row.analysis is None else row.analysis.verdict
    other = [f"As it was saved, with its own τ or nulls: {saved}"] if saved and again and saved != again else []
    return [*other, COUNTS_ALONE]


def _of_prediction(ds: xr.Dataset, name: str) -> list[str]:
    require_variables(ds, name, ("count", "neurons"))
    counts = np.asarray(ds["count"].values, dtype=float)
    known = counts[np.isfinite(counts)]
    ends = "" if not known.size else _span(known)
    sizes = _span(np.asarray(ds["neurons"].values, dtype=float).ravel())
    over = [f"{dim}: {size:,}" for dim, size in ds.sizes.items() if size > 1]
    points = f" at {counts.size:,} points ({', '.join(over)})" if over else ""
    missing = f" {counts.size - known.size:,} of them have no solution." if known.size < counts.size else ""
    counted = f"{'a count' if '–' not in ends else 'counts'} of {ends}" if ends else "no count"
    return [
        f"The theory predicts {counted} at N = {sizes}{points}.{missing}",
        "A prediction has no measured counts, so nothing here tests it.",
    ]


def _of_judge(ds: xr.Dataset, name: str) -> list[str]:
    said = judged_study(ds)
    return [said.sentence] if said else ["This study judged one kind of neurons, and compares nothing."]


def _of_images(ds: xr.Dataset, name: str) -> list[str]:
    said = more_data(ds)
    return [said.sentence] if said else ["The counts of one number of images show no trend."]


def _of_kinds(ds: xr.Dataset, name: str) -> list[str]:
    require_variables(ds, name, ("image_kind", "kind_calibrated_count", "calibrated_overlap"), ("pairing",))
    means = ds["kind_calibrated_count"].values.astype(float).mean(axis=1)
    counts = [f"{mean:,.0f} on {kind} images" for kind, mean in zip(ds["image_kind"].values, means, strict=True)]
    overlap = float(np.mean(ds["calibrated_overlap"].values))
    seeds = ds.sizes["seed"]
    over = f", in the mean over {seeds} seeds" if seeds > 1 else ""
    return [
        f"{ds.attrs['pairing']}: calibrated pairs are {listed(counts)}{over}; the two sets have a Jaccard overlap of "
        f"{overlap:.2f}."
    ]


def _of_rung(ds: xr.Dataset, name: str) -> list[str]:
    require_variables(ds, name, ("neurons", "raw_count"))
    raw = f"{float(ds['raw_count']):,.0f} mutual pairs at N = {float(ds['neurons']):,.0f}"
    return [f"One size of a ladder that is not complete: {raw}. Run the ladder again to finish it."]


def _span(values: np.ndarray) -> str:
    low, high = (f"{end:,.0f}" if end >= 10 else f"{end:.3g}" for end in (values.min(), values.max()))
    return low if low == high else f"{low}–{high}"


SPEAKERS: dict[str, Callable[[xr.Dataset, str], list[str]]] = {
    "prediction": _of_prediction,
    "sweep": _of_prediction,
    "specialization": _of_prediction,
    "judge": _of_judge,
    "image_sweep": _of_images,
    "image_kinds": _of_kinds,
    "rung": _of_rung,
}
