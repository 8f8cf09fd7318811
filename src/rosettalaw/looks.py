"""Looks of every drawing: colours and marks that differ for every eye and in grey, sizes that survive print.

The eight colours are Okabe and Ito's (2008), which stay distinct under the common colour-vision deficiencies; markers
and line styles differ as well, so that no drawing depends on colour.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .errors import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#222222"
GREY = "#6a6a6a"  # legible as small text on white
NOTHING = "#e6e6e6"  # where a map has no cell
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
}
CYCLE = [COLOURS[name] for name in ("blue", "vermilion", "green", "purple", "orange", "sky", "black")]
LINES = ["-", "--", "-.", ":"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
TEXT_CONTRAST = 4.5  # of text with its paper (WCAG 2.2, 1.4.3)
SIGNS = "●■▲◆▼✚✖"  # the same in a line of text
WIDTH = 6.3  # inches, the text width of a page; a column is half of it

LEAST_PLAIN, MOST_PLAIN = 1e-4, 1e12  # numbers that are written without powers of ten
LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SYMBOLS = {"beta": "β", "eta": "η", "delta": "δ", "theta": "θ", "kappa": "κ", "tau": "τ", "gamma": "γ", "sigma": "σ"}
SYMBOLS |= {"log_kappa": "log κ", "log_threshold": "log(1 + τ)", "log_scale": "log scale"}

CALL = "result.plot(ax=plt.gca())"
RC: Any = {
    "figure.figsize": (WIDTH, 4.1),
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 220,
    "savefig.facecolor": "white",
    "font.family": "DejaVu Sans",  # ships with matplotlib and has the Greek letters and arrows
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "text.color": INK,
    "text.parse_math": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5.5,
    "lines.markeredgewidth": 1.1,
    "errorbar.capsize": 2.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 2.2,
    "svg.fonttype": "none",  # text stays text: searchable, and small
    "svg.hashsalt": "rosettalaw",  # the same figure gives the same bytes
}


@contextmanager
def axes(ax: Axes | None) -> Iterator[Axes]:
    """Yield axes to draw on, new ones unless some are given; what matplotlib is set to stays as it is."""
    import matplotlib
    from cycler import cycler

    require_axes(ax)
    with matplotlib.rc_context({**RC, "axes.prop_cycle": cycler(color=CYCLE)}):
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots()
        yield ax
        plain_ticks(ax)


def symbol(name: str) -> str:
    """Return a parameter as the text of a drawing has it: β for ``beta``, and β₁ for ``beta1``."""
    stem = name.rstrip("0123456789")
    return SYMBOLS.get(stem, stem) + name[len(stem) :].translate(LOWERED)


def short(value: float, _: object = None) -> str:
    """Return a number as a tick says it: 768, 3,072, 37k, 1.4M, 10¹²."""
    if value <= 0:
        return f"{value:g}"
    if not LEAST_PLAIN <= value < MOST_PLAIN:
        digits, _, power = f"{value:.2e}".partition("e")
        factor = f"{float(digits):g}"
        return f"{'' if factor == '1' else f'{factor}×'}10{str(int(power)).translate(RAISED)}"
    for limit, divisor, suffix in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if value >= limit:
            return f"{value / divisor:.3g}{suffix}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plain_ticks(ax: Axes) -> None:
    """Write the ticks of logarithmic axes as plain numbers.

    matplotlib writes them as formulas by default, which `RC` shows as they are typed, dollars included.
    """
    from matplotlib.ticker import FuncFormatter, LogFormatter, LogLocator, NullFormatter

    for axis in (ax.xaxis, ax.yaxis):
        if axis.get_scale() == "log" and isinstance(axis.get_major_formatter(), LogFormatter):
            low, high = sorted(axis.get_view_interval())
            axis.set_major_locator(
                LogLocator(subs=(1,) if high > 1000 * low else (1, 3) if high > 10 * low else (1, 2, 5))
            )
            axis.set_major_formatter(FuncFormatter(short))
            axis.set_minor_formatter(NullFormatter())


def require_axes(ax: object) -> None:
    """Raise `InputError` unless an object is axes of matplotlib, or None."""
    from matplotlib.axes import Axes

    require(ax is None or isinstance(ax, Axes), "ax", ax, "must be axes of matplotlib, or None for new ones", CALL)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours of six hexadecimal digits each (WCAG 2.2)."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
