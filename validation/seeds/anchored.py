r"""Replication of pairs: neurons matched again with another seed of the partner, and triangles of matches that close.

**Anchored count.** Of the N neurons of network A, those that are Rosetta Neurons against at least two (of k) seeds of
the partner. Were the matchings independent, a neuron would be in matching j with probability R_j/N, and the number of
matchings that it is in would follow the Poisson binomial law: that is the chance count.

**Closing triangles.** A pair a–b goes on if a and b both have a partner in a third network C, and closes if it is the
same neuron. Given which pairs go on and which neurons of C are matched with A and with B, partners drawn at random
close one pair in ``|C_A| |C_B| / |C_A ∩ C_B|``, and the number that close is about Poisson's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import checked
from ...contents import ByContent
from ...errors import MissingExtraError, require
from ...lazy import deferred

stats = deferred("scipy.stats")  # half a second

PAIRS = "an array of pairs of neurons, shape (n, 2), such as np.stack([matches.a, matches.b], axis=1)"


@dataclass(frozen=True, eq=False)
class Replication(ByContent):
    """A count of recurring neurons or pairs, with the count expected by chance.

    Attributes
    ----------
    count : int
        Neurons, or pairs, that recur.
    of : int
        Neurons matched at all, or pairs that go on to the third network.
    expected : float
        What independent matchings give.
    p : float
        Probability of this count or a larger one by chance.
    members : ndarray
        The neurons, shape (count,), or the triples of neurons (a, b, c), shape (count, 3).
    """

    count: int
    of: int
    expected: float
    p: float
    members: np.ndarray

    def record(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        return {name: getattr(self, name) for name in ("count", "of", "expected", "p")}


@checked("anchored_count([pairs_0[:, 0], pairs_1[:, 0]], neurons=768)")
def anchored_count(matched: Sequence[ArrayLike], neurons: int, least: int = 2) -> Replication:
    """Count the neurons of A that are Rosetta Neurons against at least `least` seeds of the partner.

    Parameters
    ----------
    matched : sequence of array_like of int
        For each seed of the partner, the neurons of A that are in a pair, from 0 to `neurons` − 1.
    neurons : int
        N, all neurons of A.
    least : int
        Seeds that make a neuron anchored.

    Raises
    ------
    InputError
        If there are fewer seeds than `least`, or a neuron is out of range or occurs twice in a matching.
    """
    sets = [np.asarray(one) for one in matched]
    example = "anchored_count([pairs_0[:, 0], pairs_1[:, 0]], neurons=768)"
    require(0 < neurons < 2**31, "neurons", neurons, "must be at least 1, and below 2³¹", example)
    neurons, least = int(neurons), int(least)
    require(2 <= least <= len(sets), "least", least, f"must be from 2 to the number of seeds, {len(sets)}", example)
    times = np.zeros(neurons, dtype=int)
    for j, one in enumerate(sets):
        whole = one.ndim == 1 and (not len(one) or one.dtype.kind in "iu")
        good = whole and (not len(one) or 0 <= one.min() <= one.max() < neurons) and len(np.unique(one)) == len(one)
        rule = f"must be different whole numbers from 0 to {neurons - 1}"
        require(good, f"matched[{j}]", one, rule, example)
        times[one.astype(int)] += 1
    chance = 1 - _poisson_binomial([len(one) / neurons for one in sets])[:least].sum()
    members = np.flatnonzero(times >= least)
    return Replication(
        count=len(members),
        of=int(np.sum(times > 0)),
        expected=float(neurons * chance),
        p=float(stats.binom.sf(len(members) - 1, neurons, min(max(chance, 0.0), 1.0))),
        members=members,
    )


def closing_triangles(ab: ArrayLike, bc: ArrayLike, ac: ArrayLike) -> Replication:
    """Count the pairs of A and B whose partners in a third network C are one and the same neuron.

    Parameters
    ----------
    ab, bc, ac : array_like of int, shape (n, 2)
        Pairs of neurons of each two networks, in which a neuron occurs once at most.

    Raises
    ------
    InputError
        If an array has another shape, or a neuron is in two pairs of one matching.
    """
    pairs = {"ab": np.asarray(ab), "bc": np.asarray(bc), "ac": np.asarray(ac)}
    for name, one in pairs.items():
        require(one.ndim == 2 and one.shape[1] == 2, name, one.shape, f"must be {PAIRS}")
        once = all(len(np.unique(one[:, side])) == len(one) for side in (0, 1))
        require(once, name, "a neuron in two pairs", "must contain each neuron at most once, as a mutual matching does")
    of_b, of_a = dict(pairs["bc"].tolist()), dict(pairs["ac"].tolist())
    both = [(a, b, of_a[a], of_b[b]) for a, b in pairs["ab"].tolist() if a in of_a and b in of_b]
    closed = np.array([(a, b, c) for a, b, c, other in both if c == other], dtype=int).reshape(-1, 3)
    common = len(set(of_a.values()) & set(of_b.values()))
    chance = common / (len(of_a) * len(of_b)) if of_a and of_b else 0.0
    expected = len(both) * chance
    return Replication(
        count=len(closed),
        of=len(both),
        expected=float(expected),
        p=float(stats.poisson.sf(len(closed) - 1, expected)),
        members=closed,
    )


@checked("recurring({('A', 'B'): ab, ('B', 'C'): bc, ('A', 'C'): ac})")
def recurring(matchings: Mapping[tuple[str, str], ArrayLike], least: int = 3) -> list[dict[str, int]]:
    """Return groups of neurons of `least` or more networks, every two of which are matched, the largest first.

    Parameters
    ----------
    matchings : mapping of (network, network) to array_like of int, shape (n, 2)
        Pairs of neurons of each two networks.
    least : int
        Networks that a group must reach.

    Returns
    -------
    list of dict of str to int
        The neuron of each network of a group.
    """
    try:
        import networkx
    except ImportError as error:  # comes with torch
        raise MissingExtraError("networkx", "measure") from error

    graph = networkx.Graph()
    for name in matchings:
        two = isinstance(name, tuple) and len(name) == 2
        require(two, "matchings", name, "must be named by two networks", "recurring({('A', 'B'): pairs, ...})")
    for (first, second), pairs in matchings.items():
        array = np.asarray(pairs)
        require(array.ndim == 2 and array.shape[1] == 2, f"{first}–{second}", array.shape, f"must be {PAIRS}")
        graph.add_edges_from(((first, a), (second, b)) for a, b in array.tolist())
    groups = [dict(clique) for clique in networkx.find_cliques(graph) if len(clique) >= least]
    return sorted(groups, key=lambda group: (-len(group), sorted(group.items())))


def _poisson_binomial(chances: Sequence[float]) -> np.ndarray:
    """Return the probabilities of 0, 1, … successes of independent trials."""
    law = np.ones(1)
    for chance in chances:
        law = np.convolve(law, [1 - chance, chance])
    return law
