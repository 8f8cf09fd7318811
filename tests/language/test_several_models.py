"""Three checkpoints on one text: one reading of each for all pairs, nulls and runs, and the same pairs as by hand."""

import itertools
import json

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForCausalLM

import rosettalaw as rl
from rosettalaw.empirical import match_models
from rosettalaw.empirical.corpora.texts import open_texts
from rosettalaw.empirical.language.families import ARCHITECTURES
from rosettalaw.empirical.language.opening import open_readers
from rosettalaw.empirical.language.source import TextSource, shared_text, source_of, text_sources
from rosettalaw.empirical.several.several_models import match_several
from rosettalaw.errors import RosettaError
from rosettalaw.results import load

FEW = {"null": "shift:1,untrained:1", "jackknife": 4, "contexts": 1, "tokens": 1500}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ROSETTALAW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def three(checkpoints, tokenizers, tmp_path_factory):
    """Two architectures with tokenizers of their own, and a third network with the first one's tokenizer."""
    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("third") / "wide"
    model = AutoModelForCausalLM.from_config(ARCHITECTURES["gpt2"].config(24, 2, len(tokenizers[0]), 32))
    model.save_pretrained(folder)
    tokenizers[0].save_pretrained(folder)
    return [*map(str, checkpoints.values()), str(folder)]


@pytest.fixture
def text(corpus):
    return [document.text for document in corpus.documents]


@pytest.fixture
def readings(monkeypatch):
    """Names of the models that run over the text, as often as they do."""
    names, pooled = [], TextSource._pooled

    def counting(self, *rest):
        names.append(self.name.rpartition("/")[2])
        return pooled(self, *rest)

    monkeypatch.setattr(TextSource, "_pooled", counting)
    return names


def test_two_models_read_the_text_as_they_did(three, corpus):
    """Aligned as any number of models: the same windows and activations, to the last bit."""
    pair = text_sources(*three[:2], corpus, 800, seed=3)
    text = shared_text(open_readers(three[:2]), corpus, 800, 3)
    assert text.sha256 == pair[0].text.sha256
    for side, reader in enumerate(open_readers(three[:2])):
        one = source_of(reader, text, side)
        np.testing.assert_array_equal(*(np.vstack(list(source.blocks(512))) for source in (one, pair[side])))


def mutual(a, b):
    """Return the mutual nearest neighbours of two arrays in float64, with their correlations."""
    both = np.corrcoef(a.astype(float), b.astype(float), rowvar=False)[: a.shape[1], a.shape[1] :]
    best, back = both.argmax(1), both.argmax(0)
    return {(i, int(j)): both[i, j] for i, j in enumerate(best) if back[j] == i and both[i, j] > 0}


def test_pairs_are_those_of_brute_force_and_each_model_runs_once(three, text, tmp_path, readings):
    result = match_several(three, text=text, out=tmp_path / "all", quiet=True, **FEW)
    trained = [name for name in readings if "untrained" not in name]
    assert sorted(trained) == sorted(path.rpartition("/")[2] for path in three)
    twins = [name for name in readings if "untrained" in name]
    assert len(twins) == len(set(twins)) == 2 * len(three) - 2  # of the middle one two: it stands on both sides
    assert result.runs == len(readings)

    shared = shared_text(open_readers(three), open_texts(text, FEW["tokens"], None), FEW["tokens"], 0)
    assert shared.positions == int(result.recurrence["positions"])
    whole = [
        np.vstack(list(source_of(reader, shared, side).blocks(512))) for side, reader in enumerate(open_readers(three))
    ]
    names = result.recurrence["model"].values.tolist()
    for i, j in itertools.combinations(range(3), 2):
        saved = load(tmp_path / f"all/{names[i]}--{names[j]}.nc", "pairs")
        expected = mutual(whole[i], whole[j])
        places = list(zip(saved["unit_a"].values.tolist(), saved["unit_b"].values.tolist(), strict=True))
        assert set(places) == set(expected)
        np.testing.assert_allclose(saved["correlation"], [expected[one] for one in places], atol=2e-5)
        assert saved.attrs["model_a"] == three[i]
        assert saved.attrs["tokens"] == shared.tokens[i]
        assert int(saved.attrs["contexts"]) == 1  # `view` needs no model

    readings.clear()  # another folder and other options: nothing is read again
    again = match_several(three, text=text, out=tmp_path / "other", quiet=True, **{**FEW, "jackknife": 0})
    assert (readings, again.runs) == ([], 0)
    assert [pair.dataset["raw_count"].item() for pair in again.pairs] == [
        pair.dataset["raw_count"].item() for pair in result.pairs
    ]


def test_a_pair_is_that_of_two_alone_where_the_third_cuts_no_further(three, text, tmp_path):
    """The third model has the tokenizer of the first, so all three are aligned as the first two."""
    match_several(three, text=text, out=tmp_path / "all", quiet=True, **FEW)
    alone = match_models(*three[:2], text=text, quiet=True, **FEW).to_dataset()
    names = [path.rpartition("/")[2] for path in three]
    saved = load(tmp_path / f"all/{names[0]}--{names[1]}.nc", "pairs")
    assert saved.drop_attrs(deep=False).equals(alone.drop_attrs(deep=False))
    for fact in ("revision_a", "revision_b", "tokenizer_a", "tokens", "corpus_sha256", "model_b"):
        assert saved.attrs[fact] == alone.attrs[fact]


def broken_checkpoint(folder, good, how):
    import shutil

    shutil.copytree(good, folder)
    if how == "no tokenizer":
        for file in folder.glob("tokenizer*"):
            file.unlink()
    elif how == "unknown architecture":
        from transformers import FNetConfig

        AutoModel.from_config(FNetConfig(hidden_size=16, num_hidden_layers=1, intermediate_size=32)).save_pretrained(
            folder
        )
    else:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 20, "n_positions": 32}))
    return str(folder)


@pytest.mark.parametrize("how", ["no tokenizer", "unknown architecture", "small table"])
def test_a_bad_third_checkpoint_is_refused_before_any_is_read(three, text, tmp_path, readings, how):
    bad = broken_checkpoint(tmp_path / "bad", three[2], how)
    with pytest.raises(RosettaError, match="bad"):
        match_several([*three[:2], bad], text=text, out=tmp_path / "all", quiet=True, **FEW)
    assert readings == []
    assert not (tmp_path / "all").exists() or not list((tmp_path / "all").iterdir())


def test_models_in_memory_leave_nothing_behind(three, text, tokenizers, cache):
    bodies = [AutoModel.from_pretrained(path) for path in (three[0], three[2])]
    models = {"first": bodies[0], "second": three[1], "third": bodies[1]}
    given = {"text": text, "tokens": 1500, "nulls": {"shift": 1}, "jackknife": 4, "progress": False}
    result = rl.match_several(models, tokenizers=[tokenizers[0], None, tokenizers[0]], **given)
    assert result.models == ["first", "second", "third"]
    saved = match_several(three, text=text, quiet=True, **{**FEW, "null": "shift:1"})
    assert [len(pair.pairs) for pair in result.pairs.values()] == [pair.dataset.sizes["pair"] for pair in saved.pairs]
    abouts = [json.loads(file.read_text())["model"] for file in cache.glob("spools/*/spool.json")]
    assert sorted(abouts) == sorted(three)  # of checkpoints alone


def test_a_killed_reading_resumes_and_finished_ones_stay(three, text, tmp_path, readings, monkeypatch):
    batches = TextSource._batches

    def killed(self):
        for number, batch in enumerate(batches(self)):
            if self.name == three[2] and number == 0:
                raise KeyboardInterrupt
            yield batch

    with monkeypatch.context() as context:
        context.setattr(TextSource, "_batches", killed)
        with pytest.raises(KeyboardInterrupt):
            match_several(three, text=text, out=tmp_path / "all", quiet=True, **FEW)
    readings.clear()
    match_several(three, text=text, out=tmp_path / "all", quiet=True, **FEW)
    assert [name for name in readings if "untrained" not in name] == [three[2].rpartition("/")[2]]


def test_the_disk_is_asked_before_anything_is_read(three, text, tmp_path, readings, monkeypatch):
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(1, 1, 1000))
    with pytest.raises(RosettaError, match="GB are free") as caught:
        match_several(three, text=text, quiet=True, **FEW)
    assert "--spool float16" in str(caught.value)
    assert readings == []
