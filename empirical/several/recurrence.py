r"""Neurons that recur: families of neurons that pairs of several models join.

Calibrated pairs are edges between neurons of K models; a *family* is a connected component of them. It recurs in as
many models as it has neurons of. A family is *closed* if it has one neuron of each of its models and every two of them
are a pair: no chain of likenesses, one likeness. Matchings that chance alone had made would close

    Σ_S Π_{i∈S} N_i Π_{i<j∈S} c_ij / (N_i N_j)

families of m models, S running over all choices of m of them, with c_ij pairs between models of N_i and N_j neurons
(for m = 3 the count of `rosettalaw.empirical.matching.anchors` with triangles closed).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...contents import ByContent


@dataclass(frozen=True)
class Edges:
    """Pairs of two of the models that count.

    Attributes
    ----------
    first, second : int
        The models.
    unit_a, unit_b : ndarray of int, shape (pairs,)
        Neurons of the first and of the second, counted over all layers.
    correlation : ndarray, shape (pairs,)
        Their correlations.
    """

    first: int
    second: int
    unit_a: np.ndarray
    unit_b: np.ndarray
    correlation: np.ndarray


@dataclass(frozen=True, eq=False)
class Families(ByContent):
    """Families, those of most models first, then by their weakest pair, strongest first.

    Attributes
    ----------
    models, pairs : ndarray of int, shape (families,)
        Models that a family has neurons of, and pairs that join them.
    closed : ndarray of bool, shape (families,)
        Whether it has one neuron of each of its models, and every two of them are a pair.
    weakest : ndarray, shape (families,)
        Its smallest |ρ|.
    member_family, member_model, member_unit : ndarray of int, shape (members,)
        Neurons of the families, family by family, the models in their order.
    """

    models: np.ndarray
    pairs: np.ndarray
    closed: np.ndarray
    weakest: np.ndarray
    member_family: np.ndarray
    member_model: np.ndarray
    member_unit: np.ndarray


def families(neurons: Sequence[int], edges: Sequence[Edges]) -> Families:
    """Return the families of neurons that pairs join.

    Parameters
    ----------
    neurons : sequence of int
        Neurons of each model.
    edges : sequence of Edges
        The pairs of every two models.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    begins = np.concatenate([[0], np.cumsum(neurons)])
    a = np.concatenate([np.zeros(0, np.int64), *(begins[one.first] + one.unit_a for one in edges)])
    b = np.concatenate([np.zeros(0, np.int64), *(begins[one.second] + one.unit_b for one in edges)])
    strength = np.abs(np.concatenate([np.zeros(0), *(one.correlation for one in edges)]))
    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(begins[-1], begins[-1]))
    member = np.unique(np.concatenate([a, b]))
    labels = connected_components(graph, directed=False)[1]
    component, of_member = np.unique(labels[member], return_inverse=True)
    of_pair = np.searchsorted(component, labels[a])
    model = np.searchsorted(begins, member, side="right") - 1
    each = np.zeros((len(component), len(neurons)), dtype=np.int64)
    np.add.at(each, (of_member, model), 1)
    models, pairs = (each > 0).sum(1), np.bincount(of_pair, minlength=len(component))
    closed = (each.max(1, initial=0) == 1) & (pairs == models * (models - 1) // 2)
    weakest = np.full(len(component), np.inf)
    np.minimum.at(weakest, of_pair, strength)
    order = np.lexsort([np.arange(len(component)), -weakest, -models])
    rank = np.argsort(order)
    rows = np.lexsort([member, rank[of_member]])
    return Families(
        models=models[order],
        pairs=pairs[order],
        closed=closed[order],
        weakest=weakest[order],
        member_family=rank[of_member][rows],
        member_model=model[rows],
        member_unit=(member - begins[model])[rows],
    )


def closed_by_chance(neurons: Sequence[int], edges: Sequence[Edges], models: int) -> float:
    """Return how many closed families of so many models unrelated matchings of the same counts would have."""
    counts = {(one.first, one.second): len(one.unit_a) for one in edges}
    total = 0.0
    for chosen in itertools.combinations(range(len(neurons)), models):
        term = float(np.prod([float(neurons[i]) for i in chosen]))
        for i, j in itertools.combinations(chosen, 2):
            term *= counts.get((i, j), 0) / (neurons[i] * neurons[j])
        total += term
    return total


def partnered(model: int, neurons: int, edges: Sequence[Edges]) -> np.ndarray:
    """Return in how many other models each neuron of a model has a partner, shape (neurons,)."""
    number = np.zeros(neurons, dtype=np.int64)
    for one in edges:
        if model in (one.first, one.second):
            units = one.unit_a if model == one.first else one.unit_b
            number[np.unique(units)] += 1
    return number
