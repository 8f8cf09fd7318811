"""The formulas of a module of the theory, and one change of one of them, by its syntax tree."""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[2]
# Modules whose operators are of words, drawings and places in arrays, none of a formula.
WITHOUT_FORMULAS = {
    *("__init__", "certificate", "contracts", "drawings", "expressions", "families", "grids", "kernel_runs"),
    *("lazy_grids", "roots", "theory_pages", "travelling", "typesetting"),
}
# Members of families: their methods are formulas also where they call one function of NumPy alone.
MEMBERS = {
    *("PowerLaw", "Exponential", "StretchedExponential", "LogQuadratic", "BrokenPowerLaw", "ZipfMandelbrot"),
    *("LognormalQuantiles", "Empirical", "Log", "CRRA", "PurePower", "Saturating", "SquaredError"),
    *("UnitCost", "PowerCost", "LinearBudget", "PowerBudget"),
}
SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult}


def modules() -> list[str]:
    """Return the modules of the theory that have formulas, in the order of their names."""
    return sorted({path.stem for path in (ROOT / "theory").glob("*.py")} - WITHOUT_FORMULAS)


def tree(module: str) -> ast.Module:
    """Return the syntax tree of a module of the theory."""
    return ast.parse((ROOT / f"theory/{module}.py").read_text(encoding="utf-8"))


def formulas(module: str) -> Iterator[tuple[str, int]]:
    """Yield the formulas of a module, and how many operators each has.

    A formula is a function with operators, or a public method of a family that returns something computed.
    """

    def walk(node, path):
        for inner in node.body:
            if isinstance(inner, ast.ClassDef):
                yield from walk(inner, [*path, inner.name])
            elif isinstance(inner, ast.FunctionDef):
                body = ast.Module(inner.body, [])
                number = sum(map(is_operator, ast.walk(body)))
                returned = [
                    one.value for one in ast.walk(body) if isinstance(one, ast.Return) and one.value is not None
                ]
                computes = any(isinstance(one, ast.Call | ast.Attribute) for one in returned)
                public = not inner.name.startswith("_") and not inner.decorator_list
                if number or (public and computes and path and path[0] in MEMBERS):
                    yield ".".join([*path, inner.name]), number

    yield from walk(tree(module), [])


def is_operator(node: ast.AST) -> bool:
    """Return whether a node is arithmetic: a sign of more than a number, or an operator between no texts."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant)
    if not isinstance(node, ast.BinOp) or type(node.op) not in SWAPS:
        return False
    sides = (node.left, node.right)
    return not any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in sides
    )


class Mutation(ast.NodeTransformer):
    """One change of a module's source: operator number `index` of one formula; below 0 its results times 1.01."""

    def __init__(self, formula: str, index: int):
        self.formula, self.index = formula, index
        self.line, self.change = 0, ""
        self._path: list[str] = []

    def visit_ClassDef(self, node):
        self._path.append(node.name)
        self.generic_visit(node)
        self._path.pop()
        return node

    def visit_FunctionDef(self, node):
        self._path.append(node.name)
        if ".".join(self._path) == self.formula:
            change = _Scaled(self) if self.index < 0 else _Swapped(self)
            node.body = [change.visit(statement) for statement in node.body]
        else:
            self.generic_visit(node)
        self._path.pop()
        return node


class _Swapped(ast.NodeTransformer):
    def __init__(self, owner: Mutation):
        self.owner, self.seen = owner, 0

    def generic_visit(self, node):
        if not is_operator(node):
            return super().generic_visit(node)
        number = self.seen
        self.seen += 1
        if number != self.owner.index:
            return super().generic_visit(node)
        before = ast.unparse(node)
        new = (
            node.operand if isinstance(node, ast.UnaryOp) else ast.BinOp(node.left, SWAPS[type(node.op)](), node.right)
        )
        self.owner.line, self.owner.change = node.lineno, f"{before} → {ast.unparse(new)}"
        return ast.copy_location(new, node)


class _Scaled(ast.NodeTransformer):
    def __init__(self, owner: Mutation):
        self.owner = owner

    def visit_Return(self, node):
        before = ast.unparse(node.value)
        new = ast.BinOp(node.value, ast.Mult(), ast.Constant(1.01))
        self.owner.line, self.owner.change = node.lineno, f"{before} → {ast.unparse(new)}"
        return ast.copy_location(ast.Return(new), node)
