"""The study from labelled documents to sentences, on tiny models and on planted neurons; resumed, refused, drawn."""

import hashlib
import json

import numpy as np
import pytest
import torch
from filtering_helpers import Planted
from scipy import stats

from rosettalaw import cli
from rosettalaw.empirical.corpora.corpus import Corpus, Document
from rosettalaw.empirical.filtering import (
    FilteringPlan,
    TuningRecipe,
    embedded,
    filter_documents,
    findings,
    study,
)
from rosettalaw.empirical.filtering import (
    perplexity as trials,
)
from rosettalaw.empirical.filtering import (
    sequences as packing,
)
from rosettalaw.empirical.filtering.findings import sentences
from rosettalaw.empirical.filtering.splitting import split
from rosettalaw.empirical.filtering.tuning import open_causal
from rosettalaw.errors import InputError, RosettaError
from rosettalaw.paper_figs import table1
from rosettalaw.paper_figs.results_folder import read
from rosettalaw.results import dataset, load, save
from rosettalaw.vocabulary import VOCABULARY


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Models of a few neurons are slower with more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def labelled():
    rng = np.random.default_rng(0)
    words = {"prose": ["river", "mountain", "carries", "lets", "go"], "code": ["def", "x", "=", "return"]}
    kinds = ["prose" if i % 3 == 0 else "code" for i in range(60)]
    texts = [" ".join(rng.choice(words[kind], size=30)) for kind in kinds]
    return Corpus("labelled", tuple(Document(f"d{i}", k, t) for i, (k, t) in enumerate(zip(kinds, texts, strict=True))))


def pairs(neurons=128, rosetta=range(0, 128, 4)):
    units = np.array(list(rosetta))
    variables = {
        "unit_a": ("pair", units),
        "unit_b": ("pair", units),
        "correlation": ("pair", np.full(len(units), 0.9)),
        "neurons_a": neurons,
        "threshold": 0.5,
        "calibrated_count": len(units),
    }
    return dataset("pairs", variables, {}, model_a="a", model_b="another")


PLAN = FilteringPlan("prose", contexts=5, choosing=0.3, test=0.3, leaders=4, runs=2, recipe=TuningRecipe(batch=2))


@pytest.fixture(scope="module")
def result(labelled, checkpoints):
    return filter_documents(labelled, PLAN, checkpoints["gpt2"], pairs=pairs(), quiet=True)


def test_the_result_remembers_its_models_its_text_and_its_tools(result, labelled, checkpoints):
    weights = hashlib.sha256((checkpoints["gpt2"] / "model.safetensors").read_bytes()).hexdigest()
    assert result.attrs["revision_a"] == weights
    assert len(result.attrs["tokenizer_a"]) == 64
    assert result.attrs["corpus_sha256"] == labelled.sha256
    assert result.attrs["seed"] == 0
    assert {"torch", "transformers", "tokenizers", "peft"} <= set(json.loads(result.attrs["versions"]))


def test_planted_neurons(labelled):
    """One that fires in the target alone has F1 1, a constant one is a random sample, and the intervals say so."""
    rng = np.random.default_rng(1)
    target = np.array([document.domain == "prose" for document in labelled.documents])
    scores = np.column_stack([target + 0.1 * rng.random(60), np.zeros(60)]).astype(np.float32)
    tokens, scored = study.score(Planted(scores, labelled.documents), labelled, np.array([0, 1]), quiet=True)
    assert tokens.tolist() == [len(document.text) for document in labelled.documents]
    variables, taken = study.judge(labelled, PLAN, tokens, scored, rosetta=1)
    f1 = dict(zip(study.SELECTORS, variables["filter_f1"][1], strict=True))
    assert f1["rosetta"] == f1["oracle"] == 1
    assert f1["random"] == pytest.approx(1 / 3, abs=0.12)
    assert np.isnan(f1["base"])
    low = dict(zip(study.SELECTORS, variables["f1_behind_low"][1], strict=True))
    high = dict(zip(study.SELECTORS, variables["f1_behind_high"][1], strict=True))
    assert low["oracle"] == high["oracle"] == low["rosetta"] == 0
    assert 0.3 < low["random"] < high["random"] < 1
    assert low["non_rosetta"] > 0.2
    assert np.array_equal(taken["rosetta"][0], target)
    assert variables["token_budget"] == tokens[target].sum()
    assert len({mask.tobytes() for mask in taken["random"]}) == study.RANDOM_DRAWS


def test_equal_neurons_are_not_told_apart(labelled):
    scores = np.repeat(np.random.default_rng(2).random((60, 1)), 2, axis=1).astype(np.float32)
    tokens, scored = study.score(Planted(scores, labelled.documents), labelled, np.array([0, 1]), quiet=True)
    variables, _ = study.judge(labelled, PLAN, tokens, scored, rosetta=1)
    place = study.SELECTORS.index("non_rosetta")
    assert variables["f1_behind"][1][place] == variables["f1_behind_low"][1][place] == 0
    assert variables["f1_behind_high"][1][place] == 0


def test_scores_are_kept_and_read_back(labelled, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "SCORED_AT_ONCE", 20)
    scores = np.random.default_rng(3).random((60, 2)).astype(np.float32)

    class Stops(Planted):
        reads = 0

        def read(self, documents, neurons):
            self.reads += 1
            if self.reads > 2:
                raise KeyboardInterrupt
            yield from super().read(documents, neurons)

    neurons = np.array([0, 1])
    with pytest.raises(KeyboardInterrupt):
        study.score(Stops(scores, labelled.documents), labelled, neurons, tmp_path, quiet=True)
    going_on = Stops(scores, labelled.documents)
    tokens, scored = study.score(going_on, labelled, neurons, tmp_path, quiet=True)
    assert going_on.reads == 1
    np.testing.assert_array_equal(scored, scores)
    assert tokens.tolist() == [len(document.text) for document in labelled.documents]


def test_the_result_explains_itself(result):
    assert result.attrs["rosettalaw_kind"] == "filtering"
    named = {"document", "document_domain", "part", "part_domain"}
    assert set(map(str, result.variables)) - named <= set(VOCABULARY)
    assert all("long_name" in result[name].attrs for name in set(map(str, result.variables)) - named)
    assert json.loads(result.attrs["recipe"])["batch"] == 2
    assert result.attrs["model_b"] == "another"
    assert result["part_documents"].sum() == 60
    rosetta = result["leader_rosetta"].values
    assert rosetta.tolist() == [True] * 2 + [False] * 6  # an eighth of 16 and of 48, four on average
    assert result["leader_pool"].values.tolist() == [16] * 2 + [48] * 6
    said = sentences(result)[3]
    assert said.startswith(
        "F1 of the first 2 of 16 Rosetta Neurons and 6 of 48 others of that layer by the same rule, an"
    )
    assert f"{result['leader_f1'].values[2:].mean():.3f}" in said
    assert len(set(result["leader_layer"].values)) == 1
    units = result["leader_unit"].values + 64 * result["leader_layer"].values
    assert np.all((units % 4 == 0) == rosetta)
    f1 = result["filter_f1"].sel(selector=["rosetta", "non_rosetta"]).values
    np.testing.assert_array_equal(f1, result["leader_f1"].values[[0, 2]])


def test_means_and_intervals_are_students(result):
    for name in ("test_perplexity", "test_bits_per_byte"):
        for selector in trials.TRAINED:
            runs = result[f"{name}_run"].sel(selector=selector).values
            low, high = stats.t.interval(0.95, 1, loc=runs.mean(), scale=stats.sem(runs))
            one = result.sel(selector=selector)
            assert float(one[name]) == pytest.approx((low + high) / 2)
            assert float(one[f"{name}_ci95"]) == pytest.approx((high - low) / 2)
            behind = runs - result[f"{name}_run"].sel(selector="rosetta").values
            assert float(one[f"{name}_behind"]) == pytest.approx(behind.mean(), abs=1e-12)


def test_the_base_is_the_model_itself_on_the_targets_test_documents(result, labelled, checkpoints, tokenizers):
    parts = split(labelled, "prose", 0.3, 0.3, seed=0)
    texts = [document for document in parts.test.documents if document.domain == "prose"]
    size = sum(len(document.text) for document in texts)
    loss = packing.likelihood(open_causal(checkpoints["gpt2"]), packing.stream(tokenizers[0], texts), size, 32)
    assert float(result["test_perplexity"].sel(selector="base")) == pytest.approx(loss.perplexity, rel=1e-6)
    assert float(result["test_bits_per_byte"].sel(selector="base")) == pytest.approx(loss.bits_per_byte, rel=1e-6)


def test_methods_with_the_same_selection_train_alike(labelled, checkpoints):
    """The study compares selections: with equal ones, every run gives the same bits."""
    parts = split(labelled, "prose", 0.3, 0.3, seed=0)
    mask = np.ones(len(parts.pool.documents), dtype=bool)
    same = {name: [mask] for name in trials.TRAINED}
    found = trials.measure_trials(checkpoints["gpt_neox"], parts, PLAN, same, quiet=True)
    runs = found["test_perplexity_run"][1][1:]
    assert np.all(runs == runs[0])
    assert runs[0, 0] != runs[0, 1]
    assert found["test_perplexity_behind_ci95"][1][1:].tolist() == [0, 0, 0, 0]


def test_a_study_goes_on_where_it_stopped(labelled, checkpoints, tmp_path, monkeypatch, result):
    done = []
    train = trials.tuning.train

    def stops(*arguments):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(1)
        return train(*arguments)

    monkeypatch.setattr(trials.tuning, "train", stops)
    with pytest.raises(KeyboardInterrupt):
        filter_documents(labelled, PLAN, checkpoints["gpt2"], pairs=pairs(), out=tmp_path, quiet=True)
    monkeypatch.setattr(trials.tuning, "train", lambda *arguments: (done.append(1), train(*arguments))[1])
    resumed = filter_documents(labelled, PLAN, checkpoints["gpt2"], pairs=pairs(), out=tmp_path, quiet=True)
    assert len(done) == 8
    assert resumed.equals(result)
    other = filter_documents(
        labelled,
        FilteringPlan(**{**vars(PLAN), "runs": 0}),
        checkpoints["gpt2"],
        pairs=pairs(),
        out=tmp_path,
        quiet=True,
    )
    assert "test_perplexity" not in other
    assert len(list(tmp_path.iterdir())) == 2  # another plan keeps its work apart


def test_the_models_are_matched_where_no_matching_is_given(labelled, checkpoints, tmp_path):
    """A model matched with itself: every neuron is a Rosetta Neuron, and none is left for the control."""
    plan = FilteringPlan("prose", contexts=5, choosing=0.3, test=0.3, shift=1, untrained=1, runs=0)
    folder = checkpoints["gpt2"]
    for _ in range(2):
        with pytest.raises(RosettaError, match="there is no control"):
            filter_documents(labelled, plan, folder, folder, out=tmp_path, quiet=True)
    (kept,) = tmp_path.glob("*/pairs.nc")
    loaded = load(kept, "pairs")
    assert int(loaded["calibrated_count"]) == 128
    np.testing.assert_allclose(loaded["correlation"], 1, atol=1e-6)
    with pytest.raises(InputError, match="a second checkpoint"):
        filter_documents(labelled, plan, folder, quiet=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"runs": 1}, "runs = 1: must be 0, or from 2 to 1000"),
        ({"shift": 0, "untrained": 0}, "one null is needed"),
        ({"leaders": 0}, "leaders = 0"),
        ({"contexts": 0}, "contexts = 0: must be at least 1"),
        ({"budget": 0}, "budget = 0: must be at least 1"),
        ({"seed": -1}, "seed = -1: must be at least 0"),
        ({"choosing": 0.5, "test": 0.5}, "choosing, test = '0.5, 0.5': must be positive and sum to less than 1"),
        ({"choosing": 0}, "must be positive and sum"),
    ],
)
def test_plans_that_cannot_work_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        FilteringPlan("prose", **settings)


def test_a_context_beyond_the_model_is_refused(labelled, checkpoints):
    plan = FilteringPlan(**{**vars(PLAN), "context": 64})
    with pytest.raises(InputError, match="context = 64"):
        filter_documents(labelled, plan, checkpoints["gpt2"], pairs=pairs(), quiet=True)


def test_sentences_follow_the_intervals(result):
    said = " ".join(findings.sentences(result))
    low = float(result["f1_behind_low"].sel(selector="random"))
    high = float(result["f1_behind_high"].sel(selector="random"))
    word = "better than" if low > 0 else "worse than" if high < 0 else "not distinguished from"
    assert f"{word} random documents" in said
    clear = result.copy(deep=True)
    place = list(study.SELECTORS).index("non_rosetta")
    for name, value in (("f1_behind_low", 0.1), ("test_perplexity_behind", 0.5), ("test_perplexity_behind_ci95", 0.2)):
        clear[name][place] = value
    said = " ".join(findings.sentences(clear))
    assert "better than the other neuron" in said
    assert "it is better: +0.500 ± 0.200" in said
    clear["test_perplexity_behind_ci95"][place] = 0.6
    assert "it is not distinguished: +0.500 ± 0.600" in " ".join(findings.sentences(clear))


def test_the_command(labelled, checkpoints, tmp_path, capsys, result):
    text = tmp_path / "text.jsonl"
    records = [{"text": d.text, "meta": {"pile_set_name": d.domain}} for d in labelled.documents]
    text.write_text("".join(json.dumps(record) + "\n" for record in records))
    save(pairs(), tmp_path / "pairs.nc")
    arguments = ["filter", checkpoints["gpt2"], "--text", text, "--target", "prose", "--pairs", tmp_path / "pairs.nc"]
    arguments += ["--contexts", 5, "--choosing", 0.3, "--test", 0.3, "--runs", 2, "--batch", 2, "--json"]
    arguments += ["--out", tmp_path / "out", "--selection", tmp_path / "chosen.jsonl"]
    with pytest.raises(SystemExit) as left:
        cli.main([str(argument) for argument in arguments])
    assert left.value.code == 0
    printed = json.loads(capsys.readouterr().out)
    assert [row["selector"] for row in printed["selectors"]] == list(study.SELECTORS)
    assert printed["selectors"][0]["f1"] is None
    loaded = load(tmp_path / "out/filtering.nc", "filtering")
    chosen = [json.loads(line) for line in (tmp_path / "chosen.jsonl").read_text().splitlines()]
    assert len(chosen) == float(loaded["selected_documents"].sel(selector="rosetta"))
    of_target = np.mean([record["meta"]["pile_set_name"] == "prose" for record in chosen])
    assert of_target == pytest.approx(float(loaded["filter_precision"].sel(selector="rosetta")))
    results = table1.make(read(tmp_path / "out"), tmp_path / "table1")
    svg = next(path for path in results if path.suffix == ".svg").read_text()
    assert "Rosetta Neuron" in svg
    assert "0.98" in svg  # the paper's F1
    assert f"{printed['selectors'][3]['f1']:.2f} [" in svg
    assert f"{printed['selectors'][0]['test_perplexity']:.2f}" in svg


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "b"], "--text"),
        (["a", "b", "--text", "x.jsonl"], "--target"),
        (["--text", "x.jsonl"], "requires your own models"),
        (["a", "b", "--text", "no-such.jsonl", "--target", "t"], "no-such.jsonl"),
        (["--runs", "1"], "runs = 1"),
        pytest.param(
            ["--target", "docstrings"],
            "unknown target domain of python 'docstrings': did you mean docstring",
            marks=pytest.mark.slow,  # all of Python's text is read to say so
        ),
    ],
)
def test_what_the_command_refuses(arguments, message, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["filter", *arguments])
    assert left.value.code == 2
    output = capsys.readouterr().err
    assert message in output
    assert len(output.strip().splitlines()) == 1


def test_the_embedded_study_reads_held_out_documents_alone(monkeypatch, checkpoints, labelled):
    """It gives the study the two largest models and only what no model has seen."""
    from rosettalaw.empirical.ladder.train import TrainedLadder
    from rosettalaw.empirical.language.families import open_ladder

    ladder = open_ladder("filter")
    folders = {
        (family.name, rung, 0): f"{family.name}-{rung.neurons}" for family in ladder.family for rung in ladder.rung
    }
    monkeypatch.setattr(embedded, "train_ladder", lambda *_, **__: TrainedLadder(ladder, folders, labelled, "sha"))
    text = Corpus("python", tuple(Document(kind, kind, "x") for kind in ("code", "docstring")))
    monkeypatch.setattr(embedded, "open_corpus", {"python": text}.get)  # seconds to read
    seen = {}
    monkeypatch.setattr(embedded, "filter_documents", lambda *a, **k: seen.update(given=a, named=k))
    plan = FilteringPlan(**{**vars(PLAN), "target": "docstring"})
    embedded.embedded_study(plan)
    assert seen["given"] == (labelled, plan, "gpt2-768", "neox-768")
