"""Public functions that are given objects of another kind: one message that names the argument, and nothing raw."""

from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

import rosettalaw as rl
from rosettalaw import theory, validation
from rosettalaw.arguments import checked
from rosettalaw.errors import InputError, RosettaError

N, R = [128, 256, 512, 1024], [30, 45, 70, 100]
RHO = [np.linspace(0.3, 0.95, count) for count in R]
A = np.random.default_rng(0).standard_normal((50, 4))
PAIRS = [[0, 1], [1, 2]]
LADDER = {"neurons": N, "count": R}
FOUR = {pair: [0.5] for pair in ("ab", "cd", "ac", "bd", "ad", "bc")}
FILE = "/no/such/file"


class Other:
    """Objects of no kind that the package knows."""


WRONG = [
    *(None, "text", 7, -3, True, float("nan"), 1j, b"x", [], [None], ["x"], {}, {"a": 1}, {1}),
    *(np.zeros((2, 2)), pd.DataFrame({"a": [1, 2]}), Other, Other(), theory.Log, theory.Log()),
]
# Each argument in turn is replaced by each wrong object.
CALLS = [
    (rl.fit, {"neurons": N, "counts": R, "count_sd": None, "nulls": None, "tau": 1.0, "gamma": 4.0}),
    (rl.forecast, {"counts": LADDER, "neurons": [2048]}),
    (rl.load, {"path": FILE, "kind": None}),
    (rl.save, {"ds": rl.predict(N, 1.5), "path": FILE}),
    (rl.measure_ladder, {"ladder": FILE, "out": None, "text": None, "cache": None, "workers": None}),
    (rl.predict, {"neurons": N, "beta": 1.5, "kappa": 1.0, "gamma": 4.0, "limit": "discrete", "sensitivities": False}),
    (rl.sweep, {"neurons": N, "beta": 1.5, "kappa": 1.0, "memory": None, "sensitivities": False}),
    (theory.allocate, {"weights": [1, 0.5], "budget": 3.0, "utility": theory.Log(), "costs": None}),
    (theory.beta_for, {"exponent": 0.63, "neurons": 1e4, "kappa": 1.0, "gamma": 4.0}),
    (theory.correlation, {"isolation": [0.5, 2], "other": None}),
    (theory.detect, {"isolation": [0.5, 2], "inputs": 100.0, "features": np.inf, "idle": 0, "threshold": -1.0}),
    (theory.Empirical, {"values": [3.0, 2.0]}),
    (theory.isolation_from, {"correlation": [0.5, 0.7], "other": None}),
    (theory.isolation_of, {"loadings": A, "noise": 0.1}),
    (theory.kappa_for, {"count": 50.0, "neurons": 1000.0, "beta": 1.5, "gamma": 4.0}),
    (theory.Model, {"spectrum": theory.PowerLaw(1.5), "utility": theory.Log(), "gamma": 4.0, "features": None}),
    (theory.specialize, {"neurons": N, "offsets": {"a": 1.0, "b": 0.5}, "beta": 1.5, "kappa": 1.0, "data_share": None}),
    (theory.tail_loadings, {"isolation": [0.5], "size": 10, "rng": np.random.default_rng(0)}),
    (theory.tau_eff, {"candidates": 100, "inputs": 1000.0, "width": 1.0}),
    (validation.anchored_count, {"matched": [[1, 2], [2]], "neurons": 10, "least": 2}),
    (validation.closing_triangles, {"ab": PAIRS, "bc": PAIRS, "ac": PAIRS}),
    (validation.communality, {"ab": [0.5], "ac": [0.5], "bc": [0.5]}),
    (validation.compare_curves, {"data": validation.clean(N, R)}),
    (validation.compare_series, {"series": []}),
    (validation.Design, {"neurons": (128, 256, 512), "seeds": 1, "beta": 1.5, "scatter": validation.Scatter(0, 0, 0)}),
    (validation.expect, {"design": validation.Design((128, 256, 512)), "draws": 3, "ladders": 0, "seed": 0}),
    (validation.fit_counts, {"neurons": N, "counts": R, "gamma": 4.0, "weighted": False}),
    (validation.fit_likelihood, {"neurons": N, "counts": R, "likelihood": "poisson"}),
    (validation.fit_profile, {"correlations": RHO[-1], "threshold": 0.0, "attenuated": False}),
    (
        validation.fit_tetrads,
        {"correlations": FOUR, "positions": 1000.0},
    ),
    (validation.read_series, {"paths": [FILE]}),
    (validation.read_triangle, {"pairs": FILE, "threshold": None, "levels": None}),
    (validation.recurring, {"matchings": {("a", "b"): PAIRS}, "least": 3}),
]


@pytest.mark.parametrize(("function", "good"), CALLS, ids=lambda one: getattr(one, "__name__", ""))
def test_any_object_is_taken_or_refused_by_name(function, good, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for argument in good:
        for wrong in WRONG:
            with suppress(RosettaError):
                function(**good | {argument: wrong})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: validation.expect(None), "design = None: must be a Design. Try: expect(Design((128, 256, 512)))"),
        (lambda: validation.expect(validation.Design), "must be a Design; this is a class, not an object of it. Try: "),
        (lambda: validation.expect(validation.Design((1, 2, 3)), draws=0), "draws = 0: must be at least 1. Try: "),
        (lambda: theory.allocate([1.0], 3.0, theory.Log), "must be a Utility; this is a class, not an object of it"),
        (lambda: rl.save(None, "x.nc"), "ds = None: must be a Dataset; results of matchings and ladders have a method"),
        (lambda: rl.load(3), "path = 3: must be text or a path. Try: load('result.nc')"),
        (lambda: rl.match(A, A, k="two"), "k = 'two': must be a whole number. Try: match(a, b"),
        (lambda: rl.match(A, A, k=True), "k = True: must be a whole number"),
        (lambda: rl.match(A, A, samples_a=5, samples_b=5), "samples = 5: must be a list, or an array, with one entry"),
        (lambda: rl.match(A, A, layers_a=[None]), "layers_a[0] = None: must be a whole number or text"),
        (lambda: rl.match(A, A, progress="yes"), "progress = 'yes': must be True or False or a function"),
        (lambda: validation.compare_series([3]), "series[0] = 3: must be a Series. Try: compare_series("),
        (lambda: validation.recurring({"ab": []}), "matchings = 'ab': must be named by two networks"),
    ],
)
def test_messages_name_argument_value_rule_and_a_call(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)


def test_kinds_come_from_annotations():
    @checked("f(1)")
    def f(x: "float | list[Other]" = 1.0, *rest: "int", y: "str | None" = None, **others: "bool"):
        """Return the arguments."""
        return x, rest, y, others

    assert f.__doc__ == "Return the arguments."
    assert f(2, "anything", y="b", z=3) == (2, ("anything",), "b", {"z": 3})
    assert f(np.float32(1))[0] == 1
    assert f([Other()])  # kinds that are not known are the function's own affair
    with pytest.raises(InputError, match=r"y = 3: must be text or None. Try: f\(1\)"):
        f(y=3)
    with pytest.raises(TypeError, match="multiple values"):
        f(1, x=2)
