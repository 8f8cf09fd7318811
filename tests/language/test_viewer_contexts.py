"""Contexts of matched neurons on the page, against brute force over all activations; and the command for it."""

import itertools
import json
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rosettalaw import cli
from rosettalaw.empirical.corpora.corpus import open_text
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.empirical.two_models import match_models
from rosettalaw.empirical.viewer.items import LEVELS
from rosettalaw.empirical.viewer.language_page import write_viewer
from rosettalaw.empirical.viewer.saved_contexts import keeps
from rosettalaw.empirical.viewer.text_pairs import AROUND, apart, text_pairs
from rosettalaw.errors import ForeignFileError, InputError
from rosettalaw.interface.match_result import MatchResult
from rosettalaw.results import load, save

UNITS = ([3, 70, 127], [100, 5, 64])


@pytest.fixture(scope="module")
def pair(checkpoints, corpus):
    return text_sources(checkpoints["gpt2"], checkpoints["gpt_neox"], corpus, tokens=3000, seed=1)


@pytest.fixture(scope="module")
def shown(pair):
    return text_pairs(pair, UNITS, [0.9, -0.5, 0.1], contexts=5, quiet=True)


@pytest.fixture(scope="module")
def z(pair):
    """Return every neuron's activations in standard deviations from its mean, in float64."""
    rows = [np.concatenate(list(source.blocks(10_000))).astype(float) for source in pair]
    return [(x - x.mean(0)) / x.std(0) for x in rows]


def strongest(values, number):
    """Return positions by falling activation, none within the context of one before."""
    chosen = []
    for position in np.argsort(-values, kind="stable"):
        if len(chosen) < number and all(abs(position - other) > AROUND for other in chosen):
            chosen.append(int(position))
    return chosen


def test_contexts_are_the_strongest_that_lie_apart(pair, shown, z):
    text = pair[0].text
    for drawn, *units in zip(shown, *UNITS, strict=True):
        for side, unit in enumerate(units):
            expected = strongest(z[side][:, unit], 5)
            assert len(drawn.top[side]) == 5
            for place, position in zip(drawn.top[side], expected, strict=True):
                context = drawn.contexts[place]
                number, start, end = text.locate(position)
                assert context.name == text.corpus.documents[number].name
                assert context.spans[context.peak] == text.corpus.documents[number].text[start:end]
                for other in (0, 1):
                    assert context.z[other] == pytest.approx(z[other][position, units[other]], abs=1e-4)


def test_neighbours_of_a_stronger_position_are_left_out():
    found = np.array([100, 100 + AROUND, 99, 101 + AROUND, 99 - AROUND, 500, -1])
    assert apart(found, 9) == [100, 101 + AROUND, 99 - AROUND, 500]
    assert apart(found, 2) == [100, 101 + AROUND]


def test_heat_is_the_share_of_each_partners_strongest(pair, shown, z):
    text = pair[0].text
    starts = np.cumsum([0, *(window.positions for window in text.windows)])
    for drawn, *units in zip(shown, *UNITS, strict=True):
        positions = sorted({p for side in (0, 1) for p in strongest(z[side][:, units[side]], 5)})
        assert len(drawn.contexts) == len(positions)
        for context, position in zip(drawn.contexts, positions, strict=True):
            window = int(np.searchsorted(starts, position, side="right")) - 1
            begin = max(position - AROUND, starts[window])
            end = min(position + AROUND + 1, starts[window + 1])
            assert context.peak == position - begin
            edges = text.windows[window].spans[begin - starts[window] : end - starts[window] + 1]
            document = text.corpus.documents[text.windows[window].document].text
            assert list(context.spans) == [document[i:j] for i, j in itertools.pairwise(edges)]
            for side in (0, 1):
                values = z[side][:, units[side]]
                expected = LEVELS * np.clip(values[begin:end] / values.max(), 0, 1)
                np.testing.assert_allclose(context.heat[side], expected, atol=0.5 + 1e-4)


def test_pairs_name_layers_units_and_correlations(shown):
    assert [drawn.neurons for drawn in shown] == [((0, 3), (1, 36)), ((1, 6), (0, 5)), ((1, 63), (1, 0))]
    assert [drawn.correlation for drawn in shown] == [0.9, -0.5, 0.1]


# ---------------------------------------------------------------------------------------------------------------------
# The command


def run(*arguments):
    with pytest.raises(SystemExit) as left:
        cli.main([str(argument) for argument in arguments])
    return left.value.code


def data_of(path):
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text(), re.S)[1])


def test_from_a_saved_matching_and_from_two_checkpoints(checkpoints, corpus, tmp_path, capsys):
    lines = [json.dumps({"text": d.text, "meta": {"pile_set_name": d.domain}}) for d in corpus.documents]
    (tmp_path / "text.jsonl").write_text("\n".join(lines))
    models = [checkpoints["gpt2"], checkpoints["gpt_neox"]]
    text = ["--text", tmp_path / "text.jsonl", "--tokens", 1500]
    saved = tmp_path / "pairs.nc"
    assert run("match", *models, *text, "--jackknife", 0, "--null-permutations", 1, "--out", saved, "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert run("view", saved, "--out", tmp_path / "saved.html", "--limit", 7) == 0
    assert run("view", *models, *text, "--out", tmp_path / "matched.html", "--limit", 7, "--contexts", 5) == 0
    assert str(tmp_path / "matched.html") in capsys.readouterr().out
    one, other = (data_of(tmp_path / f"{name}.html") for name in ("saved", "matched"))
    assert one["pairs"] == other["pairs"]
    assert one["models"] == [str(model) for model in models]
    sizes = sorted((abs(rho) for _, _, rho in record["pairs"]), reverse=True)[:7]
    assert [abs(pair["rho"]) for pair in one["pairs"]] == pytest.approx(sizes, abs=5e-5)
    assert {name for pair in one["pairs"] for name, _ in pair["domains"]} <= {"a", "b"}


def test_what_cannot_be_viewed(checkpoints, tmp_path):
    with pytest.raises(InputError, match="must be a result"):
        write_viewer(str(checkpoints["gpt2"]), None, tmp_path / "x.html")
    with pytest.raises(InputError, match="names both checkpoints"):
        write_viewer("pairs.nc", "b", tmp_path / "x.html")
    (tmp_path / "foreign.nc").write_bytes(b"no result")
    with pytest.raises(ForeignFileError, match="not a readable netCDF result"):
        write_viewer(str(tmp_path / "foreign.nc"), None, tmp_path / "x.html")
    for name, seed in (("a", 0), ("b", 1)):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(seed).standard_normal((64, 5)).astype(np.float32))
    assert run("match", tmp_path / "a.npy", tmp_path / "b.npy", "--out", tmp_path / "arrays.nc", "--jackknife", 0) == 0
    with pytest.raises(InputError, match="was matched from files of activations"):
        write_viewer(str(tmp_path / "arrays.nc"), None, tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()


def test_pickled_models_are_viewed_on_request(checkpoints, tmp_path):
    import shutil

    import torch
    from safetensors.torch import load_file

    folder = shutil.copytree(checkpoints["gpt2"], tmp_path / "model")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    (tmp_path / "text.txt").write_text("The river carries what the mountain lets go. " * 60)
    arguments = [folder, checkpoints["gpt2"], "--text", tmp_path / "text.txt", "--tokens", 300, "--limit", 2]
    assert run("view", *arguments, "--out", tmp_path / "v.html") == 2
    assert run("view", *arguments, "--out", tmp_path / "v.html", "--allow-pickle-weights") == 0
    assert len(data_of(tmp_path / "v.html")["pairs"]) == 2


# ---------------------------------------------------------------------------------------------------------------------
# Contexts that the matching keeps


@pytest.fixture(scope="module")
def kept(checkpoints, corpus, tmp_path_factory):
    """A matching of two checkpoints that keeps three contexts of each neuron, and one that keeps none."""
    folder = tmp_path_factory.mktemp("kept")
    lines = [json.dumps({"text": d.text, "meta": {"pile_set_name": d.domain}}) for d in corpus.documents]
    (folder / "text.jsonl").write_text("\n".join(lines))
    for name, contexts in (("with", 3), ("without", 0)):
        match_models(
            str(checkpoints["gpt2"]), str(checkpoints["gpt_neox"]), text=folder / "text.jsonl", tokens=700,
            jackknife=2, null="shift:1", contexts=contexts, out=folder / f"{name}.nc", quiet=True,
        )  # fmt: skip
    return folder


def test_a_result_that_keeps_contexts_needs_no_model(kept, tmp_path, monkeypatch):
    for number in (1, 2, 3):
        write_viewer(str(kept / "without.nc"), None, tmp_path / "read.html", 7, number, quiet=True)
        with monkeypatch.context() as closed:
            closed.setattr("rosettalaw.empirical.language.source.text_sources", None)
            write_viewer(str(kept / "with.nc"), None, tmp_path / "kept.html", 7, number, quiet=True)
        read, from_file = (data_of(tmp_path / f"{name}.html") for name in ("read", "kept"))
        assert from_file["pairs"] == read["pairs"]
        assert {len(side) for pair in from_file["pairs"] for side in pair["top"]} == {number}
        assert {key: from_file["facts"][key] for key in from_file["facts"]} == read["facts"]


def test_a_result_that_keeps_contexts_is_shown_without_arrays_of_dask(kept, tmp_path):
    program = (
        "import sys\nfrom rosettalaw.empirical.viewer.language_page import write_viewer\n"
        "write_viewer(sys.argv[1], None, sys.argv[2], 7, 2, quiet=True)\nsys.exit('dask.array' in sys.modules)"
    )
    page = tmp_path / "kept.html"
    done = subprocess.run([sys.executable, "-c", program, kept / "with.nc", page], check=False)
    assert done.returncode == 0
    assert len(data_of(page)["pairs"]) == 7


def test_numbers_of_a_matching_are_the_same_with_contexts(kept):
    one, other = load(kept / "with.nc"), load(kept / "without.nc")
    assert one.attrs["contexts"] == 3
    assert "context_pair" not in other
    for name in other.data_vars:
        np.testing.assert_array_equal(one[name].values, other[name].values)


def test_models_are_read_again_where_a_result_keeps_too_little(kept, tmp_path, capsys):
    for name, number, reason in (
        ("without", None, "has no contexts"),
        ("with", 4, "has 3 contexts per neuron"),
    ):
        write_viewer(str(kept / f"{name}.nc"), None, tmp_path / "v.html", 2, number)
        assert reason in " ".join(capsys.readouterr().err.split())
        shown = data_of(tmp_path / "v.html")["pairs"]
        assert {len(side) for pair in shown for side in pair["top"]} == {number or 8}


def test_contexts_of_the_strongest_pairs_alone_are_kept(kept, tmp_path, monkeypatch):
    result = load(kept / "with.nc")
    order = np.argsort(-result["correlation"].values)
    assert keeps(result, order, None)
    assert keeps(result, order[:5], 3)
    assert not keeps(result, order[:5], 4)
    few = result.isel(context=np.isin(result["context_pair"].values, order[:5]))
    assert keeps(few, order[:5], 3)
    assert not keeps(few, order[:6], 3)


def test_tables_of_pairs_have_the_strongest_spans(kept, tmp_path):
    """Of both partners, highest first, as the page shows them; in CSV and Parquet too."""
    write_viewer(str(kept / "with.nc"), None, tmp_path / "v.html", 1000, quiet=True)
    pairs = MatchResult(load(kept / "with.nc")).pairs
    shown = {(*pair["neurons"][0], *pair["neurons"][1]): pair for pair in data_of(tmp_path / "v.html")["pairs"]}
    assert len(shown) == len(pairs)
    for row in pairs.to_dict("records"):
        pair = shown[tuple(row[name] for name in ("layer_a", "unit_a", "layer_b", "unit_b"))]
        for side, spans in enumerate((row["spans_a"], row["spans_b"])):
            contexts = [pair["contexts"][place] for place in pair["top"][side]]
            peaks = [context["spans"][context["peak"]] for context in contexts]
            assert spans == " | ".join(peak.strip() or repr(peak) for peak in peaks)
    pairs.to_csv(tmp_path / "p.csv", index=False)
    pairs.to_parquet(tmp_path / "p.parquet")
    for again in (pd.read_csv(tmp_path / "p.csv", keep_default_na=False), pd.read_parquet(tmp_path / "p.parquet")):
        assert again["spans_b"].tolist() == pairs["spans_b"].tolist()
    assert not {"spans_a", "spans_b"} & set(MatchResult(load(kept / "without.nc")).pairs)
    some = load(kept / "with.nc")
    some = some.isel(context=some["context_pair"].values == 1)
    assert [bool(one) for one in MatchResult(some).pairs["spans_a"]][:3] == [False, True, False]


def test_a_result_says_how_its_text_was_read(checkpoints, kept, tmp_path):
    """Tokens asked for and read, windows, documents; and the page's text is read as the matching read it."""
    pair = [str(checkpoints[name]) for name in ("gpt2", "gpt_neox")]
    options: Any = {
        "text": kept / "text.jsonl",
        "tokens": 250,
        "context": 20,
        "null": "none",
        "jackknife": 0,
        "contexts": 0,
    }
    result = match_models(*pair, **options, out=tmp_path / "m.nc", quiet=True)
    sources = text_sources(*pair, open_text(kept / "text.jsonl"), 250, context=20)
    text, attrs = sources[0].text, load(tmp_path / "m.nc").attrs
    read = [0] * len(text.corpus.documents)
    for window in text.windows:
        read[window.document] += int(window.spans[-1]) - int(window.spans[0])
    cut = sum(one < len(document.text) for one, document in zip(read, text.corpus.documents, strict=True))
    expected = {"tokens": text.tokens[0], "tokens_asked": 250, "context": 20, "windows": len(text.windows)}
    expected |= {"documents_read": len(read), "documents_cut": cut}
    assert {name: attrs[name] for name in expected} == expected
    assert attrs["tokens"] > 250
    assert cut > 0
    assert result.provenance.items() >= expected.items()
    write_viewer(str(tmp_path / "m.nc"), None, tmp_path / "again.html", 5, 2, quiet=True)
    match_models(*pair, **options | {"contexts": 2}, out=tmp_path / "kept.nc", quiet=True)
    write_viewer(str(tmp_path / "kept.nc"), None, tmp_path / "kept.html", 5, 2, quiet=True)
    again, saved = (data_of(tmp_path / f"{name}.html")["pairs"] for name in ("again", "kept"))
    assert again == saved


def test_a_damaged_context_is_refused(kept, tmp_path):
    result = load(kept / "with.nc")
    for name, value in (("heat_a", 16), ("context_pair", 10**6), ("context_spans", 0), ("span_bytes", 10**6)):
        damaged = result.copy(deep=True)
        damaged[name].values[0] = value if np.iinfo(damaged[name].dtype).max >= value else 255
        save(damaged, tmp_path / "damaged.nc")
        with pytest.raises(ForeignFileError, match=r"damaged\.nc: "):
            write_viewer(str(tmp_path / "damaged.nc"), None, tmp_path / "x.html", quiet=True)
