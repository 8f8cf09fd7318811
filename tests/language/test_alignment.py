"""Spans of two tokenizations, for every kind of fast tokenizer and any Unicode, against enumeration byte by byte."""

import itertools

import numpy as np
import pytest
import tokenizers as hf
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from rosettalaw.empirical.checkpoints import hub
from rosettalaw.empirical.language.aligned_text import tokens_of
from rosettalaw.empirical.language.alignment import (
    Tokens,
    boundaries,
    byte_offsets,
    shared_boundaries,
    span_of_tokens,
    tile,
    windows,
)
from rosettalaw.empirical.language.opening import special_tokens
from rosettalaw.empirical.language.span_means import SpanMeans

TAUGHT = [
    "The river carries what the mountain lets go.",
    "def area(radius):\n    return 3.14159 * radius ** 2\n",
    "Déjà vu — naïve façade, œuvre; 東京は晴れ。🎉🎉 Ça va?",
    "日月日月日月 月日月日 🎉🎊🎉🎊🎉🎊",
] * 5
BYTES = [f"<0x{value:02X}>" for value in range(256)]


def byte_level(vocabulary, blanks_out=False, words=True):
    """GPT-2's kind; `blanks_out` trims blanks from the offsets (RoBERTa), without `words` merges cross characters."""
    tokenizer = hf.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=blanks_out, use_regex=words)
    if blanks_out:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return tokenizer, trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)


def byte_fallback(metaspace):
    """Llama's kinds: ``▁`` for a blank, and bytes for what the vocabulary lacks."""
    tokenizer = hf.Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    if metaspace:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", *BYTES]
    return tokenizer, trainers.BpeTrainer(
        vocab_size=420, limit_alphabet=40, special_tokens=special, show_progress=False
    )


def word_piece():
    """BERT's kind: lower case, accents and control characters stripped, blanks dropped."""
    tokenizer = hf.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer, trainers.WordPieceTrainer(vocab_size=200, special_tokens=["[UNK]"], show_progress=False)


def unigram():
    """T5's and Gemma's kind, with a normaliser that expands, composes and reorders characters and merges blanks."""
    tokenizer = hf.Tokenizer(models.Unigram())
    merged = normalizers.Replace(hf.Regex(" {2,}"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), merged])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer, trainers.UnigramTrainer(
        vocab_size=200, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )


KINDS = {
    "byte_level": lambda: byte_level(300),
    "blanks_out": lambda: byte_level(320, blanks_out=True),
    "across_characters": lambda: byte_level(330, words=False),
    "byte_fallback": lambda: byte_fallback(metaspace=False),
    "metaspace": lambda: byte_fallback(metaspace=True),
    "word_piece": word_piece,
    "unigram": unigram,
}
PAIRS = list(itertools.combinations(sorted(KINDS), 2))

# Any Unicode; alphabets in which accents, emoji, control characters and blanks abound; what the tokenizers learnt.
TEXT = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=st.characters(categories=["Mn", "Mc", "Cc", "Cf", "Zs", "So", "Lo", "Nd"]), max_size=40),
    st.text(alphabet="abc áé日月本🎉👩\u200d👧\n\t0(=\x00\x07\u0301\u0323\u00ad\u200b½ﷺﬁİ", max_size=60),
    st.lists(st.sampled_from(["def f(x):", "  ", " 東京", "日月", "🎉🎊", "naïve ", "\n\n", "The"]), max_size=12).map(
        "".join
    ),
)


@pytest.fixture(scope="module")
def kinds():
    trained = {}
    for name, make in KINDS.items():
        tokenizer, trainer = make()
        tokenizer.train_from_iterator(TAUGHT, trainer)
        trained[name] = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    return trained


# ---------------------------------------------------------------------------------------------------------------------
# Byte by byte: who owns which byte, and what that implies


def owners(offsets, text):
    """Return the tokens that own each byte; a byte without one goes to the next token that reaches beyond it."""
    at = [len(text[:i].encode()) for i in range(len(text) + 1)]
    extents = [(at[start], at[end]) for start, end in offsets]
    owned = []
    for byte in range(at[-1]):
        covering = {token for token, (start, end) in enumerate(extents) if start <= byte < end}
        following = [token for token, (_, end) in enumerate(extents) if end > byte]
        owned.append(covering or {following[0] if following else len(extents) - 1})
    return owned


def boundaries_by_bytes(offsets, text):
    """Return the bytes before which all owners come earlier, and after which all come later."""
    if not len(offsets):
        return {0}
    owned = owners(offsets, text)
    inner = {
        byte
        for byte in range(1, len(owned))
        if max(max(tokens) for tokens in owned[:byte]) < min(min(tokens) for tokens in owned[byte:])
    }
    return {0, len(owned)} | inner


def tokens_of_spans(offsets, text, edges):
    """Return the tokens of each span: the owners of its bytes; a token without bytes goes with the next that has some.

    At the end of the text, where none follows, it goes with the one before.
    """
    owned = owners(offsets, text)
    spans = [set().union(*owned[start:end]) for start, end in itertools.pairwise(edges)]
    home = {token: number for number, tokens in enumerate(spans) for token in tokens}
    for token in set(range(len(offsets))) - set(home):
        later = [other for other in home if other > token]
        spans[home[min(later)] if later else len(spans) - 1].add(token)
    return spans


def raw(tokenizer, text):
    return tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@given(text=TEXT)
@settings(deadline=None, max_examples=40)
def test_spans_of_any_two_tokenizers_byte_by_byte(kinds, pair, text):
    tokenizers = [kinds[name] for name in pair]
    offsets = [raw(tokenizer, text) for tokenizer in tokenizers]
    sides = tuple(tokens_of(tokenizer, text) for tokenizer in tokenizers)
    shared = shared_boundaries(*sides)

    edges = byte_offsets(text)[shared].tolist()
    expected = boundaries_by_bytes(offsets[0], text) & boundaries_by_bytes(offsets[1], text)
    assert edges == sorted(expected)
    if not all(map(len, sides)):
        assert windows(0, sides, (99, 99)) == []
        return
    assert "".join(text[i:j] for i, j in itertools.pairwise(shared)) == text  # they tile the text

    rng = np.random.default_rng(len(text))
    (window,) = windows(0, sides, (999, 999))
    assert window.spans.tolist() == shared.tolist()
    for side, tokens in enumerate(sides):
        np.testing.assert_array_equal(window.ids[side], tokens.ids)  # no token is lost
        values = rng.standard_normal((len(tokens), 3)).astype(np.float32)
        means = []
        for members in tokens_of_spans(offsets[side], text, edges):
            total = np.zeros(3)
            for token in members:
                total += values[token]
            means.append(total / len(members))
        pooled = torch.empty(len(means), values.shape[1])
        SpanMeans(np.arange(len(means)), window.lengths[side]).write(torch.from_numpy(values), pooled)
        np.testing.assert_allclose(pooled, means, rtol=1e-5, atol=1e-5)


TRIPLES = [("byte_level", "word_piece", "unigram"), ("across_characters", "metaspace", "blanks_out")]


@pytest.mark.parametrize("three", TRIPLES, ids="-".join)
@given(text=TEXT, contexts=st.tuples(*[st.integers(6, 20)] * 3))
@settings(deadline=None, max_examples=40)
def test_spans_of_three_tokenizers_are_the_smallest_that_begin_and_end_together(kinds, three, text, contexts):
    sides = tuple(tokens_of(kinds[name], text) for name in three)
    offsets = [raw(kinds[name], text) for name in three]
    shared = shared_boundaries(*sides)
    each = [boundaries_by_bytes(of, text) for of in offsets]
    assert byte_offsets(text)[shared].tolist() == sorted(set.intersection(*each))
    for a, b in itertools.combinations(sides, 2):  # every span is a union of the spans of any two of them
        assert set(shared) <= set(shared_boundaries(a, b))
    if all(map(len, sides)):
        (whole,) = windows(0, sides, (999, 999, 999))
        for side, tokens in enumerate(sides):
            np.testing.assert_array_equal(whole.ids[side], tokens.ids)
    for window in windows(0, sides, contexts):
        assert set(window.spans) <= set(shared)
        assert all(len(ids) <= most for ids, most in zip(window.ids, contexts, strict=True))
        assert [lengths.sum() for lengths in window.lengths] == [len(ids) for ids in window.ids]


@pytest.mark.parametrize("name", sorted(KINDS))
@given(text=TEXT)
@settings(deadline=None, max_examples=40)
def test_a_tokenizer_against_itself_shares_all_its_boundaries(kinds, name, text):
    tokens = tokens_of(kinds[name], text)
    np.testing.assert_array_equal(shared_boundaries(tokens, tokens), boundaries(tokens))


@given(
    offsets=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), min_size=1, max_size=9),
    length=st.integers(1, 12),
)
@settings(deadline=None, max_examples=300)
def test_offsets_in_any_order_are_tiled(offsets, length):
    """Reordered, overlapping, empty and missing extents, as no known tokenizer makes them all."""
    extents = np.array([(min(start, length), min(start + width, length)) for start, width in offsets])
    tokens = Tokens(np.arange(len(extents)), *tile(extents, length))
    assert np.all(np.diff(tokens.start) >= 0)
    assert np.all(np.diff(tokens.end) >= 0)
    edges = boundaries(tokens)
    expected = boundaries_by_bytes(extents, "x" * length)
    assert set(edges.tolist()) <= expected
    if np.all(extents[:, 0] < extents[:, 1]):  # what an empty one says of its place may rule boundaries out
        assert set(edges.tolist()) == expected
    span = span_of_tokens(tokens, edges)
    assert np.all(np.diff(span) >= 0)
    for token, (start, end) in enumerate(extents):
        if start < end:
            assert edges[span[token]] <= start
            assert end <= edges[span[token] + 1]


def test_what_the_tokenizers_are_here_for_does_occur(kinds):
    """Byte fallback, merges across characters, stripped and expanded text, and blanks without an extent."""
    assert "<0xE6>" in kinds["byte_fallback"].tokenize("曜")
    text = "日月日月"
    inside = [(s, e) for s, e in raw(kinds["across_characters"], text) if e - s > 1]
    assert inside
    assert boundaries(tokens_of(kinds["across_characters"], text)).tolist() != list(range(5))
    assert raw(kinds["word_piece"], "a\x00 b\n") == [(0, 1), (3, 4)]
    assert sum((s, e) == (0, 1) for s, e in raw(kinds["unigram"], "ﷺ")) > 2
    assert (4, 4) in [tuple(pair) for pair in raw(kinds["blanks_out"], "abc 日")]


SPECIAL = ("<|endoftext|>", "<s>", "[CLS]", "[SEP]", "<pad>")


@pytest.fixture(scope="module")
def opened(kinds, tmp_path_factory):
    """Every kind as a checkpoint's tokenizer with special tokens, a BOS or [CLS] put before each text."""
    folders = tmp_path_factory.mktemp("special")
    for name, tokenizer in kinds.items():
        backend = hf.Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        backend.add_special_tokens(list(SPECIAL))
        framed = [(special, backend.token_to_id(special)) for special in ("[CLS]", "[SEP]")]
        framing = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=framed)
        own = [backend.post_processor] if name == "blanks_out" else []
        backend.post_processor = processors.Sequence([*own, framing])
        words = {"eos_token": "<|endoftext|>", "bos_token": "<s>", "cls_token": "[CLS]", "sep_token": "[SEP]"}
        PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", **words).save_pretrained(folders / name)
    return {name: hub.open_tokenizer(folders / name) for name in kinds}


@pytest.mark.parametrize("name", sorted(KINDS))
@given(parts=st.lists(st.one_of(TEXT, st.sampled_from(SPECIAL)), max_size=8))
@settings(deadline=None, max_examples=40)
def test_names_of_special_tokens_in_a_text_are_text(opened, kinds, name, parts):
    """Spelt out, as by the same tokenizer without special tokens; tokens that frame a text are still put there."""
    text = "".join(parts)
    tokens = tokens_of(opened[name], text)
    np.testing.assert_array_equal(tokens.ids, tokens_of(kinds[name], text).ids)
    assert not set(tokens.ids.tolist()) & {opened[name].convert_tokens_to_ids(special) for special in SPECIAL}
    before, after = special_tokens(opened[name])
    assert opened[name].convert_ids_to_tokens([*before, *after]) == ["[CLS]", "[SEP]"]


def test_shared_boundaries_by_hand(kinds):
    """``The 曜``: words, and one character of three bytes, which both byte tokenizers keep whole."""
    sides = [tokens_of(kinds[name], "The 曜!") for name in ("byte_level", "byte_fallback")]
    shared = shared_boundaries(*sides)
    assert byte_offsets("The 曜!")[shared].tolist()[-3:] == [4, 7, 8]


@given(text=TEXT, contexts=st.tuples(st.integers(4, 20), st.integers(4, 20)))
@settings(deadline=None, max_examples=100)
def test_windows_fit_both_contexts_and_pool_what_they_hold(kinds, text, contexts):
    sides = tuple(tokens_of(kinds[name], text) for name in ("across_characters", "unigram"))
    cut = windows(7, sides, contexts)
    shared = shared_boundaries(*sides)
    of_span = [span_of_tokens(tokens, shared) for tokens in sides] if len(shared) > 1 else []
    for window in cut:
        assert window.document == 7
        begin, end = np.searchsorted(shared, window.spans[[0, -1]])
        np.testing.assert_array_equal(window.spans, shared[begin : end + 1])
        for side, context in enumerate(contexts):
            held = (of_span[side] >= begin) & (of_span[side] < end)
            np.testing.assert_array_equal(window.ids[side], sides[side].ids[held])
            np.testing.assert_array_equal(window.lengths[side], np.bincount(of_span[side][held] - begin))
            assert len(window.ids[side]) <= context
    kept = {span for window in cut for span in np.searchsorted(shared, window.spans[:-1])}
    for span in set(range(len(shared) - 1)) - kept:  # left out only where no window could hold it
        assert any(np.sum(of_span[side] == span) > context for side, context in enumerate(contexts))


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


def test_gaps_go_to_the_following_token_and_the_rest_to_the_last():
    """A tokenizer that trims white space: "ab cd " as (0, 2), (3, 5)."""
    start, end = tile(np.array([[0, 2], [3, 5]]), 6)
    assert start.tolist() == [0, 2]
    assert end.tolist() == [2, 6]


def test_a_token_without_text_joins_the_one_that_follows_wherever_it_claims_to_be():
    for claimed in ([0, 0], [2, 2], [4, 4]):
        tokens = Tokens(np.arange(3), *tile(np.array([[0, 2], claimed, [2, 4]]), 4))
        assert span_of_tokens(tokens, np.array([0, 2, 4])).tolist() == [0, 1, 1]
    assert boundaries(Tokens(np.arange(3), *tile(np.array([[0, 2], [0, 0], [2, 4]]), 4))).tolist() == [0, 2, 4]
    last = Tokens(np.arange(2), *tile(np.array([[0, 2], [2, 2]]), 2))
    assert span_of_tokens(last, np.array([0, 2])).tolist() == [0, 0]  # none follows


def test_bytes_of_one_character_share_its_extent():
    """Three tokens that each cover the same character leave no boundary inside it."""
    start, end = tile(np.array([[0, 1], [1, 2], [1, 2], [1, 2], [2, 3]]), 3)
    assert boundaries(Tokens(np.arange(5), start, end)).tolist() == [0, 1, 2, 3]


@given(st.text())
@example("\x7f\x80\u07ff\u0800\uffff\U00010000")  # the ends of each width
def test_byte_offsets(text):
    expected = [len(text[:i].encode()) for i in range(len(text) + 1)]
    assert byte_offsets(text).tolist() == expected


@pytest.mark.parametrize("text", ["", " "])
def test_empty_text_has_no_windows(tokenizers, text):
    sides = tuple(tokens_of(tokenizer, text) for tokenizer in tokenizers)
    assert sum(w.positions for w in windows(0, sides, (8, 8))) == len(text)


def test_a_token_without_text_hides_no_boundary_behind_it():
    for place in (0, 2, 4):
        start, end = tile(np.array([[0, 4], [place, place], [4, 6]]), 6)
        assert (start.tolist(), end.tolist()) == ([0, 4, 4], [4, 4, 6])
        assert boundaries(Tokens(np.arange(3), start, end)).tolist() == [0, 4, 6]
