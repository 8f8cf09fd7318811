"""Views, ids, and numbers of other libraries that a notebook holds: the numbers of the plain array, or one message."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import rosettalaw as rl
from rosettalaw.arguments import checked
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching.moments import wide
from rosettalaw.errors import InputError
from rosettalaw.interface.wording import in_python

RNG = np.random.default_rng(0)
SHARED = RNG.standard_normal((60, 6))
A, B = (SHARED + 0.3 * RNG.standard_normal(SHARED.shape) for _ in "ab")


def match(a, b=B, **options):
    return rl.match(a, b, progress=False, **{"nulls": {"permute": 2}} | options)


def correlations_by_numpy(a, b=B):
    """Return the correlation of every two columns, in float64."""
    return np.corrcoef(np.asarray(a, dtype=float).T, np.asarray(b, dtype=float).T)[: a.shape[1], a.shape[1] :]


VIEWS = {
    "backwards": A[::-1],
    "columns backwards": A[:, ::-1],
    "every second of a wider one": np.repeat(A, 2, axis=1)[:, ::2],
    "float32 backwards": A.astype("f4")[::-1],
    "overlapping windows": np.lib.stride_tricks.sliding_window_view(A.ravel()[:65], 6),
    "unaligned": np.frombuffer(b"\0" + A.tobytes(), offset=1).reshape(A.shape),
    "big-endian": A.astype(">f8"),
    "Fortran": np.asfortranarray(A),
    "read only": np.frombuffer(A.tobytes()).reshape(A.shape),
}


@pytest.mark.parametrize("view", VIEWS)
def test_views_of_any_strides_have_the_numbers_of_their_copies(view):
    matched = match(VIEWS[view])
    rho = correlations_by_numpy(VIEWS[view])
    rows = matched.dataset["unit_a"].values
    np.testing.assert_allclose(matched.pairs["correlation"], rho[rows].max(1), atol=1e-6)
    mutual = {(i, j) for i, j in enumerate(rho.argmax(1)) if rho[:, j].argmax() == i}
    assert set(zip(rows, matched.dataset["unit_b"].values, strict=True)) == mutual


@pytest.mark.parametrize("axis", [0, 1])
def test_one_row_or_one_column_for_all_is_constant_or_many_times_the_same(axis):
    spread = np.broadcast_to(A.take([0], axis), A.shape)
    assert np.array_equal(wide(spread)[:, : A.shape[1]], spread)
    assert match(spread).raw_count == axis  # constant neurons have no partner; of equal ones the first has


@given(st.integers(-3, 3).filter(bool), st.integers(-3, 3).filter(bool), st.booleans())
@settings(max_examples=40, deadline=None)
def test_an_array_made_wide_keeps_its_entries(rows, columns, fortran):
    x = np.arange(120.0).reshape(12, 10, order="F" if fortran else "C")[::rows, ::columns]
    assert np.array_equal(wide(x)[:, : x.shape[1]], x)


@pytest.mark.parametrize(
    "documents",
    [
        [f"d{i // 6}" for i in range(60)],
        [("train", i // 6) if i < 30 else f"d{i // 6}" for i in range(60)],
        [i // 6 if i < 30 else f"d{i // 6}" for i in range(60)],
        np.array([i // 6 if i < 30 else f"d{i // 6}" for i in range(60)], dtype=object),
        pd.Series([f"d{i // 6}" for i in range(60)]),
        np.repeat(np.arange(10), 6).astype("M8[D]"),
    ],
    ids=["words", "tuples", "mixed", "objects", "column", "dates"],
)
def test_documents_of_any_name_are_those_of_their_numbers(documents):
    if not any(isinstance(one, tuple) for one in documents):
        shifted, numbered = (
            match(A, documents=given, nulls={"documents": 2}) for given in (documents, np.repeat(np.arange(10), 6))
        )
        assert shifted.raw_count == numbered.raw_count
        return
    objects = np.empty(60, dtype=object)
    objects[:] = documents
    assert match(A, documents=objects, nulls={"documents": 2}).raw_count == match(A).raw_count


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([None] * 60, "documents = None: must name a document for each position; position 0 has none"),
        ([f"d{i}" for i in range(59)] + [None], "position 59 has none"),
        (np.array(["2020-01-01", "NaT"] * 30, "M8[D]"), "position 1 has none"),
        (pd.Series(["a", pd.NA] * 30, dtype="string"), "position 1 has none"),
        (set(range(60)), "must be a list, or an array, with one entry for each of 60 positions"),
        (dict.fromkeys(range(60)), "must be a list, or an array"),
        ((i for i in range(60)), "must be a list, or an array"),
        ([[1], [1, 2]] * 30, "must be a list, or an array"),
        (np.ma.masked_equal(np.arange(60), 3), r"masked array.*hides 1 of its entries.*filled\(-1\)"),
    ],
    ids=["none", "one none", "no time", "NA", "set", "dictionary", "generator", "ragged", "masked"],
)
def test_documents_without_an_order_or_a_name_are_refused(documents, message):
    with pytest.raises(InputError, match=f"documents.*{message}" if "documents" not in message else message):
        match(A, documents=documents)


def test_numbers_of_numpy_are_plain_numbers_in_results(tmp_path):
    plain = match(A, k=1, absolute=False)
    for k in (1.0, np.int64(1), np.float32(1), np.array(1), np.uint8(1)):
        for absolute in (np.False_, 0):
            given = match(A, k=k, absolute=absolute, seed=np.int32(0))
            assert json.dumps(given.record()) == json.dumps(plain.record())
    matched = match(A, k=np.int64(1), absolute=np.False_)
    assert rl.load(matched.save(tmp_path / "x.nc")).raw_count == plain.raw_count


def test_arguments_reach_the_function_as_their_annotations_say():
    @checked("f(1)")
    def f(n: "int", *more: "int", x: "float" = 1.0, yes: "bool | Callable[[], None]" = True, m: "int | None" = None):  # noqa: F821
        return n, more, x, yes, m

    got = f(np.int64(3), np.int64(4), x=np.float32(2), yes=np.False_, m=7.0)
    assert (type(got[0]), got[1], got[3], repr(got[4])) == (int, (4,), False, "7")
    assert got[3] is False
    assert type(got[2]) is np.float32
    assert f(2**80)[0] == 2**80
    assert f(1, yes=print)[3] is print


@pytest.mark.parametrize("null", [3, {"permute": 1}, ["shift"]])
def test_a_null_that_is_no_text_is_refused(null):
    with pytest.raises(InputError, match=r"null = .*: must be text or None. Try: match\(a, b, nulls=\{'shift': 3\}"):
        match(A, null=null, nulls=None)


def test_examples_of_the_command_line_are_calls_in_python():
    def said(example):
        with pytest.raises(InputError) as caught, in_python():
            raise InputError("--x", 1, "is wrong", example)
        return str(caught.value).partition("Try: ")[2]

    assert said("--null shift,untrained:5, or less") == "null='shift,untrained:5', or less"
    assert said("--exclude-nonfinite leaves them out") == "exclude_nonfinite=True leaves them out"
    assert said("--tokens 500") == "tokens=500"
    bad = np.where(np.arange(6) == 3, np.nan, A)
    with pytest.raises(InputError, match="Try: exclude_nonfinite=True leaves such neurons out"):
        match(bad)
    assert match(bad, exclude_nonfinite=True).raw_count == 5


def test_a_device_without_numbers_is_refused():
    pytest.importorskip("torch")
    with pytest.raises(InputError, match=r"device = 'meta': holds shapes without numbers. Try: device='cpu'"):
        match(A, device="meta")


def test_a_nested_tensor_is_refused_by_name():
    torch = pytest.importorskip("torch")
    tensor = torch.nested.nested_tensor([torch.ones(3, 6), torch.ones(4, 6)], layout=torch.jagged)
    with pytest.raises(InputError, match=r"a = 'nested tensor': must have the shape.*torch.cat\(tensor.unbind\(\)\)"):
        match(tensor)


def test_a_tensor_of_one_row_for_all_is_constant():
    torch = pytest.importorskip("torch")
    assert match(torch.from_numpy(A[:1]).expand(60, 6)).raw_count == 0


@pytest.mark.parametrize("name", ["neuron", "units", "Feature", "channel"])
def test_the_dimension_of_neurons_is_found_by_its_name(name):
    across = xr.DataArray(A.T, dims=(name, "position"))
    assert match(across, xr.DataArray(B.T, dims=("unit", "time"))).record() == match(A).record()
    batches = xr.DataArray(A.reshape(3, 20, 6).transpose(2, 0, 1), dims=(name, "batch", "position"))
    assert match(batches).record() == match(A).record()


def test_positions_along_the_last_dimension_are_refused():
    with pytest.raises(
        InputError, match=r"neurons along the last dimension, which is 'time'.*transpose\(..., 'cell'\)"
    ):
        match(xr.DataArray(A.T, dims=("cell", "time")))
    assert match(xr.DataArray(A, dims=("cell", "other"))).raw_count == match(A).raw_count


def test_rows_that_count_in_another_order_are_reported(caplog):
    shuffled = pd.DataFrame(B).sample(frac=1, random_state=0)
    with caplog.at_level("WARNING", logger="rosettalaw"):
        match(pd.DataFrame(A), shuffled)
    assert "the rows of b are labelled 0, 1, 2, … in another order" in caplog.text
    caplog.clear()
    with caplog.at_level("WARNING", logger="rosettalaw"):
        assert match(pd.DataFrame(A), shuffled.sort_index()).raw_count == match(A).raw_count
    assert "another order" not in caplog.text


class Own:
    """A source of one's own, with anything in place of its parts."""

    def __init__(self, blocks=None, **parts):
        self.name, self.layer, self.unit, self.positions = "own", np.zeros(6, int), np.arange(6), 60
        self._blocks = blocks or (lambda size: (A[at : at + size] for at in range(0, 60, size)))
        vars(self).update(parts)

    def blocks(self, size):
        return self._blocks(size)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Own(lambda size: None), r"own = 'NoneType': blocks\(size\) must yield arrays.*Try: def blocks"),
        (Own(lambda size: iter([A.tolist()])), r"own = 'list': blocks\(\) must yield arrays.*Try: yield np.asarray"),
        (Own(name=3), "a.name = 3: must be text"),
        (Own(positions="60"), "a.positions = '60': must be a whole number"),
        (Own(positions=-3), "a.positions = -3: must be a whole number"),
        (Own(layer=np.zeros(5, int)), "a.layer = .*must hold a whole number for each unit"),
        (Own(layer=None), "a.layer = None: must hold a whole number for each unit"),
    ],
)
def test_sources_that_break_their_promise_are_named(source, message):
    with pytest.raises(InputError, match=message):
        match(source)
    assert match(Own()).raw_count == match(A).raw_count


class Unwilling:
    """An object whose conversion to an array fails."""

    def __array__(self, *arguments, **options):
        raise RuntimeError("moved to a device")


def test_an_object_that_refuses_to_be_an_array_is_a_message():
    with pytest.raises(InputError, match=r"cannot be read as an array of numbers \(moved to a device\)"):
        match(Unwilling())


def test_masked_labels_of_neurons_still_name_the_mask():
    with pytest.raises(InputError, match="layer = 'masked array'"):
        ArraySource(A, layer=np.ma.masked_equal(np.arange(6), 2))


def test_halves_that_agree_wholly_share_all_pairs():
    matched = match(A)
    matched.dataset["split_half"] = 1.0
    assert "both halves" in matched.summary()
    assert "share 100% of their pairs (Jaccard)" in matched.summary()
    matched.dataset["split_half"] = 0.1954
    assert "share 19.5% of their pairs (Jaccard)" in matched.summary()
