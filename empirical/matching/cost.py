"""placeholder."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from ...errors import InputError

LARGEST = {"cpu": 2048, "cuda": 8192}


@dataclass(frozen=True)
class Sizes:
    neurons_a: int
    neurons_b: int
    positions: int
    parts: int = 16
    block: int = 4096


def tile_bytes(sizes: Sizes, edge_a: int, edge_b: int) -> int:
    block = min(sizes.block, -(-sizes.positions // sizes.parts))
    products = 4 * edge_a * edge_b * (sizes.parts + 4)
    blocks = 4 * (block + 2) * (edge_a + edge_b) * 2
    return products + blocks


def tile_shape(sizes: Sizes, memory: int | None, device: str) -> tuple[int, int]:
    if memory is None:
        memory = psutil.virtual_memory().available // 2
    largest = LARGEST["cuda" if device.startswith("cuda") else "cpu"]
    edge = largest
    while edge > 64 and tile_bytes(sizes, min(edge, sizes.neurons_a), min(edge, sizes.neurons_b)) > memory:
        edge //= 2
    least = tile_bytes(sizes, min(64, sizes.neurons_a), min(64, sizes.neurons_b))
    if least > memory:
        raise InputError("memory", memory, f"must be at least {least} bytes for tiles of 64 × 64", "--memory 1GiB")
    return min(edge, sizes.neurons_a), min(edge, sizes.neurons_b)
