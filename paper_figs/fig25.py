"""Figure 25: counts when each neuron may have its k best partners, which the paper gives for pretrained models only."""

from .waiting import make

__all__ = ["make"]
