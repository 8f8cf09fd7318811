"""Text to train and to measure on, as labelled documents.

A corpus is ``python``, the text that every CPython ships (`python_text`), or files (`files`). Training holds one
in memory (`open_corpus`) and separates whole documents into a training and a held-out side (`Corpus.split`). Filtering
separates and selects documents whose texts stay on disk (`open_stored`). Measuring draws windows from all documents of
one (`open_text`), which may be larger than memory too: `language.drawing` chooses by sizes and domains alone
(`survey`), and reads the documents that it has chosen (`chosen`).

Random orders depend on the seed and the number of documents alone.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...console import progress, say
from ...disk import expanded
from ...errors import ForeignFileError, InputError, MissingFileError, require
from .files import Document, require_there, size_on_disk, unread
from .on_disk import stored
from .python_text import shipped_documents

PYTHON = "python"
PAPERS_TOKENS = 10_000_000  # of text, that a pair of models is matched on (section 4.1)
AT_ONCE = 64 << 20


@dataclass(frozen=True)
class Survey:
    """Documents of a text before they are read.

    Attributes
    ----------
    sizes : ndarray of int, shape (documents,)
        Bytes of UTF-8 of each.
    domains : ndarray of int, shape (documents,)
        Domain of each, numbered by first appearance.
    """

    sizes: np.ndarray
    domains: np.ndarray


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
    def survey(self) -> Survey:
        """Sizes and domains of the documents."""
        numbers: dict[str, int] = {}
        domains = [numbers.setdefault(document.domain, len(numbers)) for document in self.documents]
        return Survey(np.array([_size(document) for document in self.documents], np.int64), np.array(domains, np.int32))

    @property
    def size(self) -> int:
        """Bytes of UTF-8 text."""
        return int(self.survey.sizes.sum())

    def chosen(self, numbers: Sequence[int] | np.ndarray) -> Iterator[Document]:
        """Yield some documents in the order asked for."""
        for number in numbers:
            yield self.documents[number]

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
                bool(side), "held_out", held_out, f"puts all documents of {self.name} on one side", "more documents"
            )
        return Corpus(self.name, tuple(sides[0])), Corpus(self.name, tuple(sides[1]))


class StoredText:
    """Documents that stay on disk: any of them is read when it is needed, in any order.

    A first pass over the files finds damage before anything is computed, hashes the text, and notes each document's
    size and domain: 20 bytes of memory per document. Reading holds `at_once` bytes of text (or one document, if that is
    longer), and passes over the files again for every `at_once` bytes that are read.

    Parameters
    ----------
    path : path
        What `files.unread` reads.
    at_once : int
        Bytes of text to hold.
    """

    def __init__(self, path: str | Path, at_once: int = AT_ONCE):
        self.name, self.at_once = str(path), at_once
        self._path = expanded(path)

    @property
    def sha256(self) -> str:
        """Hash of all names, domains and texts, equal to that of a `Corpus` of the same documents."""
        return self._surveyed[2]

    @property
    def size(self) -> int:
        """Bytes of UTF-8 text."""
        return int(self.survey.sizes.sum())

    @property
    def survey(self) -> Survey:
        """Sizes and domains of the documents with text, as a `Corpus` of them has them."""
        return self._surveyed[0]

    def in_random_order(self, seed: int) -> Iterator[Document]:
        """Yield every document once, in the order in which a `Corpus` of them would be shuffled."""
        yield from self.chosen(_order(len(self.survey.sizes), seed))

    def chosen(self, numbers: Sequence[int] | np.ndarray) -> Iterator[Document]:
        """Yield some documents in the order asked for.

        Raises
        ------
        MissingFileError, ForeignFileError
            If the text cannot be read, is damaged, or changes while it is read.
        """
        survey, places, _ = self._surveyed
        order = np.asarray(numbers, np.int64)
        begin = 0
        while begin < len(order):
            sizes = survey.sizes[order[begin:]]
            fitting = int(np.searchsorted(np.cumsum(sizes), self.at_once, side="right"))
            batch = order[begin : begin + max(fitting, 1)]
            texts_read = self._read(set(places[batch].tolist()))
            for number, size in zip(places[batch].tolist(), sizes.tolist(), strict=False):
                document = texts_read.pop(number, None)
                if document is None or _size(document) != size:
                    raise ForeignFileError(f"{self.name}: changed while it was being read")
                yield document
            begin += len(batch)

    def _read(self, numbers: set[int]) -> dict[int, Document | None]:
        return {number: read() for number, read in enumerate(_watched(self._path)) if number in numbers}

    @cached_property
    def _surveyed(self) -> tuple[Survey, np.ndarray, str]:
        """Survey of the documents with text, the place of each among all, and the hash of them."""
        sizes, domains, digest, numbers = array("q"), array("i"), hashlib.sha256(), dict[str, int]()
        for document in _checked(self._path):
            sizes.append(0 if document is None else _size(document))
            domains.append(0 if document is None else numbers.setdefault(document.domain, len(numbers)))
            if document is not None:
                _hash(digest, document)
        places = np.flatnonzero(np.array(sizes))
        return Survey(np.array(sizes)[places], np.array(domains)[places]), places, digest.hexdigest()


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
    return Corpus(str(source), tuple(_documents(expanded(source))))


def open_stored(source: str | Path) -> Corpus:
    """Open ``python``, or files, as documents that read their texts from a temporary file: see `on_disk`.

    Errors are those of `open_corpus`, and a RosettaError where the disk is full.
    """
    if str(source) == PYTHON:
        return python_corpus()
    return Corpus(str(source), stored(_documents(expanded(source))))


def open_text(source: str | Path, memory: int | None = None) -> Corpus | StoredText:
    """Open text to draw from: ``python``, or files, which stay on disk.

    Parameters
    ----------
    memory : int, optional
        Bytes that a run may take; an eighth of them at most is text.

    Raises
    ------
    MissingFileError
        If the path does not exist.
    """
    if str(source) == PYTHON:
        return python_corpus()
    require_text(source)
    return StoredText(source, AT_ONCE if memory is None else min(AT_ONCE, memory // 8))


def require_text(source: str | Path) -> None:
    """Refuse a text that does not exist, before anything else is opened.

    Raises
    ------
    MissingFileError
        If the path does not exist.
    """
    if str(source) != PYTHON:
        require_there(expanded(source))


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
        raise MissingFileError(f"{path}: contains no text")


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
        raise InputError(argument, limit, f"{corpus.name} has only {size:,} bytes of text", "more text or fewer tokens")
    return Corpus(corpus.name, tuple(documents))
