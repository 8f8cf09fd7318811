"""A kind of null: how two models are changed so that no neuron of one has a reason to match a neuron of the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from ..activations.source import ActivationSource

Sources = tuple[ActivationSource, ActivationSource]


class Null(ABC):
    """One kind of null.

    Attributes
    ----------
    name : str
        The kind in options and arguments.
    label : str
        The kind in results: variables ``<label>_raw``, ``<label>_correlation`` and so on.
    keeps, breaks : str
        What a draw has in common with the trained models, and what it takes away.
    section : str
        Section of arXiv 2606.03990, or "" for what goes beyond it.
    fresh : bool
        Whether a draw changes both models. Otherwise A stays as it is, and draws share the pass over A with the
        matching itself.
    architectures_alone : bool
        Whether architectures and positions alone decide a draw, whatever the weights.
    random_access : bool
        Whether a draw reads positions or neurons in another order, so that a stream must be copied to disk first.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    keeps: ClassVar[str]
    breaks: ClassVar[str]
    section: ClassVar[str] = ""
    fresh: ClassVar[bool] = False
    architectures_alone: ClassVar[bool] = False
    random_access: ClassVar[bool] = False

    def entropy(self, seed: int, number: int) -> list[int]:
        """Return the numbers that seed one draw of a matching (`numpy.random.SeedSequence`), the draw's last.

        Kinds have their names among them, so that no two are drawn alike.
        """
        return [seed, *self.name.encode(), number]

    def check(self, a: ActivationSource, b: ActivationSource, draws: int) -> None:  # noqa: B027 (most kinds take any)
        """Refuse models of which no draw can be made.

        Raises
        ------
        InputError
            With the reason and an option that works.
        """

    @abstractmethod
    def draw(self, a: ActivationSource, b: ActivationSource, entropy: Sequence[int]) -> Sources:
        """Return both models as one draw has them; `a` itself unless the kind is `fresh`."""

    def __repr__(self) -> str:
        return f"<null {self.name!r}: keeps {self.keeps}; breaks {self.breaks}>"

    def record(self) -> dict[str, Any]:
        """Return the kind in words, for tables."""
        return {"null": self.name, "keeps": self.keeps, "breaks": self.breaks, "section": self.section}
