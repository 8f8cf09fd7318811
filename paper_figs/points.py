"""Numbers of the points of a figure, inside its SVG: a reader who rests on a point is shown them.

Every line with marks gives, at each of its points, its name and both coordinates in the words of the axes. The name is
the line's label; a line that has none may bear it as its ``gid``, which, beginning with "=", is all that is shown.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ..display import for_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

MOST = 300  # points of one line; a curve of more is no set of points
LINE = "points-"
NO_MARKS = (None, "", " ", "None", "none", "|", "_")  # the last two end the bars of errors


def name_points(drawing: Figure) -> dict[str, list[str]]:
    """Give each line with marks an id of its own; return the words of its points by that id."""
    words_of: dict[str, list[str]] = {}
    for axis in drawing.axes:
        for line in axis.lines:
            if line.get_marker() in NO_MARKS or len(np.atleast_1d(line.get_xdata())) > MOST:
                continue
            words = _words(axis, line)
            if words:
                name = f"{LINE}{len(words_of)}"
                line.set_gid(name)
                words_of[name] = words
    return words_of


def with_titles(svg: str, words_of: dict[str, list[str]]) -> str:
    """Return the SVG with a title in each mark whose words are known; lines with marks out of sight have none."""
    for name, words in words_of.items():
        begin = svg.find(f'<g id="{name}">')
        if begin < 0:
            continue
        end = _end(svg, begin)
        group = re.split(r"<use ([^>]*)/>", svg[begin:end])  # marks at the odd places
        if len(group) == 2 * len(words) + 1:
            for i, said in enumerate(words):
                group[2 * i + 1] = f"<use {group[2 * i + 1]}><title>{_text(said)}</title></use>"
            svg = svg[:begin] + "".join(group) + svg[end:]
    return svg


def _end(svg: str, begin: int) -> int:
    """Return where the group that begins there ends."""
    depth = 0
    for tag in re.finditer(r"<g\b[^>]*?(/?)>|</g>", svg[begin:]):
        depth += -1 if tag[0] == "</g>" else 0 if tag[1] else 1
        if not depth:
            return begin + tag.end()
    return len(svg)


def _text(words: str) -> str:
    return html.escape(for_figure(words)).replace("\n", "&#10;")


def _words(axis: Any, line: Line2D) -> list[str]:
    """Return the words of the points that are drawn, in their order."""
    gid, label = line.get_gid(), str(line.get_label())
    x, y = (np.atleast_1d(np.asarray(values, dtype=float)) for values in line.get_data())
    shown = np.isfinite(x) & np.isfinite(y)
    shown &= (x > 0) | (axis.get_xscale() != "log")
    shown &= (y > 0) | (axis.get_yscale() != "log")
    if gid and gid.startswith("="):
        return [gid[1:]] * int(shown.sum())
    name = gid or ("" if label.startswith("_") else label)
    titles = [_one_line(one.get_label_text()) for one in (axis.xaxis, axis.yaxis)]
    if not name and not all(titles):
        return []
    return ["\n".join(_lines(axis, name, titles, a, b)) for a, b in zip(x[shown], y[shown], strict=True)]


def _lines(axis: Any, name: str, titles: list[str], x: float, y: float) -> list[str]:
    said = [_one_line(name)] if name else []
    for title, value, one in ((titles[0], x, axis.xaxis), (titles[1], y, axis.yaxis)):
        number = _category(one, value) or _number(value)
        said.append(f"{title}: {number}" if title else number)
    return said


def _category(axis: Any, value: float) -> str:
    """Return the name of a category on an axis of names; "" on an axis of numbers."""
    from matplotlib.ticker import FixedFormatter, FixedLocator

    formatter, locator = axis.get_major_formatter(), axis.get_major_locator()
    if not (isinstance(formatter, FixedFormatter) and isinstance(locator, FixedLocator)):
        return ""
    return next((name for at, name in zip(locator.tick_values(0, 0), formatter.seq, strict=False) if at == value), "")


def _number(value: float) -> str:
    text = f"{value:,.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")


def _one_line(text: str) -> str:
    return " ".join(text.split())
