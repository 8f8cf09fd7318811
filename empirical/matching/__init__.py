"""The matching engine: mutual nearest neighbours of two models' neurons, with nulls and replicates.

    sources → aligned blocks → centred rows and moments → products, tile by tile → best partners → mutual pairs

`match` does it all and returns `Matches`. The chapters, in reading order:

| chapter | what it says |
|---|---|
| `moments` | means, sums of squares and products in one pass without losing digits |
| `exact` | tiles, their parts, and the subsets of positions that come with them |
| `partners` | ranking, ties, mutual pairs |
| `pairs` | float64 correlations of what is reported |
| `screened` | candidates from a sketch where N² T is too much |
| `precision` | reduced precision and what it costs |
| `products`, `checkpoint`, `distributed` | what is computed where, and kept against a kill |
| `searches` | one matching by either engine; the exact one shares a pass with its nulls |
| `engine`, `matches` | `match` and its result |
| `anchors` | neurons that several comparisons share |
| `cost` | operations, bytes, memory, time; what can be detected |
"""

from .anchors import Anchors, anchors
from .engine import match
from .matches import Matches, Side
from .screened import Screening

__all__ = ["Anchors", "Matches", "Screening", "Side", "anchors", "match"]
