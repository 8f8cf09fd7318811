"""The precision in which blocks are multiplied, and the cost of a lower one.

The rows of a block are centred in float32 (or in float64 where the source is), so the format decides only how they are
rounded before they are multiplied; products are added in float32 whatever the format. With unit roundoff u each factor
errs by at most u, the errors are independent, and a correlation from T positions moves by about u √(2/3T): float32
rounding is invisible, bfloat16 (u = 2⁻⁹) costs 1e-5 at T = 65 536. The sums of squares are not rounded, so a neuron's
correlation with itself falls short of 1 by at most 2u². What it did cost is measured on a sample of the pairs.

On the CPU products are formed by the BLAS of NumPy, and added to earlier ones by that of SciPy; or both by torch, where
it was measured faster (`choice`). On CUDA the formats run on the tensor cores; elsewhere factors are rounded and
multiplied in float32: the same numbers, no gain in speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ....errors import UnknownNameError
from . import arrays

ROUNDOFF = {"float32": 2.0**-24, "tf32": 2.0**-11, "float16": 2.0**-11, "bfloat16": 2.0**-9}
DROPPED = {"tf32": 13, "bfloat16": 16}  # stored bits of float32's mantissa


@dataclass(frozen=True)
class Product:
    """Multiplies centred blocks.

    Attributes
    ----------
    compute : str
        "float32", "tf32", "float16" or "bfloat16".
    library : {"numpy", "torch"}
        Whose products of NumPy's float32 arrays are used.
    """

    compute: str = "float32"
    library: str = "numpy"

    def __post_init__(self):
        if self.compute not in ROUNDOFF:
            raise UnknownNameError("precision", self.compute, ROUNDOFF)

    def add(self, cross: Any, x: Any, y: Any, first: bool) -> None:
        """Add xᵀy to `cross` (or set it, for the first block); the last two rows border the block (see `moments`)."""
        if self.compute == "float32":
            add_product(cross, x, y, first, self.library)
            return
        add_product(cross, x[-2:], y[-2:], first)
        ldexp = arrays.library(x).ldexp
        exponents = [_exponents(side[:-2]) for side in (x, y)]
        low_x, low_y = (ldexp(side[:-2], -e) for side, e in zip((x, y), exponents, strict=True))
        product = self._product(low_x, low_y)
        cross += ldexp(ldexp(product, exponents[0][:, None]), exponents[1])

    def _product(self, x: Any, y: Any) -> Any:
        if isinstance(x, np.ndarray) or x.device.type != "cuda":
            return self._rounded(x).T @ self._rounded(y)
        import torch

        if self.compute != "tf32":
            kind = getattr(torch, self.compute)
            return torch.mm(x.to(kind).T, y.to(kind), out_dtype=torch.float32)
        before = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = True
        try:
            return x.T @ y
        finally:
            torch.backends.cuda.matmul.allow_tf32 = before

    def _rounded(self, x: Any) -> Any:
        """Return float32 numbers rounded to the format."""
        library = arrays.library(x)
        if self.compute == "float16":
            return arrays.cast(arrays.cast(x, library.float16), library.float32)
        return _without_bits(x, DROPPED[self.compute])


def add_product(cross: Any, x: Any, y: Any, first: bool, library: str = "numpy") -> None:
    """Add xᵀy to `cross`, or set it, in place; products of NumPy's arrays are those of a `library`."""
    if isinstance(cross, np.ndarray) and library == "torch":
        import torch

        cross, x, y = (torch.from_numpy(one) for one in (cross, x, y))  # the same memory
    if not isinstance(cross, np.ndarray):
        arrays.library(cross).addmm(cross, x.T, y, beta=0 if first else 1, out=cross)
    elif first:
        np.matmul(x.T, y, out=cross)
    else:
        # Here: it takes longer to import than small products do.
        from scipy.linalg.blas import sgemm  # pyright: ignore[reportAttributeAccessIssue]

        # BLAS counts columns first: to it, rows are columns and xᵀy is yᵀx.
        sgemm(1.0, y.T, x.T, 1.0, cross.T, trans_b=True, overwrite_c=True)


def _exponents(rows: Any) -> Any:
    """Return, for each column, the power of two that brings its largest magnitude to between ½ and 1."""
    library = arrays.library(rows)
    return library.frexp(library.amax(abs(rows), 0))[1]


def _without_bits(x: Any, bits: int) -> Any:
    """Round to so many fewer bits of mantissa, to nearest, ties to even."""
    library = arrays.library(x)
    whole = (np.ascontiguousarray(x) if library is np else x.contiguous()).view(library.int32)
    odd = (whole >> bits) & 1
    return ((whole + ((1 << bits - 1) - 1) + odd) & ~((1 << bits) - 1)).view(library.float32)
