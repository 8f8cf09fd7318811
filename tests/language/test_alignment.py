"""Spans of two tokenizations: they tile the shared text, and pool exactly the tokens that overlap them."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.alignment import Tokens, boundaries, byte_offsets, shared_boundaries, tile, windows
from rosettalaw.empirical.language import pool, tokens_of

# Text as the tokenizers see it (words, code, accents), and text that they never saw.
TEXT = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="abc áé日本🎉👩\u200d👩\u200d👧\n\t0(=", max_size=60),
    st.lists(st.sampled_from(["def f(x):", " return", " 東京", "🎉", "naïve ", "\n\n", "The"]), max_size=12).map(
        "".join
    ),
)


def brute_force_boundaries(tokens):
    """A place is a boundary if no token has characters on both sides of it."""
    last = max(tokens.end, default=0)
    return [p for p in range(last + 1) if not any(s < p < e for s, e in zip(tokens.start, tokens.end, strict=True))]


@given(text=TEXT)
@settings(deadline=None, max_examples=200)
def test_boundaries_by_brute_force(tokenizers, text):
    for tokenizer in tokenizers:
        tokens = tokens_of(tokenizer, text)
        assert boundaries(tokens).tolist() == brute_force_boundaries(tokens)


@given(text=TEXT)
@settings(deadline=None, max_examples=200)
def test_spans_tile_the_text_and_are_the_finest(tokenizers, text):
    sides = [tokens_of(tokenizer, text) for tokenizer in tokenizers]
    shared = shared_boundaries(*sides)
    assert shared.tolist() == sorted(set(brute_force_boundaries(sides[0])) & set(brute_force_boundaries(sides[1])))
    assert shared[0] == 0
    assert shared[-1] == len(text)
    pieces = [text[i:j] for i, j in itertools.pairwise(shared)]
    assert "".join(pieces) == text
    assert all(pieces)


@given(text=TEXT, contexts=st.tuples(st.integers(4, 20), st.integers(4, 20)))
@settings(deadline=None, max_examples=200)
def test_windows_pool_the_mean_of_the_overlapping_tokens(tokenizers, text, contexts):
    sides = tuple(tokens_of(tokenizer, text) for tokenizer in tokenizers)
    cut = windows(7, sides, contexts)
    rng = np.random.default_rng(len(text))
    values = [torch.from_numpy(rng.standard_normal((len(tokens), 3)).astype(np.float32)) for tokens in sides]
    for side, (tokens, context, activations) in enumerate(zip(sides, contexts, values, strict=True)):
        begin = 0
        for window in cut:
            ids = window.ids[side]
            assert len(ids) <= context
            # where these tokens stand in the document: windows keep the order and may leave something out
            while (
                not np.array_equal(tokens.ids[begin : begin + len(ids)], ids) or tokens.start[begin] != window.spans[0]
            ):
                begin += 1
            pooled = pool(activations[begin : begin + len(ids)], window.lengths[side]).numpy()
            assert len(pooled) == window.positions
            for (i, j), mean in zip(zip(window.spans, window.spans[1:], strict=False), pooled, strict=True):
                overlapping = [t for t in range(len(tokens)) if tokens.start[t] < j and tokens.end[t] > i]
                expected = activations[overlapping].double().mean(0).numpy()
                np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-6)


def test_windows_leave_nothing_out_when_everything_fits(tokenizers):
    text = "The river carries what the mountain lets go. " * 20
    sides = tuple(tokens_of(tokenizer, text) for tokenizer in tokenizers)
    cut = windows(0, sides, (32, 32))
    assert cut[0].spans[0] == 0
    assert cut[-1].spans[-1] == len(text)
    assert all(a.spans[-1] == b.spans[0] for a, b in itertools.pairwise(cut))
    for side in (0, 1):
        np.testing.assert_array_equal(np.concatenate([w.ids[side] for w in cut]), sides[side].ids)


def test_a_span_longer_than_a_context_is_left_out():
    """Four tokens against one: the span needs four tokens of A, whose context is three."""
    a = Tokens(np.arange(6), np.array([0, 1, 2, 3, 4, 5]), np.array([1, 2, 3, 4, 5, 6]))
    b = Tokens(np.arange(3), np.array([0, 4, 5]), np.array([4, 5, 6]))
    (window,) = windows(0, (a, b), (3, 3))
    assert window.spans.tolist() == [4, 5, 6]


def test_gaps_go_to_the_following_token():
    """A tokenizer that trims white space: 'ab cd' as (0, 2), (3, 5)."""
    start, end = tile(np.array([[0, 2], [3, 5]]))
    assert start.tolist() == [0, 2]
    assert end.tolist() == [2, 5]


def test_bytes_of_one_character_share_its_extent():
    """Three tokens that each cover the same character leave no boundary inside it."""
    start, end = tile(np.array([[0, 1], [1, 2], [1, 2], [1, 2], [2, 3]]))
    assert boundaries(Tokens(np.arange(5), start, end)).tolist() == [0, 1, 2, 3]


@given(st.text())
def test_byte_offsets(text):
    expected = [len(text[:i].encode()) for i in range(len(text) + 1)]
    assert byte_offsets(text).tolist() == expected


@pytest.mark.parametrize("text", ["", " "])
def test_empty_text_has_no_windows(tokenizers, text):
    sides = tuple(tokens_of(tokenizer, text) for tokenizer in tokenizers)
    assert sum(w.positions for w in windows(0, sides, (8, 8))) == len(text)
