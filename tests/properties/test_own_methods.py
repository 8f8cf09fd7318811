"""Methods of own families that cannot be called, or return something else: one message with class and method."""

import concurrent.futures
import functools
import math
import multiprocessing
import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from rosettalaw import errors
from rosettalaw.errors import BrokenLawError, InputError, MissingExtraError, MissingFileError, UnknownNameError
from rosettalaw.testing import check_budget, check_cost, check_spectrum, check_utility
from rosettalaw.theory import (
    CRRA,
    Budget,
    Cost,
    Log,
    Model,
    PowerCost,
    PowerLaw,
    Spectrum,
    SquaredError,
    Utility,
    allocate,
)

# Of an array of one number, math's functions make a number, with NumPy's warning up to 2.3.
pytestmark = pytest.mark.filterwarnings("ignore:Conversion of an array with ndim > 0")

FAMILIES = {
    "spectrum": (Spectrum, "at", "rank", check_spectrum),
    "utility": (Utility, "marginal", "s", check_utility),
    "cost": (Cost, "at", "rank", check_cost),
    "budget": (Budget, "total", "neurons", check_budget),
}
# Mistake -> (method of one array and anything else, the law that it breaks).
MISTAKES = {
    "math": (lambda self, x, *_: math.exp(-x / 10), "call"),
    "if": (lambda self, x, *_: 1.0 if x < 1e9 else 2.0, "call"),
    "no self": (lambda: 1.0, "call"),
    "one more": (lambda self, x, features, another: x**-1.5, "call"),
    "division": (lambda self, x, *_: 1 / 0, "call"),
    "key": (lambda self, x, *_: {}["x"], "call"),
    "nothing": (lambda self, x, *_: None, "shape"),
    "text": (lambda self, x, *_: "x**-1.5", "shape"),
    "complex": (lambda self, x, *_: np.asarray(x) + 0j, "shape"),
    "ragged": (lambda self, x, *_: [[1.0], [1.0, 2.0]], "shape"),
    "outer": (lambda self, x, *_: np.add.outer(np.atleast_1d(x), np.ones(2)), "shape"),
    "one number": (lambda self, x, *_: 0.5, "shape"),
}


def own(family, **methods):
    return type("Mine", (family,), methods)()


def model(part, member):
    return Model(**{"spectrum": PowerLaw(1.5), part: member})


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("part", FAMILIES)
def test_a_mistake_in_a_method_is_one_message(part, mistake):
    family, method, argument, check = FAMILIES[part]
    function, law = MISTAKES[mistake]
    member = own(family, **{method: function})
    says = rf"^Mine.{method} = .*: must take {argument}, an array of any shape.* and return .*Try: def {method}\(self, "
    with pytest.raises(InputError, match=says):
        model(part, member).predict([100.0, 1000.0])
    with pytest.raises(InputError, match=says):
        model(part, member).sweep([100.0, 1000.0])
    with pytest.raises(BrokenLawError, match=rf"at method = {method}") as caught:
        check(member)
    assert caught.value.law == law


def raised(self, x, *_):
    x **= -1.5
    return x


def added(self, x, *_):
    x += 1.0
    return x**-2.0


def filled(self, x, *_):
    np.sqrt(x, out=x)
    return np.asarray(x)


@pytest.mark.parametrize("function", [raised, added, filled])
@pytest.mark.parametrize("part", ["spectrum", "utility", "cost"])
def test_a_method_that_writes_to_its_argument_is_one_message(part, function):
    """A spectrum that wrote r^-1.5 over its ranks gave CRRA(2) with costs r^½ the frontier A in place of 10.639."""
    family, method, argument, check = FAMILIES[part]
    member = own(family, **{method: function})
    says = (
        f"^Mine.{method} = 'a call that changes {argument}': must leave {argument} as it is, or take a copy. Try: def "
    )
    for other in ({}, {"utility": CRRA(2.0)}, {"utility": CRRA(2.0), "cost": PowerCost(0.5)}):
        whole = Model(**{"spectrum": PowerLaw(1.5), **other, part: member})
        with pytest.raises(InputError, match=says):
            whole.predict([100.0, 1000.0])
        with pytest.raises(InputError, match=says):
            whole.sweep([100.0, 1000.0], tau=[0.5, 3.0])
    with pytest.raises(BrokenLawError, match=rf"at method = {method}") as caught:
        check(member)
    assert caught.value.law == "pure"


@pytest.mark.parametrize("method", ["log_at", "by_beta"])
def test_optional_methods_of_spectra_do_not_write_either(method):
    spectrum = own(Spectrum, at=lambda self, rank, features: rank**-1.5, **{method: filled})
    with pytest.raises(InputError, match=f"^Mine.{method} = 'a call that changes rank'"):
        Model(spectrum, CRRA(2.0)).predict(100.0, sensitivities=True)


class Buffered(Utility):
    """One array, filled anew at every call: differences of two calls were 0, and so was the local exponent."""

    def _filled(self, values):
        if np.shape(getattr(self, "buffer", None)) != np.shape(values):
            self.buffer = np.empty(np.shape(values))
        self.buffer[...] = values
        return self.buffer

    def marginal(self, s):
        return self._filled((1 + s) ** -2.0)

    def log_marginal(self, s):
        return self._filled(-2 * np.log1p(s))


def test_a_method_may_fill_the_same_array_at_every_call():
    sizes, columns = [100.0, 1000.0], ["count", "r_tau", "mean_isolation", "local_exponent"]
    expected = Model(PowerLaw(1.5), SquaredError()).predict(sizes)
    met = Model(PowerLaw(1.5), Buffered()).predict(sizes)
    for name in columns:
        np.testing.assert_allclose(met[name], expected[name], rtol=1e-6)


def test_arguments_of_direct_calls_are_left_alone():
    """A copy is handed on: what the method returns is not the caller's array either."""
    same = own(Cost, at=lambda self, rank: rank)
    rank = np.array([1.0, 2.0])
    same.at(rank)[0] = 9.0
    assert rank.tolist() == [1.0, 2.0]
    by_name = own(Spectrum, at=raised)
    with pytest.raises(InputError, match="a call that changes rank"):
        by_name.at(x=rank)
    assert rank.tolist() == [1.0, 2.0]


class Beside:
    """A class that is no family, and lends its method to one."""

    def at(self, rank, features):
        return 0.5


@pytest.mark.parametrize(
    "method",
    [
        classmethod(lambda cls, rank, features: 0.5),
        staticmethod(functools.partial(lambda rank, features: 0.5)),  # later Pythons bind a partial as a method
        functools.partialmethod(lambda self, rank, features: 0.5),
        np.vectorize(lambda rank, features: "0.5"),
    ],
    ids=lambda method: type(method).__name__,
)
def test_callables_of_every_kind_are_held_to_it(method):
    with pytest.raises(InputError, match=r"^Mine.at = .*: must take rank, an array of any shape, and features"):
        Model(own(Spectrum, at=method)).predict(100.0)


def test_methods_of_a_class_beside_the_family_are_held_to_it():
    mixed = type("Mixed", (Beside, Spectrum), {})
    with pytest.raises(InputError, match=r"^Mixed.at = 'shape \(\) for rank of shape .*: must take rank"):
        Model(mixed()).predict(100.0)


@pytest.mark.parametrize(
    "method",
    [
        classmethod(lambda cls, rank, features: rank**-1.5),
        staticmethod(functools.partial(lambda power, rank, features: rank**power, -1.5)),
        functools.partialmethod(lambda self, power, rank, features: rank**power, -1.5),
        np.vectorize(lambda rank, features: float(rank) ** -1.5),
    ],
    ids=lambda method: type(method).__name__,
)
def test_callables_of_every_kind_are_solved(method):
    met = Model(own(Spectrum, at=method)).predict(300.0)
    np.testing.assert_allclose(met["r_tau"], Model(PowerLaw(1.5)).predict(300.0)["r_tau"], rtol=1e-12)


def test_masked_results_are_no_numbers():
    masked = own(Spectrum, at=lambda self, rank, features: np.ma.masked_greater(rank**-1.5, 0.5))
    with pytest.raises(InputError, match=r"^Mine.at = 'a result of type MaskedArray"):
        Model(masked).predict(100.0)


@pytest.mark.parametrize("method", ["log_marginal", "demand", "demand_at_log", "tolerance"])
@pytest.mark.parametrize("mistake", ["math", "no self", "nothing", "outer", "one number"])
def test_optional_methods_are_held_to_it_too(method, mistake):
    member = own(Utility, marginal=lambda self, s: (1 + s) ** -2.0, **{method: MISTAKES[mistake][0]})
    with pytest.raises(InputError, match=rf"^Mine.{method} = .*: must take (s|price|log_price), an array"):
        Model(PowerLaw(1.5), member).predict(100.0)


@pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.4.0", reason="older versions make a number of an array of one"
)
def test_the_first_error_stays_the_cause_and_arrays_are_hinted_at():
    with pytest.raises(InputError, match=r"np.exp, not math.exp; np.where, not if") as caught:
        allocate([2.0, 1.0], 3.0, own(Utility, marginal=MISTAKES["math"][0]))
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.parametrize("value", [3, None, "rank**-1.5"])
def test_a_value_in_the_place_of_a_method(value):
    with pytest.raises(InputError, match=r"^Mine.at = .*must be a method, whose array comes first. Try: def at\("):
        own(Spectrum, at=value)


def test_negative_demand_is_refused_not_counted():
    """U' = (1+s)^-2, whose demand p^(-½) − 1 is negative beyond p = 1: of N = 100, 44 features were counted for 22."""
    marginal = {"marginal": lambda self, s: (1 + s) ** -2.0}
    clipped = own(Utility, demand=lambda self, price: np.maximum(price**-0.5 - 1, 0), **marginal)
    negative = own(Utility, demand=lambda self, price: price**-0.5 - 1, **marginal)
    expected = Model(PowerLaw(1.5), SquaredError()).predict(100.0)["count"]
    assert Model(PowerLaw(1.5), clipped).predict(100.0)["count"] == expected
    with pytest.raises(InputError, match=r"^Mine.demand = -0.\d+: must be at least 0 at every price"):
        Model(PowerLaw(1.5), negative).predict(100.0)


@pytest.mark.parametrize("utility", [Log(), CRRA(2.0)])
@pytest.mark.parametrize(("cost", "value"), [(lambda self, r: -r, "-3.0"), (lambda self, r: r * 0, "0.0")])
def test_a_cost_that_is_not_positive_is_named_as_the_cost(utility, cost, value):
    late = own(Cost, at=lambda self, rank: np.where(rank < 3, 1.0, cost(self, rank)))
    with pytest.raises(InputError, match=rf"^Mine\(\).at\(3\) = {value}: must be finite and greater than 0"):
        Model(PowerLaw(1.5), utility, late).predict(100.0)


@dataclass(frozen=True)
class Listed(Spectrum):
    """Whole numbers, or a list: as good as an array of floats."""

    whole: bool = False

    def at(self, rank, features):
        return 1000 // np.asarray(rank, dtype=int) if self.whole else [float(r) ** -1.5 for r in rank]


def test_lists_and_whole_numbers_are_numbers():
    lists = Model(Listed()).predict([100.0, 1000.0])
    np.testing.assert_array_equal(lists["count"], Model(PowerLaw(1.5)).predict([100.0, 1000.0])["count"])
    s = Model(Listed(whole=True)).allocate(100.0).isolation
    np.testing.assert_allclose(s, allocate(1000.0 // np.arange(1, 401), 100.0).isolation)


class Half(Log):
    """A shipped family's heir: what it defines itself is checked, the rest is inherited."""

    def marginal(self, s):
        return 0.5 / (1 + s)

    log_marginal = Utility.log_marginal
    demand_at_log = Utility.demand_at_log
    demand = Utility.demand
    value = Utility.value


def test_heirs_of_shipped_families_and_other_callables():
    expected = Log().demand(np.array([0.25, 0.5]))
    np.testing.assert_allclose(Half().demand(np.array([0.125, 0.25])), expected)
    check_utility(Half())
    assert not hasattr(Log.marginal, "contract")  # shipped ones are not slowed
    static = own(Cost, at=staticmethod(lambda rank: rank**0.5))
    np.testing.assert_array_equal(static.at(np.array([1.0, 4.0])), [1.0, 2.0])
    assert isinstance(static.at(4.0), float)


ERRORS = [
    InputError("beta", 1.0, "must be greater than 1", "predict(100, 1.5)"),
    InputError("weights", np.ones(3), "must fall"),
    InputError("spectrum", own(Spectrum, at=lambda self, rank, features: rank), "must fall"),
    UnknownNameError("utility", "lgo", ["log", "crra"]),
    MissingFileError("no such file"),
    MissingExtraError("hypothesis", "testing"),
    BrokenLawError(Log(), "concave", "U' falls", "s = 1", "2", "rosettalaw.theory"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_come_back_from_other_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again).keys() == vars(error).keys()


def test_a_worker_raises_what_it_met():
    """Without pickles of its own an error breaks the whole pool."""
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        with pytest.raises(InputError, match="beta = -1: must be finite"):
            pool.submit(PowerLaw, -1).result()
        assert pool.submit(errors.install_line, "testing").result()
