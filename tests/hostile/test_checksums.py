"""Flipped bits in results and caches are noticed, and the files made again; older files without a checksum are read."""

import json
import os
import random
import zlib

import numpy as np
import pytest

import rosettalaw as rl
from rosettalaw import checksums
from rosettalaw.empirical.activations import copies
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.activations.spooling import is_whole, spool
from rosettalaw.empirical.filtering import perplexity, study
from rosettalaw.empirical.matching.machine import choice
from rosettalaw.errors import ForeignFileError
from rosettalaw.removal import begin
from rosettalaw.theory.sweeps import sweep, write

FLIPS = 40


def flipped(data, rng):
    """Return bytes with one bit flipped at a random place."""
    changed = bytearray(data)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def flips(path, number=FLIPS):
    """Yield once for each of some bits of a file that are flipped, and put the file back."""
    rng, whole = random.Random(path.name), path.read_bytes()
    for i in range(number):
        path.write_bytes(flipped(whole, rng))
        os.utime(path, ns=(i, i))  # two may be written within a tick of the clock
        yield
    path.write_bytes(whole)


def test_the_sums_are_those_of_pages_of_words():
    data = np.random.default_rng(0).integers(0, 256, 3 * 4096 + 77, dtype=np.uint8).tobytes()
    words = np.array([sum(int.from_bytes(data[4096 * page + 8 * i :][:8], "little") for i in range(512)) % 2**64
                      for page in range(3)], dtype="<u8")  # fmt: skip
    assert checksums.checksum(data) == zlib.crc32(words.tobytes() + data[3 * 4096 :])
    first = checksums.checksum(data[:8192])
    assert checksums.checksum(data[8192:], first) == checksums.checksum(data)
    assert checksums.checksum(b"") == 0


def test_every_bit_of_a_page_counts():
    data = np.random.default_rng(1).integers(0, 256, 4096 + 5, dtype=np.uint8)
    whole, sums = checksums.checksum(data), set()
    for place in range(0, 8 * len(data), 7):
        data[place // 8] ^= 1 << place % 8
        sums.add(checksums.checksum(data))
        data[place // 8] ^= 1 << place % 8
    assert whole not in sums


@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_a_copy_with_a_flipped_bit_is_made_again(tmp_path, kind, capsys, monkeypatch):
    monkeypatch.setattr(copies, "_sound", {})
    array = np.random.default_rng(0).standard_normal((50, 7)).astype(np.float32)
    source, folder = ArraySource(array), begin(tmp_path / "work", "copies")
    expected = spool(source, folder / "copy", 16, kind).rows(slice(None)).tobytes()
    files = [folder / f"copy-{kind}.npy"] + [folder / f"copy-{kind}-border.npy"] * (kind == "float16")
    contents = [file.read_bytes() for file in files]
    assert is_whole(source, folder / "copy", 16, kind)
    for file, content in zip(files, contents, strict=True):
        for _ in flips(file):
            assert spool(source, folder / "copy", 16, kind).rows(slice(None)).tobytes() == expected
            assert "damaged" in capsys.readouterr().err or "border" in file.name  # in the padding of a head
        copies._sound.clear()
        file.write_bytes(content)
        assert is_whole(source, folder / "copy", 16, kind)
        for cut in (0, 1, len(content) // 2, len(content) - 1):
            file.write_bytes(content[:cut])
            assert spool(source, folder / "copy", 16, kind).rows(slice(None)).tobytes() == expected
    assert not is_whole(source, folder / "copy", 8, kind)


def test_a_copy_is_compared_once_and_not_by_the_run_that_made_it(tmp_path, monkeypatch):
    compared = []
    agree = copies._agree
    monkeypatch.setattr(copies, "_sound", {})
    monkeypatch.setattr(copies, "_agree", lambda *args: compared.append(1) or agree(*args))
    source = ArraySource(np.zeros((50, 7), np.float32))
    for _ in range(3):
        spool(source, tmp_path / "copy", 16)
    assert compared == []
    copies._sound.clear()  # another run
    for _ in range(3):
        spool(source, tmp_path / "copy", 16)
    assert compared == [1]


def test_a_flipped_bit_of_a_result_is_an_error(tmp_path):
    ds, path = rl.predict([1024, 2048], beta=1.6), tmp_path / "prediction.nc"
    rl.save(ds, path)
    for _ in flips(path):
        try:
            assert rl.load(path).identical(ds)  # the word behind the bytes was hit
        except ForeignFileError:
            continue
    whole = path.read_bytes()
    path.write_bytes(whole[: -checksums.TAIL.size])  # as older versions wrote it
    assert rl.load(path).identical(ds)


def test_a_sweep_in_blocks_has_a_checksum(tmp_path):
    path = tmp_path / "sweep.nc"
    write(sweep(beta=[1.5, 2.0, 2.5], neurons=[100, 200, 300], memory=200), path, quiet=True)
    whole = rl.load(path)
    for _ in flips(path, 10):
        try:
            assert rl.load(path).identical(whole)
        except ForeignFileError:
            continue


def test_a_result_that_was_edited_is_read(tmp_path):
    import h5py

    rl.save(rl.predict([1024, 2048], beta=1.6), tmp_path / "prediction.nc")
    with h5py.File(tmp_path / "prediction.nc", "r+") as file:
        file.attrs["note"] = "mine"
    assert rl.load(tmp_path / "prediction.nc").attrs["note"] == "mine"


def test_a_run_with_a_flipped_bit_is_measured_again(tmp_path):
    path, result = tmp_path / "run.json", {"perplexity": 3.25, "bits": 1.5, "loss": 0.5, "sequences": 4}
    perplexity._resumed(path, lambda: result)
    for _ in flips(path):
        assert perplexity._resumed(path, lambda: result) == result
    path.write_text(json.dumps(result))  # of an older version
    assert perplexity._resumed(path, lambda: None) == result


def test_scores_with_a_flipped_bit_are_none(tmp_path):
    class Reader:
        def read(self, documents, neurons):
            from rosettalaw.empirical.filtering.document_activations import Reading

            mean = np.random.default_rng(0).random((len(documents), len(neurons)), dtype=np.float32)
            yield Reading(np.arange(1, 1 + len(documents)), mean, mean)

    from rosettalaw.empirical.corpora.corpus import Corpus, Document

    pool = Corpus("words", [Document(str(i), "prose", "a word") for i in range(9)])
    expected = study.score(Reader(), pool, np.arange(3), tmp_path, True)
    path = tmp_path / "scores-00000.npy"
    for _ in flips(path):
        saved = study._saved_scores(path, (9, 4))
        assert saved is None or np.array_equal(saved[:, 1:], expected[1])


def test_speeds_with_a_flipped_bit_are_measured_again(tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "cache_folder", lambda: tmp_path)
    assert choice._speed("speeds.json", "cpu", lambda: 2.5) == 2.5
    assert choice._speed("speeds.json", "gpu", lambda: 4.5) == 4.5
    for _ in flips(tmp_path / "speeds.json"):
        assert choice._saved(tmp_path / "speeds.json").get("cpu", 2.5) == 2.5
        assert choice._saved(tmp_path / "speeds.json").get("gpu", 4.5) == 4.5


def test_tokens_and_tokenizer_with_a_flipped_bit_are_made_again(tmp_path):
    pytest.importorskip("transformers")
    from rosettalaw.empirical.corpora.corpus import Corpus, Document
    from rosettalaw.empirical.language import tokenization

    words = "the river carries what the mountain lets go " * 3
    corpus = Corpus("words", [Document(str(i), "prose", words) for i in range(4)])
    tokenizer, tokens = tokenization.prepare(corpus, 270, tmp_path)
    files = [tokens, *(path for path in tokenizer.iterdir() if path.is_file()), tmp_path / tokenization.SUMS]
    contents = {path: path.read_bytes() for path in files}
    for path in files:
        for _ in flips(path, 3):
            tokenization.prepare(corpus, 270, tmp_path)
            assert {one: one.read_bytes() for one in files} == contents
    (tmp_path / tokenization.SUMS).unlink()  # as an older version left it
    before = tokens.stat().st_mtime_ns
    tokenization.prepare(corpus, 270, tmp_path)
    assert tokens.stat().st_mtime_ns == before


def test_a_checkpoint_with_a_flipped_bit_is_not_sound(tmp_path):
    from rosettalaw.empirical.checkpoints.provenance import RECORD, record_is_sound, write_record

    (tmp_path / "config.json").write_text('{"width": 64}')
    (tmp_path / "model.safetensors").write_bytes(random.Random(0).randbytes(9000))
    write_record(tmp_path, {"bits_per_byte": 2.25, "family": {"layers": (1, 2)}})
    assert record_is_sound(tmp_path)
    for name in ("config.json", "model.safetensors", RECORD):
        for _ in flips(tmp_path / name):
            if record_is_sound(tmp_path):  # the name of the checksum was hit, and the record is as an older version's
                assert name == RECORD
                assert json.loads((tmp_path / RECORD).read_text())["bits_per_byte"] == 2.25
    assert record_is_sound(tmp_path)
    (tmp_path / RECORD).write_text('{"bits_per_byte": 2.25}')  # of an older version
    assert record_is_sound(tmp_path)


def test_tensors_have_a_checksum_of_names_shapes_and_bits():
    torch = pytest.importorskip("torch")
    tensors = {"a": torch.arange(6.0), "b": torch.zeros(2, 3, dtype=torch.bfloat16), "c": torch.tensor(3)}
    whole = checksums.of_tensors(tensors)
    assert checksums.of_tensors(dict(reversed(tensors.items()))) == whole
    changed = [tensors | {"a": torch.arange(6.0).reshape(2, 3)}, tensors | {"a": torch.arange(6.0) * (1 + 2e-7)},
               tensors | {"d": torch.zeros(1)}, tensors | {"c": torch.tensor(3.0)}]  # fmt: skip
    assert len({whole, *map(checksums.of_tensors, changed)}) == 5


def test_an_endpoints_answer_with_a_flipped_bit_is_asked_for_again(tmp_path):
    from rosettalaw.empirical.vision.judging import endpoint

    path, answer = tmp_path / "answer.json", {"monosemantic": True, "concept": "a wheel"}
    path.write_text(json.dumps(checksums.sealed(answer)))
    assert endpoint._saved(path) == answer
    for _ in flips(path):
        saved = endpoint._saved(path)
        assert saved is None or {name: saved.get(name) for name in answer} == answer
    path.write_text(json.dumps(answer))  # answers of older versions cost money too
    assert endpoint._saved(path) == answer
