"""Kernels that are interpreted for a few points and compiled for many.

Loading the compiler takes longer than a few hundred points do, and the first compilation after an installation takes
far longer. A `Kernel` is a function in the subset of Python that numba compiles, written with loops, `math` and
scalars; `Kernel.interpreted` runs it as it is, with floats and lists, and gives the same numbers. Whoever calls it
decides by its size. What Python refuses and numba does not (an overflow, a logarithm of 0) is left to the compiled one.

A file of numba's cache that a power cut or a full disk left damaged is as good as none: the kernel is compiled again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from functools import cache, cached_property, update_wrapper
from types import FunctionType
from typing import Any

from .console import say

ANNOUNCEMENT = "compiling kernels: this takes a few seconds, once per installation"
WITHOUT_CACHE = (
    "compiling kernels: this takes a few seconds in every run, as neither the package's folder nor the user's cache "
    "can be written. Try: NUMBA_CACHE_DIR=another-folder in the environment"
)
_said: list[str] = []
REFUSED = (ArithmeticError, ValueError)  # by Python's math, where numba gives an infinity or NaN


class Kernel:
    """A function that calls other kernels of its module, interpreted or compiled.

    Parameters
    ----------
    function : function
        The kernel.
    **options
        Options of `numba.njit`.
    """

    def __init__(self, function: Callable[..., Any], **options: Any):
        update_wrapper(self, function)
        self._function, self._options = function, options

    def __call__(self, *arguments: Any) -> Any:
        """Return the value at one point, interpreted; for arrays use `compiled`, or `interpreted` with lists."""
        numbers = [one.item() if hasattr(one, "item") else one for one in arguments]  # NumPy's warn where floats raise
        try:
            return self.interpreted(*numbers)
        except REFUSED:
            return self.compiled(*numbers)

    @property
    def in_use(self) -> bool:
        """True once the compiled form was requested, so that it costs little."""
        return "compiled" in self.__dict__

    @cached_property
    def interpreted(self) -> Callable[..., Any]:
        """The function in Python: arrays are lists of floats."""
        return self._linked("interpreted", _Floats())

    @cached_property
    def compiled(self) -> Callable[..., Any]:
        """The function compiled, or loaded from numba's cache."""
        import numpy

        announce_compilation()
        return njit(**self._options)(self._linked("compiled", numpy))

    def _linked(self, form: str, arrays: Any) -> FunctionType:
        """Return the function with the kernels that it calls in one form, and with the `np` of that module."""
        function: Any = self._function
        code, namespace = function.__code__, dict(function.__globals__)
        for name in code.co_names:
            if isinstance(namespace.get(name), Kernel):
                namespace[name] = getattr(namespace[name], form)
        namespace["np"] = arrays
        linked = FunctionType(code, namespace, function.__name__, function.__defaults__)
        linked.__qualname__, linked.__module__ = function.__qualname__, function.__module__
        return linked


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return numba's decorator with these options; without its cache where no folder for it can be written.

    Damaged files of the cache are made again (`Lenient`).
    """

    def decorate(function: Callable[..., Any]) -> Any:
        import numba

        try:
            made: Any = numba.njit(**options)(function)
        except RuntimeError as error:
            if "cannot cache function" not in str(error):
                raise
            _say_once(WITHOUT_CACHE)
            uncached: dict[str, Any] = options | {"cache": False}
            return numba.njit(**uncached)(function)
        if options.get("cache") and hasattr(
            made, "_cache"
        ):  # where another numba keeps it elsewhere, it stays as it is
            made._cache = Lenient(made._cache)
        return made

    return decorate


class Lenient:
    """Numba's cache of one function, in which a file that cannot be read is missing, and one that cannot be written."""

    def __init__(self, cache: Any):
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        if name == "_cache":
            raise AttributeError(name)
        return getattr(self._cache, name)

    def load_overload(self, *arguments: Any) -> Any:
        """Return the compiled function for types of arguments; None, and forget its files, if they are damaged."""
        try:
            return self._cache.load_overload(*arguments)
        except Exception:  # whatever bytes that are no pickle make of it
            with suppress(Exception):
                self._cache.flush()
            return None

    def save_overload(self, *arguments: Any) -> None:
        """Save a compiled function, if the disk takes it."""
        with suppress(Exception):
            self._cache.save_overload(*arguments)


class _Floats:
    """The names of NumPy that kernels use, for lists of floats."""

    inf = math.inf

    @staticmethod
    def empty(size: int) -> list[float]:
        return [0.0] * size

    @staticmethod
    def floor(value: float) -> float:
        return float(math.floor(value)) if math.isfinite(value) else value


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Kernel]:
    """Return the decorator that makes a function a `Kernel`."""
    return lambda function: Kernel(function, **options)


def _say_once(message: str) -> None:
    """Say one message about compilation; no second one in this process."""
    if not _said:
        _said.append(message)
        say(message)


@cache
def announce_compilation() -> None:
    """Say, once for a process, that a kernel of this package is compiled, when one is that numba's cache lacks."""
    try:
        from numba.core import event
    except ImportError:  # another numba: no word
        return

    class Listener(event.Listener):
        def on_start(self, event: Any) -> None:
            compiled = getattr(event.data.get("dispatcher"), "py_func", None)
            if str(getattr(compiled, "__module__", "")).startswith("rosettalaw."):
                _say_once(ANNOUNCEMENT)

        def on_end(self, event: Any) -> None:
            """The end needs no word."""

    event.register("numba:compile", Listener())
