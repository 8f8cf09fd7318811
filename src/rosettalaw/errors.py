"""Messages for a user when something cannot be done.

Every message names the argument, shows its value, states the rule and gives a call that works.
The command line prints the message alone and exits with code 2; in Python the exceptions are
ordinary subclasses of `ValueError`, `FileNotFoundError` and so on, so that `except` works as expected.
"""

from __future__ import annotations

import difflib
import importlib.util
import json
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class RosettaError(Exception):
    """A condition that the user can correct; its text is the whole message, without a traceback.

    Workers in other processes raise it as it is: pickle restores message and attributes, without making it anew.
    """

    def __reduce__(self) -> Any:
        plain = str | int | float | list | tuple | None
        state = {name: value if isinstance(value, plain) else _brief(value) for name, value in vars(self).items()}
        return _restored, (type(self), self.args, state)


class InputError(RosettaError, ValueError):
    """An argument or a file with a value that the computation cannot use.

    Parameters
    ----------
    argument : str
        Name of the argument as the user typed it (``beta``, ``--text``, a file's column).
    value : Any
        Value as given.
    rule : str
        Rule for the value, as a statement ("must be greater than 0").
    example : str
        A call that works, or the next step.
    """

    def __init__(self, argument: str, value: Any, rule: str, example: str = ""):
        self.argument, self.value, self.rule, self.example = argument, value, rule, example
        message = f"{argument} = {_brief(value)}: {rule}"
        super().__init__(f"{message}. Try: {example}" if example else message)


class MissingFileError(RosettaError, FileNotFoundError):
    """A path that does not exist, is empty or cannot be read."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ForeignFileError(RosettaError, ValueError):
    """A file that is corrupt, half-written, or was not made by this package."""


class MissingExtraError(RosettaError, ImportError):
    """An optional dependency is missing; the message shows the command that installs it like this package."""

    def __init__(self, package: str, extra: str):
        super().__init__(f"{package} is not installed. Try: {install_line(extra)}")


# Extra in which an optional module is, by the name under which it is imported.
EXTRAS = {
    **dict.fromkeys(("torch", "transformers", "tokenizers", "safetensors", "accelerate", "zstandard"), "measure"),
    **dict.fromkeys(("huggingface_hub",), "measure"),
    **dict.fromkeys(("PIL", "skimage", "sklearn"), "vision"),
    **dict.fromkeys(("zarr", "pyarrow"), "arrays"),
    "diffusers": "diffusion",
    "datasets": "datasets",
    "distributed": "cluster",
    "hypothesis": "testing",
    "peft": "filter",
    "gguf": "gguf",
}
PACKAGES = {"PIL": "pillow", "skimage": "scikit-image", "sklearn": "scikit-learn"}


def installed(module: str) -> bool:
    """Return whether a module can be imported; it is not."""
    try:
        there = module in sys.modules or importlib.util.find_spec(module) is not None
    except ImportError:  # of an importer that refuses it
        there = False
    return there and sys.modules.get(module, True) is not None


def require_extra(*modules: str) -> None:
    """Raise `MissingExtraError` unless modules can be imported; none of them is."""
    for module in modules:
        if not installed(module):
            raise MissingExtraError(PACKAGES.get(module, module), EXTRAS[module])


@contextmanager
def naming_extras() -> Iterator[None]:
    """Raise `MissingExtraError` where a module of an extra cannot be imported."""
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in EXTRAS:
            raise
        raise MissingExtraError(PACKAGES.get(module, module), EXTRAS[module]) from error


def install_line(extra: str) -> str:
    """Return the command that installs an extra: from the folder that this package was installed from, if it was."""
    name = f"rosettalaw[{extra}]"
    from importlib.metadata import distributions
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    # A source tree may have a second entry beside that of the installation, which knows where it came from.
    stated = [one.read_text("direct_url.json") for one in distributions(name="rosettalaw")]
    origin = json.loads(next(filter(None, stated), "{}"))
    folder = url2pathname(urlsplit(origin.get("url", "")).path)
    if "dir_info" not in origin or not Path(folder, "pyproject.toml").is_file():
        return f"pip install '{name}'"
    editable = "-e " if origin["dir_info"].get("editable") else ""
    constraints = Path(folder, "constraints.txt")
    pinned = f"-c {shlex.quote(str(constraints))} " if constraints.is_file() else ""
    return f"{shlex.quote(sys.executable)} -m pip install {pinned}{editable}{shlex.quote(f'{folder}[{extra}]')}"


class UnknownNameError(RosettaError, KeyError):
    """A name that is not in a table; the message shows the nearest known names."""

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        name = name if isinstance(name, str) else " ".join(str(name).split())
        self.kind, self.name, self.known = kind, name, sorted(known)
        near = difflib.get_close_matches(name.lower(), self.known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(self.known)}"
        super().__init__(f"unknown {kind} {name!r}: {hint}")

    def within(self, place: str) -> UnknownNameError:
        """Return the same error of a name in some place, such as a file, which the message says unless it does."""
        return self if place in self.kind else UnknownNameError(f"{self.kind} in {place}", self.name, self.known)

    def __str__(self) -> str:  # KeyError would show the repr of the message
        return str(self.args[0])


class BrokenLawError(RosettaError, AssertionError):
    """A law of the theory that an object under test breaks, at the smallest example that was met.

    Parameters
    ----------
    subject : Any
        Object under test.
    law : str
        Name of the law, as the tables of `rosettalaw.testing.laws` have it.
    statement : str
        The law in words.
    example : str
        Where it breaks (``rank = 3``).
    met : str
        Values met there.
    reading : str
        Module whose help derives the law.
    """

    def __init__(self, subject: Any, law: str, statement: str, example: str, met: str, reading: str):
        self.subject, self.law, self.example, self.met = subject, law, example, met
        super().__init__(
            f"{_brief(subject)} breaks the law {law!r} ({statement}) at {example}: {met}. Read: help({reading!r})"
        )


class CallError(RosettaError, TypeError):
    """A call with an argument that is unknown, missing, or one too many."""


def require(condition: object, argument: str, value: Any, rule: str, example: str = "") -> None:
    """Raise `InputError` unless `condition` holds."""
    if not condition:
        raise InputError(argument, value, rule, example)


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Turn a panic of a library in Rust, which no ``except Exception`` catches, into a `RuntimeError`."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise RuntimeError(f"a library failed: {error}") from error


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error, cut to a length that fits a message; its type without one."""
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    return text if len(text) < 160 else text[:157] + "..."


def _restored(kind: type[RosettaError], args: tuple[Any, ...], state: dict[str, Any]) -> RosettaError:
    error = kind.__new__(kind)
    error.args = args
    vars(error).update(state)
    return error


def _brief(value: Any) -> str:
    if getattr(value, "ndim", 0) == 1 and hasattr(value, "to_numpy"):
        value = value.to_numpy()
    text = repr(value) if isinstance(value, str) else " ".join(str(value).split())
    return text if len(text) <= 120 else text[:117] + "..."
