"""Figure 5: examples of matched neurons, which need the images that excite them in pretrained models."""

from .waiting import make

__all__ = ["make"]
