"""One style for every figure: colours that differ for every eye and in grey, sizes that survive print, PNG and SVG.

The eight colours are Okabe and Ito's (2008), which stay distinct under the common colour-vision deficiencies; markers
and line styles differ as well, so that no figure depends on colour. Numbers of the paper are drawn hollow and
dashed, those of our own runs filled and solid.
"""

from __future__ import annotations

import os
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..display import in_figure
from ..looks import COLOURS as COLOURS
from ..looks import CYCLE as CYCLE
from ..looks import GREY as GREY
from ..looks import INK as INK
from ..looks import LINES as LINES
from ..looks import MARKERS as MARKERS
from ..looks import NOTHING as NOTHING
from ..looks import RC as RC
from ..looks import SIGNS as SIGNS
from ..looks import TEXT_CONTRAST, contrast, plain_ticks, require_axes
from ..looks import WIDTH as WIDTH
from ..looks import short as short
from ..results import replacing
from .onto import ONTO
from .points import name_points, with_titles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NULL_COLOURS = [COLOURS[name] for name in ("orange", "purple", "green", "vermilion", "yellow", "black")]
NULL_MARKERS = ["v", "s", "^", "D", "P", "X"]
NULL_DASHES = [(0, (4, 2)), (0, (1, 1)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1)), (0, (8, 2)), (0, (2, 3))]


class NullLook(NamedTuple):
    """The look of a null in every figure: its label in results, colour, marker and dashes."""

    label: str
    colour: str
    marker: str
    dashes: tuple[int, tuple[int, ...]]


def null_looks() -> list[NullLook]:
    """Return the looks of all kinds of null, in the order of their table."""
    from ..empirical.nulls import every_label

    looks = zip(cycle(NULL_COLOURS), cycle(NULL_MARKERS), cycle(NULL_DASHES), strict=False)
    return [NullLook(label, *look) for label, look in zip(every_label(), looks, strict=False)]


ENDINGS: ContextVar[tuple[str, ...]] = ContextVar("ENDINGS", default=(".png", ".svg"))  # files of one figure
LONGEST_NAME = 200  # bytes of a drawing's name before its ending, of the 255 that file systems allow
METADATA = {".png": {"Software": "rosettalaw"}, ".svg": {"Date": None, "Creator": "rosettalaw"}}


@contextmanager
def figure(columns: int = 1, rows: int = 1, size: tuple[float, float] | None = None, **kwargs) -> Iterator[Any]:
    """Yield ``(figure, axes)`` in this style, drawn without a display, and close the figure at the end.

    Dollars are dollars: no text is read as a formula. A name in letters that the font lacks is drawn as boxes in the
    PNG, and as itself in the SVG, whose text is text; that needs no warning. Nor does a legend that takes a second to
    place itself on a busy machine.
    """
    import matplotlib

    with matplotlib.rc_context(RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        warnings.filterwarnings("ignore", r"Creating legend with loc=.best. can be slow", UserWarning)
        from cycler import cycler
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        matplotlib.rcParams["axes.prop_cycle"] = cycler(color=CYCLE)
        drawings = ONTO.get()
        if drawings is not None:
            yield drawings.open(rows, columns, size or RC["figure.figsize"], **kwargs)
            return
        drawing = Figure(figsize=size or RC["figure.figsize"])
        FigureCanvasAgg(drawing)
        yield drawing, drawing.subplots(rows, columns, **kwargs)


@contextmanager
def axes(given: Axes | None = None) -> Iterator[Axes]:
    """Yield axes to draw into: those given, or those of a new figure of pyplot, in this style; rc stays as it was."""
    import matplotlib

    require_axes(given)
    with matplotlib.rc_context(RC if given is None else None):
        if given is None:
            from matplotlib import pyplot

            given = pyplot.subplots(layout="constrained")[1]
        yield given
        plain_ticks(given)


@contextmanager
def panels(count: int, width: float, height: float, across: int = 2, **kwargs) -> Iterator[Any]:
    """Yield ``(figure, list of axes)``: panels of one size in inches, in rows that stay legible on a printed page."""
    drawings = ONTO.get()
    columns = count if drawings is not None and drawings.given else min(count, across)
    rows = -(-count // columns)
    size = width * columns + 0.4, height * rows
    with figure(columns, rows, size=size, squeeze=False, **kwargs) as (drawing, grid):
        for spare in grid.flat[count:]:
            spare.remove()
        yield drawing, list(grid.flat[:count])


def beside_panels(count: int, ncols: int) -> dict[str, Any]:
    """Return the place of the legend of `panels`: the place that an odd panel leaves free, or else below, in columns.

    Parameters
    ----------
    count : int
        Panels, two to a row.
    ncols : int
        Columns of a legend below them.
    """
    drawings = ONTO.get()
    if count < 3 or count % 2 == 0 or (drawings is not None and drawings.given):
        return {"loc": "outside lower center", "ncols": ncols}
    return {"loc": "center", "bbox_to_anchor": (0.75, 0.5 / -(-count // 2))}


@contextmanager
def vectors_alone() -> Iterator[None]:
    """Save figures as SVG alone: a page that shows drawings has no use for their pixels, which take as long again."""
    before = ENDINGS.set((".svg",))
    try:
        yield
    finally:
        ENDINGS.reset(before)


def targets(path: str | os.PathLike[str]) -> list[Path]:
    """Return the PNG and SVG that a figure saved under this path is written to; the SVG alone in `vectors_alone`."""
    stem = Path(path).with_suffix("") if Path(path).suffix in (".png", ".svg") else Path(path)
    return [stem.with_name(stem.name + ending) for ending in ENDINGS.get()]


def target_of(path: Path, files: Sequence[Path], source: str) -> Path:
    """Return where the drawing of one of several sources goes, without an ending.

    The first has the figure's own name. Others have their source's as well, in letters that a file name may have, with
    a number where another drawing has it already.

    Parameters
    ----------
    path : Path
        File of the figure.
    files : sequence of Path
        Drawings of the sources before it.
    source : str
        Name of the source.
    """
    if not files:
        return path
    name = "".join("-" if sign in "/\\" or not sign.isprintable() else sign for sign in f"{path.name}-{source}")
    name = os.fsencode(name)[:LONGEST_NAME].decode("utf-8", "ignore")
    while Path(name).suffix in METADATA:  # which `targets` takes for the ending of a file
        name = str(Path(name).with_suffix(""))
    taken, number, free = {one.stem for one in files}, 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return path.with_name(free)


def save(drawing: Figure, path: str | os.PathLike[str]) -> list[Path]:
    """Write PNG and SVG beside each other, named after `path` without its ending; return the paths.

    The SVG tells the numbers of its points (`points`). Within `onto` nothing is written.
    """
    drawings = ONTO.get()
    if drawings is not None:
        drawings.close(drawing)
        return []
    for one in drawing.axes:
        plain_ticks(one)
    in_figure(drawing)
    words = name_points(drawing)
    written = []
    for target in targets(path):
        with replacing(target) as partial:
            drawing.savefig(partial, metadata=METADATA[target.suffix])
            if target.suffix == ".svg":
                partial.write_text(with_titles(partial.read_text(encoding="utf-8"), words), encoding="utf-8")
        written.append(target)
    return written


def log_sizes(axis: Axes, sizes: Any = None) -> None:
    """Make both axes logarithmic, ticks written short; a few given sizes label the horizontal axis themselves."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_xscale("log")
    axis.set_yscale("log")
    plain = FuncFormatter(lambda value, _: short(value))
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    for each in (axis.xaxis, axis.yaxis):
        each.set_major_formatter(plain)
        each.set_minor_formatter(NullFormatter())
    if sizes is not None and len(set(map(float, sizes))) <= 8:
        size_ticks(axis, sizes)


def size_ticks(axis: Axes, sizes: Any, apart: float = 1.25) -> None:
    """Label a logarithmic horizontal axis with the sizes themselves, except those too close to the next."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ticks: list[float] = []
    for size in sorted({float(size) for size in sizes}, reverse=True):
        if not ticks or ticks[-1] / size > apart:
            ticks.append(size)
    axis.xaxis.set_major_locator(FixedLocator(ticks))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def over_seeds(sizes: Any, values: Any) -> tuple[Any, Any]:
    """Return the different sizes, and the mean of the values at each: of a ladder that repeats its sizes over seeds."""
    import numpy as np

    sizes, values = np.asarray(sizes, dtype=float), np.asarray(values, dtype=float)
    different = np.unique(sizes)
    return different, np.array([values[sizes == size].mean(axis=0) for size in different])


def shade(colour: str, depth: float) -> str:
    """Return a colour mixed with white: depth 1 is the colour itself, 0 white."""
    from matplotlib.colors import to_hex, to_rgb

    mixed: Any = tuple(1 - depth * (1 - part) for part in to_rgb(colour))
    return to_hex(mixed)


def dark(colour: str) -> str:
    """Return a colour dark enough for text on white."""
    from matplotlib.colors import to_hex, to_rgb

    shade: Any = to_rgb(colour)
    while contrast(to_hex(shade)[1:], "ffffff") < TEXT_CONTRAST:
        shade = tuple(0.97 * part for part in shade)
    return to_hex(shade)


def signed(value: float) -> str:
    """Return a number with two decimals, a true minus sign, and ∞."""
    return "∞" if value == float("inf") else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")  # + 0 makes −0 a 0


def label_ends(axis: Axes, labels: list[tuple[float, float, str, str]], gap: float = 1.25) -> None:
    """Write labels right of the axes at the height of points, pushed apart so that none covers another.

    Parameters
    ----------
    axis : Axes
        Axes whose scales and limits are final.
    labels : list of (x, y, text, colour)
        Point that each text belongs to, in data units.
    gap : float
        Least distance between neighbouring lines, in line heights.
    """
    if not labels:
        return
    figure = axis.get_figure()
    assert figure is not None
    in_figure(figure.figure)
    figure.canvas.draw()  # fixes the transforms
    height = RC["legend.fontsize"] * figure.dpi / 72 * gap
    points = sorted(((axis.transData.transform((x, y))[1], y, text, colour) for x, y, text, colour in labels))
    sizes = [(text.count("\n") + 1) * height for _, _, text, _ in points]
    placed = _spread([point[0] for point in points], sizes)
    above = placed[-1] + sizes[-1] / 2 - axis.get_window_extent().y1
    if above > 0:  # the topmost would leave the axes: all that touch it move down
        placed = _spread([*(point[0] for point in points[:-1]), placed[-1] - above], sizes)
        placed = [at - max(placed[-1] + sizes[-1] / 2 - axis.get_window_extent().y1, 0) for at in placed]
    for (level, y, text, colour), at in zip(points, placed, strict=True):
        axis.annotate(
            text,
            (1, y),
            (6, (at - level) * 72 / figure.dpi),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color=colour,
            fontsize=RC["legend.fontsize"],
            va="center",
            ha="left",
            linespacing=1.1,
            annotation_clip=False,
        )


def _spread(centres: list[float], sizes: list[float]) -> list[float]:
    """Return centres moved as little as needed for intervals of these sizes not to overlap (sorted upwards).

    Pool adjacent violators: labels that would touch form a block, which sits at the mean of their wishes.
    """
    blocks: list[list[float]] = []  # [start of the block if free, total size, number of members]
    for centre, size in zip(centres, sizes, strict=True):
        blocks.append([centre - size / 2, size, 1])
        while len(blocks) > 1 and blocks[-2][0] + blocks[-2][1] > blocks[-1][0]:
            (start_a, size_a, n_a), (start_b, size_b, n_b) = blocks[-2:]
            start = (start_a * n_a + (start_b - size_a) * n_b) / (n_a + n_b)
            blocks[-2:] = [[start, size_a + size_b, n_a + n_b]]
    placed, rest = [], iter(sizes)
    for start, _, members in blocks:
        for _ in range(int(members)):
            size = next(rest)
            placed.append(start + size / 2)
            start += size
    return placed


def published(axis: Axes, x: Any, y: Any, label: str, index: int = 0, **look: Any) -> None:
    """Draw numbers that the paper published: hollow markers, dashed line."""
    colour = look.pop("color", CYCLE[index % len(CYCLE)])
    axis.plot(
        x, y, MARKERS[index % len(MARKERS)], ls=(0, (4, 2)), lw=1.1, color=colour, mfc="white", label=label, **look
    )


def ours(axis: Axes, x: Any, y: Any, label: str, index: int = 0, **look: Any) -> None:
    """Draw numbers that this package computed: filled markers, solid line."""
    colour = look.pop("color", CYCLE[index % len(CYCLE)])
    axis.plot(
        x, y, MARKERS[index % len(MARKERS)], ls="-", color=colour, mec="white", mew=0.8, ms=6.5, label=label, **look
    )


def beside(axis: Axes, points: float) -> Any:
    """Return the transform of data shifted some points to the right, so that series at one size do not overlap."""
    from matplotlib.transforms import ScaledTranslation

    figure = axis.get_figure()
    assert figure is not None
    return axis.transData + ScaledTranslation(points / 72, 0, figure.dpi_scale_trans)


def bars(axis: Axes, x: Any, value: Any, low: Any, high: Any, index: int = 0, **look: Any) -> None:
    """Draw intervals as bars in the colour of the series `index`; an end that is not known is not drawn."""
    import numpy as np

    x, value, low, high = (np.asarray(one, dtype=float) for one in (x, value, low, high))
    known = np.isfinite(low) & np.isfinite(high) & np.isfinite(value)
    axis.vlines(x[known], low[known], high[known], color=CYCLE[index % len(CYCLE)], lw=1.2, zorder=1, **look)


def source_note(figure: Figure, text: str) -> None:
    """Write the source of its numbers under a figure."""
    lines = textwrap.wrap(text, max(int(figure.get_figwidth() * 17), 40))
    figure.supxlabel("\n".join(lines), fontsize=7.5, color=GREY, x=0.01, ha="left")


def table(path: str | os.PathLike[str], columns: list[str], rows: list[list[str]], title: str, note: str) -> list[Path]:
    """Draw a table with three rules, numbers right-aligned, cells of several lines allowed; save PNG and SVG."""
    lines = [[cell.split("\n") for cell in row] for row in [columns, *rows]]
    widths = [max(len(line) for row in lines for line in row[i]) + 3 for i in range(len(columns))]
    heights = [max(len(cell) for cell in row) for row in lines]
    numeric = [all(_numeric(row[i]) for row in rows) for i in range(len(columns))]
    total, tall = sum(widths), sum(heights)
    with figure(size=(max(0.085 * total, 3.5), 0.24 * tall + 0.75)) as (drawing, axis):
        axis.axis("off")
        axis.set_xlim(0, total)
        axis.set_ylim(tall + 0.2, 0)
        axis.set_title(title)
        y = 0
        for number, (row, height) in enumerate(zip(lines, heights, strict=True)):
            for i, cell in enumerate(row):
                x = sum(widths[:i]) + (widths[i] - 2 if numeric[i] else 0.5)
                weight = "bold" if number == 0 else "normal"
                look = {"ha": "right" if numeric[i] else "left", "va": "top", "fontsize": 8.5, "weight": weight}
                axis.text(x, y + 0.2, "\n".join(cell), linespacing=1.35, **look)
            y += height
        for at, width in ((0, 1.2), (heights[0], 0.7), (tall, 1.2)):
            axis.plot([0, total], [at, at], color=INK, lw=width, clip_on=False)
        source_note(drawing, note)
        return save(drawing, path)


def _numeric(cell: str) -> bool:
    return cell == "–" or cell.translate(str.maketrans("", "", ".,−%±[] ")).isdigit()
