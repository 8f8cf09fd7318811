"""Tuples and lists of arrays as layers, and objects that are almost activations: the same pairs, or one message."""

import os
from pathlib import PurePosixPath
from unittest.mock import MagicMock

import numpy as np
import pytest
import scipy.sparse

import rosettalaw as rl

RNG = np.random.default_rng(0)
A = RNG.standard_normal((300, 6)).astype("f4")
B = (A + 0.3 * RNG.standard_normal(A.shape)).astype("f4")
LAYERS = A[:, :2], A[:, 2:]


def match(a, b=B):
    return rl.match(a, b, nulls={}, progress=False)


def pairs(a):
    columns = ["layer_a", "unit_a", "unit_b"]
    return sorted(map(tuple, match(a).pairs[columns].values.tolist()))


EXPECTED = [(0, 0, 0), (0, 1, 1), (1, 0, 2), (1, 1, 3), (1, 2, 4), (1, 3, 5)]


@pytest.mark.parametrize(
    "layers",
    [
        LAYERS,
        list(LAYERS),  # batches would have as many units each
        {"x": LAYERS[0], "y": LAYERS[1]}.values(),
        tuple(layer.reshape(30, 10, -1) for layer in LAYERS),
    ],
    ids=["tuple", "list of different widths", "values of a mapping", "three dimensions"],
)
def test_layers_without_names_are_numbered(layers):
    assert pairs(layers) == EXPECTED == pairs({0: LAYERS[0], 1: LAYERS[1]})


def test_hidden_states_of_transformers_are_layers():
    torch = pytest.importorskip("torch")
    halves = torch.tensor(A).reshape(30, 10, 6)[..., :3], torch.tensor(A).reshape(30, 10, 6)[..., 3:]
    assert pairs(halves) == [(0, i, i) for i in range(3)] + [(1, i, i + 3) for i in range(3)]


def test_one_array_in_a_list_is_that_array():
    assert pairs([A]) == pairs(A)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([A, A], r"may be layers, or batches of one. Try: \{0: first.*tuple\(arrays\).*numpy.concatenate"),
        (list(A), r"numpy.stack\(arrays\) if each is a position"),
        ((A, A[:5]), "layer 1.*has 5 positions, and 0 has 300"),
        ({"h": (A, A)}, r"a\['h'\] = 'tuple': is not understood"),
        ([A, "b"], "is not understood as activations"),
        ((A, None), "is not understood as activations"),
        (MagicMock(), "MagicMock.*is not understood as activations"),
    ],
)
def test_what_may_mean_several_things_is_one_message(value, said):
    with pytest.raises(rl.InputError, match=said):
        match(value)


def test_a_delayed_value_is_named():
    dask = pytest.importorskip("dask")
    with pytest.raises(rl.InputError, match=r"Delayed.*Try: delayed.compute\(\)"):
        match(dask.delayed(lambda: A)())


class Place:
    """A path of a library of its own."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return os.fspath(self.path)


@pytest.mark.parametrize("kind", [str, Place, PurePosixPath, lambda path: path])
def test_paths_of_any_library_are_files(kind, tmp_path):
    np.save(tmp_path / "a.npy", A)
    assert pairs(kind(tmp_path / "a.npy")) == pairs(A)


@pytest.mark.filterwarnings("error")
def test_a_longer_float_beyond_the_range_of_doubles_is_one_message():
    huge = A.astype(np.longdouble)
    huge[3, 2] *= np.longdouble(10) ** 4000
    if not np.isfinite(huge[3, 2]) or np.finfo(np.longdouble).max == np.finfo(float).max:
        pytest.skip("no longer float here")
    with pytest.raises(rl.RosettaError, match="holds a NaN, an infinity or a number beyond 1e18 at layer 0, unit 2"):
        match(huge)


def test_a_tensor_whose_sign_is_to_be_changed_later():
    torch = pytest.importorskip("torch")
    assert pairs(torch._neg_view(torch.tensor(-A))) == pairs(A)


def test_an_array_of_a_closed_file_is_one_message(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("x", data=A)
    with pytest.raises(rl.InputError, match="belongs to a file that has been closed"):
        match(data)


class OnlyDlpack:
    """Memory that is offered by DLPack alone."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def test_memory_that_is_offered_by_dlpack_alone():
    assert pairs(OnlyDlpack(A)) == pairs(A)


def test_a_table_of_truths_beside_numbers_is_one_of_numbers():
    pandas = pytest.importorskip("pandas")
    numbers = np.column_stack([A[:, 0] > 0, A[:, 1:]])
    mixed = pandas.DataFrame(A).assign(**{"0": A[:, 0] > 0}).iloc[:, [6, 1, 2, 3, 4, 5]]
    assert mixed.dtypes.iloc[0].kind == "b"
    np.testing.assert_allclose(match(mixed).pairs["correlation"], match(numbers).pairs["correlation"], rtol=1e-12)


def test_documents_of_other_rows_are_one_message():
    """A sorted column of documents would give them to other positions."""
    pandas = pytest.importorskip("pandas")
    names = [f"s{i}" for i in range(300)]
    table, other = (pandas.DataFrame(one, index=names) for one in (A, B))
    documents = pandas.Series(np.arange(300) % 20, index=names)
    said = r"^documents = 's20 .*': has another index than the rows of a.*Try: documents\.loc\[a\.index\]"
    with pytest.raises(rl.InputError, match=said):
        rl.match(table, other, documents=documents.sort_values(kind="stable"), nulls={}, progress=False)
    assert rl.match(table, other, documents=pandas.Series(documents.to_list()), nulls={}, progress=False).raw_count == 6
    right = documents.sample(frac=1, random_state=0).loc[names]
    assert rl.match(table, other, documents=right, nulls={}, progress=False).raw_count == match(A).raw_count


def test_a_sparse_array_of_complex_numbers_is_refused_for_them():
    with pytest.raises(
        rl.InputError, match=r"^a = 'sparse array of type complex64': must hold real.*Try: abs\(array\)"
    ):
        match(scipy.sparse.csr_array(A.astype("c8")))


def test_a_summary_names_neurons_that_were_left_out():
    """Without it "0 pairs" of constant neurons would look like a finding."""
    constant = A.copy()
    constant[:, 1:] = 1
    assert match(constant).facts()["excluded"] == "5 of a: constant, or not finite"
    assert "excluded" not in match(A).facts()


def test_the_status_names_a_side_of_which_nothing_is_left():
    assert match(np.ones_like(A)).status == "all 6 neurons of a are left out: each is constant, or not finite"
    assert match(A).status == "ok"


def test_counts_without_numbers_are_one_message():
    torch = pytest.importorskip("torch")
    with pytest.raises(rl.InputError, match=r"counts.*must be numbers"):
        rl.fit([128, 256, 512], torch.zeros(3, device="meta"))
