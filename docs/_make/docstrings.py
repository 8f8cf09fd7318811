"""Docstrings as pages: names without a page are code, and tables in Markdown become tables."""

from __future__ import annotations

import re
from typing import Any

ROW = re.compile(r"\s*\|.*\|\s*$")
SHARED = re.compile(
    r"^:(?:ivar|vartype) [\w, ]+:"
)  # of a name after a blank, Sphinx takes the names before for its type
HYPHENS = re.compile(r"(\)?) -- ")  # after a name, or after its type in brackets
BARS = re.compile(r"(?<![`\\])\|(\w+)\|")  # an absolute value, which Sphinx would read as a name to put in


def as_code(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Return a name in a docstring as code where no page describes it; references of pages must be right.

    Docstrings refer by single backticks, the role ``obj``, and by the types of attributes and of errors.
    """
    if node.get("refdomain") == "py" and node.get("reftype") in {"obj", "class", "exc"} and not node.get("refexplicit"):
        return content
    return None


def unlink_attributes(app: Any, tree: Any) -> None:
    """Let the names in a list of attributes be words: Sphinx would look for any class with such an attribute."""
    from sphinx.addnodes import pending_xref

    for reference in list(tree.findall(pending_xref)):
        if reference.get("refspecific") and reference.get("reftype") == "obj":
            reference.replace_self(reference.children)


def dashes(app: Any, page: Any) -> None:
    """Separate the names of parameters from their descriptions by a dash; Sphinx writes two hyphens."""
    from docutils import nodes

    for text in list(page.findall(nodes.Text)):
        if HYPHENS.match(text) and not isinstance(text.parent, nodes.literal | nodes.literal_block):
            text.parent.replace(text, nodes.Text(HYPHENS.sub(r"\1 – ", text, count=1)))


def tables(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Put tables that are written with bars, and attributes that share a line, into the form that Sphinx reads."""
    lines[:] = [SHARED.sub(lambda match: match[0].replace(", ", ","), line) for line in lines]
    made: list[str] = []
    rows: list[list[str]] = []
    for line in (BARS.sub(r"\\|\1\\|", line) if "``" not in line else line for line in [*lines, ""]):
        if ROW.match(line):
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
            continue
        if rows:
            made += _table(rows)
            rows = []
        made.append(line)
    lines[:] = made[:-1]


def _table(rows: list[list[str]]) -> list[str]:
    body = [row for row in rows if not set("".join(row)) <= set("-: ")]
    lines = ["", ".. list-table::", "   :header-rows: 1", ""]
    for row in body:
        lines += [f"   {'* -' if number == 0 else '  -'} {cell}" for number, cell in enumerate(row)]
    return [*lines, ""]
