"""All that `rosettalaw fit` says about one series of counts: power law, theory, other curves, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from . import power_law, theory_fit
from .alternatives import Comparison, compare_curves
from .counts import Counts, clean
from .power_law import PowerLawFit, PowerLawStatus
from .theory_fit import GAMMA, TAU, TheoryFit, TheoryStatus
from .verdict import verdict


@dataclass(frozen=True)
class Analysis:
    """What one series of counts says.

    Attributes
    ----------
    power_law : PowerLawFit
    theory : TheoryFit
    comparison : Comparison
        The power law against other curves.
    verdict : str
        One sentence: what is shown and what is not.
    """

    power_law: PowerLawFit
    theory: TheoryFit
    comparison: Comparison
    verdict: str

    @property
    def status(self) -> str:
        """Return "ok", or what is wrong with either fit, in words."""
        wrong = [
            str(status)
            for status in (self.power_law.status, self.theory.status)
            if status not in (PowerLawStatus.OK, TheoryStatus.OK)
        ]
        return "; ".join(wrong) or "ok"

    def record(self) -> dict[str, Any]:
        """Return the numbers and words as plain values, the way `rosettalaw fit --json` prints them."""
        return {
            "exponent": self.power_law.exponent,
            "exponent_ci95": self.power_law.exponent_ci95,
            "prefactor": self.power_law.prefactor,
            "r2": self.power_law.r2,
            "beta": self.theory.beta,
            "beta_ci95": self.theory.beta_ci95,
            "budget_over_threshold": self.theory.budget_over_threshold,
            "preferred": self.comparison.preferred,
            "alternatives": [vars(alternative) for alternative in self.comparison.alternatives],
            "verdict": self.verdict,
            "status": self.status,
            "notes": list(self.power_law.data.notes),
        }


def analyse(
    neurons: ArrayLike,
    counts: ArrayLike,
    count_sd: ArrayLike | None = None,
    nulls: Mapping[str, ArrayLike] | None = None,
    tau: float = TAU,
    gamma: float = GAMMA,
) -> Analysis:
    """Fit counts over sizes in every way and say what they show.

    Parameters
    ----------
    neurons, counts, count_sd : array_like, shape (n,)
        Sizes, Rosetta counts and, where known, their standard deviations.
    nulls : mapping of str to array_like, optional
        Raw counts of the trained networks (``raw``) and of their nulls (``permuted``, ``untrained``), per size;
        `rosettalaw.validation.verdict.nulls_of` reads them off a ladder.
    tau, gamma : float
        τ and γ of the theory.

    Raises
    ------
    InputError
        If a number cannot be used, or fewer than two sizes have a positive count.
    """
    return analyse_clean(clean(neurons, counts, count_sd), nulls, tau, gamma)


def analyse_clean(
    data: Counts, nulls: Mapping[str, ArrayLike] | None = None, tau: float = TAU, gamma: float = GAMMA
) -> Analysis:
    """Analyse counts that `rosettalaw.validation.counts.clean` has checked."""
    line, theory, comparison = power_law.fit_clean(data), theory_fit.fit_clean(data, tau, gamma), compare_curves(data)
    return Analysis(line, theory, comparison, verdict(line, theory, comparison, nulls))
