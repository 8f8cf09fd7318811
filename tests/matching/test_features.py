"""Features instead of neurons: sparse matrices, and functions of activations."""

import numpy as np
import pytest
import scipy.sparse
import torch

import rosettalaw as rl
from rosettalaw.empirical import ArraySource, Encoded
from rosettalaw.empirical.activations.inputs import open_input
from rosettalaw.empirical.activations.source import RandomAccess, identity
from rosettalaw.errors import InputError, RosettaError

RNG = np.random.default_rng(0)
DENSE = (RNG.standard_normal((400, 30)) * (RNG.random((400, 30)) < 0.1)).astype(np.float32)
SPARSE = {
    "csr_matrix": scipy.sparse.csr_matrix,
    "csc_array": scipy.sparse.csc_array,
    "coo_array": scipy.sparse.coo_array,
    "lil_matrix": scipy.sparse.lil_matrix,
    "torch coordinates": lambda x: torch.from_numpy(x).to_sparse(),
    "torch compressed rows": lambda x: torch.from_numpy(x).to_sparse_csr(),
    "torch compressed columns": lambda x: torch.from_numpy(x).to_sparse_csc(),
    "torch with a gradient": lambda x: torch.from_numpy(x).to_sparse().requires_grad_(),
}


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize("kind", SPARSE)
def test_sparse_blocks_are_the_dense_ones(kind):
    source = open_input(SPARSE[kind](DENSE), "a").source
    assert isinstance(source, RandomAccess)
    np.testing.assert_array_equal(np.concatenate(list(source.blocks(37))), DENSE)
    some = RNG.permutation(400)[:50]
    np.testing.assert_array_equal(source.rows(some, slice(3, 11)), DENSE[some, 3:11])
    assert source.rows(slice(0, 1)).dtype == np.float32


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
def test_half_precision_and_counts_lose_nothing():
    half = torch.from_numpy(DENSE).to(torch.bfloat16)
    np.testing.assert_array_equal(open_input(half.to_sparse(), "a").source.rows(slice(None)), half.float().numpy())
    counts = scipy.sparse.csr_array(RNG.integers(0, 2**30, (50, 4)))
    np.testing.assert_array_equal(open_input(counts, "a").source.rows(slice(None)), counts.toarray())


def test_sparse_matrices_are_matched_like_dense_ones():
    other = DENSE + 0.2 * RNG.standard_normal(DENSE.shape).astype(np.float32)
    options = {"progress": False, "nulls": {"shift": 1}}
    sparse, dense = rl.match(scipy.sparse.csr_matrix(DENSE), other, **options), rl.match(DENSE, other, **options)
    assert sparse.calibrated_count == dense.calibrated_count > 20
    np.testing.assert_array_equal(sparse.pairs.correlation, dense.pairs.correlation)
    ids = np.repeat(np.arange(8), 50)
    by_document = rl.match(scipy.sparse.csr_array(DENSE), other, documents=ids, progress=False)
    assert "documents" in by_document.record()["nulls"]


WEIGHTS = RNG.standard_normal((30, 45)).astype(np.float32)


def relu(block):
    return np.maximum(block @ WEIGHTS, 0)


FUNCTIONS = {
    "array": relu,
    "tensor": lambda block: torch.from_numpy(relu(block)).requires_grad_(),
    "bfloat16": lambda block: torch.from_numpy(relu(block)).to(torch.bfloat16),
    "sparse": lambda block: scipy.sparse.csr_matrix(relu(block)),
    "sparse tensor": lambda block: torch.from_numpy(relu(block)).to_sparse(),
    "sparse bfloat16": lambda block: torch.from_numpy(relu(block)).to(torch.bfloat16).to_sparse(),
}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_features_of_a_function_are_those_of_the_whole_array(kind):
    source = Encoded(DENSE, FUNCTIONS[kind], name="features")
    whole = np.concatenate(list(source.blocks(33)))
    np.testing.assert_allclose(whole, relu(DENSE), rtol=1e-2 if "bfloat16" in kind else 1e-5, atol=1e-5)
    rest = np.concatenate(list(source.blocks_from(33, 100)))
    np.testing.assert_allclose(rest, whole[100:], rtol=1e-2 if "bfloat16" in kind else 1e-5, atol=1e-5)
    assert (source.name, len(source.layer)) == ("features", 45)


def test_features_are_matched_and_their_identity_contains_the_function():
    ids = np.repeat(np.arange(8), 50)
    source = Encoded(ArraySource(DENSE, documents=ids), relu)
    np.testing.assert_array_equal(source.labels()["document"], ids)
    found = rl.match(source, relu(DENSE), progress=False, nulls={"documents": 1})
    assert found.calibrated_count == 45
    assert identity(source) == identity(Encoded(ArraySource(DENSE, documents=ids), lambda block: relu(block)))
    assert identity(source) != identity(Encoded(ArraySource(DENSE, documents=ids), lambda block: relu(2 * block)))


@pytest.mark.parametrize("wrong", [lambda x: x.sum(1), lambda x: x[:1], lambda x: None, lambda x: x + 1j])
def test_functions_that_return_no_features(wrong):
    with pytest.raises(InputError, match="must return one row of features for each of the 4 positions of a block"):
        Encoded(DENSE, wrong)


def test_an_error_within_a_function_names_the_source_and_the_positions():
    """In the trial, in a later block, and in making an array of its features; the original error is the cause."""

    def broken(block):
        raise KeyError("no such weight\nin the file")

    with pytest.raises(
        RosettaError, match=r"^sae: encode failed on random rows that try it, .*\(KeyError: .*Try: lambda block"
    ) as raised:
        Encoded(DENSE, broken, name="sae")
    assert isinstance(raised.value.__cause__, KeyError)
    calls = []

    def later(block):
        calls.append(len(block))
        return relu(block) if len(calls) < 3 else 1 / 0

    source = Encoded(DENSE, later, name="sae")
    with pytest.raises(
        RosettaError, match=r"sae: encode failed on positions 100 to 199, .*ZeroDivisionError: division"
    ):
        list(source.blocks(100))
    with pytest.raises(RosettaError, match=r"sae: encode failed on .*ValueError"):
        Encoded(DENSE, lambda block: [[1.0], [1.0, 2.0], [3.0], [4.0]], name="sae")
    with pytest.raises(RosettaError, match="another message"):
        Encoded(DENSE, lambda block: (_ for _ in ()).throw(RosettaError("another message")), name="sae")


def test_every_block_has_as_many_features():
    widths = iter((7, 7, 6))
    source = Encoded(DENSE, lambda block: relu(block)[:, : next(widths)])
    with pytest.raises(InputError, match=r"encode = .6 features.: returned 7 features before"):
        list(source.blocks(100))
