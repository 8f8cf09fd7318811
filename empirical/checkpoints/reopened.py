"""A model whose weights may be given up between two readings: it is opened again where it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import hub


class Reopened:
    """A model, and how the same one is opened again.

    Parameters
    ----------
    model : torch.nn.Module
        The model, with its weights in memory.
    again : callable, optional
        Opens the same model again. Without it the weights stay in memory, as those of a model that the caller loaded.

    Attributes
    ----------
    known : torch.nn.Module
        Its modules and configuration; the weights may be given up.
    device : torch.device
        The device of its input.
    """

    def __init__(self, model: Any, again: Callable[[], Any] | None = None):
        self.known, self._again = model, again
        self.device, self.released = hub.device_of(model), False

    @property
    def model(self) -> Any:
        """The model with its weights in memory, opened again where they were given up."""
        if self.released and self._again is not None:
            self.known, self.released = self._again(), False
            self.device = hub.device_of(self.known)
        return self.known

    def release(self) -> None:
        """Give up the weights' memory until the model is used again."""
        if self._again is None or self.released or getattr(self.known, "hf_device_map", None):
            return
        self.known.to("meta")  # modules and configuration stay
        self.released = True


class OfReopened:
    """Base of readers whose model may have given up its weights."""

    _weights: Reopened

    @property
    def model(self) -> Any:
        """The model, with its weights in memory."""
        return self._weights.model

    @property
    def device(self) -> Any:
        """The device of its input."""
        return self._weights.device
