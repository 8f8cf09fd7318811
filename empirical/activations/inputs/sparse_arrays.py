"""Sparse matrices of scipy and torch, such as the features of autoencoders; only blocks of them become dense."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ....errors import InputError
from ....lazy import imported
from ..arrays import float_type, floats, labels_of, shape_of
from ..views import Documented, Readable
from .labelled import Labelled


class SparseArrays:
    """Sparse arrays and matrices of scipy, sparse tensors of torch."""

    def accepts(self, value: Any) -> bool:
        """Return whether it is one."""
        scipy_sparse, torch = imported("scipy.sparse"), imported("torch")
        if scipy_sparse is not None and scipy_sparse.issparse(value):
            return True
        return torch is not None and isinstance(value, torch.Tensor) and value.layout in _layouts(torch)

    def open(self, value: Any, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
        """Return its activations."""
        from scipy import sparse

        if not sparse.issparse(value):
            value = _of_torch(value, name)
        if value.dtype.kind not in "fiub":
            raise InputError(name, f"sparse array of type {value.dtype}", "must hold real numbers", "abs(array)")
        if value.ndim != 2:
            rule = "must have the shape (positions, neurons)"
            raise InputError(name, f"sparse array of shape {value.shape}", rule, "array.reshape(-1, neurons)")
        return Labelled(SparseSource(value.tocsr(), name))


class SparseSource(Documented, Readable):
    """A scipy matrix of compressed rows as a source, shape (positions, neurons)."""

    def __init__(self, rows: Any, name: str):
        self.name, self._rows = name, rows
        self._dtype = float_type(rows.dtype)
        self.positions, neurons = shape_of(name, tuple(rows.shape), rows.dtype)
        self.layer, self.unit = labels_of(neurons, None, None)

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations of some positions and neurons, dense."""
        chosen = self._rows[index]
        dense = (chosen if columns == slice(None) else chosen[:, columns]).toarray()
        return floats(self.name, dense, self._dtype)

    def identity(self) -> list[Any]:
        """Return the name, the shape, and a checksum of some rows."""
        some = np.unique(np.linspace(0, self.positions - 1, 64).astype(int))
        checksum = zlib.crc32(np.ascontiguousarray(self.rows(some)).data)
        return [self.name, self.positions, len(self.layer), checksum, *self.in_documents()]


def _layouts(torch: Any) -> set[Any]:
    return {torch.sparse_coo, torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc}


def _of_torch(tensor: Any, name: str) -> Any:
    """Return a sparse tensor as a matrix of scipy."""
    import torch
    from scipy import sparse

    if tensor.is_complex():
        raise InputError(name, f"tensor of type {tensor.dtype}", "must hold real numbers", "tensor.abs()")
    tensor = tensor.detach().to("cpu")
    tensor = (tensor if tensor.layout == torch.sparse_coo else tensor.to_sparse_coo()).coalesce()
    if tensor.dense_dim() or tensor.sparse_dim() != 2:
        rule = "must have the shape (positions, neurons), sparse in both"
        raise InputError(name, f"sparse tensor of shape {tuple(tensor.shape)}", rule, "tensor.to_dense()")
    values = tensor.values()
    values = values.float() if values.dtype in (torch.bfloat16, torch.float16) else values
    return sparse.coo_array((values.numpy(), tuple(tensor.indices().numpy())), shape=tuple(tensor.shape))
