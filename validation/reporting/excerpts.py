"""Excerpts of text around a position, cut at the ends of words; and the judgement of a pair in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

SIGNS = str.maketrans({"\n": "⏎\n", "\t": "⇥\t"})


def excerpt(before: str, span: str, after: str, around: int) -> dict[str, str]:
    """Return a text cut at the ends of words, with "…" where it continues, and a span with visible blanks.

    Parameters
    ----------
    before, span, after : str
        The text as it was saved.
    around : int
        Characters that were saved on either side; a side that has fewer ends with its document.
    """
    if around and len(before) >= around:
        before = "…" + re.sub(r"^\S*\s", "", before, count=1) if re.search(r"\s", before) else "…" + before
    if around and len(after) >= around:
        after = re.sub(r"\s\S*$", "", after, count=1) + "…" if re.search(r"\s", after) else after + "…"
    return {"before": before, "span": visible(span), "after": after}


def visible(span: str) -> str:
    """Return a span with signs for its blanks: each, where it has nothing else, else those at its ends."""
    inner = span.strip(" ")
    if not inner:
        return "␣" * len(span)
    left, right = len(span) - len(span.lstrip(" ")), len(span) - len(span.rstrip(" "))
    return "␣" * left + inner.translate(SIGNS) + "␣" * right


def judged_pair(ladder: xr.Dataset, pair: int) -> str:
    """Return the numbers of one pair: correlation, margin, stability, lexical share."""
    said = [f"ρ = {float(ladder['correlation'].values[pair]):.3f}"]
    if "margin" in ladder:
        error = float(ladder["margin_se"].values[pair]) if "margin_se" in ladder else np.nan
        spread = f" ± {error:.3f}" if np.isfinite(error) else ""
        said.append(f"margin over the best rival {float(ladder['margin'].values[pair]):.3f}{spread}")
    if "stability" in ladder:
        said.append(f"found again in {100 * float(ladder['stability'].values[pair]):.0f}% of halves of the text")
    share = float(ladder["lexical_share"].values[pair]) if "lexical_share" in ladder else np.nan
    if np.isfinite(share):
        said.append(f"{100 * share:.0f}% of the covariance is explained by the string of the span")
    return " · ".join(said)
