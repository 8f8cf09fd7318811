"""The matching engine: mutual nearest neighbours of two models' neurons, with nulls and replicates.

    sources → aligned blocks → centred rows and moments → products, tile by tile → best partners → mutual pairs

`match` does it all and returns `Matches`. The chapters, in reading order: `moments` (one pass without losing digits),
`exact` (tiles and their parts), `partners` (ranking, ties, mutual pairs), `matches` (the result), `engine` (`match`).
"""

from .engine import match
from .matches import Matches, Side

__all__ = ["Matches", "Side", "match"]
