"""Text that could take all memory or time: long documents are cut, long lines, pipes, devices and UTF-16 refused."""

import codecs
import json
import os
import time
import tracemalloc

import pytest
import zstandard

from rosettalaw.empirical.config import read_table
from rosettalaw.empirical.corpora import files
from rosettalaw.empirical.corpora.corpus import StoredText, open_corpus, open_text
from rosettalaw.errors import ForeignFileError

READERS = (open_corpus, lambda path: next(open_text(path).in_random_order(0)))


@pytest.mark.parametrize("kind", ["txt", "folder", "jsonl"])
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 64])
def test_long_documents_are_cut_and_nothing_is_lost(tmp_path, monkeypatch, kind, limit):
    """Between characters of any width and not within CR LF; the pieces are one group."""
    text = "aé東🎉\r\nzß\rx" * 9
    monkeypatch.setattr(files, "DOCUMENT", limit)
    path = tmp_path / ("p.jsonl" if kind == "jsonl" else "p.txt")
    path.write_bytes((json.dumps({"text": text}) if kind == "jsonl" else text).encode())
    documents = open_corpus(tmp_path if kind == "folder" else path).documents
    expected = text if kind == "jsonl" else text.replace("\r\n", "\n").replace("\r", "\n")
    # A piece of blanks alone is no document.
    assert "".join("".join(d.text for d in documents).split()) == "".join(expected.split())
    if limit == 64:
        assert "".join(d.text for d in documents) == expected
    assert len({d.group for d in documents}) == 1
    assert len({d.name for d in documents}) == len(documents) > 1


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.zst"])
def test_a_line_without_end_is_refused_in_little_memory(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(files, "LINE", 1 << 20)
    path = tmp_path / f"p{suffix}"
    content = b'{"text": "' + bytes(64 << 20)
    path.write_bytes(zstandard.compress(content) if suffix.endswith("zst") else content)
    del content
    for read in READERS:
        tracemalloc.start()
        with pytest.raises(ForeignFileError, match=rf"p{suffix}, line 1: longer than 1 MiB"):
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 48 << 20


def test_packed_text_is_read_in_linear_time(tmp_path):
    """Four times as much text in as few packed bytes takes about four times as long, not sixteen."""
    times = []
    for size in (4, 16):
        path = tmp_path / f"{size}.jsonl.zst"
        path.write_bytes(zstandard.compress(b"\n" * (size << 20) + b'{"text": "end"}'))
        took = []
        for _ in range(3):  # processor time of the best of a few: other work on the machine adds to it
            begin = time.process_time()
            with files.opened(path, lambda _: None) as lines:
                while lines.read(1 << 17):
                    pass
            took.append(time.process_time() - begin)
        times.append(min(took))
    assert times[1] < 10 * times[0] + 0.05


def test_pipes_and_devices_are_refused_in_words(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for read in READERS:
        with pytest.raises(ForeignFileError, match="pipe: a named pipe, not a file"):
            read(tmp_path / "pipe")
        for name in ("/dev/zero", tmp_path / "link"):
            with pytest.raises(ForeignFileError, match="a device, not a file"):
                read(name)
    (tmp_path / "a.txt").write_text("one")
    assert [d.name for d in open_corpus(tmp_path).documents] == ["a.txt"]


def test_byte_order_marks(tmp_path):
    (tmp_path / "a.txt").write_bytes(codecs.BOM_UTF8 + b"one")
    (tmp_path / "b.jsonl").write_bytes(codecs.BOM_UTF8 + b'{"text": "one"}')
    (tmp_path / "c.toml").write_bytes(codecs.BOM_UTF8 + b'name = "one"')
    assert [open_corpus(tmp_path / name).documents[0].text for name in ("a.txt", "b.jsonl")] == ["one", "one"]
    assert read_table(tmp_path / "c.toml") == {"name": "one"}


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.toml"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_encodings_are_named(tmp_path, name, encoding):
    (tmp_path / name).write_bytes('{"text": "one"}'.encode(encoding))
    for read in (read_table,) if name.endswith("toml") else READERS:
        with pytest.raises(ForeignFileError, match=f"{encoding.upper()} text, not UTF-8"):
            read(tmp_path / name)


def test_memory_bounds_the_text_that_is_held(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    stored = open_text(tmp_path / "a.txt", memory=8000)
    assert isinstance(stored, StoredText)
    assert stored.at_once == 1000
