"""A ladder measured here against the kept one: what is within the tolerance, and what is not."""

import numpy as np
import pytest
from typer.testing import CliRunner

from rosettalaw.errors import InputError
from rosettalaw.results import dataset, save
from rosettalaw.validation.agreement import agreement
from rosettalaw.validation.reference_ladders import read

SIZES = np.array([128.0, 256, 512, 1024])


def ladder_of(counts, sha="one", sizes=SIZES):
    columns = {"neurons": sizes, "calibrated_count": np.asarray(counts), "raw_count": np.asarray(counts)}
    columns["threshold"] = np.full(len(sizes), 0.5)
    variables = {name: ("rung", column) for name, column in columns.items()}
    return dataset("ladder", variables, {}, corpus="python", corpus_sha256=sha)


KEPT = ladder_of([30, 42, 60, 84])


@pytest.mark.parametrize(
    ("counts", "sha", "holds"),
    [
        ([30, 42, 60, 84], "one", True),
        ([32, 41, 63, 86], "one", True),
        ([33, 42, 63, 87], "one", True),  # three pairs, which are 10% of 30
        ([34, 42, 60, 84], "one", False),
        ([30, 42, 60, 94], "one", False),  # 12%
        ([27, 39, 63, 92], "one", False),  # each count is near, the exponent is not
        ([34, 42, 60, 94], "two", True),  # of other text
        ([30, 42, 60, 130], "two", False),
    ],
)
def test_the_tolerance(counts, sha, holds):
    compared = agreement(ladder_of(counts, sha), KEPT)
    assert compared.holds is holds
    assert ("outside" in compared.sentence()) is not holds
    assert compared.same_text is (sha == "one")


def test_other_sizes_are_no_measurement_of_the_ladder():
    with pytest.raises(InputError, match=r"sizes .* \[128\.0, 256\.0, 512\.0, 1024\.0\]"):
        agreement(ladder_of([30, 42, 60], sizes=SIZES[:3]), KEPT)


def test_kept_numbers_agree_with_themselves():
    kept = read("quickstart")
    compared = agreement(kept, kept)
    assert compared.holds
    assert compared.exponents[0] == compared.exponents[1]


def test_the_command_ends_with_1_out_of_tolerance(tmp_path, monkeypatch):
    from rosettalaw.cli import app
    from rosettalaw.loop import demo

    def run(ladder, out, cache, workers):
        kept = read("quickstart")
        half = ladder_of(kept["calibrated_count"].values // 2, kept.attrs["corpus_sha256"], kept["neurons"].values)
        save(half, out / "results.nc")
        return {}

    monkeypatch.setattr(demo, "run", run)
    done = CliRunner().invoke(app, ["demo", "--out", str(tmp_path), "--check"])
    assert done.exit_code == 1
    assert "outside the tolerance" in done.output
    refused = CliRunner().invoke(app, ["demo", "--ladder", "mine", "--out", str(tmp_path), "--check"])
    assert "has no saved numbers" in refused.output + str(refused.exception)
