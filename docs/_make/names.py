"""Pages of the public Python names, from each package's ``__all__``."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

FOLDER = "names"
RESULTS = {  # results of the public functions, and where their classes are
    "MatchResult": "rosettalaw.interface.match_result",
    "LadderResult": "rosettalaw.interface.ladder_result",
    "Law": "rosettalaw.interface.law",
    "Comparison": "rosettalaw.interface.comparison",
    "Forecast": "rosettalaw.validation.forecast",
}
PACKAGES = {
    "rosettalaw": "The functions that most work needs, and their errors.",
    "rosettalaw.theory": "The allocation model: solved, swept, derived, and inverted.",
    "rosettalaw.testing": "Laws of the theory as checks, and strategies for tests of your own families.",
}


def pages() -> dict[str, str]:
    """Return a page for each public package, and one for the results."""
    made = {f"{FOLDER}/{package}.rst": "\n".join(_package(package, words)) for package, words in PACKAGES.items()}
    return made | {f"{FOLDER}/results.rst": "\n".join(_results())}


def _package(package: str, words: str) -> Iterator[str]:
    yield f"{package}\n{'=' * len(package)}\n\n{words}\n"
    module = importlib.import_module(package)
    things = {name: getattr(module, name) for name in module.__all__ if not name.startswith("__")}
    for name in sorted(things, key=lambda name: (_is_error(things[name]), name.lower())):
        yield from _object(package, name, things[name])


def _results() -> Iterator[str]:
    yield "Results\n=======\n\nWhat the public functions return.\n"
    for name, module in RESULTS.items():
        yield from _object(module, name, getattr(importlib.import_module(module), name))


def _object(module: str, name: str, thing: object) -> Iterator[str]:
    yield f"{name}\n{'-' * len(name)}\n"
    if inspect.isclass(thing):
        inherited = "" if _is_error(thing) else "   :inherited-members: object\n"
        kind = "exception" if _is_error(thing) else "class"
        yield f".. auto{kind}:: {module}.{name}\n   :members:\n{inherited}"
    else:
        yield f".. autofunction:: {module}.{name}\n"


def _is_error(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(thing, Exception)
