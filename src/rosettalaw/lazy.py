"""Public names of a package whose modules are imported when a name is first used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
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


def imported(name: str) -> Any:
    """Return a module that this process has imported, None where it has not; nothing is imported to look.

    One that another thread is just importing lacks its names: no object of its types is there yet.
    """
    module = sys.modules.get(name)
    return None if getattr(getattr(module, "__spec__", None), "_initializing", False) else module
