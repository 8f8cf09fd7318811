"""Text to train and to measure on, as labelled documents.

Three kinds of source, all read without a network and without executing anything that they hold:

- ``python``: the text that every CPython ships, in four domains. ``code`` is the standard library without its
  docstrings and comments, ``docstring`` those docstrings and comments, ``reference`` the language reference that the
  interactive help prints (`pydoc_data.topics`), ``cdoc`` the ``__doc__`` of built-in and extension modules' members.
  It differs between Python versions, so every result records its hash.
- a folder: every UTF-8 file below it is a document, its first folder the domain;
- a ``.jsonl`` or ``.jsonl.zst`` file as The Pile has it: one object a line with ``text`` and, optionally,
  ``meta.pile_set_name`` as the domain; or one plain text file.

Whole documents are held out, never parts of one: `Corpus.split` separates the text to train on from the text to
measure on, in every domain by the same share. The code of a module and its docstrings go to the same side.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import io
import json
import sys
import sysconfig
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ..console import say
from ..errors import ForeignFileError, InputError, MissingExtraError, MissingFileError, require

PYTHON = "python"
# Folders of the standard library that are not prose or programs of it: tests, tables, installed packages, old tools.
SKIPPED_FOLDERS = {"encodings", "idlelib", "lib2to3", "site-packages", "test", "tests", "turtledemo", "__pycache__"}


@dataclass(frozen=True)
class Document:
    """One text with its name and domain; documents of one `group` are never separated by a split."""

    name: str
    domain: str
    text: str
    group: str = ""


@dataclass(frozen=True)
class Corpus:
    """Documents in a fixed order, with a name that `open_corpus` understands."""

    name: str
    documents: tuple[Document, ...] = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        """Hash of all names, domains and texts: two corpora with equal hashes are the same text."""
        digest = hashlib.sha256()
        for document in self.documents:
            for part in (document.name, document.domain, document.text):
                encoded = part.encode("utf-8", "surrogatepass")
                digest.update(len(encoded).to_bytes(8, "little") + encoded)
        return digest.hexdigest()

    @cached_property
    def size(self) -> int:
        """Bytes of UTF-8 text."""
        return sum(len(document.text.encode("utf-8", "surrogatepass")) for document in self.documents)

    def domains(self) -> dict[str, int]:
        """Return the bytes of text in each domain, largest first."""
        sizes: dict[str, int] = {}
        for document in self.documents:
            sizes[document.domain] = sizes.get(document.domain, 0) + len(document.text.encode("utf-8", "surrogatepass"))
        return dict(sorted(sizes.items(), key=lambda item: -item[1]))

    def shuffled(self, seed: int) -> Corpus:
        """Return the same documents in a random order that depends on the seed alone."""
        order = np.random.default_rng(np.random.SeedSequence([seed, 0xD0C])).permutation(len(self.documents))
        return Corpus(self.name, tuple(self.documents[i] for i in order))

    def split(self, held_out: float, seed: int = 0) -> tuple[Corpus, Corpus]:
        """Separate whole documents into a training and a held-out corpus.

        Parameters
        ----------
        held_out : float
            Share of the groups of each domain that is held out, between 0 and 1.
        seed : int
            Chooses which; the choice depends on document names alone, not on their order.

        Raises
        ------
        InputError
            If the share is not between 0 and 1, or a side would be empty.
        """
        require(0 < held_out < 1, "held_out", held_out, "must be between 0 and 1", "held_out = 0.2")
        first_domain: dict[str, str] = {}
        for document in self.documents:
            first_domain.setdefault(document.group or document.name, document.domain)
        strata: dict[str, list[str]] = {}
        for group, domain in first_domain.items():
            strata.setdefault(domain, []).append(group)
        chosen: set[str] = set()
        for groups in strata.values():
            ranked = sorted(groups, key=lambda group: hashlib.sha256(f"{seed}:{group}".encode()).digest())
            chosen.update(ranked[: round(held_out * len(ranked))])
        sides = ([], [])
        for document in self.documents:
            sides[(document.group or document.name) in chosen].append(document)
        for side in sides:
            require(
                bool(side), "held_out", held_out, f"leaves no document on one side of {self.name}", "more documents"
            )
        return Corpus(self.name, tuple(sides[0])), Corpus(self.name, tuple(sides[1]))


def open_corpus(source: str | Path) -> Corpus:
    """Open ``python`` (what CPython ships), a folder of text, a ``.jsonl[.zst]`` file or a text file.

    Raises
    ------
    MissingFileError
        If the path does not exist, or holds no text.
    ForeignFileError
        If a line of a ``.jsonl`` file is not an object with a ``text``, or a file is not UTF-8.
    """
    if str(source) == PYTHON:
        return python_corpus()
    path = Path(source).expanduser()
    if not path.exists():
        hint = f" (the name {PYTHON!r} means the text that Python itself ships)"
        raise MissingFileError(f"{path}: no such text file or folder{hint}")
    try:
        if path.is_dir():
            documents = tuple(_folder(path))
        elif path.name.endswith((".jsonl", ".jsonl.zst")):
            documents = tuple(_json_lines(path))
        else:
            documents = (Document(path.name, "text", path.read_text(encoding="utf-8")),)
    except UnicodeDecodeError as error:
        raise ForeignFileError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise MissingFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    documents = tuple(document for document in documents if document.text.strip())
    if not documents:
        raise MissingFileError(f"{path}: holds no text")
    return Corpus(str(source), documents)


def _folder(root: Path) -> Iterator[Document]:
    skipped = 0
    for path in sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")):
        parts = path.relative_to(root).parts
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            skipped += 1
            continue
        yield Document("/".join(parts), parts[0] if len(parts) > 1 else "text", text)
    if skipped:
        say(f"{root}: {skipped} files that are not UTF-8 text were skipped")


def _json_lines(path: Path) -> Iterator[Document]:
    with _open_lines(path) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                text = record["text"]
            except (ValueError, KeyError, TypeError) as error:
                raise ForeignFileError(f"{path}, line {number}: not a JSON object with a 'text'") from error
            if not isinstance(text, str):
                raise ForeignFileError(f"{path}, line {number}: 'text' is not a string")
            meta = record.get("meta")
            domain = meta.get("pile_set_name", "text") if isinstance(meta, dict) else "text"
            yield Document(f"{path.name}:{number}", str(domain), text)


@contextmanager
def _open_lines(path: Path) -> Iterator[io.TextIOBase]:
    """Open a text file, unpacking it if its name ends in ``.zst``."""
    if path.suffix != ".zst":
        with path.open(encoding="utf-8") as file:
            yield file
        return
    try:
        import zstandard
    except ImportError as error:
        raise MissingExtraError("zstandard", "measure") from error
    try:
        with path.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as unpacked:
            yield io.TextIOWrapper(unpacked, encoding="utf-8")
    except zstandard.ZstdError as error:
        raise ForeignFileError(f"{path}: not a zstandard file, or a damaged one") from error


# ---------------------------------------------------------------------------------------------------------------------
# What CPython ships


def python_corpus() -> Corpus:
    """Return the domain-labelled text of the running Python."""
    documents = [*_standard_library(), *_reference(), *_member_docs()]
    return Corpus(PYTHON, tuple(document for document in documents if document.text.strip()))


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
    lines = source.splitlines(keepends=True)
    kept = [list(line) for line in lines]
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
            stop = last_column if index == last_row - 1 else len(lines[index].rstrip("\r\n"))
            kept[index][start:stop] = [""] * (min(stop, len(kept[index])) - start)
    if literals > names:
        return None, ""
    texts = ["".join(line) for line in kept]
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
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=True)
            if text is not None:
                found[node.body[0].lineno] = text
    return found


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
    found: dict[str, None] = {}

    def add(name: str, value) -> None:
        text = getattr(value, "__doc__", None)
        if isinstance(text, str) and text.strip():
            found.setdefault(f"{name}\n{text.strip()}")

    add(module.__name__, module)
    for name, value in sorted(vars(module).items()):
        if callable(value):
            add(name, value)
        if isinstance(value, type):
            for member, inner in sorted(vars(value).items()):
                if callable(inner) or hasattr(inner, "__get__"):
                    add(f"{name}.{member}", inner)
    return list(found)


def take_bytes(corpus: Corpus, limit: int, argument: str = "tokens") -> Corpus:
    """Return the first documents of a corpus that together reach `limit` bytes, the last one whole.

    Raises
    ------
    InputError
        If the corpus is shorter than that.
    """
    taken, size = [], 0
    for document in corpus.documents:
        if size >= limit:
            break
        taken.append(document)
        size += len(document.text.encode("utf-8", "surrogatepass"))
    if size < limit:
        raise InputError(
            argument, limit, f"{corpus.name} holds only {size:,} bytes of text", "more text or fewer tokens"
        )
    return Corpus(corpus.name, tuple(taken))
