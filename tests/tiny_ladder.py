"""A ladder file of two families of a few neurons, on a text whose words decide what follows them."""

import numpy as np

LADDER = """
name = "tiny"
description = "two families, {number} sizes"
corpus = "{corpus}"
held_out = 0.25
[training]
tokens = {tokens}
context = 16
batch = 4
[measurement]
tokens = {measured}
{nulls}
[[family]]
name = "one"
architecture = "gpt2"
vocabulary = 300
[[family]]
name = "two"
architecture = "gpt_neox"
vocabulary = 320
"""
NULLS = {"permutations": 4, "untrained": 2}
RUNG = """[[rung]]
width = {width}
layers = 1
"""
WORDS = ("def", "return", "<b>bold</b>", "x + 1", "while", "(a, b)", "'q'", "&amp;", "river", "stone", "light", "0x1F")


def ladder_text(corpus, tokens, measured=1_500, nulls=NULLS, widths=(8, 16, 32)):
    """Return the content of a ladder file.

    Parameters
    ----------
    corpus : path
        Folder of text.
    tokens, measured : int
        Tokens to train on, and to measure on.
    nulls : mapping of str to int
        Draws of each null.
    widths : tuple of int
        Width of each rung.
    """
    rungs = "".join(RUNG.format(width=width) for width in widths)
    sizes = {"tokens": f"{tokens:_}", "measured": f"{measured:_}"}
    drawn = "\n".join(f"{kind} = {draws}" for kind, draws in nulls.items())
    return LADDER.format(number=len(widths), corpus=corpus, nulls=drawn, **sizes) + rungs


def write_text(folder):
    """Write a text with structure to learn: each word decides the next two."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for i in range(40):
        words = rng.integers(len(WORDS), size=60)
        line = " ".join(f"{WORDS[w]} {WORDS[(w + 1) % 12]} {WORDS[(5 * w + 2) % 12]};" for w in words)
        (folder / f"d{i}.txt").write_text(line)


def write_ladder(folder, tokens, **options):
    """Write a ladder file and its text into a folder; return the file."""
    write_text(folder / "text")
    path = folder / "tiny.toml"
    path.write_text(ladder_text(folder / "text", tokens, **options))
    return path
