"""Captions of the figures of a page: of one that is drawn for each of several sources, each names its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ...model_names import model_name
from .messages import message

if TYPE_CHECKING:
    import xarray as xr

    from ..compare import Row
    from ..findings import Finding


class NamedResults(Protocol):
    """Results by kind, and the ladders among them by the names of their models."""

    @property
    def datasets(self) -> Mapping[str, Sequence[tuple[str, xr.Dataset]]]:
        """Return named results of each kind."""
        ...

    def of(self, kind: str) -> Sequence[tuple[str, xr.Dataset]]:
        """Return the named results of one kind."""
        ...

    def ladders(self) -> Sequence[tuple[str, xr.Dataset]]:
        """Return the ladders in the same order, named by their models."""
        ...


@dataclass(frozen=True)
class Captions:
    """Captions of the figures of a page.

    Attributes
    ----------
    results : Results
        The results on the page.
    rows : sequence of Row
        Every source, references included.
    judged : sequence of (name, findings)
        Findings of each ladder.
    """

    results: NamedResults
    rows: Sequence[Row]
    judged: Sequence[tuple[str, Sequence[Finding]]]

    def of(self, figure: str, shows: str, files: Sequence[Path]) -> list[tuple[Path, str, str]]:
        """Return each file with its title and its message.

        Parameters
        ----------
        figure : str
            Name in the catalogue.
        shows : str
            What it shows, of any source.
        files : sequence of Path
            Its drawings: that of the first source is named after the figure, the others after their source as well.
        """
        if len(files) < 2:
            said = message(figure, self.rows, self.judged, self.results.ladders(), self.results.datasets)
            return [(file, shows, said) for file in files]
        named = [file.stem.removeprefix(f"{figure}-") for file in files[1:]]
        sources = {name: self._message(figure, name) for name in self._titles() if name not in named}
        first = next((name for name, said in sources.items() if said), next(iter(sources), ""))
        titles = self._titles()
        return [
            (file, f"{shows} ({titles.get(name, name)})", self._message(figure, name))
            for file, name in zip(files, [first, *named], strict=True)
        ]

    def _titles(self) -> dict[str, str]:
        """Return each source, by the name of its file, with the models that it is of."""
        models = zip(self.results.of("ladder"), self.results.ladders(), strict=True)
        titles = {name: title for (name, _), (title, _) in models}
        pairs = {
            name: " × ".join(model_name(str(ds.attrs.get(f"model_{side}", ""))) for side in "ab")
            for name, ds in self.results.of("pairs")
        }
        times = Counter(pairs.values())
        titles |= {name: models if times[models] == 1 else f"{models}, {name}" for name, models in pairs.items()}
        titles |= {name: name for name, _ in self.results.of("simulation")}
        alone = [
            row.series for row in self.rows if row.series.source in ("counts", "ladder") and not row.series.reference
        ]
        named = {one.name if one.source == "counts" else one.name.split(" (")[0]: one.name for one in alone}
        return titles | {name: title for name, title in named.items() if name not in titles}

    def _message(self, figure: str, name: str) -> str:
        """Return the message of a figure of one source alone."""
        rows = [
            row
            for row in self.rows
            if row.series.name.startswith((f"{name} (", f"{name}, ")) or row.series.name == name
        ]
        judged = [one for one in self.judged if one[0] == name]
        ladders = zip(self.results.of("ladder"), self.results.ladders(), strict=True)
        own = [titled for (source, _), titled in ladders if source == name]
        others = {kind: [one for one in some if one[0] == name] for kind, some in self.results.datasets.items()}
        return message(figure, rows, judged, own, others)
