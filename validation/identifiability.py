"""Identifiability of parameters: the Fisher information of a fit, and the direction that data leave open, in words.

With J the derivatives of the residuals (in units of their errors) by the parameters, the information is ``F = JᵀJ`` and
its inverse bounds the covariance. The eigenvector of the least eigenvalue is the sloppy direction: along it the
parameters can move together by ``1/√eigenvalue`` before the fit is worse by one standard deviation. Parameters are
taken as they stand (β, logarithms of the others), so that one unit is of comparable meaning in each.

Errors that are estimated from ν spare numbers may happen to be far too small: σ is below ``s √(ν/χ²_ν(2.5%))`` in
97.5% of samples, which is 32 times s for ν = 1 and 2.5 times for ν = 5. Parameters are called identified only if they
are so at that bound. With no number to spare, nothing is known of them (`undetermined`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contents import ByContent
from .distributions import chi_square_quantile
from .parameters import Parameter

SLOPPY = 0.5  # a direction that can move by more than this at one standard deviation is not identified
ENDLESS = 30.0  # a logarithm that can move by more is not bounded at all; the linear estimate means nothing there
NEGLIGIBLE = 0.2  # components of the direction below this share of the largest are not named
ALL_IDENTIFIED = "All parameters are identified. "


@dataclass(frozen=True, eq=False)
class Identifiability(ByContent):
    """Fisher information of a fit.

    Attributes
    ----------
    fisher : ndarray, shape (k, k)
        Information matrix, in order of `names`.
    condition : float
        Largest over smallest eigenvalue.
    direction : dict of str to float
        Sloppy direction, unit length.
    reach : float
        Standard deviation along it.
    stderr : ndarray, shape (k,)
        Standard errors of the parameters.
    sentence : str
        The same in words.
    """

    fisher: np.ndarray
    condition: float
    direction: dict[str, float]
    reach: float
    stderr: np.ndarray
    sentence: str

    def record(self) -> dict[str, Any]:
        """Return the sentence, the condition number and the Fisher information as plain values."""
        return {
            "identifiability": self.sentence,
            "condition": self.condition,
            "fisher": {"parameters": list(self.direction), "information": self.fisher.tolist()},
        }


def beside(identifiability: Identifiability, params: Mapping[str, Parameter]) -> str:
    """Return the sentence beside intervals: where one is open, not all parameters are identified."""
    some_open = any(one.open for one in params.values())
    return identifiability.sentence.removeprefix(ALL_IDENTIFIED) if some_open else identifiability.sentence


def identify(
    jacobian: np.ndarray, names: Sequence[str], words: Mapping[str, str], freedom: float = np.inf
) -> Identifiability:
    """Return the Fisher information of a Jacobian, shape (residuals, k), and its sloppy direction.

    Parameters
    ----------
    jacobian : ndarray, shape (residuals, k)
        Derivatives of the residuals, in units of their standard deviations.
    names : sequence of str
        Names of the k parameters.
    words : mapping of str to str
        Name of each parameter in a sentence.
    freedom : float
        Degrees of freedom from which the errors were estimated; infinite if they are known.
    """
    fisher = jacobian.T @ jacobian
    values, vectors = np.linalg.eigh(fisher)
    least = max(float(values[0]), 1e-300)
    vector = vectors[:, 0]
    vector = vector * np.sign(vector[np.argmax(np.abs(vector))])
    reach = least**-0.5
    direction = {name: float(part) for name, part in zip(names, vector, strict=True)}
    variances = np.sum(vectors**2 / np.maximum(values, 1e-300), axis=1)
    with np.errstate(over="ignore"):  # exact data that leave a parameter open
        condition = float(values[-1] / least)
    return Identifiability(
        fisher=fisher,
        condition=condition,
        direction=direction,
        reach=reach,
        stderr=np.sqrt(variances),
        sentence=_sentence(direction, reach, words, freedom),
    )


def undetermined(parameters: int, numbers: int) -> str:
    """Return the sentence for data without a number to spare: the parameters meet them whatever their errors are."""
    more, than = ("as many", "as") if parameters == numbers else ("more", "than")
    return (
        f"Not determined: {more} parameters ({parameters}) {than} numbers ({numbers}), "
        "so any data are fitted exactly; measure more sizes."
    )


def error_bound(freedom: float) -> float:
    """Return the factor of an estimated standard deviation that the true one exceeds in 2.5% of samples only."""
    return math.sqrt(freedom / chi_square_quantile(freedom, 0.025)) if math.isfinite(freedom) else 1.0


def _sentence(direction: Mapping[str, float], reach: float, words: Mapping[str, str], freedom: float) -> str:
    largest = max(abs(part) for part in direction.values())
    named = {words[name]: part for name, part in direction.items() if abs(part) > NEGLIGIBLE * largest}
    up = [word for word, part in named.items() if part > 0]
    down = [word for word, part in named.items() if part < 0]
    moves = f"{' and '.join(up)} can rise" + (" together" if len(up) > 1 else "")
    if down:
        moves += f" while {' and '.join(down)} {'fall' if len(down) > 1 else 'falls'}"
    by = largest * reach
    bound = error_bound(freedom)
    if reach * bound <= SLOPPY:
        return f"{ALL_IDENTIFIED}Least certain: {moves}, by ± {by:.2g} in the largest."
    if reach <= SLOPPY:
        return (
            f"Not determined: {moves}, by ± {by:.2g} in the largest, but the errors are estimated from so few numbers "
            f"that it may be {bound:.2g} times as much."
        )
    far = f", by ± {by:.3g} in the largest," if by < ENDLESS else ", without end,"
    return f"Not identified: {moves}{far} and the fit is only one standard deviation worse."
