"""From tokens to spans: a span's activation is the mean over its tokens (arXiv 2606.03990, appendix B)."""

from __future__ import annotations

from typing import Any

import numpy as np


class SpanMeans:
    """Means of the tokens of spans, written layer by layer.

    Most spans are one token, so first tokens are copied and the other spans' sums are made apart: one pass over memory.

    Parameters
    ----------
    rows : int array, shape (spans,)
        Place of each span in what is written.
    lengths : int array, shape (spans,)
        Tokens of each span.
    device : str or torch.device
        Where activations are written.
    """

    def __init__(self, rows: np.ndarray, lengths: np.ndarray, device: Any = "cpu"):
        import torch

        def placed(array: np.ndarray) -> Any:
            return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64)).to(device)

        begins = np.cumsum(lengths) - lengths
        several = np.flatnonzero(lengths > 1)
        self._several = len(several)
        self._first, self._place, self._number = placed(begins), placed(rows), placed(lengths[several])[:, None]
        self._place_several, self._first_several = placed(rows[several]), placed(begins[several])
        self._further = []
        for token in range(1, int(lengths.max(initial=1))):
            longer = np.flatnonzero(lengths[several] > token)
            self._further.append((placed(longer), placed(begins[several[longer]] + token)))

    def write(self, value: Any, out: Any) -> None:
        """Write the means of one layer.

        Parameters
        ----------
        value : tensor, shape (tokens, neurons of the layer)
            Activations at the spans' tokens, one span after the other.
        out : float32 tensor, shape (positions, neurons of the layer)
            To write to.
        """
        out.index_copy_(0, self._place, value[self._first])
        if self._several:
            total = value[self._first_several]
            for span, token in self._further:
                total.index_add_(0, span, value[token])
            out.index_copy_(0, self._place_several, total / self._number)
