"""The command line: one thin module per command, each importing the heavy parts only when it runs.

A new command is a module of this folder with one function, and one line in `COMMANDS`.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

import typer

from .. import threads
from ..console import tell_last
from ..disk import disk_error, disk_is_full, remove_temporary
from ..display import for_terminal
from ..errors import RosettaError, naming_extras, require_extra
from .help import Commands, PlainGroup
from .output import echo, speaks_unicode
from .stopping import Ended, stopping

# Module of this folder -> the section of --help that its commands appear under.
COMMANDS: dict[str, str] = {
    "predict": "Theory",
    "sweep": "Theory",
    "derive": "Theory",
    "simulate": "Simulation",
    "sensitivity": "Simulation",
    "toy": "Simulation",
    "train": "Measurement",
    "match": "Measurement",
    "view": "Measurement",
    "ladder": "Measurement",
    "plan": "Measurement",
    "judge": "Measurement",
    "filter": "Measurement",
    "cache": "Measurement",
    "fit": "Validation",
    "forecast": "Validation",
    "triangle": "Validation",
    "design": "Validation",
    "compare": "Validation",
    "figures": "Validation",
    "report": "Validation",
    "demo": "The whole loop",
}

# Modules of extras that a command cannot begin without; others are looked for once the input is known.
MODELS = ("torch", "transformers", "tokenizers", "safetensors")
NEEDS: dict[str, tuple[str, ...]] = {
    "toy": ("torch",),
    "train": MODELS,
    "ladder": MODELS,
    "filter": (*MODELS, "peft"),
    "demo": MODELS,
}

# Commands with so little arithmetic that a second thread of the linear algebra would only wait, at full load.
ONE_THREAD = ("predict", "derive", "fit", "forecast", "triangle")

COMPLETING = "_ROSETTALAW_COMPLETE"  # set by a shell that asks for the words that may follow
RESUME = "finished work is saved; run the same command again to resume (match needs --out, toy needs --cache)"
INTERRUPTED = f"interrupted: {RESUME}"
INTERRUPTED_CODE = 130  # of shells for Ctrl-C, and typer's
# Refusals of the operating system that may come anywhere: no room left, no permission to write.
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG)


def _root(version: bool = typer.Option(False, "--version", help="Show the version and exit.")) -> None:
    if version:
        from .. import __version__

        echo(__version__)
        raise typer.Exit


def build(*names: str) -> typer.Typer:
    """Return the command line with the commands of these modules, or of all `COMMANDS`."""
    built = Commands(
        name="rosettalaw",
        cls=PlainGroup,
        help="The scaling law of Rosetta Neurons: predict it, simulate it, measure it, fit it.",
        epilog="The --help of each command ends with a working example.",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    built.callback(invoke_without_command=True)(_root)
    for name in names or COMMANDS:
        import_module(f".{name}", __name__).register(built, COMMANDS[name])
    return built


def __getattr__(name: str) -> Any:
    """Return ``app``, the whole command line, made when it is first asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["app"] = build()
    return globals()["app"]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 if all went well, 2 with one message where not.

    Ctrl-C, and a signal of `stopping.ENDING`, give one message, too, and the code that shells have for a command ended
    by a signal: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
    """
    try:
        with stopping():
            _run(arguments)
    except KeyboardInterrupt:
        remove_temporary()
        _exit(INTERRUPTED, code=INTERRUPTED_CODE)
    except Ended as ended:
        remove_temporary()
        _exit(f"ended by {ended}: {RESUME}", code=ended.code)


def _run(arguments: list[str] | None) -> NoReturn:
    for library in ("TRANSFORMERS_VERBOSITY", "HF_HUB_VERBOSITY", "DIFFUSERS_VERBOSITY"):
        os.environ.setdefault(library, "error")  # of this process, which is the command's own
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a question mark for β, a code for no character, but an answer
            stream.reconfigure(errors="backslashreplace" if speaks_unicode(stream) else "replace")
    try:
        os.getcwd()
    except OSError:
        _exit("error: the current folder no longer exists. Try: cd, then the same command with whole paths")
    words = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if any("\0" in word for word in words):  # no shell hands one on, and no file has one in its name
        _exit("error: an argument contains a NUL character. Try: the same command without it")
    alone = words[:1] if words[0] in COMMANDS and COMPLETING not in os.environ else []  # importing all takes longer
    threads.prepare(few=bool({*alone} & {*ONE_THREAD}))  # of this process; NumPy is not loaded yet
    command = typer.main.get_command(build(*alone))
    try:
        with naming_extras():
            _require_extras(words)
            code = command(args=words, prog_name="rosettalaw", standalone_mode=False)
        if code == INTERRUPTED_CODE:
            raise KeyboardInterrupt
    except RosettaError as error:
        _exit(f"error: {error}", tell_last)
    except MemoryError:
        _exit("error: not enough memory; ask for fewer neurons or positions, or a smaller --memory")
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        raise SystemExit(0) from None
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # which typer has met first
            raise SystemExit(0) from None
        raise
    except Exception as error:
        if isinstance(error, OSError) and (error.errno in REFUSED or (error.errno and error.filename)):
            path = error.filename or "a file to be written"
            _exit(f"error: {disk_error(path, error) if disk_is_full(path, error) else f'{path}: {error.strerror}'}")
        if hasattr(error, "format_message"):  # a usage error: unknown option, missing argument, ...
            _exit(f"error: {_usage_message(error)}", tell_last)
        raise
    raise SystemExit(code if isinstance(code, int) else 0)


def _require_extras(words: list[str]) -> None:
    """Refuse a command whose extra is not installed before anything is computed; its help needs none."""
    command = next((word for word in words if not word.startswith("-")), "")
    if not {"-h", "--help"} & set(words):
        require_extra(*NEEDS.get(command, ()))


def _usage_message(error: Any) -> str:
    message = error.format_message().rstrip(".")
    cause = error.__cause__  # newer typer reads values through pydantic, whose message lacks the value
    if hasattr(cause, "errors"):
        message += f" (given {cause.errors()[0]['input']!r})"
    context = getattr(error, "ctx", None)
    return f"{message}. See: {context.command_path} --help" if context is not None else message


def _tell(message: str) -> None:
    print(for_terminal(message), file=sys.stderr)


def _exit(message: str, tell: Callable[[str], None] = _tell, code: int = 2) -> NoReturn:
    """Exit with one message, printed by `tell_last` if several processes may all have met the error."""
    tell(message)
    raise SystemExit(code)
