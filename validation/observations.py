"""Observations of a ladder as the joint fit takes them: counts, isolation, tail and ranked correlations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ..contents import ByContent
from ..errors import UnknownNameError, require
from .counts import CALLS, columns
from .inputs import correlations_of, number, numbers

BLOCKS = ("counts", "isolation", "tail", "correlations")


@dataclass(frozen=True, eq=False)
class Observations(ByContent):
    """Measurements on a ladder of sizes, as arrays of floats; every block but the counts may be absent.

    Attributes
    ----------
    neurons, counts : array_like, shape (n,)
        N and R > 0.
    isolation : sequence of float, shape (n,), optional
        Mean isolation of the matched neurons, up to a scale common to all sizes.
    tail : sequence of float, shape (n,), optional
        Mean isolation of the other neurons, in the same units.
    correlations : sequence of sequences, optional
        For each size, the correlations of its matched pairs.
    sd : mapping of str to float or array_like
        Standard deviation of the logarithm of each block's numbers (of ``log(1 − ρ)`` for correlations), one for all or
        one per number (a size's correlations best first, size after size); a block missing here has it estimated.
    inputs : float, optional
        Inputs M behind each correlation, whose bias shows where they are thousands; if missing, M is read off how
        much the correlations scatter (infinite, if their `sd` is stated).

    Raises
    ------
    InputError
        If counts are not positive, a block has another length than there are sizes, isolation or tail are not
        positive, correlations are not between −1 and 1 or all missing, or a standard deviation or the number of inputs
        is not positive; numbers are shown as they were given.
    UnknownNameError
        If `sd` names a missing block.
    """

    neurons: ArrayLike
    counts: ArrayLike
    isolation: Sequence[float] | None = None
    tail: Sequence[float] | None = None
    correlations: Sequence[Sequence[float]] | None = None
    sd: Mapping[str, ArrayLike] = field(default_factory=dict)
    inputs: float | None = None

    def __post_init__(self):
        neurons, counts, _ = columns(self.neurons, self.counts, None)
        require(counts.all(), "counts", self.counts, "must all be positive in a joint fit", CALLS["counts"])
        inputs = self.inputs
        if inputs is not None:
            inputs = number("inputs", inputs, lambda many: many > 0, "must be a number greater than 0", "inputs=10_000")
        vars(self).update(
            neurons=neurons,
            counts=counts,
            isolation=self._positive("isolation", neurons.size),
            tail=self._positive("tail", neurons.size),
            correlations=self._correlations(neurons),
            inputs=inputs,
        )
        vars(self)["sd"] = self._deviations(self.logarithms())

    def _positive(self, name: str, sizes: int) -> np.ndarray | None:
        block, example = getattr(self, name), f"{name}=[1.5, 1.8, 2.1]"
        if block is None:
            return None
        values = numbers(name, block, example)
        rule = f"must have one entry per size, {sizes} in all"
        require(np.ndim(block) and len(values) == sizes, name, block, rule, example)
        good = values.ndim == 1 and bool(np.all(np.isfinite(values) & (values > 0)))
        require(good, name, block, "must be positive numbers, one per size", example)
        return values

    def _correlations(self, neurons: np.ndarray) -> list[np.ndarray] | None:
        if self.correlations is None:
            return None
        rule = "must be numbers from -1 to below 1, as those of two different neurons are"
        every = correlations_of(neurons, self.correlations, lambda rho: (rho >= -1) & (rho < 1), rule)
        example = "correlations=[[.9, .7], [.92, .75, .6]]"
        require(any(map(len, every)), "correlations", self.correlations, "must not be empty at every size", example)
        return every

    def _deviations(self, blocks: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        rule = "must be a mapping from blocks to standard deviations of their logarithms"
        require(isinstance(self.sd, Mapping), "sd", self.sd, rule, "sd={'counts': 0.05}")
        deviations = {}
        for name, sd in self.sd.items():
            if name not in blocks:
                raise UnknownNameError("block", name, blocks)
            where, example = f"sd of {name}", f"sd={{{name!r}: 0.05}}"
            values = numbers(where, sd, example)
            rule = f"must be positive, one number or {len(blocks[name])}, one per number of the block"
            shaped = values.ndim == 1 and values.size in (1, len(blocks[name]))
            require(shaped and bool(np.all(np.isfinite(values) & (values > 0))), where, sd, rule, example)
            deviations[name] = values if np.ndim(sd) else values[0]
        return deviations

    def logarithms(self) -> dict[str, np.ndarray]:
        """Return each measured block as the logarithms that are fitted."""
        blocks = {
            name: np.log(numbers(name, getattr(self, name)))
            for name in ("counts", "isolation", "tail")
            if getattr(self, name) is not None
        }
        if self.correlations is not None:
            ranked = [np.sort(numbers("correlations", rho))[::-1] for rho in self.correlations]
            blocks["correlations"] = np.log1p(-np.concatenate(ranked))
        return blocks
