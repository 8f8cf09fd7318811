"""Objects judged when they are made, and methods that judge their arguments: argument, value, rule and a call."""

import io
import sys

import numpy as np
import pytest

import rosettalaw as rl
from rosettalaw import display, testing, theory, validation
from rosettalaw.errors import InputError, RosettaError

N, R = [128, 256, 512, 1024], [30, 45, 70, 100]
RHO = [np.linspace(0.3, 0.95, count) for count in R]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.Range("a", 2, 3), "start = 'a': must be a number. Try: Range("),
        (lambda: theory.Range(1, np.nan, 3), "stop = nan: must be a finite number. Try: Range("),
        (lambda: theory.Range(1, 2, 2.5), "number = 2.5: must be a whole number. Try: Range("),
        (lambda: theory.Range(0, 2, 3, log=True), "start, stop = (0, 2): must be positive and equally spaced"),
        (lambda: validation.Counts([], []), "neurons = []: must be a list of sizes, not empty. Try: Counts("),
        (lambda: validation.Counts([1, 2], [1]), "counts = [1]: must have one count per size, 2 in all. Try: Counts("),
        (lambda: validation.Counts([1, 2], [1, np.nan]), "counts[1] = nan: must be 0, or from 1e-06"),
        (lambda: validation.Counts([1, 2], [1, 0]), "counts[1] = 0: must be positive; clean(neurons, counts) omits"),
        (lambda: validation.Counts([2, 1], [1, 1]), "neurons[1] = 1: must be in order of size; clean("),
        (lambda: validation.Counts([1, 2], [1, 1], sd=[1, 0]), "sd[1] = 0: must be positive; leave it out"),
        (lambda: validation.Counts([1, 2], [1, 1], notes=[3]), "notes[0] = 3: must be text. Try: Counts("),
        (
            lambda: validation.Counts([1, 2], [1, 1], zero_sizes=(-1,)),
            "zero_sizes[0] = -1: must be a number of neurons",
        ),
        (
            lambda: validation.Series("a", "counts", N, R[:2]),
            "counts = [30, 45]: must have one count per size, 4 in all",
        ),
        (lambda: validation.Series(3, "counts", N, R), "name = 3: must be text. Try: Series("),
        (lambda: validation.Series("a", "counts", N, R, sd=[1]), "sd = [1]: must have one value per count, 4 in all"),
        (lambda: validation.Series("a", "counts", N, R, correlations=[[0.5]]), "correlations = [[0.5]]: must have one"),
        (
            lambda: validation.Series("a", "counts", N, R, correlations=[[0.5], [2.0], [], []]),
            "correlations at N = 256 = 2.0: must be numbers between -1 and 1",
        ),
        (lambda: validation.Series("a", "counts", N, R, nulls={"raw": [1]}), "nulls['raw'] = [1]: must have one per"),
        (lambda: validation.Series("a", "counts", N, R, threshold=2), "threshold = 2: must be a correlation"),
        (lambda: validation.Series("a", "counts", N, R, seeds=[1]), "seeds = [1]: must be two lists"),
        (lambda: validation.Series("a", "counts", N, R, profiles=[1]), "profiles = [1]: must be a list of a Profile"),
        (lambda: validation.Observations([], []), "neurons = []: must be a list of sizes, not empty"),
        (lambda: validation.Observations(N, [1, 2, np.nan, 4]), "counts[2] = nan: must be 0, or from"),
        (lambda: validation.Observations(N, R, tail=[1]), "tail = [1]: must have one entry per size, 4 in all"),
        (lambda: validation.Observations(N, R, sd=3), "sd = 3: must be a mapping from blocks"),
        (lambda: validation.Scatter("a", 0, 0), "a = 'a': must be a number. Try: Scatter("),
        (lambda: validation.Scatter(np.nan, 0, 0), "sd of a = nan: must be a standard deviation from 0 to 3"),
        (
            lambda: testing.PlantedLadder(theory.Model(theory.PowerLaw(2)), 1.0, np.array([])),
            "neurons = []: must be a list",
        ),
    ],
)
def test_constructors_judge_at_once(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
    assert ". Try: " in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda law: law.predict(np.nan), "neurons = nan: must be finite and greater than 0"),
        (lambda law: law.predict([]), "neurons = []: must be one size or more"),
        (lambda law: law.interval(3), "name = 3: must be text. Try: fit("),
        (lambda law: law.plot(ax=3), "ax = 3: must be axes of matplotlib, or None for new ones"),
        (
            lambda law: law.analysis.power_law.band([1024], 1.5),
            "new_counts = 1.5: must be a whole number of at least 0",
        ),
        (lambda law: law.analysis.theory.predict("big"), "neurons = 'big': must be numbers"),
        (lambda law: law.analysis.record("no"), "profiles = 'no': must be True or False"),
        (lambda law: law.analysis.power_law.data.without(np.nan), "size = nan: must be a number of neurons"),
        (lambda _: theory.allocate([1, 0.5], 3.0).count(np.nan), "tau = nan: must be finite and greater than 0"),
        (lambda _: theory.solve(1e3, 1.5).isolation_at([0, 1]), "rank = [0, 1]: must be positive"),
        (lambda _: theory.Model(theory.PowerLaw(2)).features_at("x"), "neurons = 'x': must be a number"),
        (lambda _: theory.Model(theory.PowerLaw(2)).sweep([10], sensitivities=3), "sensitivities = 3: must be True or"),
        (lambda _: validation.Design((1, 2, 3)).beta_at(np.nan), "alpha = nan: must be a finite number"),
        (lambda _: validation.fit_profile(RHO[-1]).correlation([-1]), "rank = [-1]: must be positive"),
    ],
)
def test_methods_judge_their_arguments(call, message):
    with pytest.raises(InputError) as caught:
        call(rl.fit(N, R))
    assert message in str(caught.value)
    assert ". Try: " in str(caught.value)


def results():
    """Return a result of each kind that has a Dataset."""
    rng = np.random.default_rng(0)
    common = rng.standard_normal((60, 4))
    return rl.match(common, common + 0.1 * rng.standard_normal(common.shape), progress=False), rl.fit(N, R)


def test_results_list_their_variables_and_name_those_that_they_lack():
    for result in results():
        names = list(result)
        assert names == list(result.to_dataset())
        assert all(name in result for name in names)
        assert all(result[name].identical(result.to_dataset()[name]) for name in names)
        assert set(result[names[:2]]) == set(names[:2])
        for wrong in ("nope", 0, ("a", "b")):
            with pytest.raises(KeyError, match=r"unknown variable of the result .*: (known|did you mean)") as raised:
                result[wrong]
            assert isinstance(raised.value, RosettaError)
    with pytest.raises(KeyError, match="unknown variable of the result 'neuron': did you mean neurons"):
        rl.fit(N, R)["neuron"]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8", "nonsense"])
def test_results_are_printed_whatever_the_output_can_encode(encoding, monkeypatch):
    """A Windows console, or a file that its output goes to, knows no Greek."""

    class Stream(io.StringIO):
        pass

    Stream.encoding = encoding
    match, law = results()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Stream())
        texts = [str(one) for one in (match, law, rl.forecast(law, 4096), rl.compare(law))]
        shown = f"{law}\n{match}"
    real = "utf-8" if encoding == "nonsense" else encoding
    for text in (*texts, shown):
        text.encode(real)
    assert "±" in repr(match)
    assert ("exponent α" in texts[1]) == (real == "utf-8")
    assert ("exponent alpha" in texts[1]) == (real != "utf-8")
    assert ("±" in texts[0]) == (real != "ascii")
    assert repr(law) == display.for_output(repr(law), "utf-8")
    assert display.for_output("✓ τ", "ascii") == "\\u2713 tau"
