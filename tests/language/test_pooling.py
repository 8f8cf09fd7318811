"""Tokens averaged over their spans, and blocks written while the next ones are made."""

import threading

import numpy as np
import pytest
import torch

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.activations.copies import UnfinishedCopy
from rosettalaw.empirical.activations.spooling import spool
from rosettalaw.empirical.language.span_means import SpanMeans
from rosettalaw.errors import RosettaError


@pytest.mark.parametrize("lengths", [[1, 1, 1], [3], [1, 2, 1, 5, 2, 1], [2, 2], []])
def test_each_span_is_the_mean_of_its_tokens(lengths):
    lengths = np.array(lengths, dtype=np.int64)
    rng = np.random.default_rng(int(lengths.sum()))
    layers = [rng.normal(size=(lengths.sum(), width)).astype(np.float32) for width in (4, 3)]
    rows = rng.permutation(len(lengths) + 2)[: len(lengths)]
    out = torch.full((len(lengths) + 2, 7), -7.0)
    means = SpanMeans(rows, lengths)
    for layer, own in zip(layers, out.split([4, 3], dim=1), strict=True):
        means.write(torch.from_numpy(layer), own)
    expected = np.full(out.shape, -7.0)
    edges = np.cumsum([0, *lengths])
    for span, row in enumerate(rows):
        both = np.concatenate([layer[edges[span] : edges[span + 1]].astype(float) for layer in layers], axis=1)
        expected[row] = both.mean(0)
    assert np.abs(out.numpy() - expected).max(initial=0) < 1e-6
    ones = rows[lengths == 1]
    assert np.array_equal(out.numpy()[ones], expected[ones].astype(np.float32))  # one token stays as it was


class Reused:
    """A source that writes each block to the same memory."""

    name, architecture = "reused", "array"

    def __init__(self, values):
        self.like = ArraySource(values)
        self.layer, self.unit, self.positions = self.like.layer, self.like.unit, len(values)
        self.threads = set()

    def blocks(self, size):
        room = np.empty((size, len(self.layer)), dtype=np.float32)
        for block in self.like.blocks(size):
            self.threads.add(threading.current_thread())
            room[: len(block)] = block
            yield room[: len(block)]
            room[:] = np.nan  # of the next block, or of nothing


def test_a_source_may_use_its_memory_again(tmp_path):
    values = np.random.default_rng(0).normal(size=(1000, 5)).astype(np.float32)
    source = Reused(values)
    copy = spool(source, tmp_path / "copy", 64)
    assert np.allclose(np.concatenate(list(copy.blocks(64))) - copy.rows([0]), values - values[0], atol=1e-6)
    assert source.threads == {threading.main_thread()}  # the user's code runs where it was called


def test_a_full_disk_is_reported_by_the_thread_that_writes(tmp_path, monkeypatch):
    def fail(*_):
        raise RosettaError("the disk is full")

    values = np.ones((1000, 5), dtype=np.float32) * np.arange(5, dtype=np.float32)
    monkeypatch.setattr(UnfinishedCopy, "_write", fail)
    with pytest.raises(RosettaError, match="the disk is full"):
        spool(Reused(values), tmp_path / "copy", 64)
