"""Neurons that recur in several models, as `rosettalaw.match_several` returns them and `rosettalaw.load` reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import checked
from ..console import LOG
from ..errors import require
from .dataset_result import DatasetResult
from .match_result import MatchResult

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from ..validation.attenuation.measured import MeasuredAttenuation

WORDS = {2: "two"}


class RecurrenceResult(DatasetResult):
    """Families of neurons that recur in several models.

    Attributes
    ----------
    dataset : xarray.Dataset
        Kind "recurrence".
    pairs : dict of (str, str) to MatchResult
        The matching of every two models, by their names; empty if the result was read from a file.
    """

    ROWS = "family"
    TITLE = "Neurons that recur"
    VARIABLES = (
        *("model", "positions", "family_models", "family_closed", "weakest_correlation"),
        *("shared_by", "families", "closed_families", "closed_by_chance"),
        *("member_family", "member_model", "member_layer", "member_unit"),
    )

    def __init__(self, dataset: xr.Dataset, pairs: dict[tuple[str, str], MatchResult] | None = None) -> None:
        super().__init__(dataset)
        self.pairs = pairs or {}

    @property
    def models(self) -> list[str]:
        """Names of the models."""
        return [str(name) for name in self.dataset["model"].values]

    @cached_property
    def families(self) -> pd.DataFrame:
        """A row for each family, those of most models first.

        Each model has a column with its neuron as "layer:unit" ("" where it has none, and several with a comma);
        ``models`` is their number, ``closed`` says whether every two of them are a pair, ``weakest`` is the smallest
        correlation.
        """
        import pandas as pd

        ds = self.dataset
        cells = np.full((self._rows, len(self.models)), "", dtype=object)
        members = (
            ds[name].values.tolist() for name in ("member_family", "member_model", "member_layer", "member_unit")
        )
        for family, model, layer, unit in zip(*members, strict=True):
            before = cells[family, model]
            cells[family, model] = f"{before}, {layer}:{unit}" if before else f"{layer}:{unit}"
        frame = pd.DataFrame({name: cells[:, i] for i, name in enumerate(self.models)})
        frame.insert(0, "models", ds["family_models"].values)
        frame.insert(1, "closed", ds["family_closed"].values.astype(bool))
        frame.insert(2, "weakest", ds["weakest_correlation"].values)
        return frame

    def to_dataframe(self) -> pd.DataFrame:
        """Return `families`; an empty table is reported in the log, with the reason."""
        if not len(self.families):
            reason = f"no neuron recurs in two of {', '.join(self.models)}"
            LOG.warning("%s: the table is empty: %s", self.TITLE, reason)
        return self.families

    @checked("matched.attenuation({'a0': 'a', 'a1': 'a', 'b0': 'b', 'b1': 'b'})")
    def attenuation(self, families: Mapping[str, str], rho: float = 0.0) -> MeasuredAttenuation:
        """Return how much correlations of one feature differ between networks, of two families with seeds each.

        Parameters
        ----------
        families : mapping of str to str
            The family of each model, by the names of `models`: two of them, with two or more models each.
        rho : float
            Pairs below this correlation are left out.

        Returns
        -------
        MeasuredAttenuation
            Of `rosettalaw.validation.measure_attenuation`.

        Raises
        ------
        InputError
            If this result was read from a file, which has no correlations of all pairs, if no null was drawn, or if
            the families are others than two of two models each.
        """
        from ..validation import measure_attenuation

        example = "rl.match_several({'a0': a0, 'a1': a1, 'b0': b0, 'b1': b1}).attenuation({'a0': 'a', 'a1': 'a', …})"
        require(self.pairs, "pairs", "{}", "must be there; they are in results of rl.match_several", example)
        columns = ("unit_a", "unit_b", "correlation")
        pairs: Any = {key: tuple(one.dataset[name].values for name in columns) for key, one in self.pairs.items()}
        positions = float(np.mean([float(one.dataset["effective_positions"]) for one in self.pairs.values()]))
        return measure_attenuation(pairs, families, positions, rho)

    def levels(self) -> list[dict[str, Any]]:
        """Return the families of all, of most and of two of the models, as rows."""
        ds, number = self.dataset, len(self.models)
        rows = []
        for place in reversed(range(ds.sizes["shared_by"])):
            models = int(ds["shared_by"][place])
            share = "all" if models == number else WORDS.get(models, "most" if 2 * models > number else str(models))
            chance = float(ds["closed_by_chance"][place])
            rows.append(
                {
                    "in": share,
                    "models": models,
                    "families": int(ds["families"][place]),
                    "closed": int(ds["closed_families"][place]),
                    "closed by chance": None if np.isnan(chance) else chance,
                }
            )
        return rows

    def comparisons(self) -> list[dict[str, Any]]:
        """Return the counts of every two models, as rows."""
        ds, names = self.dataset, self.models
        known = [name for name in ("raw_count", "calibrated_count", "calibrated_count_se", "threshold") if name in ds]
        return [
            {"a": names[int(ds["first_model"][i])], "b": names[int(ds["second_model"][i])]}
            | {name: ds[name].values[i].item() for name in known}
            for i in range(ds.sizes["comparison"])
        ]

    def facts(self) -> dict[str, Any]:
        """Return the numbers of the summary by their names."""
        facts: dict[str, Any] = {"models": ", ".join(self.models), "positions": int(self.dataset["positions"])}
        for row in self.levels():
            word = f"in {row['in']}" if row["in"] in ("all", "two") else f"in {row['models']}"
            facts[word] = f"{row['families']:,} families, {row['closed']:,} of them closed"
        return facts

    def record(self) -> dict[str, Any]:
        """Return plain numbers, the way ``rosettalaw match A B C --json`` prints them."""
        ds = self.dataset
        families: list[dict[str, Any]] = [
            {"models": int(models), "closed": bool(closed), "weakest": float(weakest), "neurons": []}
            for models, closed, weakest in zip(
                ds["family_models"].values, ds["family_closed"].values, ds["weakest_correlation"].values, strict=True
            )
        ]
        for family, model, layer, unit in self._members():
            families[family]["neurons"].append({"model": self.models[model], "layer": layer, "unit": unit})
        per_model = {
            name: {word: int(ds[word][i]) for word in ("model_neurons", "partnered", "partnered_in_all")}
            for i, name in enumerate(self.models)
        }
        return {
            "models": per_model,
            "positions": int(ds["positions"]),
            "comparisons": self.comparisons(),
            "recurrence": self.levels(),
            "families": families,
        }

    def _members(self) -> Iterator[tuple[int, ...]]:
        """Yield family, model, layer and unit of each neuron."""
        columns = (self.dataset[f"member_{name}"].values.tolist() for name in ("family", "model", "layer", "unit"))
        yield from zip(*columns, strict=True)
