"""Kinds of arguments, read from annotations: an object of another kind is refused by name before anything is computed.

Values are not judged here. Arrays, and all that is annotated `Any`, are left to the function, which knows more of them.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Set
from functools import lru_cache, reduce, wraps
from inspect import Parameter, signature
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from .errors import CallError, InputError

P = ParamSpec("P")
R = TypeVar("R")
PATH = "os.PathLike"
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://|(https?|ftp|file|s3|gs|hf):/", re.IGNORECASE)
SIMPLE = {"bool", "float", "int", "None", "str"}
_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def checked(example: str, *names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator: arguments of kinds that the annotations do not allow raise `InputError` with the example.

    With names only these arguments are looked at; the function judges the others itself.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        parameters = signature(function).parameters.values()
        stated = [one for one in parameters if one.annotation is not Parameter.empty]  # `self` has none
        kinds = {one.name: one.annotation for one in stated if not names or one.name in names}
        positional = [one.name for one in parameters if one.kind in _POSITIONAL]
        place = function.__module__
        called: Callable[..., R] = function

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            for name, value in (*zip(positional, args, strict=False), *kwargs.items()):
                if name in kinds:
                    check(name, value, kinds[name], place, example)
            plain = [_plain(value, kinds.get(name, "")) for name, value in zip(positional, args, strict=False)]
            named = {name: _plain(value, kinds.get(name, "")) for name, value in kwargs.items()}
            try:
                return called(*plain, *args[len(plain) :], **named)
            except TypeError:
                require_call(function, args, kwargs, example)
                raise

        return call

    return decorate


def require_call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], example: str) -> None:
    """Raise `CallError` if a function cannot be called so: a name that it lacks, one that is missing, or too many."""
    taken = signature(function)
    try:
        taken.bind(*args, **kwargs)
    except TypeError as error:
        unknown = next((name for name in kwargs if name not in taken.parameters), "")
        near = difflib.get_close_matches(unknown, taken.parameters, n=3, cutoff=0.5)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        raise CallError(f"{function.__name__}: {error}{hint}. Try: {example}") from None


def checked_options(options: Mapping[str, Any], function: Callable[..., Any], example: str) -> dict[str, Any]:
    """Return further arguments of a function; numbers, truth values and texts of another kind raise `InputError`."""
    parameters, checked_ones = signature(function).parameters, {}
    for name, value in options.items():
        annotation = parameters[name].annotation
        simple = isinstance(annotation, str) and set(map(_name, _members(annotation))) <= SIMPLE
        if simple:
            check(name, value, annotation, function.__module__, example)
        checked_ones[name] = _plain(value, annotation) if simple else value
    return checked_ones


def _plain(value: Any, annotation: str) -> Any:
    """Return a whole number or a truth value as Python's own (JSON, `range` and `is False` know no others), and a path.

    The home folder takes the place of ``~`` in a path.
    """
    kinds = set(map(_name, _members(annotation)))
    if PATH in kinds and is_path(value):
        return _expanded(value)
    if type(value) in (int, bool, float, str, type(None)) and not (type(value) is float and "int" in kinds):
        return value
    if "bool" in kinds and "int" not in kinds and is_truth(value):
        return bool(value)
    return int(value) if "int" in kinds and "float" not in kinds and is_whole(value) else value


def check_fields(instance: Any, example: str) -> None:
    """Raise `InputError` unless the fields of a dataclass are of the kinds that its annotations say."""
    for name, kind in type(instance).__annotations__.items():
        check(name, getattr(instance, name), kind, type(instance).__module__, example)


def check(argument: str, value: Any, annotation: str, module: str, example: str) -> None:
    """Raise `InputError` unless a value, and each that it contains, is of the kind that an annotation says.

    Raises
    ------
    InputError
        With the kinds that are allowed, in words.
    """
    kinds = _members(annotation)
    fitting = [kind for kind in kinds if _fits(value, kind, module)]
    if not fitting:
        words = " or ".join(dict.fromkeys(_words(kind, module) for kind in kinds))
        hint = "; this is a class, not an object of it" if isinstance(value, type) else ""
        raise InputError(argument, value, f"must be {words}{hint}", example)
    if PATH in map(_name, kinds):
        on_disk(argument, value, example)
    inner = next((kind for kind in map(_content, fitting) if kind), None)
    if inner:
        for name, one in _entries(argument, value):
            check(name, one, inner, module, example)


def is_number(value: Any) -> bool:
    """Return whether an object is one real number: no text, no truth value, and no array of several."""
    if isinstance(value, Real):
        return not isinstance(value, bool)
    return getattr(value, "ndim", None) == 0 and getattr(getattr(value, "dtype", None), "kind", "f") in "iuf"


def is_whole(value: Any) -> bool:
    """Return whether an object is one whole number."""
    return is_number(value) and (isinstance(value, Integral) or float(value).is_integer())


def is_list(value: Any) -> bool:
    """Return whether an object is a list, a tuple, an array or a column: in order, and of several entries."""
    if isinstance(value, str | bytes | bytearray | memoryview | Mapping | Set | type) or getattr(value, "ndim", 1) == 0:
        return False
    return hasattr(value, "__len__") and hasattr(value, "__iter__")


def is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def on_disk(argument: str, value: Any, example: str) -> Any:
    """Return a path with the home folder in place of ``~``, and any other object as it is.

    Raises
    ------
    InputError
        If a path is blank, which would be the current folder, or an address of the web.
    """
    if not is_path(value):
        return value
    text = os.fspath(value)
    if isinstance(text, str):
        blank = not text.strip()
        if blank or "\0" in text:
            rule = (
                "must name a file or a folder; it is blank" if blank else "must be a path; it contains a NUL character"
            )
            raise InputError(argument, text, rule, example)
        require_no_address(argument, text)
    return _expanded(value)


def require_no_address(argument: str, text: str) -> None:
    """Refuse an address of the web where a path is wanted, unless a file has that name."""
    if ADDRESS.match(text) and not os.path.exists(text):
        rule = "must be a path on a disk, not an address of the web"
        raise InputError(argument, text, rule, "the path of a copy on a disk")


def _expanded(value: Any) -> Any:
    home = os.fspath(value)
    if not isinstance(home, str) or not home.startswith("~"):
        return value
    return os.path.expanduser(home) if isinstance(value, str) else Path(os.path.expanduser(home))


def is_truth(value: Any) -> bool:
    """Return whether an object is True or False, also as NumPy has them and as 0 and 1."""
    return isinstance(value, bool) or type(value).__name__ == "bool" or (is_whole(value) and value in (0, 1))


_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "float": ("a number", is_number),
    "int": ("a whole number", is_whole),
    "bool": ("True or False", is_truth),
    "str": ("text", lambda value: isinstance(value, str)),
    "None": ("None", lambda value: value is None),
    "os.PathLike": ("a path", lambda value: isinstance(value, os.PathLike)),
    "Mapping": ("a dictionary", lambda value: isinstance(value, Mapping)),
    "Sequence": ("a list", is_list),
    "tuple": ("a list", is_list),
    "Iterable": ("a list", lambda value: hasattr(value, "__iter__") and not isinstance(value, str | bytes | type)),
    "Callable": ("a function", lambda value: callable(value) and not isinstance(value, type)),
}


@lru_cache
def _members(annotation: str) -> tuple[str, ...]:
    """Return the kinds of a union."""
    members, depth, start = [], 0, 0
    for at, sign in enumerate(annotation + "|"):
        depth += (sign == "[") - (sign == "]")
        if sign == "|" and not depth:
            members.append(annotation[start:at].strip())
            start = at + 1
    return tuple(members)


@lru_cache
def _content(kind: str) -> str:
    """Return the kind of the entries of a list, or of the values of a dictionary; nothing if none is said."""
    content = re.fullmatch(r"(?:Sequence|Iterable)\[(.*)\]|Mapping\[str, (.*)\]|tuple\[(.*), \.\.\.\]", kind)
    return next(filter(None, content.groups()), "") if content else ""


def _name(kind: str) -> str:
    return kind.partition("[")[0]


def _fits(value: Any, kind: str, module: str) -> bool:
    if _name(kind) in _KINDS:
        return _KINDS[_name(kind)][1](value)
    known = _class(kind, module)
    return known is None or isinstance(value, known)


def _class(kind: str, module: str) -> type | None:
    """Return the class that a name is in a module, or None where it is none, or not loaded."""
    first, *rest = _name(kind).split(".")
    try:
        named = reduce(getattr, rest, getattr(sys.modules[module], first))
    except AttributeError:
        return None
    return named if isinstance(named, type) and named is not Any else None


def _words(kind: str, module: str) -> str:
    if _name(kind) in _KINDS:
        return _KINDS[_name(kind)][0]
    name = _name(kind).rpartition(".")[2]
    return f"an {name}" if name[0] in "AEIO" else f"a {name}"


def _entries(argument: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Return the entries of a list or a dictionary by name; none of an iterator, which would be used up."""
    if isinstance(value, Mapping):
        return ((f"{argument}[{key!r}]", one) for key, one in value.items())
    if isinstance(value, Iterator):
        return iter(())
    return ((f"{argument}[{at}]", one) for at, one in enumerate(value))
