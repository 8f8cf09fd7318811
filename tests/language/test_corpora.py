"""Corpora in memory: the text that Python ships, hashes, and what a hold-out keeps apart."""

import ast
import io
import itertools
import tokenize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosettalaw.empirical.corpora import python_text
from rosettalaw.empirical.corpora.corpus import Corpus, Document, open_corpus, open_text
from rosettalaw.empirical.corpora.python_text import DOMAINS, separate_prose
from rosettalaw.errors import InputError

EVERY = 6  # to take modules apart takes seconds


@pytest.fixture(scope="module")
def python():
    """The text that Python ships, of every sixth module of its library."""
    number = itertools.count()

    def separated(source):
        if next(number) % EVERY:
            raise SyntaxError("not one of these")
        return separate_prose(source)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(python_text, "separate_prose", separated)
        return open_corpus("python")


def test_python_ships_four_domains_in_megabytes(python):
    sizes = python.domains()
    assert set(sizes) == {"code", "docstring", "reference", "cdoc"} == set(DOMAINS)
    assert python.size == sum(sizes.values())
    assert EVERY * (sizes["code"] + sizes["docstring"]) + sizes["reference"] + sizes["cdoc"] > 5e6


@pytest.mark.slow
def test_the_same_python_gives_the_same_text():
    assert open_text("python").sha256 == open_corpus("python").sha256


def test_hash_depends_on_every_part():
    base = Document("a", "x", "text")
    variants = [base, Document("b", "x", "text"), Document("a", "y", "text"), Document("a", "x", "Text")]
    variants.append(Document("ax", "", "text"))
    assert len({Corpus("c", (v,)).sha256 for v in variants}) == len(variants)


def test_hold_out_separates_whole_modules_in_every_domain(python):
    train, held_out = python.split(0.2)
    names = [{document.name for document in side.documents} for side in (train, held_out)]
    assert not names[0] & names[1]
    assert len(names[0] | names[1]) == len(python.documents)
    of_modules = [[d for d in side.documents if d.domain in ("code", "docstring")] for side in (train, held_out)]
    modules = [{d.name.partition("/")[2] for d in documents} for documents in of_modules]
    assert len(modules[0]) > 10
    assert not modules[0] & modules[1]  # a module's code and its docstrings stay together
    for domain in python.domains():
        count = [sum(d.domain == domain for d in side.documents) for side in (train, held_out)]
        assert 0.15 < count[1] / sum(count) < 0.25


def test_hold_out_does_not_depend_on_the_order():
    documents = [Document(f"d{i}", "x", "text") for i in range(20)]
    sides = [Corpus("c", tuple(order)).split(0.3, seed=1)[1].documents for order in (documents, documents[::-1])]
    assert {d.name for d in sides[0]} == {d.name for d in sides[1]}
    assert len(sides[0]) == 6


def test_hold_out_of_one_document_is_refused():
    with pytest.raises(InputError, match="puts all documents of"):
        Corpus("c", (Document("d", "x", "text"),)).split(0.2)
    with pytest.raises(InputError, match="must be between 0 and 1"):
        Corpus("c", (Document("d", "x", "text"),)).split(1.0)


MODULE = '''#!/usr/bin/env python
"""Module doc."""
# A comment
import os  # trailing


class A:
    """Class doc
    on two lines."""

    x = "a # string, not a comment"

    def f(self):
        "Method doc."
        return """not a docstring"""
'''


def test_prose_is_separated_from_code():
    code, prose = separate_prose(MODULE)
    for text in ("Module doc.", "A comment", "trailing", "Class doc\non two lines.", "Method doc."):
        assert text in prose
        assert text not in code
    assert "a # string, not a comment" in code
    assert "not a docstring" in code


def test_code_without_prose_runs_the_same_tokens():
    """The rest is the module's token stream without comments and docstrings."""
    import heapq
    import inspect

    source = inspect.getsource(heapq)
    code, _ = separate_prose(source)
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tree = ast.parse(source)
    bodies = [n for n in ast.walk(tree) if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef)]
    docs = {n.body[0].lineno for n in bodies if ast.get_docstring(n) is not None}
    expected = [
        t.string
        for t in tokenize.generate_tokens(io.StringIO(source).readline)
        if t.type not in skipped and not (t.type == tokenize.STRING and t.start[0] in docs)
    ]
    left = [t.string for t in tokenize.generate_tokens(io.StringIO(code).readline) if t.type not in skipped]
    assert left == expected


def test_a_table_is_neither_code_nor_prose():
    assert separate_prose("codes = {" + ", ".join(f"{i}: 'c{i}'" for i in range(50)) + "}\n")[0] is None


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5), st.integers(0, 9))
def test_shuffling_keeps_every_document(texts, seed):
    corpus = Corpus("c", tuple(Document(str(i), "x", text) for i, text in enumerate(texts)))
    shuffled = corpus.shuffled(seed)
    assert sorted(d.name for d in shuffled.documents) == sorted(d.name for d in corpus.documents)
    assert shuffled == corpus.shuffled(seed)
