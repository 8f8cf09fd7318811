"""Commands with plain help: two columns: at any width no name of an option is cut, and flags show no type.

Commands with many options have them in the groups of `option_groups`.
"""

from __future__ import annotations

import re
from inspect import signature
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ..arguments import require_no_address
from ..disk import expanded
from ..errors import InputError
from .option_groups import grouped

LARGEST = 2**63 - 1  # of the integers of HDF5 and NumPy


class PlainCommand(TyperCommand):
    """A command whose help is set without boxes."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **(options | {"rich_markup_mode": None}))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of the command line; ``--out=~/x.nc`` is in the home folder, also where no shell says so.

        Raises
        ------
        InputError
            If a path is blank, as that of a shell's variable that is not set: it would be the current folder; or if it
            is an address of the web.
        """
        parameters = signature(self.callback).parameters if self.callback else {}
        paths = [one for one in self.params if "Path" in str(getattr(parameters.get(str(one.name)), "annotation", ""))]
        options = {name for one in self.params if one.param_type_name == "option" for name in one.opts}
        named = {name for one in paths for name in one.opts if name in options}
        places = [one for one in self.params if one.param_type_name == "argument"]
        words, before, number = [], "", 0
        for word in args:
            name, sign, value = word.partition("=") if word.startswith("--") else (before, "", word)
            given = bool(sign) if word.startswith("--") else name in named or not (name in options or word[:1] == "-")
            if given and name in named and value.startswith("~"):
                word = f"{name}{sign}{expanded(value)}" if sign else str(expanded(value))
            plain = given and name not in options
            place = places[min(number, len(places) - 1)] if plain and places else None
            argument = name if place is None else str(place.name).upper()
            number += int(plain)
            if given and not value.strip() and (name in named or (place is not None and set(places) <= set(paths))):
                rule = "must name a file or a folder; it is blank"
                raise InputError(argument, value, rule, f"rosettalaw {self.name} --help")
            if given and (name in named or place is not None):
                require_no_address(argument, value)
            words.append(word)
            before = word if word in options else ""
        return super().parse_args(ctx, words)

    def invoke(self, ctx: Any) -> Any:
        """Run the command, unless a whole number is beyond what a result can hold.

        Raises
        ------
        InputError
            The message names the option, also where a function names its argument.
        """
        for parameter in self.params:
            value = ctx.params.get(str(parameter.name))
            if isinstance(value, int) and abs(value) > LARGEST:
                rule = f"must be at most {LARGEST}, the largest whole number of a result"
                raise InputError(max(parameter.opts, key=len), value, rule, f"rosettalaw {self.name} --help")
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise self._on_the_line(error) from error

    def _on_the_line(self, error: InputError) -> InputError:
        """Return an error in the notation of the command line: an option for an argument, a command for a call."""
        option = f"--{error.argument.partition('[')[0].replace('_', '-')}"
        if not any(option in one.opts for one in self.params if one.param_type_name == "option"):
            return error
        example, assigned = error.example, re.fullmatch(r"[a-z_]+=([\w.,]+)", error.example)
        if assigned:
            example = f"{option} {assigned[1]}"
        elif re.match(r"[a-z_.]+\(", example):
            own = re.search(rf"rosettalaw {self.name} [^()]*", self.epilog or "")
            example = (
                own[0].partition("   or")[0].partition(". ")[0].strip() if own else f"rosettalaw {self.name} --help"
            )
        return InputError(option, error.value, error.rule, example)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, and a section for each group of options."""
        rows: dict[str, Any] = {}
        arguments = []
        for one in self.get_params(ctx):
            record = one.get_help_record(ctx)
            if record is not None and one.param_type_name == "argument":
                arguments.append(record)
            elif record is not None:
                rows[str(one.name)] = record
        sections = {
            title: [rows[name] for name in names] for title, names in grouped(str(self.name), list(rows)).items()
        }
        for title, records in ({"Arguments": arguments} | sections).items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class PlainGroup(TyperGroup):
    """Commands by their sections, each with the whole first sentence of its help."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **(options | {"rich_markup_mode": None}))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each panel of commands."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            summary = " ".join((command.help or "").partition("\n\n")[0].split()) if command else ""
            sections.setdefault(getattr(command, "rich_help_panel", None) or "Commands", []).append((name, summary))
        widest = max(len(name) for rows in sections.values() for name, _ in rows)
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), summary) for name, summary in rows])


class Commands(typer.Typer):
    """A command line whose commands have plain help."""

    def command(self, *args: Any, **options: Any) -> Any:
        """Add a command, as `typer.Typer.command` does."""
        return super().command(*args, **({"cls": PlainCommand} | options))
