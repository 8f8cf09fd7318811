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
    goes_on : pair of bool
        Whether the document goes on before the first and after the last span: the page cuts there at the end of a word.
    """

    name: str
    domain: str
    spans: Sequence[str]
    peak: int
    heat: tuple[Sequence[int], Sequence[int]]
    z: tuple[float, float]
    goes_on: tuple[bool, bool] = (False, False)

    def record(self) -> dict[str, Any]:
        """Return the context as the page reads it: heat as one hexadecimal digit a span."""
        heat = ["".join(f"{level:x}" for level in levels) for levels in self.heat]
        spans = list(self.spans)
        facts = {
            "name": self.name,
            "domain": self.domain,
            "z": [round(z, 2) if math.isfinite(z) else None for z in self.z],
            "goes_on": [bool(one) for one in self.goes_on],
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
class Judged:
    """Numbers that judge one pair beside its correlation; NaN for those that a result does not have.

    Attributes
    ----------
    margin, margin_error : float
        Distance of the correlation to the best rival's, and its standard error over texts.
    stability : float
        Share of halves of the text in which the pair is found.
    lexical_share : float
        Share of the pair's covariance that lies between the texts of the spans.
    recurs : float
        Models, beside the two, in which the pair recurs.
    """

    margin: float = math.nan
    margin_error: float = math.nan
    stability: float = math.nan
    lexical_share: float = math.nan
    recurs: float = math.nan

    def record(self) -> dict[str, float]:
        """Return the known numbers."""
        return {name: round(float(value), 4) for name, value in vars(self).items() if math.isfinite(value)}


VARIABLES = {  # of a result, by the number of `Judged` that they hold
    "margin": "margin",
    "margin_error": "margin_se",
    "stability": "stability",
    "lexical_share": "lexical_share",
    "recurs": "recurs",
}


def judged_pairs(result: Any, pairs: Sequence[int]) -> list[Judged]:
    """Return the numbers of some pairs of a result, by their places along ``pair``."""
    known = {name: result[variable].values for name, variable in VARIABLES.items() if variable in result}
    return [Judged(**{name: float(values[pair]) for name, values in known.items()}) for pair in pairs]


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
    judged : Judged
        Further numbers of the pair.
    """

    neurons: tuple[tuple[int, int], tuple[int, int]]
    correlation: float
    contexts: Sequence[TextContext | ImageContext]
    top: tuple[Sequence[int], Sequence[int]]
    judged: Judged = Judged()

    def record(self) -> dict[str, Any]:
        """Return the pair as the page reads it, with the share of each domain among both partners' strongest."""
        domains = Counter(self.contexts[i].domain for side in self.top for i in side)
        return {
            "neurons": [list(neuron) for neuron in self.neurons],
            "rho": round(self.correlation, 4),
            **self.judged.record(),
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
