"""Toy networks in which gradient descent allocates isolation: the model, and the ingredients of its training.

Features r = 1 … A, ``A = γN``, are independently active with probability ``p_r = ½ r^-β``; an active one has a uniform
value in [0, 1]. A network of N neurons reads them through a bottleneck of fixed mean energy and a noisy channel,

    h = ReLU(W x + b), rescaled so that the batch mean of |h|² is κN;      y = D (h + ξ) + c,   ξ ~ Normal(0, 1)

and is trained on ``Σ_r w_r log MSE_r``, ``w_r = r^-β``. A feature with signal variance s_r in one neuron has
``MSE_r = Var x_r/(1 + s_r)`` under the best readout: the objective is ``Σ w_r log(1 + s_r)`` (Eqs. 11, 49, 51) and the
energy its budget (Eqs. 41, 53), with σ∞² = 1. The objective is imposed; the neurons of each feature, and their purity,
are left to gradient descent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import require

BUDGETS = ("proportional", "price", "weight decay", "layer norm")
LOSSES = ("log", "squared")
EXAMPLE = "ToyRecipe(kappa=4.0, steps=1800)"


@dataclass(frozen=True)
class ToyRecipe:
    """Ingredients of training; each one left out is a negative control.

    Attributes
    ----------
    relu : bool
        Whether neurons rectify.
    noise : float
        Variance of the channel's noise, σ∞².
    budget : {"proportional", "price", "weight decay", "layer norm"}
        Mean |h|² fixed at κN; or free, at a fixed price per unit, or limited by the decay of the weights alone; or
        every sample's |h|² fixed at κN, centred.
    loss : {"log", "squared"}
        ``Σ w_r log MSE_r``, or ``Σ MSE_r``.
    kappa, gamma : float
        Energy and features per neuron.
    steps, batch : int
        Updates, and samples per update.
    batch_per_neuron : float
        Samples per update and neuron, where that is more than `batch`.
    rate : float
        Adam's first learning rate, brought to 0 along a cosine.
    readout_width : float
        Width beyond which the readout D learns at ``rate · readout_width/N``.
    decorrelation : float
        First weight of the squared correlations of two neurons, summed and divided by N; brought to 0 along a line.
    price, decay : float
        Cost of a unit of |h|², and AdamW's decay of W and b, where the budget is of that kind.
    """

    relu: bool = True
    noise: float = 1.0
    budget: str = "proportional"
    loss: str = "log"
    kappa: float = 4.0
    gamma: float = 4.0
    steps: int = 1800
    batch: int = 512
    batch_per_neuron: float = 0.0
    rate: float = 5e-3
    readout_width: float = np.inf
    decorrelation: float = 1.0
    price: float = 0.03
    decay: float = 1.0

    def __post_init__(self):
        require(self.budget in BUDGETS, "budget", self.budget, f"must be one of {', '.join(BUDGETS)}", EXAMPLE)
        require(self.loss in LOSSES, "loss", self.loss, f"must be one of {', '.join(LOSSES)}", EXAMPLE)
        require(self.noise >= 0, "noise", self.noise, "must be at least 0", EXAMPLE)
        for name in ("kappa", "gamma", "rate", "steps", "batch"):
            value = getattr(self, name)
            require(0 < value < np.inf, name, value, "must be finite and greater than 0", EXAMPLE)

    def samples(self, neurons: int) -> int:
        """Return the samples per update at this width."""
        return max(self.batch, round(self.batch_per_neuron * neurons))

    def rates(self, neurons: int) -> tuple[float, float]:
        """Return the first learning rates of the encoder and of the readout at this width."""
        return self.rate, self.rate * min(1.0, self.readout_width / neurons)

    def at(self, neurons: int) -> ToyRecipe:
        """Return the recipe as it acts at one width: recipes that act alike there train the same networks."""
        width = self.readout_width if self.readout_width < neurons else np.inf
        return replace(self, batch=self.samples(neurons), batch_per_neuron=0.0, readout_width=width)
