"""Capturing of activations: the inputs, or the outputs, of some modules while a model runs.

A module that runs several times in one pass, as the shared layers of ALBERT do, appears several times in the list: its
first run gives the value of its first place, and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def captured(
    modules: Sequence[Any],
    read: Callable[[Any, int], Any] = lambda value, place: value,
    of: str = "input",
) -> Iterator[list[Any]]:
    """Capture one value for each place of `modules` while a model runs.

    Parameters
    ----------
    modules : sequence of torch.nn.Module
        Modules; one that runs n times is listed n times.
    read : callable
        From a value and its place to the value that is kept.
    of : str
        "input" or "output".

    Yields
    ------
    list
        The values; None before a module runs. Whoever runs the model again sets them to None first (`clear`).
    """
    values: list[Any] = [None] * len(modules)
    places: dict[int, list[int]] = {}
    for place, module in enumerate(modules):
        places.setdefault(id(module), []).append(place)

    def keep(module: Any, value: Any) -> None:
        own = places[id(module)]
        place = next((place for place in own if values[place] is None), own[-1])
        values[place] = read(value, place)

    def before(module: Any, inputs: tuple[Any, ...]) -> None:
        keep(module, inputs[0])

    def after(module: Any, _inputs: tuple[Any, ...], output: Any) -> None:
        keep(module, output[0] if isinstance(output, tuple | list) else output)

    once = {id(module): module for module in modules}.values()
    handles = [
        module.register_forward_pre_hook(before) if of == "input" else module.register_forward_hook(after)
        for module in once
    ]
    try:
        yield values
    finally:
        for handle in handles:
            handle.remove()


def clear(values: list[Any]) -> None:
    """Forget the values of the last run."""
    values[:] = [None] * len(values)
