"""From tokens to aligned cells: prefix tokens dropped, patches laid on their grid, grids brought to one resolution.

A vision transformer reads an image as prefix tokens (class, registers) and rows · columns patches, row by row. Two
models are aligned on the larger grid in each direction (arXiv 2606.03990, appendix B): the smaller one is resampled
bilinearly, cell centres to cell centres, edges held. Each cell of each image is one aligned position.

Models whose stages halve the grid (Swin, ConvNeXt) stand on the grid of the stage with the most neurons: finer stages
are averaged, coarser ones resampled.
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


def grid_of_stage(tokens: int, pixels: tuple[int, int], patch: tuple[int, int]) -> tuple[int, int] | None:
    """Return rows and columns of a stage that has halved the first grid any number of times; None if none fits.

    A stage rounds odd numbers up (Swin) or down (ConvNeXt).
    """
    first = pixels[0] // patch[0], pixels[1] // patch[1]
    for up in (True, False):
        rows, columns = first
        while rows > 0 and columns > 0 and rows * columns >= tokens:
            if rows * columns == tokens:
                return rows, columns
            if rows == columns == 1:
                break
            rows, columns = ((size + up) // 2 for size in (rows, columns))
    return None


def resample(cells: Any, grid: tuple[int, int]) -> Any:
    """Resample a batch of grids, (images, rows, columns, neurons), to another number of rows and columns.

    Bilinear to a finer grid; to a coarser one the mean of the cells that each covers.
    """
    from torch.nn.functional import adaptive_avg_pool2d, interpolate

    if tuple(cells.shape[1:3]) == tuple(grid):
        return cells
    moved = cells.permute(0, 3, 1, 2)
    if grid[0] <= cells.shape[1] and grid[1] <= cells.shape[2]:
        return adaptive_avg_pool2d(moved, grid).permute(0, 2, 3, 1)
    return interpolate(moved, size=grid, mode="bilinear", align_corners=False).permute(0, 2, 3, 1)
