"""Messages of the command line in the notation of Python: ``--null-permutations 0`` becomes ``null_permutations=0``.

A command that has a function becomes its call: ``rosettalaw.match('a.npy', 'b.npy')``.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import InputError, MissingFileError, RosettaError, naming_extras

OPTION = re.compile(r"--([a-z](?:[a-z-]*[a-z])?)(?: ([A-Za-z0-9_./]+(?:[,:@][A-Za-z0-9_./]+)*))?")
NUMBER = re.compile(r"[0-9.]+(e[0-9]+)?")
FLAGS = ("absolute", "allow_pickle_weights", "exclude_nonfinite")  # options without a value: a word after them is prose
COMMAND = re.compile(r"rosettalaw (match|fit|compare)((?: [A-Za-z0-9_./]+)+)((?: --[a-z-]+ [A-Za-z0-9_./]+)*)")


@contextmanager
def in_python() -> Iterator[None]:
    """Raise `InputError` with the names of arguments in place of options, and name extras that are missing."""
    try:
        with naming_extras():
            yield
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG or isinstance(error, RosettaError):
            raise
        raise MissingFileError(f"{str(error.filename)[:80]}…: no such file (its name is too long)") from error
    except RosettaError as error:
        if not isinstance(error, InputError):
            message, said, example = str(error).partition("Try: ")
            if type(error) is not RosettaError or "--" not in example:
                raise
            raise RosettaError(f"{message}{said}{_translated(example)}") from error
        from ..validation.counts import AT_SIZES

        if error.example == AT_SIZES:
            raise InputError(error.argument, error.value, error.rule, "fit([128, 256, 512], [21, 33, 48])") from error
        if "--" not in f"{error.argument} {error.rule} {error.example}" and not COMMAND.fullmatch(error.example):
            raise
        argument = error.argument.lstrip("-").replace("-", "_") if error.argument.startswith("--") else error.argument
        raise InputError(argument, error.value, _translated(error.rule), _translated(error.example)) from error


def _translated(text: str) -> str:
    command = COMMAND.fullmatch(text)
    if command is None:
        return OPTION.sub(_argument, text)
    arguments = [repr(word) for word in command[2].split()]
    return f"rosettalaw.{command[1]}({', '.join([*arguments, *map(_argument, OPTION.finditer(command[3]))])})"


def _argument(option: re.Match[str]) -> str:
    name, value = option[1].replace("-", "_"), option[2]
    if name in FLAGS:
        return f"{name}=True{option[0].partition(' ')[1]}{value or ''}"
    if value is None:
        return name
    if all(map(NUMBER.fullmatch, value.split(","))):
        return f"{name}=[{value.replace(',', ', ')}]" if "," in value else f"{name}={value}"
    return f"{name}={value!r}"
