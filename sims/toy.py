"""Toy networks in which gradient descent allocates isolation: the model, its sparse data, and its training.

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
Features are so sparse (one to three a sample) that everything of size samples × A is a sum over active entries:
a step costs about ``6 B N² + 6 A N²`` operations a network instead of ``10 B A N``. All networks of one width, over
seeds and β, are trained as one batch; they share no number but the recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import require

if TYPE_CHECKING:
    import torch

GAIN = 10.0  # of neurons whose energy is free: first weights then have an energy near the end's
BUDGETS = ("proportional", "price", "layer norm")
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
    budget : {"proportional", "price", "layer norm"}
        Mean |h|² held at κN; or free at a fixed price a unit; or every sample's |h|² held at κN, centred.
    loss : {"log", "squared"}
        ``Σ w_r log MSE_r``, or ``Σ MSE_r``.
    kappa, gamma : float
        Energy and features per neuron.
    steps, batch : int
        Updates, and samples an update.
    rate : float
        Adam's first learning rate, brought to 0 along a cosine.
    decorrelation : float
        First weight of the mean squared correlation of two neurons, times N; brought to 0 along a line.
    price : float
        Cost of a unit of |h|² where the budget is a price.
    """

    relu: bool = True
    noise: float = 1.0
    budget: str = "proportional"
    loss: str = "log"
    kappa: float = 4.0
    gamma: float = 4.0
    steps: int = 1800
    batch: int = 512
    rate: float = 5e-3
    decorrelation: float = 1.0
    price: float = 0.03

    def __post_init__(self):
        require(self.budget in BUDGETS, "budget", self.budget, f"must be one of {', '.join(BUDGETS)}", EXAMPLE)
        require(self.loss in LOSSES, "loss", self.loss, f"must be one of {', '.join(LOSSES)}", EXAMPLE)
        require(self.noise >= 0, "noise", self.noise, "must be at least 0", EXAMPLE)
        for name in ("kappa", "gamma", "rate", "steps", "batch"):
            value = getattr(self, name)
            require(0 < value < np.inf, name, value, "must be finite and greater than 0", EXAMPLE)


def activity(beta: float, features: int) -> np.ndarray:
    """Return p_r, the probability that each feature is active, shape (features,)."""
    return 0.5 * np.arange(1.0, features + 1) ** -beta


def variance(p: np.ndarray) -> np.ndarray:
    """Return Var x_r of a value uniform in [0, 1] that is there with probability p."""
    return p / 3 - p**2 / 4


def costs(p: np.ndarray) -> np.ndarray:
    """Return the energy a unit of signal variance costs a ReLU neuron, ``E x²/Var x``."""
    return (p / 3) / variance(p)


@dataclass(frozen=True, eq=False)
class Samples:
    """Active entries of `networks` × `batch` samples: which feature, in which row, with what value, ordered by row."""

    row: np.ndarray  # network · batch + sample
    column: np.ndarray  # network · A + feature
    value: np.ndarray


def draw(rng: np.random.Generator, p: np.ndarray, batch: int) -> Samples:
    """Draw samples for networks with feature probabilities p, shape (networks, A).

    Points of a Poisson process of rate ``−log(1 − p)`` a cell hit a cell at least once with probability p: drawing the
    points alone costs as much as there are active features, not networks × batch × A.
    """
    features = p.shape[1]
    ends = np.cumsum(-np.log1p(-p).ravel())
    points = rng.poisson(batch * ends[-1])
    column = np.minimum(np.searchsorted(ends, rng.random(points) * ends[-1], side="right"), p.size - 1)
    row = column // features * batch + rng.integers(batch, size=points)
    cell = np.unique(row * features + column % features)
    row = cell // features
    column = row // batch * features + cell % features
    return Samples(row, column, rng.random(len(cell), dtype=np.float32))


@dataclass(frozen=True, eq=False)
class Trained:
    """Encoders of one width after training.

    Attributes
    ----------
    betas : tuple of float
        β of every network.
    encoder : Tensor, shape (networks, A, N)
        W, transposed.
    bias : Tensor, shape (networks, 1, N)
    recipe : Recipe
    loss : ndarray, shape (networks,)
        ``Σ w_r log(MSE_r/Var x_r)`` by the running means at the end.
    """

    betas: tuple[float, ...]
    encoder: torch.Tensor
    bias: torch.Tensor
    recipe: Recipe
    loss: np.ndarray


def encode(samples: Samples, encoder: torch.Tensor, bias: torch.Tensor, recipe: Recipe, batch: int) -> torch.Tensor:
    """Return h before it is rescaled, shape (networks, batch, N)."""
    import torch

    networks, features, width = encoder.shape
    starts = np.searchsorted(samples.row, np.arange(networks * batch))
    bag = torch.nn.functional.embedding_bag(
        torch.from_numpy(samples.column),
        encoder.reshape(networks * features, width),
        torch.from_numpy(starts),
        per_sample_weights=torch.from_numpy(samples.value),
        mode="sum",
    )
    h = bag.view(networks, batch, width) + bias
    h = torch.relu(h) if recipe.relu else h
    if recipe.budget == "layer norm":
        h = h - h.mean(-1, keepdim=True)
        h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-6) * recipe.kappa**0.5
    return GAIN * h if recipe.budget == "price" else h


def with_features(samples: Samples, h: torch.Tensor, features: int) -> torch.Tensor:
    """Return ``Σ_samples x_r h_j / batch``, shape (networks, A, N)."""
    import torch

    networks, batch, width = h.shape
    order = np.argsort(samples.column, kind="stable")
    starts = np.searchsorted(samples.column[order], np.arange(networks * features))
    sums = torch.nn.functional.embedding_bag(
        torch.from_numpy(samples.row[order]),
        h.reshape(networks * batch, width),
        torch.from_numpy(starts),
        per_sample_weights=torch.from_numpy(samples.value[order]).to(h.dtype),
        mode="sum",
    )
    return sums.view(networks, features, width) / batch


def train(neurons: int, betas: Sequence[float], seed: int, recipe: Recipe | None = None, advance=None) -> Trained:
    """Train networks of one width, one for each entry of `betas` (repeat a β for more seeds).

    Parameters
    ----------
    neurons : int
        N ≥ 2.
    betas : sequence of float
        Spectrum exponent of each network.
    seed : int
        Seed of the batch; data and first weights of its networks are independent.
    recipe : Recipe, optional
    advance : callable, optional
        Called after every step.
    """
    import torch

    recipe = recipe or Recipe()
    require(neurons >= 2, "neurons", neurons, "must be at least 2", "train(64, [1.5], seed=0)")
    networks, features = len(betas), int(recipe.gamma * neurons)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(neurons,)))
    p = np.array([activity(beta, features) for beta in betas])
    w = torch.tensor([[r**-beta for r in range(1, features + 1)] for beta in betas], dtype=torch.float32)
    power = torch.tensor(variance(p), dtype=torch.float32)

    def weights(*shape: int, sd: float) -> torch.Tensor:
        return torch.tensor(sd * rng.standard_normal(shape, dtype=np.float32), requires_grad=True)

    encoder = weights(networks, features, neurons, sd=neurons**-0.5)
    bias = weights(networks, 1, neurons, sd=0.0)
    readout = weights(networks, features, neurons, sd=0.1 * neurons**-0.5)
    adam = torch.optim.Adam([encoder, bias, readout], lr=recipe.rate)
    running = power.clone()
    for step in range(recipe.steps):
        done = step / recipe.steps
        adam.param_groups[0]["lr"] = recipe.rate * 0.5 * (1 + np.cos(np.pi * done))
        samples = draw(rng, p, recipe.batch)
        h = encode(samples, encoder, bias, recipe, recipe.batch)
        energy = h.pow(2).sum(-1).mean(-1)
        if recipe.budget == "proportional":
            h = h * torch.sqrt(recipe.kappa * neurons / (energy + 1e-9))[:, None, None]
        h = h - h.mean(1, keepdim=True)
        covariance = h.transpose(1, 2) @ h / recipe.batch
        error = batch_variance(samples, networks, features, recipe.batch)
        error = error - 2 * (readout * with_features(samples, h, features)).sum(-1)
        error = error + ((readout @ covariance) * readout).sum(-1) + recipe.noise * readout.pow(2).sum(-1)
        if recipe.loss == "log":
            with torch.no_grad():
                running.mul_(0.98).add_(0.02 * error.clamp_min(0)).clamp_min_(1e-6 * power)
            loss = (w * error / running).sum()
        else:
            with torch.no_grad():
                running.mul_(0.98).add_(0.02 * error.clamp_min(0))
            loss = error.sum()
        if recipe.budget == "price":
            loss = loss + recipe.price * energy.sum()
        if recipe.decorrelation:
            own = torch.diagonal(covariance, dim1=1, dim2=2)
            squares = covariance.pow(2) / (own[:, :, None] * own[:, None, :] + 1e-6)
            off = squares.sum() - torch.diagonal(squares, dim1=1, dim2=2).sum()
            loss = loss + recipe.decorrelation * (1 - done) * off / neurons
        adam.zero_grad()
        loss.backward()
        adam.step()
        if advance is not None:
            advance()
    final = (w * torch.log(running.clamp_min(1e-12) / power)).sum(-1).numpy()
    return Trained(tuple(betas), encoder.detach(), bias.detach(), recipe, final)


def batch_variance(samples: Samples, networks: int, features: int, batch: int) -> torch.Tensor:
    """Return the variance of each feature over the batch, shape (networks, A)."""
    import torch

    cells = networks * features
    mean = np.bincount(samples.column, samples.value, cells) / batch
    square = np.bincount(samples.column, samples.value**2, cells) / batch
    return torch.tensor((square - mean**2).reshape(networks, features), dtype=torch.float32)
