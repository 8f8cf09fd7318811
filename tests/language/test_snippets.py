"""The text that a result keeps of its neurons' top positions, against the corpus itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.corpora.corpus import Corpus, Document
from rosettalaw.empirical.language.aligned_text import AlignedText
from rosettalaw.empirical.language.alignment import Window
from rosettalaw.empirical.language.snippets import KeptText, keep_text
from rosettalaw.errors import InputError
from rosettalaw.results import dataset, load, save

PIECES = ["a", "the ", "\n", "日", "🎉", "é", "\ud800", "x" * 9]


@st.composite
def texts(draw):
    """Documents cut into spans by hand; some are read in two windows, and some pieces of them by none."""
    documents, windows = [], []
    for number in range(draw(st.integers(1, 4))):
        spans = draw(st.lists(st.sampled_from(PIECES), min_size=2, max_size=25))
        documents.append(Document(f"d{number}", "ab"[number % 2], "".join(spans)))
        edges = np.cumsum([0, *map(len, spans)])
        cut = draw(st.integers(1, len(spans)))
        read = [edges[: cut + 1]] + ([edges[cut + 1 :]] if len(spans) - cut > 1 else [])
        windows += [Window(number, each, (), ()) for each in read]
    return AlignedText(Corpus("made", tuple(documents)), tuple(windows))


@given(text=texts(), around=st.integers(1, 12), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=150)
def test_every_kept_position_has_its_text(text, around, seed):
    rng = np.random.default_rng(seed)
    top = rng.integers(-1, text.positions, (3, 4))
    variables = keep_text(text, top, around)
    tops = {"top_position": (("neuron", "top"), top), "top_activation": (("neuron", "top"), top / 7)}
    kept = KeptText(dataset("rung", {**variables, **tops}))
    for neuron, positions in enumerate(top):
        wanted = [position for position in positions.tolist() if position >= 0]
        found = kept.of(neuron)
        assert [one.position for one in found] == wanted
        for one in found:
            number, start, end = text.locate(one.position)
            document = text.corpus.documents[number]
            assert (one.document, one.domain) == (document.name, document.domain)
            assert one.span == document.text[start:end]
            assert one.before == document.text[max(0, start - around) : start]
            assert one.after == document.text[end : end + around]
            assert one.activation == pytest.approx(one.position / 7)
    # No byte of a document is kept twice.
    assert len(variables["text_byte"][1]) <= text.corpus.size


def test_a_stretch_that_several_positions_share_is_kept_once():
    words = [f"word{i:03d} " for i in range(100)]
    edges = np.cumsum([0, *map(len, words)])
    text = AlignedText(Corpus("c", (Document("d", "a", "".join(words)),)), (Window(0, edges, (), ()),))
    near = keep_text(text, np.arange(40, 60), 16)
    assert len(near["text_byte"][1]) == 20 * 8 + 2 * 16
    far = keep_text(text, np.array([10, 50, 90]), 16)
    assert len(far["text_byte"][1]) == 3 * (8 + 2 * 16)


def test_it_survives_the_disk_and_says_when_there_is_none(tmp_path):
    text = AlignedText(Corpus("c", (Document("d", "a", "é🎉 end"),)), (Window(0, np.array([0, 1, 2, 6]), (), ()),))
    tops = {"top_position": (("neuron", "top"), [[1]]), "top_activation": (("neuron", "top"), [[2.5]])}
    saved = load(save(dataset("rung", {**keep_text(text, np.array([1]), 3), **tops}), tmp_path / "r.nc"))
    (one,) = KeptText(saved).of(0)
    assert (one.before, one.span, one.after) == ("é", "🎉", " en")
    assert keep_text(text, np.array([1]), 0) == {}
    with pytest.raises(InputError, match=r"has no text around.*around = 60 in \[measurement\]"):
        KeptText(dataset("rung", tops))
