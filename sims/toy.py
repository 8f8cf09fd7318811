"""Toy networks in which gradient descent allocates isolation: the model, and its training.

Model
-----
Features r = 1 … A, ``A = γN``, are independently active with probability ``p_r = ½ r^-β``; an active one has a uniform
value in [0, 1]. A network of N neurons reads them through a bottleneck of fixed mean energy and a noisy channel,

    h = ReLU(W x + b), rescaled so that the batch mean of |h|² is κN;      y = D (h + ξ) + c,   ξ ~ Normal(0, 1)

and is trained by Adam on ``Σ_r w_r log MSE_r``, ``w_r = r^-β``. A feature that has signal variance s_r in one neuron
has ``MSE_r = Var x_r/(1 + s_r)`` with the best readout, so the objective is ``Σ w_r log(1 + s_r)`` (Eqs. 11, 49, 51)
and the energy its budget (Eqs. 41, 53), with σ∞² = 1. The objective is imposed; where each feature goes, how
many get a neuron and how purely is left to gradient descent. ReLU has its price: a feature's mean is paid for too, so a
unit of isolation costs ``c_r = E x²/Var x = 1/(1 − ¾ p_r)`` of energy (`costs`), which matters for the first few ranks.

Training
--------
The noise's part of the error, ``|D_r|²``, and the best c are exact, and the log's slope uses a running mean of MSE_r: a
batch need not hold a rare feature for its gradient to be unbiased. A term that decorrelates neurons fades to zero.
`toy_samples` draws the sparse data, `toy_step` has the gradient in closed form. All networks of one width, over seeds
and β, are trained as one batch; they share no number but the recipe, and each has a stream of its own. (Widths
together, narrow ones padded with zeros, were slower: 14.2 ms a step for N = 8, 16, 32, one after another 11.8 ms.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import require
from .toy_samples import activity, generator, stream, variance
from .toy_step import gradients

if TYPE_CHECKING:
    import torch

BUDGETS = ("proportional", "price", "weight decay", "layer norm")
LOSSES = ("log", "squared")
EXAMPLE = "Recipe(kappa=4.0, steps=1800)"


@dataclass(frozen=True)
class Recipe:
    """The ingredients of training; each that can be left out is a negative control.

    Attributes
    ----------
    relu : bool
        Whether neurons rectify.
    noise : float
        Variance of the channel's noise, σ∞².
    budget : {"proportional", "price", "weight decay", "layer norm"}
        Mean |h|² held at κN; or free, at a fixed price a unit, or held back by the decay of the weights alone; or every
        sample's |h|² held at κN, centred.
    loss : {"log", "squared"}
        ``Σ w_r log MSE_r``, or ``Σ MSE_r``.
    kappa, gamma : float
        Energy and features per neuron.
    steps, batch : int
        Updates, and samples an update.
    batch_per_neuron : float
        Samples an update and neuron, where that is more than `batch`.
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
        """Return the samples an update at this width."""
        return max(self.batch, round(self.batch_per_neuron * neurons))

    def rates(self, neurons: int) -> tuple[float, float]:
        """Return the first learning rates of the encoder and of the readout at this width."""
        return self.rate, self.rate * min(1.0, self.readout_width / neurons)

    def at(self, neurons: int) -> Recipe:
        """Return what the recipe comes to at one width: two that come to the same train the same networks."""
        width = self.readout_width if self.readout_width < neurons else np.inf
        return replace(self, batch=self.samples(neurons), batch_per_neuron=0.0, readout_width=width)


class Network(NamedTuple):
    """Which network: N, β, and which of its kind."""

    neurons: int
    beta: float
    index: int = 0


def costs(p: np.ndarray) -> np.ndarray:
    """Return the energy a unit of signal variance costs a ReLU neuron, ``E x²/Var x``."""
    return (p / 3) / variance(p)


@dataclass(frozen=True, eq=False)
class Trained:
    """Networks of one width after training.

    Attributes
    ----------
    networks : tuple of Network
    encoder : Tensor, shape (networks, A, N)
        W, transposed.
    bias : Tensor, shape (networks, 1, N)
    recipe : Recipe
    """

    networks: tuple[Network, ...]
    encoder: torch.Tensor
    bias: torch.Tensor
    recipe: Recipe


def train(networks: Sequence[Network], seed: int, recipe: Recipe | None = None, advance=None) -> Trained:
    """Train networks of one width together.

    Parameters
    ----------
    networks : sequence of Network
        N ≥ 2, β, and an index that tells networks of one β apart.
    seed : int
        Seed; data and first weights of a network depend on it and on the network alone.
    recipe : Recipe, optional
    advance : callable, optional
        Called after every step.
    """
    import torch

    recipe = recipe or Recipe()
    networks = tuple(Network(*one) for one in networks)
    N, batch = networks[0].neurons, recipe.samples(networks[0].neurons)
    require(N >= 2, "neurons", N, "must be at least 2", "train([Network(64, 1.5)], seed=0)")
    A = int(recipe.gamma * N)
    rngs = [generator(seed, *one) for one in networks]

    def weights(sd: float) -> torch.Tensor:
        return torch.from_numpy(np.stack([sd * rng.standard_normal((A, N), dtype=np.float32) for rng in rngs]))

    W, b, D = weights(N**-0.5), torch.zeros(len(networks), 1, N), weights(0.1 * N**-0.5)
    p = np.array([activity(one.beta, A) for one in networks])
    w, power = (torch.tensor(values, dtype=torch.float32) for values in (2 * p, variance(p)))  # r^-β, Var x_r
    running = power.clone()

    def level(error: torch.Tensor) -> torch.Tensor:
        running.mul_(0.98).add_(0.02 * error.clamp_min(0)).clamp_min_(1e-6 * power)
        return w / running if recipe.loss == "log" else torch.ones_like(running)

    decay = recipe.decay if recipe.budget == "weight decay" else 0.0
    encoder, readout = {"params": [W, b], "weight_decay": decay}, {"params": [D], "weight_decay": 0.0}
    adam = torch.optim.AdamW([encoder, readout], fused=True)
    for step, samples in enumerate(stream(rngs, p, batch, recipe.steps)):
        done = step / recipe.steps
        for group, rate in zip(adam.param_groups, recipe.rates(N), strict=True):
            group["lr"] = rate * 0.5 * (1 + np.cos(np.pi * done))
        _, W.grad, b.grad, D.grad = gradients(samples, W, b, D, level, recipe, recipe.decorrelation * (1 - done))
        adam.step()
        if advance is not None:
            advance()
    return Trained(networks, W, b, recipe)
