"""Sizes, time, memory and disk that a ladder file asks for, before anything is trained or measured.

Configurations are opened, weights are not. Every pair is matched with all its null draws; time is that of the exact
engine's cost model (`matching.cost`) at the most positions that the file allows, on this machine's processor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import InputError
from ..config import Measurement, ladder_path, read_table
from ..matching.cost import Sizes, exact_cost
from ..matching.rates import Device, device_rates
from ..nulls import draws_of
from .models import ModelRung, open_checkpoint_ladder


@dataclass(frozen=True)
class RungPreview:
    """A rung that is still to be measured.

    Attributes
    ----------
    title : str
        The rung's label, or its models.
    neurons : tuple of int
        Of each model, the anchor first.
    pairs : int
        Matchings of the rung.
    seconds, memory_bytes, disk_bytes : float
        Of its matchings on this machine, with their null draws; the disk holds the activations of all its networks, at
        most, until its last pair is measured.
    """

    title: str
    neurons: tuple[int, ...]
    pairs: int
    seconds: float
    memory_bytes: float
    disk_bytes: float

    def record(self) -> dict[str, Any]:
        """Return the rung as plain values."""
        return vars(self) | {"neurons": list(self.neurons)}


def preview(
    ladder: str,
    text: str | Path | None = None,
    categories: str | Path | None = None,
    machine: Mapping[str, Any] | None = None,
) -> list[RungPreview]:
    """Open a ladder file with the configurations that it names; return its rungs, smallest first.

    Parameters
    ----------
    ladder : str
        Name of a shipped ladder, or a path to a ladder file.
    text, categories : path, optional
        As `open_checkpoint_ladder` takes them.
    machine : mapping, optional
        Settings of `Measurement` that replace the file's.

    Raises
    ------
    RosettaError
        If the file, the text or a configuration cannot be used.
    """
    rates = device_rates("cpu")
    path = ladder_path(ladder)
    if path is None or "family" in read_table(path):
        return _trained(ladder, text, rates, machine or {})
    opened = open_checkpoint_ladder(ladder, text, categories)
    measurement = replace(opened.measurement, **(machine or {}))
    return [
        _rung(rung.title, neurons, len(neurons) - 1, sum(neurons), measurement, rates)
        for rung in opened.rungs
        for neurons in [_neurons(rung)]
    ]


def _trained(ladder: str, text: str | Path | None, rates: Device, machine: Mapping[str, Any]) -> list[RungPreview]:
    from ..language.families import open_ladder

    if text is not None:
        raise InputError("--text", str(text), "models trained here are measured on text held out from training")
    opened = open_ladder(ladder)
    measurement = replace(opened.measurement, **machine)
    first, *others = (len(opened.seeds(family)) for family in opened.family)
    pairs, networks = first * sum(others), first + sum(others)
    return [
        _rung(
            f"{rung.layers} layers of width {rung.width}",
            (rung.neurons,) * len(opened.family),
            pairs,
            networks * rung.neurons,
            measurement,
            rates,
        )
        for rung in opened.rung
    ]


def _neurons(rung: ModelRung) -> tuple[int, ...]:
    """Return the neurons of a rung's models, which are built without memory for their weights."""
    from ..checkpoints.architectures import ModelParts
    from ..checkpoints.hub import empty_model, open_config
    from ..language.opening import require_text

    sizes = []
    for place, checkpoint in enumerate(rung.models):
        config = open_config(checkpoint)
        require_text(checkpoint, config)
        model = empty_model(checkpoint, config)
        parts, site = ModelParts(model, config.model_type, checkpoint, rung.pattern(place)), rung.site(place)
        sizes.append(sum(site.width(module, parts) for module in site.modules(parts)))
    return tuple(sizes)


def _rung(
    title: str, neurons: tuple[int, ...], pairs: int, stored: int, plan: Measurement, rates: Device
) -> RungPreview:
    """Return the preview of a rung; `stored` neurons are on the disk at once."""
    draws = sum(draws_of(plan.nulls).values())
    one = [exact_cost(Sizes(neurons[0], other, plan.tokens), rates, draws) for other in neurons[1:]]
    repeats = pairs / len(one)
    return RungPreview(
        title=title,
        neurons=neurons,
        pairs=pairs,
        seconds=repeats * sum(cost.seconds for cost in one),
        memory_bytes=max(cost.memory for cost in one),
        disk_bytes=4.0 * plan.tokens * stored,
    )
