"""Public functions, constructors and methods that are given objects of another kind: one message, and nothing raw."""

import dataclasses
import inspect
import pkgutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rosettalaw as rl
from rosettalaw import interface, testing, theory, validation
from rosettalaw.arguments import checked
from rosettalaw.errors import CallError, InputError, RosettaError

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
CROSSED = {(a, b): ([0, 1], [0, 1], [0.5, 0.6]) for a in ("a0", "a1") for b in ("b0", "b1")}
FAMILIES_OF = {"a0": "a", "a1": "a", "b0": "b", "b1": "b"}
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
    (
        validation.measure_attenuation,
        {"pairs": CROSSED, "families": FAMILIES_OF, "positions": 1000.0, "rho": 0.0, "seed": 0},
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


FAMILIES = (
    theory.Spectrum,
    theory.Utility,
    theory.Cost,
    theory.Budget,
)  # methods of numbers, judged by their contracts
GOOD = {"tau": 1.0, "neurons": 1000.0, "name": "beta", "values": [1.5, 1.6], "rank": [1.0, 2.0], "truth": 1.0}
GOOD |= {"interval": (0.5, 0.7), "exponent": 0.6, "se": 0.02, "alpha": 0.6, "sd": 0.2, "seeds_a": 2, "seeds_b": 2}
GOOD |= {"threshold": 0.5, "size": 256, "index": 0, "steps": 8, "intervals": {"beta": (1.2, 1.6)}, "calibration": None}


def roots():
    """Return results of the public functions; others are reached through their attributes."""
    data, law = validation.clean(N, R), rl.fit(N, R)
    noise = np.random.default_rng(1).standard_normal((3, 200, 4))
    pair = [one + np.random.default_rng(2).standard_normal((200, 4)) for one in noise]
    triangle = validation.measure_triangle(N, RHO)
    model = theory.Model(theory.PowerLaw(1.5))
    fitted = validation.fit_model(lambda beta: theory.Model(theory.PowerLaw(beta)), data)
    jointly = validation.fit_jointly(validation.Observations(N, R, correlations=RHO))
    theories = {
        "log": lambda beta: theory.Model(theory.PowerLaw(beta)),
        "ends": lambda s: theory.Model(theory.Exponential(s)),
    }
    seeded = pd.DataFrame({"neurons": np.repeat(N, 4), "count": np.repeat(R, 4) + np.tile([0, 2, -1, 3], 4)})
    seeded["seed_a"], seeded["seed_b"] = np.tile([0, 0, 1, 1], 4), np.tile([0, 1, 0, 1], 4)
    matched = rl.match(*pair[:2], progress=False)
    yield from (law, rl.compare(LADDER, LADDER), rl.forecast(law, 2048), matched, matched.matches.calibrate())
    yield from (rl.match_several(pair, progress=False), rl.load(Path(__file__).parents[1] / "data/format_1_ladder.nc"))
    yield from (
        theory.allocate([1, 0.5], 3.0),
        theory.solve(100.0, 1.5),
        theory.detect([0.5, 2], 100.0),
        theory.derive(),
    )
    yield from (model, theory.Range(1, 2, 3), fitted, fitted.profile("beta"), jointly, jointly.profile("beta"), data)
    yield from (validation.compare_theories(theories, data), validation.compare_curves(data), triangle)
    yield from (
        validation.fit_extension(triangle),
        validation.fit_tetrads(FOUR, 1000.0),
        validation.fit_profile(RHO[-1]),
        validation.measure_attenuation(CROSSED, FAMILIES_OF, 1000.0),
    )
    yield from (validation.expect(validation.Design((128, 256, 512)), draws=2, ladders=0), validation.Design((1, 2, 3)))
    yield from (validation.closing_triangles(PAIRS, PAIRS, PAIRS), validation.Observations(N, R))
    yield from (validation.Series("a", "counts", N, R, correlations=RHO), validation.analyse_seeds(seeded))
    yield from (testing.PlantedLadder(model, 1.0, np.array([100.0, 1000.0])), testing.extrapolate(model, (1e3, 1e5)))


def reached(one, objects):
    """Collect an object of every class of this package that public attributes lead to."""
    if isinstance(one, tuple | list | dict):
        for part in list(one.values() if isinstance(one, dict) else one)[:3]:
            reached(part, objects)
    kind = type(one)
    if kind in objects or isinstance(one, str | Exception) or not kind.__module__.startswith("rosettalaw"):
        return objects
    objects[kind] = one
    for name in dir(one):
        if not name.startswith("_"):
            with suppress(RosettaError, NotImplementedError):
                value = getattr(one, name)
                if not callable(value):
                    reached(value, objects)
    return objects


@pytest.fixture(scope="module")
def objects():
    every = {}
    for root in roots():
        reached(root, every)
    return every


BASES = ("DatasetResult", "Printed", "WithVariables")


def public_classes():
    everywhere = [getattr(module, name) for module in (rl, theory, validation, testing) for name in module.__all__]
    for info in pkgutil.iter_modules(interface.__path__, f"{interface.__name__}."):
        module = __import__(info.name, fromlist=["_"])
        everywhere += [one for one in vars(module).values() if getattr(one, "__module__", "") == info.name]
    classes = {one for one in everywhere if inspect.isclass(one) and not issubclass(one, Exception)}
    return {one for one in classes if not inspect.isabstract(one) and one.__name__ not in BASES}


def test_the_walk_meets_every_public_class(objects):
    assert {kind.__name__ for kind in public_classes() if not issubclass(kind, FAMILIES)} <= {
        k.__name__ for k in objects
    }


def raw_errors(call, where, base):
    """Return errors that are none of the package's, one argument after the other replaced by each wrong object."""
    import matplotlib.pyplot as plt

    errors = []
    for argument in base:
        for wrong in WRONG:
            try:
                call(**base | {argument: wrong})
            except RosettaError as error:
                if isinstance(error, InputError) and not (error.argument and error.rule):
                    errors.append(f"{where}({argument}={wrong!r}): nameless {error}")
            except Exception as error:
                errors.append(f"{where}({argument}={wrong!r}): {type(error).__name__}: {error}")
            plt.close("all")
    return errors


def test_methods_of_results_take_or_refuse_any_object(objects, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    errors, methods = [], 0
    for kind, one in objects.items():
        if isinstance(one, FAMILIES):
            continue
        for name, method in inspect.getmembers(one, callable):
            if not name.startswith("_") and not inspect.isclass(method):
                parameters = inspect.signature(method).parameters.values()
                single = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
                base = {p.name: GOOD.get(p.name, None if p.default is p.empty else p.default) for p in single}
                errors += raw_errors(method, f"{kind.__name__}.{name}", base)
                methods += bool(base)
    assert methods > 40
    assert not errors, "\n".join(errors)


def test_constructors_take_or_refuse_any_object(objects):
    errors, constructors = [], 0
    for kind, one in objects.items():
        if dataclasses.is_dataclass(one):
            base = {field.name: getattr(one, field.name) for field in dataclasses.fields(one) if field.init}
            errors += raw_errors(kind, kind.__name__, base)
            constructors += 1
    for kind in (one for one in public_classes() if issubclass(one, FAMILIES)):
        errors += raw_errors(kind, kind.__name__, dict.fromkeys(inspect.signature(kind).parameters, 2.0))
        constructors += 1
    assert constructors > 40
    assert not errors, "\n".join(errors)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rl.predict(neurons=1024, beta=2, kapa=4),
         r"^predict: got an unexpected keyword argument 'kapa' \(did you mean kappa.*\?\)\. Try: predict\("),
        (lambda: rl.predict(neurons=1024), r"^predict: missing a required argument: 'beta'\. Try: predict\("),
        (lambda: rl.fit(), r"^fit: missing a required argument: 'neurons'\. Try: fit\("),
        (lambda: rl.fit([128, 256], [1, 2], [1, 1], 4), r"^fit: too many positional arguments\. Try: fit\("),
        (lambda: rl.match([[1.0]]), r"^match: missing a required argument: 'b'\. Try: match\("),
        (lambda: rl.sweep(), r"^sweep: missing a required argument: 'neurons'\. Try: sweep\("),
        (lambda: rl.forecast([1]), r"^forecast: missing a required argument: 'neurons'\. Try: forecast\("),
        (lambda: rl.load(), r"^load: missing a required argument: 'path'\. Try: load\("),
    ],
)  # fmt: skip
def test_a_call_with_other_arguments_is_a_type_error_with_a_call_that_works(call, message):
    with pytest.raises(CallError, match=message) as raised:
        call()
    assert isinstance(raised.value, TypeError)


def test_a_type_error_within_a_function_stays_as_it_is():
    @checked("f(1)")
    def f(x: "int"):
        raise TypeError("of its own")

    with pytest.raises(TypeError, match="of its own") as raised:
        f(1)
    assert not isinstance(raised.value, CallError)
