"""Files in caches and unfinished folders that were cut short, replaced or emptied: made again, or one message."""

import io
import json
import os
from types import SimpleNamespace

import numpy as np
import pytest

from rosettalaw import cached, checksums, cli
from rosettalaw.disk import existing_folder
from rosettalaw.empirical.filtering import perplexity, study
from rosettalaw.empirical.matching.machine import choice
from rosettalaw.removal import mark


def loop(path):
    path.symlink_to(path.name)


def broken(path):
    path.symlink_to(path.with_name("nowhere"))


CONTENTS = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("hello\n"),
    "noise": lambda path: path.write_bytes(os.urandom(300)),
    "list": lambda path: path.write_text("[]"),
    "object": lambda path: path.write_text("{}"),
    "null": lambda path: path.write_text("null"),
    "newer": lambda path: path.write_text('{"format": 999}'),
    "deep": lambda path: path.write_text("[" * 10**5),
    "archive": lambda path: np.savez(path.with_suffix(".npz"), x=[1]) or os.replace(path.with_suffix(".npz"), path),
    "words": lambda path: path.write_bytes(array(np.array(["a"]))),
    "cut": lambda path: path.write_bytes(array(np.arange(1000, dtype=np.int32))[:-5]),
    "loop": loop,
    "broken link": broken,
}


def array(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


@pytest.fixture(params=CONTENTS)
def damaged(request, tmp_path):
    """Write something else in the place of a file."""
    return CONTENTS[request.param]


def test_a_run_of_a_filtering_study_is_measured_again(damaged, tmp_path, capsys):
    path, result = tmp_path / "run-random-0.json", {"perplexity": 3.0, "bits": 1.5, "loss": 0.5, "sequences": 4}
    damaged(path)
    assert perplexity._resumed(path, lambda: result) == result
    assert perplexity._resumed(path, lambda: None) == result
    assert path.is_file()


@pytest.mark.parametrize("value", ["3", None, [3.0], True])
def test_a_run_whose_numbers_are_none_is_measured_again(value, tmp_path):
    path, result = tmp_path / "run.json", {"perplexity": 3.0, "bits": 1.5, "loss": float("nan"), "sequences": 4}
    path.write_text(json.dumps(result | {"bits": value}))
    assert perplexity._resumed(path, lambda: result) == result


def test_scores_of_documents_are_made_again(damaged, tmp_path):
    path = tmp_path / "scores-00000.npy"
    damaged(path)
    assert study._saved_scores(path, (10, 3)) is None
    for other in (np.zeros((10, 3), int), np.zeros((9, 3)), np.zeros(30), np.zeros((10, 4))):
        np.save(path.with_name("other.npy"), other)
        assert study._saved_scores(path.with_name("other.npy"), (10, 3)) is None
    np.save(path.with_name("good.npy"), np.ones((10, 3)))
    assert study._saved_scores(path.with_name("good.npy"), (10, 3)).sum() == 30


@pytest.fixture
def corpus():
    from rosettalaw.empirical.corpora.corpus import Corpus, Document

    return Corpus("words", [Document(f"{i}", "prose", "the river carries what the mountain lets go " * 3)
                            for i in range(4)])  # fmt: skip


def test_tokens_and_tokenizers_are_made_again(damaged, corpus, tmp_path):
    pytest.importorskip("transformers")
    from rosettalaw.empirical.language.tokenization import prepare

    tokenizer, tokens = prepare(corpus, 270, tmp_path / "whole")
    for name in ("tokens.npy", "tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json"):
        folder = tmp_path / name.replace("/", "-")
        prepare(corpus, 270, folder)
        (folder / name).unlink()
        damaged(folder / name)
        again = prepare(corpus, 270, folder)
        assert (folder / "tokens.npy").read_bytes() == tokens.read_bytes()
        for file in tokenizer.iterdir():
            assert (again[0] / file.name).read_bytes() == file.read_bytes()


def test_weights_are_whole_where_their_file_is_as_long_as_its_head_says(damaged, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    from rosettalaw.empirical.checkpoints.completeness import model_is_whole, weights_are_whole

    path = tmp_path / "model.safetensors"
    safetensors.save_file({"a": np.arange(6.0), "b": np.zeros((2, 3))}, path, {"step": "1"})
    assert weights_are_whole(path)
    assert model_is_whole(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": path.name, "b": "2.st"}}))
    assert not model_is_whole(tmp_path)
    (tmp_path / "model.safetensors.index.json").unlink()
    whole = path.read_bytes()
    for size in (0, 3, 8, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert not weights_are_whole(path)
    path.write_bytes(whole + b"\0")
    assert not weights_are_whole(path)
    path.unlink()
    assert not model_is_whole(tmp_path)
    damaged(path)
    assert not model_is_whole(tmp_path)


def test_speeds_are_measured_again(damaged, tmp_path):
    damaged(tmp_path / "products.json")
    assert not isinstance(choice._saved(tmp_path / "products.json").get("cpu"), float)


def test_facts_of_a_spool_are_none(damaged, tmp_path):
    folder = tmp_path / "spools" / "abc"
    folder.mkdir(parents=True)
    mark(folder, "activations of x on y")
    damaged(folder / "spool.json")
    assert not cached.facts_in(folder / "spool.json").get("finite")
    (item,) = cached.contents(tmp_path)
    assert item.kind == "spools"


def test_networks_of_another_study_are_trained_again(tmp_path, caplog):
    torch = pytest.importorskip("torch")
    from rosettalaw.sims import toy_study
    from rosettalaw.sims.toy import Network, ToyRecipe

    network, recipe = Network(8, 1.5), ToyRecipe()
    path = toy_study._file(tmp_path, 0, recipe, network)
    np.savez(path, encoder=np.zeros((1, 32, 8), np.float32), bias=np.zeros((1, 1, 8), np.float32))
    assert isinstance(toy_study._cached(tmp_path, 0, recipe, network).encoder, torch.Tensor)
    other = [((1, 32, 9), (1, 1, 8)), ((1, 32, 8), (1, 1, 9)), ((2, 32, 8), (1, 1, 8)), ((32, 8), (8,))]
    other += [((1, 12, 8), (1, 1, 8))]
    arrays = [tuple(np.zeros(shape, np.float32) for shape in shapes) for shapes in other]
    arrays += [(np.full((1, 32, 8), np.nan, np.float32), np.zeros((1, 1, 8), np.float32))]
    arrays += [(np.zeros((1, 32, 8)), np.zeros((1, 1, 8)))]
    for encoder, bias in arrays:
        np.savez(path, encoder=encoder, bias=bias)
        caplog.clear()
        with caplog.at_level("INFO", "rosettalaw"):
            assert toy_study._cached(tmp_path, 0, recipe, network) is None
        assert f"{path}: damaged, or not a network of this study; trained again" in caplog.text


def test_damaged_networks_are_trained_again(damaged, tmp_path):
    pytest.importorskip("torch")
    from rosettalaw.sims import toy_study
    from rosettalaw.sims.toy import Network, ToyRecipe

    network, recipe = Network(8, 1.5), ToyRecipe()
    damaged(toy_study._file(tmp_path, 0, recipe, network))
    assert toy_study._cached(tmp_path, 0, recipe, network) is None


def test_an_archive_whose_head_says_fewer_numbers_is_damaged(tmp_path):
    """NumPy reads it without a word: it compares checksums only at the end of an array."""
    path = tmp_path / "a.npz"
    np.savez(path, encoder=np.arange(32_000.0).reshape(1, 32, 1000))
    content = path.read_bytes()
    assert content.count(b"(1, 32, 1000)") == 1
    path.write_bytes(content.replace(b"(1, 32, 1000)", b"(1, 12, 1000)"))
    assert np.load(path)["encoder"].shape == (1, 12, 1000)
    with pytest.raises(ValueError, match="damaged, or no archive of arrays"):
        checksums.arrays_in(path)
    path.write_bytes(content)
    assert checksums.arrays_in(path)["encoder"].shape == (1, 32, 1000)


def test_a_link_to_itself_is_one_message(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    loop(tmp_path / "o.nc")
    loop(tmp_path / "folder")
    assert existing_folder(tmp_path / "o.nc") == tmp_path
    for call in (
        "report {}",
        "fit {}",
        "compare {}",
        "figures {}",
        "forecast {} --neurons 16",
        "sweep --beta 2 --neurons 8 --out {}",  # last: where it can write, it puts a file in the link's place
    ):
        for name in ("o.nc", "folder", "folder/x.nc"):
            with pytest.raises(SystemExit) as ended:
                cli.main(call.format(name).split())
            said = capsys.readouterr().err
            assert ended.value.code in (0, 2), said
            assert "Traceback" not in said


@pytest.mark.parametrize("number", ["EIO", "ELOOP", "EISDIR", "ENOTDIR", "EEXIST", "ENOTEMPTY", "ESTALE"])
def test_whatever_the_system_refuses_is_one_message(number, tmp_path, monkeypatch, capsys):
    import errno

    code = getattr(errno, number)

    def refuse(*arguments, **options):
        raise OSError(code, os.strerror(code), str(tmp_path / "x"))

    monkeypatch.setattr("rosettalaw.validation.counts.read_counts", refuse)
    monkeypatch.setattr("rosettalaw.validation.series_from.counts_of", refuse)
    (tmp_path / "c.csv").write_text("neurons,count\n1,2\n2,3\n")
    with pytest.raises(SystemExit) as ended:
        cli.main(["fit", str(tmp_path / "c.csv")])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: {tmp_path / 'x'}: {os.strerror(code)}\n"


def test_a_cache_that_cannot_be_written_is_one_message_that_names_another(tmp_path, monkeypatch):
    import errno

    from rosettalaw.empirical.checkpoints import claims
    from rosettalaw.errors import RosettaError

    def refuse(*arguments, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(claims.os, "open", refuse)
    with (
        pytest.raises(RosettaError, match=r"one\.lock: .*Read-only file system.*Try: ROSETTALAW_CACHE="),
        claims.claimed(tmp_path / "one"),
    ):
        pass


@pytest.fixture
def read_only(monkeypatch):
    """Refuse every new lock, as a disk does that is mounted to be read alone."""
    import errno

    from_disk = os.open

    def refuse(path, flags, *arguments, **options):
        if str(path).endswith(".lock"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return from_disk(path, flags, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)


def test_what_a_cache_has_is_read_where_it_cannot_be_written(tmp_path, read_only):
    from rosettalaw.empirical.checkpoints.claims import claimed

    whole = tmp_path / "one"
    whole.mkdir()
    with claimed(whole) as mine:
        assert mine
    with claimed(whole, lambda: False) as mine:
        assert not mine
    with pytest.raises(KeyError), claimed(whole):
        raise KeyError("the block's own")
    assert os.listdir(tmp_path) == ["one"]


@pytest.mark.parametrize("code", ["EROFS", "EACCES"])
def test_what_a_cache_that_cannot_be_written_lacks_is_one_message_that_names_another(code, tmp_path, read_only):
    import errno

    from rosettalaw.disk import disk_error
    from rosettalaw.empirical.checkpoints.claims import claimed
    from rosettalaw.errors import RosettaError

    refused = OSError(getattr(errno, code), "refused")
    for error in (refused, disk_error(tmp_path, refused)):
        error.__cause__ = None if error is refused else refused
        with pytest.raises(RosettaError, match=r"one\.lock: .*Try: ROSETTALAW_CACHE="), claimed(tmp_path / "one"):
            pass
        (tmp_path / "one").mkdir(exist_ok=True)
        with pytest.raises(RosettaError, match=r"one\.lock: .*Try: ROSETTALAW_CACHE="), claimed(tmp_path / "one"):
            raise error
        (tmp_path / "one").rmdir()


def test_a_cache_is_used_without_locks(tmp_path, monkeypatch):
    import errno
    import fcntl

    from rosettalaw.empirical.checkpoints.claims import claimed

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with claimed(tmp_path / "one") as mine:
        assert mine
    assert os.listdir(tmp_path) == []


def test_an_option_takes_a_cache_that_cannot_be_written_and_no_such_folder_for_results(tmp_path, monkeypatch):
    from rosettalaw.cli.output import cache_to_use, folder_to_write
    from rosettalaw.errors import InputError

    option = SimpleNamespace(opts=["--cache"])
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert cache_to_use(option, tmp_path) == tmp_path
    for refusing in (lambda: folder_to_write(option, tmp_path), lambda: cache_to_use(option, tmp_path / "new")):
        with pytest.raises(InputError, match="must be in a writable folder"):
            refusing()


def test_facts_are_not_waited_for_in_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "spool.json")
    assert cached.facts_in(tmp_path / "spool.json") == {}


NUMBERS = {
    "none": "{}",
    "words": '{"bits_per_byte": "x"}',
    "a list": '{"bits_per_byte": [1]}',
    "NaN": '{"bits_per_byte": NaN}',
    "huge": '{"bits_per_byte": 1' + 400 * "0" + "}",
    "no object": "[1]",
    "deep": "[" * 10**5,
    "cut": '{"bits',
    "empty": "",
}


@pytest.mark.parametrize("text", NUMBERS.values(), ids=NUMBERS)
def test_a_record_without_its_number_has_none(text, tmp_path):
    """Also of a model that somebody else trained and put a record of that name beside."""
    from rosettalaw.empirical.checkpoints.provenance import model_facts, recorded

    (tmp_path / "training.json").write_text(text)
    assert np.isnan(recorded(tmp_path, "bits_per_byte"))
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert np.isnan(model_facts(str(tmp_path), tokenizer=False).bits_per_byte)
    (tmp_path / "training.json").write_text('{"bits_per_byte": 2.5}')
    assert recorded(tmp_path, "bits_per_byte") == 2.5
