"""Padding: the order of a model's values, and whether padding changes what it computes for a text.

Texts of several lengths are read together, padded behind their last token. Attention leaves the padding out. Models
that mix positions in another way do not: Fourier transforms and convolutions know no mask. These read texts of one
length at a time, without any padding. A model of an architecture without an entry is tried on a few tokens: one text
alone, twice; beside a longer one; and beside one of the same length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import RosettaError

MIXING = ("convbert", "fnet", "mobilebert", "nystromformer")  # positions without a mask
PADDED_INSIDE = ("led", "longformer")  # to whole windows of their attention, behind the text
POSITIONS_FIRST = ("xlnet",)  # values of shape (tokens, windows, width)
TRIED = 24  # tokens of the longer text
ALIKE, ALIKE_HALF = 0.01, 0.1  # of a token's norm: rounding of float32, of half precision
OWN = "Try: rosettalaw match a.npy b.npy, with activations that you saved"


def by_window(value: Any, windows: int, tokens: int, model_type: str) -> Any:
    """Return values in the shape (windows, tokens, width), without what a model itself has padded.

    Parameters
    ----------
    value : tensor, shape (windows, tokens, width) or (windows · tokens, width)
        Input or output of a module. Some models flatten positions before the MLP.

    Raises
    ------
    RosettaError
        If the values are not those of the text's tokens.
    """
    if value.ndim == 3 and model_type in POSITIONS_FIRST:
        value = value.transpose(0, 1)
    if value.ndim == 3 and model_type in PADDED_INSIDE and len(value) == windows:
        value = value[:, :tokens]
    shape = tuple(value.shape)
    if shape[:-1] not in ((windows, tokens), (windows * tokens,)):
        raise RosettaError(
            f"its values have the shape {shape}, those of {windows} × {tokens} tokens are needed; {model_type} adds, "
            f"pools or reorders positions. {OWN}"
        )
    return value.reshape(windows, tokens, -1)


def padding_is_left_out(
    read: Callable[[list[np.ndarray]], list[Any]], texts: Sequence[np.ndarray], name: str, half: bool = False
) -> bool:
    """Return whether a model reads a text alike beside a longer one, by a trial on a few tokens.

    Parameters
    ----------
    read : callable
        From texts' tokens to the first text's values, layer by layer, each of shape (tokens, width).
    texts : sequence of ndarray of int
        Tokens that the model is about to read.
    name : str
        Name of the model in messages.
    half : bool
        Whether it computes in half precision.

    Raises
    ------
    RosettaError
        If its values differ each time, or depend on the text beside also where both have the same length.
    """
    ids = max(texts, key=len)[:TRIED]
    if len(ids) < 4:
        return False
    first, other = ids[: len(ids) // 2], ids[::-1][: len(ids) // 2]
    most = ALIKE_HALF if half else ALIKE
    alone = read([first])
    if difference(alone, read([first])) > most:
        raise RosettaError(
            f"{name}: its activations differ each time it reads the same text, so they cannot be matched. {OWN}"
        )
    if difference(alone, read([first, ids[::-1]])) <= most:
        return True
    if difference(alone, read([first, other])) > most:
        raise RosettaError(
            f"{name}: its activations of a text depend on the other texts that it reads at once, so they cannot be "
            f"matched. {OWN}"
        )
    return False


def difference(left: Sequence[Any], right: Sequence[Any]) -> float:
    """Return the largest difference of a token's values in any layer, over the root mean square of their norms."""
    largest = 0.0
    for a, b in zip(left, right, strict=True):
        scale = float(a.norm(dim=1).square().mean().sqrt())
        apart = float((a - b).norm(dim=1).max())
        if math.isfinite(apart) and scale > 0:  # numbers that are not finite have a message of their own
            largest = max(largest, apart / scale)
    return largest
