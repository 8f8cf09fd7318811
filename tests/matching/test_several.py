"""Three and more sets of activations: what recurs is planted, pairs are those of two alone, nothing is done twice."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rosettalaw as rl
from rosettalaw import cli
from rosettalaw.empirical import match_models
from rosettalaw.empirical.pairing import PairOptions
from rosettalaw.empirical.several.recurrence import Edges, closed_by_chance, families, partnered
from rosettalaw.empirical.several.several_models import match_several
from rosettalaw.errors import InputError, RosettaError
from rosettalaw.paper_figs.results_folder import read
from rosettalaw.removal import begin
from rosettalaw.results import load

PLANTED = {"a": range(0, 14), "b": range(4, 18), "c": range(8, 22)}  # features that each has a neuron of
FEW = {"null": "shift:4", "jackknife": 4}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ROSETTALAW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def arrays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    features = rng.standard_normal((500, 22))
    for name, chosen in PLANTED.items():
        seen = features[:, chosen] + 0.3 * rng.standard_normal((500, len(chosen)))
        np.save(f"{name}.npy", np.hstack([seen, rng.standard_normal((500, 3))]).astype(np.float32))
    return [f"{name}.npy" for name in PLANTED]


def planted_families():
    """Return the neurons of each feature that two or more models have."""
    neurons = [{name: chosen.index(f) for name, chosen in PLANTED.items() if f in chosen} for f in range(22)]
    return {tuple(sorted(one.items())) for one in neurons if len(one) > 1}


def read_families(ds):
    members = [ds[name].values.tolist() for name in ("member_family", "member_model", "member_neuron")]
    names = ds["model"].values.tolist()
    by_family = {}
    for family, model, neuron in zip(*members, strict=True):
        by_family.setdefault(family, []).append((names[model], neuron))
    return {tuple(sorted(one)) for one in by_family.values()}


def test_planted_neurons_recur_and_pairs_are_those_of_two_alone(arrays, tmp_path):
    result = match_several(arrays, out=tmp_path / "all", quiet=True, **FEW)
    ds = load(tmp_path / "all/recurrence.nc", "recurrence")
    assert read_families(ds) == planted_families()
    assert ds["families"].values.tolist() == [8, 6]  # in two, in three
    assert ds["closed_families"].values.tolist() == [8, 6]
    assert ds["partnered"].values.tolist() == [10, 14, 10]
    assert ds["partnered_in_all"].values.tolist() == [6, 6, 6]
    assert result.runs == 0
    for a, b in itertools.combinations("abc", 2):
        alone = match_models(f"{a}.npy", f"{b}.npy", quiet=True, **FEW).to_dataset()
        saved = load(tmp_path / f"all/{a}--{b}.nc", "pairs")
        assert saved.drop_attrs(deep=False).equals(alone.drop_attrs(deep=False))


def counted(monkeypatch, stop_at=None):
    """Count the pairs that are matched; with `stop_at` the run is killed in that one."""
    done, run = [], PairOptions.run

    def counting(self, sources, *rest):
        if len(done) + 1 == stop_at:
            raise KeyboardInterrupt
        done.append([source.name for source in sources])
        return run(self, sources, *rest)

    monkeypatch.setattr(PairOptions, "run", counting)
    return done


def test_finished_pairs_are_not_matched_again(arrays, tmp_path, monkeypatch):
    with monkeypatch.context() as killed:
        counted(killed, stop_at=3)
        with pytest.raises(KeyboardInterrupt):
            match_several(arrays, out=tmp_path / "all", quiet=True, **FEW)
    done = counted(monkeypatch)
    whole = match_several(arrays, out=tmp_path / "all", quiet=True, **FEW)
    assert done == [["b.npy", "c.npy"]]
    again = match_several(arrays, out=tmp_path / "all", quiet=True, **FEW)
    assert len(done) == 1
    assert again.recurrence.equals(whole.recurrence)
    third = np.load("c.npy")
    third[0, 0] += 1
    np.save("c.npy", third)
    match_several(arrays, out=tmp_path / "all", quiet=True, **FEW)
    assert len(done) == 3  # those of the changed model alone
    counted(monkeypatch, stop_at=1)
    with pytest.raises(KeyboardInterrupt):  # other options: the first pair is matched again
        match_several(arrays, out=tmp_path / "all", quiet=True, k=2, **FEW)


def bad_models(arrays):
    broken = np.load("c.npy")
    broken[7, 2] = np.nan
    np.save("nan.npy", broken)
    np.save("short.npy", np.load("c.npy")[:-1])
    return {
        "nan.npy": "NaN",
        "short.npy": "499 positions, others have 500",
        "folder": "all be activations or all be checkpoints",
        "none.npy": "none.npy",
    }


def test_work_that_a_kill_left_beside_a_finished_pair_goes(arrays, tmp_path):
    match_several(arrays, out=tmp_path / "out", quiet=True, **FEW)
    pair = next((tmp_path / "out").glob("*--*.nc"))
    left = begin(pair.with_name(f"{pair.name}.unfinished"), "an unfinished matching")
    strange = pair.with_name("other.nc.unfinished")
    strange.mkdir()
    match_several(arrays, out=tmp_path / "out", quiet=True, **FEW)
    assert not left.exists()
    assert strange.exists()


def test_a_bad_third_model_is_refused_before_any_pair(arrays, tmp_path, monkeypatch):
    done = counted(monkeypatch)
    for name, words in bad_models(arrays).items():
        with pytest.raises(RosettaError, match=words):
            match_several([*arrays[:2], name], out=tmp_path / "all", quiet=True, **FEW)
    for options, words in (
        ({"k": 99}, "--k = 99: must be at most the number of neurons"),
        ({"null": "untrained:1"}, "untrained"),
        ({"tokens": 5}, "--tokens = 5: applies to checkpoints"),
        ({"spool": "float8"}, "--spool"),
    ):
        with pytest.raises(InputError, match=words):
            match_several(arrays, out=tmp_path / "all", quiet=True, **options)
    (tmp_path / "own").mkdir()
    (tmp_path / "own/b--c.nc").write_text("mine")
    with pytest.raises(InputError, match="must be a new file, or a result"):
        match_several(arrays, out=tmp_path / "own", quiet=True, **FEW)
    assert (tmp_path / "own/b--c.nc").read_text() == "mine"
    assert done == []
    assert not list(tmp_path.rglob("*--*.nc.unfinished"))


def run(*words):
    with pytest.raises(SystemExit) as end:
        cli.main(list(map(str, words)))
    return end.value.code


def test_the_command_prints_what_recurs(arrays, tmp_path, capsys):
    words = ("match", *arrays, "--null", "shift:4", "--jackknife", 4, "--out", tmp_path / "all")
    assert run(*words, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    rows = {tuple((n["model"], n["unit"]) for n in one["neurons"]) for one in printed["families"]}
    assert rows == planted_families()
    assert [(row["in"], row["families"]) for row in printed["recurrence"]] == [("all", 6), ("two", 8)]
    assert [row["raw_count"] for row in printed["comparisons"]] == [
        int(load(tmp_path / f"all/{a}--{b}.nc")["raw_count"]) for a, b in itertools.combinations("abc", 2)
    ]
    assert run(*words) == 0
    assert "neurons that recur" in capsys.readouterr().out
    for option in ("--layers-a", "--pattern-b", "--images"):
        assert run(*words, option, "0") == 2
        assert "applies to two models" in capsys.readouterr().err
    assert run("match", *arrays, "--out", arrays[0]) == 2  # a file where the folder is to be
    assert "must be a folder" in capsys.readouterr().err


def test_other_commands_cope_with_the_folder(arrays, tmp_path, capsys):
    match_several(arrays, out=tmp_path / "all", quiet=True, **FEW)
    assert rl.load(tmp_path / "all/recurrence.nc").families["closed"].all()
    results = read(tmp_path / "all")  # as `report` reads it
    assert {kind: len(some) for kind, some in results.datasets.items()} == {"pairs": 3, "recurrence": 1}
    assert results.skipped == []
    files = sorted((tmp_path / "all").glob("*.nc"))
    assert run("compare", *files, "--no-references", "--json") == 0
    sources = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))["sources"]
    assert [one["sizes"] for one in sources] == [1, 1, 1]  # three pairs of models are no ladder
    assert run("compare", tmp_path / "all/recurrence.nc", "--no-references") == 2
    assert run("view", tmp_path / "all/recurrence.nc") == 2
    assert "was matched from files of activations" in " ".join(capsys.readouterr().err.split())


def test_names_become_files(arrays, tmp_path):
    (tmp_path / "other").mkdir()
    np.save("other/a.npy", np.load("b.npy"))
    match_several(["a.npy", "other/a.npy", "c.npy"], out=tmp_path / "all", quiet=True, **FEW)
    assert {path.name for path in (tmp_path / "all").iterdir()} == {
        "a--a-2.nc",
        "a--c.nc",
        "a-2--c.nc",
        "recurrence.nc",
    }
    three = dict(zip(["x/y", "b", "c"], map(np.load, arrays), strict=True))
    with pytest.raises(InputError, match="x/y"):
        rl.match_several(three, progress=False)
    with pytest.raises(InputError, match="is used twice"):
        rl.match_several({"b": three["b"], "B": three["b"], "c": three["c"]}, progress=False)
    with pytest.raises(InputError, match="3 to 16 models"):
        rl.match_several([three["b"], three["c"]], progress=False)


class Stream:
    """Activations that can only be read from the start."""

    def __init__(self, array):
        self.name, self.layer, self.unit = "stream", np.zeros(array.shape[1], int), np.arange(array.shape[1])
        self.positions, self.array, self.times = len(array), array, 0

    def blocks(self, size):
        self.times += 1
        for start in range(0, self.positions, size):
            yield self.array[start : start + size]


def test_a_stream_is_read_once_and_its_copy_removed(arrays, cache):
    stream = Stream(np.load("b.npy"))
    models = {"a": np.load("a.npy"), "b": stream, "c": np.load("c.npy")}
    result = rl.match_several(models, progress=False, nulls={"shift": 4}, jackknife=4)
    assert read_families(result.dataset) == planted_families()
    assert result.pairs["a", "b"].raw_count == match_models("a.npy", "b.npy", quiet=True, **FEW).matches.count
    assert stream.times == 1
    assert not list((cache / "spools").iterdir())


# ---------------------------------------------------------------------------------------------------------------------
# Families by enumeration


@st.composite
def matchings(draw):
    sizes = draw(st.lists(st.integers(1, 4), min_size=3, max_size=4))
    edges = []
    for i, j in itertools.combinations(range(len(sizes)), 2):
        possible = list(itertools.product(range(sizes[i]), range(sizes[j])))
        chosen = draw(st.lists(st.sampled_from(possible), unique=True, max_size=4))
        rho = [draw(st.sampled_from([0.1, -0.2, 0.5])) for _ in chosen]
        a, b = (np.array([pair[side] for pair in chosen], dtype=int) for side in (0, 1))
        edges.append(Edges(i, j, a, b, np.array(rho)))
    return sizes, edges


def by_enumeration(edges):
    """Return families as sets of (model, neuron), grown from single pairs until none touches another."""
    groups = []
    for one in edges:
        for a, b in zip(one.unit_a.tolist(), one.unit_b.tolist(), strict=True):
            pair = {(one.first, a), (one.second, b)}
            touching = [group for group in groups if group & pair]
            groups = [group for group in groups if not group & pair] + [set.union(pair, *touching)]
    return groups


@given(matchings())
@settings(deadline=None, max_examples=150)
def test_families_by_enumeration(case):
    sizes, edges = case
    pairs = {
        frozenset([(e.first, a), (e.second, b)]): abs(rho)
        for e in edges
        for a, b, rho in zip(e.unit_a.tolist(), e.unit_b.tolist(), e.correlation.tolist(), strict=True)
    }
    result = families(sizes, edges)
    groups = {}
    for family, model, unit in zip(result.member_family, result.member_model, result.member_unit, strict=True):
        groups.setdefault(int(family), set()).add((int(model), int(unit)))
    assert sorted(map(sorted, groups.values())) == sorted(map(sorted, by_enumeration(edges)))
    for number, group in groups.items():
        inside = [rho for pair, rho in pairs.items() if pair <= group]
        models = {model for model, _ in group}
        assert result.models[number] == len(models)
        assert result.pairs[number] == len(inside)
        assert result.weakest[number] == min(inside)
        every = all(frozenset(two) in pairs for two in itertools.combinations(sorted(group), 2))
        assert result.closed[number] == (every and len(models) == len(group))
    assert np.all(np.diff(result.models) <= 0)
    for model, size in enumerate(sizes):
        others = partnered(model, size, edges)
        for unit in range(size):
            near = {m for pair in pairs if (model, unit) in pair for m, _ in pair if m != model}
            assert others[unit] == len(near)


def test_chance_closes_as_many_triangles_as_all_matchings_do():
    """Mean over every way to match two of 3, 2 and 3 neurons: the sum of the formula."""
    sizes, count = (3, 2, 3), 2

    def ways(i, j):
        for a in itertools.combinations(range(sizes[i]), count):
            for b in itertools.permutations(range(sizes[j]), count):
                yield Edges(i, j, np.array(a), np.array(b), np.ones(count))

    closed = [
        families(sizes, edges).closed[families(sizes, edges).models == 3].sum()
        for edges in itertools.product(ways(0, 1), ways(0, 2), ways(1, 2))
    ]
    some = [next(ways(0, 1)), next(ways(0, 2)), next(ways(1, 2))]
    triangles = []
    for one in itertools.product(ways(0, 1), ways(0, 2), ways(1, 2)):
        ab, ac, bc = (set(zip(e.unit_a.tolist(), e.unit_b.tolist(), strict=True)) for e in one)
        triangles.append(sum((a, c) in ac and (b, c) in bc for a, b in ab for c in range(3)))
    assert np.mean(triangles) == pytest.approx(closed_by_chance(sizes, some, 3))
    assert np.mean(closed) <= np.mean(triangles)
