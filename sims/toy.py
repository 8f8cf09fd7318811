"""Training of toy networks (model and ingredients: `toy_ingredients`), all networks of one width as one batch.

The noise's part of the error, ``|D_r|²``, and the best c are exact, and the log's slope uses a running mean of MSE_r: a
batch needs no active example of a rare feature for its gradient to be unbiased. A term that decorrelates neurons fades
to zero. ReLU has its price: a feature's mean takes energy too, so a unit of isolation costs
``c_r = E x²/Var x = 1/(1 − ¾ p_r)`` (`costs`), which matters for the first few ranks.

Networks of one batch share the recipe alone: each has a random stream of its own (`toy_samples`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import require
from .toy_ingredients import ToyRecipe
from .toy_samples import active_probability, network_generator, sample_stream, variance
from .toy_step import gradients

if TYPE_CHECKING:
    import torch


class Network(NamedTuple):
    """One network: N, β, and its number among those of one kind."""

    neurons: int
    beta: float
    index: int = 0


def costs(p: np.ndarray) -> np.ndarray:
    """Return the energy that a unit of signal variance costs a ReLU neuron, ``E x²/Var x``."""
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
    recipe : ToyRecipe
    """

    networks: tuple[Network, ...]
    encoder: torch.Tensor
    bias: torch.Tensor
    recipe: ToyRecipe


def train_networks(networks: Sequence[Network], seed: int, recipe: ToyRecipe | None = None, advance=None) -> Trained:
    """Train networks of one width together.

    Parameters
    ----------
    networks : sequence of Network
        N ≥ 2, β, and an index that is different for each network of one β.
    seed : int
        Seed; data and first weights of a network depend on it and on the network alone.
    recipe : ToyRecipe, optional
    advance : callable, optional
        Called after every step.
    """
    import torch

    recipe = recipe or ToyRecipe()
    networks = tuple(Network(*one) for one in networks)
    N, batch = networks[0].neurons, recipe.samples(networks[0].neurons)
    require(N >= 2, "neurons", N, "must be at least 2", "train_networks([Network(64, 1.5)], seed=0)")
    A = int(recipe.gamma * N)
    rngs = [network_generator(seed, *one) for one in networks]

    def weights(sd: float) -> torch.Tensor:
        return torch.from_numpy(np.stack([sd * rng.standard_normal((A, N), dtype=np.float32) for rng in rngs]))

    W, b, D = weights(N**-0.5), torch.zeros(len(networks), 1, N), weights(0.1 * N**-0.5)
    p = np.array([active_probability(one.beta, A) for one in networks])
    w, power = (torch.tensor(values, dtype=torch.float32) for values in (2 * p, variance(p)))  # r^-β, Var x_r
    running = power.clone()

    def level(error: torch.Tensor) -> torch.Tensor:
        running.mul_(0.98).add_(0.02 * error.clamp_min(0)).clamp_min_(1e-6 * power)
        return w / running if recipe.loss == "log" else torch.ones_like(running)

    decay = recipe.decay if recipe.budget == "weight decay" else 0.0
    encoder, readout = {"params": [W, b], "weight_decay": decay}, {"params": [D], "weight_decay": 0.0}
    adam = torch.optim.AdamW([encoder, readout], fused=True)
    for step, samples in enumerate(sample_stream(rngs, p, batch, recipe.steps)):
        done = step / recipe.steps
        for group, rate in zip(adam.param_groups, recipe.rates(N), strict=True):
            group["lr"] = rate * 0.5 * (1 + np.cos(np.pi * done))
        _, W.grad, b.grad, D.grad = gradients(samples, W, b, D, level, recipe, recipe.decorrelation * (1 - done))
        adam.step()
        if advance is not None:
            advance()
    return Trained(networks, W, b, recipe)
