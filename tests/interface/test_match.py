"""`rosettalaw.match`: the same pairs from every form of input, names that stay, states that stay unchanged."""

import json
import logging

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

import rosettalaw as rl
from rosettalaw.interface.match_result import MatchResult

QUICK = {"nulls": {}, "jackknife": 0, "progress": False}
rng = np.random.default_rng(0)
FEATURES = rng.standard_normal((400, 12))
ORDER = rng.permutation(12)  # where each of A's neurons is in B
A = (FEATURES + 0.2 * rng.standard_normal((400, 12))).astype(np.float32)
B = (FEATURES[:, np.argsort(ORDER)] + 0.2 * rng.standard_normal((400, 12))).astype(np.float32)


@pytest.fixture(scope="module")
def found():
    return rl.match(A, B, nulls={"permute": 2}, progress=False)


def planted(result):
    return dict(zip(result.pairs["neuron_a"], result.pairs["neuron_b"], strict=True)) == dict(enumerate(ORDER))


def test_planted_pairs_are_matched(found):
    assert planted(found)
    assert (found.raw_count, found.calibrated_count) == (12, 12)
    brute = [np.corrcoef(A[:, i].astype(float), B[:, ORDER[i]].astype(float))[0, 1] for i in range(12)]
    np.testing.assert_allclose(found.pairs["correlation"], brute, atol=1e-6)


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x.reshape(8, 50, 12),
        torch.from_numpy,
        lambda x: torch.from_numpy(x).bfloat16(),
        lambda x: {"blocks.0": x[:, :5], "blocks.1": torch.from_numpy(x[:, 5:].copy())},
        pd.DataFrame,
        lambda x: xr.DataArray(x, dims=("token", "neuron")),
    ],
)
def test_other_forms_give_the_same_pairs(form):
    assert planted(rl.match(form(A), B, **QUICK))
    assert planted(rl.match(A, form(B), **QUICK))


def test_files_of_all_kinds_match_each_other(tmp_path):
    np.savez(tmp_path / "a.npz", p=A[:, :5], q=A[:, 5:])
    torch.save(torch.from_numpy(B), tmp_path / "b.pt")
    result = rl.match(tmp_path / "a.npz", str(tmp_path / "b.pt"), **QUICK)
    assert planted(result)
    assert set(result.pairs["layer_a"]) == {"p", "q"}


def test_names_of_layers_and_neurons_are_in_the_result_and_its_file(tmp_path):
    layers = {"blocks.0": A[:, :5], "blocks.1": A[:, 5:]}
    table = pd.DataFrame(B, columns=[f"latent {i}" for i in range(12)], index=[f"s{i}" for i in range(400)])
    result = rl.match(layers, table, out=tmp_path / "pairs.nc", **QUICK)
    pair = result.pairs.loc[7]
    assert (pair.layer_a, pair.unit_a, pair.neuron_a) == ("blocks.1", 2, 7)
    assert pair.name_b == f"latent {ORDER[7]}"
    loaded = rl.load(tmp_path / "pairs.nc")
    assert isinstance(loaded, MatchResult)
    pd.testing.assert_frame_equal(loaded.pairs, result.pairs, check_dtype=False)
    assert repr(loaded) == repr(result)
    chosen = rl.match(layers, table, layers_a=["blocks.1"], **QUICK)
    assert set(chosen.pairs["layer_a"]) == {"blocks.1"}
    with pytest.raises(rl.RosettaError, match="did you mean blocks"):
        rl.match(layers, table, layers_a=["block.1"], **QUICK)


def test_rows_that_do_not_correspond_are_an_error():
    index = [f"s{i}" for i in range(400)]
    a, b = pd.DataFrame(A, index=index), pd.DataFrame(B, index=index)
    assert planted(rl.match(a, b, **QUICK))
    with pytest.raises(rl.InputError, match=r"they are, in another order.*b\.loc\[a\.index\]"):
        rl.match(a, b.sample(frac=1, random_state=0), **QUICK)
    with pytest.raises(rl.InputError, match="400 in b at row 0"):
        rl.match(A, B, samples_a=range(400), samples_b=range(400, 800), **QUICK)


def test_a_result_is_short_and_says_the_numbers(found):
    words = repr(found)
    assert len(words) < 700
    assert "mutual pairs" in words
    assert "12 ± " in words
    assert found.summary() == words
    page = found._repr_html_()
    assert page.count("<tr>") > 10
    assert len(page) < 5000
    assert "and 2 more rows" in page


def test_html_escapes_names():
    evil = "<script>alert(1)</script>"
    page = rl.match({evil: A}, B, **QUICK)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_tables_are_never_silently_empty(found, caplog):
    assert len(found.to_dataframe()) == found.raw_count
    assert list(found.pairs.columns[:6]) == ["layer_a", "unit_a", "layer_b", "unit_b", "correlation", "margin"]
    assert found.pairs["counted"].all()
    with caplog.at_level(logging.WARNING, "rosettalaw"):
        none = rl.match(A[:, :1], -A[:, :1], **QUICK)
        assert len(none.to_dataframe()) == 0
    assert "the table is empty" in caplog.text
    assert list(none.pairs.columns[:2]) == ["layer_a", "unit_a"]
    assert "mutual pairs" in none._repr_html_()


def test_results_are_saved_loaded_and_recorded(found, tmp_path):
    loaded = rl.load(found.save(tmp_path / "p.nc"))
    assert loaded.calibrated_count == found.calibrated_count
    assert loaded["correlation"].values.tolist() == found["correlation"].values.tolist()
    assert json.loads(loaded.attrs["versions"])["numpy"] == np.__version__
    assert loaded.record()["pairs"] == found.record()["pairs"]
    assert loaded.to_dataset().identical(rl.results.load(tmp_path / "p.nc"))


def test_a_figure_in_ones_own_axes(found):
    import matplotlib
    from matplotlib.figure import Figure

    before = dict(matplotlib.rcParams)
    axis = Figure().subplots()
    assert found.plot(axis) is axis
    highest = max(line.get_ydata().max() for line in axis.get_lines() if len(line.get_ydata()) > 2)
    assert highest == 12
    assert dict(matplotlib.rcParams) == before


def test_progress_is_reported_to_a_callable_which_may_end_the_run():
    steps = []
    rl.match(A, B, nulls={}, jackknife=0, progress=lambda *step: steps.append(step))
    assert steps[-1][1] == steps[-1][2] > 0
    assert steps[0][1] == 0

    class Enough(Exception):
        pass

    def stop(description, done, total):
        if done:
            raise Enough

    with pytest.raises(Enough):
        rl.match(A, B, nulls={}, jackknife=0, progress=stop)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k = 0: must be at least 1. Try: k=1"),
        ({"context": 9}, r"context = '9': applies to checkpoints"),
        ({"text": ["x"]}, "text = 'list': applies to checkpoints"),
        ({"tokenizer_a": "x"}, "tokenizer_a = 'str': must be given only with a loaded model"),
        ({"quiet": True}, r"quiet = True: has the name progress here\. Try: match\(a, b, progress=False\)"),
        ({"nosuch": 1}, "unknown argument of match 'nosuch'"),
        ({"tokenizer": 1}, "unknown argument of match 'tokenizer': did you mean tokenizer_b or tokenizer_a"),
        ({"samples_b": [1, 2]}, "must be one for each of the 400 positions"),
        ({"documents": [1, 2]}, "documents"),
        ({"q": 2}, r"q = 2: must be between 0 and 1\. Try: q=0\.05"),
    ],
)
def test_messages_speak_python(arguments, message):
    with pytest.raises(rl.RosettaError, match=message) as refused:
        rl.match(A, B, **{"progress": False, "nulls": {}, **arguments})
    assert "--" not in str(refused.value)


def test_several_models_have_progress_and_not_quiet():
    with pytest.raises(rl.RosettaError, match=r"has the name progress here\. Try: match_several"):
        rl.match_several([A, B, A + B], quiet=True)


@pytest.mark.parametrize(
    ("turned", "example"),
    [
        (lambda: (A, B[:40].T), "Try: b.T, if its rows are neurons"),
        (lambda: (A[:40].T, B), "Try: a.T, if its rows are neurons"),
        (lambda: (A, B[:-1]), "Try: rows of the same inputs, shown to both models"),
    ],
)
def test_rows_that_do_not_correspond_name_the_array_to_transpose(turned, example):
    with pytest.raises(rl.InputError, match="must be equal") as refused:
        rl.match(*turned(), **QUICK)
    assert str(refused.value).endswith(example)


def test_both_arrays_on_their_side_are_noticed(capsys):
    rl.match(A.T, B.T, **QUICK)
    assert "a: 12 positions of 400 neurons; rows are positions" in capsys.readouterr().err
    rl.match(A, B, **QUICK)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("ending", "example"), [(".csv", "pandas.read_csv('a.csv')"), (".pkl", "numpy.save('a.npy'")])
def test_a_file_of_another_kind_is_named(tmp_path, ending, example):
    path = tmp_path / f"mine{ending}"
    path.write_text("1,2\n")
    for sides in ((path, B), (str(path), str(path))):
        with pytest.raises(rl.InputError, match="is neither a file of activations, which end in") as refused:
            rl.match(*sides, **QUICK)
        assert str(path) in str(refused.value)
        assert example in str(refused.value)


def test_an_array_beside_a_model_is_refused(tmp_path):
    with pytest.raises(rl.InputError, match="must be two files of activations or two checkpoints") as refused:
        rl.match(A, str(tmp_path), **QUICK)
    assert str(refused.value).endswith("Try: rosettalaw.match('a.npy', 'b.npy')")
