"""Figure 5: examples of matched neurons, which need the images that excite them in pretrained models."""

from __future__ import annotations

from pathlib import Path

from .results_folder import Results


def make(results: Results, path: Path) -> list[Path]:
    """Return no file: pretrained models are not available here."""
    return []
