"""Short tables of a result, as text and as HTML in which every text is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..display import for_output


class Printed:
    """Base of results that can be printed where the output knows no Greek."""

    def __str__(self) -> str:
        return for_output(repr(self))


def lines(title: str, facts: Mapping[str, Any]) -> str:
    """Return a title and one indented line per fact; facts that are None are omitted."""
    shown = {name: value for name, value in facts.items() if value is not None}
    width = max(map(len, shown), default=0)
    return "\n".join([title, *(f"  {name:<{width}}  {short(value)}" for name, value in shown.items())])


def table(title: str, facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = (), note: str = "") -> str:
    """Return facts, and rows of a table below them, as HTML; numbers and their headers are aligned to the right."""
    parts = [f"<div><strong>{html.escape(title)}</strong><table>"]
    for name, value in facts.items():
        if value is not None:
            parts.append(f"<tr>{_cell('th', name, 'left')}{_cell('td', value, 'left')}</tr>")
    parts.append("</table>")
    if rows:
        sides = {name: "right" if all(_is_number(row[name]) for row in rows) else "left" for name in rows[0]}
        head = "".join(_cell("th", name, side) for name, side in sides.items())
        body = ["".join(_cell("td", row[name], side) for name, side in sides.items()) for row in rows]
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>")
        parts += [*(f"<tr>{cells}</tr>" for cells in body), "</tbody></table>"]
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


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float | np.number) and not isinstance(value, bool))


def _cell(tag: str, value: Any, side: str) -> str:
    return f'<{tag} style="text-align: {side}">{html.escape(short(value))}</{tag}>'
