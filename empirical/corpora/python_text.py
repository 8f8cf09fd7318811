"""The text that every CPython ships, in four domains: a corpus that needs no download.

``code`` is the standard library without its docstrings and comments, ``docstring`` those docstrings and comments,
``reference`` the language reference that the interactive help prints (`pydoc_data.topics`), ``cdoc`` the ``__doc__`` of
built-in and extension modules' members. It differs between Python versions, so every result records its hash.
"""

from __future__ import annotations

import ast
import importlib
import io
import sys
import sysconfig
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from .files import Document

DOMAINS = ("cdoc", "code", "docstring", "reference")
# Folders of the standard library that are not prose or programs of it: tests, tables, installed packages, old tools.
SKIPPED_FOLDERS = {"encodings", "idlelib", "lib2to3", "site-packages", "test", "tests", "turtledemo", "__pycache__"}


def shipped_documents() -> Iterator[Document]:
    """Yield the documents of the running Python; the code of a module and its docstrings form one group."""
    yield from _standard_library()
    yield from _reference()
    yield from _member_docs()


def _standard_library() -> Iterator[Document]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if SKIPPED_FOLDERS.intersection(parts) or parts[-1].startswith("_sysconfigdata"):
            continue
        try:
            source = path.read_text(encoding="utf-8")
            code, prose = separate_prose(source)
        except (UnicodeDecodeError, SyntaxError, tokenize.TokenError):
            continue
        name = "/".join(parts)
        if code is not None:
            yield Document(f"code/{name}", "code", code, group=name)
            yield Document(f"docstring/{name}", "docstring", prose, group=name)


def separate_prose(source: str) -> tuple[str | None, str]:
    """Separate a Python module into its code, and its docstrings and comments.

    Returns
    -------
    code : str or None
        The source without docstrings and comments; None for a module that is mostly a table (more literals than
        names), which is neither code nor prose.
    prose : str
        Docstrings and comments in order, as blocks separated by blank lines.
    """
    docstrings = _docstring_lines(ast.parse(source))
    texts = source.splitlines(keepends=True)
    remaining: dict[int, list[str]] = {}  # characters of lines that have docstrings or comments
    blocks: list[tuple[int, str]] = []
    inside: set[int] = set()  # lines within a string of the program, whose blanks belong to it
    names = literals = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        (row, column), (last_row, last_column) = token.start, token.end
        if token.type == tokenize.NAME:
            names += 1
        elif token.type == tokenize.NUMBER or (token.type == tokenize.STRING and row not in docstrings):
            literals += 1
        is_docstring = token.type == tokenize.STRING and row in docstrings
        if not (is_docstring or token.type == tokenize.COMMENT):
            inside.update(range(row - 1, last_row) if last_row > row else ())
            continue
        blocks.append((row, docstrings[row] if is_docstring else token.string.lstrip("#! ")))
        for index in range(row - 1, last_row):
            start = column if index == row - 1 else 0
            stop = last_column if index == last_row - 1 else len(texts[index].rstrip("\r\n"))
            characters = remaining.setdefault(index, list(texts[index]))
            characters[start:stop] = [""] * (min(stop, len(characters)) - start)
    if literals > names:
        return None, ""
    for index, characters in remaining.items():
        texts[index] = "".join(characters)
    code = "".join(
        text if i in inside else text.rstrip() + "\n" for i, text in enumerate(texts) if i in inside or text.strip()
    )
    prose, last = "", 0
    for row, text in blocks:
        prose += ("" if row == last + 1 else "\n") + text.strip() + "\n"
        last = row
    return code, prose.lstrip("\n")


def _docstring_lines(tree: ast.AST) -> dict[int, str]:
    """Return the first line of every docstring, with its cleaned text."""
    lines = {}
    waiting: list[ast.AST] = [tree]
    while waiting:  # `ast.walk` would visit expressions too, which contain no docstring
        node = waiting.pop()
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, name, ())
            waiting += inner if isinstance(inner, list) else ()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=True)
            if text is not None:
                lines[node.body[0].lineno] = text
    return lines


def _reference() -> Iterator[Document]:
    topics = importlib.import_module("pydoc_data.topics").topics
    for name in sorted(topics):
        yield Document(f"reference/{name}", "reference", topics[name])


def _member_docs() -> Iterator[Document]:
    dynamic = Path(sysconfig.get_config_var("DESTSHARED") or "")
    names = set(sys.builtin_module_names) | {path.name.split(".")[0] for path in dynamic.glob("*.so")}
    for name in sorted(names):
        if name.startswith(("_test", "_xx", "xx", "_ctypes_test")):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                module = importlib.import_module(name)
            except Exception:  # an extension that this Python was built without
                continue
        yield Document(f"cdoc/{name}", "cdoc", "\n\n".join(_docs_of(module)))


def _docs_of(module) -> Sequence[str]:
    """Return the documentation of a module, its members and their members, each once, in the order of names."""
    docstrings: dict[str, None] = {}

    def add(name: str, value) -> None:
        text = getattr(value, "__doc__", None)
        if isinstance(text, str) and text.strip():
            docstrings.setdefault(f"{name}\n{text.strip()}")

    add(module.__name__, module)
    for name, value in sorted(vars(module).items()):
        if callable(value):
            add(name, value)
        if isinstance(value, type):
            for member, inner in sorted(vars(value).items()):
                if callable(inner) or hasattr(inner, "__get__"):
                    add(f"{name}.{member}", inner)
    return list(docstrings)
