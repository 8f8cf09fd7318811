"""Images that are loaded when they are looked at, and those looked at last, which are not loaded again.

Photographs may be large, and many: whoever looks at them one after the other holds one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, overload

import numpy as np

if TYPE_CHECKING:
    from .images import Images


class Chosen(Sequence[np.ndarray]):
    """Some images of a set, each loaded when it is looked at.

    Parameters
    ----------
    images : Images
        The set.
    indices : sequence of int
        Which of them.
    convert : callable, optional
        From an image to what it is looked at as.
    """

    def __init__(
        self,
        images: Images,
        indices: Sequence[int] | np.ndarray,
        convert: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self._images, self._indices, self._convert = images, [int(index) for index in indices], convert

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, which: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, which: slice) -> Chosen: ...
    def __getitem__(self, which: int | slice) -> np.ndarray | Chosen:
        if isinstance(which, slice):
            return Chosen(self._images, self._indices[which], self._convert)
        image = self._images[self._indices[which]]
        return image if self._convert is None else self._convert(image)


class Recent:
    """Images that were loaded last, as many as fit into some bytes.

    Parameters
    ----------
    load : callable
        From an image's number to its pixels.
    most : int
        Bytes of pixels to remember.
    """

    def __init__(self, load: Callable[[int], np.ndarray], most: int):
        self._load, self._free = load, most
        self._recent: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = Lock()  # a source may be read by several threads

    def __call__(self, index: int) -> np.ndarray:
        with self._lock:
            recent = self._recent.get(index)
        image = self._load(index) if recent is None else recent
        with self._lock:
            before = self._recent.pop(index, None)
            self._free += 0 if before is None else before.nbytes
            self._recent[index] = image
            self._free -= image.nbytes
            while self._free < 0:
                self._free += self._recent.popitem(last=False)[1].nbytes
        return image
