"""Numbers written with commas: the message says that the comma is the reason, and the number without it."""

import numpy as np
import pandas as pd
import pytest

from rosettalaw.errors import InputError
from rosettalaw.validation import analyse_seeds, clean, fit_counts, read_counts, read_triangle
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
