"""One update of toy networks: the loss and its gradient in closed form, in two thirds of backpropagation's operations.

With ``u = X W + b`` and h centred over the batch of B samples,

    C = hᵀh/B,   G = Xᵀh/B,   MSE_r = Var x_r − 2 D_r·G_r + D_r C D_rᵀ + σ∞² |D_r|²

and ``c_r = w_r/MSE_r`` (a running mean of MSE_r; 1 for the squared loss), the gradient of ``Σ w_r log MSE_r`` is

    ∂/∂D = 2 c (D C − G + σ∞² D)          ∂/∂C = Dᵀ c D          ∂/∂h = 2/B (h ∂/∂C − X c D)

and from h to u it passes the rescaling, the layer norm and the ReLU. ``D C`` serves both MSE and its gradient: a
network's step takes four dense products, ``4 (A + B) N²`` operations; products with X are sums over its few entries.

The decorrelating term is the sum of squared correlations of two different neurons, ``C_ij²/(C_ii C_jj)``, over N.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from .toy_ingredients import ToyRecipe
    from .toy_samples import Samples

GAIN = 10.0  # of neurons whose energy is free: first weights then have an energy near the end's
TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Hidden:
    """h of a batch, with the terms of its gradient; all of shape (networks, batch, N) but `scale`."""

    h: torch.Tensor
    on: torch.Tensor | None  # where ReLU passes
    inverse_norm: torch.Tensor | None  # of every sample, for the layer norm
    scale: torch.Tensor | None  # of every network, for the budget


def hidden_activations(samples: Samples, W: torch.Tensor, b: torch.Tensor, recipe: ToyRecipe) -> Hidden:
    """Return h of every sample, before the channel's noise.

    Parameters
    ----------
    samples : Samples
    W, b : Tensor, shapes (networks, A, N) and (networks, 1, N)
    recipe : ToyRecipe
    """
    import torch

    h = samples.times(W).add_(b)
    on = inverse_norm = scale = None
    if recipe.relu:
        on = h > 0
        h = h.relu_()
    if recipe.budget == "layer norm":
        h -= h.mean(-1, keepdim=True)
        inverse_norm = torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + TINY)
        h *= inverse_norm * recipe.kappa**0.5
    elif recipe.budget == "proportional":
        scale = torch.sqrt(recipe.kappa * h.shape[2] / (energy(h)[:, None, None] + 1e-9))
        h *= scale
    else:
        h *= GAIN
    return Hidden(h, on, inverse_norm, scale)


def energy(h: torch.Tensor) -> torch.Tensor:
    """Return the batch mean of |h|², shape (networks,)."""
    return h.pow(2).sum((1, 2)) / h.shape[1]


def back(g: torch.Tensor, hidden: Hidden, recipe: ToyRecipe) -> torch.Tensor:
    """Return the gradient with respect to u, given that with respect to h; g is overwritten."""
    h = hidden.h
    if hidden.inverse_norm is not None:
        g -= h * ((g * h).mean(-1, keepdim=True) / recipe.kappa)
        g *= hidden.inverse_norm * recipe.kappa**0.5
        g -= g.mean(-1, keepdim=True)
    elif hidden.scale is not None:
        g -= h * ((g * h).mean((1, 2), keepdim=True) / recipe.kappa)
        g *= hidden.scale
    else:
        g *= GAIN
    return g if hidden.on is None else g.mul_(hidden.on)


def decorrelation(C: torch.Tensor) -> torch.Tensor:
    """Return the gradient with respect to C of ``Σ_{i≠j} C_ij²/(C_ii C_jj)/N``, C of shape (networks, N, N)."""
    import torch

    own = torch.diagonal(C, dim1=1, dim2=2)
    inverse = (own[:, :, None] * own[:, None, :]).add_(TINY).reciprocal_()
    gradient = C * inverse
    through_own = -2 * ((gradient * gradient) @ own[:, :, None]).squeeze(-1)
    diagonal = torch.diagonal(gradient, dim1=1, dim2=2)
    through_own += 2 * diagonal.square() * own
    gradient *= 2
    torch.diagonal(gradient, dim1=1, dim2=2).copy_(through_own)
    return gradient.div_(C.shape[1])


def gradients(samples: Samples, W, b, D, level, recipe: ToyRecipe, decorrelate: float):
    """Return MSE_r, shape (networks, A), and the gradients of W, b and D.

    Parameters
    ----------
    samples : Samples
    W, b, D : Tensor
        As in `hidden_activations`; D has W's shape.
    level : callable
        From MSE_r of the batch to c_r.
    recipe : ToyRecipe
    decorrelate : float
        Weight of the decorrelating term.
    """
    import torch

    hidden = hidden_activations(samples, W, b, recipe)
    batch = hidden.h.shape[1]
    h = hidden.h - hidden.h.mean(1, keepdim=True)
    C = (h.transpose(1, 2) @ h).div_(batch)
    G = samples.transposed_times(h).div_(batch)
    slope = (D @ C).sub_(G)
    if recipe.noise:
        slope.add_(D, alpha=recipe.noise)
    error = samples.variance() + (D * (slope - G)).sum(-1)
    c = level(error)[:, :, None]
    weighted = D * c
    to_C = D.transpose(1, 2) @ weighted
    if decorrelate:
        to_C.add_(decorrelation(C), alpha=decorrelate)
    g = torch.matmul(h, to_C).sub_(samples.times(weighted)).mul_(2 / batch)
    g -= g.mean(1, keepdim=True)
    if recipe.budget == "price":
        g.add_(hidden.h, alpha=2 * recipe.price / batch)
    g = back(g, hidden, recipe)
    return error, samples.transposed_times(g), g.sum(1, keepdim=True), slope.mul_(2 * c)
