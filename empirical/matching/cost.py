r"""Cost of a matching, exact and screened: operations, bytes, memory, time; and the smallest detectable correlation.

N_A and N_B neurons, T positions, D draws of the permutation null, s bytes an activation, tiles of e_A × e_B neurons.

Exact engine, for the matching and its D nulls, of which g share a pass over A (`matchings_at_once`):

    operations   2 N_A N_B T (1 + D)
    bytes        T (N_A ⌈N_B/e_B⌉ ⌈(1 + D)/g⌉ + N_B ⌈N_A/e_A⌉ (1 + D)) (s + 12)
                 reading; centred rows written, then read by the product
    memory       4 (g J + 4) e_A e_B + 8 (e_A + e_B)(block + 2) + 8 T min(g, D)
                 + (24 (k + 3) + 16) g (N_A + N_B) + (24 + 8 J)(k + 5)(N_A + N_B)
                 J parts of each tile and the ranking of one; two blocks per side; the order of permuted positions;
                 lists of best partners, k + 3 of each neuron, and the parts of k + 5 for the replicates
                 and for permuted positions the blocks that are put in place: an eighth of the memory allowed at most,
                 and 1 GiB where none is stated
    or           ((72 + 16 J)(k + 5) + 32 J)(N_A + N_B) + 48 min(100 (k + 5)(N_A + N_B), 2²¹), if that is more
                 when all tiles are done and their memory is given up: the replicates, of the listed partners' products

Screened engine, for each of these: B buckets (R B stored as bytes), c candidates per neuron, m audited neurons of A,
P pairs read:

    operations   2 N_A N_B B + 2 R B c (N_A + N_B) + 2 P T + 2 m N_B T
    bytes        T (N_A + N_B) (s [sketch] + s + 4 [turned to columns] + s [rivals]) + 8 P T
    memory       (R + 4) B (N_A + N_B) + 4 min(R B, T) min(N, 8192),   N = max(N_A, N_B)
    or           (R + 6) B (N_A + N_B) + 256 C (N_A + N_B) + 32 N_B m + 16 c (N_A + N_B)
                 + max(6 min(1024 N_B, 2²⁶), 8 (J + 4) P + the replicates of the exact engine),   C processors
                 the sums of some neurons beside the sketches that are made of them; or all sketches, with rounded
                 copies, and estimates that are ranked, or exact products
    or           B ((R + 16) N_A + 14 N_B), where there are draws: small sketches of both sides, twice

and on another device, where torch goes over things several times (`device_kernels`) and ranks all estimates,

    bytes        T (N_A + N_B) ((s + 24) [sketch] + (2 s + 24) [turned]) + 8 P T + 250 N_A N_B [ranked]
    memory       2 B (N_A + N_B) + 4 R B W + 2 KiB (N_A + N_B),   W neurons sketched at a time
    link         T (N_A + N_B) 3 s, where activations come from the host, not from models on the device

Audited neurons are multiplied from the columns that are turned anyway. P is taken as 4 a neuron: on trained networks
two or three were read, where many neurons are alike up to some tens (c at most before verification). Files are mapped
while they are searched: their pages count as the process's until the system needs them.

The certified engine on the CPU, for two-byte pieces of which R bytes stay for later tiles (whole numbers of one byte
take half), blocks of n positions, and P pairs left open:

    operations   2 N_A N_B T + 2 P T, the first at the speed of half-precision products or of integers
    bytes        T (N_A + N_B) (2 s [moments, rounding] + 2 s [open pairs, pairs]) + 24 N_A N_B T/n
    memory       16 e_A e_B + 2 n (e_A + e_B) + R + 24 P
    or           R + 8 (3 J/2 + 8) P and the replicates of the exact engine, if that is more

It takes at most 20 e_A e_B and fits where the exact one does. Its tiles are larger where there is room, since it rounds
both sides for each of them.

Time is operations over the sustained rate plus bytes over the sustained bandwidth, not overlapped: an upper estimate.
Candidates' columns come from a cache where there is one; the model charges main memory, which is pessimistic. Transfers
between host and device are reported separately. Running the models is not counted; where activations cannot be
cached, the number of model runs is reported.

**Detectable correlation.** Unrelated neurons correlate with standard deviation 1/√(T − 1). A pair of correlation ρ is
mutual if it beats the N_A + N_B − 2 rivals of its two neurons; half of such pairs are found where

    Φ(ρ √(T−1))^(N_A + N_B − 2) = ½.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace

import numpy as np
import psutil

from ...errors import InputError, require
from .rates import Device

LARGEST = {"cpu": (2048, 4096), "cuda": (8192, 8192)}  # tiles: larger ones save reading and cost memory
LARGEST_CERTIFIED = {"cpu": (4096, 4096), "cuda": (8192, 8192)}  # it rounds both sides for every tile, and has no parts
SMALLEST = 64  # edge of a tile
MOST_BYTES = 2**63
SPARE = 3  # partners kept beyond the k best: the margin needs one, copies of a neuron a few
OPEN = 12  # pairs that the certified engine leaves open, for each neuron: those measured lie between 10 and 25
ROUNDED_AT_ONCE = 8192  # positions that it multiplies at once, at most
MOST_ROUNDED, ROUNDED_SHARE = 2**30, 4  # bytes of rounded columns that stay for later tiles, and of the memory's share
RANKED = 2**26  # estimates that the screened engine ranks at a time on the CPU, six bytes each
RIVALS = 5  # partners kept beside the k best where there are replicates (`replicates`)
TEXTS, TOGETHER = 100, 2**21  # of the replicates: texts that are drawn, and correlations that are formed at a time


@dataclass(frozen=True)
class Sizes:
    """Sizes of a matching; see the head of this module."""

    neurons_a: int
    neurons_b: int
    positions: int
    parts: int = 16
    block: int = 2048
    draws: int = 0
    k: int = 1

    def __post_init__(self):
        for name in ("neurons_a", "neurons_b", "positions", "parts", "block", "k"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "must be at least 1")


@dataclass(frozen=True)
class MatchingCost:
    """Needs of an engine on its device.

    Attributes
    ----------
    engine : str
        "exact" or "screened".
    operations : float
        Multiplications and additions.
    bytes_moved : float
        To and from the device's memory.
    memory : float
        Bytes of it.
    seconds : float
        How long that takes.
    link_seconds : float
        Additional time for activations that come from the host; 0 on the CPU.
    detail : str
        The rest, in words.
    """

    engine: str
    operations: float
    bytes_moved: float
    memory: float
    seconds: float
    link_seconds: float
    detail: str


def detectable_correlation(sizes: Sizes) -> float:
    """Return the correlation at which half of all pairs are found (module head); NaN for one position."""
    from scipy.special import ndtri

    rivals = sizes.neurons_a + sizes.neurons_b - 2
    if rivals == 0 or sizes.positions < 2:
        return 0.0 if rivals == 0 else float("nan")
    # 2^(−1/rivals) rounds to 1 for many rivals; its complement does not.
    return float(min(-ndtri(-np.expm1(-np.log(2) / rivals)) / np.sqrt(sizes.positions - 1), 1))


def tile_bytes(sizes: Sizes, edge_a: int, edge_b: int, at_once: int = 1) -> int:
    """Return the memory of a matching, or of several that share a pass, with tiles of these edges (module head)."""
    block, both = min(sizes.block, -(-sizes.positions // sizes.parts)), sizes.neurons_a + sizes.neurons_b
    lists = (24 * (sizes.k + SPARE) + 16) * at_once * both
    lists += (24 + 8 * sizes.parts) * (sizes.k + RIVALS) * both
    orders = 8 * sizes.positions * min(at_once, sizes.draws)
    return 4 * (at_once * sizes.parts + 4) * edge_a * edge_b + 8 * (block + 2) * (edge_a + edge_b) + lists + orders


def replicate_bytes(sizes: Sizes) -> int:
    """Return the memory of the replicates, which are made when that of the tiles is given up (module head)."""
    both = sizes.neurons_a + sizes.neurons_b
    listed = (sizes.k + RIVALS) * both
    lists = (72 + 16 * sizes.parts) * listed + 32 * sizes.parts * both
    return lists + 48 * min(TEXTS * min(listed, sizes.neurons_a * sizes.neurons_b), TOGETHER)


def budget(memory: int | None, device: str = "cpu", sharing: int = 1) -> int:
    """Return `memory`, or half of the free memory of the device, in bytes, for each process `sharing` it."""
    if memory is not None:
        return memory
    if not device.startswith("cuda"):
        return psutil.virtual_memory().available // 2 // sharing
    import torch

    return torch.cuda.mem_get_info(device)[0] // 2


def tile_shape(sizes: Sizes, memory: int | None, device: str = "cpu", engine: str = "exact") -> tuple[int, int]:
    """Return the largest tile within a memory budget, its longer edge halved until it fits, from `LARGEST` on.

    From `LARGEST_CERTIFIED` on for the certified engine.

    Parameters
    ----------
    memory : int, optional
        Bytes; see `budget`.

    Raises
    ------
    InputError
        If the matching does not fit with the smallest tile.
    """
    memory = budget(memory, device)
    largest = LARGEST_CERTIFIED if engine == "certified" else LARGEST
    edge_a, edge_b = largest["cuda" if device.startswith("cuda") else "cpu"]
    while max(edge_a, edge_b) > SMALLEST and _tile_bytes_at(sizes, edge_a, edge_b) > memory:
        edge_a, edge_b = (edge_a, edge_b // 2) if edge_b >= edge_a else (edge_a // 2, edge_b)
    if _tile_bytes_at(sizes, edge_a, edge_b) > memory:
        least = f"with the smallest tile this matching needs {_size(_tile_bytes_at(sizes, edge_a, edge_b))}"
        raise InputError("memory", _size(memory), least, "--memory 1GiB")
    return min(edge_a, sizes.neurons_a), min(edge_b, sizes.neurons_b)


def matchings_at_once(sizes: Sizes, tile: tuple[int, int], memory: int, device: str = "cpu") -> int:
    """Return how many matchings with the same A (the real one, null draws) share a pass over it.

    It saves reading and centring A, which costs about 1/edge of the products: much for small tiles, little for large
    ones. Each matching takes a tile's memory, so together they get that of one largest tile, if the budget has it.
    """
    edge_a, edge_b = LARGEST["cuda" if device.startswith("cuda") else "cpu"]
    largest = edge_a * edge_b // (tile[0] * tile[1])
    at_once = 1
    while at_once < min(largest, 1 + sizes.draws) and tile_bytes(sizes, *tile, at_once + 1) <= memory:
        at_once += 1
    return at_once


def exact_cost(
    sizes: Sizes, device: Device, draws: int = 0, width: int = 4, tile: tuple[int, int] | None = None
) -> MatchingCost:
    """Return the cost of the exact engine; `width` is the bytes of an activation."""
    memory, kind, sizes = int(device.memory / 2), "cpu" if device.on_cpu else "cuda", replace(sizes, draws=draws)
    edge_a, edge_b = tile or tile_shape(sizes, memory, kind)
    at_once = matchings_at_once(sizes, (edge_a, edge_b), memory, kind)
    tiles_a, tiles_b = -(-sizes.neurons_a // edge_a), -(-sizes.neurons_b // edge_b)
    operations = 2.0 * sizes.neurons_a * sizes.neurons_b * sizes.positions * (1 + draws)
    passes = -(-(1 + draws) // at_once)
    read = float(sizes.positions) * (sizes.neurons_a * tiles_b * passes + sizes.neurons_b * tiles_a * (1 + draws))
    number = f"{tiles_a * tiles_b} tile{'s' * (tiles_a * tiles_b > 1)}"
    detail = f"{number} of {edge_a} × {edge_b}; without room to keep activations, as many model runs"
    most = tile_bytes(sizes, edge_a, edge_b, at_once)
    most = max(most, replicate_bytes(sizes)) if device.on_cpu else most  # replicates are made on the host
    needs = operations, read * (width + 12), float(most)
    return _cost("exact", *needs, read * width, device, detail)


def certified_cost(
    sizes: Sizes,
    device: Device,
    draws: int = 0,
    width: int = 4,
    memory: int | None = None,
    speed: float = 1.0,
) -> MatchingCost:
    """Return the cost of the certified engine on the CPU.

    Parameters
    ----------
    memory : int, optional
        Bytes that the matching may take; see `budget`.
    speed : float
        How many times faster its products are than float32 ones.
    """
    room = int(device.memory / 2) if memory is None else memory
    edge_a, edge_b = tile_shape(sizes, room, "cpu", "certified")
    tiles_a, tiles_b = -(-sizes.neurons_a // edge_a), -(-sizes.neurons_b // edge_b)
    both, all_pairs = sizes.neurons_a + sizes.neurons_b, float(sizes.neurons_a) * sizes.neurons_b
    positions = sizes.positions
    pairs = min(OPEN * both, all_pairs)
    rows = min(ROUNDED_AT_ONCE, positions)
    later = 2.0 * positions * ((tiles_b > 1) * edge_a + (tiles_a > 1) * sizes.neurons_b)
    stay = min(later, room // ROUNDED_SHARE, MOST_ROUNDED)
    operations = 2 * (all_pairs + pairs) * positions * (1 + draws)
    rounding = 1.0 if stay == later else (tiles_b * sizes.neurons_a + tiles_a * sizes.neurons_b) / both
    moved = (positions * both * width * (3 + rounding) + 24 * all_pairs * positions / rows) * (1 + draws)
    needed = stay + max(
        16.0 * edge_a * edge_b + 2 * rows * (edge_a + edge_b) + 24 * pairs,
        8 * (1.5 * sizes.parts + 8) * pairs + replicate_bytes(sizes),
    )
    number = f"{tiles_a * tiles_b} tile{'s' * (tiles_a * tiles_b > 1)}"
    detail = (
        f"{number} of {edge_a} × {edge_b}; products taken as {speed:.2g} times as fast as float32; what auto takes here"
    )
    one = _cost("certified", operations / speed, moved, needed, positions * both * width, device, detail)
    return replace(one, operations=operations)


def screened_cost(
    sizes: Sizes,
    device: Device,
    draws: int = 0,
    width: int = 4,
    buckets: int = 2048,
    candidates: int = 16,
    audit: int = 32,
) -> MatchingCost:
    """Return the cost of the screened engine."""
    from .machine.loops import STEP
    from .screening.pair_kernels import padded
    from .screening.sketch_kernels import COLUMNS, REFINED

    both, all_pairs = sizes.neurons_a + sizes.neurons_b, float(sizes.neurons_a) * sizes.neurons_b
    positions, largest = float(sizes.positions), max(sizes.neurons_a, sizes.neurons_b)
    pairs = min(4 * both, sizes.neurons_a * sizes.neurons_b)
    estimates = 2 * all_pairs * buckets + 2 * REFINED * buckets * candidates * both
    operations = (estimates + 2 * pairs * positions) * (1 + draws) + 2 * audit * sizes.neurons_b * positions
    sketches, column = (REFINED + 6.0) * buckets * both, 4 * REFINED * buckets
    at_once = max(COLUMNS, int(device.memory / 2) // column)
    if device.on_cpu:
        moved = (positions * both * (2 * width + 4) + 8 * pairs * positions) * (1 + draws)
        moved += positions * width * both
        made = (REFINED + 4.0) * buckets * both + 4 * min(REFINED * buckets, positions) * min(COLUMNS, largest)
        memory = sketches + 256 * (os.cpu_count() or 1) * both + 32 * padded(audit, STEP) * sizes.neurons_b
        memory += 16 * candidates * both
        estimated = 6 * min(1024 * sizes.neurons_b, RANKED)
        memory += max(estimated, 8 * (sizes.parts + 4) * pairs + replicate_bytes(sizes))
        # Draws: A's sketch, and four small ones with their rounded sums (`screening.shifts`).
        small = buckets * ((REFINED + 16.0) * sizes.neurons_a + 14 * sizes.neurons_b) if draws else 0
        memory = max(made, memory, small)
        host = ""
    else:
        moved = (positions * (both * (3 * width + 48) + 8 * pairs) + 250 * all_pairs) * (1 + draws)
        memory = 2.0 * buckets * both + float(column) * min(at_once, largest) + 2048 * both
        host = f"; {(sketches + 8 * (sizes.parts + 4) * pairs) / 2**30:.3g} GiB on the host"
    runs = -(-largest // at_once) + 2
    detail = f"two readings, rivals and the audit; {pairs:.3g} pairs read{host}; "
    detail += f"without room to keep activations, about {runs} model runs"
    return _cost("screened", operations, moved, memory, 3 * positions * both * width * (1 + draws), device, detail)


def byte_count(argument: str, text: str) -> int:
    """Read an amount of memory: 2GiB, 500MB, 1e9.

    Raises
    ------
    InputError
        If it is none.
    """
    match = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*(?:([KMGT]?)(i?)B?)?\s*", text, re.IGNORECASE)
    try:
        number = float(match[1]) if match else float("nan")
    except ValueError:
        number = float("nan")
    power = " KMGT".index((match[2] or " ").upper()) if match else 0
    amount = number * (1024 if match and match[3] else 1000) ** power
    if not 1 <= amount < MOST_BYTES:
        raise InputError(argument, text, "must be an amount of memory", f"{argument} 2GiB")
    return int(amount)


def _size(count: float) -> str:
    """Return an amount of memory in the unit that a person would take."""
    power = min(int(np.log2(max(count, 1)) // 10), 4)
    return f"{count / 1024**power:.3g} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


def _tile_bytes_at(sizes: Sizes, edge_a: int, edge_b: int) -> int:
    return tile_bytes(sizes, min(edge_a, sizes.neurons_a), min(edge_b, sizes.neurons_b))


def _cost(
    engine: str, operations: float, moved: float, memory: float, read: float, device: Device, detail: str
) -> MatchingCost:
    seconds = operations / device.operations + moved / device.bandwidth
    return MatchingCost(
        engine=engine,
        operations=operations,
        bytes_moved=moved,
        memory=memory,
        seconds=seconds,
        link_seconds=read / device.link,
        detail=detail,
    )
