"""The theory fitted to everything at once: counts, isolation, tail and ranked correlations, for β, κ, τ and a scale.

Counts alone fix β and κ/(1+τ) (`rosettalaw.validation.theory_fit`). What each further observable adds, with
``r0 = r_τ (1+τ)^(1/β)`` at each size N:

    counts         log R,   R = r_τ − ½ in the mean
    isolation      log( c · ⟨s⟩ ),   ⟨s⟩ = (r0^β H_R(β) − R)/R         (Eqs. 14, 25; c is the scale of a proxy)
    tail           log( c · (κN − R⟨s⟩)/(N − R) )                         (Eq. 32; the same c)
    correlations   log(1 − ρ_(r)) = β (log r − log r0)                    (Eqs. 14, 62; free of any scale)

H_R(β) = Σ_{r≤R} r^−β, by the Hurwitz zeta function where counts are not whole. Isolation and tail together give κ and
c from ``c(R⟨s⟩ + tail) = cκN`` and the ratio of tail to count; correlations give β and r0, hence κ, from one size; τ
follows from the counts.

A feature at the frontier that is matched by chance raises the count, and lowers mean isolation and tail: predicted from
r_τ, the three would err as one (in simulated ladders their errors correlate with ∓1.00) and be counted as three.
Isolation and tail are therefore predicted for the R that was measured, by the chain rule of probability

    p(R, ⟨s⟩, tail, ρ) = p(R) · p(⟨s⟩ | R) · p(tail | R) · p(ρ | R)

so that what is left of their errors is their own, and τ acts on the count alone.

Intervals
---------
The blocks have different errors σ_k; those that are not stated are estimated from their own ν_k residual degrees of
freedom (`rosettalaw.validation.joint_problem`). With ``F_k`` a block's Fisher information and ``Φ = (Σ F_k)^-1``, the
share of block k in a parameter's variance is ``w_k = (Φ F_k Φ)_pp/Φ_pp``. Estimated errors weight too well what
happens to fit well; Kenward and Roger's (1997) correction, in one dimension Meier's (1953), enlarges the variance to

    Φ + 4 Σ_k (Φ F_k Φ − Φ F_k Φ F_k Φ)/ν_k           with        1/ν = Σ_k w_k²/ν_k      (Satterthwaite)

degrees of freedom. The interval holds what raises χ² by at most ``t²_ν(97.5%)`` times that enlargement. Stated errors
have infinite ν_k, which leaves Wilks's 3.84. With fewer than `ROUGH` degrees of freedom the approximation shows, and
the status says so.

Measured on simulated ladders of 3, 4, 6 and 8 sizes over 1000 and 10 000 inputs, with every error estimated, at one
truth as at truths of their own: the intervals of all parameters hold theirs in 92 to 98% of 200 to 800 ladders. Without
correlations, where nine or twelve numbers of three or four sizes estimate four parameters and three errors, it is 97 to
99%. Errors of isolation and tail that fan out e-fold over the sizes leave 90% (stated number by number, 95%); the
residuals of six sizes show that one time in five only, and the status then says so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import require
from .counts import clean
from .identifiability import identify, undetermined
from .inputs import features_per_neuron
from .joint_problem import JointProblem
from .joint_result import WORDS, JointFit, JointStatus
from .observations import Observations
from .theory_search import BETA_RANGE, GAMMA, budget_at

ROUGH = 3  # degrees of freedom
UNEVEN = 0.05  # p-value below which the status names unequal errors


def fit_jointly(observed: Observations, gamma: float = GAMMA) -> JointFit:
    """Fit β, κ, τ and a scale to all that was observed; the module's head states the model.

    Raises
    ------
    InputError
        If counts cannot be used, or another block is not positive or has another length.
    """
    rule = "must be the Observations of a ladder, counts first"
    require(
        isinstance(observed, Observations), "observed", observed, rule, "fit_jointly(Observations(neurons, counts))"
    )
    data = clean(observed.neurons, observed.counts)
    gamma = features_per_neuron(gamma, data.neurons)

    problem = JointProblem(observed, gamma)
    slope = np.polyfit(np.log(data.neurons), np.log(data.counts), 1)[0]
    beta, middle = float(np.clip(1 / max(slope, 0.1), 1.1, 10)), len(data) // 2
    budget = budget_at(data.neurons[middle], data.counts[middle], beta, gamma=gamma)
    guesses = [problem.least(problem.first_guess(beta, budget, at)) for at in (0.4, 1.0, 2.5)]
    values = problem.settle(min(guesses, key=lambda guess: guess[1])[0])
    values, chi2 = problem.least(values)
    every = {"log_scale": 0.0, **values}
    freedom, enlargement = _estimated_errors(problem, values)
    information = identify(problem.jacobian(values), list(values), WORDS, min(freedom.values()))
    spare = problem.spare(len(values))
    if not spare:
        information = replace(information, sentence=undetermined(len(values), problem.size()))
    elif _at_limit(every["beta"]):
        information = replace(
            information, sentence="Not determined: β is at its limit, where the Fisher information is not valid."
        )
    uneven_p = problem.unevenness(values) if spare else np.nan
    stderr = information.stderr * np.sqrt(list(enlargement.values()))
    return JointFit(
        beta=every["beta"],
        kappa=float(np.exp(every["log_kappa"])),
        tau=float(np.expm1(every["log_threshold"])),
        scale=float(np.exp(every["log_scale"])),
        values=values,
        stderr=dict(zip(values, stderr.tolist(), strict=True)),
        sd=dict(problem.sd),
        chi2=chi2,
        freedom=freedom,
        enlargement=enlargement,
        misfit_p=problem.misfit(values),
        uneven_p=uneven_p,
        identifiability=information,
        residuals=problem.split(values),
        status=_status(every["beta"], problem, values, freedom, uneven_p) if spare else JointStatus.MET,
        _problem=problem,
    )


def _status(
    beta: float, problem: JointProblem, values: dict[str, float], freedom: dict[str, float], uneven_p: float
) -> JointStatus:
    if _at_limit(beta):
        return JointStatus.AT_LIMIT if beta < 2 else JointStatus.AT_TOP
    if problem.met_exactly(values):
        return JointStatus.EXACT
    if min(freedom.values()) < ROUGH:
        return JointStatus.ROUGH
    return JointStatus.UNEVEN if uneven_p < UNEVEN else JointStatus.OK


def _at_limit(beta: float) -> bool:
    """Return whether β is where the search ends."""
    return beta < BETA_RANGE[0] + 1e-3 or beta > BETA_RANGE[1] - 1e-3


def _estimated_errors(problem: JointProblem, values: dict[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Return each parameter's degrees of freedom and the factor on its variance; the module's head derives both."""
    informed, freedoms = problem.information(values), problem.freedoms(values)
    phi = np.linalg.pinv(sum(informed.values()), rcond=1e-13, hermitian=True)
    variance, enlarged, inverse = np.diag(phi), np.diag(phi).copy(), np.zeros(len(values))
    for name, information in informed.items():
        if name not in problem.stated:
            part = phi @ information @ phi
            enlarged += 4 * np.diag(part - part @ information @ phi) / freedoms[name]
            with np.errstate(invalid="ignore"):  # a parameter that the data say nothing of
                inverse += (np.diag(part) / variance) ** 2 / freedoms[name]
    freedom = [max(1 / each, 1.0) if each > 0 else np.inf for each in inverse]
    with np.errstate(invalid="ignore"):
        factors = (enlarged / variance).tolist()
    return dict(zip(values, freedom, strict=True)), dict(zip(values, factors, strict=True))
