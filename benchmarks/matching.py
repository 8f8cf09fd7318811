"""Speed of the matching engines: exact and certified against `torch.matmul`, screened against exact.

Arrays lie in files, as a user's do; reading them is part of every time.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import Matches, match
from rosettalaw.empirical.matching.cost import LARGEST
from rosettalaw.empirical.matching.machine.choice import (
    CLEARLY,
    kind_of,
    measured_speed,
    measured_speed_of_integers,
    speed_of_torch,
)
from rosettalaw.threads import return_memory

from .account import CERTIFIED, EXACT, Place, account, shown
from .timing import Ratio, memory_speed

TIMES = 3  # runs of an engine between products, for the median: products vary by half, half-precision ones threefold
SAMPLED = 16  # blocks whose products are timed twice over: a second of them varies by a tenth

# The kernel's own peak of this process; `getrusage` would count the process that started it too.
PEAK = """
import sys, torch  # which large matchings may load
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match
match(ArraySource(sys.argv[1]), ArraySource(sys.argv[2]), nulls={}, quiet=True, engine="exact")
print(next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def run() -> list[Ratio]:
    with tempfile.TemporaryDirectory(prefix="rosettalaw-bench-") as folder:
        ratios = [
            exact_against_matmul(Path(folder)),
            *certified_against_matmul(Path(folder)),
            *memory_of_the_exact_engine(Path(folder)),
        ]
        # Large files come last: while they are on their way to the disk, they take memory's time from what is timed.
        networks = [networks_file(Path(folder), seed, 200_000, 8192) for seed in (3, 4)]
        return [*ratios, *screened_against_exact(*networks, faster=20), nulls_against_matching(*networks)]


def exact_against_matmul(
    folder: Path,
    positions: int = 65_536,
    neurons: int = 4096,
    block: int = 2048,
    device: str = "cpu",
    share: float = 0.85,
) -> Ratio:
    """Time the exact engine between the same products (`between_products`).

    It warms up on few positions: kernels are compiled, files cached.
    """
    a, b = (noise_file(folder, seed, positions, neurons) for seed in (1, 2))
    tile = largest_tile(device, neurons)
    few = slice(0, block)
    match(ArraySource(a.rows(few)), ArraySource(b.rows(few)), nulls={}, quiet=True, engine="exact", device=device)
    for side in (a, b):
        read_through(side.path)

    speed_of_torch()  # measured once a machine
    exact = {"nulls": {}, "quiet": True, "engine": "exact", "device": device}
    library = []
    alone, took, spent = between_products(
        lambda: library.append(match(a, b, tile=tile, **exact).details.get("library")),
        lambda: seconds_of_products(a, b, block, tile, device),
    )
    flops, bytes_read = 2.0 * positions * neurons**2, 8.0 * positions * neurons
    detail = (
        f"({alone:.3g} s of products in {took:.3g} s by {library[0]}, jackknife included; T = {positions}, "
        f"N = {neurons}; torch.matmul {flops / alone / 1e9:.0f} GFLOP/s, memory {memory_speed() / 1e9:.0f} GB/s, "
        f"so that reading both sides once takes {bytes_read / memory_speed():.2g} s. "
        f"Seconds: {shown(took, spent)})"
    )
    return Ratio("the exact engine's share of torch.matmul's throughput", alone / took, share, True, detail)


def certified_against_matmul(
    folder: Path,
    positions: int = 65_536,
    neurons: int = 4096,
    block: int = 2048,
    device: str = "cpu",
    faster: float = 2.0,
) -> list[Ratio]:
    """Time the certified engine against float32 products and the exact engine where half-precision products are fast.

    Elsewhere these products alone are timed.
    """
    half, least = measured_speed(device), CLEARLY[kind_of(device)]
    whole = max(half, 1.0) * measured_speed_of_integers(half >= 1) if device == "cpu" else 0.0
    if (speed := max(half, whole)) < least:
        detail = (
            f"(not chosen here: half-precision products are {half:.3g} times float32 ones, integers {whole:.3g} times)"
        )
        return [Ratio("speed of half-precision or eight-bit products over float32 ones", speed, least, False, detail)]
    a, b = (noise_file(folder, seed, positions, neurons) for seed in (1, 2))
    tile, few = largest_tile(device, neurons), slice(0, block)
    options = {"nulls": {}, "quiet": True, "engine": "certified", "device": device}
    match(ArraySource(a.rows(few)), ArraySource(b.rows(few)), **options)
    for side in (a, b):
        read_through(side.path)
    begun = time.perf_counter()
    exact = match(a, b, **{**options, "engine": "exact"})
    plain, matches = time.perf_counter() - begun, []
    alone, took, spent = between_products(
        lambda: matches.append(match(a, b, **options)),
        lambda: seconds_of_products(a, b, block, tile, device),
        CERTIFIED,
    )
    details = matches[0].details
    flops = 2.0 * positions * neurons**2
    detail = (
        f"({alone:.3g} s of float32 products, {took:.3g} s matched, jackknife included; T = {positions}, "
        f"N = {neurons}; half-precision products were {half:.3g} times float32 ones when they were measured, integers "
        f"{whole:.3g} times, and products "
        f"{flops / spent['products'] / 1e9:.0f} to {flops / alone / 1e9:.0f} GFLOP/s here; {details['pieces']} "
        f"piece{'s' * (details['pieces'] > 1)} ({details['format']}), bound {details['largest_bound']:.2g}, "
        f"{details['computed_exactly']} pairs computed exactly. Seconds: {shown(took, spent)})"
    )
    same = pairs(exact) == pairs(matches[0]) and exact.correlation.tobytes() == matches[0].correlation.tobytes()
    times = f"({plain:.3g} s and {took:.3g} s; the same {len(exact.unit_a)} pairs: {'yes' if same else 'no'})"
    return [
        Ratio("the certified engine's throughput over torch.matmul's in float32", alone / took, faster, True, detail),
        Ratio("the exact engine's time over the certified one's", plain / took, 1, True, times),
    ]


def between_products(
    work: Callable[[], object], products: Callable[[], float], stages: Mapping[str, tuple[Place, ...]] = EXACT
) -> tuple[float, float, dict[str, float]]:
    """Return seconds of products, of an engine's work, and of its stages: the run with the median ratio of `TIMES`.

    A run is compared with the mean of the products before and after it.
    """
    runs, after = [], products()
    for _ in range(TIMES):
        took, spent = account(work, stages)
        before, after = after, products()
        runs.append(((before + after) / 2, took, spent))
    return sorted(runs, key=lambda run: run[0] / run[1])[TIMES // 2]


def largest_tile(device: str, neurons: int) -> tuple[int, int]:
    """Return the exact engine's tile of so many neurons where there is memory for it."""
    edge_a, edge_b = LARGEST["cpu" if device == "cpu" else "cuda"]
    return min(edge_a, neurons), min(edge_b, neurons)


def seconds_of_products(a: ArraySource, b: ArraySource, block: int, tile: tuple[int, int], device: str) -> float:
    """Return the seconds that `torch.matmul` needs for the products of two sources, from those of `SAMPLED` blocks."""
    starts = [start for start in range(0, a.positions - block + 1, block)][:SAMPLED]
    blocks = [
        [
            torch.from_numpy(np.array(side.rows(slice(start, start + block), slice(0, edge)))).to(device)
            for side, edge in zip((a, b), tile, strict=True)
        ]
        for start in starts
    ]
    out = torch.zeros(tile, device=device)
    out.addmm_(blocks[0][0].T, blocks[0][1]).sum().item()  # a number is waited for, wherever it is computed
    begun = time.perf_counter()
    for x, y in 2 * blocks:
        out.addmm_(x.T, y)
    out[0, 0].item()
    took, number = time.perf_counter() - begun, 2 * len(blocks)
    del blocks, out, x, y
    return_memory()  # now, not while an engine is timed
    return took / number * (a.positions / block) * len(a.layer) * len(b.layer) / (tile[0] * tile[1])


def memory_of_the_exact_engine(folder: Path, neurons: int = 4096) -> list[Ratio]:
    """Peak resident memory of a process that matches, for few and for many positions."""
    peaks = []
    for positions in (16_384, 65_536):
        files = [noise_file(folder, seed, positions, neurons).path for seed in (1, 2)]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *map(str, files)], capture_output=True, check=True, text=True
        )
        peaks.append(float(done.stdout))
    return [
        Ratio("peak memory in GiB, T = 65536, N = 4096", peaks[1] / 2**30, 1, False),
        Ratio("peak memory, T = 65536 over T = 16384", peaks[1] / peaks[0], 1.2, False),
    ]


def screened_against_exact(a: FileSource, b: FileSource, faster: float, device: str = "cpu") -> list[Ratio]:
    """Match two files with both engines; `faster` is how many times the screened one is claimed to be.

    The screened one is timed before and after the exact one, and its better time counts: files that were written just
    now are still on their way to the disk, which takes memory's time from an engine that is all reading.
    """
    few = slice(0, 2048)
    times, matches = {}, {}
    for engine in ("screened", "exact", "screened"):
        match(ArraySource(a.rows(few)), ArraySource(b.rows(few)), nulls={}, quiet=True, engine=engine, device=device)
        for side in (a, b):
            read_through(side.path)
        begun = time.perf_counter()
        matches[engine] = match(a, b, nulls={}, quiet=True, engine=engine, device=device)
        times[engine] = min(time.perf_counter() - begun, times.get(engine, np.inf))
    exact, screened = pairs(matches["exact"]), pairs(matches["screened"])
    sizes = f"(T = {a.positions}, N = {len(a.layer)}; {times['exact']:.3g} s and {times['screened']:.3g} s)"
    shared = f"({len(exact)} exact pairs, {len(screened)} screened, {len(exact & screened)} in both)"
    return [
        Ratio(
            "the exact engine's time over the screened one's", times["exact"] / times["screened"], faster, True, sizes
        ),
        Ratio("share of the exact pairs that screening finds", len(exact & screened) / len(exact), 0.999, True, shared),
        Ratio("share of the screened pairs that are exact", len(exact & screened) / len(screened), 0.999, True, shared),
    ]


def nulls_against_matching(a: FileSource, b: FileSource, draws: int = 3, most: float = 1.3) -> Ratio:
    """Match two files by the screened engine without and with draws of the null `shift`, in turn, and compare.

    A run with draws is compared with the mean of those before and after it; the median of `TIMES` ratios counts.
    """

    def seconds(number: int) -> float:
        begun = time.perf_counter()
        match(a, b, nulls={"shift": number} if number else {}, quiet=True, engine="screened")
        return time.perf_counter() - begun

    runs, after = [], seconds(0)
    for _ in range(TIMES):
        before, longer, after = after, seconds(draws), seconds(0)
        runs.append((longer, (before + after) / 2))
    longer, alone = sorted(runs, key=lambda run: run[0] / run[1])[TIMES // 2]
    sizes = f"(T = {a.positions}, N = {len(a.layer)}; {longer:.3g} s and {alone:.3g} s)"
    claim = f"time of the screened engine with {draws} draws of a null over that without"
    return Ratio(claim, longer / alone, most, False, sizes)


class FileSource(ArraySource):
    """An array in a file, which says where."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.path = path


def noise_file(folder: Path, seed: int, positions: int, neurons: int) -> FileSource:
    path = folder / f"noise-{seed}-{positions}.npy"
    if not path.exists():
        rng = np.random.default_rng(seed)
        file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(positions, neurons))
        for start in range(0, positions, 4096):
            file[start : start + 4096] = rng.standard_normal((len(file[start : start + 4096]), neurons), np.float32)
        file.flush()  # or the system writes it while something is timed
    return FileSource(path)


def networks_file(folder: Path, seed: int, positions: int, neurons: int, networks: int = 8) -> FileSource:
    """Write activations with the structure of trained ones: networks of several sizes side by side.

    Sparse features, common to all networks, drive one neuron each with a strength that falls with their rank, and more
    of them in larger networks; every network has its own mixture of a few dense directions (hubs) and noise; units are
    rectified, which makes them skewed and heavy-tailed.
    """
    path = folder / f"networks-{seed}-{positions}.npy"
    if path.exists():
        return FileSource(path)
    rng, common = np.random.default_rng(seed), np.random.default_rng(0)
    widths = np.geomspace(1, 8, networks)
    edges = np.concatenate([[0], np.cumsum(widths / widths.sum() * neurons)]).astype(int)
    places = [edges[i] + rng.permutation(edges[i + 1] - edges[i])[: 12 + 8 * i] for i in range(networks)]
    directions = rng.standard_normal((8, neurons), np.float32) / 4
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(positions, neurons))
    for start in range(0, positions, 4096):
        rows = len(file[start : start + 4096])
        features = common.standard_exponential((rows, 128), np.float32) * (common.random((rows, 128)) < 0.1)
        x = rng.standard_normal((rows, neurons), np.float32)
        x += common.standard_normal((rows, 8), np.float32) @ directions
        for place in places:
            strength = np.geomspace(8, 1, len(place)).astype(np.float32) * rng.uniform(0.7, 1, len(place))
            x[:, place] += features[:, : len(place)] * strength.astype(np.float32)
        file[start : start + rows] = np.maximum(x, 0.05 * x)
    file.flush()
    return FileSource(path)


def read_through(path: Path) -> None:
    """Bring a file into memory, as far as there is room, so that no engine waits for the disk alone."""
    with path.open("rb", buffering=0) as file:
        while file.read(2**24):
            pass


def pairs(matches: Matches) -> set[tuple[int, int]]:
    return set(zip(matches.unit_a.tolist(), matches.unit_b.tolist(), strict=True))
