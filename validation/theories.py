"""Theories compared: the one of several models of `rosettalaw.validation.model_fit` that counts prefer.

A theory is preferred if

- its AICc is at least 2 below every other's, and
- every other is rejected by Cox's (1962) test: were it true, with the scatter that it leaves, it would be beaten by so
  much in at most 2% of ladders. The ladders are drawn from its fit and both theories are fitted to each by one step of
  Gauss and Newton (`DRAWS` of them cost nothing that way).

Otherwise the answer is "cannot tell"; so it is, too, between a theory and one that contains it: that more parameters
are not needed does not show that they are 0, for which their own interval is the answer. If the truth is among the
theories, another is preferred in at most 5% of ladders (`tests/data/theory_verdicts.csv`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contents import ByContent
from ..errors import require
from ..theory import Model
from .alternatives import CANNOT_TELL, CLEAR_AICC, REJECTED
from .counts import counts_from
from .model_fit import ModelFit, fit_model
from .theory_search import TAU

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 1999
EXAMPLE = (
    "compare_theories({'log': lambda beta: Model(PowerLaw(beta)), "
    "'exponential': lambda scale: Model(Exponential(scale))}, clean(neurons, counts))"
)


@dataclass(frozen=True, eq=False)
class TheoryComparison(ByContent):
    """Theories fitted to the same counts.

    Attributes
    ----------
    fits : dict of str to ModelFit
        By the names that the user gave.
    p_values : dict of str to float
        How often a theory, were it true, would be beaten as clearly as it is by the one of least AICc (1 for that one).
    preferred : str
        Name of a theory, or "cannot tell".
    reason : str
        Why.
    """

    fits: dict[str, ModelFit]
    p_values: dict[str, float]
    preferred: str
    reason: str

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row a theory: ``parameters, rms, aicc, p``."""
        import pandas as pd

        rows = {
            name: (len(fit.values), float(np.sqrt(np.mean(fit.residuals**2))), fit.aicc, self.p_values[name])
            for name, fit in self.fits.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=["parameters", "rms", "aicc", "p"])

    def summary(self) -> str:
        """Return the table and the verdict in words."""
        return f"{self.to_dataframe().to_string()}\npreferred: {self.preferred} ({self.reason})"

    def __str__(self) -> str:
        return self.summary()


def compare_theories(
    models: Mapping[str, Callable[..., Model]],
    data: Any,
    priors: Mapping[str, Mapping[str, Any]] | None = None,
    tau: float = TAU,
    seed: int = 0,
) -> TheoryComparison:
    """Fit several models to the same counts and say which they prefer, if any.

    Parameters
    ----------
    models : mapping of str to callable
        As `fit_model` takes them.
    data : Counts, or mapping or DataFrame
        As `fit_model` takes it.
    priors : mapping of str to mapping, optional
        Priors of each model, by its name.
    tau : float
        Detectability threshold.
    seed : int
        Of the ladders that are drawn.

    Raises
    ------
    InputError
        If there are fewer than two models, or one cannot be fitted.
    """
    require(isinstance(models, Mapping), "models", models, "must be a mapping of names to models", EXAMPLE)
    require(len(models) >= 2, "models", list(models), "must be two or more", EXAMPLE)
    counts = counts_from(data, EXAMPLE)
    fits = {name: fit_model(model, counts, (priors or {}).get(name), tau) for name, model in models.items()}
    scores = {name: fit.aicc for name, fit in fits.items()}
    if not all(np.isfinite(score) for score in scores.values()):
        few = max(len(fit.values) for fit in fits.values())
        return TheoryComparison(
            fits, dict.fromkeys(fits, np.nan), CANNOT_TELL, f"too few counts for a theory of {few} parameters"
        )
    first = min(scores, key=lambda name: scores[name])
    p_values = {name: 1.0 if name == first else _beaten(fits[first], fit, seed) for name, fit in fits.items()}
    others = [name for name in fits if name != first]
    second = min(others, key=lambda name: scores[name])
    lead = scores[second] - scores[first]
    doubtful = max(others, key=lambda name: p_values[name])
    if lead < CLEAR_AICC:
        return TheoryComparison(fits, p_values, CANNOT_TELL, f"{first} and {second} differ by {lead:.1f} in AICc")
    if p_values[doubtful] > REJECTED:
        share = 100 * p_values[doubtful]
        reason = f"{first} fits best, but this would happen in {share:.0f}% of ladders if {doubtful} were true"
        return TheoryComparison(fits, p_values, CANNOT_TELL, reason)
    return TheoryComparison(fits, p_values, first, f"leads by {lead:.1f} in AICc, and every other theory is rejected")


def _beaten(first: ModelFit, rival: ModelFit, seed: int) -> float:
    """Return how often the rival, were it true, would be beaten as clearly, both fitted by one Gauss–Newton step."""
    error = first._problem.error
    n, stated = len(error), first._problem.stated
    residuals = {"first": first.residuals / error, "rival": rival.residuals / error}
    apart = residuals["first"] - residuals["rival"]  # the rival's curve less the first's
    sums = {name: float(left @ left) for name, left in residuals.items()}
    scatter = 1.0 if stated else rival.sigma / float(np.sqrt(np.mean(error**2)))

    def left(fit: ModelFit, observed: np.ndarray) -> np.ndarray:
        """Return the sums of squares that are left of rows of observations, the tangent plane of a fit taken out."""
        plane, *_ = np.linalg.qr(fit._problem.jacobian(fit.values))
        return np.sum((observed - observed @ plane @ plane.T) ** 2, axis=1)

    noise = scatter * np.random.default_rng(seed).standard_normal((DRAWS, n))
    floor = 1e-24 * n
    ours, theirs = np.maximum(left(first, apart + noise), floor), np.maximum(left(rival, noise), floor)
    lead = theirs - ours if stated else np.log(theirs / ours)
    smallest = max(sums["first"], floor)
    measured = sums["rival"] - sums["first"] if stated else float(np.log(max(sums["rival"], floor) / smallest))
    return float((1 + np.sum(lead >= measured)) / (1 + DRAWS))
