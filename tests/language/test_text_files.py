"""Text on disk: what is read of each kind of source, what is refused, and how documents are drawn from it."""

import gzip
import json
import tracemalloc

import numpy as np
import pytest
import scipy.stats
import zstandard

from rosettalaw.empirical.corpora.corpus import Document, StoredText, open_corpus, open_text
from rosettalaw.empirical.language.aligned_text import align_text
from rosettalaw.errors import ForeignFileError, InputError, MissingFileError


def shard(path, records, frames=1):
    """Write Pile-style lines; a packed shard in so many frames."""
    lines = [json.dumps(record).encode() + b"\n" for record in records]
    if path.suffix == ".zst":
        parts = np.array_split(np.arange(len(lines)), frames)
        path.write_bytes(b"".join(zstandard.compress(b"".join(lines[i] for i in part)) for part in parts))
    else:
        path.write_bytes(b"".join(lines))
    return path


def records(number, size=20):
    """Documents of different lengths, each with its number in it."""
    return [{"text": f"{i} " + "x" * (i * 7 % size), "meta": {"pile_set_name": "ab"[i % 2]}} for i in range(number)]


def saved_dataset(folder, rows):
    import datasets

    datasets.Dataset.from_list(rows).save_to_disk(folder)
    return folder


SUFFIXES = [".jsonl", ".jsonl.zst"]


# ---------------------------------------------------------------------------------------------------------------------
# Sources


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("frames", [1, 3])
def test_pile_lines(tmp_path, suffix, frames):
    lines = [{"text": "one", "meta": {"pile_set_name": "Github"}}, {"text": "two"}, {"text": "3", "domain": "law"}]
    found = open_corpus(shard(tmp_path / f"p{suffix}", lines, frames)).documents
    assert [(d.domain, d.text) for d in found] == [("Github", "one"), ("text", "two"), ("law", "3")]
    assert [d.name for d in found] == [f"p{suffix}:{n}" for n in (1, 2, 3)]


def test_a_shard_packed_with_a_long_window(tmp_path):
    """Archives are packed so; zstandard refuses to unpack them unless told otherwise."""
    packer = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=28, hash_log=6, chain_log=6)
    ).compressobj()
    (tmp_path / "p.jsonl.zst").write_bytes(packer.compress(b'{"text": "one"}') + packer.flush())
    assert open_corpus(tmp_path / "p.jsonl.zst").documents[0].text == "one"


def test_blank_lines_and_blank_texts_are_no_documents(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text('\n{"text": "one"}\n\n{"text": " "}\n{"text": "two"}')
    for source in (open_corpus(path).documents, list(StoredText(path).in_random_order(0))):
        assert sorted((d.name, d.text) for d in source) == [("p.jsonl:2", "one"), ("p.jsonl:5", "two")]


def test_lines_end_at_line_feeds_alone(tmp_path):
    """U+2028 and carriage returns are text; a lone surrogate, which no tokenizer takes, becomes U+FFFD."""
    path = tmp_path / "p.jsonl"
    path.write_bytes('{"text": "a\u2028b\x85c"}\r\n'.encode() + rb'{"text": "x\ud800y \ud83c\udf89"}')
    assert [d.text for d in open_corpus(path).documents] == ["a\u2028b\x85c", "x\ufffdy \U0001f389"]


def test_folder_with_domains_and_shards(tmp_path, capsys):
    (tmp_path / "law").mkdir()
    (tmp_path / "law" / "a.txt").write_text("one")
    (tmp_path / "b.md").write_text("two")
    (tmp_path / "image.bin").write_bytes(b"\xff\xfe\x00")
    shard(tmp_path / "law" / "00.jsonl.zst", [{"text": "three", "meta": {"pile_set_name": "ArXiv"}}])
    expected = {"law/a.txt": ("law", "one"), "b.md": ("text", "two"), "law/00.jsonl.zst:1": ("ArXiv", "three")}
    for found in (open_corpus(tmp_path).documents, StoredText(tmp_path).in_random_order(0)):
        assert {d.name: (d.domain, d.text) for d in found} == expected
        assert "1 files that are not UTF-8 text were skipped" in capsys.readouterr().err


def test_saved_dataset(tmp_path):
    rows = [{"text": "one", "meta": {"pile_set_name": "Github"}, "n": 1}, {"text": "two", "meta": None, "n": 2}]
    folder = saved_dataset(tmp_path / "data", rows)
    assert [(d.name, d.domain, d.text) for d in open_corpus(folder).documents] == [
        ("data:0", "Github", "one"),
        ("data:1", "text", "two"),
    ]
    assert {d.text for d in StoredText(folder).in_random_order(1)} == {"one", "two"}


def test_datasets_that_cannot_be_used(tmp_path):
    import datasets

    rows = datasets.Dataset.from_list([{"body": "b"}])
    rows.save_to_disk(tmp_path / "body")
    with pytest.raises(ForeignFileError, match=r"no column 'text' \(columns: body\)"):
        open_corpus(tmp_path / "body")
    datasets.DatasetDict({"test": rows, "train": rows}).save_to_disk(tmp_path / "splits")
    with pytest.raises(ForeignFileError, match=r"in several splits \(test, train\)\. Name one: .*/train"):
        open_corpus(tmp_path / "splits")
    (tmp_path / "body" / "state.json").write_text("{}")
    with pytest.raises(ForeignFileError, match="not a readable dataset"):
        open_corpus(tmp_path / "body")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "p.jsonl",
            gzip.compress(b'{"text": "a"}', mtime=0),
            r"p.jsonl: a gzip archive, not UTF-8 text. Try: gunzip p.jsonl",
        ),
        (
            "p.jsonl.gz",
            gzip.compress(b"a", mtime=0),
            r"p.jsonl.gz: a gzip archive, not UTF-8 text. Try: gunzip p.jsonl.gz",
        ),
        ("p.txt", b"PK\x03\x04", r"p.txt: a ZIP archive, not UTF-8 text. Try: unzip p.txt"),
        ("p.txt", "gr\xf6\xdfe".encode("latin-1"), r"p.txt: not UTF-8 text \(byte 2\). Try: iconv -f LATIN1 -t UTF-8"),
        ("p.jsonl", '{"text": "\xf6"}'.encode("latin-1"), r"line 1: .*its bytes are not UTF-8. Try: iconv -f LATIN1"),
        (
            "p.jsonl",
            b'{"content": "a"}',
            r"line 1: not a JSON object.*; it has 'content'. Try: \{\"text\": ",
        ),
        ("p.jsonl", b'[{"text": "a"}]', r"line 1: not a JSON object with a 'text'. Try: \{.*one object on each line"),
    ],
)
def test_what_is_no_text_says_what_it_is_and_a_way(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    for read in (open_corpus, lambda path: next(StoredText(path).in_random_order(0))):
        with pytest.raises(ForeignFileError, match=message):
            read(tmp_path / name)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json\n", "line 1: not a JSON object with a 'text'"),
        (b'{"text": "a"}\n{"body": "b"}\n', "line 2: not a JSON object with a 'text'"),
        (b'{"text": 3}\n', "line 1: 'text' is not a string"),
        (b"[1]\n", "line 1: not a JSON object"),
        (b'{"text": "a"}\n\n{"text": "\xe9"}\n', "line 3: not a JSON object"),
        (b"[" * 100_000, "line 1: not a JSON object"),
    ],
)
def test_broken_lines_are_named(tmp_path, suffix, content, message):
    path = tmp_path / f"p{suffix}"
    path.write_bytes(zstandard.compress(content) if suffix.endswith("zst") else content)
    for read in (open_corpus, lambda path: next(StoredText(path).in_random_order(0))):
        with pytest.raises(ForeignFileError, match=f"p{suffix}, {message}"):
            read(path)


@pytest.mark.parametrize("kept", [0.3, 0.9999])
def test_a_shard_cut_short_is_refused(tmp_path, kept):
    noise = np.random.default_rng(0).integers(97, 122, (400, 1000)).astype(np.uint8)
    whole = shard(tmp_path / "whole.jsonl.zst", [{"text": row.tobytes().decode()} for row in noise]).read_bytes()
    path = tmp_path / "cut.jsonl.zst"
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(ForeignFileError, match=r"cut\.jsonl\.zst(: a damaged zstandard file|, line \d+: not a JSON)"):
        open_corpus(path)


def test_missing_empty_and_foreign_paths(tmp_path):
    for read in (open_corpus, lambda path: next(open_text(path).in_random_order(0))):
        with pytest.raises(MissingFileError, match="no such text file or folder"):
            read(tmp_path / "nothing")
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(MissingFileError, match="contains no text"):
            read(tmp_path / "empty")
        (tmp_path / "blank.txt").write_text(" \n")
        with pytest.raises(MissingFileError, match="contains no text"):
            read(tmp_path / "blank.txt")
        (tmp_path / "latin.txt").write_bytes("é".encode("latin-1"))
        with pytest.raises(ForeignFileError, match="not UTF-8"):
            read(tmp_path / "latin.txt")
        (tmp_path / "bad.jsonl.zst").write_bytes(b"plainly not compressed")
        with pytest.raises(ForeignFileError, match="not a zstandard file"):
            read(tmp_path / "bad.jsonl.zst")


# ---------------------------------------------------------------------------------------------------------------------
# Drawing


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("at_once", [1, 150, 10**9])
def test_stored_text_is_drawn_as_a_corpus_in_memory_is_shuffled(tmp_path, suffix, at_once):
    path = shard(tmp_path / f"p{suffix}", records(40))
    corpus, stored = open_corpus(path), StoredText(path, at_once)
    assert stored.sha256 == corpus.sha256
    assert stored.size == corpus.size
    for seed in (0, 7):
        assert (
            tuple(stored.in_random_order(seed))
            == corpus.shuffled(seed).documents
            == tuple(corpus.in_random_order(seed))
        )


def test_every_document_is_equally_likely_at_every_place(tmp_path):
    """Chi-square over 1500 seeds: the first, and the pair of first and second, of a few documents of unequal length."""
    stored = StoredText(shard(tmp_path / "p.jsonl", records(6, size=900)))
    draws = [[int(document.text.split()[0]) for document in stored.in_random_order(seed)] for seed in range(1500)]
    assert all(sorted(draw) == list(range(6)) for draw in draws)
    table = np.zeros((6, 6))
    for first, second, *_ in draws:
        table[first, second] += 1
    assert scipy.stats.chisquare(table.sum(1)).pvalue > 0.001
    assert scipy.stats.chisquare(table.sum(0)).pvalue > 0.001
    assert scipy.stats.chisquare(table[~np.eye(6, dtype=bool)]).pvalue > 0.001
    assert np.trace(table) == 0


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_drawing_from_a_large_file_holds_little(tmp_path, suffix):
    letters = np.random.default_rng(0).integers(97, 123, (1200, 22_000), dtype=np.uint8)
    path = shard(tmp_path / f"p{suffix}", [{"text": row.tobytes().decode()} for row in letters])
    del letters
    stored = StoredText(path, at_once=1 << 20)
    tracemalloc.start()
    drawn = [next(documents).name for documents in [stored.in_random_order(0)] for _ in range(100)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(drawn)) == 100
    assert stored.size > 25e6
    assert peak < 0.2 * stored.size


def test_text_that_changes_while_it_is_read_is_refused(tmp_path):
    path = shard(tmp_path / "p.jsonl", records(9))
    documents = StoredText(path, at_once=1).in_random_order(0)
    next(documents)
    shard(path, records(9, size=3))
    with pytest.raises(ForeignFileError, match="changed while it was being read"):
        list(documents)


def test_short_documents_are_kept_and_none_is_read_twice(tmp_path, tokenizers):
    """Every document is shorter than the sequence length, but one; together they are read to the last span."""
    path = shard(tmp_path / "p.jsonl", [{"text": "Short."}, {"text": "Tiny, "}, {"text": "A long one. " * 50}])
    corpus = open_corpus(path)
    sides = (tokenizers[0], tokenizers[1])
    tokens = sum(len(tokenizers[0](d.text)["input_ids"]) for d in corpus.documents)
    text = align_text(StoredText(path), sides, (64, 64), tokens)
    read = {i: "" for i in range(3)}
    for window in text.windows:
        document = text.corpus.documents[window.document]
        read[window.document] += document.text[window.spans[0] : window.spans[-1]]
    assert list(read.values()) == [d.text for d in text.corpus.documents]
    assert sorted(read.values()) == sorted(d.text for d in corpus.documents)
    with pytest.raises(InputError, match=f"has only {tokens} tokens"):
        align_text(StoredText(path), sides, (64, 64), tokens + 1)


def test_only_what_is_needed_is_drawn(tmp_path, tokenizers):
    path = shard(tmp_path / "p.jsonl", [{"text": f"Document number {i}. "} for i in range(50)])
    text = align_text(StoredText(path), (tokenizers[0], tokenizers[1]), (64, 64), 30)
    assert 1 < len(text.corpus.documents) < 10
    assert {d.name for d in text.corpus.documents} <= {d.name for d in open_corpus(path).documents}
    assert isinstance(text.corpus.documents[0], Document)
    assert 30 <= text.tokens[0] < 30 + len(text.windows[-1].ids[0])
