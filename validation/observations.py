"""Observations of a ladder as the joint fit takes them: counts, isolation, tail and ranked correlations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ..errors import UnknownNameError, require
from .counts import numbers

BLOCKS = ("counts", "isolation", "tail", "correlations")


@dataclass(frozen=True)
class Observations:
    """Measurements on a ladder of sizes; every block but the counts may be absent.

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
    """

    neurons: ArrayLike
    counts: ArrayLike
    isolation: Sequence[float] | None = None
    tail: Sequence[float] | None = None
    correlations: Sequence[Sequence[float]] | None = None
    sd: Mapping[str, ArrayLike] = field(default_factory=dict)
    inputs: float | None = None

    def check(self) -> None:
        """Refuse numbers that have no logarithm, showing them as they were given.

        Raises
        ------
        InputError
            If a block has another length than there are sizes, isolation or tail are not positive, correlations are not
            between −1 and 1 or all missing, or a standard deviation or the number of inputs is not positive.
        UnknownNameError
            If `sd` names a missing block.
        """
        sizes = np.size(self.neurons)
        for name in ("isolation", "tail", "correlations"):
            block = getattr(self, name)
            rule = f"must have one entry per size, {sizes} in all"
            require(block is None or (hasattr(block, "__len__") and len(block) == sizes), name, block, rule)
        for name in ("isolation", "tail"):
            block = getattr(self, name)
            if block is not None:
                values = numbers(name, block, f"{name}=[1.5, 1.8, 2.1]")
                good = values.ndim == 1 and bool(np.all(np.isfinite(values) & (values > 0)))
                require(good, name, block, "must be positive numbers, one per size", f"{name}=[1.5, 1.8, 2.1]")
        if self.correlations is not None:
            example = "correlations=[[.9, .7], [.92, .75, .6]]"
            for size, rho in zip(np.atleast_1d(self.neurons), self.correlations, strict=True):
                where = f"correlations at N = {size:g}"
                values = numbers(where, rho, example)
                listed = values.ndim == 1 and hasattr(rho, "__len__")
                require(listed, where, rho, "must be a list of correlations", example)
                bad = [one for one in values.tolist() if not -1 <= one < 1]
                rule = "must be numbers from -1 to below 1, as those of two different neurons are"
                require(not bad, where, bad[0] if bad else None, rule, example)
            some = any(len(rho) for rho in self.correlations)
            require(some, "correlations", self.correlations, "must not be empty at every size", example)
        blocks = self.logarithms()
        for name, sd in self.sd.items():
            if name not in blocks:
                raise UnknownNameError("block", name, blocks)
            values = numbers(f"sd of {name}", sd, f"sd={{{name!r}: 0.05}}")
            rule = f"must be positive, one number or {len(blocks[name])}, one per number of the block"
            good = values.size in (1, len(blocks[name])) and bool(np.all(np.isfinite(values) & (values > 0)))
            require(good, f"sd of {name}", sd, rule, f"sd={{{name!r}: 0.05}}")
        inputs = self.inputs
        require(inputs is None or inputs > 0, "inputs", inputs, "must be greater than 0", "inputs=10_000")

    def logarithms(self) -> dict[str, np.ndarray]:
        """Return each measured block as the logarithms that are fitted."""
        blocks = {
            name: np.log(np.asarray(getattr(self, name), dtype=float))
            for name in ("counts", "isolation", "tail")
            if getattr(self, name) is not None
        }
        if self.correlations is not None:
            ranked = [np.sort(np.asarray(rho, dtype=float))[::-1] for rho in self.correlations]
            blocks["correlations"] = np.log1p(-np.concatenate(ranked))
        return blocks
