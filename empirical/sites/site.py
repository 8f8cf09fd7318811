"""A site: the modules of a model that are read, and the units of their values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from ..checkpoints.architectures import ModelParts


class Site(ABC):
    """Signals of one kind, layer by layer.

    Attributes
    ----------
    of : str
        "input" or "output": which of a module's values is the signal.
    word : str
        Name of the site in options and results; that of the class by default.
    """

    of: str = "input"
    word: str = ""

    @abstractmethod
    def modules(self, places: ModelParts) -> list[Any]:
        """Return the modules that are read, in the order of the layers; one that runs n times, n times.

        Raises
        ------
        RosettaError
            If the model has none.
        """

    @abstractmethod
    def width(self, module: Any, places: ModelParts) -> int:
        """Return the number of units of one module."""

    def layers(self, modules: list[Any]) -> list[int]:
        """Return the number of each module's layer."""
        return list(range(len(modules)))

    def units(self, values: Any) -> Any:
        """Return the units, shape (tokens, units), of a module's values, shape (tokens, width)."""
        return values

    def facts(self) -> list[Any]:
        """Return the facts that distinguish these signals from other ones of the same weights."""
        return []

    def __str__(self) -> str:
        """Return the words that name it in options and results."""
        return self.word or type(self).__name__.lower()
