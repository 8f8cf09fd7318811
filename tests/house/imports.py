"""The package's own imports, read from its code: who imports whom, at the top of modules and inside functions."""

import ast
import pathlib
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[2]
ROOMS = ("theory", "sims", "empirical", "validation", "paper_figs")


def modules() -> dict[str, pathlib.Path]:
    """Return every module of the package by its dotted name."""
    files = [(path, path.relative_to(ROOT / "src")) for path in (ROOT / "src").rglob("*.py")]
    for room in ROOMS:
        files += [(path, "rosettalaw" / path.relative_to(ROOT)) for path in (ROOT / room).rglob("*.py")]
    return {".".join(name.with_suffix("").parts).removesuffix(".__init__"): path for path, name in files}


def imports(name: str, path: pathlib.Path, known: dict[str, pathlib.Path]) -> Iterator[str]:
    """Yield the modules that one module imports, those under ``if TYPE_CHECKING`` left out."""
    tree = ast.parse(path.read_text())
    unseen = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or id(node) in unseen:
            continue
        base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        target = ".".join([*base, *([node.module] if node.module else [])])
        for alias in node.names:
            inner = f"{target}.{alias.name}"
            if (found := inner if inner in known else target) in known and found != name:
                yield found


def graph() -> dict[str, set[str]]:
    """Return who imports whom."""
    known = modules()
    return {name: set(imports(name, path, known)) for name, path in known.items()}


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other in a circle (Tarjan's strongly connected components)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in arrows.get(node, ()):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            group = []
            while True:
                group.append(stack.pop())
                if group[-1] == node:
                    break
            if len(group) > 1:
                groups.append(sorted(group))

    for node in arrows:
        if node not in order:
            visit(node)
    return groups
