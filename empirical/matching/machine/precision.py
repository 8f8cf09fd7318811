"""The precision in which blocks are multiplied, and the cost of a lower one.

The rows of a block are centred in float32 (or in float64 where the source is), so the format decides only how they are
rounded before they are multiplied; products are added in float32 whatever the format. With unit roundoff u each factor
errs by at most u, the errors are independent, and a correlation from T positions moves by about u √(2/3T): float32
rounding is invisible, bfloat16 (u = 2⁻⁹) costs 1e-5 at T = 65 536. The sums of squares are not rounded, so a neuron's
correlation with itself falls short of 1 by at most 2u². What it did cost is measured on a sample of the pairs.

On CUDA the formats run on the tensor cores; elsewhere factors are rounded and multiplied in float32: the same numbers,
no gain in speed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ....errors import UnknownNameError

ROUNDOFF = {"float32": 2.0**-24, "tf32": 2.0**-11, "float16": 2.0**-11, "bfloat16": 2.0**-9}


@dataclass(frozen=True)
class Product:
    """Multiplies centred blocks.

    Attributes
    ----------
    compute : str
        "float32", "tf32", "float16" or "bfloat16".
    """

    compute: str = "float32"

    def __post_init__(self):
        if self.compute not in ROUNDOFF:
            raise UnknownNameError("precision", self.compute, ROUNDOFF)

    def add(self, cross: torch.Tensor, x: torch.Tensor, y: torch.Tensor, first: bool) -> None:
        """Add xᵀy to `cross` (or set it, for the first block); the last two rows border the block (see `moments`)."""
        if self.compute == "float32":
            torch.addmm(cross, x.T, y, beta=0 if first else 1, out=cross)
            return
        torch.addmm(cross, x[-2:].T, y[-2:], beta=0 if first else 1, out=cross)
        exponents = [_exponents(side[:-2]) for side in (x, y)]
        low_x, low_y = (torch.ldexp(side[:-2], -e) for side, e in zip((x, y), exponents, strict=True))
        product = self._product(low_x, low_y)
        cross += torch.ldexp(torch.ldexp(product, exponents[0][:, None]), exponents[1])

    def _product(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if self.compute == "tf32":
            if x.device.type != "cuda":
                return _to_tf32(x).T @ _to_tf32(y)
            before = torch.backends.cuda.matmul.allow_tf32
            torch.backends.cuda.matmul.allow_tf32 = True
            try:
                return x.T @ y
            finally:
                torch.backends.cuda.matmul.allow_tf32 = before
        kind = getattr(torch, self.compute)
        if x.device.type == "cuda":
            return torch.mm(x.to(kind).T, y.to(kind), out_dtype=torch.float32)
        return x.to(kind).float().T @ y.to(kind).float()


def _exponents(rows: torch.Tensor) -> torch.Tensor:
    """Return, for each column, the power of two that brings its largest magnitude to between ½ and 1."""
    return torch.frexp(rows.abs().amax(0)).exponent


def _to_tf32(x: torch.Tensor) -> torch.Tensor:
    """Round to 10 stored bits of mantissa, to nearest, ties to even."""
    bits = x.contiguous().view(torch.int32)
    odd = (bits >> 13) & 1
    return ((bits + 0xFFF + odd) & ~0x1FFF).view(torch.float32)
