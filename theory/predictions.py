"""Predictions of the theory for a power-law spectrum: the frontier, the count and the polarization.

From the optimum ``s_r = [(r0/r)^β − 1]_+`` (Eq. 14; solved in `power_law`):

    r_τ = r0 (1 + τ)^(-1/β)                                   frontier, s(r_τ) = τ              (Eqs. 21–22)
    R_τ = #{r : s_r ≥ τ}                                      Rosetta count                     (Eqs. 10, 23)
    ⟨s⟩ = Σ_{r≤R} s_r / R                                     mean isolation of the Rosetta set (Eqs. 25–26)
    κN − Σ_{r≤R} s_r, and that over N − R                     tail mass, per non-Rosetta neuron (Eq. 32)
    d log r_τ / d log N = (1/β) κN/(κN + n)                   local exponent, n active features; others on request

In the continuum sums are integrals from rank 1, so ``n = r0 − 1`` and ``R_τ = r_τ − 1``. For N → ∞ the exponent of the
count is 1/β (Eq. 23) when β > 1, and 1 when β ≤ 1, where A = γN limits the spectrum instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import checked
from ..errors import InputError, require
from ..results import dataset
from . import power_law
from .kernel_runs import in_threads
from .parameters import EXAMPLE, check_limit, parameters, ranks_in_memory, require_solvable
from .sensitivities import sensitivities as derivatives

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike

SHORT = 1024  # points whose parameters are written out
MANY, BYTES = 1 << 20, 40  # features listed without a look at the memory, and the bytes that each takes


@checked(EXAMPLE, "sensitivities")
def predict(
    neurons: ArrayLike,
    beta: ArrayLike,
    kappa: ArrayLike = 1.0,
    tau: ArrayLike = 1.0,
    gamma: ArrayLike = 4.0,
    limit: str = "discrete",
    sensitivities: bool = False,
) -> xr.Dataset:
    """Predict the Rosetta count and its companions on a grid of parameters.

    Parameters
    ----------
    neurons, beta, kappa, tau, gamma : float or 1-D array_like
        N, β, κ, τ and γ = A/N. Scalars stay scalar coordinates; every 1-D argument becomes a dimension of that name,
        and the result covers their outer product (a grid). `gamma` may be infinite when β > 1.
    limit : {"discrete", "continuum"}
        Sums over whole ranks (exact, Eq. 11), or the paper's integrals (Eq. 12).
    sensitivities : bool
        Whether to add the derivatives of log r_τ with respect to β, log κ, log τ and log N, in closed form
        (``sensitivity_beta`` and so on; `rosettalaw.theory.sensitivities`).

    Returns
    -------
    xarray.Dataset
        Variables ``active, r0, r_tau, count, mean_isolation, tail_mass, isolation_per_non_rosetta, local_exponent,
        asymptotic_exponent``. ``mean_isolation`` is NaN where the count is 0, ``isolation_per_non_rosetta`` where no
        neuron is left over.

    Raises
    ------
    InputError
        For values outside the model, and arguments of more than one dimension.

    Examples
    --------
    >>> predict([1024, 131072], beta=1.6, kappa=0.5, tau=2)["count"].values.tolist()
    [16, 312]
    """
    arrays, values = predict_values(neurons, beta, kappa, tau, gamma, limit, sensitivities)
    dims = tuple(name for name, array in arrays.items() if array.ndim)
    coords = {name: (name, array) if array.ndim else array[()] for name, array in arrays.items()}
    return dataset("prediction", {name: (dims, value) for name, value in values.items()}, coords, limit=limit)


def predict_values(
    neurons: ArrayLike,
    beta: ArrayLike,
    kappa: ArrayLike = 1.0,
    tau: ArrayLike = 1.0,
    gamma: ArrayLike = 4.0,
    limit: str = "discrete",
    sensitivities: bool = False,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the parameters and variables of `predict` as arrays, by name; a few numbers need no xarray.

    Raises
    ------
    InputError
        As `predict`.
    """
    continuum = check_limit(limit)
    arrays = parameters(neurons, beta, kappa, tau, gamma)
    for name, array in arrays.items():
        if array.ndim > 1 or array.size == 0:
            raise InputError(name, f"array of shape {array.shape}", "must be a number or a 1-D array", EXAMPLE)
    spread = open_grid(arrays)
    require_solvable(spread, limit)
    values = predict_arrays(spread, continuum, sensitivities)
    if not continuum:
        rule = "features beyond 2^63 cannot be counted"
        require(values["active"].max() < 2.0**63, "neurons", arrays["neurons"].max(), rule, "limit='continuum'")
        values |= {name: values[name].astype(np.int64) for name in ("active", "count")}
    return arrays, values


def open_grid(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Reshape 1-D arrays so that together they broadcast to their outer product; scalars stay scalar."""
    long = [name for name, array in arrays.items() if array.ndim]
    shapes = {name: [-1 if other == name else 1 for other in long] for name in long}
    return {name: array.reshape(shapes[name]) if array.ndim else array for name, array in arrays.items()}


def predict_arrays(
    arrays: Mapping[str, np.ndarray], continuum: bool, sensitivities: bool = False
) -> dict[str, np.ndarray]:
    """Return every predicted variable as a float64 array of the broadcast shape of the five parameters."""
    shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    inputs = _flat(arrays, shape)
    out = in_threads(power_law.solve_points, inputs, continuum, np.empty((inputs[0].size, 7)))
    values: dict[str, Any] = {name: out[:, i].reshape(shape) for i, name in enumerate(power_law.COLUMNS)}
    others = inputs[0].reshape(shape) - values["count"]
    with np.errstate(divide="ignore", invalid="ignore"):
        values["isolation_per_non_rosetta"] = np.where(others > 0, values["tail_mass"] / others, np.nan)
    values["asymptotic_exponent"] = np.minimum(1.0, 1.0 / inputs[1]).reshape(shape)
    if sensitivities:
        values |= derivatives(arrays, values, continuum)
    return values


def frontier(
    neurons: ArrayLike,
    beta: ArrayLike,
    kappa: ArrayLike = 1.0,
    tau: ArrayLike = 1.0,
    gamma: ArrayLike = 4.0,
    limit: str = "discrete",
) -> np.ndarray:
    """Return the real-valued frontier r_τ (Eqs. 21–22), at most A; the arguments broadcast as in NumPy.

    Smooth in every parameter, so that a fit may call it: the integer count is its floor.

    Raises
    ------
    InputError
        For values outside the model, and shapes that do not broadcast.

    Examples
    --------
    >>> frontier([1024, 131072], beta=1.6, kappa=0.5, tau=2).round(3).tolist()
    [16.325, 312.226]
    """
    continuum = check_limit(limit)
    arrays = parameters(neurons, beta, kappa, tau, gamma)
    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items() if array.ndim)
        raise InputError("shapes", shapes, "must broadcast together", "frontier(neurons, beta=1.6)") from None
    require_solvable(arrays, limit)
    inputs = _flat(arrays, shape)
    out = in_threads(power_law.frontier_points, inputs, continuum, np.empty(inputs[0].size))
    return out.reshape(shape)


def isolation(
    neurons: float, beta: float, kappa: float = 1.0, gamma: float = 4.0, limit: str = "discrete"
) -> np.ndarray:
    """Return the isolation of every feature, ``s_r = [(r0/r)^β − 1]_+`` at r = 1 … A (Eq. 14), shape (A,).

    Raises
    ------
    InputError
        For values outside the model, arrays, and an infinite `gamma`.
    """
    point = predict(neurons, beta, kappa, 1.0, gamma, limit)
    if point.sizes:
        raise InputError("isolation", dict(point.sizes), "takes one point, not arrays", "isolation(1024, beta=1.6)")
    if np.isinf(gamma):
        raise InputError("gamma", gamma, "must be finite to list every feature", "isolation(1024, beta=1.6, gamma=4)")
    features = np.floor(float(gamma) * float(neurons))
    room = ranks_in_memory(BYTES) if features > MANY else features
    rule = f"lists {features:.3g} features, and the free memory holds {room:.3g} of them"
    require(features <= room, "neurons", neurons, rule, "solve(1e12, beta=1.6).isolation_at([1, 10, 100])")
    rank = np.arange(1.0, features + 1.0)
    r0 = float(point["r0"])
    log_ratio = np.log(r0 / rank) if r0 < np.inf else _log_r0(neurons, beta, kappa, gamma, limit) - np.log(rank)
    s = np.maximum(np.expm1(beta * log_ratio), 0.0)
    if limit == "discrete":
        s[int(point["active"]) :] = 0.0  # of a rank at r0 itself rounding might leave something
    return s


def _log_r0(neurons: float, beta: float, kappa: float, gamma: float, limit: str) -> float:
    """Return log r0, for an r0 that overflows."""
    inputs = [np.array([float(x)]) for x in (neurons, beta, kappa, gamma)]
    return float(in_threads(power_law.level_points, inputs, limit == "continuum", np.empty(1))[0])


def _flat(arrays: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return the parameters as vectors of one length; a scalar stays a view of one number where they are long."""
    size, vectors = math.prod(shape), []
    for name in ("neurons", "beta", "kappa", "tau", "gamma"):
        array = arrays[name]
        if array.size == 1:  # a view takes longer to make than a few numbers to write, and fits ask often
            one = array.item()
            vectors.append(np.full(size, one) if size <= SHORT else np.broadcast_to(np.float64(one), (size,)))
        else:
            vectors.append((array if array.shape == shape else np.broadcast_to(array, shape)).reshape(-1))
    return vectors
