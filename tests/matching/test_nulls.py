"""Kinds of null: what each keeps and breaks, the rates at which unrelated models pass, and what must be refused."""

import itertools
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from rosettalaw.cli import app
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.activations.reordered import Shifted
from rosettalaw.empirical.activations.source import RandomAccess
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.matching.evidence.effective_positions import effective_positions
from rosettalaw.empirical.nulls import KINDS, default_nulls, drawable, parsed
from rosettalaw.empirical.nulls.documents import exchanged
from rosettalaw.empirical.nulls.shift import lag
from rosettalaw.empirical.nulls.span import within
from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.results import load
from rosettalaw.theory import detect
from tests.matching.unrelated import autoregressive, by_document


def calibrated(a, b, documents=None, **options):
    sources = (ArraySource(side, name, documents=documents) for side, name in ((a, "a"), (b, "b")))
    matches = match(*sources, quiet=True, **options)
    return matches, matches.calibrate()


class Stream:
    """A source that can only be read from the start, or from a later position."""

    def __init__(self, array):
        self.name, self.positions, self._array = "stream", len(array), array
        self.layer, self.unit = np.zeros(array.shape[1], dtype=int), np.arange(array.shape[1])

    def blocks(self, size):
        return self.blocks_from(size, 0)

    def blocks_from(self, size, first):
        for start in range(first, self.positions, size):
            yield self._array[start : start + size]


@pytest.mark.parametrize("shift", [1, 13, 50, 99])
def test_a_shift_is_a_roll(shift):
    array = np.random.default_rng(0).standard_normal((100, 5)).astype(np.float32)
    rolled = np.roll(array, -shift, axis=0)
    shifted = Shifted(ArraySource(array), shift)
    assert isinstance(shifted, RandomAccess)
    for index in (slice(None), slice(3, 40), slice(40, 97), np.array([99, 0, 7]), slice(90, 200), slice(0, 100, 3)):
        assert (shifted.rows(index, slice(1, 4)) == rolled[index, 1:4]).all()
    streamed = Shifted(Stream(array), shift)
    assert not isinstance(streamed, RandomAccess)
    for size in (1, 7, 64, 200):
        assert (np.concatenate(list(shifted.blocks(size))) == rolled).all()
        assert (np.concatenate(list(streamed.blocks(size))) == rolled).all()


def test_a_null_of_shifts_is_the_matching_with_rolled_rows(reference):
    rng = np.random.default_rng(5)
    a, b = rng.standard_normal((120, 10)), rng.standard_normal((120, 14))
    null = KINDS["shift"]
    matches, _ = calibrated(a, b, nulls={"shift": 2}, seed=11)
    for draw, correlations in enumerate(matches.nulls["shifted"]):
        rolled = np.roll(b, -lag(120, null.entropy(11, draw)), axis=0)
        np.testing.assert_allclose(np.sort(correlations), np.sort(list(reference(a, rolled).values())), rtol=1e-6)


def test_lags_are_at_least_a_tenth_and_lie_apart():
    for positions, seed in itertools.product((20, 101, 5000), range(100)):
        lags = [lag(positions, KINDS["shift"].entropy(seed, draw)) for draw in range(3)]
        assert min(lags) >= positions / 10
        assert max(lags) <= positions - positions / 10
        if positions > 100:
            assert min(abs(one - other) for one, other in itertools.combinations(lags, 2)) > 0.1 * positions
    spread = [lag(1000, KINDS["shift"].entropy(seed, 0)) for seed in range(400)]
    assert np.quantile(spread, [0.25, 0.5, 0.75]) == pytest.approx([300, 500, 700], abs=60)


def test_each_document_meets_another_one_from_its_beginning():
    rng = np.random.default_rng(0)
    for lengths in ([10] * 6, rng.integers(1, 80, 30), [1, 2, 3, 4, 50]):
        document = np.repeat(np.arange(len(lengths)) * 7, lengths)
        begins = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        places = exchanged(document, np.random.default_rng(1))
        others = []
        for number, (begin, length) in enumerate(zip(begins, lengths, strict=True)):
            met = places[begin : begin + length]
            (other,) = np.unique(document[met]) // 7
            assert other != number
            assert (met - begins[other] == np.arange(length) % lengths[other]).all()
            others.append(other)
        assert sorted(others) == list(range(len(lengths)))
    scattered = np.arange(60) % 6
    met = exchanged(scattered, rng)
    assert all(len(np.unique(scattered[met[scattered == one]])) == 1 for one in range(6))
    assert sorted(met) == list(range(60))


def test_spans_keep_their_text_and_nothing_else():
    rng = np.random.default_rng(0)
    span = rng.integers(0, 20, 3000)
    places = within(span, rng)
    assert sorted(places) == list(range(3000))
    assert (span[places] == span).all()
    assert np.mean(places == np.arange(3000)) < 0.02

    class Texts(ArraySource):
        def labels(self):
            return {"span": span}

    detector, context = rng.standard_normal((20, 8))[span], rng.standard_normal((3000, 8))
    noise = 0.2 * rng.standard_normal((2, 3000, 16))
    a, b = (np.hstack([detector, context]) + part for part in noise)
    matches = match(Texts(a, "a"), Texts(b, "b"), nulls={"span": 3}, quiet=True)
    null = np.concatenate(matches.nulls["span"])
    assert np.sum(null > 0.9) == 3 * 8  # detectors of the string match as before
    assert matches.calibrate().count in (0, 8)  # at most the contexts are left: the null binds
    assert matches.correlation[matches.unit_a >= 8].min() > null[null < 0.9].max()


def test_a_rotation_keeps_each_layers_space():
    rng = np.random.default_rng(0)
    array = (rng.standard_normal((200, 9)) + 1e4).astype(np.float32)
    layer = np.array([0, 1, 0, 1, 1, 0, 2, 2, 2])
    source = ArraySource(array, "b", layer=layer)
    _, turned = KINDS["rotation"].draw(source, source, [3, 1])
    rows = turned.rows(slice(None)).astype(float)
    for one in range(3):
        before, after = (x[:, layer == one] - x[:, layer == one].mean(0) for x in (array.astype(float), rows))
        np.testing.assert_allclose(before @ before.T, after @ after.T, atol=0.05)
        assert np.abs(np.corrcoef(before.T, after.T)[:3, 3:]).max() < 0.999
    np.testing.assert_allclose(turned.rows(np.array([5, 3]), slice(2, 7)), rows[[5, 3], 2:7], atol=2e-3)


def test_a_rotation_tells_neurons_from_any_basis():
    """Two models with the same sparse features as neurons pass; of bases of their own nothing is special."""
    rng = np.random.default_rng(1)
    features = np.maximum(rng.standard_normal((4000, 40)) - 1, 0)
    bases = [np.linalg.qr(rng.standard_normal((40, 40)))[0] for _ in "ab"]
    noise = 0.05 * rng.standard_normal((2, 4000, 40))
    _, same = calibrated(features + noise[0], features + noise[1], nulls={"rotation": 3})
    assert same.count == 40
    _, other = calibrated(
        *(features @ basis + part for basis, part in zip(bases, noise, strict=True)), nulls={"rotation": 3}
    )
    assert other.count == 0


@pytest.mark.parametrize(("time", "share"), [(3, 0.5), (30, 1.0), (300, 0.5), (3000, 0.5)])
def test_unrelated_autocorrelated_models_hardly_ever_pass(time, share):
    """The table `false_discoveries.csv` has 60 runs a setting; here none of four may pass."""
    rng = np.random.default_rng(time)
    counts = [
        calibrated(*(autoregressive(rng, 6000, 64, time, share) for _ in "ab"), seed=seed)[1].count for seed in range(4)
    ]
    assert counts == [0, 0, 0, 0]
    matches, permuted = calibrated(*(autoregressive(rng, 6000, 64, time, share) for _ in "ab"), nulls={"permute": 3})
    assert permuted.count >= 7
    assert "autocorrelated over positions" in matches.remark(permuted)
    # A sample that is hardly longer than the signals are slow is centred on its own mean.
    assert matches.autocorrelation == pytest.approx(share * np.exp(-1 / time), abs=0.05 if time < 1000 else 0.3)


def test_documents_that_are_known_are_a_null():
    rng = np.random.default_rng(7)
    document = np.repeat(np.arange(22), rng.integers(50, 500, 22))
    known, unknown = [], []
    for seed in range(6):
        a, b = (by_document(rng, document, 64) for _ in "ab")
        matches, calibration = calibrated(a, b, document, seed=seed)
        assert set(matches.nulls) == {"shifted", "documents"}
        known.append(calibration.count)
        matches, calibration = calibrated(a, b, seed=seed)
        assert set(matches.nulls) == {"shifted"}
        unknown.append((calibration.count, matches.remark(calibration)))
    assert known == [0] * 6
    assert all(count == 0 or "are stable" in status for count, status in unknown)


def test_planted_pairs_are_found_at_the_rate_of_theory_for_the_effective_positions():
    """√s z + ξ with autocorrelated z and ξ alike: `detect` with the effective number of positions."""
    counts, independent, strength = [], [], 0.25
    for seed in range(12):
        rng = np.random.default_rng(seed)
        a, b = (autoregressive(rng, 6000, 80, 20, 1.0) for _ in "ab")
        signals = autoregressive(rng, 6000, 40, 20, 1.0)
        a[:, :40] += np.sqrt(strength) * signals
        b[:, :40] += np.sqrt(strength) * signals
        matches, _ = calibrated(a, b, seed=seed, nulls={}, jackknife_blocks=2)
        counts.append(np.sum((matches.unit_a == matches.unit_b) & (matches.unit_a < 40)))
        independent.append(matches.effective_positions)
    assert np.mean(independent) == pytest.approx(6000 / 20.5, rel=0.25)  # Σ φ^(2|lag|) = coth(1/20)
    expected = detect(np.full(40, strength), inputs=float(np.mean(independent)), interference=0.0, idle=40)
    naive = detect(np.full(40, strength), inputs=6000, interference=0.0, idle=40)
    assert abs(np.mean(counts) - expected.count) < 3
    assert naive.count - np.mean(counts) > 5


@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_effective_positions_are_those_of_their_formula(offset):
    """Every fourth lag of rolled arrays by `numpy.corrcoef`; values repeat ten times, and blocks cut them anywhere."""
    rng = np.random.default_rng(0)
    a, b = (np.repeat(rng.standard_normal((600, 8)), 10, axis=0) + offset for _ in "ab")
    a[0] = offset - 20  # the first position is far from all others
    lags = np.linspace(600, 5400, 4).round().astype(int)
    squares = [np.mean(np.corrcoef(a.T, np.roll(b, -lag, axis=0).T)[:8, 8:] ** 2) for lag in lags]
    lag_one, independent = effective_positions(*(ArraySource(x.astype(np.float32)) for x in (a, b)), block=700)
    assert independent == pytest.approx(1 + 1 / np.mean(squares), rel=1e-4)
    centred = [(x - x.mean(0)) / np.linalg.norm(x - x.mean(0), axis=0) for x in (a, b)]
    assert lag_one == pytest.approx(np.mean([np.mean((x[1:] * x[:-1]).sum(0)) for x in centred]), abs=1e-5)
    assert 100 < independent < 1200


@pytest.mark.parametrize("scale", [9e17, 3e-17])
def test_effective_positions_do_not_depend_on_the_unit(scale):
    """The largest numbers that a matching takes, and nearly the smallest: their squares leave float32's range."""
    rng = np.random.default_rng(1)
    sides = [np.repeat(rng.choice([-1.0, 1.0], (300, 8)), 10, axis=0) for _ in "ab"]
    one, other = (effective_positions(*(ArraySource((by * x).astype(np.float32)) for x in sides)) for by in (1, scale))
    assert one == pytest.approx(other, rel=1e-4)
    assert 50 < one[1] < 600


def test_defaults_follow_from_what_is_known():
    array = np.random.default_rng(0).standard_normal((100, 4))
    plain, tiny = ArraySource(array), ArraySource(array[:10])
    documents = ArraySource(array, documents=np.repeat(np.arange(10), 10))
    few = ArraySource(array, documents=np.repeat(np.arange(4), 25))
    assert default_nulls(plain, plain) == {"shift": 3}
    assert default_nulls(tiny, tiny) == {"permute": 3}
    assert default_nulls(plain, documents, 2) == {"shift": 2, "documents": 2}
    assert default_nulls(few, few) == {"shift": 3}
    assert drawable({"shift": 1, "documents": 2, "span": 0}, plain, plain)[0] == {"shift": 1}


def test_words_of_the_option():
    assert parsed("shift, untrained:5") == {"shift": 3, "untrained": 5}
    assert parsed("none") == {}
    for words, message in (
        ("shfit", "did you mean shift"),
        ("shift,shift", "names 'shift' twice"),
        ("shift:x", "whole number of draws"),
        ("shift:-1", "whole number of draws"),
        ("", "empty name"),
        ("none,shift", "unknown null 'none'"),
    ):
        with pytest.raises((InputError, UnknownNameError), match=message):
            parsed(words)


@pytest.fixture
def arrays(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((600, 30))
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", (shared + rng.standard_normal((600, 30))).astype(np.float32))
    np.save(tmp_path / "one.npy", rng.standard_normal((600, 1)))
    np.save(tmp_path / "short.npy", rng.standard_normal((12, 5)))
    np.save(tmp_path / "ids.npy", np.repeat(np.arange(20), 30))
    np.save(tmp_path / "few.npy", np.repeat(np.arange(2), 300))
    np.save(tmp_path / "floats.npy", np.linspace(0, 1, 600))
    np.save(tmp_path / "wrong.npy", np.arange(599))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(app, ["match", *map(str, arguments)])


def test_the_command_says_which_null_binds(arrays):
    record = json.loads(call("a.npy", "b.npy", "--documents", "ids.npy", "--out", "p.nc", "--json").stdout)
    assert set(record["nulls"]) == {"shift", "documents"}
    assert record["binding_null"] in record["nulls"]
    for null in record["nulls"].values():
        assert null["raw"] > 0
        assert null["above_threshold"] <= null["raw"]
    assert record["null_raw"] == {
        "shifted": record["nulls"]["shift"]["raw"],
        "documents": record["nulls"]["documents"]["raw"],
    }
    assert record["calibrated_count"] == 30 == record["stable_count"]
    assert record["expected_stable"] == pytest.approx(30, abs=1)
    assert record["status"] == "ok"
    assert abs(record["autocorrelation"]) < 0.02
    assert record["effective_positions"] == pytest.approx(600, rel=0.1)
    saved = load(arrays / "p.nc", "pairs")
    assert saved.attrs["binding_null"] == record["binding_null"]
    assert (saved["stability"] >= 0.9).sum() == 30
    assert saved["shifted_draws"] == 3


def test_the_command_draws_what_is_asked_for(arrays):
    for words, kinds in (
        (["--null", "permute:2,rotation:1"], {"permute": 2, "rotation": 1}),
        (["--null", "none"], {}),
        (["--null-permutations", "4"], {"permute": 4}),
        (["--null-permutations", "0"], {}),
        ([], {"shift": 3}),
    ):
        result = call("a.npy", "b.npy", *words, "--out", "q.nc", "--json")
        assert result.exit_code == 0, result.output
        assert set(json.loads(result.stdout)["nulls"]) == set(kinds)
        saved = load(arrays / "q.nc", "pairs")
        for kind, draws in kinds.items():
            assert saved[f"{KINDS[kind].label}_draws"] == draws


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a.npy", "b.npy", "--null", "shfit"), "did you mean shift"),
        (("a.npy", "b.npy", "--null", "documents"), "needs the document of each position"),
        (("a.npy", "b.npy", "--null", "documents", "--documents", "few.npy"), "at least 5 documents; there are 2"),
        (("a.npy", "b.npy", "--null", "span"), "needs the text of each span"),
        (("a.npy", "b.npy", "--null", "untrained"), "needs whole checkpoints"),
        (("a.npy", "one.npy", "--null", "rotation"), "two neurons or more in each layer; layer 0 of one.npy has one"),
        (("short.npy", "short.npy", "--null", "shift"), "needs at least 20 positions"),
        (("a.npy", "b.npy", "--null", "shift", "--null-permutations", "3"), "cannot be combined with --null"),
        (("a.npy", "b.npy", "--documents", "floats.npy"), "one whole number for each of the 600 positions"),
        (("a.npy", "b.npy", "--documents", "wrong.npy"), "one whole number for each of the 600 positions"),
        (("a.npy", "b.npy", "--documents", "absent.npy"), "no such file"),
    ],
)
def test_what_cannot_be_drawn_is_one_message(arrays, arguments, words):
    result = call(*arguments)
    message = str(result.exception) if result.exception else result.output
    assert result.exit_code != 0
    assert words in " ".join(message.split())


def test_a_run_begun_with_nulls_is_finished_with_fewer(arrays, monkeypatch):
    whole = call("a.npy", "b.npy", "--null", "none", "--json").stdout
    from rosettalaw.empirical import pairing

    def full(*_):
        raise OSError("full")

    monkeypatch.setattr(pairing, "save", full)
    assert call("a.npy", "b.npy", "--null", "shift,permute", "--out", "r.nc", "--json").exit_code != 0
    monkeypatch.undo()
    monkeypatch.chdir(arrays)
    again = call("a.npy", "b.npy", "--null", "shift:1", "--out", "r.nc", "--json")
    assert json.loads(again.stdout)["pairs"] == json.loads(whole)["pairs"]


def test_too_few_draws_are_named():
    """Eighteen pairs above every null pair, of which one draw can show no fewer than twenty."""
    rng = np.random.default_rng(3)
    shared = rng.standard_normal((2000, 18))
    sides = []
    for _ in "ab":
        side = rng.standard_normal((2000, 60))
        side[:, :18] += 2 * shared
        sides.append(side)
    matches, calibration = calibrated(*sides, nulls={"shift": 1})
    assert calibration.count == 0
    assert "too few draws to say: 18 pairs lie above every null pair" in matches.remark(calibration)
    matches, calibration = calibrated(*sides, nulls={"shift": 3})
    assert calibration.count >= 18
    assert matches.remark(calibration) == "ok"
