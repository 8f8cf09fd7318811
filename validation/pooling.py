"""Matchings of one folder that belong together: only those that agree in how they were measured make a ladder.

Two matchings are pooled if they agree in k, in whether signs count, in the text or images, in the kinds of nulls, in q,
and in how much was read (within `APART`). Pairs of several models that were matched in one go are no sizes of one
ladder and stay apart. Others are series of their own, named by what sets them apart and by models.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

APART = 1.25  # ratio of the positions that two matchings of one ladder may have: tokenizers cut one text differently
UNKNOWN = "unknown"


def groups(members: Sequence[xr.Dataset]) -> list[tuple[list[xr.Dataset], str]]:
    """Return the matchings that belong together, each group with the facts that set it apart from the others.

    Parameters
    ----------
    members : sequence of xarray.Dataset
        Kind "pairs" or "rung".

    Returns
    -------
    list of (list of Dataset, str)
        Groups in the order of their first members; the words are "" where there is one group alone.
    """
    sorted_out: list[tuple[dict[str, str], float, list[xr.Dataset]]] = []
    for ds in members:
        facts, read = _facts(ds), float(ds["positions"]) if "positions" in ds else np.nan
        for known, positions, group in sorted_out:
            near = not np.isfinite([read, positions]).all() or max(read, positions) <= APART * min(read, positions)
            if known == facts and near:
                group.append(ds)
                break
        else:
            sorted_out.append((facts, read, [ds]))
    if len(sorted_out) == 1:
        return [(sorted_out[0][2], "")]
    return [(group, _difference([one[:2] for one in sorted_out], i, group)) for i, (*_, group) in enumerate(sorted_out)]


def models(members: Sequence[xr.Dataset]) -> str:
    """Return the models of a group in words, the first pair's by name; "" where no matching names its models."""
    if not any(f"model_{side}" in ds.attrs for ds in members for side in "ab"):
        return ""
    pairs = [tuple(Path(str(ds.attrs.get(f"model_{side}", UNKNOWN))).name for side in "ab") for ds in members]
    different = list(dict.fromkeys(pairs))
    more = f" and {len(different) - 1} more" if len(different) > 1 else ""
    return f"{' × '.join(different[0])}{more}"


def _facts(ds: xr.Dataset) -> dict[str, str]:
    from ..empirical.nulls import every_label

    attrs = ds.attrs
    plan = json.loads(attrs["measurement"]) if "measurement" in attrs else {}
    text = attrs.get("corpus_sha256") or attrs.get("images_sha256") or ""
    kinds = [label for label in every_label() if f"{label}_draws" in ds or _drawn(ds, label)]
    return {
        "k": str(attrs.get("k", 1)),
        "signs": "left out" if str(attrs.get("absolute", "0")) in ("1", "True", "true") else "counted",
        "text": str(attrs.get("corpus") or attrs.get("images") or "") + (f" {text[:8]}" if text else ""),
        "nulls": ", ".join(kinds) or "none",
        "models": models([ds]) if "together" in attrs else "",
        "q": str(attrs.get("q", plan.get("q", ""))),
    }


def _drawn(ds: xr.Dataset, label: str) -> bool:
    return f"{label}_raw" in ds and bool(np.isfinite(np.asarray(ds[f"{label}_raw"].values, dtype=float)).any())


def _difference(every: list[tuple[Any, float]], i: int, group: Sequence[xr.Dataset]) -> str:
    names = [name for name in every[0][0] if len({facts[name] for facts, _ in every}) > 1]
    words = [f"{name} {every[i][0][name] or UNKNOWN}" for name in names]
    if not words or [facts for facts, _ in every].count(every[i][0]) > 1:
        words.append(f"{every[i][1]:,.0f} positions")
    return ": ".join(filter(None, (", ".join(words), models(group))))
