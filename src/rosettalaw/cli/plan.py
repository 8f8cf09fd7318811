"""``rosettalaw plan``: cost of a matching, and the correlation that it can detect."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import typer

from .output import JsonOption, echo, print_json, print_table

EPILOG = (
    "Example (two 30B models of 48 layers × 28672): "
    "rosettalaw plan --neurons-a 1376256 --neurons-b 1376256 --positions 1e7 --device h200"
)
LARGEST = 1e15
SPOOLED = {"float32": 4, "float16": 2}  # bytes of an activation in a copy


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("plan", rich_help_panel=section, epilog=EPILOG)(plan)


def plan(
    neurons_a: float = typer.Option(..., help="Neurons of model A, all layers."),
    neurons_b: float = typer.Option(..., help="Neurons of model B."),
    positions: float = typer.Option(..., help="Aligned positions."),
    device: str = typer.Option("cpu", help="cpu or cuda (measured now), a100, h100, h200 (data sheet)."),
    permutations: int = typer.Option(0, "--null-permutations", min=0, help="Null draws to include: shift, permute."),
    width: int = typer.Option(4, min=1, help="Bytes of one activation."),
    spool: str = typer.Option("float32", help="Format of checkpoints' activations on disk: float32 or float16."),
    memory: str = typer.Option("", help="Memory for the exact engine's tiles (default: half of the device's)."),
    as_json: bool = JsonOption,
) -> None:
    """Print expected time, memory and the detectable correlation of a matching with each engine.

    The cost of each draw of a null (shift, permute) is listed separately. Memory excludes model weights.
    """
    from ..empirical.matching import cost
    from ..empirical.matching.rates import device_rates
    from ..empirical.nulls import DRAWS
    from ..errors import require

    require(spool in SPOOLED, "--spool", spool, "must be float32 or float16", "--spool float16")
    numbers = {"--neurons-a": neurons_a, "--neurons-b": neurons_b, "--positions": positions}
    for option, size in numbers.items():
        require(1 <= size <= LARGEST, option, size, f"must be between 1 and {LARGEST:g}", f"{option} 1e6")
    sizes = cost.Sizes(*map(int, numbers.values()))
    allowed = cost.byte_count("--memory", memory) if memory else None
    rates = device_rates(device)
    kind = "cpu" if rates.on_cpu else "cuda"
    tile = None if allowed is None else cost.tile_shape(sizes, allowed, kind)
    engines: list[Callable[[int], Any]] = [
        lambda draws: cost.exact_cost(sizes, rates, draws, width, tile),
        lambda draws: cost.screened_cost(sizes, rates, draws, width),
    ]
    speed = certified_speed(sizes, rates)
    if speed:
        engines.insert(1, lambda draws: cost.certified_cost(sizes, rates, draws, width, allowed, speed))
    costs = [engine(permutations) for engine in engines]
    draws = permutations or DRAWS
    each = [each_draw(engine(0), engine(draws), draws) for engine in engines]
    stored = float(sizes.positions) * (sizes.neurons_a + sizes.neurons_b) * width
    copies = stored / width * SPOOLED[spool]
    detectable = cost.detectable_correlation(sizes)
    if as_json:
        record = {"detectable_correlation": detectable, "device": dataclasses.asdict(rates)}
        record |= {"engines": [dataclasses.asdict(one) for one in costs], "null_draws_counted_in": permutations}
        print_json({**record, "each_null_draw": each, "bytes_kept_for_nulls": stored, "bytes_of_copies": copies})
        return
    title = f"{rates.name} ({rates.source}): {rates.operations / 1e12:.3g} Tflop/s, {rates.bandwidth / 1e9:.3g} GB/s"
    rows = [
        {
            "engine": one.engine,
            "time": duration(one.seconds),
            "memory": f"{one.memory / 2**30:.2f} GiB",
            "Tflop": one.operations / 1e12,
            "moved": f"{one.bytes_moved / 1e9:.3g} GB",
        }
        for one in costs
    ]
    print_table(rows, title)
    for one in costs:
        echo(f"{one.engine}: {one.detail}")
        if one.link_seconds:
            more = f"{duration(one.link_seconds)} more at {rates.link / 1e9:.3g} GB/s for activations on the host"
            echo(f"{one.engine}: {more}; activations of models on the device stay there")
    more = ", ".join(f"{one['engine']} {duration(one['seconds'])} more" for one in each)
    counted = f"{permutations} included" if permutations else f"none included; match draws {DRAWS} by default"
    echo(f"each draw of a null: {more} ({counted})")
    room = f"read from activations on disk, {amount(stored)}"
    echo(f"shifted positions need no copy; permuted ones and documents are {room}")
    echo(f"checkpoints: copies of activations take {amount(copies)} on disk, and of untrained networks as much again")
    echo("memory excludes model weights, and pages of files, which the system takes back when it needs memory")
    echo(f"half of the pairs with correlation {detectable:.3g} are found")


def certified_speed(sizes: Any, rates: Any) -> float:
    """Return how many times faster than float32 the certified engine multiplies where `match` would take it, else 0."""
    from ..empirical.matching.machine import choice
    from ..empirical.matching.rates import MEASURED

    products = float(sizes.neurons_a) * sizes.neurons_b * sizes.positions
    if not rates.on_cpu or rates.source != MEASURED or choice.fastest(products, (), "float32", "cpu") != "certified":
        return 0.0
    half = choice.half_precision_speed("cpu") or 0.0
    return max(half, max(half, 1.0) * (choice.integer_speed(half >= 1) or 0.0))


def amount(count: float) -> str:
    """Return bytes on disk in a unit that suits them."""
    return f"{count / 1e12:.3g} TB" if count >= 1e12 else f"{count / 1e9:.3g} GB"


def each_draw(without: Any, with_draws: Any, draws: int) -> dict[str, Any]:
    """Return the cost of each draw of a null of B alone, from two `MatchingCost`; draws may share a pass over A."""
    added = ("operations", "bytes_moved", "seconds", "link_seconds")
    each = {name: (getattr(with_draws, name) - getattr(without, name)) / draws for name in added}
    return {"engine": without.engine, **each}


def duration(seconds: float) -> str:
    """Return a time in a unit that suits it."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
