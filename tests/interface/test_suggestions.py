"""Calls that messages suggest ("Try: …"): each of them runs, those written in the source and those made for a value."""

import ast
import inspect
import io
import itertools
import re
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import pandas
import pytest
import scipy
import sympy

import rosettalaw
from rosettalaw import testing, theory, validation
from rosettalaw.errors import InputError, RosettaError
from rosettalaw.theory import derivation
from rosettalaw.validation.demands import Estimate
from rosettalaw.validation.reproducibility import fit_reproducibility
from rosettalaw.validation.seeds.components import Components
from tests.interface.test_wrong_objects import CALLS, WRONG

ROOT = Path(__file__).parents[2]
FOLDERS = ("theory", "validation", "src/rosettalaw/testing")
BETWEEN = re.compile(r", or (?=\w+[.(])| or (?=\w+\()|, which |; or a ladder")
N, R = [256, 512, 1024, 2048], [31, 46, 70, 101]


def _calls(node):
    """Return the name that an expression calls, with its attributes left out; None if it is no call."""
    if not isinstance(node, ast.Call):
        return None
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def suggestions(text):
    """Return the calls within the words of an example."""
    for part in map(str.strip, BETWEEN.split(text)):
        try:
            called = _calls(ast.parse(part, mode="eval").body)
        except SyntaxError:
            continue
        if called and called.isascii() and called not in ("Var", "s", "log"):
            yield part


def written():
    """Return every call in a text of the source that is no docstring, and the file that it is in."""
    calls = {}
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        sole = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in sole:
                for call in suggestions(node.value):
                    calls.setdefault(call, path.relative_to(ROOT).as_posix())
    return sorted(calls.items())


@cache
def letters():
    """Return the names that examples use without saying what they are: the reader's own data and results."""
    rng = np.random.default_rng(0)
    rho = {f"rho_{size}": np.linspace(0.35, 0.95, count) for size, count in zip(N, R, strict=True)}
    known = {name: getattr(derivation, name) for name in ("exponent", "tolerance")}
    model = theory.Model(theory.PowerLaw(1.6))
    pair = np.array([[0, 1], [1, 2], [2, 0]])
    return {
        **{
            name: getattr(module, name)
            for module in (rosettalaw, theory, validation, testing)
            for name in module.__all__
        },
        **known,
        **rho,
        **{f"rho_{a}{b}": rng.uniform(0.4, 0.6, 30) for a, b in ("ab", "ac", "ad", "bc", "bd", "cd")},
        "forecast": rosettalaw.forecast,
        "np": np,
        "scipy": scipy,
        "rosettalaw": rosettalaw,
        "inspect": inspect,
        "neurons": N,
        "counts": R,
        "s": np.ones(2),
        "price": np.ones(2),
        "log_price": np.ones(2),
        "correlations": list(rho.values()),
        "weights": [4.0, 2.0, 1.0],
        "budget": 3.0,
        "model": model,
        "ds": rosettalaw.sweep(N, 1.5),
        "allocation": theory.allocate([1.0, 0.5], 3.0),
        "profile": validation.fit_profile([0.9, 0.8, 0.65, 0.5]),
        "design": validation.Design((128, 256, 512)),
        "ab": pair,
        "bc": pair,
        "ac": pair,
        "pairs": pair,
        "pairs_0": pair,
        "pairs_1": pair,
    }


class Table:
    """A reader's own table: rows or columns of an array, and a frame."""

    def __getitem__(self, key):
        return (N, R)[key[1] if isinstance(key, tuple) else key]

    def to_pandas(self):
        return pandas.DataFrame({"neurons": N, "count": R})


@cache
def results(file):
    """Return the results that a module calls by short names in its examples."""
    data, rng = validation.clean(N, R), np.random.default_rng(1)
    if file == "validation/model_fit.py":
        return {"fit": validation.fit_model(lambda beta: theory.Model(theory.PowerLaw(beta)), data)}
    if file == "validation/joint_result.py":
        return {"fit": validation.fit_jointly(validation.Observations(N, R))}
    if file == "validation/analysis.py":
        return {"analysis": validation.analyse(N, R)}
    if file == "validation/demands.py":
        return {"estimate": Estimate(0.9, 0.1, (0.7, 1.1), 3.0)}
    if file == "validation/seeds/components.py":
        return {"components": Components(0.01, 0.01, 0.02, 6.0)}
    if file == "validation/reproducibility.py":
        scores = rng.standard_normal((2, 30))
        names = ("margins_on_one_half", "margins_on_the_other")
        return {"fit_reproducibility": fit_reproducibility, **dict(zip(names, scores, strict=True))}
    if file == "validation/in_memory.py":
        lines = "".join(f"\n{size},{count}" for size, count in zip(N, R, strict=True))
        file = io.StringIO(f"neurons,count{lines}")
        return {"table": Table(), "pandas": pandas, "file": file, "sizes": N, "counts": R}
    if file == "theory/derivation.py":
        return {"s": derivation.s, "r0": derivation.r0, "log": sympy.log}
    return {}


# Calls with "..." for the reader's own arguments, and what stands there.
OPEN = {
    "np.maximum(..., 0)": "np.maximum(s, 0)",
    "fit(pandas.DataFrame(...))": "fit(pandas.DataFrame({'neurons': neurons, 'count': counts}))",
}
# Calls that need files, or results that take long: tests of their own run them.
ELSEWHERE = ("read_series(", "compare_series(", "analyse_series(", "read_triangle('", "measure_attenuation(")
ELSEWHERE += ("load('", "measure_ladder('")


@pytest.mark.parametrize(("call", "file"), written(), ids=lambda one: one[:60])
def test_calls_in_the_source_run(call, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if call.startswith(ELSEWHERE):
        return
    own = {**letters(), **results(file)}
    if call.startswith("fit.sample("):  # of minutes
        call = f"inspect.signature(fit.sample).bind{call.removeprefix('fit.sample')}"
    if call.startswith("counts."):
        call = f"clean(neurons, {call.replace('.', ').', 1)}"
    eval(OPEN.get(call, call), own)


@pytest.fixture(autouse=True)
def close_figures():
    """Calls with plots leave figures open."""
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def crossed():
    """Return the calls that public functions suggest when one argument after the other is of a wrong kind."""
    calls = {}
    for function, good in CALLS:
        for argument, wrong in itertools.product(good, WRONG):
            try:
                function(**good | {argument: wrong})
            except InputError as refused:
                for call in suggestions(refused.example):
                    calls.setdefault(call, f"{function.__name__}({argument}={wrong!r})")
            except RosettaError:
                pass
    return calls


def test_calls_suggested_for_wrong_values_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = {call for call, _ in written()}
    made = {call for call in crossed() if call not in seen and not call.startswith(ELSEWHERE)}
    assert len(made) >= 4
    table = {"my sizes": [128, 256, 512], "my counts": [21, 33, 48]}
    for call in made:
        eval(call, {**letters(), "table": table})


def test_calls_suggested_by_families_run():
    """Each parameter of each family in turn is negative or not a number: PowerBudget without κ was once suggested."""
    for table in (theory.spectra.SPECTRA, theory.utilities.UTILITIES, theory.budgets.COSTS, theory.budgets.BUDGETS):
        for family in table.values():
            names = [one.name for one in fields(family)]
            for name, wrong in itertools.product(names, (-1.0, np.nan, "1", [1.0, 2.0], None)):
                try:
                    family(**dict.fromkeys(names, 1.5) | {name: wrong})
                except InputError as refused:
                    eval(refused.example, letters())
