"""Measuring ladders of given checkpoints: every variable against the definitions, resumption, anchors, bad files."""

import json
import re

import numpy as np
import pytest
import torch
from scipy import stats
from transformers import AutoModelForCausalLM

from rosettalaw.empirical.calibration import calibrate
from rosettalaw.empirical.checkpoints import hub
from rosettalaw.empirical.config import Measurement
from rosettalaw.empirical.ladder import measure as module
from rosettalaw.empirical.ladder.measure import measure_ladder
from rosettalaw.empirical.ladder.models import ModelLadder, ModelRung, open_checkpoint_ladder
from rosettalaw.empirical.language.families import ARCHITECTURES
from rosettalaw.empirical.language.snippets import KeptText
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.viewer.language_page import write_viewer
from rosettalaw.empirical.viewer.text_pairs import AROUND, apart
from rosettalaw.errors import ForeignFileError, InputError, MissingFileError, RosettaError, UnknownNameError
from rosettalaw.results import load, save
from rosettalaw.vocabulary import variable

PLAN = Measurement(tokens=2500, permutations=3, untrained=2, partners=(2, 5), data_sizes=3, contexts=6, control=20)


@pytest.fixture(scope="module")
def twins(checkpoints, tmp_path_factory):
    """The GPT-2 checkpoint, a noisy copy of it, and a smaller pair, so that some neurons are Rosetta Neurons."""
    root = tmp_path_factory.mktemp("twins")
    folders = {"large-a": checkpoints["gpt2"], "other": checkpoints["gpt_neox"]}
    tokenizer = hub.open_tokenizer(checkpoints["gpt2"])
    torch.manual_seed(1)
    small = AutoModelForCausalLM.from_config(ARCHITECTURES["gpt2"].config(8, 2, len(tokenizer), 32))
    large = AutoModelForCausalLM.from_pretrained(checkpoints["gpt2"])
    for name, model, noise in (("small-a", small, 0.0), ("small-b", small, 0.5), ("large-b", large, 0.5)):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += noise * parameter.std() * torch.randn_like(parameter)
        folders[name] = root / name
        model.save_pretrained(folders[name])
        tokenizer.save_pretrained(folders[name])
    return {name: str(folder) for name, folder in folders.items()}


@pytest.fixture(scope="module")
def ladder(twins, corpus):
    rungs = (ModelRung((twins["small-a"], twins["small-b"])), ModelRung((twins["large-a"], twins["large-b"])))
    return ModelLadder("twins", ("one", "two"), rungs, corpus, corpus.sha256, PLAN)


@pytest.fixture(scope="module")
def measured(ladder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured")
    return measure_ladder(ladder, folder, quiet=True), folder


@pytest.fixture(scope="module")
def by_hand(ladder):
    """The larger rung, matched and calibrated here."""
    a, b = text_sources(*ladder.rungs[1].models, ladder.corpus, PLAN.tokens, PLAN.seed)
    matches = match(a, b, nulls={"permute": 3, "untrained": 2}, seed=PLAN.seed, quiet=True)
    return a, b, matches, matches.nulls, calibrate(matches.correlation, matches.nulls)


def test_counts_are_those_of_the_matching(measured, by_hand):
    ds, (_, _, matches, nulls, calibration) = measured[0].isel(rung=1), by_hand
    assert calibration.count > 10
    assert ds["raw_count"] == matches.count
    assert (ds["calibrated_count"], ds["threshold"]) == (calibration.count, calibration.threshold)
    assert (ds["neurons"], ds["neurons_a"]) == (128, 128)
    for kind, draws in nulls.items():
        for name, counts in (
            (f"{kind}_raw", [len(draw) for draw in draws]),
            (f"{kind}_above_threshold", [np.sum(draw >= calibration.threshold) for draw in draws]),
        ):
            assert ds[name] == np.mean(counts)
            expected = stats.ttest_1samp(counts, 0).confidence_interval(0.95) if np.std(counts) else [counts[0]] * 2
            assert (float(ds[f"{name}_low"]), float(ds[f"{name}_high"])) == pytest.approx(
                (max(expected[0], 0), expected[1])
            )


def test_other_k_are_matchings_with_that_k(measured, by_hand):
    ds, (a, b, *_) = measured[0].isel(rung=1), by_hand
    assert ds["k"].values.tolist() == [1, 2, 5]
    for k in (2, 5):
        matches = match(a, b, k=k, nulls={"permute": 3, "untrained": 2}, jackknife_blocks=0, quiet=True)
        nulls, calibration = matches.nulls, matches.calibrate()
        here = ds.sel(k=k)
        assert (here["k_raw_count"], here["k_calibrated_count"]) == (matches.count, calibration.count)
        assert here["k_untrained_raw"] == np.mean([len(draw) for draw in nulls["untrained"]])
    assert ds["k_calibrated_count"][0] == ds["calibrated_count"]


def test_fewer_data_are_nested(measured, by_hand):
    ds, (a, b, matches, *_) = measured[0], by_hand
    positions = ds["size_positions"].values
    assert positions[-1] == a.positions
    np.testing.assert_allclose(positions[1:] / positions[:-1], 10**0.5, rtol=0.01)
    assert ds["size_raw_count"][-1] == matches.count
    x, y = (np.concatenate(list(source.blocks(4096)))[: positions[1]] for source in (a, b))
    rho = np.corrcoef(x.T, y.T)[:128, 128:]
    pairs = {(u, v) for u in range(128) if rho[:, (v := int(rho[u].argmax()))].argmax() == u and rho[u, v] > 0}
    whole = set(zip(matches.unit_a.tolist(), matches.unit_b.tolist(), strict=True))
    assert ds["size_raw_count"][1] == len(pairs)
    assert ds["size_raw_overlap"][2] == pytest.approx(len(pairs & whole) / len(pairs | whole))
    assert np.isnan(ds["size_raw_overlap"][0])


def test_the_rosetta_set_and_its_comparison(measured, by_hand):
    ds, (a, _, matches, _, calibration) = measured[0], by_hand
    here = (ds["neuron_rung"] == 1) & (ds["neuron_side"] == 0)
    member = ds["rosetta"].values[here.values].astype(bool)
    assert set(np.flatnonzero(member)) == set(matches.unit_a[matches.correlation >= calibration.threshold])
    np.testing.assert_array_equal(ds["neuron_layer"].values[here.values], a.layer)
    x = np.concatenate(list(a.blocks(4096))).astype(float)
    kurtosis = ds["activation_kurtosis"].values[here.values]
    np.testing.assert_allclose(kurtosis, stats.kurtosis(x), rtol=1e-4)
    chances = []
    for layer in (0, 1):
        group, others = (kurtosis[(a.layer == layer) & chosen] for chosen in (member, ~member))
        chances += [np.mean(others < value) for value in group]
    found = ds.isel(rung=1).sel(side="a", measure="activation_kurtosis")
    assert found["superiority"] == pytest.approx(np.mean(chances))
    assert found["selectivity_rosetta"] == pytest.approx(kurtosis[member].mean(), rel=1e-6)
    interval = stats.ttest_1samp(kurtosis[~member].astype(float), 0).confidence_interval(0.95)
    assert (found["selectivity_other_low"], found["selectivity_other_high"]) == pytest.approx(tuple(interval), rel=1e-6)
    written = ds["output_kurtosis"].values[here.values]
    model = AutoModelForCausalLM.from_pretrained(a.name)
    vectors = model.lm_head.weight.detach().double().numpy()
    weight = model.transformer.h[1].mlp.c_proj.weight.detach().double().numpy()[3]
    cosine = vectors @ weight / np.linalg.norm(vectors, axis=1) / np.linalg.norm(weight)
    assert written[64 + 3] == pytest.approx(stats.kurtosis(cosine), rel=1e-4)


def test_documents_and_depth(measured, by_hand):
    ds, (a, _, matches, _, calibration) = measured[0].isel(rung=1), by_hand
    assert ds["category"].values.tolist() == ["a", "b"]
    domain = np.array([a.text.corpus.documents[w.document].domain for w in a.text.windows])
    domain = np.repeat(domain, [w.positions for w in a.text.windows])
    units = np.unique(matches.unit_a[matches.correlation >= calibration.threshold])
    top = np.argsort(-np.concatenate(list(a.blocks(4096)))[:, units], axis=0, kind="stable")[:6]
    expected = np.mean(domain[top] == "b") / np.mean(domain == "b")
    assert ds["firing_rosetta"].sel(side="a", category="b") == pytest.approx(expected)
    assert float((ds["firing_rosetta"] * ds["category_share"]).sel(side="a").sum()) == pytest.approx(1)
    assert ds["firing_control_draw"].shape == (2, 3, 2)
    layers = a.layer[units]
    shares = ds["depth_share"].sel(side="a").values
    assert (shares[0], shares[11]) == pytest.approx((np.mean(layers == 0), np.mean(layers == 1)))


@pytest.mark.parametrize("rung", [0, 1])
def test_every_neurons_top_contexts_come_with_their_text(measured, ladder, rung):
    ds = measured[0]
    sources = text_sources(*ladder.rungs[rung].models, ladder.corpus, PLAN.tokens, PLAN.seed)
    kept, text = KeptText(ds), sources[0].text
    values = [np.concatenate(list(source.blocks(4096))).astype(float) for source in sources]
    for side, neuron in ((0, 5), (1, 40)):
        here = np.flatnonzero((ds["neuron_rung"] == rung) & (ds["neuron_side"] == side))[neuron]
        active = values[side][:, neuron]
        assert float(ds["activation_mean"][here]) == pytest.approx(active.mean(), rel=1e-5, abs=1e-7)
        assert float(ds["activation_deviation"][here]) == pytest.approx(active.std(), rel=1e-5)
        order = np.argsort(-active, kind="stable")[:6]
        for one, position in zip(kept.of(int(here)), order, strict=True):
            number, start, end = text.locate(int(position))
            document = text.corpus.documents[number]
            around = document.text[max(0, start - 60) : start], document.text[start:end], document.text[end : end + 60]
            assert (one.before, one.span, one.after) == around
            assert (one.document, one.domain) == (document.name, document.domain)
            assert one.activation == pytest.approx(active[position], rel=1e-5)


def test_the_defaults_are_the_papers():
    """Section 4.1, appendices C and E: tokens, draws of each null, contexts, random other neurons and their draws."""
    plan = Measurement()
    assert (plan.tokens, plan.permutations, plan.untrained) == (10_000_000, 3, 3)
    assert (plan.contexts, plan.control, plan.control_draws) == (20, 1000, 3)


def test_a_second_run_reads_the_rungs_back(ladder, measured, monkeypatch):
    monkeypatch.setattr(module, "measure_rung", lambda *_: pytest.fail("measured again"))
    again = measure_ladder(ladder, measured[1], quiet=True)
    assert again.drop_attrs().identical(measured[0].drop_attrs())
    rung = load(sorted(measured[1].iterdir())[1], "rung")
    assert rung["top_position"].shape == (256, 6)


def test_the_result_explains_itself(measured):
    ds = measured[0]
    missing = [name for name in ds.variables if variable(str(name)) is None and name not in ("model_a", "model_b")]
    assert not [name for name in missing if not str(name).startswith(("context_", "null_"))], missing
    assert len(str(ds["revision_a"].values[0])) == len(str(ds["tokenizer_b"].values[1])) == 64
    assert json.loads(ds.attrs["measurement"])["partners"] == [2, 5]
    rung = load(sorted(measured[1].iterdir())[0], "rung")
    for attrs in (ds.attrs, rung.attrs):
        assert {"corpus_sha256", "versions", "command", "seed", "grouping", "measurement"} <= set(attrs)
    assert {"revision_a", "revision_b", "tokenizer_a", "tokenizer_b", "model_a", "model_b"} <= set(rung.attrs)


def test_three_families_share_anchors(twins, corpus):
    """Anchors are neurons of the first model with a partner in both others, counted here from the saved pairs."""
    rung = ModelRung((twins["large-a"], twins["large-b"], twins["other"]))
    plan = Measurement(tokens=1500, permutations=2, untrained=1, partners=(), data_sizes=1)
    ladder = ModelLadder("three", ("one", "two", "three"), (rung,), corpus, corpus.sha256, plan)
    ds = measure_ladder(ladder, quiet=True).isel(rung=0)
    matched = []
    for i, other in enumerate(rung.models[1:]):
        sources = text_sources(rung.models[0], other, corpus, plan.tokens, plan.seed)
        matches = match(*sources, nulls={}, jackknife_blocks=0, quiet=True)
        bar = float(ds["comparison_threshold"][i])
        matched.append([set(matches.unit_a), set(matches.unit_a[matches.correlation >= bar])])
        assert ds["comparison_raw_count"][i] == matches.count
    assert ds["anchor_raw_count"] == len(matched[0][0] & matched[1][0]) > 0
    assert ds["anchor_calibrated_count"] == len(matched[0][1] & matched[1][1])
    assert ds["anchor_raw_by_chance"] == pytest.approx(len(matched[0][0]) * len(matched[1][0]) / 128)
    assert ds["raw_count"] == ds["comparison_raw_count"][0]
    assert ds["comparison_model"].values.tolist() == ["large-b", "gpt_neox"]


FILE = """
name = "mine"
text = "text"
[measurement]
tokens = 500
permutations = 2
untrained = 0
data_sizes = 1
[[rung]]
models = ["a", "b"]
"""


def write(folder, change=("", "")):
    (folder / "text").mkdir(exist_ok=True)
    (folder / "text/one.txt").write_text("words " * 400)
    (folder / "ladder.toml").write_text(FILE.replace(*change, 1))
    return folder / "ladder.toml"


def test_a_missing_checkpoint_names_its_rung_and_leaves_the_others(twins, corpus, tmp_path):
    good, bad = (
        ModelRung((twins["small-a"], twins["small-b"])),
        ModelRung((str(tmp_path), twins["other"]), label="N = 7"),
    )
    plan = Measurement(tokens=500, permutations=2, untrained=0, partners=(), data_sizes=1)
    out = tmp_path / "rungs"
    ladder = ModelLadder("m", ("a", "b"), (good, bad), corpus, corpus.sha256, plan)
    with pytest.raises(RosettaError, match=r"rung 2 \(N = 7\): .*no config.json.*Finished rungs are saved"):
        measure_ladder(ladder, out, quiet=True)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')  # it opens now, but has no tokenizer
    with pytest.raises(RosettaError, match=r"rung 2 \(N = 7\): .*Finished rungs are saved"):
        measure_ladder(ladder, out, quiet=True)
    assert len(list(out.iterdir())) == 1


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (("models", "model"), UnknownNameError, "did you mean models"),
        (('["a", "b"]', '["a"]'), InputError, "a rung compares at least two. Try: models = "),
        (('["a", "b"]', "7"), InputError, r"models = 7: must be text in quotes. Try: models = \[\"Eleuther"),
        (('models = ["a", "b"]', ""), ForeignFileError, "lacks the entry 'models'"),
        (("tokens = 500", "tokens = 0"), InputError, "must be at least 1"),
        (("permutations = 2", "permutations = 0\nshift = 0\ndocuments = 0"), InputError, "a count needs a null"),
        (('text = "text"', ""), InputError, r"ladder.toml: text = .*does not name a text, .*--text. Try: text = "),
        (('text = "text"', 'text = "none"'), MissingFileError, "none: no such text"),
        (('text = "text"', 'text = "text"\ncategories = "x.csv"'), MissingFileError, "no such file of categories"),
        (("[measurement]", "[measurement"), ForeignFileError, "not a TOML file"),
        (('["a", "b"]', '["a", "b"]\npatterns = ["x"]'), InputError, "must be one for each of the 2 models"),
        (
            ('["a", "b"]', '["a", "b"]\n[[rung]]\nmodels = ["a", "b", "c"]'),
            InputError,
            "of rung 2 must be as many models as those of rung 1, 2",
        ),
    ],
)
def test_bad_ladder_files(tmp_path, change, kind, message):
    with pytest.raises(kind, match=message):
        open_checkpoint_ladder(write(tmp_path, change))


def test_folders_are_looked_for_beside_the_file(tmp_path):
    (tmp_path / "a").mkdir()
    ladder = open_checkpoint_ladder(write(tmp_path))
    assert ladder.rungs[0].models == (str(tmp_path / "a"), "b")
    assert ladder.families == ("model A", "model B")
    assert ladder.corpus.size == 6 * 400
    with pytest.raises(MissingFileError, match="no such ladder file"):
        open_checkpoint_ladder(tmp_path / "none.toml")


@pytest.mark.parametrize("joined", [False, True])
def test_a_measurement_is_viewed_without_its_models(measured, by_hand, tmp_path, monkeypatch, joined):
    """Texts and activations of the largest rung's pairs, against both models' activations."""
    a, b, matches, *_ = by_hand
    path = save(measured[0], tmp_path / "results.nc") if joined else sorted(measured[1].iterdir())[1]
    monkeypatch.setattr(hub, "open_model", lambda *_, **__: pytest.fail("a model was opened"))
    written = write_viewer(str(path), None, tmp_path / "x.html", limit=7, contexts=3)
    page = json.loads(re.search(r'id="data">(.*?)</script>', written.read_text(), re.S)[1])
    best = np.argsort(-matches.correlation, kind="stable")[:7]
    assert [pair["rho"] for pair in page["pairs"]] == pytest.approx(matches.correlation[best], abs=5e-5)
    z = [np.concatenate(list(source.blocks(4096))).astype(float) for source in (a, b)]
    z = [(values - values.mean(0)) / values.std(0) for values in z]
    unknown = 0
    for pair, number in zip(page["pairs"], best, strict=True):
        units = matches.unit_a[number], matches.unit_b[number]
        for side, unit in enumerate(units):
            assert pair["neurons"][side] == [(a, b)[side].layer[unit], (a, b)[side].unit[unit]]
            tops = np.argsort(-z[side][:, unit], kind="stable")[:6].tolist()
            chosen = [p for i, p in enumerate(tops) if all(abs(p - q) > AROUND for q in apart(np.array(tops[:i]), 9))]
            assert len(pair["top"][side]) == len(chosen[:3])
            for place, position in zip(pair["top"][side], chosen, strict=False):
                context, (document, start, end) = pair["contexts"][place], a.text.locate(position)
                text = a.text.corpus.documents[document].text
                assert context["spans"][context["peak"]] == text[start:end]
                assert "".join(context["spans"]) == text[max(0, start - 60) : end + 60]
                for other, value in enumerate(context["z"]):
                    within = position in np.argsort(-z[other][:, units[other]], kind="stable")[:6]
                    assert (value is not None) == within
                    assert value is None or value == pytest.approx(z[other][position, units[other]], abs=0.01)
                    unknown += value is None
                share = int(context["heat"][side][context["peak"]], 16) / 15
                assert share == pytest.approx(z[side][position, unit] / z[side][:, unit].max(), abs=0.04)
    assert unknown
    with pytest.raises(InputError, match=r"with its own contexts.*rosettalaw view A B --text"):
        write_viewer(str(path), None, tmp_path / "x.html", seed=3)
