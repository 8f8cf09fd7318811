"""Counts of a measured ladder, as `rosettalaw.measure_ladder` returns them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..arguments import checked
from ..errors import InputError, require
from .dataset_result import DatasetResult

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from .law import Law

SHOWN = {"raw_count": "mutual pairs", "calibrated_count": "calibrated", "threshold": "ρ*"}


class LadderResult(DatasetResult):
    """A ladder of model pairs measured: a row for each size."""

    ROWS = "rung"
    TITLE = "Measured ladder"
    VARIABLES = ("neurons",)

    def facts(self) -> dict[str, Any]:
        """Return the numbers of the summary by their names: a line for each size."""
        facts = {}
        for _, row in self.to_dataframe().iterrows():
            words = [f"{name} {row[key]:.4g}" for key, name in SHOWN.items() if key in row]
            facts[f"N = {row['neurons']:,.0f}"] = ", ".join(words)
        return facts

    def fit(self, tau: float | None = None) -> Law:
        """Return the law of the calibrated counts: `rosettalaw.fit` of this ladder."""
        from ..validation.fitted import Fitted
        from ..validation.series_from import of_ladder
        from .law import law_of

        return law_of(Fitted(of_ladder(self.dataset), None, tau))

    @checked("load('results/demo/results.nc').recurring(0.5)")
    def recurring(self, rho: float | None = None) -> pd.DataFrame:
        """Return the neurons that recur in three or more networks of a size, a row for each family of neurons.

        Parameters
        ----------
        rho : float, optional
            Pairs below this correlation are left out; by default that of the headline exponent.

        Returns
        -------
        pandas.DataFrame
            Columns ``neurons`` (N), ``networks`` (their number), ``closed``, ``weakest`` (the smallest ρ of the
            family), and one for each network with its neurons as "layer:unit" ("" where it has none).

        Raises
        ------
        InputError
            If the ladder has no two seeds of both families that are all matched, or `rho` is no correlation.
        """
        import pandas as pd

        from ..validation.seeds.recurring_neurons import recurring_neurons

        example = "load('results/demo/results.nc').recurring(0.5)"
        rule = "must be a correlation from 0 to 1"
        require(rho is None or 0 <= rho <= 1, "rho", rho, rule, example)
        table = recurring_neurons(self.dataset, self.fit().analysis.common_rho if rho is None else rho)
        if table is None:
            rule = "must have two or more seeds of both families, every one matched with every one of the other"
            name = str(self.attrs.get("ladder", "ladder"))
            raise InputError("ladder", name, rule, "rosettalaw demo --ladder quickstart")
        return pd.DataFrame(table.rows, columns=["neurons", "networks", "closed", "weakest", *table.networks])

    def plot(self, ax: Axes | Sequence[Axes] | None = None, figure: str = "scaling") -> Any:
        """Draw the counts over size with their nulls and fits, or another figure of the report, and return the axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure of pyplot by default. For figures of several panels as many axes.
        figure : str
            "scaling", or as in the report: "calibration", "data_size", "documents", "exponents", "partners",
            "reproducibility", "selectivity", "superiority", "triangle".

        Returns
        -------
        Axes, or a tuple of Axes for figures of several panels.

        Raises
        ------
        UnknownNameError
            If there is no such figure.
        InputError
            If the ladder was measured without what it shows.
        """
        rule = "must be the name of a figure"
        require(isinstance(figure, str), "figure", figure, rule, "ladder.plot(figure='partners')")
        if figure != "scaling":
            return self._plot_of_report(figure, ax)
        from ..paper_figs import fig03
        from ..paper_figs.style import axes

        try:
            analysis = self.fit().analysis
        except InputError:  # too few counts for a law: points alone
            analysis = None
        alone: Any = ax  # several are refused
        with axes(alone) as axis:
            fig03.draw_on(axis, self.dataset, analysis)
        return axis

    def _plot_of_report(self, figure: str, ax: Axes | Sequence[Axes] | None) -> Any:
        from ..paper_figs.catalogue import plot_measured
        from ..paper_figs.results_folder import MeasuredLadder
        from ..validation.compare import compare_series
        from ..validation.series_from import of_ladder

        triangle = compare_series([of_ladder(self.dataset)])[0].triangle if figure == "triangle" else None
        return plot_measured(figure, MeasuredLadder(self.dataset, None, triangle), ax)
