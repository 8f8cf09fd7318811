"""Files of results from the first format on: kept ones are read, and those of a later format are refused in words.

The files in `tests/data` were written in November 2026, by the first version that wrote their kinds; most of their
neurons, pairs and documents were left out.
"""

from pathlib import Path

import h5py
import numpy as np
import pytest

import rosettalaw as rl
from rosettalaw.results import FORMAT

DATA = Path(__file__).parents[1] / "data"
LADDER = DATA / "format_1_ladder.nc"


@pytest.mark.parametrize("name", ["ladder", "filtering"])
def test_the_files_are_of_format_one(name):
    with h5py.File(DATA / f"format_1_{name}.nc") as file:
        assert np.ravel(file.attrs["rosettalaw_format"]).tolist() == [1]


def test_a_ladder_of_format_one_is_read_fitted_and_compared():
    ladder = rl.load(LADDER)
    with h5py.File(LADDER) as file:
        neurons, counts = file["neurons"][:], file["calibrated_count"][:]
    np.testing.assert_array_equal(ladder.dataset["neurons"], neurons)
    np.testing.assert_array_equal(ladder.to_dataframe()["calibrated_count"], counts)
    assert rl.compare(LADDER).to_dataframe()["exponent"].tolist() == [ladder.fit().exponent]
    slope = np.polyfit(np.log(neurons), np.log(counts), 1)[0]  # each size above a threshold of its own
    assert ladder.fit().exponent == pytest.approx(slope, abs=0.06)


def test_a_filtering_of_format_one_is_read():
    result = rl.load(DATA / "format_1_filtering.nc", "filtering")
    assert result.sizes["selector"] == 5


def test_a_later_format_is_refused_in_words(tmp_path):
    later = tmp_path / "later.nc"
    later.write_bytes(LADDER.read_bytes())
    with h5py.File(later, "a") as file:
        file.attrs["rosettalaw_format"] = np.int64(FORMAT + 1)
    with pytest.raises(rl.RosettaError, match=rf"written by a newer version \(format {FORMAT + 1}, .*Try: a newer"):
        rl.load(later)
