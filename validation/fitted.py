"""Data of a law as its file has them: counts, nulls, τ and γ as they were given, from which it is fitted again.

A fit has hundreds of numbers and curves of several kinds; the data that decide them are few, and the same version makes
the same numbers of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contents import ByContent

if TYPE_CHECKING:
    from .analysis import Analysis
    from .counts import Counts
    from .series import Series

NUMBERS = ("neurons", "counts", "sd", "own", "own_sd", "thresholds")  # of a series
WORDS = ("name", "source", "threshold", "chance", "shared")


@dataclass(frozen=True, eq=False)
class Fitted(ByContent):
    """Data of a law.

    Attributes
    ----------
    data : Counts or Series
        Checked counts; of calibrated ladders all that the verdict speaks of.
    nulls : mapping of str to array_like, optional
        Raw counts and those of nulls, of counts.
    tau, gamma : float
        As they were given to the fit.
    """

    data: Counts | Series
    nulls: Mapping[str, Any] | None = None
    tau: float | None = None
    gamma: float = 4.0

    def analyse(self) -> Analysis:
        """Return the fits."""
        from .analysis import analyse_clean, analyse_series
        from .series import Series

        if isinstance(self.data, Series):
            return analyse_series(self.data, self.tau, self.gamma)
        return analyse_clean(self.data, self.nulls, self.tau, self.gamma)

    def to_json(self) -> str:
        """Return the data as text, every number with all its digits."""
        from .series import Series

        facts: dict[str, Any] = {"tau": self.tau, "gamma": self.gamma}
        if isinstance(self.data, Series):
            one = self.data
            facts["series"] = {name: getattr(one, name) for name in WORDS}
            facts["series"] |= {name: _listed(getattr(one, name)) for name in NUMBERS}
            facts["series"] |= {"nulls": _mapped(one.nulls), "seeds": one.seeds and [_listed(of) for of in one.seeds]}
        else:
            counts = {name: _listed(getattr(self.data, name)) for name in NUMBERS[:3]}
            facts["counts"] = counts | {"notes": self.data.notes, "zero_sizes": self.data.zero_sizes}
            facts["nulls"] = None if self.nulls is None else _mapped(self.nulls)
        return json.dumps(facts, default=float)

    @classmethod
    def from_json(cls, text: str) -> Fitted:
        """Return the data that `to_json` wrote.

        Raises
        ------
        InputError, LookupError, TypeError, ValueError
            If the text is something else.
        """
        from .counts import Counts
        from .series import SOURCES, Series

        facts = json.loads(text)
        if "series" in facts:
            if facts["series"]["source"] not in SOURCES:
                raise ValueError("counts of an unknown source")
            return cls(Series(**facts["series"]), None, facts["tau"], facts["gamma"])
        counts = facts["counts"]
        notes, zeros = tuple(counts.pop("notes")), tuple(counts.pop("zero_sizes"))
        return cls(Counts(**counts, notes=notes, zero_sizes=zeros), facts["nulls"], facts["tau"], facts["gamma"])


def _listed(values: Any) -> list[Any] | None:
    return None if values is None else np.asarray(values).tolist()


def _mapped(nulls: Mapping[str, Any]) -> dict[str, Any]:
    return {str(label): _listed(values) for label, values in nulls.items()}
