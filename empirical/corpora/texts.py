"""Text that somebody has in memory as a corpus: strings, rows of a data set, an iterator of either."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from ...errors import InputError, require
from .corpus import PAPERS_TOKENS, Corpus, StoredText, open_text
from .files import Document

COLUMNS = ("text", "content", "sentence", "document")
BYTES_A_TOKEN = 20  # read of an iterator for each token wanted: several times what a token covers
EXAMPLE = "text=['one document', 'another'], a folder, or a datasets.Dataset with a column text"


def open_texts(source: Any, tokens: int | None = None, memory: int | None = None) -> Corpus | StoredText:
    """Return the documents in an object, or of files on disk.

    Parameters
    ----------
    source : str, path, or iterable of str or of mappings
        A file or folder, or ``python``; a list of documents; a mapping of names to documents; a `datasets.Dataset`, a
        slice of one, a table, or any other iterable of rows, whose column ``text`` is read.
    tokens : int, optional
        Tokens wanted. An iterator, which may have no end, is read until it has given 20 bytes for each.
    memory : int, optional
        As in `corpus.open_text`.

    Raises
    ------
    InputError
        If an item is not a text, or there is none.
    """
    if isinstance(source, str | Path):
        is_name = all(len(part.encode("utf-8", "replace")) <= 255 for part in str(source).split("/"))
        is_name = is_name and len(str(source)) <= 4096 and not {"\n", "\0"} & set(str(source))
        require(is_name, "text", _short(str(source)), "is one string, which is taken as a path", "text=[string]")
        return open_text(source, memory)
    if isinstance(source, Corpus | StoredText):
        return source
    if hasattr(source, "columns") and hasattr(source, "to_dict"):  # a table of pandas
        return open_texts(source.to_dict("records"), tokens, memory)
    rule = "has no order, and texts are drawn by their order"
    require(not isinstance(source, Set), "text", type(source).__name__, rule, "text=sorted(texts)")
    if isinstance(source, bytes) or not isinstance(source, Iterable):
        raise InputError("text", type(source).__name__, "must be a path, or documents as strings", EXAMPLE)
    limit = BYTES_A_TOKEN * (tokens or PAPERS_TOKENS) if isinstance(source, Iterator) else None
    documents: list[Document] = []
    size = 0
    for document in _documents(source):
        documents.append(document)
        size += len(document.text)
        if limit is not None and size >= limit:
            break
    require(bool(documents), "text", type(source).__name__, "has no document with text", EXAMPLE)
    return Corpus("texts in memory", tuple(documents))


def _documents(source: Iterable[Any]) -> Iterator[Document]:
    """Yield the documents with text in them; lone halves of characters, which no file has, are replaced."""
    named = source.items() if isinstance(source, Mapping) else enumerate(source)
    column = _column(source) if isinstance(source, Mapping) else None
    if column is not None:  # a slice of a data set
        named = enumerate(column)
    for name, item in named:
        text = _text(item, name)
        if text.strip():
            yield Document(str(name), "text", text.encode("utf-8", "replace").decode("utf-8"))


def _column(source: Mapping[Any, Any]) -> Iterable[Any] | None:
    """Return the column of texts of a mapping whose values are columns; None where they are documents."""
    columns = [source.get(name) for name in COLUMNS]
    return next((column for column in columns if isinstance(column, list | tuple)), None)


def _text(item: Any, name: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, Mapping):
        column = next((one for one in COLUMNS if isinstance(item.get(one), str)), None)
        strings = [key for key, value in item.items() if isinstance(value, str)]
        if column is None and len(strings) == 1:
            column = strings[0]
        if column is not None:
            return item[column]
        rule = f"has no column {COLUMNS[0]!r}; its columns are {', '.join(map(repr, item))}"
        raise InputError(f"text[{name!r}]", "row", rule, "text=dataset['the column']")
    raise InputError(f"text[{name!r}]", type(item).__name__, "must be a string", EXAMPLE)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
