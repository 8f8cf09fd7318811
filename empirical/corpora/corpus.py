"""Text to train and to measure on, as labelled documents.

A corpus is ``python``, the text that every CPython ships (`python_text`), or files (`files`). Training holds one
in memory (`open_corpus`) and separates whole documents into a training and a held-out side (`Corpus.split`). Filtering
separates and selects documents whose texts stay on disk (`open_stored`). Measuring draws from one (`open_text`), which
may be larger than memory too:

- documents are drawn uniformly without replacement, and read whole until the token budget is met, so that no document
  is read twice and short ones are kept;
- this is what "i.i.d. sequences" can mean for text that comes as documents (arXiv 2606.03990, section 4.1): different
  documents are independent draws, the sequences that one long document is cut into are not.

The order of the draw depends on the seed and the number of documents alone.
"""

from __future__ import annotations

import hashlib
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...console import progress, say
from ...errors import ForeignFileError, InputError, MissingFileError, RosettaError, require
from ...results import disk_error
from .files import Document, size_on_disk, unread
from .on_disk import stored
from .python_text import shipped_documents

PYTHON = "python"
PAPERS_TOKENS = 10_000_000  # of text, that a pair of models is matched on (section 4.1)
AT_ONCE = 64 << 20


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
            _hash(digest, document)
        return digest.hexdigest()

    @cached_property
    def size(self) -> int:
        """Bytes of UTF-8 text."""
        return sum(_size(document) for document in self.documents)

    def domains(self) -> dict[str, int]:
        """Return the bytes of text in each domain, largest first."""
        sizes: dict[str, int] = {}
        for document in self.documents:
            sizes[document.domain] = sizes.get(document.domain, 0) + _size(document)
        return dict(sorted(sizes.items(), key=lambda item: -item[1]))

    def shuffled(self, seed: int) -> Corpus:
        """Return the same documents in a random order that depends on the seed alone."""
        return Corpus(self.name, tuple(self.documents[i] for i in _order(len(self.documents), seed)))

    def in_random_order(self, seed: int) -> Iterator[Document]:
        """Yield the documents in that order."""
        yield from self.shuffled(seed).documents

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


class StoredText:
    """Documents that stay on disk: drawn from it in the order in which a `Corpus` of them would be shuffled.

    A first pass over the files finds damage before anything is computed, hashes the text, and notes each document's
    size: 8 bytes of memory a document. Drawing holds `at_once` bytes of text (or one document, if that is longer), and
    passes over the files again for every `at_once` bytes that are drawn.

    Parameters
    ----------
    path : path
        What `files.unread` reads.
    at_once : int
        Bytes of text to hold.
    """

    def __init__(self, path: str | Path, at_once: int = AT_ONCE):
        self.name, self.at_once = str(path), at_once
        self._path = Path(path).expanduser()

    @property
    def sha256(self) -> str:
        """Hash of all names, domains and texts, equal to that of a `Corpus` of the same documents."""
        return self._survey[1]

    @property
    def size(self) -> int:
        """Bytes of UTF-8 text."""
        return int(self._survey[0].sum())

    def in_random_order(self, seed: int) -> Iterator[Document]:
        """Yield every document once, in a random order that depends on the seed alone.

        Raises
        ------
        MissingFileError, ForeignFileError
            If the text cannot be read, is damaged, or changes while it is drawn from.
        """
        sizes = self._survey[0]
        present = np.flatnonzero(sizes)
        order = present[_order(len(present), seed)]
        begin = 0
        while begin < len(order):
            fitting = int(np.searchsorted(np.cumsum(sizes[order[begin:]]), self.at_once, side="right"))
            chosen = order[begin : begin + max(fitting, 1)]
            documents = self._read(set(chosen.tolist()))
            for number in chosen.tolist():
                document = documents.pop(number, None)
                if document is None or _size(document) != sizes[number]:
                    raise ForeignFileError(f"{self.name}: changed while it was read")
                yield document
            begin += len(chosen)

    def _read(self, numbers: set[int]) -> dict[int, Document | None]:
        return {number: read() for number, read in enumerate(_watched(self._path)) if number in numbers}

    @cached_property
    def _survey(self) -> tuple[np.ndarray, str]:
        """Bytes of each document, 0 for one without text, and the hash of those with text."""
        sizes, digest = array("q"), hashlib.sha256()
        for document in _checked(self._path):
            sizes.append(0 if document is None else _size(document))
            if document is not None:
                _hash(digest, document)
        return np.array(sizes), digest.hexdigest()


def open_corpus(source: str | Path) -> Corpus:
    """Open ``python`` (what CPython ships), or files, and hold them in memory.

    Raises
    ------
    MissingFileError
        If the path does not exist, or holds no text.
    ForeignFileError
        If a file is damaged, or a line of it is not what it should be.
    """
    if str(source) == PYTHON:
        return python_corpus()
    return Corpus(str(source), tuple(_documents(Path(source).expanduser())))


def open_stored(source: str | Path) -> Corpus:
    """Open ``python``, or files, as documents that read their texts from a temporary file: see `on_disk`.

    Errors are those of `open_corpus`, and a RosettaError where the disk is full.
    """
    if str(source) == PYTHON:
        return python_corpus()
    try:
        return Corpus(str(source), stored(_documents(Path(source).expanduser())))
    except OSError as error:
        if isinstance(error, RosettaError):
            raise
        raise disk_error(tempfile.gettempdir(), error) from error


def open_text(source: str | Path, memory: int | None = None) -> Corpus | StoredText:
    """Open text to draw from: ``python``, or files, which stay on disk.

    Parameters
    ----------
    memory : int, optional
        Bytes that a run may take; an eighth of them at most is text.
    """
    at_once = AT_ONCE if memory is None else min(AT_ONCE, memory // 8)
    return python_corpus() if str(source) == PYTHON else StoredText(source, at_once)


def python_corpus() -> Corpus:
    """Return the domain-labelled text of the running Python."""
    return Corpus(PYTHON, tuple(document for document in shipped_documents() if document.text.strip()))


def _documents(path: Path) -> Iterator[Document]:
    return (document for document in _checked(path) if document is not None)


def _checked(path: Path) -> Iterator[Document | None]:
    """Yield every document, None for one without text; print the number left out."""
    foreign = whole = 0
    for read in _watched(path):
        document = read()
        foreign += document is None
        if document is not None and not document.text.strip():
            document = None
        whole += document is not None
        yield document
    if foreign:
        say(f"{path}: {foreign} files that are not UTF-8 text were skipped")
    if not whole:
        raise MissingFileError(f"{path}: holds no text")


def _watched(path: Path) -> Iterator[Any]:
    """Pass over the files, with a progress bar where that takes a while."""
    size = size_on_disk(path) if path.exists() else 0
    with progress(f"reading {path.name}", size, quiet=size < AT_ONCE) as bar:
        yield from unread(path, bar.advance)


def _order(number: int, seed: int) -> np.ndarray:
    return np.random.default_rng(np.random.SeedSequence([seed, 0xD0C])).permutation(number)


def _size(document: Document) -> int:
    return len(document.text.encode("utf-8", "surrogatepass"))


def _hash(digest: Any, document: Document) -> None:
    for part in (document.name, document.domain, document.text):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)


def take_bytes(corpus: Corpus, limit: int, argument: str = "tokens") -> Corpus:
    """Return the first documents of a corpus that together reach `limit` bytes, the last one whole.

    Raises
    ------
    InputError
        If the corpus is shorter than that.
    """
    documents, size = [], 0
    for document in corpus.documents:
        if size >= limit:
            break
        documents.append(document)
        size += _size(document)
    if size < limit:
        raise InputError(
            argument, limit, f"{corpus.name} holds only {size:,} bytes of text", "more text or fewer tokens"
        )
    return Corpus(corpus.name, tuple(documents))
