"""Short tables of a result, as text and as HTML in which every text is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def lines(title: str, facts: Mapping[str, Any]) -> str:
    """Return a title and one indented line a fact; facts that are None are left out."""
    shown = {name: value for name, value in facts.items() if value is not None}
    width = max(map(len, shown), default=0)
    return "\n".join([title, *(f"  {name:<{width}}  {short(value)}" for name, value in shown.items())])


def table(title: str, facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = (), note: str = "") -> str:
    """Return facts, and rows of a table below them, as HTML."""
    shown = {name: value for name, value in facts.items() if value is not None}
    parts = [f"<div><strong>{html.escape(title)}</strong>"]
    parts.append("<table>" + "".join(_row("th", [name], "td", [value]) for name, value in shown.items()) + "</table>")
    if rows:
        head = "".join(f"<th>{html.escape(str(name))}</th>" for name in rows[0])
        body = "".join(_row("td", list(row.values())) for row in rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    if note:
        parts.append(f"<p>{html.escape(note)}</p>")
    return "".join([*parts, "</div>"])


def short(value: Any) -> str:
    """Return a value in few characters: four significant digits, intervals with "to"."""
    if isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(one, float) for one in value):
        return f"{short(value[0])} to {short(value[1])}"
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.4g}"
    if isinstance(value, np.generic):
        return short(value.item())
    text = str(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _row(tag: str, values: list[Any], other: str = "", others: Sequence[Any] = ()) -> str:
    cells = [(tag, value) for value in values] + [(other, value) for value in others]
    return "<tr>" + "".join(f"<{tag}>{html.escape(short(value))}</{tag}>" for tag, value in cells) + "</tr>"
