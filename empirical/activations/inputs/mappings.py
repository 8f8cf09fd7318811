"""Mappings of layer names to arrays: TransformerLens's cache, nnsight's saved values, a dictionary of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ....errors import InputError
from ..joined import Joined
from .labelled import Labelled, named_layers, type_name


class Mappings:
    """Mappings, and objects that have ``keys`` and ``items`` as one has."""

    def accepts(self, value: Any) -> bool:
        """Return whether it is a mapping."""
        like_one = hasattr(value, "keys") and hasattr(value, "items") and not hasattr(value, "dtype")
        return isinstance(value, Mapping) or like_one

    def open(self, value: Any, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
        """Return the layers side by side, in the mapping's order, with their names."""
        items = list(value.items())
        if not items:
            raise InputError(name, type_name(value), "has no layer", "{'mlp.0': array, 'mlp.1': array}")
        numbers, names = named_layers([key for key, _ in items])
        layers = [part(saved(array), f"{name}[{key!r}]") for key, array in items]
        first = layers[0].source
        for (key, _), layer in zip(items, layers, strict=True):
            if layer.source.positions != first.positions:
                rule = (
                    f"has {layer.source.positions} positions, and {items[0][0]!r} has {first.positions}; layers must "
                    "have the same"
                )
                example = "{name: cache[name] for name in cache.keys() if name.endswith('mlp.hook_post')}"
                raise InputError(name, f"layer {key!r}", rule, example)
        samples = [layer.samples for layer in layers if layer.samples is not None]
        if any(not np.array_equal(samples[0], other) for other in samples[1:]):
            raise InputError(name, type_name(value), "names its positions differently from layer to layer")
        neurons = None
        if any(layer.neurons is not None for layer in layers):
            plain = [np.array([str(unit) for unit in layer.source.unit], dtype=object) for layer in layers]
            parts = [one if layer.neurons is None else layer.neurons for layer, one in zip(layers, plain, strict=True)]
            neurons = np.concatenate(parts)
        joined = Joined(name, [layer.source for layer in layers], numbers)
        return Labelled(joined, samples[0] if samples else None, names, neurons)


def saved(value: Any) -> Any:
    """Return the value that a proxy of nnsight has saved, or the value itself."""
    proxy = type(value).__module__.partition(".")[0] == "nnsight"
    return value.value if proxy and hasattr(value, "value") else value
