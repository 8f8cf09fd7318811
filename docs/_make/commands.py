"""Pages of the command line: one for each command, from the program itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

FOLDER = "commands"
OPTION = re.compile(r"(?<![\w`-])(--[a-z][a-z-]*)")
# A call within the example of a command's help, up to the words that join it to the next one.
CALL = re.compile(r"(?:torchrun \S+ \d -m )?rosettalaw .+?(?=\s{2,}or:|, then|\. [A-Z]| \((?:arrays|two)|$)")


def pages() -> dict[str, str]:
    """Return a page for each command, and their list."""
    import typer

    from rosettalaw import cli

    command = typer.main.get_command(cli.app)
    subcommands: dict[str, Any] = command.commands  # type: ignore[attr-defined]
    made = {f"{FOLDER}/{name}.md": "\n".join(_page(name, one)) for name, one in subcommands.items()}
    return made | {f"{FOLDER}/contents.md": "\n".join(_contents(subcommands, cli.COMMANDS))}


def _contents(commands: dict[str, Any], sections: dict[str, str]) -> Iterator[str]:
    for section in dict.fromkeys(sections.values()):
        yield f"## {section}\n\n| command | purpose |\n|---|---|"
        for name in (name for name in commands if sections[name] == section):
            yield f"| [`rosettalaw {name}`](../generated/{FOLDER}/{name}.md) | {_cell(commands[name].help)} |"
        yield ""
    yield "```{toctree}\n:hidden:\n"
    yield from (f"../generated/{FOLDER}/{name}" for name in commands)
    yield "```"


def _page(name: str, command: Any) -> Iterator[str]:
    yield f"# rosettalaw {name}\n\n{_text(command.help)}\n"
    if command.epilog:
        yield f"{_example(command.epilog)}\n"
    from rosettalaw.cli.option_groups import grouped

    options = {one.name: one for one in command.params if one.param_type_name == "option" and not one.hidden}
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    groups = {title: [options[one] for one in names] for title, names in grouped(name, list(options)).items()}
    for title, members in ({"Arguments": arguments} | groups).items():
        if members:
            yield f"## {title}\n\n| name | value | meaning |\n|---|---|---|"
            yield from map(_row, members)
            yield ""


def _row(parameter: Any) -> str:
    name = parameter.name.upper() if parameter.param_type_name == "argument" else ", ".join(_spellings(parameter))
    flag = getattr(parameter, "is_flag", False)
    kind = "" if flag else _kind(parameter)
    default = parameter.default
    shown = parameter.required or flag or default in (None, "", False) or callable(default)
    more = " Required." if parameter.required else "" if shown else f" Default: `{default}`."
    return f"| `{name}` | {kind} | {_cell(parameter.help or '')}{more} |"


def _kind(parameter: Any) -> str:
    """Return the kind of a value; typer says it by an annotation, its older versions by click's names."""
    described = getattr(parameter, "type_descriptor", None)
    if described is not None:
        return described.annotation.__name__.lower()
    return parameter.type.name.replace("text", "str").replace("integer", "int")


def _spellings(option: Any) -> list[str]:
    return [*option.opts, *option.secondary_opts]


def _example(epilog: str) -> str:
    """Return the calls of a command's example as a block of code."""
    return "\n".join(["```console", *CALL.findall(epilog), "```"])


def _text(text: str | None) -> str:
    """Return help in one line, its options as code, so that no line ends between two dashes."""
    return OPTION.sub(r"`\1`", " ".join((text or "").split()))


def _cell(text: str) -> str:
    return _text(text).replace("|", r"\|").replace("*", r"\*")
