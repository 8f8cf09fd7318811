"""Settings of the screened engine, apart from the engine so that they load without torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ....errors import require
from ...activations.source import ActivationSource

MOST_DOUBLINGS = 4  # of the candidates, for a wanted recall


@dataclass(frozen=True)
class Screening:
    """Settings of the screened engine.

    Attributes
    ----------
    buckets : int
        Rows of the sketch, B: the noise of an estimate is about 1/√B.
    candidates : int
        Partners looked at for each neuron, c.
    audit : int
        Neurons of A that are also matched exactly.
    recall : float, optional
        Wanted `recall_expected`: candidates are doubled until it is met, at most `MOST_DOUBLINGS` times; where it is
        not met, the result's status says so.
    """

    buckets: int = 2048
    candidates: int = 16
    audit: int = 32
    recall: float | None = None

    def __post_init__(self):
        for name, least in (("buckets", 1), ("candidates", 1), ("audit", 0)):
            require(getattr(self, name) >= least, name, getattr(self, name), f"must be at least {least}")
        if self.recall is not None:
            require(0 < self.recall < 1, "recall", self.recall, "must be between 0 and 1", "--recall 0.999")

    def runs(self, sources: tuple[ActivationSource, ActivationSource], memory: int) -> int:
        """Return how often models run without room for activations: for sketches, pairs, and rivals once or so."""
        from .sketch import columns_at_once

        widths = [(len(source.layer), columns_at_once(source, self.buckets, memory)) for source in sources]
        return max(-(-neurons // width) for neurons, width in widths) + 2


def doubled(screening: Screening) -> Screening:
    """Return the settings with twice the candidates."""
    return dataclasses.replace(screening, candidates=2 * screening.candidates)
