"""Values that no function of the theory or of its checks can take: one message, with what was given."""

import numpy as np
import pytest

from rosettalaw.errors import InputError
from rosettalaw.testing import (
    check_budget,
    check_cost,
    check_exponent,
    check_model,
    check_spectrum,
    check_utility,
)
from rosettalaw.theory import Model, PowerLaw, detect, expected_null_pairs, predict, tau_eff

MODEL = Model(PowerLaw(1.5))
WRONG = [np.nan, -1.0, [], True, "a", [[1.0, 2.0]], None, object()]
CALLS = {
    "neurons": [lambda x: predict(x, 1.5), MODEL.predict, MODEL.frontier, MODEL.allocate],
    "tau": [lambda x: MODEL.predict(100.0, x), lambda x: MODEL.frontier(100.0, x)],
    "inputs": [lambda x: detect([1.0], x), lambda x: tau_eff(3, x)],
    "candidates": [lambda x: tau_eff(x, 100)],
    "rosetta|idle": [lambda x: detect([1.0], 100, idle=x), lambda x: expected_null_pairs(x, 3)],
    "expected": [lambda x: check_exponent(MODEL, x)],
    "neurons|tau": [
        lambda x: check_exponent(MODEL, 0.66, neurons=x),
        lambda x: check_model(MODEL, x),
        lambda x: check_model(MODEL, 100.0, x),
    ],
}
KINDS = [check_spectrum, check_utility, check_cost, check_budget, check_model, lambda x: check_exponent(x, 0.5)]


@pytest.mark.parametrize(("names", "call"), [(names, call) for names, calls in CALLS.items() for call in calls])
@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value).partition(" at 0x")[0])
def test_a_number_that_is_none(names, call, value):
    if names == "expected" and value == -1.0:
        pytest.skip("a number that no model has is a broken law")
    with pytest.raises(InputError, match=r"^(\w+) = .*: .*Try: "):
        call(value)


@pytest.mark.parametrize("check", KINDS)
@pytest.mark.parametrize("value", [1.0, None, "power", []], ids=repr)
def test_what_is_no_family_or_model(check, value):
    with pytest.raises(InputError, match=r"^(spectrum|utility|cost|budget|model) = .*must be a "):
        check(value)
