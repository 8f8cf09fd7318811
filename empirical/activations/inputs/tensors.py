"""torch tensors on any device, in any precision, with or without gradients; nothing is copied as a whole."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ....errors import InputError
from ....lazy import imported
from ..arrays import labels_of, require_exact, require_within, shape_of
from ..views import Documented, Readable
from .labelled import Labelled, planar


class Tensors:
    """Tensors of torch."""

    def accepts(self, value: Any) -> bool:
        """Return whether it is a dense tensor."""
        torch = imported("torch")
        return torch is not None and isinstance(value, torch.Tensor)

    def open(self, value: Any, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
        """Return its activations."""
        import torch

        value = value.detach()
        if value.is_nested:
            rule = "must have the shape (positions, neurons), not rows of several lengths"
            raise InputError(name, "nested tensor", rule, "torch.cat(tensor.unbind())")
        if value.layout != torch.strided:
            rule = "must be dense, or sparse in compressed rows or coordinates"
            raise InputError(name, f"tensor of layout {value.layout}", rule, "tensor.to_dense()")
        if value.is_meta:
            raise InputError(name, "tensor on device meta", "has no numbers", "a model whose weights are loaded")
        if value.is_complex() or value.is_quantized:
            rule = "must hold real numbers"
            raise InputError(name, f"tensor of type {value.dtype}", rule, "tensor.abs(), or tensor.dequantize()")
        return Labelled(TensorSource(planar(value.resolve_neg(), name), name))


class TensorSource(Documented, Readable):
    """A tensor of shape (positions, neurons) as a source; blocks are made on its device."""

    def __init__(self, tensor: Any, name: str):
        import torch

        self.name, self._tensor = name, tensor
        wide = tensor.dtype in (torch.float64, torch.int32, torch.int64, torch.uint32, torch.uint64)
        self._dtype = torch.float64 if wide and tensor.device.type != "mps" else torch.float32
        self.positions, neurons = shape_of(name, tuple(tensor.shape), np.float64)
        self.layer, self.unit = labels_of(neurons, None, None)

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations of some positions and neurons."""
        return self._rows(index, columns).cpu().numpy()

    def tensors(self, size: int) -> Any:
        """Yield blocks on the tensor's device."""
        for start in range(0, self.positions, size):
            yield self._rows(slice(start, start + size), slice(None))

    def identity(self) -> list[Any]:
        """Return the name, the shape, and a checksum of some rows."""
        some = np.unique(np.linspace(0, self.positions - 1, 64).astype(int))
        checksum = zlib.crc32(np.ascontiguousarray(self.rows(some)).data)
        return [self.name, self.positions, len(self.layer), checksum, *self.in_documents()]

    def _rows(self, index: slice | np.ndarray, columns: slice) -> Any:
        import torch

        if not isinstance(index, slice):
            index_there = torch.from_numpy(np.ascontiguousarray(index, dtype=np.int64)).to(self._tensor.device)
            return self._floats(self._tensor[:, columns].index_select(0, index_there))
        return self._floats(self._tensor[index, columns])

    def _floats(self, rows: Any) -> Any:
        import torch

        if rows.dtype == torch.uint64:  # has no largest entry in torch
            require_exact(self.name, rows.cpu().numpy())
        elif rows.dtype == torch.int64 and rows.numel():
            require_within(self.name, int(rows.min()), int(rows.max()))
        return rows.to(self._dtype)
