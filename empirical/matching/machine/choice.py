"""Choices of the faster way on this machine: the exact or the certified engine, products by NumPy or by torch.

The certified engine forms a half-precision product for each one of the exact engine (on a GPU up to three), rounds
columns, and computes pairs exactly. On the CPU it multiplies eight-bit integers first, where products of these were
measured `FASTER` than bfloat16 ones: many processors have instructions for integers alone, and there it needs no
others. It is chosen for large matchings where one of them was measured `CLEARLY` times faster than float32 products.

The exact engine's products on the CPU are those of NumPy's BLAS, and of torch's for large matchings where these were
measured `FASTER`: on some processors one library takes two thirds of the other's time, on others they are alike.

A measurement takes a fraction of a second and is saved in the cache, for each processor, number of threads and version
of the libraries. Where it cannot be saved, or torch is missing, the engine is the exact one and products are NumPy's: a
choice must be the same each time, because correlations of null pairs and margins differ in the last digits of float32.
"""

from __future__ import annotations

import contextlib
import functools
import json
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ....cache import cache_folder
from ....checksums import sealed, unsealed
from ....disk import replacing
from ....errors import RosettaError, installed, require_extra
from .checkpoint import stated_in

AUTO = "auto"
NUMPY, TORCH = LIBRARIES = "numpy", "torch"  # that form products on the CPU
CLEARLY = {"cpu": 2.0, "cuda": 4.0}  # below, the passes around products take what these save; three on a GPU
FASTER = 1.1  # below, so short a measurement may not distinguish them
LARGE = 5e11  # products of two activations from which a choice is worth a measurement; seconds of one core
EDGE = {"cpu": 2048, "cuda": 4096}
REPEATS = 3
SMALLER = 256  # edge of products that are timed first: some processors would take minutes for larger ones
SLOW = 0.5  # ratio over other products from which larger ones are timed
PAUSE = 0.1  # seconds after which OpenBLAS's threads sleep
SPEEDS = "products.json"  # in the cache: half-precision products over float32 ones
SPEEDS_OF_INTEGERS = "integer-products.json"  # products of eight-bit integers over the faster of the others
SPEEDS_OF_LIBRARIES = "libraries.json"  # torch's float32 products over NumPy's
_UNSAVED: set[tuple[Path, str]] = set()  # measured by this process, and not to be measured again


def fastest(products: float, also_k: Sequence[int], compute: str, device: str, folder: Any = None) -> str:
    """Return "exact" or "certified" for a matching.

    Parameters
    ----------
    products : float
        Products of two activations in all.
    also_k, compute, device
        See `match`; what only the exact engine does is done by it.
    folder : path, optional
        Where unfinished work may lie: it goes on with the engine that it was begun with.
    """
    begun = stated_in(folder).get("engine")
    if begun in ("exact", "certified"):
        return begun
    if also_k or compute != "float32" or products < LARGE or not installed("torch"):
        return "exact"
    return "certified" if speed_of_certified(device) >= CLEARLY[kind_of(device)] else "exact"


def library_of_products(products: float, engine: str, compute: str, device: str, folder: Any = None) -> str:
    """Return "numpy" or "torch": whose float32 products the exact engine uses on the CPU; see `fastest`.

    Raises
    ------
    MissingExtraError
        If unfinished work was begun with torch, which is missing now.
    """
    begun = stated_in(folder)
    if begun:
        library = begun.get("library", NUMPY)
        if library == TORCH:
            require_extra("torch")
        return library
    if engine != "exact" or device != "cpu" or compute != "float32" or products < LARGE:
        return NUMPY
    if not installed("torch"):
        return NUMPY
    ratio = speed_of_torch()
    return TORCH if ratio is not None and ratio >= FASTER else NUMPY


def kind_of(device: str) -> str:
    """Return "cuda" or "cpu": which kind a device is measured as."""
    return "cuda" if device.startswith("cuda") else "cpu"


def half_precision_speed(device: str, measure: Callable[[str], float] | None = None) -> float | None:
    """Return how many times faster half-precision products are than float32 ones, as saved or measured now.

    None where it cannot be saved.
    """
    return _speed(SPEEDS, _machine(device), lambda: (measure or measured_speed)(device))


def speed_of_certified(device: str) -> float:
    """Return how many times faster than float32 products the certified engine's are; 0 where it is not to be chosen.

    On the CPU integers are measured where half precision is not fast enough by itself.
    """
    half = half_precision_speed(device)
    if half is None:
        return 0.0
    if kind_of(device) != "cpu" or half >= CLEARLY["cpu"]:
        return half
    whole = integer_speed(half >= 1)
    return max(half, 1.0) * whole if whole is not None and whole >= FASTER and exact_integers() else half


def forms_that_pay() -> tuple[bool, bool]:
    """Return whether the certified engine is to round columns to eight-bit integers, and to half precision, on the CPU.

    Half precision is left out only where integers are taken and its products are no faster than float32 ones. That
    products of integers are exact is tried each time: settings of the libraries change them, and processors share
    names.
    """
    half = half_precision_speed("cpu")
    whole = None if half is None else integer_speed(half >= 1)
    if half is None or whole is None or whole < FASTER or not exact_integers():
        return False, True
    return True, half >= 1


def integer_speed(over_half: bool, measure: Callable[[bool], float] | None = None) -> float | None:
    """Return how many times faster products of eight-bit integers are than others, as saved or measured now.

    None where it cannot be saved.

    Parameters
    ----------
    over_half : bool
        Whether the others are in half precision, or in float32. Both are formed in turn: a machine's speed varies.
    """
    key = f"{_machine('cpu')}, over {'bfloat16' if over_half else 'float32'}"
    return _speed(SPEEDS_OF_INTEGERS, key, lambda: (measure or measured_speed_of_integers)(over_half))


def speed_of_torch(measure: Callable[[], float] | None = None) -> float | None:
    """Return how many times faster torch's float32 products on the CPU are than NumPy's, as saved or measured now.

    None where it cannot be saved.
    """
    return _speed(SPEEDS_OF_LIBRARIES, f"{_machine('cpu')}, {_blas()}", measure or measured_speed_of_torch)


def _speed(name: str, key: str, measure: Callable[[], float]) -> float | None:
    """Return a ratio of speeds from a file of the cache, or measure and save it; None where it cannot be saved."""
    path = cache_folder() / name
    saved = _saved(path)
    if key in saved:
        return saved[key]
    if (path, key) in _UNSAVED:
        return None
    ratio = float(measure())
    try:
        with replacing(path) as partial:
            partial.write_text(json.dumps(sealed({**saved, key: ratio}), indent=1), encoding="utf-8")
    except RosettaError:
        _UNSAVED.add((path, key))
        return None
    return ratio


def measured_speed(device: str) -> float:
    """Return how many times faster half-precision products are, from moderate ones formed in turn.

    0 where their sums are less accurate than the certified engine's bound takes them to be. On the CPU small ones are
    measured first.
    """
    if kind_of(device) == "cpu":
        ratio = _ratio_of_halves(device, SMALLER, SMALLER)
        return ratio if ratio < SLOW else _ratio_of_halves(device, EDGE["cpu"], EDGE["cpu"] // 4)
    return _ratio_of_halves(device, EDGE["cuda"], EDGE["cuda"] // 4)


def _ratio_of_halves(device: str, edge: int, depth: int) -> float:
    """Return how many times faster half-precision products are, of so many rows and columns."""
    import torch

    from ..certifying.bound import EIGHT_BITS, UNIT, gamma
    from ..certifying.pieces import kind_on
    from ..certifying.sums import device_product, host_product

    place = torch.device(device)
    numbers = torch.arange(edge * depth, device=place)
    wide = (((numbers * 7919) % 255 - 127) / 128).reshape(depth, edge)  # of 8 bits, with sums that are not
    wide[1::2] *= 2.0**-9
    narrow = wide.to(getattr(torch, kind_on(device)))
    on_cpu = place.type == "cpu"
    if on_cpu:
        narrow = narrow.T.contiguous()
    out, room = torch.empty(edge, edge, device=place), torch.empty(edge, edge, device=place, dtype=narrow.dtype)

    def half() -> Any:
        if on_cpu:
            return host_product(narrow, narrow, room)
        return device_product((narrow, narrow), (narrow, narrow), False, out)

    def single() -> Any:
        return torch.mm(wide.T, wide, out=out)

    def seconds(run: Callable[[], Any]) -> float:
        begun = time.perf_counter()
        run()[0, 0].item()
        if place.type == "cuda":
            torch.cuda.synchronize(place)
        return time.perf_counter() - begun

    single()  # kernels are loaded
    few = wide[:, :8].double()
    error = (half()[:8, :8].double() - few.T @ few).abs().amax()
    sums = gamma(depth, UNIT.get(place.type, UNIT["cuda"])) + EIGHT_BITS * on_cpu
    if error > sums * (few**2).sum(0).amax():
        return 0.0
    times = [(seconds(single), seconds(half)) for _ in range(REPEATS)]
    return min(one for one, _ in times) / min(other for _, other in times)


def measured_speed_of_integers(over_half: bool) -> float:
    """Return how many times faster products of eight-bit integers are than half-precision or float32 ones.

    0 where torch has none, or where they are not exact. Small ones are measured first: plain loops stand in for missing
    kernels.
    """
    if not exact_integers():
        return 0.0
    ratio = _ratio_of_integers(SMALLER, over_half)
    return ratio if ratio < SLOW else _ratio_of_integers(EDGE["cpu"], over_half)


def exact_integers() -> bool:
    """Return whether products of eight-bit integers are exact: without instructions for them, 16 bits overflow."""
    import torch

    from ..certifying.integers import integer_product

    whole = torch.full((SMALLER, SMALLER), 127, dtype=torch.int8)
    whole[::2, 1::3] = -127
    try:
        product = integer_product(whole, whole, torch.empty(SMALLER, SMALLER, dtype=torch.int32))
    except (AttributeError, RuntimeError):
        return False
    few = whole[:8].double()
    return torch.equal(product[:8].double(), few @ whole.double().T)


def _ratio_of_integers(edge: int, over_half: bool) -> float:
    """Return how many times faster products of integers are than others, from square ones formed in turn."""
    import torch

    from ..certifying.integers import integer_product
    from ..certifying.sums import host_product

    whole = torch.full((edge, edge), 127, dtype=torch.int8)
    other = whole.bfloat16() if over_half else whole.float()
    sums, room = torch.empty(edge, edge, dtype=torch.int32), torch.empty(edge, edge, dtype=other.dtype)

    def others() -> Any:
        return host_product(other, other, room) if over_half else torch.mm(other.T, other, out=room)

    times = []
    for _ in range(1 + REPEATS):  # kernels are loaded by the first
        marks = [time.perf_counter()]
        for multiply in (others, lambda: integer_product(whole, whole, sums)):
            multiply()
            marks.append(time.perf_counter())
        times.append(np.diff(marks))
    return float(np.divide(*np.min(times[1:], axis=0)))


def measured_speed_of_torch() -> float:
    """Return how many times faster torch's float32 products are than NumPy's, from some of moderate size.

    Each library's are formed in a row, after a pause: threads of the other one, which wait for more work at full load,
    would slow the first.
    """
    from .precision import add_product

    edge = EDGE["cpu"]
    rows = ((np.arange(edge // 2 * edge) * 7919) % 255 - 127).astype(np.float32).reshape(edge // 2, edge)
    out = np.zeros((edge, edge), np.float32)

    def seconds(library: str) -> float:
        time.sleep(PAUSE)
        times = []
        for _ in range(REPEATS):  # kernels are loaded by the first
            begun = time.perf_counter()
            add_product(out, rows, rows, True, library)
            times.append(time.perf_counter() - begun)
        return min(times[1:])

    return seconds(NUMPY) / seconds(TORCH)


def _blas() -> str:
    """Return the facts about NumPy's BLAS: the libraries of this process, their versions and numbers of threads."""
    from threadpoolctl import threadpool_info

    blas = [one for one in threadpool_info() if one["user_api"] == "blas"]
    each = {f"{one['internal_api']} {one['version']} with {one['num_threads']} threads" for one in blas}
    return " and ".join([f"numpy {np.__version__}", *sorted(each)])


@functools.cache
def processor() -> str:
    """Return the name of this machine's processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _machine(device: str) -> str:
    import torch

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else processor()
    return f"{name}, {torch.get_num_threads()} threads, torch {version('torch')}"


def _saved(path: Path) -> dict[str, float]:
    """Return the speeds in a file; what is damaged is measured again. A speed of 0 says that products are not right."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    some = ((unsealed(stored) if isinstance(stored, dict) else None) or {}).items()
    return {key: ratio for key, ratio in some if isinstance(ratio, float) and 0 <= ratio < float("inf")}
