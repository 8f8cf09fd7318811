"""Agreement of a ladder measured here with the shipped one of the same name: whether its numbers are the same.

The same seed gives the same bits on one machine. Another processor multiplies in another order, training carries that
on, and a few pairs change: on one text and one Python, 79 and 82 pairs at the largest size, and exponents of 0.73 and
0.74, were seen on two processors. Another Python has other text to train on, which moves counts as another draw of the
text does. Two tolerances follow:

| text | mean count of a size | exponent |
|---|---|---|
| the same (equal hash) | within 10%, or 3 pairs | within 0.05 |
| another | within 35%, or 5 pairs | within half of the kept interval |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contents import ByContent
from ..errors import require
from .analysis import analyse_series
from .counts import clean
from .series import Series
from .series_from import of_ladder

if TYPE_CHECKING:
    import xarray as xr

SAME_TEXT = (0.10, 3.0, 0.05)  # share of a count, pairs, exponent
OTHER_TEXT = (0.35, 5.0, np.nan)


@dataclass(frozen=True, eq=False)
class Agreement(ByContent):
    """Counts and exponents of two measurements of a ladder.

    Attributes
    ----------
    neurons, here, reference : ndarray, shape (sizes,)
        N, and the geometric mean of each size's counts of pairs above their ρ*.
    exponents : tuple of float
        α here and kept, each at its own ladder's common ρ.
    same_text : bool
        Whether both were measured on one text.
    counts_agree : ndarray of bool, shape (sizes,)
    exponents_agree : bool
    """

    neurons: np.ndarray
    here: np.ndarray
    reference: np.ndarray
    exponents: tuple[float, float]
    same_text: bool
    counts_agree: np.ndarray
    exponents_agree: bool

    @property
    def holds(self) -> bool:
        """True where all counts and the exponent lie within the tolerance."""
        return bool(self.counts_agree.all()) and self.exponents_agree

    def sentence(self) -> str:
        """Return the comparison in words."""
        pairs = ", ".join(
            f"{one:.0f} and {other:.0f}{'' if good else ' (outside)'}"
            for one, other, good in zip(self.here, self.reference, self.counts_agree, strict=True)
        )
        text = "the same text" if self.same_text else "different text (of another Python version)"
        alpha = f"{self.exponents[0]:.2f} and {self.exponents[1]:.2f}{'' if self.exponents_agree else ' (outside)'}"
        end = "within the tolerance" if self.holds else "outside the tolerance"
        return f"Pairs here and in the saved numbers, on {text}: {pairs}; exponent {alpha}: {end}."

    def record(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        return {
            "neurons": self.neurons.tolist(),
            "counts": self.here.tolist(),
            "kept_counts": self.reference.tolist(),
            "exponent": self.exponents[0],
            "kept_exponent": self.exponents[1],
            "same_text": self.same_text,
            "holds": self.holds,
            "sentence": self.sentence(),
        }


def agreement(here: xr.Dataset, reference: xr.Dataset) -> Agreement:
    """Compare two measurements of one ladder.

    Raises
    ------
    InputError
        If they have other sizes.
    """
    (sizes, ours), (others, theirs) = (_means(of_ladder(one)) for one in (here, reference))
    require(
        np.array_equal(sizes, others), "sizes", sizes.tolist(), f"must be those of the saved ladder, {others.tolist()}"
    )
    same = here.attrs.get("corpus_sha256") == reference.attrs.get("corpus_sha256")
    share, pairs, apart = SAME_TEXT if same else OTHER_TEXT
    lines = [analyse_series(of_ladder(one)).power_law for one in (here, reference)]
    low, high = lines[1].exponent_ci95
    apart = apart if np.isfinite(apart) else (high - low) / 2
    return Agreement(
        neurons=sizes,
        here=ours,
        reference=theirs,
        exponents=(lines[0].exponent, lines[1].exponent),
        same_text=bool(same),
        counts_agree=np.abs(ours - theirs) <= np.maximum(share * theirs, pairs),
        exponents_agree=bool(abs(lines[0].exponent - lines[1].exponent) <= apart),
    )


def _means(series: Series) -> tuple[np.ndarray, np.ndarray]:
    counts = series.counts if series.own is None else series.own
    data = clean(series.neurons, counts).one_a_size()
    return data.neurons, data.counts
