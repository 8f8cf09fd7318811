"""Observations that a joint fit refuses, with what was given."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.theory import predict
from rosettalaw.validation import (
    Observations,
    compare_curves,
    fit_extension,
    fit_jointly,
    fit_likelihood,
    fit_profile,
    measure_triangle,
    read_counts,
)
from tests.validation.planted import (
    SIZES,
    observe,
)


def test_errors_name_the_block():
    with pytest.raises(InputError, match=r"tail = .*must have one entry per size, 3 in all"):
        fit_jointly(Observations([100, 200, 400], [5, 8, 12], tail=[1.0]))
    with pytest.raises(InputError, match=r"isolation = .*must be positive numbers"):
        fit_jointly(Observations([100, 200, 400], [5, 8, 12], isolation=[1.0, -2, 3]))
    with pytest.raises(UnknownNameError, match="unknown block 'count': did you mean counts"):
        fit_jointly(Observations([100, 200, 400], [5, 8, 12], sd={"count": 0.1}))
    with pytest.raises(UnknownNameError, match="unknown parameter 'kapa': did you mean kappa"):
        fit_jointly(observe(0)).interval("kapa")
    with pytest.raises(InputError, match=r"observed = .*must be the Observations of a ladder"):
        fit_jointly(SIZES, SIZES)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"correlations": [[0.5, 5.0]] * 3}, r"correlations at N = 100 = 5.0: must be numbers from -1 to below 1"),
        ({"correlations": [[0.5], [0.7, 1.0], [0.5]]}, r"correlations at N = 200 = 1.0: must be numbers from -1"),
        ({"correlations": [[0.5], [0.5], [np.nan]]}, r"correlations at N = 400 = nan: must be"),
        ({"correlations": [[]] * 3}, r"correlations = \[\[\], \[\], \[\]\]: must not be empty at every size"),
        ({"correlations": [0.5] * 3}, "correlations at N = 100 = 0.5: must be a list of correlations"),
        ({"isolation": [1.0, -1, 2]}, r"isolation = \[1.0, -1, 2\]: must be positive numbers"),
        ({"tail": [1.0, np.nan, 2]}, r"tail = \[1.0, nan, 2\]: must be positive numbers"),
        ({"tail": 1.0}, "tail = 1.0: must have one entry per size, 3 in all"),
        ({"sd": {"counts": [0.1, 0.2]}}, r"sd of counts = \[0.1, 0.2\]: must be positive, one number or 3"),
        ({"sd": {"counts": 0}}, "sd of counts = 0: must be positive"),
        ({"inputs": 0}, "inputs = 0: must be a number greater than 0"),
        ({"inputs": "many"}, "inputs = 'many': must be a number"),
        ({"inputs": [1, 2]}, r"inputs = \[1, 2\]: must be a number"),
        ({"sd": 0.1}, "sd = 0.1: must be a mapping"),
        ({"sd": {"counts": [[0.1]] * 3}}, "sd of counts = .*: must be positive, one number or 3"),
        ({"correlations": [["a"]] * 3}, r"correlations at N = 100 = \['a'\]: must be numbers"),
        ({"correlations": "abc"}, "correlations = 'abc': must have one entry per size"),
        ({"correlations": np.array(0.5)}, "correlations = 0.5: must have one entry per size"),
        ({"correlations": {1: [0.5], 2: [0.5], 3: [0.5]}}, "correlations = {1: .*must have one entry per size"),
        ({"correlations": [[None, 0.5], [0.5], [0.5]]}, "correlations at N = 100 = None: must be numbers from -1"),
        ({"correlations": [[[0.5], [0.5, 0.7]], [0.5], [0.5]]}, "correlations at N = 100 = .*: must be numbers"),
        ({"correlations": [[0.5 + 0j]] * 3}, "correlations at N = 100 = .*: must be numbers"),
        ({"correlations": [[True]] * 3}, r"correlations at N = 100 = \[True\]: must be numbers"),
        ({"correlations": [np.ma.masked_array([0.5, 0.6], [0, 1])] * 3}, "N = 100 = 'masked': must be numbers"),
        ({"correlations": [pd.Series([0.5, pd.NA], dtype="Float64")] * 3}, "N = 100 = <NA>: must be numbers"),
        ({"isolation": np.ma.masked_array([1.0, 2, 3], [0, 0, 1])}, r"isolation = \[1.0 2.0 --\]: must be positive"),
        ({"isolation": pd.Series([1, 2, np.nan])}, r"isolation = \[ 1. 2. nan\]: must be positive"),
        ({"isolation": ["1", "2", "3"]}, "isolation = .*: must be numbers"),
        ({"isolation": [10**400, 2, 3]}, "isolation = .*: must be numbers"),
        ({"tail": [[1.0, 2]] * 3}, "tail = .*: must be positive numbers, one per size"),
    ],
)
def test_what_cannot_be_used_is_shown_as_it_was_given(blocks, message):
    with pytest.raises(InputError, match=message):
        fit_jointly(Observations([100, 200, 400], [5, 8, 12], **blocks))


@pytest.mark.parametrize("missing", ["some", "none"])
def test_a_size_without_correlations_is_no_error(missing):
    rho = [[0.9, 0.7, 0.5], [], [0.95, 0.8, 0.7, 0.5]]
    fit = fit_jointly(Observations([100, 200, 400], [5, 8, 12], correlations=rho if missing == "some" else rho[:1] * 3))
    assert np.isfinite(fit.beta)


@pytest.mark.parametrize(
    ("neurons", "counts", "message"),
    [
        ([100, 200, 400], [-1, 8, 12], r"counts\[0\] = -1: must be 0, or from"),
        ([100, 200, 400], [5, 8], r"counts = \[5, 8\]: must have one count per size, 3 in all"),
        ([100, 200, 400], np.ma.masked_array([5, 8, 12], [0, 1, 0]), r"counts\[1\] = 'masked': must be"),
        ([100, 200, 400], pd.Series([5, pd.NA, 12], dtype="Int64"), r"counts\[1\] = <NA>: must be"),
        ([100, 200, 400], [True, True, False], r"counts = \[True, True, False\]: must be numbers"),
        ([], [], r"neurons = \[\]: must be a list of sizes, not empty"),
        ([[100], [200], [400]], [5, 8, 12], r"neurons = \[\[100\], \[200\], \[400\]\]: must be a list of sizes"),
        (pd.date_range("2020", periods=3), [5, 8, 12], "neurons = .*: must be numbers"),
    ],
)
def test_sizes_and_counts_are_shown_as_they_were_given(neurons, counts, message):
    with pytest.raises(InputError, match=message) as caught:
        fit_jointly(Observations(neurons, counts))
    assert "Try: " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("gamma", ["4", None, [4], True, 4j, 10**400, 0, np.inf])
def test_gamma_is_a_number(gamma):
    with pytest.raises(InputError, match=r"gamma = .*: must be a number greater than 0"):
        fit_jointly(Observations([100, 200, 400], [5, 8, 12]), gamma=gamma)


def test_gamma_leaves_every_size_a_feature():
    with pytest.raises(InputError, match=r"gamma = 1e-09: leaves no feature at N = 100"):
        fit_jointly(Observations([100, 200, 400], [5, 8, 12]), gamma=1e-9)


def test_correlations_are_the_same_numbers_in_any_container():
    rows = np.array([[0.9, 0.7, 0.5], [0.93, 0.8, 0.6], [0.95, 0.85, 0.7]])
    decimals = [[Decimal(str(rho)) for rho in row] for row in rows]
    tables = [rows, pd.DataFrame(rows), pd.Series(rows.tolist(), index=[7, 8, 9]), decimals]
    betas = [fit_jointly(Observations([100, 200, 400], [5, 8, 12], correlations=table)).beta for table in tables]
    assert np.ptp(betas) == 0


def test_correlations_of_one_but_for_rounding_end_at_the_upper_limit():
    sizes, counts = [1024, 2048, 4096, 8192, 16384], [30, 45, 70, 110, 170]
    fit = fit_jointly(Observations(sizes, counts, correlations=[[1 - 1e-16, 0.5]] * 5))
    assert fit.status == "β is at its upper limit 20: counts that hardly grow, or correlations of almost 1, say no β"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_likelihood([100, 200], ["a", "b"]), r"counts = \['a', 'b'\]: must be numbers"),
        (lambda: fit_likelihood([100, 200], [5, 8], [1, -1], "weighted"), r"count_sd = \[1, -1\]: must be positive"),
        (lambda: fit_profile([0.9, np.nan]), r"correlations\[1\] = nan: must be numbers between -1 and 1"),
        (lambda: fit_profile(["a"]), r"correlations = \['a'\]: must be numbers"),
        (
            lambda: measure_triangle([100, 200], [[0.5], [2.0]]),
            "correlations at N = 200 = 2.0: must be numbers",
        ),
        (lambda: measure_triangle([100, 200], "ab"), "correlations = 'ab': must have one entry per size"),
        (lambda: measure_triangle([100, None], [[0.5], [0.5]]), r"neurons\[1\] = None: must be a number of neurons"),
        (lambda: measure_triangle([100, 200], [[0.5], [0.5]], levels=[1]), r"levels = \[1\]: must be pairs"),
        (lambda: fit_extension([1, 2]), r"triangle = \[1, 2\]: must be a result of measure_triangle"),
        (lambda: compare_curves([1, 2]), r"data = \[1, 2\]: must be Counts"),
        (lambda: read_counts(3), "path = 3: must be a path"),
        (lambda: predict(np.ma.masked_array([1e3, 1e4], [0, 1]), 1.6), "neurons = .*: must be a number or an array"),
    ],
)
def test_other_fits_show_what_was_given(call, message):
    with pytest.raises(InputError, match=message):
        call()
