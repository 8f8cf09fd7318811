"""Every figure and table, in the paper's order, then those that only we have.

Each is a module of this folder with ``make(results, path) -> list of files``: an empty list says that its data are
missing. A new figure is one small script and one line below, which also says where it is shown: in a folder of figures
alone, on the page of a results folder (``page``), on the page of a measured ladder (``demo``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import UnknownNameError, require
from .onto import axes_of, onto
from .results_folder import MeasuredLadder, Results, read

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LADDER = "a measured ladder: rosettalaw demo"
COUNTS = f"counts of two sizes or more, in a table, a law or {LADDER}"
PREDICTED = "prediction sweep specialization"  # kinds of results
VISION = "vision models: rosettalaw demo --vision"
MODELS = "pretrained models not available on this machine"


@dataclass(frozen=True)
class Figure:
    """One figure or table, and the pages that show it.

    Attributes
    ----------
    shows : str
        Caption.
    waits_for : str
        Data that it needs, and how to make them; "" where the paper's published numbers are enough.
    page : float or None
        Place on the page of a results folder, smallest first; None for figures that `rosettalaw report --all` adds.
    with_kind : str
        Kind of results without which it is not on that page, or several, one of which it needs; "" for any.
    leads : str
        Kinds of results whose page it opens where no ladder was measured; "" for none.
    demo : str
        File name, without ending, in the folder of a measured ladder, whose page then shows it; "" for none. Its module
        has ``draw_measured(measured: MeasuredLadder, path) -> list of files``.
    module : str
        Module, if it is not the one of this folder with the figure's name; a leading dot means this folder.
    """

    shows: str
    waits_for: str = ""
    page: float | None = None
    with_kind: str = ""
    leads: str = ""
    demo: str = ""
    module: str = ""


CATALOGUE: dict[str, Figure] = {
    "fig03": Figure("Count over network size, with nulls, power law and theory", COUNTS, page=1, demo="scaling"),
    "fig03b": Figure("The paper's vision curves beside measured counts", page=8),
    "fig04": Figure("Untrained networks as a null: counts over size", page=9),
    "fig05": Figure("Examples of Rosetta Neurons in both models", f"matched images of {MODELS}"),
    "fig06": Figure("Selectivity over size: Pythia and OpenCLIP", page=13, with_kind="ladder", demo="selectivity"),
    "fig07": Figure(
        "Document categories that fire Rosetta Neurons: Pythia", page=14, with_kind="ladder", demo="documents"
    ),
    "fig25": Figure("Counts with the k best partners", LADDER, page=15, with_kind="ladder", demo="partners"),
    "fig26": Figure("Permuted inputs as a null: counts over size", page=10),
    "fig27": Figure(
        "Synthetic networks: count over size", "a simulation: rosettalaw simulate --out", 7, leads="simulation"
    ),
    "fig28": Figure("Selectivity over size: OPT and Qwen2.5"),
    "fig29": Figure("Document categories: random neurons of Pythia"),
    "fig30": Figure("Document categories: Qwen2.5"),
    "fig31": Figure("Depth of Rosetta Neurons: language", page=11),
    "fig32": Figure("Depth of Rosetta Neurons: vision"),
    "fig33": Figure("Counts over matching data: language", page=16, with_kind="ladder", demo="data_size"),
    "fig34": Figure("Counts over matching data: vision", page=22, with_kind="image_sweep", leads="image_sweep"),
    "fig35": Figure("Real against generated images", VISION, 23, with_kind="image_kinds", leads="image_kinds"),
    "fig36": Figure("Judged monosemantic over images shown", page=19, with_kind="judge", leads="judge"),
    "fig37": Figure("Selectivity over size: DINOv2"),
    "fig38": Figure("DINOv3: no power law", page=12),
    "table1": Figure("Filtering a corpus by one neuron", page=18, with_kind="filtering", leads="filtering"),
    "table2": Figure("Models and their sizes"),
    "table3": Figure("Model pairs of the scaling curves"),
    "table4": Figure("Document categories of The Pile"),
    "table5": Figure("Validation of the judge", page=20, with_kind="judge", leads="judge"),
    "idle": Figure("Synthetic networks: neurons without a feature match by chance", module=".idle_neurons"),
    "tail": Figure("Synthetic networks: isolation of other neurons needs a threshold"),
    "toy": Figure(
        "Trained toy networks beside the optimal allocation",
        "a toy study: rosettalaw toy --out",
        page=21,
        with_kind="toy",
        leads="toy",
    ),
    "vision": Figure("Vision models trained here: the counts of each pairing beside its nulls", VISION, page=2),
    "calibration": Figure(
        "How the threshold separates pairs from chance",
        f"the nulls' correlations of {LADDER}",
        page=6,
        leads="pairs",
        demo="calibration",
    ),
    "reproducibility": Figure(
        "Irreproducible discovery rate: which pairs are found again on other text",
        f"margins on both halves of the text of {LADDER}",
        page=6.5,
        leads="pairs",
        demo="reproducibility",
    ),
    "exponents": Figure(
        "Exponent of the count over the correlation at which pairs are counted",
        f"the pairs' correlations of {LADDER}",
        page=3.5,
        demo="exponents",
    ),
    "profiles": Figure("Correlations in rank order: the isolation profile", LADDER, page=4),
    "specialists": Figure(
        "Rosetta Neurons and the other neurons of their layers",
        LADDER,
        page=17,
        with_kind="ladder",
        demo="superiority",
    ),
    "triangle": Figure("Count, profile and purity exponents against the theory", page=3, demo="triangle"),
    "sources": Figure("Every source side by side", page=5),
    "predictions": Figure(
        "Predictions of the theory that were saved",
        "predictions at two points or more: rosettalaw sweep --out",
        page=24,
        with_kind=PREDICTED,
        leads=PREDICTED,
    ),
    "phases": Figure("Phases of the law: the local exponent over β and the budget κN"),
    "likelihood": Figure("Parameters that counts identify, and the gain from more data"),
}


@dataclass(frozen=True)
class Made:
    """Outcome of drawing one figure.

    Attributes
    ----------
    name, shows : str
        Name in the catalogue, and caption.
    files : tuple of Path
        Files written; empty if it waits.
    waits_for : str
        Data that are missing, or "".
    """

    name: str
    shows: str
    files: tuple[Path, ...]
    waits_for: str


def make_all(results: Results, out: str | os.PathLike[str], names: Iterable[str] | None = None) -> Iterator[Made]:
    """Draw each figure that has data into a folder, and yield the outcome of each.

    A result that lacks a variable, such as an older version's, or whose numbers contradict each other, costs the
    figures that need it, and no others.

    Raises
    ------
    UnknownNameError
        If a name is not in the catalogue.
    """
    chosen = list(names or CATALOGUE)
    for name in chosen:
        if name not in CATALOGUE:
            raise UnknownNameError("figure", name, CATALOGUE)
    for name in chosen:
        waits_for = CATALOGUE[name].waits_for
        try:
            files = module_of(name).make(results, Path(out) / name)
        except KeyError as missing:
            named = str(missing.args[0]).split(". ")[0]  # a list of the variables follows
            files, waits_for = [], f"results with all their variables ({named})"
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            files, waits_for = [], f"results with consistent variables ({type(error).__name__}: {error})"
        yield Made(name, CATALOGUE[name].shows, tuple(files), "" if files else waits_for or "data")


def on_page(results: Results) -> list[str]:
    """Return the names of the figures on the page of a results folder, in its order.

    A reader's own study comes first: a ladder's figures do in any case, those of other kinds where there is no ladder.
    """
    places = {
        name: figure.page
        for name, figure in CATALOGUE.items()
        if figure.page is not None and (not figure.with_kind or _any(results, figure.with_kind))
    }
    alone = not results.of("ladder")
    behind = {name: not (alone and _any(results, CATALOGUE[name].leads)) for name in places}
    return sorted(places, key=lambda name: (behind[name], places[name]))


def _any(results: Results, kinds: str) -> bool:
    """Return whether there is a result of one of some kinds."""
    return any(results.of(kind) for kind in kinds.split())


def draw_demo(measured: MeasuredLadder, out: Path) -> dict[str, Path]:
    """Draw the figures of a measured ladder's page into a folder, as PNG and SVG; return the SVG files by name."""
    svg: dict[str, Path] = {}
    for name, figure in CATALOGUE.items():
        if figure.demo:
            files = module_of(name).draw_measured(measured, out / f"{figure.demo}.svg")
            svg |= {path.stem: path for path in files if path.suffix == ".svg"}
    return svg


def plot(
    name: str, results: Results | str | os.PathLike[str] | None = None, ax: Axes | Sequence[Axes] | None = None
) -> Axes | tuple[Axes, ...]:
    """Draw a figure of the catalogue into axes, and return them; no file is written.

    Parameters
    ----------
    name : str
        Its name in `CATALOGUE`.
    results : Results or path, optional
        Results, or a folder of them; the paper's published numbers alone by default.
    ax : Axes or sequence of Axes, optional
        Where to draw, as many as it has panels; a new figure of pyplot by default.

    Returns
    -------
    Axes or tuple of Axes

    Raises
    ------
    UnknownNameError
        If there is no such figure.
    InputError
        If its data are not among the results, or it has another number of panels.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> plot("table2", ax=axes) is axes
    True
    """
    require(isinstance(name, str), "name", name, "must be the name of a figure", "plot('fig03')")
    if name not in CATALOGUE:
        raise UnknownNameError("figure", name, CATALOGUE)
    known = results if isinstance(results, Results) else read(results)
    with onto(ax) as completed, suppress(KeyError):  # a variable that the results lack
        module_of(name).make(known, Path(name))
    return axes_of(completed, name, CATALOGUE[name].waits_for)


def plot_measured(name: str, measured: MeasuredLadder, ax: Axes | Sequence[Axes] | None = None) -> Any:
    """Draw a figure of a measured ladder's page into axes, and return them.

    Raises
    ------
    UnknownNameError
        If its page has no such figure.
    InputError
        If the ladder lacks its data, or it has another number of panels.
    """
    places = {figure.demo: place for place, figure in CATALOGUE.items() if figure.demo}
    if name not in places:
        raise UnknownNameError("figure of a ladder", name, places)
    with onto(ax) as completed, suppress(KeyError):  # a variable that the results lack
        module_of(places[name]).draw_measured(measured, Path(name))
    return axes_of(completed, name, CATALOGUE[places[name]].waits_for)


def module_of(name: str) -> ModuleType:
    """Return the module that draws a figure of the catalogue."""
    return import_module(CATALOGUE[name].module or f".{name}", __package__)
