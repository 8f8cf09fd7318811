"""The joint fit as a least-squares problem: observations, predictions of the theory, and their errors.

`rosettalaw.validation.joint_fit` states the model. Residuals are those of logarithms, in units of one standard
deviation a block. Searches keep parameters within `LIMITS`.

Errors that are not stated are estimated with the fit, in `TURNS` turns, each from its own block: the residuals' sum of
squares over the block's degrees of freedom (its length less its share of the hat matrix). Within a block all numbers
are assumed to have equal errors (`JointProblem.unevenness` tests it); where not, state `sd` number by number. More
turns would let a few numbers that fit well by chance outweigh the others until they are met exactly, where the
likelihood has no bound.

- Over M inputs ``log(1 − ρ̂)`` has variance ``(1 + ρ)²/M`` and, to second order, mean error ``−(1 + ρ)/(2M)``. Sorting
  adds to it: ranks up to y = log(1 − ρ) number ``∝ e^(y/β)``, which noise of variance σ² multiplies by
  ``e^(σ²/2β²)``, so that the r-th lies lower by ``σ²/(2β)``. Both are taken off. Where neither M nor σ is given, M is
  read off the estimated σ, as the mean of ``(1 + ρ)²/σ²``.
- Whole counts have the error that features at the frontier make, matched or missed: variance ∝ count. Other counts
  (means over runs) have one relative error.
- Sorting makes the residuals of correlations smoother than the errors were, and the ranks of one matching err together,
  which naive residuals would take for precision: their error is estimated from the means of the upper and the lower
  half of each size's ranks, where sorting changes little: two numbers per size, one for each parameter of its profile
  (β, r0).
- Which features are matched is known to one rank at best: isolation and tail err at least by the step between the last
  feature that is matched and the next, ``Δs = β(1+τ)/R``, in ``R⟨s⟩`` and in what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .distributions import chi_square_tail
from .least_squares import least_squares
from .observations import Observations
from .theory_search import BETA_RANGE, FLOOR, level_slopes, levels

LIMITS = {"beta": BETA_RANGE, "log_kappa": (-14.0, 14.0), "log_threshold": (0.02, 9.0), "log_scale": (-25.0, 25.0)}
TINY = 1e-12
TURNS = 2
FEWEST_INPUTS = 300  # read off scatter that is larger still, which is misfit: it would bend the profile that is fitted
LEAST_ERROR = 1e-6  # of a logarithm: exact data have no error to estimate
STEP = 1e-6  # of a forward difference


class JointProblem:
    """Residuals of one set of observations, and the searches over them.

    Attributes
    ----------
    sd : dict of str to ndarray
        Standard deviation of each block's numbers, stated or estimated by `settle`.
    """

    def __init__(self, observed: Observations, gamma: float):
        self.neurons = np.asarray(observed.neurons, dtype=float)
        self.gamma = gamma
        self.inputs = np.inf if observed.inputs is None else observed.inputs
        self.measured = observed.logarithms()
        lengths = [len(rho) for rho in observed.correlations] if observed.correlations is not None else []
        self.rung = np.repeat(np.arange(len(lengths)), lengths)
        halves = [2 * rung + (np.arange(k) >= k / 2) for rung, k in enumerate(lengths)]
        self.half = np.unique(np.concatenate([*halves, []]), return_inverse=True)[1]
        self.log_rank = np.log(np.concatenate([*(np.arange(1, k + 1) for k in lengths), []]))
        self.stated = set(observed.sd)
        self.inputs_sought = observed.inputs is None and "correlations" in set(self.measured) - self.stated
        self.sd = {name: np.asarray(observed.sd.get(name, 0.1), dtype=float) for name in self.measured}
        self.matched = np.exp(self.measured["counts"])
        self.weight = {name: np.ones(len(block)) for name, block in self.measured.items()}
        if "counts" not in self.stated and np.allclose(self.matched, np.round(self.matched)):
            self.weight["counts"] = np.sqrt(self.matched / self.matched.mean())
        self.scaled = "isolation" in self.measured or "tail" in self.measured

    def levels(self, beta: float, log_kappa: float) -> np.ndarray:
        """Return log r0 at each size, which τ and the scale do not change."""
        return levels(self.neurons, beta, float(np.exp(log_kappa)), self.gamma)

    def predicted(
        self,
        beta: float,
        log_kappa: float,
        log_threshold: float,
        log_scale: float = 0.0,
        log_r0: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Return the logarithm of every block that was measured; `log_r0` if it is known (`levels`)."""
        kappa = np.exp(log_kappa)
        if log_r0 is None:
            log_r0 = self.levels(beta, log_kappa)
        log_r_tau = np.minimum(log_r0 - log_threshold / beta, np.log(np.floor(self.gamma * self.neurons)))
        count = np.maximum(np.exp(log_r_tau) - 0.5, FLOOR)
        log_r0 = log_r_tau + log_threshold / beta
        blocks = {"counts": np.log(count)}
        if self.scaled:
            from scipy import special

            harmonic = special.zeta(beta) - special.zeta(beta, self.matched + 1)
            inside = np.maximum(np.exp(beta * log_r0) * harmonic - self.matched, TINY)
        if "isolation" in self.measured:
            blocks["isolation"] = log_scale + np.log(inside / self.matched)
        if "tail" in self.measured:
            outside = np.maximum(kappa * self.neurons - inside, TINY)
            blocks["tail"] = log_scale + np.log(outside / np.maximum(self.neurons - self.matched, 1.0))
        if "correlations" in self.measured:
            log_rest = beta * (self.log_rank - log_r0[self.rung])
            twice = np.maximum(2 - np.exp(log_rest), 0)  # 1 + ρ
            blocks["correlations"] = log_rest - (twice + twice**2 / beta) / (2 * self.inputs)
        return blocks

    def split(self, values: Mapping[str, float], log_r0: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return the residuals of each block's logarithms, whole counts' by √(R/R̄): of one error throughout a block."""
        predicted = self.predicted(**values, log_r0=log_r0)
        return {name: (self.measured[name] - predicted[name]) * self.weight[name] for name in self.measured}

    def residuals(self, values: Mapping[str, float], log_r0: np.ndarray | None = None) -> np.ndarray:
        """Return all residuals, in units of the blocks' standard deviations."""
        return np.concatenate([block / self.sd[name] for name, block in self.split(values, log_r0).items()])

    def slopes(self, values: Mapping[str, float], free: Sequence[str], log_r0: np.ndarray) -> np.ndarray:
        """Return derivatives of all residuals, shape (residuals, k), by differences; only β needs another r0."""
        beta, kappa = values["beta"], float(np.exp(values["log_kappa"]))
        by_kappa = level_slopes(self.neurons, log_r0, beta, kappa, self.gamma)
        here, columns = self.residuals(values, log_r0), []
        for name in free:
            moved = log_r0 + STEP * by_kappa if name == "log_kappa" else None if name == "beta" else log_r0
            columns.append((self.residuals({**values, name: values[name] + STEP}, moved) - here) / STEP)
        return np.stack(columns, axis=1)

    def first_guess(self, beta: float, log_budget: float, log_threshold: float) -> dict[str, float]:
        values = {"beta": beta, "log_kappa": log_budget + log_threshold, "log_threshold": log_threshold}
        if self.scaled:
            block = "isolation" if "isolation" in self.measured else "tail"
            values["log_scale"] = float(np.mean(self.measured[block] - self.predicted(**values, log_r0=None)[block]))
        return values

    def least(self, start: Mapping[str, float], fixed: str = "") -> tuple[dict[str, float], float]:
        """Return the values of least χ² near a start, all but one fixed parameter free, and that χ²."""
        free = [name for name in start if name != fixed]

        def values(at: np.ndarray) -> dict[str, float]:
            return {**start, **dict(zip(free, at.tolist(), strict=True))}

        solved: dict[tuple[float, float], np.ndarray] = {}  # the last one

        def levels(values: Mapping[str, float]) -> np.ndarray:
            at = values["beta"], values["log_kappa"]
            if at not in solved:
                solved.clear()
                solved[at] = self.levels(*at)
            return solved[at]

        def residuals(at: np.ndarray) -> np.ndarray:
            there = values(at)
            return self.residuals(there, levels(there))

        def jacobian(at: np.ndarray, left: np.ndarray) -> np.ndarray:
            there = values(at)
            return self.slopes(there, free, levels(there))

        limits = [LIMITS[name][0] for name in free], [LIMITS[name][1] for name in free]
        at, left = least_squares(residuals, [start[name] for name in free], jacobian, limits=limits)
        return values(at), float(left @ left)

    def settle(self, values: dict[str, float]) -> dict[str, float]:
        """Estimate the errors that were not stated and fit again, by turns; return the values of the last fit."""
        for _ in range(TURNS if set(self.measured) > self.stated else 1):
            self._reweigh(values)
            values, _ = self.least(values)
        return values

    def _reweigh(self, values: Mapping[str, float]) -> None:
        """Set the standard deviations that were not stated to those of a fit's residuals."""
        freedoms, least = self.freedoms(values), self._steps(values)
        for name, block in self.split(values).items():
            if name not in self.stated:
                block = self._unsorted(name, block)
                estimated = float(np.sqrt(block @ block / freedoms[name]))
                self.sd[name] = np.array(max(estimated, least.get(name, LEAST_ERROR)))
        if self.inputs_sought:
            twice = 2 - np.exp(self.measured["correlations"])  # 1 + ρ
            self.inputs = max(float(np.mean((twice / self.sd["correlations"]) ** 2)), FEWEST_INPUTS)

    def _unsorted(self, name: str, block: np.ndarray) -> np.ndarray:
        """Return residuals as independent numbers of one variance: √k times the mean of each half, if sorted."""
        return block if name != "correlations" else np.bincount(self.half, block) / np.sqrt(np.bincount(self.half))

    def misfit(self, values: Mapping[str, float]) -> float:
        """Return the p-value of χ² over the blocks whose errors were stated; NaN if all were estimated.

        Estimated errors are those with which χ² is what its degrees of freedom are, whatever was measured.
        """
        freedoms = self.freedoms(values)
        left = [self._unsorted(k, block / self.sd[k]) for k, block in self.split(values).items() if k in self.stated]
        if not left:
            return np.nan
        squares = float(np.sum(np.concatenate(left) ** 2))
        return chi_square_tail(sum(freedoms[k] for k in self.stated), squares)

    def unevenness(self, values: Mapping[str, float], draws: int = 4000) -> float:
        """Return the p-value of isolation and tail having one error at all sizes; NaN where their errors were stated.

        The score of a variance that grows or falls as a power of N (Cook and Weisberg, 1983), against its law for
        normal errors of one size, of which the same fit leaves the same part. Drawn, from one seed.
        """
        parts, blocks = self._parts(values), self.split(values)
        names = [name for name in ("isolation", "tail") if name in set(parts) - self.stated]
        if not names:
            return np.nan
        seen = np.concatenate([parts[name] for name in names])
        all_of_it = sum(part.T @ part for part in parts.values())
        rng = np.random.default_rng(0)
        errors = rng.normal(size=(draws, len(seen)))
        others = rng.multivariate_normal(
            np.zeros(len(values)), all_of_it - seen.T @ seen, size=draws, method="eigh", check_valid="ignore"
        )  # with few numbers to spare, rounding makes what is left of the information a little negative
        left = errors - (errors @ seen + others) @ np.linalg.pinv(all_of_it, rcond=1e-13, hermitian=True) @ seen.T
        x = np.log(self.neurons) - np.mean(np.log(self.neurons))

        def score(residuals: np.ndarray) -> np.ndarray:
            squares = residuals.reshape(*residuals.shape[:-1], len(names), len(x)) ** 2
            return np.sum(squares @ x / np.sum(squares, axis=-1), axis=-1)

        scores, measured = score(left), score(np.concatenate([blocks[name] for name in names]))
        above = (1 + np.sum(scores >= measured)) / (1 + draws)
        return float(2 * min(above, 1 - above + 1 / (1 + draws)))

    def _steps(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the error that one rank more or less makes in log isolation and log tail, root mean square."""
        step = values["beta"] * np.exp(values["log_threshold"]) / self.matched
        predicted, scale = self.predicted(**values, log_r0=None), values.get("log_scale", 0.0)
        neurons = {"isolation": self.matched, "tail": self.neurons - self.matched}
        return {
            name: float(np.sqrt(np.mean((step / (number * np.exp(predicted[name] - scale))) ** 2)))
            for name, number in neurons.items()
            if name in predicted
        }

    def met_exactly(self, values: Mapping[str, float]) -> bool:
        """Return whether isolation or tail, errors not stated, are met to within one rank."""
        return any(
            float(self.sd[name]) <= step for name, step in self._steps(values).items() if name not in self.stated
        )

    def size(self) -> int:
        """Return the number of independent numbers measured, correlations of a size as two (their halves)."""
        return sum(self._length(name) for name in self.measured)

    def spare(self, parameters: int) -> bool:
        """Return whether errors can be known: all are stated, or there are more numbers than parameters."""
        return set(self.measured) <= self.stated or self.size() > parameters

    def _length(self, name: str) -> int:
        return int(self.half.max()) + 1 if name == "correlations" else len(self.measured[name])

    def information(self, values: Mapping[str, float]) -> dict[str, np.ndarray]:
        """Return each block's Fisher information, shape (k, k): ``JᵀJ`` of its residuals."""
        return {name: part.T @ part for name, part in self._parts(values).items()}

    def freedoms(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return each block's degrees of freedom: its length (in halves) less its share of the hat matrix's trace."""
        parts = self._parts(values)
        inverse = np.linalg.pinv(sum(part.T @ part for part in parts.values()), rcond=1e-13, hermitian=True)
        freedoms = {}
        for name, part in parts.items():
            freedoms[name] = max(self._length(name) - float(np.sum((part @ inverse) * part)), 0.5)
        return freedoms

    def jacobian(self, values: Mapping[str, float]) -> np.ndarray:
        """Return the derivatives of all residuals by central differences, shape (residuals, k)."""
        step, columns = 1e-4, []
        for name, value in values.items():
            ends = [self.residuals({**values, name: value + sign * step}) for sign in (1, -1)]
            columns.append((ends[0] - ends[1]) / (2 * step))
        return np.stack(columns, axis=1)

    def _parts(self, values: Mapping[str, float]) -> dict[str, np.ndarray]:
        ends = np.cumsum([len(block) for block in self.measured.values()])
        return dict(zip(self.measured, np.split(self.jacobian(values), ends[:-1]), strict=True))
