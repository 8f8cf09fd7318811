"""A corpus whose texts lie in one file on disk: memory holds a name, a domain and two numbers per document.

Its documents are used like others (`files.Document`); a text is read whenever it is needed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import Any

from ...results import disk_error
from .files import Document


class Store:
    """A temporary file of texts, gone when no document refers to it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="rosettalaw-text-")  # noqa: SIM115 (closed below)
        self._size = 0

    def add(self, document: Document) -> StoredDocument:
        """Copy a document's text; return the document that reads it from here.

        Raises
        ------
        RosettaError
            If the disk is full.
        """
        encoded = _encoded(document.text)
        try:
            self._file.write(encoded)
        except OSError as error:
            raise disk_error(tempfile.gettempdir(), error) from error
        begin, self._size = self._size, self._size + len(encoded)
        return StoredDocument(document.name, document.domain, document.group, self, begin, self._size)

    def read(self, begin: int, end: int) -> str:
        """Return the text between two bytes."""
        self._file.seek(begin)
        encoded = self._file.read(end - begin)
        self._file.seek(self._size)  # where the next text is added
        return encoded.decode("utf-8", "surrogatepass")

    def __del__(self) -> None:
        self._file.close()


class StoredDocument(Document):
    """A document that reads its text, bytes `begin` to `end`, from a file."""

    _place: tuple[Store, int, int]

    def __init__(self, name: str, domain: str, group: str, texts: Store, begin: int, end: int):
        # The dataclass is frozen; its field `text` is the property below.
        known: dict[str, Any] = {"name": name, "domain": domain, "group": group, "_place": (texts, begin, end)}
        for field, value in known.items():
            object.__setattr__(self, field, value)

    @property
    def text(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]  (read-only there too)
        """The text, read from the file."""
        texts, begin, end = self._place
        return texts.read(begin, end)

    def part(self, name: str, text: str, begin: int) -> Document:
        """Return a stretch of the text as a document that reads it from the same file."""
        texts, start, _ = self._place
        first = start + begin
        group = self.group or self.name
        return StoredDocument(name, self.domain, group, texts, first, first + len(_encoded(text)))


def stored(documents: Iterable[Document]) -> tuple[Document, ...]:
    """Copy texts to a temporary file; return documents that read it."""
    store = Store()
    return tuple(map(store.add, documents))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
