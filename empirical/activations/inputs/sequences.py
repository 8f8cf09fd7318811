"""Layers without names: the ``hidden_states`` of transformers, the values of a mapping, a tuple of one's own.

A tuple of arrays, and the view that ``mapping.values()`` gives, are layers 0, 1, … A list may also be batches of one
layer, gathered in a loop: it is layers only where its arrays have different numbers of units, which batches cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, ValuesView
from typing import Any

from ....errors import InputError
from .labelled import Labelled, type_name
from .mappings import Mappings

INSTEAD = (
    "{0: first, 1: second} or tuple(arrays) if these are layers, numpy.concatenate(arrays) if they are batches, "
    "numpy.stack(arrays) if each is a position"
)


class Sequences:
    """Tuples and lists of arrays, and views of a mapping's values."""

    def accepts(self, value: Any) -> bool:
        """Return whether each of its members is an array of two or three dimensions."""
        if not isinstance(value, list | tuple | ValuesView) or not len(value):
            return False
        return all(len(shape) in (2, 3) for shape in _shapes(value))

    def open(self, value: Any, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
        """Return the layers side by side, numbered from 0."""
        arrays = list(value)
        if isinstance(value, list) and len(arrays) > 1 and len({shape[-1] for shape in _shapes(arrays)}) == 1:
            rule = "is not understood as activations: arrays with as many units each may be layers, or batches of one"
            raise InputError(name, f"{type_name(value)} of {len(arrays)} arrays", rule, INSTEAD)
        return Mappings().open(dict(enumerate(arrays)), name, part)


def _shapes(arrays: Any) -> list[Sequence[int]]:
    shapes = [getattr(one, "shape", ()) for one in arrays]
    return [shape if isinstance(shape, Sequence) else () for shape in shapes]
