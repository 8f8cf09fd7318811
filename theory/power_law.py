"""The power-law spectrum solved without arrays: exact for whole ranks, and in the paper's continuum.

Model
-----
Features ``r = 1 … A`` have importance ``w_r = C r^-β`` (Eq. 9) and receive isolation ``s_r ≥ 0`` that maximises
``Σ w_r log(1 + s_r)`` under ``Σ s_r ≤ κN`` (Eq. 11; Eq. 12 with integrals over ``[1, A]``). Where ``s_r > 0`` the
gradient is level, ``w_r/(1 + s_r) = λ`` (Eq. 16), hence

    s_r = [(r0/r)^β − 1]_+          λ = C r0^-β                                               (Eqs. 14, 17)

and only ``r0`` is unknown. With ``H(n) = Σ_{r≤n} r^-β`` the budget over an active prefix of ``n`` features reads

    κN = r0^β H(n) − n              (discrete; Eq. 20 has ∫_1^{r0} r^-β dr for H and r0 − 1 for n).

Feature ``n`` is active when the budget exceeds what lifts ranks 1 … n−1 to its level, ``B(n) = n^β H(n) − n``, and
``B`` increases, so ``n`` is the last rank with ``B(n) < κN``, or ``A``: the largest rank strictly below r0. A rank at
r0 itself has s = 0 and is not active; that is judged to rounding, ``s ≤ TIE``.

Algorithm
---------
``H`` is continued to real ``x`` by Euler and Maclaurin's formula,

    H(x) = c + (x^(1−β) − 1)/(1−β) + x^-β (½ − β/(12x) + …),    c = ζ(β) − 1/(β−1),

which is exact to rounding for ``x ≥ 10`` and passes smoothly through β = 1, where ``c`` is Euler's constant. Given n
active features the budget gives r0, and given r0 the last rank below it is n; taking turns ends at the optimum after
three turns as a rule, because ``((κN + x)/H(x))^(1/β)`` is stationary at ``x = r0``. A point costs some fifteen
exponentials whatever A is; N = 10^12 is no harder than N = 10. The continuum is solved by Newton's method on log F
against log x, where ``κN = F(r0)`` is Eq. 20: log F is concave, so the steps approach from the left.
"""

from __future__ import annotations

import math

import numpy as np

from ..compiled import kernel

# Bernoulli numbers over factorials, B_2k/(2k)!, of the Euler–Maclaurin formula.
EULER_MACLAURIN = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000)
FIRST = 10  # ranks summed one by one; beyond them the formula's error is below rounding for every β > 0
NEAR, FEW_RANKS = 1.02, 16.0  # ratio of two ranks up to which s is summed between them; ranks that are summed singly
NODES, WEIGHTS = (tuple((one / 2).tolist()) for one in np.polynomial.legendre.leggauss(8))  # on an interval of length 1
NODES = tuple(0.5 + node for node in NODES)
LOG_2, LOG_3, LOG_5, LOG_7, LOG_FIRST = (math.log(r) for r in (2, 3, 5, 7, FIRST))

# Columns of `solve_points`.
ACTIVE, R0, R_TAU, COUNT, MEAN_ISOLATION, TAIL_MASS, LOCAL_EXPONENT = range(7)
COLUMNS = ("active", "r0", "r_tau", "count", "mean_isolation", "tail_mass", "local_exponent")

ROUNDING_UP = 1.0 + 1e-14  # a rank that r_τ meets up to rounding is counted
JUST_BELOW = 1.0 - 2.0**-53  # times a whole number: the float before it
TIE = 3e-14  # isolation up to it is rounding: the rank lies at r0, where s = 0
TINY = 1e-3  # budget from which it is; smaller ones are compared with differences of weights, which keep their digits
NEAREST = 1e-3  # ranks: closer to r0 than that, rounding would decide beyond rank 10^10


@kernel(cache=True, nogil=True, error_model="numpy")
def power_integral(low: float, high: float, beta: float) -> float:
    """Return ∫ r^-β dr from `low` to `high`, without loss near β = 1."""
    log_ratio = math.log1p((high - low) / low) if high < 2.0 * low else math.log(high / low)
    if beta == 1.0:
        return log_ratio
    return low ** (1.0 - beta) * math.expm1((1.0 - beta) * log_ratio) / (1.0 - beta)


@kernel(cache=True, nogil=True, error_model="numpy")
def _endpoint(x: float, beta: float) -> float:
    """Return ½ − β/(12x) + β(β+1)(β+2)/(720x³) − …: what one end adds to a sum beyond its integral, over x^-β."""
    inverse = 1.0 / x
    total, term, inverse_square = 0.5, beta * inverse, inverse * inverse
    for k, coefficient in enumerate(EULER_MACLAURIN):
        total -= coefficient * term
        term *= (beta + 2 * k + 1) * (beta + 2 * k + 2) * inverse_square
    return total


@kernel(cache=True, nogil=True, error_model="numpy")
def _integral_from_one(log_x: float, beta: float) -> float:
    """Return ∫ r^-β dr from 1 to x, given log x."""
    if beta == 1.0:
        return log_x
    return math.expm1((1.0 - beta) * log_x) / (1.0 - beta)


@kernel(cache=True, nogil=True, error_model="numpy")
def power_sum(low: float, high: float, beta: float) -> float:
    """Return Σ r^-β over whole ranks ``low < r ≤ high``."""
    total = 0.0
    split = min(high, max(low, float(FIRST)))
    for r in range(int(low) + 1, int(split) + 1):
        total += r**-beta
    if high > split:
        ends = high**-beta * _endpoint(high, beta) - split**-beta * _endpoint(split, beta)
        total += power_integral(split, high, beta) + ends
    return total


@kernel(cache=True, nogil=True, error_model="numpy")
def _isolation_between(low: float, high: float, log_r0: float, beta: float, continuum: bool) -> float:
    """Return Σ s_r over whole ranks ``low < r ≤ high``, or ∫ s dr from `low` to `high`.

    Close to r0 the closed form is a difference of nearly equal numbers. There s itself is summed: rank by rank, or by
    Gauss and Legendre's rule with Euler and Maclaurin's ends.
    """
    width = high - low
    if not width > 0:
        return 0.0
    if high > NEAR * low or log_r0 > 700.0:
        between = power_integral(low, high, beta) if continuum else power_sum(low, high, beta)
        return max(math.exp(beta * log_r0) * between - width, 0.0)
    r0 = math.exp(log_r0)
    total = 0.0
    if width <= FEW_RANKS and not continuum:
        for k in range(int(width)):
            total += _isolation(low + k + 1.0, r0, beta)
        return max(total, 0.0)
    for k in range(len(NODES)):
        total += WEIGHTS[k] * _isolation(low + width * NODES[k], r0, beta)
    total *= width
    if not continuum:
        first, last = _isolation(low, r0, beta), _isolation(high, r0, beta)
        total += 0.5 * (last - first)
        total += (1.0 + last) * (_endpoint(high, beta) - 0.5) - (1.0 + first) * (_endpoint(low, beta) - 0.5)
    return max(total, 0.0)


@kernel(cache=True, nogil=True, error_model="numpy")
def _isolation(rank: float, r0: float, beta: float) -> float:
    """Return ``(r0/r)^β − 1``, with its digits where r is close to r0."""
    return math.expm1(beta * math.log1p((r0 - rank) / rank))


@kernel(cache=True, nogil=True, error_model="numpy")
def _first_weights(beta: float):
    """Return 1^-β … 10^-β; composite ranks are products of prime ones, which saves exponentials."""
    two, three = math.exp(-LOG_2 * beta), math.exp(-LOG_3 * beta)
    five, seven = math.exp(-LOG_5 * beta), math.exp(-LOG_7 * beta)
    four = two * two
    return 1.0, two, three, four, five, two * three, seven, two * four, three * three, two * five


@kernel(cache=True, nogil=True, error_model="numpy")
def _discrete_levels(budget, beta, features, log_r0, active):
    """Fill `log_r0` and `active` with the discrete optimum (Eqs. 11, 14) at every point.

    The turns that every point needs are taken by all points together: with no branch between them the processor works
    on several points at once.
    """
    points = len(log_r0)
    constant, log_x, last = np.empty(points), np.empty(points), np.empty(points)
    for i in range(points):
        last[i] = math.log(features[i])
        log_r0[i], active[i], constant[i] = _first_ranks(budget[i], beta[i], features[i])
        rise = 1.0 if beta[i] < 1.05 else beta[i] - 1.0
        log_x[i] = math.log(budget[i] * rise) / max(beta[i], 1.0)
    for _ in range(2):  # n as a real number
        for i in range(points):
            start = max(min(log_x[i], last[i]), LOG_FIRST)
            log_x[i] = _log_r0(math.exp(start), start, budget[i], beta[i], constant[i])
    for i in range(points):
        if active[i] < 0:
            log_r0[i], active[i] = _whole_ranks(
                math.exp(min(log_x[i], last[i])), budget[i], beta[i], features[i], constant[i]
            )


@kernel(cache=True, nogil=True, error_model="numpy")
def _first_ranks(budget: float, beta: float, features: float) -> tuple[float, float, float]:
    """Return (log r0, n, 0) if at most ten features are active, else (0, −1, c) with c of the module's head."""
    total, weight, r = 0.0, 1.0, 0.0
    tie = TIE if budget >= TINY else 0.0
    for weight in _first_weights(beta):
        if r == features or (1.0 + tie) * total - r * weight >= budget * weight:  # B(r+1) ≥ κN: rank r+1 stays at 0
            return math.log((budget + r) / total) / beta, r, 0.0
        total += weight
        r += 1.0
    if features == r:
        return math.log((budget + r) / total) / beta, r, 0.0
    return 0.0, -1.0, total - _integral_from_one(LOG_FIRST, beta) - weight * _endpoint(r, beta)


@kernel(cache=True, nogil=True, error_model="numpy")
def _whole_ranks(start: float, budget: float, beta: float, features: float, constant: float) -> tuple[float, float]:
    """Return (log r0, n): r0 from n active features, n the last rank below r0, until they agree."""
    active = min(max(np.floor(start), FIRST), features)
    log_r0 = 0.0
    for _ in range(100):  # one or two turns as a rule: an error of ε in log n leaves ε² in log r0
        log_r0 = _log_r0(active, math.log(active), budget, beta, constant)
        last = min(max(_last_below(math.exp(log_r0), beta), FIRST), features)
        if last == active:
            break
        active = last
    return log_r0, active


@kernel(cache=True, nogil=True, error_model="numpy")
def _last_below(r0: float, beta: float) -> float:
    """Return the largest rank whose isolation exceeds `TIE`: strictly below r0."""
    return -np.floor(min(r0 * TIE * (1.0 + 1.0 / beta), NEAREST) - r0) - 1.0


@kernel(cache=True, nogil=True, error_model="numpy")
def _log_r0(x: float, log_x: float, budget: float, beta: float, constant: float) -> float:
    """Return log r0 from the budget when ranks up to x ≥ 10 are active: ``r0^β = (κN + x)/H(x)``."""
    integral = _integral_from_one(log_x, beta)
    power = (1.0 + (1.0 - beta) * integral) / x  # x^-β
    return math.log((budget + x) / (constant + integral + power * _endpoint(x, beta))) / beta


@kernel(cache=True, nogil=True, error_model="numpy")
def continuum_budget(log_x: float, beta: float) -> float:
    """Return ∫_1^x [(x/r)^β − 1] dr (Eq. 20), by its series where the closed form cancels."""
    if max(1.0, beta) * log_x < 0.25:
        # Σ_k (log x)^k/k! (β + β² + … + β^(k−1)), from the exponential series of the closed form
        total, power, geometric = 0.0, log_x, 0.0
        for k in range(2, 16):
            power *= log_x / k
            geometric = beta * (geometric + 1.0)
            total += power * geometric
        return total
    return math.exp(beta * log_x) * _integral_from_one(log_x, beta) - math.expm1(log_x)


@kernel(cache=True, nogil=True, error_model="numpy")
def _continuum_levels(budget, beta, features, log_x, active):
    """Fill `log_x`, which is log r0, and `active`, min(r0, A) − 1, with the continuum optimum (Eqs. 12, 20)."""
    points, last = len(log_x), np.empty(len(log_x))
    for i in range(points):
        last[i] = math.log(features[i])
        log_x[i] = math.log1p(math.sqrt(2.0 * budget[i] / beta[i])) / max(1.0, 0.5 * beta[i])
        if beta[i] > 1.05:  # κN < x^β/(β−1), a start from the left
            log_x[i] = max(0.1 * log_x[i], math.log(budget[i] * (beta[i] - 1.0)) / beta[i])
    for _ in range(3):  # together, as above: r0^β = (κN + x − 1)/∫_1^x r^-β dr, stationary at x = r0
        for i in range(points):
            if budget[i] > 1.0:
                integral = _integral_from_one(log_x[i], beta[i])
                log_x[i] = min(math.log((budget[i] + math.exp(log_x[i]) - 1.0) / integral) / beta[i], last[i])
    for i in range(points):
        for _ in range(200):
            step = _newton_step(log_x[i], budget[i], beta[i])
            log_x[i] = max(0.25 * log_x[i], log_x[i] + step)
            if abs(step) < 1e-8 * log_x[i]:  # Newton squares the error: the next step would be rounding
                break
        active[i] = math.expm1(log_x[i])
        if active[i] > features[i] - 1.0:  # every feature is active: integrate to A alone
            active[i] = features[i] - 1.0
            integral = _integral_from_one(math.log(features[i]), beta[i])
            log_x[i] = math.log((budget[i] + active[i]) / integral) / beta[i]


@kernel(cache=True, nogil=True, error_model="numpy")
def _newton_step(log_x: float, budget: float, beta: float) -> float:
    """Return the step in log x of Newton's method on log F, F = `continuum_budget`; d log F/d log x is exact."""
    needed = continuum_budget(log_x, beta)
    return math.log(budget / needed) * needed / (beta * (needed + math.expm1(log_x)))


@kernel(cache=True, nogil=True, error_model="numpy")
def frontier_and_count(log_r0: float, beta: float, tau: float, features: float, active: float, budget: float):
    """Return ``r_τ = r0 (1+τ)^(-1/β)`` (Eqs. 21–22), at most A, and R_τ (Eq. 10), the last rank up to it.

    Rounding decides for the count: r_τ meets the rank that is counted, and lies before the next one.
    """
    r_tau = min(math.exp(log_r0 - math.log1p(tau) / beta), features)
    if active == 1.0 and budget < TINY:  # r0 has lost the digits of s = κN
        count = 1.0 if budget * ROUNDING_UP >= tau else 0.0
    else:
        count = min(np.floor(r_tau * ROUNDING_UP), active)  # beyond 10^12 the factor is more than a rank
    return max(min(r_tau, (count + 1.0) * JUST_BELOW), count), count


@kernel(cache=True, nogil=True, error_model="numpy")
def _continuum_frontier(log_r0: float, beta: float, tau: float, features: float) -> float:
    return min(math.exp(log_r0 - math.log1p(tau) / beta), features)


@kernel(cache=True, nogil=True, error_model="numpy")
def frontier_points(neurons, beta, kappa, tau, gamma, continuum, out):
    """Fill `out` with r_τ at every point (flat float64 arrays of equal length)."""
    features, log_r0, active = _solve(neurons, beta, kappa, gamma, continuum)
    for i in range(len(out)):
        if continuum:
            out[i] = _continuum_frontier(log_r0[i], beta[i], tau[i], features[i])
        else:
            budget = kappa[i] * neurons[i]
            out[i], _ = frontier_and_count(log_r0[i], beta[i], tau[i], features[i], active[i], budget)


@kernel(cache=True, nogil=True, error_model="numpy")
def level_points(neurons, beta, kappa, gamma, continuum, out):
    """Fill `out` with log r0 at every point: all that the frontiers of every τ need."""
    _, log_r0, _ = _solve(neurons, beta, kappa, gamma, continuum)
    for i in range(len(out)):
        out[i] = log_r0[i]


@kernel(cache=True, nogil=True, error_model="numpy")
def _solve(neurons, beta, kappa, gamma, continuum):
    """Return A, log r0 (r0 itself may overflow where β is tiny and every feature active) and n at every point."""
    points = len(neurons)
    budget, features, log_r0, active = np.empty(points), np.empty(points), np.empty(points), np.empty(points)
    for i in range(points):
        budget[i], features[i] = kappa[i] * neurons[i], gamma[i] * neurons[i]
    if continuum:
        _continuum_levels(budget, beta, features, log_r0, active)
    else:
        for i in range(points):
            features[i] = np.floor(features[i])
        _discrete_levels(budget, beta, features, log_r0, active)
    return features, log_r0, active


@kernel(cache=True, nogil=True, error_model="numpy")
def solve_points(neurons, beta, kappa, tau, gamma, continuum, out):
    """Fill `out`, shape (points, 7), with the `COLUMNS` at every point."""
    all_features, all_log_r0, all_active = _solve(neurons, beta, kappa, gamma, continuum)
    for i in range(len(out)):
        b, budget = beta[i], kappa[i] * neurons[i]
        features, log_r0, active = all_features[i], all_log_r0[i], all_active[i]
        tail, inside = budget, 0.0
        if continuum:
            r_tau = _continuum_frontier(log_r0, b, tau[i], features)
            count = max(r_tau - 1.0, 0.0)
            last = active + 1.0
            if count > 0:
                tail = _isolation_between(r_tau, last, log_r0, b, True)
                inside = budget - tail if tail < 0.5 * budget else _isolation_between(1.0, r_tau, log_r0, b, True)
        else:
            r_tau, count = frontier_and_count(log_r0, b, tau[i], features, active, budget)
            last = active
            if count > 0:
                tail = _isolation_between(count, active, log_r0, b, False)
                inside = budget - tail if tail < 0.5 * budget else _isolation_between(0.0, count, log_r0, b, False)
        out[i, ACTIVE], out[i, R0], out[i, R_TAU], out[i, COUNT] = active, math.exp(log_r0), r_tau, count
        out[i, MEAN_ISOLATION] = inside / count if count > 0 else math.nan
        out[i, TAIL_MASS] = tail
        out[i, LOCAL_EXPONENT] = _local_exponent(budget, b, active, last, r_tau, features, continuum)


@kernel(cache=True, nogil=True, error_model="numpy")
def _local_exponent(budget, beta, active, last, r_tau, features, continuum):
    """Return d log r_τ/d log N.

    Differentiating ``κN = r0^β H(n) − n`` at fixed n gives ``d log r0/d log N = (1/β) κN/(κN + n)``; n steps up where
    its own s is 0, so the law holds across steps too. When every feature is active, A = γN itself grows:
    ``r0^β = (κN + A)/H(A)`` gives ``(1/β)(1 − A^(1−β)/H(A))``, the mean over the steps of A. A frontier that has
    reached A moves with it, exponent 1.
    """
    if r_tau >= features:
        return 1.0
    if last < features:
        return budget / (beta * (budget + active))
    if continuum:
        growth = (budget + features) / (budget + active)
        return (growth - features ** (1.0 - beta) / power_integral(1.0, features, beta)) / beta
    return (1.0 - features ** (1.0 - beta) / power_sum(0.0, features, beta)) / beta
