"""Rounded columns of earlier tiles, which later tiles and null draws multiply again without reading or rounding them.

A tile takes a range of A's columns and one of B's, and tiles run through B first. So A's range is there for all of B's,
and B's for the next of A's; a null changes B only.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from ..cost import MOST_ROUNDED, ROUNDED_SHARE


@dataclass
class Columns:
    """A range of one side's columns: rounded blocks in the order of positions, and measured sums (`bound.SUMS`)."""

    blocks: list[Any] = field(default_factory=list)
    sums: Any = None


class Rounded:
    """Rounded columns, up to so many bytes.

    Parameters
    ----------
    memory : int
        Bytes that the whole matching may take.
    """

    def __init__(self, memory: int):
        self._room = min(memory // ROUNDED_SHARE, MOST_ROUNDED)
        self._whole: tuple[dict[Hashable, Columns], dict[Hashable, Columns]] = ({}, {})
        self._needed = True, True
        self._bytes: dict[tuple[int, Hashable], int] = {}

    def restart(self, a: bool = True, b: bool = True) -> None:
        """Forget B's columns, as another B follows; `a` and `b` say whether columns of a side will be needed again."""
        self._needed = a, b
        for key in list(self._whole[1]):
            self._drop(1, key)

    def forget(self) -> None:
        """Forget all columns."""
        for side, key in list(self._bytes):
            self._drop(side, key)

    def whole(self, side: int, key: Hashable) -> Columns | None:
        """Return a range of columns that was rounded, or None."""
        return self._whole[side].get(key)

    def begun(self, side: int, size: int) -> Columns | None:
        """Return where the blocks of a range of columns are to be put, or None where there is no room for `size` bytes.

        A's columns give way to others of A.
        """
        if not self._needed[side]:
            return None
        if side == 0:
            for old in list(self._whole[0]):
                if sum(self._bytes.values()) + size > self._room:
                    self._drop(0, old)
        return Columns() if sum(self._bytes.values()) + size <= self._room else None

    def ended(self, side: int, key: Hashable, columns: Columns) -> None:
        """Keep a range of columns whose blocks are all there."""
        self._whole[side][key] = columns
        self._bytes[side, key] = sum(block.numel() * block.element_size() for block in columns.blocks)

    def _drop(self, side: int, key: Hashable) -> None:
        del self._whole[side][key], self._bytes[side, key]
