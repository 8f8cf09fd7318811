"""The matching engine: mutual nearest neighbours of two models' neurons, with nulls and replicates.

    sources → aligned blocks → centred rows and moments → products, tile by tile → best partners → mutual pairs

`match` does it all and returns `Matches`. The chapters, in reading order:

| chapter | subject |
|---|---|
| `moments` | means, sums of squares and products in one pass without losing digits |
| `exact` | tiles and their parts |
| `partners` | ranking, ties, mutual pairs |
| `pairs` | float64 correlations of reported pairs |
| `certifying` | half-precision products with a stated bound, where these are fast |
| `screening` | candidates from a sketch where N² T is too much |
| `products` | products of tiles, computed here, read back or received |
| `searches` | one matching by the exact engine, which shares a pass with its nulls |
| `fresh` | null draws that change both models |
| `engine`, `matches` | `match` and its result |
| `evidence` | stability of pairs, error of the count, effective positions, remarks |
| `anchors` | neurons that several comparisons share |
| `cost`, `rates` | operations, bytes, memory, time; smallest correlation that can be detected |
| `machine` | kernels, precision, reading, files of unfinished work, processes, choice of the engine |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import lazily
from .anchors import Anchors, anchors  # now, as its name is its module's

if TYPE_CHECKING:
    from .engine import match
    from .matches import Matches, Side
    from .screening.settings import Screening

_PLACES = {"Matches": "matches", "Screening": "screening.settings", "Side": "matches", "match": "engine"}
__all__ = ["Anchors", "Matches", "Screening", "Side", "anchors", "match"]
__getattr__, __dir__ = lazily(__name__, _PLACES)  # `cost` and `rates` need no engine
