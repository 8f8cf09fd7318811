"""Public names of a package whose modules are imported when a name is first used (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazily(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    names : mapping of str to str
        Each public name, and the module below the package that has it.
    """

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{names[name]}"), name)

    return get, lambda: sorted(names)


def deferred(name: str) -> Any:
    """Return a stand-in for a module that is imported when one of its names is first needed."""
    return _Deferred(name)


class _Deferred:
    def __init__(self, name: str):
        self.__dict__["_module"] = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._module), attribute)
