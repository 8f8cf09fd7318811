"""Derivations on paper: as text for the terminal, and as a LaTeX document that compiles with pdflatex."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

import sympy as sp

from .chain import Claim, Step
from .derivation import b, beta, in_beta

# Letters of the steps' words that text fonts lack.
SYMBOLS = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "ζ": r"\zeta", "η": r"\eta",
    "θ": r"\theta", "κ": r"\kappa", "λ": r"\lambda", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau", "Σ": r"\Sigma",
    "∞": r"\infty", "∫": r"\int", "≤": r"\le", "≥": r"\ge", "→": r"\to", "−": "-", "⟨": r"\langle", "⟩": r"\rangle",
    "<": "<", ">": ">", "|": r"\mid", "*": "^*", "★": r"\star",
    "½": r"\tfrac{1}{2}", "²": "^2", "′": "'", "·": r"\cdot", "×": r"\times",
}  # fmt: skip

PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath}
\usepackage[margin=25mm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt}
\title{The scaling law of Rosetta Neurons, step by step}
\author{Derived by RosettaLaw; equation numbers of arXiv 2606.03990}
\date{}
\begin{document}
\maketitle
"""


def as_text(step: Step, width: int = 100) -> str:
    """Return a step for a terminal: its words, then every closed form, ticked where SymPy derived an equal one."""
    head = f"{step.number}. {step.title}"
    lines = [
        f"{head}  ({_source(step)})",
        *textwrap.wrap(step.words, width, initial_indent="   ", subsequent_indent="   "),
    ]
    for claim in step.claims:
        mark = "✓" if claim.holds() else f"✗ derived: {in_beta(claim.derived)}"
        name = f"{claim.name} "
        body = sp.pretty(_closed_form(claim), use_unicode=True, wrap_line=False).splitlines()
        middle = len(body) // 2
        for i, row in enumerate(body):
            left = f"{name}= " if i == middle else " " * (len(name) + 2)
            lines.append(f"      {left}{row}{'   ' + mark if i == middle else ''}".rstrip())
    return "\n".join(lines)


def as_latex(steps: Iterable[Step]) -> str:
    """Return a complete LaTeX document of the steps."""
    parts = [PREAMBLE]
    for step in steps:
        parts.append(f"\\section*{{{step.number}. {text_to_latex(step.title)}}}\n")
        parts.append(f"\\textit{{{text_to_latex(_source(step))}}}\n\n{text_to_latex(step.words)}\n")
        for claim in step.claims:
            mark = r"\qquad\surd" if claim.holds() else r"\ne " + sp.latex(in_beta(claim.derived))
            name = rf"\text{{{text_to_latex(claim.name)}}}"
            parts.append(f"\\[ {name} = {sp.latex(_closed_form(claim))} {mark} \\]\n")
    return "\n".join([*parts, "\\end{document}\n"])


def text_to_latex(text: str) -> str:
    """Return plain words with this field's letters as LaTeX: raised, lowered and Greek in math mode."""
    text = re.sub(r"([&%#$])", r"\\\1", text)
    text = re.sub(r"\^\(([^ ]+)\)|\^([−+]?\w)", lambda m: rf"\textsuperscript{{{m[1] or m[2]}}}", text)
    text = re.sub(r"_(\w+)", r"\\textsubscript{\1}", text)
    for letter, command in SYMBOLS.items():
        text = text.replace(letter, rf"\ensuremath{{{command}}}")
    return text.replace("–", "--")


def _source(step: Step) -> str:
    return f"Eqs. {step.equations}" if step.equations[0].isdigit() else step.equations


def _closed_form(claim: Claim) -> sp.Expr:
    """Return the claimed expression in β, in the shape it was claimed in."""
    return claim.claimed.subs(b, beta - 1)
