"""Some layers of another site, so that depth can be a size without a checkpoint of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...errors import InputError, RosettaError
from ..checkpoints.architectures import ModelParts
from .site import Site

MOST_LAYERS = 10_000
EXAMPLE = 'layers = ["0-5"]'


class ChosenLayers(Site):
    """A site of which some layers are read.

    Parameters
    ----------
    site : Site
        The signals.
    chosen : sequence of int
        Numbers of its layers.
    """

    def __init__(self, site: Site, chosen: Sequence[int]):
        self._site, self._chosen = site, sorted(chosen)
        self.of, self.word = site.of, f"{site}, layers {','.join(map(str, self._chosen))}"

    def modules(self, places: ModelParts) -> list[Any]:
        """Return the modules of the chosen layers.

        Raises
        ------
        RosettaError
            If the model has fewer layers, or several of them share their weights.
        """
        every = self._site.modules(places)
        numbers = self._site.layers(every)
        absent = sorted(set(self._chosen) - set(numbers))
        if absent:
            rule = f"{places.name} has the layers {numbers[0]} to {numbers[-1]}"
            raise InputError("layers", absent[0], rule, f'layers = ["{numbers[0]}-{numbers[-1]}"]')
        if len({id(module) for module in every}) < len(every):
            raise RosettaError(f"{places.name}: its layers share their weights; some of them cannot be read alone")
        return [module for module, number in zip(every, numbers, strict=True) if number in self._chosen]

    def width(self, module: Any, places: ModelParts) -> int:
        """Return the number of units of one module."""
        return self._site.width(module, places)

    def layers(self, modules: list[Any]) -> list[int]:
        """Return the chosen numbers."""
        return list(self._chosen)

    def units(self, values: Any) -> Any:
        """Return the units of the site."""
        return self._site.units(values)

    def facts(self) -> list[Any]:
        """Return the facts of the site; the layers are in its name."""
        return self._site.facts()


def layer_numbers(text: str, argument: str = "layers") -> list[int]:
    """Return the layers that a text names, such as ``0-5,8``.

    Raises
    ------
    InputError
        If it is no list of numbers and ranges, or a layer is named twice.
    """
    numbers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < MOST_LAYERS:
            raise InputError(argument, text, "must be numbers and ranges of layers, separated by commas", EXAMPLE)
        numbers.extend(range(first, last + 1))
    if len(set(numbers)) < len(numbers):
        raise InputError(argument, text, "names a layer twice", EXAMPLE)
    return sorted(numbers)
