r"""Count-sketches of standardised activations, from which all correlations can be estimated.

Position t goes to bucket h(t) with a random sign σ(t): ``S[h(t)] += σ(t) x_t`` (Charikar, Chen and Farach-Colton 2002).
The sketch is linear, so means come off afterwards, and it takes one pass. Here h runs through the B buckets in order
from a random start for each stripe of B positions: two positions of a stripe never meet, two of different stripes meet
with probability 1/B, and memory is read and written in order. For standardised columns

    E[S_aᵀ S_b]/T = ρ,      variance ≈ (1 + ρ²)(1/B − 1/T)   (none for T ≤ B, where nothing collides).

The sketch that is built is fine (`REFINED` B buckets). Adding up its parts gives the coarse one of B buckets, and it is
stored as bytes: a step each, the largest entry over 127. Rounding to steps δ adds (δ_a² + δ_b²)/12 to the variance
of an estimate, at most a third of the variance before.

Cost: T N multiplications and additions, at the speed at which activations are read. Numba does them on the CPU, torch
on other devices (`device_kernels`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numba
import numpy as np
import torch

from ....threads import return_memory
from ...activations.source import ActivationSource, RandomAccess, in_place
from ..machine import distributed
from ..machine.reading import Block, cut, read
from ..moments import Moments, NonFinite, steady, wide
from . import sketch_kernels as kernels
from .device_kernels import SketchSums
from .sketch_kernels import COLUMNS, REFINED

SHARE = 4096  # of them, at most, that a thread works on: what it adds to fits its cache
FEW = 256  # positions that give the shift
STRIPES = 16  # of a file, taken up together: the sketch is read and written once for all of them
ROUNDING = 2.0**-9  # of estimates from rounded coarse sketches


@dataclass(frozen=True)
class Sketch:
    """One model's sketch, of standardised activations divided by √T: products of two estimate ρ.

    Attributes
    ----------
    fine : int8 array, shape (neurons, REFINED · buckets)
        In steps. Zero for constant neurons.
    step : float32 array, shape (neurons,)
        Step of each neuron's fine sketch.
    coarse : float32 array, shape (neurons, buckets)
        The fine sketch, before rounding, with `REFINED` buckets merged into one.
    moments : Moments
        Means and sums of squares.
    device : str
        Where the products of all neurons' coarse sketches are computed.
    """

    fine: np.ndarray
    step: np.ndarray
    coarse: np.ndarray
    moments: Moments
    device: str = "cpu"

    @property
    def rounded(self) -> torch.Tensor:
        """Return the coarse sketch on its device, for products of all neurons: bfloat16 where that is faster.

        Rounding errors of 2⁻⁹ average out over the buckets, far below the sketch's own noise.
        """
        return self.folded(1)

    def folded(self, folds: int) -> torch.Tensor:
        """Return the same for `folds` times fewer buckets, each the sum of as many."""
        if folds not in self._by_folds:
            self._by_folds[folds] = self._folded(folds)
        return self._by_folds[folds]

    def _folded(self, folds: int) -> torch.Tensor:
        sums = self.coarse.T  # in the order in which it lies in memory
        if self.device == "cpu" and torch.cpu._is_avx512_bf16_supported():
            bits = np.empty((sums.shape[1], len(sums) // folds), dtype=np.uint16)
            kernels.fold(np.ascontiguousarray(sums), bits)
            return torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16)
        added = torch.from_numpy(sums).to(self.device)
        if folds > 1:
            added = added.reshape(folds, -1, added.shape[1]).sum(0)
        return added.T if self.device == "cpu" else added.bfloat16().T.contiguous()

    @cached_property
    def _by_folds(self) -> dict[int, torch.Tensor]:
        return {}

    @cached_property
    def coarsened(self) -> Sketch:
        """Return a sketch whose fine one is the coarse one, as `sketch` makes it with ``refined=1``."""
        sums = np.ascontiguousarray(self.coarse.T)
        step = np.empty(sums.shape[1], dtype=np.float32)
        kernels.steps(sums, step)
        fine, none = np.empty(self.coarse.shape, dtype=np.int8), np.zeros(len(step), dtype=np.float32)
        kernels.to_bytes(sums, np.zeros(len(sums), dtype=np.float32), none, none + 1, step, fine)
        return replace(self, fine=fine, step=step)


def sketch(
    source: ActivationSource,
    side: int,
    buckets: int,
    seed: int,
    block: int,
    device: str = "cpu",
    memory: int = 0,
    refined: int = REFINED,
    known: Moments | None = None,
) -> Sketch:
    """Sketch a source in one pass; the same seed gives the same buckets and signs for both models.

    Parameters
    ----------
    source : ActivationSource
        T positions.
    side : int
        Which model it is, for the error.
    buckets : int
        Of the coarse sketch, B.
    seed : int
        Of the starts and signs.
    block : int
        Positions read at a time; activations that lie in an array or a file are taken `STRIPES` stripes at a time.
    device : str
        Where it is done.
    memory : int
        Bytes that sums may take where reading a range of neurons means running a model (`columns_at_once`).

    refined : int
        Buckets of the fine sketch over those of the coarse one: `REFINED`, or 1 on the CPU.
    known : Moments, optional
        What another source has that yields the same rows in another order; on the CPU. Measured otherwise.

    Raises
    ------
    NonFinite
        If a neuron has a NaN or an infinity.
    """
    fine_buckets = REFINED * buckets
    blocks = [one for part in cut(source.positions, block, 1) for one in part]
    if device == "cpu" and (stretches := in_place(source)):
        many = STRIPES * fine_buckets
        blocks = [(at, min(at + many, stop)) for start, stop in stretches for at in range(start, stop, many)]
    signs = _signs(source.positions, fine_buckets, seed)
    share = np.array_split(np.arange(len(source.layer)), distributed.size())[distributed.rank()]
    width = columns_at_once(source, buckets, memory)
    whole: list[np.ndarray] = []
    for low in range(int(share[0]), int(share[-1]) + 1, width):
        columns = slice(low, min(low + width, int(share[-1]) + 1))
        try:
            how = fine_buckets, buckets, signs, device, refined, known
            piece = _sketch_columns(source, columns, blocks, *how)
        except NonFinite as error:
            raise NonFinite(side, error.columns + low) from None
        if len(share) <= width:
            whole = list(piece)
        else:  # laid where all pieces go together: joined at the end they would be in memory twice
            whole = whole or [_room_for(one, len(share)) for one in piece]
            for room, one in zip(whole, piece, strict=True):
                room[low - int(share[0]) : columns.stop - int(share[0])] = one
        del piece
        return_memory()  # of the sums
    return _of_all_processes(whole, len(source.layer), source.positions, device)


def columns_at_once(source: ActivationSource, buckets: int, memory: int) -> int:
    """Return how many neurons are sketched in one reading: all of a stream's, if `memory` bytes hold their sums."""
    return COLUMNS if isinstance(source, RandomAccess) else max(COLUMNS, memory // (4 * REFINED * buckets))


def fine_estimates(sketches: tuple[Sketch, Sketch], units_a: np.ndarray, units_b: np.ndarray) -> np.ndarray:
    """Return the fine sketch's estimates of some pairs' correlations."""
    estimate = np.empty(len(units_a), dtype=np.float32)
    kernels.row_products(sketches[0].fine, sketches[1].fine, units_a, units_b, estimate)
    return estimate * sketches[0].step[units_a] * sketches[1].step[units_b]


def coarse_noise(buckets: int, positions: int) -> float:
    """Return the standard deviation of a coarse estimate at ρ = 0, from the sketch and from rounding."""
    return (max(1 / buckets - 1 / positions, 0.0) + ROUNDING**2) ** 0.5


def fine_noise(
    sketches: tuple[Sketch, Sketch], units_a: np.ndarray, units_b: np.ndarray, rho: np.ndarray
) -> np.ndarray:
    """Return the standard deviation of fine estimates of some pairs whose correlations are about `rho`."""
    lost = max(1 / sketches[0].fine.shape[1] - 1 / sketches[0].moments.count, 0.0)
    steps = sketches[0].step[units_a].astype(float) ** 2 + sketches[1].step[units_b].astype(float) ** 2
    return np.sqrt((1 + np.minimum(rho, 1) ** 2) * lost + steps / 12)


def _sketch_columns(
    source: ActivationSource,
    columns: slice,
    blocks: list[Block],
    fine_buckets: int,
    buckets: int,
    signs: tuple[np.ndarray, np.ndarray],
    device: str,
    refined: int,
    known: Moments | None,
) -> tuple[np.ndarray, ...]:
    """Return the fine sketch, its steps, the coarse sketch, means and sums of squares of a range of neurons."""
    ones = np.zeros(refined * buckets)
    turn, sign = signs
    sums, shift, moments = None, None, (np.empty(0), np.empty(0))
    for (start, stop), x in zip(blocks, read(source, blocks, columns, device), strict=True):
        if sums is None or shift is None:
            shift = _shift(x[:FEW] if isinstance(x, np.ndarray) else x[:FEW].cpu().numpy())
            how = fine_buckets, shift, turn, sign, device
            sums = _Sums(*how, refined * buckets, known is None) if device == "cpu" else SketchSums(*how)
        place = np.arange(start, stop)
        bucket = (place + turn[place // fine_buckets]) % fine_buckets % len(ones)
        ones += np.bincount(bucket, sign[start:stop], len(ones))
        sums.add(x, start)
        moments = sums.moments()
        bad = ~(np.isfinite(moments[0]) & np.isfinite(moments[1]))
        if bad.any():
            raise NonFinite(0, np.flatnonzero(bad))
    assert sums is not None
    assert shift is not None
    if known is None:
        total, square = moments
        offset = total / source.positions
        centred = steady(np.maximum(square - total * offset, 0), source.positions)
    else:
        offset, centred = known.mean[columns] - shift, known.square[columns]
    with np.errstate(divide="ignore"):
        scale = np.where(centred > 0, 1 / np.sqrt(centred), 0)
    ones, middle, factor = (one.astype(np.float32) for one in (ones, offset, scale))
    return *sums.finish(ones, middle, factor, buckets), shift + offset, centred


class _Sums:
    """The sketch and the moments of some neurons on the CPU; see `SketchSums`, which does it elsewhere."""

    def __init__(
        self,
        buckets: int,
        shift: np.ndarray,
        turn: np.ndarray,
        sign: np.ndarray,
        device: str,
        merged: int,
        measured: bool,
    ):
        width, self._buckets = len(shift), buckets
        self._shift, self._turn, self._sign = shift, turn, sign
        self._share = min(SHARE, -(-width // numba.get_num_threads()))
        self._sketch = np.zeros((merged, width), dtype=np.float32)
        self._total, self._square = (np.zeros(width if measured else 0) for _ in range(2))

    def add(self, x: np.ndarray, first: int) -> None:
        width, signs, moments = len(self._shift), (self._turn, self._sign), (self._total, self._square)
        sums = self._buckets, self._sketch, *moments
        kernels.add_to_sketch(wide(x), first, width, self._share, self._shift, *signs, *sums)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        return self._total, self._square

    def finish(
        self, ones: np.ndarray, offset: np.ndarray, scale: np.ndarray, merged: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        buckets, width = self._sketch.shape
        coarse, step = np.empty((merged, width), dtype=np.float32), np.empty(width, dtype=np.float32)
        kernels.merge(self._sketch, ones, offset, scale, coarse, step)
        fine = np.empty((width, buckets), dtype=np.int8)
        kernels.to_bytes(self._sketch, ones, offset, scale, step, fine)
        return fine, step, coarse.T


def _signs(positions: int, buckets: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each stripe's first bucket, and each position's sign."""
    random = np.random.default_rng([seed, 2])
    turn = random.integers(0, buckets, -(-positions // buckets))
    return turn, random.choice(np.array([-1, 1], dtype=np.int8), positions)


def _shift(few: np.ndarray) -> np.ndarray:
    """Return the shift subtracted from each neuron before anything is added up.

    The mean of a few positions, and where these are all equal, their value: a constant neuron's sums are then exactly
    zero, and no other's are.
    """
    mean = few.astype(np.float64).mean(0).astype(few.dtype)
    shift = np.where((few == few[0]).all(0), few[0], mean)
    return np.where(np.isfinite(shift), shift, 0)


def _room_for(piece: np.ndarray, neurons: int) -> np.ndarray:
    """Return an array for so many neurons, in memory as a piece of it is: neuron by neuron, or bucket by bucket."""
    order = "F" if piece.ndim == 2 and not piece.flags.c_contiguous else "C"
    return np.empty((neurons, *piece.shape[1:]), dtype=piece.dtype, order=order)


def _of_all_processes(own: list[np.ndarray], neurons: int, positions: int, device: str) -> Sketch:
    """Put the processes' ranges of neurons together."""
    if distributed.size() > 1:
        own = [np.ascontiguousarray(one) for one in own]
    pieces = []
    for owner, units in enumerate(np.array_split(np.arange(neurons), distributed.size())):
        mine = owner == distributed.rank()
        piece = [one if mine else np.empty((len(units), *one.shape[1:]), dtype=one.dtype) for one in own]
        for array in piece:
            distributed.send(array, owner)
        pieces.append(piece)
    whole = [part[0] if len(part) == 1 else np.concatenate(part) for part in zip(*pieces, strict=True)]
    fine, step, coarse, mean, square = whole
    return Sketch(
        fine=fine,
        step=step,
        coarse=coarse,
        moments=Moments(positions, mean, square),
        device=device,
    )
