"""The work of ``rosettalaw fit``: what it imports, how often it solves the theory; and its searches against SciPy's."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import optimize

from rosettalaw.validation.counts import clean
from rosettalaw.validation.joint_fit import fit_jointly
from rosettalaw.validation.joint_problem import LIMITS
from rosettalaw.validation.observations import Observations
from rosettalaw.validation.theory_search import BETA_RANGE, TheorySearch, unknown_variance

SIZES = [128, 256, 512, 1024, 2048, 4096, 8192, 16384]
COUNTS = [30, 46, 70, 104, 160, 241, 370, 561]
HEAVY = ("scipy.optimize", "scipy.integrate", "scipy.stats", "lmfit", "numba", "pandas", "xarray", "dask", "sympy")
LEFT_OUT = ("matplotlib", "torch", "rosettalaw.validation.compare", "rosettalaw.theory.model")


def test_a_fit_of_eight_counts_imports_little_and_solves_the_theory_some_hundred_times(tmp_path):
    path = tmp_path / "counts.csv"
    path.write_text("neurons,count\n" + "".join(f"{n},{r}\n" for n, r in zip(SIZES, COUNTS, strict=True)))
    code = f"""
import json, sys
from rosettalaw.theory import kernel_runs
before, solved = kernel_runs.run, [0]
def run(*given):
    solved[0] += 1
    return before(*given)
kernel_runs.run = run
from rosettalaw.cli import main
for options in ([], ["--json"]):
    try:
        main(["fit", {str(path)!r}, *options])
    except SystemExit as end:
        solved.append(end.code)
        print(json.dumps([*solved, [name for name in {HEAVY + LEFT_OUT!r} if name in sys.modules]]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    printed = [line for line in done.stdout.splitlines() if line.startswith("[") and line.endswith("[]]")]
    (shown, *status), (both, *statuses) = (json.loads(line)[:-1] for line in printed)
    assert (status, statuses) == ([0], [0, 0])
    assert 100 < shown < 1300
    assert both - shown < 2800  # profile curves take more


@pytest.mark.parametrize(
    "counts", [COUNTS, [25, 52, 60, 130, 150, 260, 330, 640], [30.4, 46.2, 70.9, 104, 160, 241, 370, 561]]
)
@pytest.mark.parametrize("power", [1, 2])
def test_beta_and_its_interval_are_those_of_scipys_searches(counts, power):
    search = TheorySearch(clean(SIZES, counts), 1.0, 4.0, False, power)
    tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    theirs = optimize.least_squares(
        lambda at: search.residuals(*at),
        (1.8, search.log_budget + 0.3),
        bounds=([BETA_RANGE[0], -50], [20, 50]),
        **tight,
    )
    assert search.beta == pytest.approx(theirs.x[0], rel=1e-6)
    assert search.least == pytest.approx(2 * theirs.cost, rel=1e-9)
    allowed = unknown_variance(search.least, 6)

    def excess(beta):
        return 2 * optimize.least_squares(lambda at: search.residuals(beta, at[0]), [search.log_budget], **tight).cost

    for end, far in zip(search.interval(), (1.01, 4.0), strict=True):
        assert end == pytest.approx(optimize.brentq(lambda at: excess(at) - allowed, theirs.x[0], far), rel=1e-6)


def test_slopes_are_those_of_differences():
    for power in (1, 2):
        search = TheorySearch(clean(SIZES, COUNTS), 2.0, 4.0, False, power)
        for beta, log_budget in ((1.2, 0.5), (1.7, 1.4), (3.0, 4.0)):
            left = search.residuals(beta, log_budget)
            moved = [search.residuals(beta, log_budget + step) for step in (1e-6, -1e-6)]
            slopes = search.slopes(beta, log_budget, left)
            np.testing.assert_allclose(slopes, (moved[0] - moved[1]) / 2e-6, rtol=1e-5)


def test_a_joint_fit_and_its_profile_are_those_of_scipys_searches():
    fit = fit_jointly(Observations(SIZES, COUNTS, sd={"counts": 0.02}))
    problem, names = fit._problem, list(fit.values)
    limits = np.transpose([LIMITS[name] for name in names])

    def least(fixed):
        free = [name for name in names if name not in fixed]
        bounds = limits[:, [names.index(name) for name in free]]
        theirs = optimize.least_squares(
            lambda at: problem.residuals(dict(zip(free, at.tolist(), strict=True)) | fixed),
            [fit.values[name] for name in free],
            bounds=bounds,
            x_scale="jac",
            xtol=1e-14,
            ftol=1e-14,
            gtol=1e-14,
        )
        return 2 * theirs.cost

    assert fit.chi2 <= least({}) * (1 + 1e-6)
    for name, at in (("beta", fit.beta + 0.05), ("log_threshold", 0.5)):
        assert fit.rise(name, [at])[0] + fit.chi2 == pytest.approx(least({name: at}), rel=1e-5)
