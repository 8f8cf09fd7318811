"""The command line: one thin module a command, each importing the heavy parts only when it runs.

A new command is a module of this folder with one function, and one line in `COMMANDS`.
"""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

import typer

from ..console import tell_last
from ..errors import RosettaError
from .output import speaks_unicode

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
    "fit": "Validation",
    "forecast": "Validation",
    "compare": "Validation",
    "figures": "Validation",
    "report": "Validation",
    "demo": "The whole loop",
}

app = typer.Typer(
    name="rosettalaw",
    help="The scaling law of Rosetta Neurons: predict it, simulate it, measure it, fit it.",
    epilog="Each command's --help ends with a call that works.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

INTERRUPTED = (
    "interrupted: what is finished stays; run the same command again, and train, ladder, demo and filter, match with "
    "--out and toy with --cache go on from there"
)
# What the operating system may refuse anywhere: no room left, no leave to write.
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        from .. import __version__

        typer.echo(__version__)
        raise typer.Exit


for _name, _section in COMMANDS.items():
    import_module(f".{_name}", __name__).register(app, _section)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and leave: 0 if all went well, 2 with one message where not, Ctrl-C included."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not speaks_unicode(stream):
            stream.reconfigure(errors="replace")  # a question mark for β, rather than no answer
    command = typer.main.get_command(app)
    try:
        code = command(args=arguments, prog_name="rosettalaw", standalone_mode=False)
        if code == 130:  # typer's word for Ctrl-C
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        _leave(INTERRUPTED)
    except RosettaError as error:
        _leave(f"error: {error}", tell_last)
    except MemoryError:
        _leave("error: not enough memory; ask for fewer neurons or positions, or a smaller --memory")
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        raise SystemExit(0) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno in REFUSED:
            _leave(f"error: {error.filename or 'a file that was to be written'}: {error.strerror}")
        if hasattr(error, "format_message"):  # a usage error: unknown option, missing argument, ...
            _leave(f"error: {_usage_message(error)}", tell_last)
        raise
    raise SystemExit(code if isinstance(code, int) else 0)


def _usage_message(error: Any) -> str:
    message = error.format_message().rstrip(".")
    cause = error.__cause__  # newer typer reads values through pydantic, whose message leaves the value out
    if hasattr(cause, "errors"):
        message += f" (given {cause.errors()[0]['input']!r})"
    context = getattr(error, "ctx", None)
    return f"{message}. See: {context.command_path} --help" if context is not None else message


def _tell(message: str) -> None:
    print(message, file=sys.stderr)


def _leave(message: str, tell: Callable[[str], None] = _tell) -> NoReturn:
    """Leave with one message; that of an error which several processes may all have met is told by `tell_last`."""
    tell(message)
    raise SystemExit(2)
