"""The last aligned text of a process: rungs of a ladder with equal tokenizers and contexts tokenize their text once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_last: list[tuple[Any, Any]] = []  # key and text, at most one


def once(align: Callable[[], T], tokenizers: tuple[Any, ...], *facts: Any) -> T:
    """Return an aligned text, the last one if nothing that decides it has changed.

    Parameters
    ----------
    align : callable
        Aligns it.
    tokenizers : tuple of fast tokenizers
        Compared by all that they are; a tokenizer that cannot be written down is aligned anew.
    *facts
        What else decides it: the corpus's checksum, contexts, number of tokens, seed.
    """
    written = [_written(tokenizer) for tokenizer in tokenizers]
    key = (written, facts)
    if None not in written and _last and _last[0][0] == key:
        return _last[0][1]
    text = align()
    _last[:] = [(key, text)]
    return text


def _written(tokenizer: Any) -> str | None:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return None if backend is None else hashlib.sha256(backend.to_str().encode()).hexdigest()
