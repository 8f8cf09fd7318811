"""Three disjoint parts of a labelled text: to choose a neuron on, to filter, and to measure perplexity on.

Texts of one group (a module's code and its docstrings, the passages of one document) stay together, so that no two
parts share a piece of text; every domain is divided by the same shares of its groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import InputError, UnknownNameError, require
from ..corpora.corpus import PYTHON, Corpus
from ..corpora.python_text import DOMAINS


@dataclass(frozen=True)
class Parts:
    """The three parts of a text; documents in random order, except the test's."""

    choosing: Corpus
    pool: Corpus
    test: Corpus


def require_target(corpus: Corpus, target: str) -> None:
    """Raise `UnknownNameError` unless the target is a domain of the text."""
    _require_domain(corpus.name, target, corpus.domains())


def require_target_of(source: str, target: str) -> None:
    """Raise `UnknownNameError` where the domains of a text are known before it is read, and the target is none."""
    if source == PYTHON:
        _require_domain(PYTHON, target, DOMAINS)


def _require_domain(name: str, target: str, domains: Iterable[str]) -> None:
    known = list(domains)
    if target not in known:
        raise UnknownNameError(f"target domain of {name}", target, known)


def split(corpus: Corpus, target: str, choosing: float, test: float, seed: int) -> Parts:
    """Divide a text by groups.

    Parameters
    ----------
    corpus : Corpus
        Labelled documents.
    target : str
        The domain looked for; each part must hold some of it, and some of the rest.
    choosing, test : float
        Shares of the groups to choose the neuron on, and to measure perplexity on; the rest is filtered.
    seed : int
        Decides which.

    Raises
    ------
    UnknownNameError
        If the target is not a domain of the text.
    InputError
        If a part lacks the target.
    """
    require_target(corpus, target)
    rest, tested = corpus.split(test, seed)
    pool, chosen_on = rest.split(choosing / (1 - test), seed + 1)
    parts = Parts(chosen_on.shuffled(seed), pool.shuffled(seed), tested)
    for name, part in vars(parts).items():
        targets = sum(document.domain == target for document in part.documents)
        if not 0 < targets < len(part.documents):
            rule = (
                f"{targets} of {len(part.documents)} documents in the {name} part belong to it; some are needed, but "
                "not all"
            )
            raise InputError("target", target, rule, "more text, or another --seed")
    return parts


def passages(corpus: Corpus, characters: int) -> Corpus:
    """Cut documents at line ends into passages of at least `characters` (the last of each may be shorter).

    The passages of a document are one group, or belong to the document's own; 0 leaves the documents whole.
    """
    require(characters >= 0, "passage", characters, "must be 0, for whole documents, or positive", "--passage 1000")
    if not characters:
        return corpus
    cut = []
    for document in corpus.documents:
        number, begin, section, size = 0, 0, [], 0
        lines = document.text.splitlines(keepends=True)
        for i, line in enumerate(lines):
            section.append(line)
            size += len(line)
            if size < characters and i + 1 < len(lines):
                continue
            text = "".join(section)
            if text.strip():
                cut.append(document.part(f"{document.name}#{number}", text, begin))
                number += 1
            begin += len(text.encode("utf-8", "surrogatepass"))
            section, size = [], 0
    return Corpus(corpus.name, tuple(cut))
