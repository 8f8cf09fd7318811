"""Matched neurons of two models, as `rosettalaw.match` returns them and `rosettalaw.load` reads them."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .dataset_result import FIRST, DatasetResult

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes

    from ..empirical.calibration import Calibration
    from ..empirical.matching import Matches

FIRST_COLUMNS = ("layer_a", "unit_a", "layer_b", "unit_b", "correlation", "margin")
RENAMED = {"unit_a": "neuron_a", "unit_b": "neuron_b", "layer_unit_a": "unit_a", "layer_unit_b": "unit_b"}


class MatchResult(DatasetResult):
    """Mutual nearest neighbours of two models' neurons, raw and calibrated.

    Attributes
    ----------
    dataset : xarray.Dataset
        Kind "pairs".
    matches : Matches or None
        The same as arrays, with every null's correlations; None if the result was read from a file.
    calibration : Calibration or None
        The calibrated count; None without a null, or from a file.
    """

    ROWS = "pair"
    TITLE = "Matched neurons"
    VARIABLES = ("unit_a", "unit_b", "correlation", "raw_count", "neurons_a", "neurons_b", "positions")
    FACTS = ("model_a", "model_b")

    def __init__(
        self, dataset: xr.Dataset, matches: Matches | None = None, calibration: Calibration | None = None
    ) -> None:
        super().__init__(dataset)
        self.matches, self.calibration = matches, calibration

    @property
    def raw_count(self) -> int:
        """Mutual pairs without a threshold: the paper's count."""
        return int(self.dataset["raw_count"])

    @property
    def calibrated_count(self) -> int | None:
        """Pairs at or above the threshold; None without a null."""
        return self._number("calibrated_count", int)

    @property
    def standard_error(self) -> float | None:
        """Jackknife standard error of the calibrated count; None without a null."""
        return self._number("calibrated_count_se", float)

    @property
    def threshold(self) -> float | None:
        """Threshold ρ*: at most 5% of the pairs at or above it are due to chance; None without a null."""
        return self._number("threshold", float)

    @property
    def status(self) -> str:
        """The word "ok", or warnings to read before using the counts."""
        return str(self.attrs.get("status", "ok"))

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """A row for each pair: layer and unit in both models, correlation, margin, and whether the pair is counted.

        Layers have the names given by a mapping. ``neuron_a`` and ``neuron_b`` count over all layers; ``name_a``
        and ``name_b`` are a table's columns. ``spans_a`` and ``spans_b`` are the spans of text where each partner is
        most active, of pairs whose contexts the result keeps. ``settled`` pairs are in both halves of the positions;
        ``counted`` ones are in the calibrated count.
        """
        from ..empirical.viewer.saved_contexts import strongest_spans

        frame = super().to_dataframe().rename(columns=RENAMED)
        for side in "ab":
            names = json.loads(self.attrs.get(f"layer_names_{side}", "null"))
            if names:
                frame[f"layer_{side}"] = [names.get(str(number), number) for number in frame[f"layer_{side}"]]
        frame = frame.assign(**strongest_spans(self.dataset))
        if "settled" in frame:
            frame["settled"] = frame["settled"].astype(bool)
        if self.threshold is not None:
            frame["counted"] = np.abs(frame["correlation"]) >= self.threshold
        first = [name for name in FIRST_COLUMNS if name in frame]
        return frame.reindex(columns=[*first, *(name for name in frame.columns if name not in first)])

    def to_dataframe(self) -> pd.DataFrame:
        """Return `pairs`."""
        return self.pairs

    def facts(self) -> dict[str, Any]:
        """Return the numbers of the summary by their names."""
        ds = self.dataset
        facts: dict[str, Any] = {
            "a": f"{self.attrs['model_a']}, {int(ds['neurons_a']):,} neurons",
            "b": f"{self.attrs['model_b']}, {int(ds['neurons_b']):,} neurons",
            "positions": int(ds["positions"]),
            "mutual pairs": self.raw_count,
        }
        out = {side: int(ds.sizes.get(f"excluded_{side}", 0)) for side in "ab"}
        if any(out.values()):
            counted = ", ".join(f"{number:,} of {side}" for side, number in out.items() if number)
            facts["excluded"] = f"{counted}: constant, or not finite"
        count = self.calibrated_count
        if count is None:
            facts["calibrated"] = "no null was drawn"
        else:
            error = "" if self.standard_error is None else f" ± {self.standard_error:.2g}"
            above = "" if self.threshold is None else f" with correlation ≥ {self.threshold:.3f}"
            facts["calibrated"] = f"{count}{error} pairs{above}"
        nulls = {str(name)[:-4]: float(ds[name]) for name in ds.data_vars if str(name).endswith("_raw")}
        for label, raw in nulls.items():
            above = float(ds.get(f"{label}_above_threshold", np.nan))
            facts[f"{label} null"] = f"{raw:.4g} mutual pairs" if np.isfinite(raw) else f"{above:.4g} pairs above ρ*"
        half = self._number("split_half", float)
        facts["both halves"] = None if half is None else f"share {100 * half:.3g}% of their pairs (Jaccard)"
        facts["status"] = None if self.status == "ok" else self.status
        return facts

    def record(self) -> dict[str, Any]:
        """Return plain numbers, the way ``rosettalaw match --json`` prints them; from a file without its details."""
        if self.matches is not None:
            return self.matches.record(self.calibration)
        ds = self.dataset
        columns = [ds[name].values.tolist() for name in ("unit_a", "unit_b", "correlation")]
        return {
            "pairs": [list(pair) for pair in zip(*columns, strict=True)],
            "count": self.raw_count,
            "calibrated_count": self.calibrated_count,
            "calibrated_count_se": self.standard_error,
            "threshold": self.threshold,
            "positions": int(ds["positions"]),
            "split_half": float(ds["split_half"]) if "split_half" in ds else float("nan"),
            "status": self.status,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the pairs that reach a correlation, beside the nulls, and return the axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure of pyplot by default.
        """
        from ..paper_figs import calibration
        from ..paper_figs.style import axes

        nulls = calibration.matching_nulls(self.dataset)
        with axes(ax) as axis:
            calibration.draw_on(axis, self.dataset["correlation"].values, nulls, self.threshold, self.calibrated_count)
            axis.legend(loc="lower left")
        return axis

    def _shown(self) -> pd.DataFrame:
        return self.pairs.sort_values("correlation", ascending=False).head(FIRST).reindex(columns=list(FIRST_COLUMNS))

    def _number(self, name: str, kind: type) -> Any:
        if name not in self.dataset:
            return None
        value = float(self.dataset[name])
        return None if np.isnan(value) else kind(value)
