"""Windows drawn at random from all documents of a text, as many as a budget of tokens allows.

The paper reads sequences drawn i.i.d. (arXiv 2606.03990, section 4.1). Sequences of one document are alike, so what a
count's error depends on is the number of documents. Hence windows are drawn without replacement, as evenly as can be:

- every document gives one window before any gives two, and so on until it has no more;
- within such a round every domain gives one window first, and then the one that lies furthest behind its share of the
  text in bytes; its documents take turns in a random order;
- which of a document's windows come first is random.

So where there are more documents than windows, domains have their share of the text, and otherwise every document is
read.

A large text is not tokenized but where windows are drawn: documents beyond `STRETCH` characters are cut into stretches,
which are tokenized by themselves. A text that is read completely gives every window once.

Windows are read document by document, in the order of the text. Documents are ordered so that each of `PARTS` equal
runs of positions holds whole documents of every domain, as far as there are so many and none is larger than a run: the
parts of the matching are then alike, and as good as independent.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..corpora.corpus import Corpus, StoredText, Survey
from ..corpora.files import Document
from ..corpora.on_disk import Store
from .alignment import Tokens, Window, windows

STRETCH = 1 << 16
PARTS = 16  # of the positions, as `matching` takes them
FEW_BYTES = 2  # of text in a token: with few, a document's number of windows is rather over- than underestimated
SPARE = 1.05  # windows planned for each that is expected to be needed; reading stops where the budget is met

Tokenize = Callable[[str], tuple[Tokens, ...]]


def draw(
    corpus: Corpus | StoredText, tokenize: Tokenize, contexts: Sequence[int], wanted: int, seed: int
) -> tuple[tuple[Document, ...], tuple[Window, ...]]:
    """Return windows with `wanted` tokens of the first model, or all there are, and the documents that they are from.

    Each pass plans how many windows every document gives, and reads those that give more than before. The first pass
    takes every window to be full, so it reads too few; the next ones know how full they are.
    """
    survey = corpus.survey
    capacity = -(-survey.sizes // (FEW_BYTES * min(contexts)))
    keep = Store().add if isinstance(corpus, StoredText) else _same
    documents: dict[int, Document] = {}
    draws: dict[int, list[Window]] = {}
    read = number = 0
    while read < wanted:
        full = contexts[0] if not number else read / number / SPARE
        plan = Counter(itertools.islice(turns(survey, capacity, seed), number + int(np.ceil((wanted - read) / full))))
        more = [one for one, planned in plan.items() if planned > len(draws.get(one, ()))]
        if not more:
            break
        for one, document in zip(more, corpus.chosen(more), strict=True):
            before = len(draws.setdefault(one, []))
            rng = np.random.default_rng(np.random.SeedSequence([seed, one, 0x817D]))
            order = windows_in_random_order(document.text, tokenize, contexts, rng)
            for window in itertools.islice(order, before, plan[one]):
                draws[one].append(window)
                read, number = read + len(window.ids[0]), number + 1
                if read >= wanted:
                    break
            if draws[one] and not before:
                documents[one] = keep(document)
            if read >= wanted:
                break
            given = len(draws[one])
            capacity[one] = given if given < plan[one] else max(2 * given, capacity[one])
    return arranged(documents, draws, survey)


def turns(survey: Survey, capacity: np.ndarray, seed: int) -> Iterator[int]:
    """Yield the number of the document that gives the next window, as long as one has more.

    Parameters
    ----------
    survey : Survey
        Sizes and domains of the documents.
    capacity : ndarray of int, shape (documents,)
        Windows that each can give at most.
    seed : int
        Order of the documents within their domains.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0xD0C]))
    order = rng.permutation(len(capacity))
    domains = survey.domains[order]
    share = np.bincount(survey.domains, survey.sizes)
    waiting = [_rounds(order[domains == domain], capacity) for domain in range(len(share))]
    following = []  # (round, windows relative to its share of the text, …) of each domain that has more
    for domain, documents in enumerate(waiting):
        for turn, document in itertools.islice(documents, 1):
            following.append((turn, 0.0, -share[domain], domain, 0, document))
    heapq.heapify(following)
    while following:
        _, _, _, domain, given, document = following[0]
        yield document
        after = next(waiting[domain], None)
        if after is None:
            heapq.heappop(following)
        else:  # half a window ahead: Webster's rule of apportionment
            behind = (given + 1.5) / share[domain]
            heapq.heapreplace(following, (after[0], behind, -share[domain], domain, given + 1, after[1]))


def _rounds(order: np.ndarray, capacity: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield round and document, each document in as many rounds as it has windows."""
    for turn in itertools.count():
        order = order[capacity[order] > turn]
        if not len(order):
            return
        for document in order:
            yield turn, int(document)


def windows_in_random_order(
    text: str, tokenize: Tokenize, contexts: Sequence[int], rng: np.random.Generator
) -> Iterator[Window]:
    """Yield every window of a text once, in a random order, tokenizing a stretch when one of its windows is wanted."""
    parts = stretches(text)
    waiting: deque[tuple[int, int] | list[Window]] = deque(parts[i] for i in rng.permutation(len(parts)))
    while waiting:
        part = waiting.popleft()
        if isinstance(part, tuple):
            begin, end = part
            cut = windows(0, tokenize(text[begin:end]), contexts)
            part = [replace(cut[i], spans=cut[i].spans + begin) for i in rng.permutation(len(cut))]
        if part:
            yield part.pop()
            waiting.append(part)


def stretches(text: str) -> list[tuple[int, int]]:
    """Return where the stretches of a text begin and end: about equally long, cut between lines or words if it can."""
    number = -(-len(text) // STRETCH)
    cuts = [0]
    for i in range(1, number):
        aim = i * len(text) // number
        low = max(cuts[-1], aim - STRETCH // 8)
        line, word = text.rfind("\n", low, aim), text.rfind(" ", low, aim)
        cuts.append(line + 1 if line > low else word if word > low else aim)
    return list(itertools.pairwise([*cuts, len(text)])) if text else []


def arranged(
    documents: dict[int, Document], draws: dict[int, list[Window]], survey: Survey
) -> tuple[tuple[Document, ...], tuple[Window, ...]]:
    """Return documents and windows in the order in which they are read, documents numbered in that order.

    The largest document comes first, and goes to the shortest of those of the parts that have fewest of its domain.
    """
    numbers = list(documents)
    sizes = {one: sum(window.positions for window in draws[one]) for one in numbers}
    part_of = share_out([sizes[one] for one in numbers], [int(survey.domains[one]) for one in numbers], PARTS)
    order = [one for _, one in sorted(zip(part_of, numbers, strict=True), key=lambda each: each[0])]
    tiled: list[Window] = []
    for place, one in enumerate(order):
        tiled += [replace(w, document=place) for w in sorted(draws[one], key=lambda w: int(w.spans[0]))]
    return tuple(documents[one] for one in order), tuple(tiled)


def share_out(sizes: Sequence[int], domains: Sequence[int], parts: int) -> list[int]:
    """Return the part of each item: parts of about equal size, each with as many items of a domain as any other."""
    lengths, members = np.zeros(parts), Counter[tuple[int, int]]()
    part_of = [0] * len(sizes)
    for item in sorted(range(len(sizes)), key=lambda item: -sizes[item]):
        part = min(range(parts), key=lambda part: (members[part, domains[item]], lengths[part]))
        part_of[item] = part
        lengths[part] += sizes[item]
        members[part, domains[item]] += 1
    return part_of


def _same(document: Document) -> Document:
    return document
