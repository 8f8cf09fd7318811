"""From tokens to aligned cells: prefix tokens dropped, patches laid on their grid, grids brought to one resolution.

A vision transformer reads an image as prefix tokens (class, registers) and rows · columns patches, row by row. Two
models are aligned on the larger grid in each direction (arXiv 2606.03990, appendix B): the smaller one is resampled
bilinearly, cell centres to cell centres, edges held. Each cell of each image is one aligned position.
"""

from __future__ import annotations

from typing import Any

from ...errors import RosettaError


def grid_of(
    name: str, tokens: int, prefix: dict[str, int], pixels: tuple[int, int], patch: tuple[int, int]
) -> tuple[int, int]:
    """Return rows and columns of a model's patches.

    Parameters
    ----------
    name : str
        What the message calls the model.
    tokens : int
        Tokens of one image, prefix included.
    prefix : dict of str to int
        Tokens before the patches, by kind, as the configuration says.
    pixels, patch : pair of int
        Height and width of the image that the model reads, and of a patch.

    Raises
    ------
    RosettaError
        If tokens minus prefix are not rows × columns; the message shows the arithmetic.
    """
    rows, columns = pixels[0] // patch[0], pixels[1] // patch[1]
    patches = tokens - sum(prefix.values())
    if patches != rows * columns or patches < 1:
        sum_of = " ".join([f"{tokens} tokens", *(f"− {number} {kind}" for kind, number in prefix.items())])
        raise RosettaError(
            f"{name}: {sum_of} = {patches}, which is not a grid: {pixels[0]} × {pixels[1]} pixels in patches of "
            f"{patch[0]} × {patch[1]} make {rows} × {columns} = {rows * columns}"
        )
    return rows, columns


def resample(cells: Any, grid: tuple[int, int]) -> Any:
    """Resample a batch of grids bilinearly: (images, rows, columns, neurons) to another number of rows and columns."""
    from torch.nn.functional import interpolate

    if tuple(cells.shape[1:3]) == tuple(grid):
        return cells
    moved = cells.permute(0, 3, 1, 2)
    return interpolate(moved, size=grid, mode="bilinear", align_corners=False).permute(0, 2, 3, 1)
