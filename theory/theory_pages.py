"""A theory of one's own on paper: every step of `own_theory` as text for the terminal, or as a LaTeX document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sympy as sp

from .limits import Limit
from .own_steps import floor_of
from .typesetting import PREAMBLE, text_to_latex

if TYPE_CHECKING:
    from .own_theory import OwnTheory

TITLES = {
    "count": "count R_τ",
    "mean_isolation": "mean isolation of the Rosetta set",
    "tail_mass": "isolation beyond the frontier",
    "isolation_per_non_rosetta": "the same over N − R",
}
GREEK = {"beta": "β", "eta": "η", "theta": "θ", "delta": "δ", "kappa": "κ", "tau": "τ", "sigma": "σ"}
LETTERS = {
    sp.Symbol("r_tau", positive=True): r"r_\tau",
    sp.Symbol("S_T", positive=True): r"\left(\sum_r c_r T(s_r)\right)",
    sp.Symbol("C_n", positive=True): r"\left(\sum_{r \le n} c_r\right)",
}


def theory_as_text(theory: OwnTheory) -> str:
    """Return the derivation for a terminal."""
    lines, number = [], 0
    for number, (title, words, formulas) in enumerate(_steps(theory), start=1):
        lines += ["", f"{number}. {title}", *([f"   {words}"] if words else [])]
        for name, formula in formulas:
            body = _pretty(formula).splitlines()
            middle = len(body) // 2
            left = f"{name} = " if name else ""
            lines += [f"      {left if i == middle else ' ' * len(left)}{row}".rstrip() for i, row in enumerate(body)]
    lines += ["", f"{number + 1}. Exponents for N → ∞"]
    for name, limit in theory.exponents.items():
        value = _pretty(limit.value) if limit.known else "none"
        indented = value.replace("\n", "\n" + " " * 41)
        lines += [f"      {TITLES[name]:34} {indented}   {_how(limit)}"]
    return "\n".join([*lines[1:], *_tables(theory)])


def theory_as_latex(theory: OwnTheory) -> str:
    """Return the derivation as a complete LaTeX document."""
    parts = [PREAMBLE.replace("The scaling law of Rosetta Neurons, step by step", "The scaling law of a theory")]
    for number, (title, words, formulas) in enumerate(_steps(theory), start=1):
        parts += [f"\\section*{{{number}. {text_to_latex(title)}}}", text_to_latex(words)]
        for name, formula in formulas:
            left = rf"\text{{{text_to_latex(name)}}} = " if name else ""
            parts.append(f"\\[ {left}{sp.latex(formula, symbol_names=LETTERS)} \\]")
    parts += [r"\section*{Exponents for \ensuremath{N \to \infty}}", r"\begin{tabular}{lll}"]
    for name, limit in theory.exponents.items():
        value = f"${sp.latex(limit.value)}$" if limit.known else "none"
        parts.append(rf"{text_to_latex(TITLES[name])} & {value} & {text_to_latex(limit.how)} \\")
    parts += [r"\end{tabular}", "", *(rf"{text_to_latex(row)} \\" for row in _tables(theory) if row), r"\end{document}"]
    return "\n".join(parts) + "\n"


def _steps(theory: OwnTheory) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield title, words and named formulas of every step."""
    priceless = theory.first_unit == sp.oo
    last = "A" if priceless else "r0"
    yield (
        "The theory",
        "Utility of isolation s, importance and cost at rank r, budget at size N.",
        [("U", theory.utility), ("w", theory.spectrum), ("c", theory.cost), ("B", theory.budget)],
    )
    yield (
        "Stationarity",
        "The Lagrangian Σ w U(s) − λ Σ c s is stationary where s > 0; T = −U'/U'' is how fast demand falls with price.",
        [("", theory.stationarity), ("T", theory.tolerance)],
    )
    words = "s* vanishes at r0."
    if priceless:
        words = "The first unit has infinite marginal utility: every feature is active, and r_τ fixes λ."
    words += _words_of_floor(theory)
    profile = theory.allocation
    implicit = sp.Eq(theory.marginal, sp.Symbol("p", positive=True), evaluate=False)
    yield "Allocation", words, [("s*", profile) if profile is not None else ("", implicit)]
    spent = sp.Symbol("F", positive=True) if theory.spent is None else theory.spent
    solved = [("r0", theory.r0)] if theory.r0 is not None else []
    yield "Budget", f"Integral of c s* over ranks 1 to {last}.", [("", sp.Eq(theory.budget, spent)), *solved]
    front = theory.frontier
    if not priceless:
        yield "Frontier", "s* = τ.", [("", front) if isinstance(front, sp.Eq) else ("r_τ", front)]
    if theory.found_all_from is not None:
        yield "A fixed", "From this budget on, all A features are detected.", [("B", theory.found_all_from)]
    law = [("d log r_τ/d log N", theory.local_exponent)]
    words = "n features are active" + ("; C_n sums their costs, S_T is Σ c T(s)." if _sums(theory) else ".")
    continuum = theory.continuum_exponent
    yield "Local law", words, law + ([("in the continuum", continuum)] if continuum is not None else [])


def _words_of_floor(theory: OwnTheory) -> str:
    """Return the consequence of a marginal utility that does not fall to 0; nothing for any other."""
    lowest = floor_of(theory.marginal)
    if lowest is None or lowest.is_positive is not True:
        return ""
    return (
        f" U' stays above {lowest}: no feature reaches τ whose c/w is more than U'(τ)/({lowest}) times that of rank 1, "
        "which takes the rest of the budget."
    )


def _pretty(of: sp.Basic) -> str:
    """Return SymPy's drawing of an expression, with Greek letters also where it writes names."""
    text = sp.pretty(of, use_unicode=True, wrap_line=False)
    return text if "\n" in text else re.sub(r"[a-z]{2,}", lambda name: GREEK.get(name[0], name[0]), text)


def _sums(theory: OwnTheory) -> bool:
    return bool({str(symbol) for symbol in theory.local_exponent.free_symbols} & {"C_n", "S_T"})


def _how(limit: Limit) -> str:
    return limit.how + (f" ({limit.words})" if limit.words and limit.how != "proved" else "")


def _tables(theory: OwnTheory) -> list[str]:
    """Return the tables that numerical limits were read from, each once."""
    tables = {limit.table: TITLES[name] for name, limit in reversed(theory.exponents.items()) if limit.table}
    lines = []
    for table, title in tables.items():
        lines += ["", f"{title}: values used to estimate the limit"]
        lines += [f"      1e{at:g}: {value:.9g}" for at, value in table]
    return lines
