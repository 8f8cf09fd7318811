"""Windows drawn from all documents: which are drawn, how much is tokenized for it, and in which order they are read."""

import itertools
import json
from collections import Counter

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.corpora.corpus import Corpus, StoredText, Survey
from rosettalaw.empirical.corpora.files import Document
from rosettalaw.empirical.corpora.on_disk import StoredDocument
from rosettalaw.empirical.language import drawing
from rosettalaw.empirical.language.aligned_text import AlignedText
from rosettalaw.empirical.language.alignment import Tokens, Window, windows
from rosettalaw.empirical.language.drawing import draw, share_out, stretches, turns, windows_in_random_order

CONTEXTS = (10, 12)


def characters(text):
    """Every character is a token of both models."""
    places = np.arange(len(text))
    tokens = Tokens(np.array([ord(c) for c in text], dtype=np.int64), places, places + 1)
    return tokens, tokens


def made(sizes, domains="a"):
    domain = itertools.cycle(domains)
    return Corpus("made", tuple(Document(f"d{i}", next(domain), "word " * s) for i, s in enumerate(sizes)))


def given_by(documents, found):
    return Counter(documents[window.document].name for window in found)


# ---------------------------------------------------------------------------------------------------------------------
# Which windows


@given(
    documents=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 2), st.integers(0, 5)), min_size=1, max_size=12),
    seed=st.integers(0, 3),
)
@settings(deadline=None, max_examples=60)
def test_turns_follow_the_rule(documents, seed):
    """Word by word: a document that has given least; among their domains the one furthest behind its share."""
    size, domain, capacity = (np.array(column) for column in zip(*documents, strict=True))
    domain = np.unique(domain, return_inverse=True)[1]
    share = np.bincount(domain, size)
    of_domain, of_document = np.zeros(len(share)), np.zeros(len(size), dtype=int)
    for one in turns(Survey(size, domain), capacity, seed):
        more = of_document < capacity
        least = more & (of_document == of_document[more].min())
        assert least[one]
        behind = np.where(of_domain > 0, (of_domain + 0.5) / share, 0)
        assert behind[domain[one]] == behind[domain[least]].min()
        of_domain[domain[one]] += 1
        of_document[one] += 1
    np.testing.assert_array_equal(of_document, capacity)


def test_every_document_is_read_and_a_giant_is_not_everything():
    corpus = made([4000, *[30] * 59], "aaaaaaaaab")  # the first document has two thirds of the text
    documents, found = draw(corpus, characters, CONTEXTS, 1500, 0)
    counts = given_by(documents, found)
    assert set(counts) == {document.name for document in corpus.documents}
    assert set(counts.values()) == {2, 3}
    assert 1500 <= sum(len(window.ids[0]) for window in found) < 1510


def test_of_many_documents_domains_have_their_share_of_the_text():
    corpus = made([100, 300, 4] * 100, "abc")
    documents, found = draw(corpus, characters, CONTEXTS, 1000, 1)
    assert set(given_by(documents, found).values()) == {1}
    domains = Counter(documents[window.document].domain for window in found)
    assert domains["b"] / domains["a"] == pytest.approx(3, rel=0.05)
    assert domains["c"] == 1


def test_every_window_of_a_document_is_equally_likely():
    corpus = made([40, 40])  # 20 windows each, cut from stretches of 80 characters
    starts = Counter()
    for seed in range(300):
        _, found = draw(corpus, characters, CONTEXTS, 40, seed)
        assert len(found) == 4
        starts.update(int(window.spans[0]) for window in found)
    assert sorted(starts) == list(range(0, 200, 10))
    assert scipy.stats.chisquare(list(starts.values())).pvalue > 0.001


@given(sizes=st.lists(st.integers(0, 60), min_size=1, max_size=8), stretch=st.sampled_from([15, 64, 1 << 16]))
@settings(deadline=None, max_examples=40)
def test_a_text_that_is_asked_for_whole_gives_every_window_once(sizes, stretch):
    corpus = made(sizes, "ab")
    before, drawing.STRETCH = drawing.STRETCH, stretch
    try:
        documents, found = draw(corpus, characters, CONTEXTS, 10**6, 3)
    finally:
        drawing.STRETCH = before
    assert sorted(document.name for document in documents) == sorted(d.name for d in corpus.documents if d.text)
    for number, document in enumerate(documents):
        mine = [window for window in found if window.document == number]
        assert "".join(chr(i) for window in mine for i in window.ids[0]) == document.text
        if stretch > len(document.text):
            whole = windows(number, characters(document.text), CONTEXTS)
            assert [w.spans.tolist() for w in mine] == [w.spans.tolist() for w in whole]


def test_the_seed_decides_alone():
    corpus = made(range(5, 60), "aab")
    first, same, other = (draw(corpus, characters, CONTEXTS, 700, seed) for seed in (4, 4, 5))
    spans = [[(one[0][w.document].name, *w.spans.tolist()) for w in one[1]] for one in (first, same, other)]
    assert spans[0] == spans[1]
    assert spans[0] != spans[2]


def test_windows_that_a_context_cannot_hold_are_not_drawn():
    """The text has no boundary inside: one token of 50 pieces."""

    def one_span(text):
        tokens = Tokens(np.zeros(50, dtype=np.int64), np.zeros(50, dtype=np.int64), np.full(50, len(text)))
        return tokens, tokens

    assert draw(made([10, 10]), one_span, CONTEXTS, 20, 0) == ((), ())


# ---------------------------------------------------------------------------------------------------------------------
# Large texts


@pytest.mark.parametrize("at_once", [1, 10**9])
def test_text_on_disk_gives_the_windows_of_a_corpus_in_memory(tmp_path, at_once):
    path = tmp_path / "t.jsonl"
    lines = [{"text": "word " * (7 * i % 50), "domain": "ab"[i % 2]} for i in range(40)]
    path.write_text("\n".join(map(json.dumps, lines)))
    stored = StoredText(path, at_once)
    corpus = Corpus(stored.name, tuple(sorted(stored.in_random_order(0), key=lambda d: int(d.name.split(":")[1]))))
    (documents, found), (same, again) = (draw(text, characters, CONTEXTS, 900, 2) for text in (stored, corpus))
    assert [(d.name, d.domain, d.text) for d in documents] == [(d.name, d.domain, d.text) for d in same]
    assert [(w.document, *w.spans) for w in found] == [(w.document, *w.spans) for w in again]
    assert all(isinstance(document, StoredDocument) for document in documents)


def test_a_large_text_is_tokenized_where_it_is_read_alone(monkeypatch):
    monkeypatch.setattr(drawing, "STRETCH", 100)
    corpus, tokenized = made([2000] * 50), []

    def counted(text):
        tokenized.append(len(text))
        return characters(text)

    _, found = draw(corpus, counted, CONTEXTS, 2000, 0)
    assert 200 <= len(found) <= 220
    assert max(tokenized) <= 113  # evenly cut, a little longer where a line ends early
    assert sum(tokenized) < 2 * 113 * len(found) < corpus.size / 5


@given(st.text(alphabet="ab \n", max_size=400))
def test_stretches_tile_the_text_and_keep_words_whole(text):
    before, drawing.STRETCH = drawing.STRETCH, 24
    try:
        cut = stretches(text)
    finally:
        drawing.STRETCH = before
    assert "".join(text[begin:end] for begin, end in cut) == text
    assert all(0 < end - begin <= 24 + 3 + 1 for begin, end in cut)


def test_words_stay_whole_where_they_are_short(monkeypatch):
    monkeypatch.setattr(drawing, "STRETCH", 64)
    text = "several words of a line\n" * 40
    inner = [begin for begin, _ in stretches(text)[1:]]
    assert len(inner) >= 14
    assert all(text[i] == " " or text[i - 1] == "\n" for i in inner)


def test_a_stretch_is_tokenized_when_one_of_its_windows_is_wanted(monkeypatch):
    monkeypatch.setattr(drawing, "STRETCH", 50)
    tokenized = []
    order = windows_in_random_order(
        "word " * 100, lambda text: tokenized.append(text) or characters(text), CONTEXTS, np.random.default_rng(0)
    )
    for number in range(1, 11):
        next(order)
        assert len(tokenized) == number
    assert 40 <= len(list(order)) <= 50
    assert len(tokenized) == 10


# ---------------------------------------------------------------------------------------------------------------------
# Order of reading


def test_parts_hold_whole_documents_of_every_domain():
    rng = np.random.default_rng(0)
    corpus = made(rng.integers(20, 200, 160), "aaaaaaabbc")
    documents, found = draw(corpus, characters, CONTEXTS, 12_000, 0)
    of_position = np.repeat([w.document for w in found], [w.positions for w in found])
    assert (np.diff(of_position) >= 0).all()  # windows of a document are neighbours
    for before, after in itertools.pairwise(found):
        assert before.document < after.document or before.spans[-1] <= after.spans[0]
    parts = np.array_split(of_position, 16)
    assert all({documents[i].domain for i in set(part.tolist())} == {"a", "b", "c"} for part in parts)
    torn = [len(set(one.tolist()) & set(other.tolist())) for one, other in itertools.pairwise(parts)]
    assert max(torn) <= 1
    largest = np.bincount(of_position).max()
    spread = share_out(np.bincount(of_position).tolist(), [0] * len(documents), 16)
    lengths = np.bincount(spread, np.bincount(of_position), 16)
    assert np.ptp(lengths) <= largest


def test_items_are_shared_out_evenly():
    part_of = share_out([9, 1, 8, 2, 7, 3, 6, 4], [0] * 8, 4)
    assert sorted(Counter(part_of).values()) == [2, 2, 2, 2]
    assert [sum(s for s, p in zip([9, 1, 8, 2, 7, 3, 6, 4], part_of, strict=True) if p == i) for i in range(4)] == [
        10
    ] * 4


# ---------------------------------------------------------------------------------------------------------------------
# Labels


@given(texts=st.lists(st.text(alphabet="aé🎉 b", min_size=1, max_size=90), min_size=1, max_size=4), data=st.data())
@settings(deadline=None, max_examples=50)
def test_labels_number_documents_and_span_texts(texts, data):
    documents = tuple(Document(f"d{i}", "a", text) for i, text in enumerate(texts))
    tiled = []
    for number, text in enumerate(texts):
        inner = data.draw(st.sets(st.integers(1, max(len(text) - 1, 1)), max_size=6))
        edges = np.array(sorted({0, len(text), *(i for i in inner if i < len(text))}))
        tiled.append(Window(number, edges, (), ()))
    text = AlignedText(Corpus("c", documents), tuple(tiled))
    labels = text.labels
    places = [text.locate(position) for position in range(text.positions)]
    assert labels["document"].tolist() == [number for number, _, _ in places]
    read = [texts[number][begin:end] for number, begin, end in places]
    for (i, one), (j, other) in itertools.product(enumerate(read), repeat=2):
        assert (one == other) == (labels["span"][i] == labels["span"][j])
    assert sorted(set(labels["span"].tolist())) == list(range(len(set(read))))


def test_documents_and_domains_that_were_read_are_recorded():
    documents, found = draw(made([20] * 30, "aab"), characters, CONTEXTS, 100, 0)
    text = AlignedText(Corpus("c", documents), found)
    assert text.facts() == {"tokens": 100, "documents_read": 10, "domains_read": 2}


def test_other_windows_of_the_same_documents_are_another_text():
    corpus = made([50, 50])
    first, same, other = (
        AlignedText(Corpus("c", d), w) for d, w in (draw(corpus, characters, CONTEXTS, 60, s) for s in (0, 0, 2))
    )
    assert first.sha256 == same.sha256 != other.sha256
