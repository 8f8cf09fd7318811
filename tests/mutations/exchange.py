"""The code of a formula exchanged in this process: for that of a mutation, or for one that says when it is reached."""

from __future__ import annotations

import ast
import builtins
import importlib
import types
from collections.abc import Callable, Iterator
from typing import Any

from rosettalaw.compiled import Kernel

from .changes import ROOT, formulas, modules, tree

REACHED = "__reached__"


def put(module: str, formula: str, changed: ast.Module) -> None:
    """Put the code that a formula has in a changed tree into the place of its own."""
    function = function_of(module, formula)
    new = _code_of(module, formula, changed)
    if not isinstance(function, Kernel):
        function.__code__ = new
        return
    function._function.__code__ = new
    place = importlib.import_module(f"rosettalaw.theory.{module}")
    for kernel in _kernels(place).values():  # those that call it have its code in their own
        kernel.__dict__.pop("interpreted", None)
        kernel.__dict__.pop("compiled", None)
        kernel._options["cache"] = False  # on disk are those of the unchanged source


def mark(reached: Callable[[str], None]) -> None:
    """Have every formula of the theory call `reached` with its name; kernels with those that they call."""
    setattr(builtins, REACHED, reached)
    for module in modules():
        place = importlib.import_module(f"rosettalaw.theory.{module}")
        kernels = _kernels(place)
        names = {formula for formula, _ in formulas(module)}
        marked = ast.fix_missing_locations(_Marked(module, names).visit(tree(module)))
        for formula in names - set(kernels):
            function_of(module, formula).__code__ = _code_of(module, formula, marked)
        for name in kernels:
            _watch(kernels[name], [f"{module}.{one}" for one in _callees(name, kernels)], reached)


def function_of(module: str, formula: str) -> Any:
    """Return the function of a formula, without its decorators; a kernel as it is."""
    place: Any = importlib.import_module(f"rosettalaw.theory.{module}")
    for name in formula.split("."):
        place = vars(place)[name]
    if isinstance(place, property):
        place = place.fget
    if isinstance(place, Kernel):
        return place
    place = getattr(place, "func", place)  # of a cached property
    return getattr(place, "__wrapped__", place)


class _Marked(ast.NodeTransformer):
    def __init__(self, module: str, names: set[str]):
        self.module, self.names, self.path = module, names, []

    def visit_ClassDef(self, node):
        self.path.append(node.name)
        self.generic_visit(node)
        self.path.pop()
        return node

    def visit_FunctionDef(self, node):
        name = ".".join([*self.path, node.name])
        if name in self.names:
            call = ast.Call(ast.Name(REACHED, ast.Load()), [ast.Constant(f"{self.module}.{name}")], [])
            node.body.insert(0, ast.Expr(call))
        return node


def _watch(kernel: Kernel, names: list[str], reached: Callable[[str], None]) -> None:
    """Give a kernel a class of its own, whose forms say that they are used."""

    def watched(form: str) -> property:
        make = getattr(Kernel, form).func

        def use(self):
            for name in names:
                reached(name)
            if form not in self.__dict__:
                self.__dict__[form] = make(self)
            return self.__dict__[form]

        return property(use)

    forms = {form: watched(form) for form in ("interpreted", "compiled")}
    kernel.__class__ = type("Kernel", (Kernel,), forms)


def _callees(name: str, kernels: dict[str, Kernel]) -> set[str]:
    """Return a kernel's name with those of the kernels that it calls, directly or not."""
    known, waiting = set(), [name]
    while waiting:
        one = waiting.pop()
        known.add(one)
        waiting += [each for each in kernels[one]._function.__code__.co_names if each in kernels and each not in known]
    return known


def _kernels(place: types.ModuleType) -> dict[str, Kernel]:
    """Return the kernels that a module defines, without those that it imports."""
    kernels = {name: value for name, value in vars(place).items() if isinstance(value, Kernel)}
    return {name: kernel for name, kernel in kernels.items() if kernel._function.__module__ == place.__name__}


def _code_of(module: str, formula: str, changed: ast.Module) -> types.CodeType:
    """Return the code of a formula within that of its module."""
    for code in _codes(compile(changed, str(ROOT / f"theory/{module}.py"), "exec")):
        if code.co_qualname == formula:
            return code
    raise LookupError(formula)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield inner
            yield from _codes(inner)
