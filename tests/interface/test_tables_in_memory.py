"""Counts in the tables that people hold: the same law, or one message that names the type and a call that works."""

import collections
import io
import types

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import rosettalaw as rl
from rosettalaw import cli

N, C = [100, 200, 400, 800], [10, 16, 25, 40]
FRAME = pd.DataFrame({"neurons": N, "count": C})
SLOPE = np.polyfit(np.log(N), np.log(C), 1)[0]


class Polars:
    """The part of a polars frame that is used; its columns are arrays."""

    columns = ("neurons", "count")

    def __getitem__(self, name):
        return np.array({"neurons": N, "count": C}[name])

    def __len__(self):
        return 4


class Lazy:
    """The part of a lazy frame of polars that is used."""

    def collect_schema(self):
        raise AssertionError("not asked for")

    def collect(self):
        return Polars()


def arrow(name):
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"neurons": N, "count": C})
    stream = types.SimpleNamespace(__arrow_c_stream__=table.__arrow_c_stream__)
    return {"table": table, "batch": pyarrow.RecordBatch.from_pandas(FRAME), "stream": stream}[name]


TABLES = {
    "arrow's table": lambda: arrow("table"),
    "arrow's batch": lambda: arrow("batch"),
    "arrow's stream": lambda: arrow("stream"),
    "polars": Polars,
    "lazy polars": Lazy,
    "structured": lambda: np.array(list(zip(N, C, strict=True)), dtype=[("neurons", "i8"), ("count", "f8")]),
    "records": FRAME.to_records,
    "rows": lambda: FRAME.to_dict("records"),
    "tuple of rows": lambda: tuple(FRAME.to_dict("records")),
    "lists": lambda: FRAME.to_dict("list"),
    "Dataset": lambda: xr.Dataset({"neurons": ("size", N), "count": ("size", C)}),
    "Dataset with sizes as coordinate": lambda: xr.Dataset({"count": ("neurons", C)}, {"neurons": N}),
    "DataArray with sizes as coordinate": lambda: xr.DataArray(C, dims="neurons", coords={"neurons": N}),
    "Series": lambda: pd.Series(C, index=N),
    "keys of JSON": lambda: {str(n): c for n, c in zip(N, C, strict=True)},
    "Counter": lambda: collections.Counter(dict(zip(N, C, strict=True))),
}
COLUMNS = {
    "generators": lambda: ((n for n in N), (c for c in C)),
    "maps": lambda: (map(int, N), map(float, C)),
    "views": lambda: (dict(zip(N, C, strict=True)).keys(), dict(zip(N, C, strict=True)).values()),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_fitted(name):
    assert rl.fit(TABLES[name]()).exponent == pytest.approx(SLOPE, rel=1e-9)


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_that_are_no_lists_are_fitted(name):
    assert rl.fit(*COLUMNS[name]()).exponent == pytest.approx(SLOPE, rel=1e-9)


def test_half_precision_is_fitted():
    torch = pytest.importorskip("torch")
    counts = torch.tensor(C, dtype=torch.bfloat16)
    assert rl.fit(torch.tensor(N), counts).exponent == pytest.approx(SLOPE, rel=1e-9)


def test_tables_are_forecast_and_compared():
    rows = FRAME.to_dict("records")
    assert rl.forecast(rows, 1600).count == rl.forecast(FRAME, 1600).count
    both = rl.compare({"a": TABLES["structured"](), "b": FRAME})
    assert both.to_dataframe().index.tolist() == ["a", "b"]
    assert len(rl.compare(rows)) == 1


WRONG = {
    "zip": (lambda: zip(N, C, strict=True), "zip", r"Try: fit\(\*zip\(\*pairs\)\)"),
    "pairs": (lambda: list(zip(N, C, strict=True)), "list of length 4", r"Try: fit\(\*zip\(\*pairs\)\)"),
    "items": (lambda: dict(zip(N, C, strict=True)).items(), "dict_items", r"Try: fit\(\*zip\(\*pairs\)\)"),
    "two columns": (lambda: np.array([N, C]).T, r"numpy\.ndarray of shape \(4, 2\)", r"Try: fit\(table\[:, 0\]"),
    "two rows": (lambda: np.array([N, C]), r"numpy\.ndarray of shape \(2, 4\)", r"Try: fit\(table\[0\], table\[1\]\)"),
    "a column": (lambda: pd.Series(C), r"pandas\.Series of shape \(4,\)", r"Try: fit\(sizes, counts\)"),
    "an open file": (lambda: io.StringIO("neurons,count"), r"_io\.StringIO", r"Try: fit\(pandas\.read_csv\(file\)\)"),
    "groups": (lambda: FRAME.groupby("neurons"), "DataFrameGroupBy", r"Try: fit\("),
    "other columns": (lambda: np.zeros(3, dtype=[("a", "f8")]), "columns a", r"Try: fit\(table\['my sizes'\]"),
    "other rows": (lambda: [{"a": 1}], "columns a", r"Try: fit\(table\['my sizes'\]"),
    "a row without a count": (
        lambda: [{"neurons": 1, "count": 2}, {"neurons": 3}], r"neurons\[1\]", r"must have 'count'.*Try: fit\(\["),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_table_is_one_message(name):
    make, shown, call = WRONG[name]
    with pytest.raises(rl.InputError, match=f"{shown}.*{call}"):
        rl.fit(make())


def test_a_tensor_of_two_rows_is_one_message():
    torch = pytest.importorskip("torch")
    with pytest.raises(rl.InputError, match=r"torch\.Tensor of shape \(2, 4\).*Try: fit\(table\[0\], table\[1\]\)"):
        rl.fit(torch.tensor([N, C]))


def test_columns_whose_rows_do_not_belong_together_are_one_message():
    """A sorted column has its numbers in another order, and its index says so; a filtered one has other rows."""
    sizes, counts = FRAME["neurons"], FRAME["count"]
    falling = counts.sort_values(ascending=False)
    said = r"has another index than neurons, so their rows do not belong together. Try: fit\(neurons, {}.loc\["
    for name, call in {
        "counts": lambda: rl.fit(sizes, falling),
        "count_sd": lambda: rl.fit(sizes, counts, count_sd=falling),
        r"nulls\['raw'\]": lambda: rl.fit(sizes, counts, nulls={"raw": falling}),
    }.items():
        with pytest.raises(rl.InputError, match=f"^{name} = 'index .*{said.format(name)}"):
            call()
    with pytest.raises(rl.InputError, match=r"^counts = 'index"):
        rl.fit(sizes[1:], counts[:-1])
    expected = rl.fit(sizes.to_list(), counts.to_list()).exponent
    assert rl.fit(sizes, falling.loc[sizes.index]).exponent == rl.fit(sizes, counts).exponent == expected
    named = counts.set_axis(list("abcd"))
    assert rl.fit(sizes.to_list(), named).exponent == rl.fit(sizes, named).exponent == expected  # the other one counts


def test_nulls_of_another_length_are_one_message():
    for nulls in ({"raw": [1]}, {"raw": C, "permuted": [1, 2]}, {"raw": C, "permuted": "many"}):
        with pytest.raises(rl.InputError, match=r"nulls\['(raw|permuted)'\]"):
            rl.fit(N, C, nulls=nulls)


def test_hints_fit_the_door(tmp_path, capsys):
    """A call in Python for Python, a file for a file, and neither where the counts may come from anywhere."""
    for call in (lambda: rl.fit([100], [1]), lambda: rl.fit({100: 1}), lambda: rl.forecast({100: 1, 200: 2}, 400)):
        with pytest.raises(rl.InputError, match=r"Try: fit\(\[128, 256, 512\], \[21, 33, 48\]\)$"):
            call()
    (tmp_path / "c.csv").write_text("neurons,count\n100,1\n")
    with pytest.raises(rl.InputError, match="Try: a CSV file with the columns neurons,count"):
        rl.fit(tmp_path / "c.csv")
    with pytest.raises(SystemExit):
        cli.main(["fit", str(tmp_path / "c.csv")])
    assert "Try: a CSV file with the columns neurons,count" in capsys.readouterr().err
    (tmp_path / "c.csv").write_text("neurons,count\n100,1\n200,2\n")
    with pytest.raises(SystemExit):
        cli.main(["forecast", str(tmp_path / "c.csv"), "--neurons", "400"])
    said = capsys.readouterr().err
    assert "at three sizes or more" in said
    assert "fit(" not in said


def test_counts_above_their_sizes_give_no_warning_of_numpy():
    assert rl.fit(C, N).exponent == pytest.approx(1 / SLOPE, rel=0.05)
