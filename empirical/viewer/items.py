"""Data of the page: pairs of neurons, each with the contexts in which its partners are most active.

A context has a `kind`, and the page has one way of drawing each kind: texts with token heat, or images.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import require

LEVELS = 15  # steps of token heat above zero
DATA_URI = re.compile(r"data:image/(png|jpeg|webp);base64,[A-Za-z0-9+/=]+")


@dataclass(frozen=True)
class TextContext:
    """A stretch of text around a position.

    Attributes
    ----------
    name, domain : str
        The document and its domain.
    spans : sequence of str
        The text, cut at the shared boundaries.
    peak : int
        Which span is the position itself.
    heat : pair of sequences of int
        Each partner's activation at each span, 0 (not above its mean) to `LEVELS` (its strongest anywhere).
    z : pair of float
        Each partner's activation at the peak, in standard deviations from its mean; NaN where it is not known.
    """

    name: str
    domain: str
    spans: Sequence[str]
    peak: int
    heat: tuple[Sequence[int], Sequence[int]]
    z: tuple[float, float]

    def record(self) -> dict[str, Any]:
        """Return the context as the page reads it: heat as one hexadecimal digit a span."""
        heat = ["".join(f"{level:x}" for level in levels) for levels in self.heat]
        spans = list(self.spans)
        facts = {
            "name": self.name,
            "domain": self.domain,
            "z": [round(z, 2) if math.isfinite(z) else None for z in self.z],
        }
        return {"kind": "text", **facts, "spans": spans, "peak": self.peak, "heat": heat}


@dataclass(frozen=True)
class ImageContext:
    """An image, with activation maps or overlays beside it.

    Attributes
    ----------
    name, domain : str
        The image and its class.
    pictures : sequence of (str, str)
        Label and data URI of each picture, the image itself first.
    z : pair of float
        Each partner's activation, in standard deviations from its mean.
    """

    name: str
    domain: str
    pictures: Sequence[tuple[str, str]]
    z: tuple[float, float]

    def __post_init__(self):
        for label, uri in self.pictures:
            rule = "must be a PNG, JPEG or WebP as a base64 data URI"
            require(DATA_URI.fullmatch(uri), f"picture {label!r}", uri, rule, "data:image/png;base64,iVBORw0…")

    def record(self) -> dict[str, Any]:
        """Return the context as the page reads it."""
        facts = {"name": self.name, "domain": self.domain, "z": [round(z, 2) for z in self.z]}
        return {"kind": "image", **facts, "pictures": [list(picture) for picture in self.pictures]}


@dataclass(frozen=True)
class Pair:
    """Two matched neurons.

    Attributes
    ----------
    neurons : pair of (int, int)
        Layer and unit of each partner.
    correlation : float
        Pearson correlation ρ (Eq. 2).
    contexts : sequence
        The contexts in which either partner is most active.
    top : pair of sequences of int
        For each partner, which of them are its own strongest, strongest first.
    """

    neurons: tuple[tuple[int, int], tuple[int, int]]
    correlation: float
    contexts: Sequence[TextContext | ImageContext]
    top: tuple[Sequence[int], Sequence[int]]

    def record(self) -> dict[str, Any]:
        """Return the pair as the page reads it, with the share of each domain among both partners' strongest."""
        domains = Counter(self.contexts[i].domain for side in self.top for i in side)
        return {
            "neurons": [list(neuron) for neuron in self.neurons],
            "rho": round(self.correlation, 4),
            "domains": [[name, round(n / domains.total(), 3)] for name, n in domains.most_common()],
            "contexts": [context.record() for context in self.contexts],
            "top": [list(side) for side in self.top],
        }


@dataclass(frozen=True)
class Collection:
    """All that one page shows.

    Attributes
    ----------
    models : pair of str
        Names of the two models.
    pairs : sequence of Pair
        In the order in which the page first lists them.
    threshold : float or None
        Correlation above which the permutation null does not reach (ρ* of the calibrated count).
    facts : mapping
        What the foot of the page states: corpus, tokens, seed.
    """

    models: tuple[str, str]
    pairs: Sequence[Pair]
    threshold: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
