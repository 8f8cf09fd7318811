"""Messages of the command line in the notation of Python: ``--null-permutations 0`` becomes ``null_permutations=0``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import InputError, naming_extras

OPTION = re.compile(r"--([a-z](?:[a-z-]*[a-z])?)(?: ([A-Za-z0-9_./]+))?")


@contextmanager
def in_python() -> Iterator[None]:
    """Raise `InputError` with the names of arguments in place of options, and name extras that are missing."""
    try:
        with naming_extras():
            yield
    except InputError as error:
        if "--" not in f"{error.argument} {error.rule} {error.example}":
            raise
        argument = error.argument.lstrip("-").replace("-", "_") if error.argument.startswith("--") else error.argument
        raise InputError(argument, error.value, _translated(error.rule), _translated(error.example)) from error


def _translated(text: str) -> str:
    return OPTION.sub(_argument, text)


def _argument(option: re.Match[str]) -> str:
    name, value = option[1].replace("-", "_"), option[2]
    if value is None:
        return name
    number = re.fullmatch(r"[0-9.]+(e[0-9]+)?", value)
    return f"{name}={value}" if number else f"{name}={value!r}"
