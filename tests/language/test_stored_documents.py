"""Documents whose texts stay on disk are the documents they were made from, and take little memory."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.corpora.corpus import Corpus, Document, open_corpus, open_stored
from rosettalaw.empirical.corpora.on_disk import stored
from rosettalaw.empirical.filtering.splitting import passages, split

TEXTS = st.lists(st.text(alphabet="aé日🎉\n\r\u2028 \ud800", max_size=60), min_size=1, max_size=6)


@given(texts=TEXTS, characters=st.integers(0, 30))
@settings(deadline=None, max_examples=150)
def test_texts_parts_and_groups_are_the_same(texts, characters):
    plain = Corpus("c", tuple(Document(f"d{i}", "ab"[i % 2], text, f"g{i // 2}") for i, text in enumerate(texts)))
    kept = Corpus("c", stored(plain.documents))
    assert kept.sha256 == plain.sha256
    assert kept.domains() == plain.domains()
    cut = [passages(corpus, characters).documents for corpus in (plain, kept)]
    facts = [[(one.name, one.domain, one.group, one.text) for one in documents] for documents in cut]
    assert facts[0] == facts[1]


def test_a_corpus_on_disk_is_split_as_one_in_memory(tmp_path):
    lines = [json.dumps({"text": f"text {i} é\n" * 9, "domain": "ab"[i % 2]}) for i in range(60)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    parts = [split(opened(tmp_path / "t.jsonl"), "a", 0.3, 0.3, 1) for opened in (open_corpus, open_stored)]
    for name in ("choosing", "pool", "test"):
        plain, kept = (getattr(one, name) for one in parts)
        assert [document.text for document in kept.documents] == [document.text for document in plain.documents]


@pytest.mark.slow
def test_pythons_own_text_on_disk_is_the_one_in_memory():
    assert open_stored("python").sha256 == open_corpus("python").sha256


def test_what_is_held_does_not_grow_with_the_texts(tmp_path):
    """Three hundred documents of 100 kB, opened, split and cut: less than a tenth of the text is held at any time."""
    rng = np.random.default_rng(0)
    words = "".join(rng.choice(["river ", "mountain\n", "carries ", "lets "], 15_000))
    with (tmp_path / "t.jsonl").open("w") as file:
        for i in range(300):
            file.write(json.dumps({"text": words[i:] + words[:i], "domain": "ab"[i % 2]}) + "\n")
    size = (tmp_path / "t.jsonl").stat().st_size
    tracemalloc.start()
    parts = split(passages(open_stored(tmp_path / "t.jsonl"), 20_000), "a", 0.3, 0.3, 0)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(parts.pool.documents) > 300
    assert held < size / 10


def test_a_full_disk_says_so(tmp_path, monkeypatch):
    from rosettalaw.empirical.corpora import on_disk as stored_documents
    from rosettalaw.errors import RosettaError

    class Full:
        def write(self, _):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(stored_documents.tempfile, "TemporaryFile", lambda **_: Full())
    (tmp_path / "t.txt").write_text("some text")
    with pytest.raises(RosettaError, match="the disk is full"):
        open_stored(tmp_path / "t.txt")
