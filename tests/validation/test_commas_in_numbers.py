"""Numbers written with commas: the message says that the comma is the reason, and the number without it."""

import io
import re

import numpy as np
import pandas as pd
import pytest

import rosettalaw as rl
from rosettalaw.errors import ForeignFileError, InputError
from rosettalaw.validation import analyse_seeds, clean, fit_counts, read_counts, read_triangle
from rosettalaw.validation.counts import has_counts
from rosettalaw.validation.inputs import comma_hint

THOUSANDS = "the comma between thousands is the reason: write 1024"
DECIMAL = "the decimal comma is the reason: write 0.5"
TEXTS = ["512", "1,024", "2,048"]


@pytest.mark.parametrize("of", [list, tuple, np.array, pd.Series, lambda texts: pd.Series(texts, dtype="string")])
@pytest.mark.parametrize("fit", [clean, fit_counts])
def test_lists_of_text(fit, of):
    with pytest.raises(InputError, match=f"neurons = .*must be numbers; {THOUSANDS}"):
        fit(of(TEXTS), [30, 40, 50])
    with pytest.raises(InputError, match=rf"counts = .*must be numbers; {THOUSANDS}.*Try: "):
        fit([1e5, 2e5, 3e5], of(TEXTS))
    with pytest.raises(InputError, match=r"counts = .*must be numbers. Try: "):
        fit([1e5, 2e5, 3e5], of(["1", "2", "3"]))


def test_single_numbers():
    with pytest.raises(InputError, match=f"tau = '0,5': .*; {DECIMAL}"):
        fit_counts([512, 1024, 2048], [30, 40, 50], tau="0,5")


@pytest.mark.parametrize(
    ("read", "columns", "row", "message"),
    [
        (read_counts, "neurons,count", '"1,024",30', THOUSANDS),
        (read_counts, "neurons,count", '512,"0,5"', DECIMAL),
        (read_counts, "neurons;count", "1,024;30", THOUSANDS),
        (read_counts, "neurons,count", "1,024,30", "a comma within a number makes two of one: write 1024, not 1,024"),
        (read_triangle, "neurons,correlation", '"1,024",.5', THOUSANDS),
        (read_triangle, "neurons;correlation", "1024;0,5", DECIMAL),
        (analyse_seeds, "neurons,seed_a,seed_b,count", '"1,024",0,0,9', THOUSANDS),
    ],
)
def test_cells_of_files(tmp_path, read, columns, row, message):
    (tmp_path / "x.csv").write_text(f"{columns}\n{row}\n")
    with pytest.raises(InputError) as caught:
        read(tmp_path / "x.csv")
    assert "line 2" in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1,024", "1024"),
        ("-12,345,678.9", "-12345678.9"),
        ("0,512", "0.512"),
        ("3,14", "3.14"),
        ("1234,5", "1234.5"),
        *((other, "") for other in ("", "nan", ",", "a,b", "1024", "1,2,3", 1024, None, [], {"a": "1,024"})),
    ],
)
def test_hints(text, hint):
    assert comma_hint(text).endswith(f"write {hint}" if hint else "")
    assert bool(comma_hint(text)) == bool(hint)


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\nneurons;count\n128;21\n256;33\n512;48\n",
        '"sep=,"\nneurons,count\n128,21\n256,33\n512,48\n',
        "sep=\t\nneurons\tcount\n128\t21\n256\t33\n512\t48\n",
        "\ufeffneurons;count;note\r\n128;21;\r\n;;\r\n256;33;x\r\n512;48;\r\n;;\r\n",
        "neurons,count,,\n128,21,,\n256,33,,\n512,48,,\n,,,\n , ,,\n",
    ],
)
def test_what_spreadsheets_add_is_skipped(tmp_path, text):
    (tmp_path / "x.csv").write_bytes(text.encode())
    counts = read_counts(tmp_path / "x.csv")
    assert (counts.neurons.tolist(), counts.counts.tolist()) == ([128, 256, 512], [21, 33, 48])
    assert has_counts(tmp_path / "x.csv")


def test_dots_between_thousands_are_no_decimal_points(tmp_path):
    (tmp_path / "x.csv").write_text("neurons;count\n1.024;21\n2.048;33\n1.024.000;48\n")
    with pytest.raises(
        InputError, match=r"x.csv, line 2: neurons = '1.024': has dots between thousands.*; write 1024,"
    ):
        read_counts(tmp_path / "x.csv")
    (tmp_path / "x.csv").write_text("neurons;count\n128;1.024\n256;2.048\n512;4.096\n")
    with pytest.raises(InputError, match=r"line 2: count = '1.024': has dots between thousands"):
        read_counts(tmp_path / "x.csv")
    for mark in ";\t":  # a size below a thousand has no dot; 1.024 neurons would be a silent one
        (tmp_path / "x.csv").write_text("neurons;count\n512;21\n768;30\n1.024;33\n".replace(";", mark))
        with pytest.raises(InputError, match=r"line 4: neurons = '1.024': .*write 1024, or 1.0240 if the dot begins"):
            read_counts(tmp_path / "x.csv")
    (tmp_path / "x.csv").write_text("neurons;count\n512;21\n768;30.500\n1024;33.25\n")
    assert read_counts(tmp_path / "x.csv").counts.tolist() == [21, 30.5, 33.25]
    (tmp_path / "x.csv").write_text("neurons;count\n512;21\n768;30.5000\n1024;33\n")
    assert read_counts(tmp_path / "x.csv").counts.tolist() == [21, 30.5, 33]
    (tmp_path / "x.csv").write_text("neurons;count;count_sd\n128;21;1.250\n256;33;1.500\n512;48;2.125\n")
    assert read_counts(tmp_path / "x.csv").sd.tolist() == [1.25, 1.5, 2.125]
    (tmp_path / "x.csv").write_text(
        "neurons;correlation\n" + "".join(f"{n};0.{i}\n" for n in (128, 256, 512) for i in range(512, 520))
    )
    read_triangle(tmp_path / "x.csv")  # three decimals in every cell are no thousands
    (tmp_path / "x.csv").write_text("neurons,count\n128,1.024\n256,2.048\n512,4.096\n")
    assert read_counts(tmp_path / "x.csv").counts.tolist() == [1.024, 2.048, 4.096]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("neurons,count\n128,21\n".encode("utf-16"), "not a text file in UTF-8"),
        ("neurons,count,größe\n128,21,1\n".encode("latin-1"), "not a text file in UTF-8"),
        (b"neurons,count\n128,21\n256,33\n\0\0", r"not a text file \(it has zero bytes\)"),
        (b"PK\x03\x04" + bytes(50), r"not a text file \(it has zero bytes\)"),
    ],
)
def test_other_files_are_no_tables(tmp_path, content, message):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(ForeignFileError, match=message):
        read_counts(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ([(128, 21), (256, 33)], "fit(*zip(*pairs))"),
        (pd.Series([21, 33]), "fit(sizes, counts)"),
        ("abc", "fit(pandas.read_csv(file))"),
    ],
    ids=["pairs", "series", "file"],
)
def test_a_fit_of_something_else_shows_a_fit(source, call):
    if isinstance(source, str):
        source = io.StringIO(source)
    rule = r"^neurons = .*: must be sizes, beside counts, or a table.*Try: "
    with pytest.raises(InputError, match=rule + re.escape(call)):
        rl.fit(source)


def test_a_mapping_of_sizes_and_a_table_without_counts_are_named():
    with pytest.raises(InputError, match=r"^sizes = '128': a slope needs positive counts at two sizes"):
        rl.fit({128: 21})
    with pytest.raises(InputError, match=r"^neurons = 'columns neurons': must have the columns neurons and count"):
        rl.fit({"neurons": [1, 2]})


def test_tensors_of_a_graph_are_numbers():
    torch = pytest.importorskip("torch")
    sizes, counts = [128, 256, 512, 1024], [21.0, 33, 48, 76]
    law = rl.fit(torch.tensor(sizes), torch.tensor(counts, dtype=torch.float64, requires_grad=True))
    assert law.exponent == rl.fit(sizes, counts).exponent
