"""`len`, `in`, `[]`, iteration, equality, copies and pickles of results agree with one another and with Datasets."""

import copy
import dataclasses
import pickle
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rosettalaw as rl
from rosettalaw.contents import same

LADDER = Path(__file__).parents[1] / "data" / "format_1_ladder.nc"
N, R = [128, 256, 512, 1024, 2048], [21, 33, 48, 76, 115]
SHORT, FLAT = {"neurons": N[:3], "count": R[:3]}, {"neurons": N[:3], "count": [20, 21, 19]}


def activations(seed=0):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((300, 8))
    return [features + 0.3 * rng.standard_normal(features.shape) for _ in range(3)]


def match(seed=0, **options):
    return rl.match(*activations(seed)[:2], progress=False, **options)


VARIABLES = {
    "match": match,
    "several": lambda: rl.match_several(activations(), progress=False),
    "law": lambda: rl.fit(N, R),
    "ladder": lambda: rl.load(LADDER),
}
EVERY = VARIABLES | {
    "comparison": lambda: rl.compare(SHORT, FLAT),
    "forecast": lambda: rl.forecast(rl.fit(N, R), 4096),
    "a refused forecast": lambda: rl.forecast(rl.fit(N, R), 1e9),
    "a ladder's law": lambda: rl.load(LADDER).fit(),
}
OTHERS = {
    "match": lambda: match(1),
    "several": lambda: rl.match_several(activations(1), progress=False),
    "law": lambda: rl.fit(N, R, tau=2.0),
    "ladder": lambda: rl.load(LADDER),  # changed below
    "comparison": lambda: rl.compare(FLAT, SHORT),
    "forecast": lambda: rl.forecast(rl.fit(N, R), 4097),
    "a refused forecast": lambda: rl.forecast(rl.fit(N, R), 2e9),
    "a ladder's law": lambda: rl.load(LADDER).fit(2.0),
}


@cache
def made(kind, number=0):
    """Return a result, made once for all tests; its twin has another number."""
    return EVERY[kind]()


@pytest.mark.parametrize("kind", VARIABLES)
def test_names_give_the_variables_of_the_dataset(kind):
    result = made(kind)
    names = list(result)
    assert names == list(result.keys()) == list(result.dataset)
    assert all(name in result for name in result.dataset.variables)
    assert "nothing" not in result
    assert 0 not in result
    assert np.ones(3) not in result
    assert {name: one.name for name, one in dict(result).items()} == dict(zip(names, names, strict=True))
    assert result[names[:2]].identical(result.dataset[names[:2]])
    assert set(result._ipython_key_completions_()) == set(result.dataset.variables)
    assert result
    with pytest.raises(KeyError, match="unknown variable of the result 'nothing'"):
        result["nothing"]


@pytest.mark.parametrize("kind", VARIABLES)
@pytest.mark.parametrize(
    ("use", "said"),
    [
        (len, r"of its rows and of its variables. Try: len\(result.to_dataframe\(\)\)"),
        (np.asarray, r"is several arrays. Try: result.to_dataframe\(\)"),
        (pd.DataFrame, r"is several arrays. Try: result.to_dataframe\(\)"),
        (reversed, "not reversible"),
        (hash, "unhashable"),
    ],
)
def test_a_use_with_two_meanings_is_one_sentence(kind, use, said):
    with pytest.raises(TypeError, match=said):
        use(made(kind))


def test_a_comparison_is_a_sequence_of_rows_that_names_give_too():
    both = rl.compare(SHORT, FLAT)
    assert len(both) == len(list(both)) == len(both[:]) == 2
    assert both["counts 2"] is both[1] is both[-1]
    assert both[0] in both
    assert rl.compare(SHORT)[0] in both
    assert "counts 1" in both
    assert "counts 3" not in both
    assert np.ones(3) not in both
    assert both._ipython_key_completions_() == both.to_dataframe().index.to_list()
    with pytest.raises(KeyError, match="unknown source of the comparison 'counts 3': did you mean counts"):
        both["counts 3"]


@pytest.mark.parametrize("kind", EVERY)
def test_results_of_the_same_call_are_equal_and_others_are_not(kind):
    one, twin, other = made(kind), made(kind, 1), OTHERS[kind]()
    if kind == "ladder":
        other.dataset = other.dataset.assign(neurons=other["neurons"] + 1)
    assert (one == twin) is True
    assert (one != twin) is False
    assert (one == other) is False
    assert one != 3
    assert one != "count"
    assert one != np.float64(3)
    for again in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert type(again) is type(one)
        assert again == one
        assert repr(again) == repr(one)
    if hasattr(one, "equals"):
        assert one.equals(twin)
        assert not one.equals(other)
        assert not one.equals(None)


@pytest.mark.parametrize("kind", VARIABLES)
def test_a_saved_result_equals_the_one_that_was_saved(kind, tmp_path):
    result = made(kind)
    assert rl.load(result.save(tmp_path / "result.nc")) == result


def test_facts_of_a_result_decide_and_those_of_its_run_do_not():
    one, other = match(nulls={}), match(nulls={})
    other.attrs.update(versions="{}", command="another", details="{}")
    assert one == other
    other.attrs["model_b"] = "another"
    assert one != other


def twins(one, other):
    """Yield the dataclasses within two results, side by side."""
    if isinstance(one, dict):
        one, other = list(one.values()), list(other.values())
    if isinstance(one, list | tuple):
        for pair in zip(one, other, strict=True):
            yield from twins(*pair)
    elif dataclasses.is_dataclass(one):
        yield one, other
        for field in dataclasses.fields(one):
            yield from twins(getattr(one, field.name), getattr(other, field.name))
    elif hasattr(one, "__dict__") and type(one).__module__.startswith("rosettalaw.interface"):
        yield from twins(vars(one), vars(other))


@pytest.mark.parametrize("kind", EVERY)
def test_every_part_of_a_result_equals_its_twin(kind):
    seen = set()
    for one, twin in twins(made(kind), made(kind, 1)):
        if type(one).__name__ not in ("ProfileCurve", "JointProblem"):
            assert (one == twin) is True, type(one)
        seen.add(type(one).__name__)
    assert seen or kind in ("several", "ladder")


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (np.array([1, np.nan]), np.array([1, np.nan]), True),
        (np.array([1, np.nan]), np.array([np.nan, 1]), False),
        (np.array([1.0]), np.array([1.0, 1.0]), False),
        (np.array(["a", None], dtype=object), np.array(["a", None], dtype=object), True),
        (np.array(["a", float("nan")], dtype=object), np.array(["a", float("nan")], dtype=object), True),
        (np.array(["a"]), np.array(["a"], dtype=object), True),
        (np.array([1, 2]), np.array([1.0, 2.0]), True),
        (np.array([]), 3, False),
        (np.array([3, 3]), 3, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"b": 2, "a": 1}, {"a": 1, "b": 2}, True),
        ([1, (2, float("nan"))], (1, [2, float("nan")]), True),
        ([1], [1, 2], False),
        ("a", ["a"], False),
        (None, 0, False),
        (np.float64(2), 2.0, True),
        (np.float64("nan"), float("nan"), True),
        (float("nan"), 0.0, False),
    ],
)
def test_contents(one, other, equal):
    assert same(one, other) is equal
    assert same(other, one) is equal
