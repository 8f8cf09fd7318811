"""The table of mutations: of formulas that there are, each seen by a test; and no module of the theory left out."""

import ast
import csv
import pathlib

from tests import mutations

ROWS = list(csv.DictReader(mutations.TABLE.read_text(encoding="utf-8").splitlines()))


def test_every_module_of_the_theory_is_mutated_or_has_no_formula():
    modules = {path.stem for path in (mutations.ROOT / "theory").glob("*.py")}
    assert set(mutations.SUITE) | mutations.WITHOUT_FORMULAS == modules
    for files in mutations.SUITE.values():
        assert all((mutations.ROOT / path).is_file() for path in files)


def test_every_row_is_of_a_formula_and_of_a_test_that_turned_red():
    names = {f"{module}.{formula}" for module in mutations.SUITE for formula, _ in mutations.formulas(module)}
    for row in ROWS:
        assert row["formula"] in names
        path, _, test = row["red"].partition("::")
        assert test, row
        assert test.partition("[")[0] in pathlib.Path(mutations.ROOT, path).read_text(encoding="utf-8")


def test_a_mutation_changes_one_operator():
    source = (mutations.ROOT / "theory/budgets.py").read_text(encoding="utf-8")
    mutation = mutations.Mutation("PowerBudget.total", 0)
    changed = ast.unparse(mutation.visit(ast.parse(source)))
    assert mutation.change == (
        "self.kappa * np.asarray(neurons, dtype=float) ** self.theta"
        " → self.kappa / np.asarray(neurons, dtype=float) ** self.theta"
    )
    lines = zip(ast.unparse(ast.parse(source)).splitlines(), changed.splitlines(), strict=True)
    assert sum(before != after for before, after in lines) == 1


def test_what_does_not_end_is_not_seen_and_the_next_operator_is_tried(monkeypatch):
    answers = {0: mutations.ENDLESS, 1: "tests/a.py::test"}
    monkeypatch.setattr(mutations, "run", lambda module, formula, index: {"red": answers[index], "index": index})
    assert [row["index"] for row in mutations._mutants("levels", "_fill", 2, False)] == [1]
    answers[1] = mutations.ENDLESS
    assert [row["red"] for row in mutations._mutants("levels", "_fill", 2, False)] == [mutations.ENDLESS]
