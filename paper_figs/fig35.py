"""Figure 35: real against generated images, which need pretrained vision models and an image generator."""

from .waiting import make

__all__ = ["make"]
