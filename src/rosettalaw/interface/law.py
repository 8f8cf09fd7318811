"""The law of one series of counts, as `rosettalaw.fit` returns it."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import checked
from ..console import LOG
from ..errors import UnknownNameError, require
from .dataset_result import WithVariables
from .showing import lines, table

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes

    from ..validation.analysis import Analysis
    from ..validation.fitted import Fitted
    from ..validation.parameters import Parameter

NAMES = {"exponent": "alpha", "α": "alpha", "β": "beta"}
EXAMPLE = "fit([128, 256, 512, 1024], [21, 33, 48, 76]).interval('beta')"
TITLE = "Scaling law of counts"
FITTED = "fitted_to"  # variable of a saved law
VARIABLES = ("neurons", "count", "value", "low", "high", "open")  # of every one


class Law(WithVariables):
    """A power law and the theory, fitted to counts over sizes, with the verdict.

    Attributes
    ----------
    analysis : rosettalaw.validation.analysis.Analysis
        All fits and tests.
    """

    def __init__(self, analysis: Analysis, fitted: Fitted | None = None):
        from ..validation.analysis import Analysis
        from ..validation.fitted import Fitted

        rule = "must be an Analysis; fit(neurons, counts) makes a Law"
        require(isinstance(analysis, Analysis), "analysis", analysis, rule, "fit([128, 256, 512], [21, 33, 48])")
        self.analysis = analysis
        self._fitted = fitted or Fitted(analysis.power_law.data)

    @cached_property
    def dataset(self) -> xr.Dataset:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The law as a Dataset: `to_dataset`, or the content of the file that it was loaded from."""
        return self.to_dataset()

    @property
    def neurons(self) -> np.ndarray:
        """Sizes N."""
        return np.asarray(self.analysis.power_law.data.neurons, dtype=float)

    @property
    def counts(self) -> np.ndarray:
        """Counts at those sizes."""
        return np.asarray(self.analysis.power_law.data.counts, dtype=float)

    @property
    def exponent(self) -> float:
        """Exponent α of the power law, R ∝ N^α."""
        return self.analysis.power_law.exponent

    @property
    def beta(self) -> float:
        """Decay exponent β of the theory's feature importances."""
        return self.analysis.theory.beta

    @property
    def verdict(self) -> str:
        """One sentence that states what the counts show and what they do not show."""
        return self.analysis.verdict

    @property
    def status(self) -> str:
        """The word "ok", or the warnings of the fits."""
        return self.analysis.status

    @property
    def params(self) -> dict[str, Parameter]:
        """Each fitted parameter with its interval."""
        return self.analysis.params

    @checked(EXAMPLE)
    def interval(self, name: str = "alpha") -> tuple[float, float]:
        """Return the 95% interval of a parameter.

        Parameters
        ----------
        name : str
            "alpha" (or "exponent"), "beta", or another name of `params`.

        Raises
        ------
        UnknownNameError
            If there is no such parameter.
        """
        params = self.params
        known = NAMES.get(name, name)
        if known not in params:
            raise UnknownNameError("parameter", name, params)
        low, high = params[known].interval
        return float(low), float(high)

    def predict(self, neurons: ArrayLike) -> np.ndarray:
        """Return the counts of the fitted power law at other sizes; `rosettalaw.forecast` adds intervals."""
        return np.asarray(self.analysis.power_law.predict(neurons))

    def facts(self) -> dict[str, Any]:
        """Return the numbers of the summary by their names."""
        return {
            "sizes": f"{len(np.unique(self.neurons))}, N = {self.neurons.min():,.0f} to {self.neurons.max():,.0f}",
            "exponent α": str(self.params["alpha"]),
            "theory's β": str(self.params["beta"]),
            "curve preferred": self.analysis.comparison.preferred,
            "status": self.status,
        }

    def summary(self) -> str:
        """Return verdict, numbers and status, one per line."""
        return self.analysis.summary()

    def record(self) -> dict[str, Any]:
        """Return the numbers and words as plain values, the way ``rosettalaw fit --json`` prints them."""
        return self.analysis.record()

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per parameter: ``value, low, high, open``."""
        return self.analysis.to_dataframe()

    def to_dataset(self) -> xr.Dataset:
        """Return counts, zeros included, and parameters as a Dataset of kind "fit"."""
        from ..results import dataset
        from ..validation.counts import columns_from

        frame = self.to_dataframe()
        neurons, counts, sd = columns_from(self.analysis.power_law.data)
        variables: dict[str, Any] = {
            "neurons": ("size", neurons),
            "count": ("size", counts),
            **({} if sd is None else {"count_sd": ("size", sd)}),
            **{name: ("parameter", frame[name].to_numpy(dtype=float)) for name in ("value", "low", "high")},
            "open": ("parameter", frame["open"].to_numpy(dtype=np.int8)),
            FITTED: self._fitted.to_json(),
        }
        coords = {"parameter": frame.index.to_numpy(dtype=str)}
        return dataset("fit", variables, coords, verdict=self.verdict, status=self.status)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `to_dataset` to netCDF, completely or not at all; `rosettalaw.load` returns the law again."""
        from ..results import save

        return save(self.to_dataset(), path)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the counts with the power law, its 95% band, and the theory, and return the axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure of pyplot by default.
        """
        from ..paper_figs import fig03
        from ..paper_figs.style import axes

        with axes(ax) as axis:
            fig03.draw_counts(axis, self.analysis)
        return axis

    def __repr__(self) -> str:
        return lines(TITLE, self.facts())

    def _repr_html_(self) -> str:
        return table(TITLE, self.facts(), note=self.verdict)


def law_of(fitted: Fitted) -> Law:
    """Return the law of some data."""
    return Law(fitted.analyse(), fitted)


def law_in(ds: xr.Dataset, name: str) -> Law:
    """Return the law in a saved Dataset of kind "fit", fitted again from its data.

    Files of older versions have the counts alone, without τ, nulls and the facts of a ladder. Where this version's
    numbers differ from those of the file, the log says so.
    """
    from ..results import interpreting
    from ..validation.counts import clean
    from ..validation.fitted import Fitted

    with interpreting(name):
        if FITTED in ds:
            fitted = Fitted.from_json(str(ds[FITTED].values))
        else:
            sd = ds["count_sd"].values if "count_sd" in ds else None
            fitted = Fitted(clean(ds["neurons"].values, ds["count"].values, sd))
        law = law_of(fitted)
        frame = law.to_dataframe()
        saved = ds["value"].to_series() if "parameter" in ds["value"].coords else frame["value"]
    before = saved.reindex(frame.index).to_numpy()
    same = np.isclose(before, frame["value"].to_numpy(), rtol=1e-6, atol=0, equal_nan=True)
    other = [str(name) for name in frame.index[~same]]
    if other:
        LOG.warning("%s: fitted again from its counts; %s differs from the file's value", name, ", ".join(other))
    vars(law)["dataset"] = ds
    return law
