"""Mutation of the theory's formulas: ``python -m tests.mutations`` changes them one by one and runs the property suite.

For each formula (a function or method of ``theory/`` that computes) one operator is changed: + and −, × and ÷, a
power and a product, a sign; the first of them, or with ``--all`` every one. A formula without any has its result
multiplied by 1.01. Each mutant is a process of its own, forked with the theory imported, in which the function's code
is exchanged; kernels that numba compiles are imported anew from the changed source. Files stay as they are. Formulas
are named by parts of their names (``spectra CRRA.value``).

The table is written to ``docs/testing/mutations.csv``: formula, line, what was changed, and the test that turned red.
It is written after each formula, rows of formulas that were not asked for stay, and ``--missing`` runs those without a
row. A mutant that does not end shows nothing: the next operator of its formula is tried instead.
"""

from __future__ import annotations

import argparse
import ast
import csv
import importlib.abc
import importlib.util
import os
import pathlib
import signal
import sys
import tempfile
import time
import types
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[1]
TABLE = ROOT / "docs/testing/mutations.csv"
FAMILIES = "tests/properties/test_families.py"
MODELS = "tests/properties/test_models.py"
OWN = ["tests/theory/test_own_theory.py"]
# The part of the property suite that holds each module's formulas; the first file that fails ends a run.
SUITE = {
    "spectra": [FAMILIES, "tests/theory/test_families.py", MODELS],
    "utilities": [FAMILIES, "tests/properties/test_own_families.py", "tests/theory/test_families.py", MODELS],
    "budgets": [FAMILIES, "tests/theory/test_families.py", MODELS],
    "allocation": ["tests/theory/test_allocation.py", MODELS],
    "levels": ["tests/theory/test_solved_or_refused.py", "tests/theory/test_allocation.py", MODELS],
    "model": [MODELS, "tests/theory/test_solved_or_refused.py", "tests/theory/test_model.py"],
    "power_law": ["tests/theory/test_power_law.py", "tests/theory/test_solution.py"],
    "predictions": ["tests/theory/test_power_law.py", "tests/theory/test_finite_size.py"],
    "solution": ["tests/theory/test_solution.py", "tests/theory/test_solved_or_refused.py"],
    "specialization": ["tests/theory/test_specialization.py"],
    "superposition": ["tests/theory/test_superposition.py"],
    "detectability": ["tests/theory/test_detectability.py"],
    "derivation": ["tests/theory/test_derivation.py"],
    "chain": ["tests/theory/test_derivation.py"],
    "inverse": ["tests/theory/test_inverse.py"],
    "sensitivities": ["tests/theory/test_sensitivities.py"],
    "model_sensitivities": ["tests/theory/test_sensitivities.py"],
    "own_steps": OWN,
    "own_theory": OWN,
    "growth": OWN,
    "limits": OWN,
    "rank_integrals": OWN,
    "parameters": ["tests/theory/test_sweep.py", "tests/theory/test_power_law.py"],
    "sweeps": ["tests/theory/test_sweep.py"],
    "model_sweeps": ["tests/theory/test_model_sweeps.py"],
}
# Modules whose operators are of words, drawings and places in arrays, none of a formula.
WITHOUT_FORMULAS = {
    *("__init__", "drawings", "expressions", "families", "grids", "lazy_grids", "roots", "theory_pages", "typesetting"),
}
# Members of families: their methods are formulas also where they call one function of NumPy alone.
MEMBERS = {
    *("PowerLaw", "Exponential", "StretchedExponential", "LogQuadratic", "BrokenPowerLaw", "ZipfMandelbrot"),
    *("LognormalQuantiles", "Empirical", "Log", "CRRA", "PurePower", "Saturating", "SquaredError"),
    *("UnitCost", "PowerCost", "LinearBudget", "PowerBudget"),
}
SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult}
# Formulas of which a change leaves all results as they are, and why.
EQUIVALENT: dict[str, str] = {}
NOTHING = "(unchanged)"  # the suite against the source as it is: green, or the table says nothing
ENDLESS = "did not end"
LIMIT = 300  # seconds


class Mutation(ast.NodeTransformer):
    """One change of a module's source: operator number `index` of one formula."""

    def __init__(self, formula: str, index: int):
        self.formula, self.index = formula, index
        self.line, self.change, self._path, self._seen = 0, "", [], 0

    def visit_ClassDef(self, node):
        self._path.append(node.name)
        self.generic_visit(node)
        self._path.pop()
        return node

    def visit_FunctionDef(self, node):
        self._path.append(node.name)
        if ".".join(self._path) == self.formula:
            node.body = [self._change(statement) for statement in node.body]
        else:
            self.generic_visit(node)
        self._path.pop()
        return node

    def _change(self, statement):
        if self.index < 0:
            return _Scaled(self).visit(statement)
        return _Swapped(self).visit(statement)


class _Swapped(ast.NodeTransformer):
    def __init__(self, owner):
        self.owner = owner

    def generic_visit(self, node):
        if not _is_operator(node):
            return super().generic_visit(node)
        owner, number = self.owner, self.owner._seen
        owner._seen += 1
        if number != owner.index:
            return super().generic_visit(node)
        owner.line, before = node.lineno, ast.unparse(node)
        new = (
            node.operand if isinstance(node, ast.UnaryOp) else ast.BinOp(node.left, SWAPS[type(node.op)](), node.right)
        )
        owner.change = f"{before} → {ast.unparse(new)}"
        return ast.copy_location(new, node)

    def visit_FunctionDef(self, node):
        return super().generic_visit(node)


class _Scaled(ast.NodeTransformer):
    def __init__(self, owner):
        self.owner = owner

    def visit_Return(self, node):
        self.owner.line, before = node.lineno, ast.unparse(node.value)
        new = ast.BinOp(node.value, ast.Mult(), ast.Constant(1.01))
        self.owner.change = f"{before} → {ast.unparse(new)}"
        return ast.copy_location(ast.Return(new), node)


def _is_operator(node) -> bool:
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant)
    text = isinstance(node, ast.BinOp) and any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )
    return isinstance(node, ast.BinOp) and type(node.op) in SWAPS and not text


def formulas(module: str) -> Iterator[tuple[str, int]]:
    """Yield the formulas of a module, and how many operators each has.

    A formula is a public function or method that returns something computed, or a private one with operators.
    """

    def walk(node, path):
        for inner in node.body:
            if isinstance(inner, ast.ClassDef):
                yield from walk(inner, [*path, inner.name])
            elif isinstance(inner, ast.FunctionDef):
                body = ast.Module(inner.body, [])
                number = sum(map(_is_operator, ast.walk(body)))
                returned = [
                    one.value for one in ast.walk(body) if isinstance(one, ast.Return) and one.value is not None
                ]
                computes = any(isinstance(one, ast.Call | ast.Attribute) for one in returned)
                public = not inner.name.startswith("_") and not getattr(inner, "decorator_list", [])
                if number or (public and computes and path and path[0] in MEMBERS):
                    yield ".".join([*path, inner.name]), number

    yield from walk(ast.parse((ROOT / f"theory/{module}.py").read_text(encoding="utf-8")), [])


class _Source(importlib.abc.Loader, importlib.abc.MetaPathFinder):
    """A finder that gives one module a changed source."""

    def __init__(self, module: str, tree: ast.Module):
        self.name, self.tree = f"rosettalaw.theory.{module}", tree
        self.path = str(ROOT / f"theory/{module}.py")

    def find_spec(self, name, path, target=None):
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(self.tree, self.path, "exec"), module.__dict__)


class _First:
    """A plugin of pytest that remembers the first test that failed."""

    def __init__(self):
        self.failed = ""

    def pytest_runtest_logreport(self, report):
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report):
        if report.failed and not self.failed:
            self.failed = report.nodeid


def run(module: str, formula: str, index: int) -> dict[str, object]:
    """Return the row of one mutant."""
    mutation = Mutation(formula, index)
    source = (ROOT / f"theory/{module}.py").read_text(encoding="utf-8")
    tree = ast.fix_missing_locations(mutation.visit(ast.parse(source)))
    assert mutation.change or formula == NOTHING, formula
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        child = os.fork()
        if not child:
            _in_child(module, formula, tree, out)
        ended = _ended(child)
        out.seek(0)
        red = out.read() if ended else ENDLESS
    if red and "::" not in red and red != ENDLESS:
        raise RuntimeError(f"{module}.{formula}: {red}")
    return {
        "formula": f"{module}.{formula}",
        "line": mutation.line,
        "change": " ".join(mutation.change.split()),
        "red": red or EQUIVALENT.get(f"{module}.{formula}", "NONE"),
        "seconds": round(time.perf_counter() - start, 1),
    }


def _ended(child: int) -> bool:
    """Wait for a child; end it where it takes too long, as a kernel without an end does, which hears no alarm."""
    limit = time.monotonic() + LIMIT + 30
    while time.monotonic() < limit:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _in_child(module: str, formula: str, tree: ast.Module, out) -> None:
    import hypothesis

    status = 1
    try:
        signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError()))
        signal.alarm(LIMIT)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]  # a red test need not be shrunk
        slow = [hypothesis.HealthCheck.too_slow]  # on a busy machine, no fault of the mutant
        hypothesis.settings.register_profile(
            "mutations", phases=phases, database=None, derandomize=True, suppress_health_check=slow
        )
        hypothesis.settings.load_profile("mutations")
        function = None if formula == NOTHING else _function(module, formula)
        if function is not None and not _is_kernel(function):
            function.__code__ = _code(compile(tree, str(ROOT / f"theory/{module}.py"), "exec"), formula)
        elif function is not None:
            for keyword in (one for one in ast.walk(tree) if isinstance(one, ast.keyword) and one.arg == "cache"):
                keyword.value = ast.Constant(False)  # kernels on disk are of the unchanged source
            for name in [name for name in sys.modules if name.split(".")[0] == "rosettalaw"]:
                del sys.modules[name]
            sys.meta_path.insert(0, _Source(module, ast.fix_missing_locations(tree)))
        out.write(_red(module))
        status = 0
    except TimeoutError:
        out.write(ENDLESS)
    except BaseException as error:
        out.write(f"{type(error).__name__}: {error}")
    finally:
        out.flush()
        os._exit(status)


def _red(module: str) -> str:
    """Return the first test of the module's suite that fails; nothing if all pass."""
    import pytest

    options = ["-x", "-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # hypothesis was imported before
    for path in SUITE[module]:
        first = _First()
        pytest.main([*options, str(ROOT / path)], plugins=[first])
        if first.failed:
            return first.failed
    return ""


def _function(module: str, formula: str):
    """Return the function of a formula, without what its decorators put around it."""
    place = importlib.import_module(f"rosettalaw.theory.{module}")
    for name in formula.split("."):
        place = vars(place)[name]
    if isinstance(place, property):
        place = place.fget
    return place if _is_kernel(place) else getattr(place, "__wrapped__", place)


def _is_kernel(function) -> bool:
    """Return whether others hold a function in a form of their own, so that its code cannot be exchanged."""
    return type(function).__name__ == "Kernel"


def _code(code: types.CodeType, formula: str) -> types.CodeType:
    """Return the code of a function within that of its module."""
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            if inner.co_qualname == formula:
                return inner
            if formula.startswith(f"{inner.co_qualname}."):
                return _code(inner, formula)
    raise LookupError(formula)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names of formulas; all without any")
    parser.add_argument("--all", action="store_true", help="every operator, not the first alone")
    parser.add_argument("--missing", action="store_true", help="only formulas that the table does not hold")
    parser.add_argument("--out", default=TABLE, type=pathlib.Path, help="the table")
    chosen = parser.parse_args(arguments)
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("pytest", "hypothesis", "scipy.stats", "xarray", "rosettalaw.testing.strategies"):
        importlib.import_module(name)  # once, before the forks
    table = _read(chosen.out)
    known = {row["formula"] for row in table}
    rows: list[dict[str, object]] = []
    for module in SUITE:
        wanted = [
            (one, number)
            for one, number in formulas(module)
            if any(name in f"{module}.{one}" for name in chosen.names or [""])
            and not (chosen.missing and f"{module}.{one}" in known)
        ]
        red = run(module, NOTHING, 0)["red"] if wanted else "NONE"
        if red != "NONE":
            print(f"{module}: {red} is red without a change", file=sys.stderr)
            return 2
        for formula, number in wanted:
            for row in _mutants(module, formula, number, chosen.all):
                rows.append(row)
                print(*row.values(), sep="  ", flush=True)
            _write(chosen.out, [row for row in table if row["formula"] not in {one["formula"] for one in rows}] + rows)
    unseen = sum("::" not in str(row["red"]) and row["red"] not in EQUIVALENT.values() for row in rows)
    print(f"{len(rows)} mutants, {unseen} of them not seen")
    return 1 if unseen else 0


def _mutants(module: str, formula: str, number: int, every: bool) -> Iterator[dict[str, object]]:
    """Yield the rows of a formula: of every operator, or of the first whose mutant ends."""
    for index in range(number) if number else [-1]:
        row = run(module, formula, index)
        last = index in (-1, number - 1)
        if every or last or row["red"] != ENDLESS:
            yield row
        if not every and row["red"] != ENDLESS:
            return


def _read(path: pathlib.Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [dict(row) for row in csv.DictReader(file)]


def _write(path: pathlib.Path, rows: list[dict[str, object]]) -> None:
    """Write the table, in the order of the modules and of the formulas there, without formulas that are gone."""
    names = [f"{module}.{formula}" for module in SUITE for formula, _ in formulas(module)]
    kept = sorted((row for row in rows if row["formula"] in names), key=lambda row: names.index(str(row["formula"])))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["formula", "line", "change", "red", "seconds"], lineterminator="\n")
        table.writeheader()
        table.writerows(kept)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
