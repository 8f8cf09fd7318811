"""Numbers that the calibrated count refuses: NaN sorts last, and would be above every threshold."""

import numpy as np
import pytest

from rosettalaw.empirical.calibration import calibrate
from rosettalaw.errors import InputError

RHO = np.arange(1, 11) / 10


@pytest.mark.parametrize(
    ("correlations", "null", "message"),
    [
        ([*RHO, np.nan], RHO / 4, "correlations = .*: must not be NaN. Try: calibrate"),
        (RHO, [0.1, np.nan], r"nulls\['permuted'\] = .*: must not be NaN"),
        (RHO.reshape(2, 5), RHO / 4, r"correlations = 'array of shape \(2, 5\)': must be a vector of correlations"),
        (RHO, 0.2, r"nulls\['permuted'\] = 'array of shape \(\)': must be a vector"),
    ],
)
def test_what_is_no_vector_of_correlations_is_refused(correlations, null, message):
    with pytest.raises(InputError, match=message):
        calibrate(correlations, {"permuted": [null]})


def test_inputs_stay_as_they_are():
    rho, null = RHO[::-1].astype(np.float32), RHO / 4
    before = rho.copy(), null.copy()
    rho.flags.writeable = null.flags.writeable = False
    calibration = calibrate(rho, {"permuted": [null] * 5}, q=0.5)
    assert repr(calibrate(list(rho), {"permuted": [list(null)] * 5}, q=0.5)) == repr(calibration)  # with a NaN
    np.testing.assert_array_equal(rho, before[0])
    np.testing.assert_array_equal(null, before[1])
