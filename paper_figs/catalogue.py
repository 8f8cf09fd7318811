"""Every figure and table, in the paper's order, then those that only we have: what it shows and what it waits for.

Each is a module of this folder with ``make(found, path) -> list of files``: an empty list says that its data are not
here. A new figure is one small script and one line below.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ..errors import UnknownNameError
from .found import Found

LADDER = "a measured ladder: rosettalaw demo"
VISION = "vision models: rosettalaw demo --vision"
MODELS = "pretrained models that this machine has not"

CATALOGUE: dict[str, tuple[str, str]] = {  # module -> what it shows, what it waits for
    "fig03": ("Count over network size, with nulls, power law and theory", LADDER),
    "fig03b": ("The paper's vision curves beside measured counts", ""),
    "fig04": ("Untrained networks as a null: counts over size", ""),
    "fig05": ("Examples of Rosetta Neurons in both models", f"matched images of {MODELS}"),
    "fig06": ("Selectivity over size: Pythia and OpenCLIP", ""),
    "fig07": ("Document categories that fire Rosetta Neurons: Pythia", ""),
    "fig25": ("Counts with the k best partners", LADDER),
    "fig26": ("Permuted inputs as a null: counts over size", ""),
    "fig27": ("Synthetic networks: count over size", "a simulation: rosettalaw simulate --out"),
    "fig28": ("Selectivity over size: OPT and Qwen2.5", ""),
    "fig29": ("Document categories: random neurons of Pythia", ""),
    "fig30": ("Document categories: Qwen2.5", ""),
    "fig31": ("Depth of Rosetta Neurons: language", ""),
    "fig32": ("Depth of Rosetta Neurons: vision", ""),
    "fig33": ("Counts over matching data: language", ""),
    "fig34": ("Counts over matching data: vision", ""),
    "fig35": ("Real against generated images", VISION),
    "fig36": ("Judged monosemantic over images shown", ""),
    "fig37": ("Selectivity over size: DINOv2", ""),
    "fig38": ("DINOv3: no power law", ""),
    "table1": ("Filtering a corpus by one neuron", ""),
    "table2": ("Models and their sizes", ""),
    "table3": ("Model pairs of the scaling curves", ""),
    "table4": ("Document categories of The Pile", ""),
    "table5": ("Validation of the judge", ""),
    "idle": ("Synthetic networks: neurons without a feature pair up by chance", ""),
    "tail": ("Synthetic networks: the isolation that is left needs a threshold", ""),
    "toy": ("Trained toy networks beside the optimal allocation", "a toy study: rosettalaw toy --out"),
    "vision": ("Vision models trained here: the counts of each pairing beside its nulls", VISION),
    "calibration": ("How the threshold separates pairs from chance", f"the nulls' correlations of {LADDER}"),
    "profiles": ("Correlations in rank order: the isolation profile", LADDER),
    "specialists": ("Rosetta Neurons against the others of their layers", LADDER),
    "triangle": ("Count, profile and purity exponents against the theory", ""),
    "sources": ("Every source side by side", ""),
    "likelihood": ("What counts identify, and what more data add", ""),
}


@dataclass(frozen=True)
class Made:
    """What became of one figure.

    Attributes
    ----------
    name, shows : str
        Module and content.
    files : tuple of Path
        What was written; empty if it waits.
    waits_for : str
        What is missing, or "".
    """

    name: str
    shows: str
    files: tuple[Path, ...]
    waits_for: str


def make_all(found: Found, out: str | os.PathLike[str], names: Iterable[str] | None = None) -> Iterator[Made]:
    """Draw each figure that has data into a folder, and yield what became of it.

    A result that lacks a variable, such as an older version's, costs the figures that need it, and no others.

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
        shows, waits_for = CATALOGUE[name]
        try:
            files = import_module(f".{name}", __package__).make(found, Path(out) / name)
        except KeyError as missing:
            named = str(missing.args[0]).split(". ")[0]  # what follows lists the variables that are there
            files, waits_for = [], f"results that have all they should ({named})"
        yield Made(name, shows, tuple(files), "" if files else waits_for or "data")
