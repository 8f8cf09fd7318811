"""Choosing one neuron beforehand: the one whose top contexts are most enriched in the target domain.

A neuron's contexts are the places where it is most active, one per document, so that it is judged by many texts rather
than by one passage. With ``h_k(u)`` the number of target documents among neuron u's k top contexts and ``s`` the target
domain's share of the tokens, the enrichment is

    h_k(u) / (k s),        k = 20

(arXiv 2606.03990, section 5.2 and appendix E.2). A few hundred neurons have many ties at 20 contexts; a tie goes to the
neuron that is ahead at 40, then at 80, then at 160 contexts, then to the one that comes first. A Rosetta Neuron and
its control are chosen by this same rule, from documents that are not filtered afterwards.

One neuron is one draw, so the leaders of both populations are compared as well. A layer has ten times as many other
neurons as Rosetta Neurons, or more: the first 20 of either are two thirds of one population and a twentieth of the
other. Leaders are therefore an equal share of their populations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import RosettaError, require
from ...results import require_variables
from ..corpora.corpus import Document
from .document_activations import DocumentReader

if TYPE_CHECKING:
    import xarray as xr

CONTEXTS = 20
DOUBLINGS = 3
LEADERS = 20


@dataclass(frozen=True)
class Ranking:
    """Neurons by the target domain's part in their top contexts.

    Attributes
    ----------
    neurons : ndarray of int, shape (neurons,)
        Which neurons were looked at, counted over all layers.
    contexts : ndarray of int, shape (levels,)
        Numbers of contexts k at which they are compared, 20 first.
    hits : ndarray of int, shape (levels, neurons)
        Target documents among the k top contexts.
    share : float
        The target domain's share of the tokens read.
    """

    neurons: np.ndarray
    contexts: np.ndarray
    hits: np.ndarray
    share: float

    @property
    def enrichment(self) -> np.ndarray:
        """Share of the k top contexts over the share of the tokens, k the first level; shape (neurons,)."""
        return self.hits[0] / (self.contexts[0] * self.share)

    def best(self, among: np.ndarray) -> np.ndarray:
        """Return those of `among` that were looked at, best first."""
        places = np.flatnonzero(np.isin(self.neurons, among))
        order = np.lexsort((self.neurons[places], *(-self.hits[::-1, places])))
        return self.neurons[places[order]]

    def of(self, neuron: int) -> tuple[int, float]:
        """Return a neuron's hits among its first k contexts, and its enrichment."""
        place = int(np.flatnonzero(self.neurons == neuron)[0])
        return int(self.hits[0, place]), float(self.enrichment[place])


def rank(
    reader: DocumentReader, documents: Sequence[Document], target: str, neurons: np.ndarray, contexts: int = CONTEXTS
) -> Ranking:
    """Rank neurons by their top contexts; memory holds contexts × neurons, whatever the number of documents.

    Parameters
    ----------
    reader : DocumentReader
        The model.
    documents : sequence of Document
        The text to choose on; none of it may be filtered afterwards.
    target : str
        The domain looked for.
    neurons : ndarray of int
        Candidates, counted over all layers.
    contexts : int
        k of the first comparison.

    Raises
    ------
    InputError
        If there are fewer documents than contexts, or none, or only documents, of the target domain.
    """
    rule = f"must be at least 1 and at most the {len(documents)} documents that the neuron is chosen on"
    require(1 <= contexts <= len(documents), "contexts", contexts, rule, "contexts = 20")
    levels = np.array([k for k in (contexts << i for i in range(DOUBLINGS + 1)) if k <= len(documents)])
    is_target = np.array([document.domain == target for document in documents])
    rule = f"is the domain of {is_target.sum()} of {len(documents)} documents to choose on; some but not all must be"
    require(0 < is_target.sum() < len(documents), "target", target, rule, "a domain of the text")

    above = int(levels[-1])
    peaks = np.full((above, len(neurons)), -np.inf, dtype=np.float32)
    hits = np.zeros((above, len(neurons)), dtype=bool)
    read = 0
    tokens = np.zeros(2, dtype=np.int64)
    for reading in reader.read(documents, neurons):
        here = is_target[read : read + len(reading.tokens)]
        read += len(reading.tokens)
        tokens += [reading.tokens[here].sum(), reading.tokens.sum()]
        peaks = np.concatenate([peaks, reading.peak])
        hits = np.concatenate([hits, np.repeat(here[:, None], len(neurons), axis=1)])
        order = np.argsort(-peaks, axis=0, kind="stable")[:above]
        peaks, hits = (np.take_along_axis(array, order, axis=0) for array in (peaks, hits))
    return Ranking(np.asarray(neurons), levels, np.cumsum(hits, axis=0)[levels - 1], float(tokens[0] / tokens[1]))


@dataclass(frozen=True)
class Choice:
    """The chosen neuron and its control: the first of the leaders of their populations.

    Attributes
    ----------
    rosetta, control : ndarray of int
        The leading neurons of the layer that belong to a calibrated pair, and those that do not, best first; counted
        over all layers.
    ranking : Ranking
        How all neurons compare.
    pools : pair of int
        Neurons of the layer that belong to a calibrated pair, and those that do not.
    """

    rosetta: np.ndarray
    control: np.ndarray
    ranking: Ranking
    pools: tuple[int, int]


def equal_shares(pools: tuple[int, int], leaders: int) -> tuple[int, int]:
    """Return how many leaders of two populations are an equal share of each: `leaders` on average, and at least one.

    >>> equal_shares((35, 350), 20)
    (4, 36)
    """
    share = min(1.0, 2 * leaders / sum(pools))
    first, second = (max(1, round(share * pool)) for pool in pools)
    return first, second


def choose(
    reader: DocumentReader,
    documents: Sequence[Document],
    target: str,
    rosetta: np.ndarray,
    contexts: int = CONTEXTS,
    leaders: int = LEADERS,
) -> Choice:
    """Choose the Rosetta Neuron with the most enriched top contexts, and a control from its layer by the same rule.

    Parameters
    ----------
    reader, documents, target, contexts
        As for `rank`.
    rosetta : ndarray of int
        Neurons that belong to a calibrated pair.
    leaders : int
        How many neurons of a population to name, on average over both; they are an equal share of each.

    Raises
    ------
    RosettaError
        If the layer of the chosen neuron has no other neuron.
    """
    ranking = rank(reader, documents, target, np.arange(len(reader.layer)), contexts)
    layer = reader.layer[ranking.best(rosetta)[0]]
    same = np.flatnonzero(reader.layer == layer)
    others = ranking.best(np.setdiff1d(same, rosetta))
    if not len(others):
        raise RosettaError(f"every neuron of layer {layer} is a Rosetta Neuron: there is no control")
    partnered = ranking.best(np.intersect1d(same, rosetta))
    pools = len(partnered), len(others)
    first, second = equal_shares(pools, leaders)
    return Choice(partnered[:first], others[:second], ranking, pools)


def rosetta_neurons(pairs: xr.Dataset, reader: DocumentReader) -> np.ndarray:
    """Return model A's neurons that belong to a calibrated pair of a matching.

    Raises
    ------
    RosettaError
        If no pair is above what the nulls have, the matching was not calibrated, or it is one of another model.
    """
    require_calibrated(pairs)
    if int(pairs["neurons_a"]) != len(reader.layer):
        raise RosettaError(
            f"the matching is of {pairs.attrs.get('model_a')} with {int(pairs['neurons_a'])} neurons, not of "
            f"{reader.name} with {len(reader.layer)}"
        )
    above = np.abs(pairs["correlation"].values) >= float(pairs["threshold"])
    if not above.any():
        raise RosettaError("no pair exceeds the nulls, so there is no Rosetta Neuron to filter by")
    return np.unique(pairs["unit_a"].values[above])


def require_calibrated(pairs: xr.Dataset) -> None:
    """Raise `RosettaError` unless a matching has pairs, a count and a threshold."""
    if "threshold" not in pairs:
        raise RosettaError("the matching has no calibrated threshold: match with --null shift")
    require_variables(pairs, "the matching", ("neurons_a", "correlation", "unit_a", "calibrated_count"))
