"""All of `rosettalaw fit` about one series of counts: power law, theory, other curves, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import checked
from ..contents import ByContent
from ..errors import require
from . import power_law, theory_fit
from .alternatives import CurveComparison, compare_curves
from .common_rho import own_fit, sentences
from .counts import IMPOSSIBLE, Counts, clean, counts_from
from .identifiability import undetermined
from .inputs import numbers
from .joint_fit import JointFit, Observations, fit_jointly
from .likelihoods import LikelihoodFit, fit_likelihood
from .parameters import Parameter, lines, table
from .power_law import PowerLawFit, PowerLawStatus
from .resampling import ResidualChecks, bootstrap_exponent, check_residuals, leave_one_size_out
from .seeds.crossed import SeededLadder, of_series
from .series import Series
from .theory_fit import TheoryFit, TheoryStatus
from .theory_search import GAMMA
from .verdict import verdict, with_zeros

if TYPE_CHECKING:
    import pandas as pd

OWN = "alpha, each size above its own ρ*"
PARAMETERS = 3  # β, κ and τ of counts alone


@dataclass(frozen=True, eq=False)
class Analysis(ByContent):
    """Fits, comparison and verdict of one series of counts.

    Attributes
    ----------
    power_law : PowerLawFit
    theory : TheoryFit
    comparison : CurveComparison
        The power law against other curves.
    verdict : str
        Short sentences: the claim, its limits, and the questions that the counts leave open.
    likelihoods : tuple of LikelihoodFit
        The same power law under likelihoods of counts.
    bootstrap_ci95 : tuple of float
        Bootstrap interval of the exponent: too narrow with few sizes, for comparison only.
    left_out : dict of float to float
        Exponent without each size.
    checks : ResidualChecks
        Curvature, and whether the largest size is an outlier.
    counts_alone : JointFit or None
        β, κ and τ all free: what these counts leave open; None with fewer than three sizes or four counts.
    common_rho : float
        Correlation at which the pairs of all sizes are counted; NaN where the counts are not a ladder's.
    own : PowerLawFit or None
        The power law of the counts above each size's own ρ*, where they are known.
    counting : tuple of str
        What must be known about how the pairs were counted, a sentence each.
    seeds : SeededLadder or None
        Crossed seeds of training, where the counts have them: the exponent's interval is then theirs.
    """

    power_law: PowerLawFit
    theory: TheoryFit
    comparison: CurveComparison
    verdict: str
    likelihoods: tuple[LikelihoodFit, ...]
    bootstrap_ci95: tuple[float, float]
    left_out: dict[float, float]
    checks: ResidualChecks
    counts_alone: JointFit | None
    common_rho: float = float("nan")
    own: PowerLawFit | None = None
    counting: tuple[str, ...] = ()
    seeds: SeededLadder | None = None

    @property
    def status(self) -> str:
        """Return "ok", or the warnings of either fit, in words."""
        usual = [PowerLawStatus.OK, TheoryStatus.OK]
        if self.checks.out_of_line:  # which is why the counts scatter
            usual.append(PowerLawStatus.SCATTERED)
        wrong = [str(status) for status in (self.power_law.status, self.theory.status) if status not in usual]
        if self.checks.out_of_line:
            wrong.insert(0, f"the count at N = {self.checks.outlier:,g} is an outlier")
        if self.power_law.data.impossible_sizes:
            wrong.insert(0, f"there are {IMPOSSIBLE}")
        return "; ".join(wrong) or "ok"

    @property
    def params(self) -> dict[str, Parameter]:
        """Exponent α, by least squares and by each likelihood, β and κ/(1+τ), which has no interval of its own."""
        nothing = (float("nan"), float("nan"))
        own = {} if self.own is None else {OWN: Parameter(self.own.exponent, self.own.exponent_ci95)}
        return {
            "alpha": Parameter(self.power_law.exponent, self.power_law.exponent_ci95),
            **own,
            **{f"alpha, {one.likelihood}": Parameter(one.exponent, one.exponent_ci95) for one in self.likelihoods},
            "beta": Parameter(self.theory.beta, self.theory.beta_ci95, self.theory.beta_ci95[1] == float("inf")),
            "kappa/(1+tau)": Parameter(self.theory.budget_over_threshold, nothing),
        }

    def summary(self) -> str:
        """Return verdict, numbers and status, a line each."""
        preferred = f"curve preferred: {self.comparison.preferred} ({self.comparison.reason})"
        return "\n".join([self.verdict, *self.counting, *lines(self.params), preferred, f"status: {self.status}"])

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per number: ``value, low, high, open``."""
        return table(self.params)

    def __str__(self) -> str:
        return self.summary()

    @checked("analysis.record(profiles=False)")
    def record(self, profiles: bool = True) -> dict[str, Any]:
        """Return the numbers and words as plain values, the way `rosettalaw fit --json` prints them.

        Without `profiles`, which take as long as all the rest, the profile curves are missing.
        """
        return {
            "exponent": self.power_law.exponent,
            "exponent_ci95": self.power_law.exponent_ci95,
            "common_rho": self.common_rho,
            "own_exponent": self.own and self.own.exponent,
            "own_exponent_ci95": self.own and self.own.exponent_ci95,
            "counting": list(self.counting),
            "seeds": self.seeds and self.seeds.record(),
            "prefactor": self.power_law.prefactor,
            "r2": self.power_law.r2,
            "beta": self.theory.beta,
            "beta_ci95": self.theory.beta_ci95,
            "budget_over_threshold": self.theory.budget_over_threshold,
            "preferred": self.comparison.preferred,
            "alternatives": [vars(alternative) for alternative in self.comparison.alternatives],
            "verdict": self.verdict,
            "status": self.status,
            "excess_scatter": self.power_law.excess_scatter,
            "likelihoods": [vars(likelihood) for likelihood in self.likelihoods],
            "bootstrap_ci95": self.bootstrap_ci95,
            "leave_one_size_out": self.left_out,
            "residual_checks": vars(self.checks),
            **self._identifiability(profiles),
            "notes": list(self.power_law.data.notes),
        }

    def _identifiability(self, profiles: bool) -> dict[str, Any]:
        if self.counts_alone is None:
            return {"identifiability": undetermined(PARAMETERS, self.power_law.data.sizes)}
        curves = {"profiles": self.counts_alone.profiles()} if profiles else {}
        return self.counts_alone.identifiability.record() | curves


@checked("analyse([256, 512, 1024], [31, 46, 70])", "nulls")
def analyse(
    neurons: Any,
    counts: ArrayLike | None = None,
    count_sd: ArrayLike | None = None,
    nulls: Mapping[str, ArrayLike] | None = None,
    tau: float | None = None,
    gamma: float = GAMMA,
) -> Analysis:
    """Fit counts over sizes in every way and judge them.

    Parameters
    ----------
    neurons, counts, count_sd : array_like, shape (n,)
        Sizes, Rosetta counts and, where known, their standard deviations. In place of the first two, `Counts`, a table
        with the columns ``neurons, count``, or a file of them.
    nulls : mapping of str to array_like, optional
        Raw counts of the trained networks (``raw``) and of their nulls, by label, per size;
        `rosettalaw.validation.verdict.nulls_of` reads them off a ladder.
    tau, gamma : float
        τ and γ of the theory; without τ, β's interval allows for those of `rosettalaw.validation.theory_fit.TAU_RANGE`.

    Raises
    ------
    InputError
        If a number cannot be used, or fewer than two sizes have a positive count.
    """
    data = counts_from(neurons, "analyse(neurons, counts)") if counts is None else clean(neurons, counts, count_sd)
    for label, given in (nulls or {}).items():
        rule = "must have one number per count, as those of every null"
        same = numbers(f"nulls[{label!r}]", given).shape == (len(data.with_zeros()[0]),)
        require(same, f"nulls[{label!r}]", given, rule, "nulls={'raw': [30, 40, 60], 'permuted': [5, 7, 8]}")
    return analyse_clean(data, nulls, tau, gamma)


def analyse_series(series: Series, tau: float | None = None, gamma: float = GAMMA) -> Analysis:
    """Analyse the counts of a source beside its nulls.

    Raises
    ------
    InputError
        If it is no series, or fewer than two sizes have a positive count.
    """
    example = "analyse_series(read_series(['results/ladder.nc'])[0])"
    require(isinstance(series, Series), "series", series, "must be a Series, as read_series returns them", example)
    if not series.calibrated:
        return analyse_clean(series.clean(), series.nulls, tau, gamma)
    own = series.counts if series.own is None else series.own  # these say where nothing exceeds the nulls
    sparse = bool(np.any((series.counts == 0) & (own > 0)))  # no pair at the common ρ: a count like any other
    seeds, line = of_series(series), own_fit(series)
    analysis = analyse_clean(series.clean(), series.nulls, tau, gamma, sparse, seeds)
    said = sentences(series, line)
    return replace(
        analysis,
        verdict=with_zeros(series.neurons, own, analysis.verdict),
        common_rho=series.threshold if series.own is not None else np.nan,
        own=line,
        counting=(*said, seeds.sentence()) if seeds else tuple(said),
        seeds=seeds,
    )


def analyse_clean(
    data: Counts,
    nulls: Mapping[str, ArrayLike] | None = None,
    tau: float | None = None,
    gamma: float = GAMMA,
    zeros_count: bool = True,
    seeds: SeededLadder | None = None,
) -> Analysis:
    """Analyse counts that `rosettalaw.validation.counts.clean` has checked.

    Zeros are counts like any other (`zeros_count`), or other sentences speak of them. With `seeds` the exponent and its
    interval are those of the crossed analysis.
    """
    line, theory, comparison = power_law.fit_clean(data), theory_fit.fit_clean(data, tau, gamma), compare_curves(data)
    if seeds is not None:
        line = line.with_exponent(seeds.exponent, seeds.se, seeds.exponent_ci95)
    likelihoods, checks = tuple(_likelihoods(data)), check_residuals(data)
    shown = [one for one in likelihoods if zeros_count or one.likelihood != "poisson"]
    return Analysis(
        power_law=line,
        theory=theory,
        comparison=comparison,
        verdict=verdict(line, theory, comparison, nulls, shown, checks),
        likelihoods=likelihoods,
        bootstrap_ci95=bootstrap_exponent(line),
        left_out=leave_one_size_out(data),
        checks=checks,
        counts_alone=_counts_alone(data, gamma),
    )


def _counts_alone(data: Counts, gamma: float) -> JointFit | None:
    if data.sizes < 3 or len(data) <= PARAMETERS:
        return None
    return fit_jointly(Observations(data.neurons, data.counts), gamma)


def _likelihoods(data: Counts) -> Iterator[LikelihoodFit]:
    neurons, counts = data.with_zeros()
    yield fit_likelihood(neurons, counts, likelihood="poisson")
    if len(counts) > 5:  # its third parameter cannot be had from fewer
        yield fit_likelihood(neurons, counts, likelihood="negative binomial")
    if data.sd is not None:
        yield fit_likelihood(data.neurons, data.counts, data.sd, "weighted")
