"""Several series of counts under the same fits and tests, as `rosettalaw.compare` returns them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..arguments import is_list
from ..contents import ByContent, same
from ..errors import UnknownNameError, require
from .showing import Printed, lines, table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ..validation.compare import Row
    from ..validation.series import Series

SHOWN = ("sizes", "exponent", "exponent_ci95", "beta", "preferred")
TITLE = "Series compared"


def distinctly_named(series: Sequence[Series]) -> list[Series]:
    """Return series of which no two have one name: the second is called "name (2)"."""
    times: Counter[str] = Counter()
    named = []
    for one in series:
        times[one.name] += 1
        named.append(one if times[one.name] == 1 else replace(one, name=f"{one.name} ({times[one.name]})"))
    return named


class Comparison(Printed, ByContent):
    """Sources side by side: a sequence of rows, which names give too (``comparison["counts.csv"]``).

    Attributes
    ----------
    rows : tuple of rosettalaw.validation.compare.Row
        Each source under every test.
    """

    def __init__(self, rows: Sequence[Row]):
        from ..validation.compare import Row

        good = is_list(rows) and all(isinstance(row, Row) for row in rows)
        good = good and len(rows) > 0
        rule = "must be a list of rows of compare_series; compare(*sources) makes a Comparison"
        require(good, "rows", rows, rule, "compare('a.csv', 'ladder.nc')")
        self.rows = tuple(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, index: Any) -> Any:
        """Return a row by its number or its name, or several by a slice.

        Raises
        ------
        UnknownNameError
            If no source has this name.
        """
        if not isinstance(index, str):
            return self.rows[index]
        names = self._ipython_key_completions_()
        if index not in names:
            raise UnknownNameError("source of the comparison", index, names)
        return self.rows[names.index(index)]

    def __contains__(self, row: object) -> bool:
        if isinstance(row, str):
            return row in self._ipython_key_completions_()
        return any(same(row, one) for one in self.rows if type(row) is type(one))

    def _ipython_key_completions_(self) -> list[str]:
        """Return the names of the sources."""
        return [row.series.name for row in self.rows]

    def __eq__(self, other: object) -> Any:
        return self.equals(other) if isinstance(other, Comparison) else NotImplemented

    def equals(self, other: object) -> bool:
        """Return whether another comparison has the same sources with the same numbers; NaN equals NaN."""
        return isinstance(other, Comparison) and same(self.rows, other.rows)

    def record(self) -> list[dict[str, Any]]:
        """Return plain values, the way ``rosettalaw compare --json`` prints them."""
        return [row.record() for row in self.rows]

    def to_dataframe(self) -> pd.DataFrame:
        """Return a row for each source, by its name."""
        import pandas as pd

        return pd.DataFrame(self.record()).set_index("name")

    def summary(self) -> str:
        """Return every source's sentences."""
        return "\n\n".join("\n  ".join([row.series.name, *row.sentences()]) for row in self.rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every source's exponent with its interval, and return the axes."""
        from ..paper_figs.sources import draw_exponents
        from ..paper_figs.style import axes

        with axes(ax) as axis:
            draw_exponents(axis, self.rows)
        return axis

    def facts(self) -> dict[str, Any]:
        """Return each source's exponent in words, by its name."""
        facts = {}
        for record in self.record():
            low, high = record["exponent_ci95"] or (float("nan"),) * 2
            exponent = record["exponent"]
            interval = f"{low:.3g} to {high:.3g}" if low == low else "no interval"
            number = "no exponent" if exponent is None else f"α = {exponent:.3g} ({interval})"
            facts[record["name"]] = f"{number}, preferred: {record['preferred']}"
        return facts

    def __repr__(self) -> str:
        return lines(TITLE, self.facts())

    def _repr_html_(self) -> str:
        rows = [{"name": record["name"], **{key: record[key] for key in SHOWN}} for record in self.record()]
        return table(TITLE, {}, rows)
