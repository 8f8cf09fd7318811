"""All neurons of two compared models described, and the Rosetta Neurons among them compared with the others.

The measures are defined in `rosettalaw.empirical.measures`; here they are taken for a pair of models and laid out along
the dimensions of a result. The comparison is within each model: its Rosetta Neurons against its other neurons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...console import say
from ...errors import RosettaError
from ..activations.source import ActivationSource
from ..config import Measurement
from ..intervals import mean_interval
from ..language.source import TextSource
from ..measures import firing
from ..measures.categories import Grouping
from ..measures.depth import depth_profile
from ..measures.selectivity import Activity, activity, output_kurtosis
from ..measures.superiority import superiority
from ..measures.weights import output_weights, unembedding
from .comparison import Sources

MEASURES = ("output_kurtosis", "activation_kurtosis", "lifetime_sparsity", "domain_entropy")


@dataclass(frozen=True)
class Neurons:
    """The neurons of one model.

    Attributes
    ----------
    layer, unit : ndarray of int, shape (neurons,)
        Where each is.
    activity : Activity
        Its most active positions.
    measures : dict of str to ndarray, shape (neurons,)
        The measures of selectivity, by name.
    share : ndarray, shape (neurons, categories)
        Shares of the top positions in each category.
    base : ndarray, shape (categories,)
        Shares of all positions.
    """

    layer: np.ndarray
    unit: np.ndarray
    activity: Activity
    measures: dict[str, np.ndarray]
    share: np.ndarray
    base: np.ndarray


def describe(
    sources: tuple[TextSource, TextSource],
    copies: Sources,
    checkpoints: tuple[str, str],
    grouping: Grouping,
    names: list[str],
    contexts: int,
    pickled: bool = False,
    known: Callable[[TextSource, Callable[[], Neurons]], Neurons] = lambda _, describe: describe(),
) -> tuple[Neurons, Neurons]:
    """Read both models' activations once, and their weights; return a description of each neuron.

    A model whose unembedding cannot be found has no output kurtosis (NaN), and a warning is printed. `known` is called
    with a model and the function that describes it; see `shared`.
    """
    category = firing.categories_of(sources[0].text, grouping, names)
    base = firing.baseline(category, len(names))

    def described(source: TextSource, read: ActivationSource, checkpoint: str) -> Neurons:
        active = activity(read, contexts)
        share = firing.shares(active.top_position, category, len(names))
        try:
            weights = output_weights(source.projections)
            written = output_kurtosis(weights, unembedding(checkpoint, source.model, weights.shape[1], pickled))
        except RosettaError as error:
            say(f"{error}; no selectivity over the vocabulary")
            written = np.full(len(source.layer), np.nan)
        measures = (written, active.kurtosis, active.sparsity, firing.entropy(share))
        named: dict[str, np.ndarray] = dict(zip(MEASURES, measures, strict=True))
        return Neurons(
            layer=np.asarray(read.layer),
            unit=np.asarray(read.unit),
            activity=active,
            measures=named,
            share=share,
            base=base,
        )

    a, b = (
        known(source, partial(described, source, read, checkpoint))
        for source, read, checkpoint in zip(sources, copies, checkpoints, strict=True)
    )
    return a, b


def describe_groups(
    neurons: tuple[Neurons, Neurons], sets: tuple[np.ndarray, np.ndarray], plan: Measurement
) -> dict[str, Any]:
    """Return Rosetta Neurons against others in selectivity, documents and depth, for each side."""
    sides: dict[str, list[Any]] = {}

    def add(name: str, value: Any) -> None:
        sides.setdefault(name, []).append(value)

    for one, member in zip(neurons, sets, strict=True):
        compared = [superiority(one.measures[name], member, one.layer) for name in MEASURES]
        for part in ("value", "low", "high"):
            suffix = "" if part == "value" else f"_{part}"
            add(f"superiority{suffix}", [getattr(described, part) for described in compared])
        for group, chosen in (("rosetta", member), ("other", ~member)):
            ends = np.array([_mean(one.measures[name][chosen]) for name in MEASURES])
            for column, suffix in enumerate(("", "_low", "_high")):
                add(f"selectivity_{group}{suffix}", ends[:, column])
        rosetta = firing.firing(one.share[member], one.base)
        control, draws = firing.control(one.share[~member], one.base, plan.control, plan.control_draws, plan.seed)
        for group, described in (("rosetta", rosetta), ("control", control)):
            for part in ("value", "low", "high"):
                suffix = "" if part == "value" else f"_{part}"
                add(f"firing_{group}{suffix}", getattr(described, part))
        add("firing_control_draw", draws)
        members, everyone = depth_profile(one.layer, member)
        add("depth_share", members)
        add("depth_neurons", everyone)
    dims = {"superiority": "measure", "selectivity": "measure", "firing": "category", "depth": "depth_bin"}
    variables: dict[str, Any] = {
        name: (("side", dims[name.split("_")[0]]), np.array(rows)) for name, rows in sides.items()
    }
    variables["firing_control_draw"] = (
        ("side", "control_draw", "category"),
        np.array(sides["firing_control_draw"]),
    )
    return {**variables, "category_share": ("category", neurons[0].base)}


def _mean(values: np.ndarray) -> tuple[float, float, float]:
    """Return mean and 95% interval of the finite values; NaN without any."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.nan, np.nan, np.nan
    mean, low, high = mean_interval(known)
    return float(mean), float(low), float(high)
