"""The table of mutations: a row for each formula of the theory, each seen by a test that there is."""

import ast
import pathlib

from tests.mutations import __main__ as command
from tests.mutations import changes, suite, table

ROWS = table.read()
NOT_RUN = 0  # rows still to be run; this number only falls


def test_every_module_of_the_theory_is_mutated_or_has_no_formula():
    modules = {path.stem for path in (changes.ROOT / "theory").glob("*.py")}
    assert modules >= changes.WITHOUT_FORMULAS
    assert set(changes.modules()) == modules - changes.WITHOUT_FORMULAS
    assert all((changes.ROOT / folder).is_dir() for folder in suite.FOLDERS)


def test_the_table_and_the_formulas_agree():
    """A formula that is new needs its row: `python -m tests.mutations --missing`."""
    rows = [row["formula"] for row in ROWS]
    assert list(dict.fromkeys(rows)) == table.names()
    assert sum(row["red"] == table.UNRUN for row in ROWS) <= NOT_RUN


def test_every_row_is_of_a_test_that_turned_red():
    assert set(command.EQUIVALENT) <= set(table.names())
    for row in ROWS:
        if row["red"] in (suite.ENDLESS, table.UNRUN):  # what never ends nobody can overlook
            continue
        if row["red"].startswith("(equivalent: "):  # no result changes, for the reason that follows
            assert row["formula"] in command.EQUIVALENT, row
            continue
        path, _, test = row["red"].partition("::")
        assert test, row
        assert test.partition("[")[0] in pathlib.Path(changes.ROOT, path).read_text(encoding="utf-8"), row


def test_a_mutation_changes_one_operator():
    source = ast.unparse(changes.tree("budgets"))
    mutation = changes.Mutation("PowerBudget.total", 0)
    changed = ast.unparse(mutation.visit(changes.tree("budgets")))
    assert mutation.change == (
        "self.kappa * np.asarray(neurons, dtype=float) ** self.theta"
        " → self.kappa / np.asarray(neurons, dtype=float) ** self.theta"
    )
    lines = zip(source.splitlines(), changed.splitlines(), strict=True)
    assert sum(before != after for before, after in lines) == 1


def test_what_does_not_end_is_not_seen_and_the_next_operator_is_tried():
    class Answers:
        def __init__(self, *red):
            self.red = red

        def first_red(self, module, mutation, reach):
            return self.red[mutation.index]

    def rows(*red):
        return [row["red"] for row in command.mutants(Answers(*red), {}, "levels", "_fill", len(red), False)]

    assert rows(suite.ENDLESS, "tests/a.py::test") == ["tests/a.py::test"]
    assert rows(suite.ENDLESS, suite.ENDLESS) == [suite.ENDLESS]
    assert rows("", "tests/a.py::test") == [command.UNSEEN]
