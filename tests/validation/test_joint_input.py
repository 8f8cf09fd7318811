"""Observations that a joint fit refuses, with what was given."""

import numpy as np
import pytest

from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.validation.joint_fit import (
    Observations,
    fit_jointly,
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
        ({"inputs": 0}, "inputs = 0: must be greater than 0"),
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
