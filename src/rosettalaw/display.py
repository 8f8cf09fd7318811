r"""Text of others as it is displayed: one function for a terminal, one for a figure, one for a page.

Names of files, models and domains, and the text of documents, come from anywhere. They are displayed as they are,
except for characters that do something instead of being something, which are displayed as their code (``\x1b``):
controls of terminals, marks that turn the direction of text, invisible characters, and halves of characters. What is
markup to a reader (``[bold]``, ``$x_{``, ``<b>``) is text here.
"""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Controls; bidirectional marks; line and paragraph separators; invisible operators, tags and byte order marks; halves
# of characters; and non-characters. Joiners of letters (U+200C, U+200D) and variation selectors are part of words.
ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


# For outputs that know no Greek, such as a Windows console's.
SPELLED = {"α": "alpha", "β": "beta", "γ": "gamma", "κ": "kappa", "ρ": "rho", "σ": "sigma", "τ": "tau", "Σ": "sum"}
SPELLED |= {"±": "+/-", "×": "x", "·": "*", "–": "-", "−": "-", "…": "...", "→": "->", "≤": "<=", "≥": ">=", "∞": "inf"}


def for_output(text: str, encoding: str | None = None) -> str:
    """Return text whose characters an encoding has, that of the standard output by default; others are spelled out."""
    name: str = encoding or getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        return "".join(one if one.isascii() else _spelled(one, name) for one in text)
    except LookupError:  # of an encoding that Python does not know
        return text


def _spelled(one: str, encoding: str) -> str:
    try:
        one.encode(encoding)
    except UnicodeEncodeError:
        return SPELLED.get(one) or one.encode("ascii", "backslashreplace").decode()
    return one


def for_terminal(text: str) -> str:
    """Return text as one line of a terminal."""
    return ACTING.sub(_code, text)


def for_figure(text: str) -> str:
    """Return text as a label of a figure; its lines stay."""
    return ACTING.sub(lambda one: "\n" if one[0] == "\n" else _code(one), text)


def for_page(value: Any) -> Any:
    """Return text as a page has it before it is escaped, its lines and tabs left; anything else as it is."""
    if type(value) is not str:  # markup that this package made is a class of its own
        return value
    return ACTING.sub(lambda one: one[0] if one[0] in "\n\t" else _code(one), value)


def as_json(value: Any, ascii_only: bool = False) -> str:
    """Return JSON, indented, whose text does nothing to a terminal and is read back as it was."""
    dumped = json.dumps(value, indent=2, ensure_ascii=ascii_only, allow_nan=False)
    return ACTING.sub(lambda one: "\n" if one[0] == "\n" else json.dumps(one[0])[1:-1], dumped)


def in_figure(drawing: Figure) -> None:
    """Turn every text of a figure into what is displayed, names at its axes included."""
    from matplotlib.text import Text

    for text in drawing.findobj(Text):
        assert isinstance(text, Text)
        text.set_text(for_figure(text.get_text()))
    for axis in (one for axes in drawing.axes for one in (axes.xaxis, axes.yaxis)):
        for formatter in (axis.get_major_formatter(), axis.get_minor_formatter()):
            # A formatter makes its texts anew whenever the figure is drawn.
            formatter.format_ticks = partial(_formatted, type(formatter).format_ticks, formatter)


def _formatted(format_ticks: Any, formatter: Any, values: Any) -> list[str]:
    return [for_figure(text) for text in format_ticks(formatter, values)]


def _code(one: re.Match[str]) -> str:
    number = ord(one[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
