"""``rosettalaw derive``: the theory's chain of equations, computed by SymPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from ..errors import InputError, require
from .output import echo, file_to_write

EPILOG = 'Example: rosettalaw derive --step 7   or: rosettalaw derive --utility "s/(1 + s)" --latex derivation.tex'


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("derive", rich_help_panel=section, epilog=EPILOG)(derive)


def derive(
    step: int | None = typer.Option(None, help="Show only this step."),
    latex: Path | None = typer.Option(
        None, callback=file_to_write, help="Write the steps as a LaTeX document to this file."
    ),
    utility: str | None = typer.Option(None, help="Derive another theory: utility of isolation s, or a family's name."),
    spectrum: str | None = typer.Option(None, help="Importance at rank r, for example r**-beta*exp(-r/scale)."),
    cost: str | None = typer.Option(None, help="Cost of a unit of isolation at rank r, for example r**delta."),
    budget: str | None = typer.Option(None, help="Budget at size N, for example kappa*N**theta."),
    at: str = typer.Option("", help="Numbers for limits that SymPy does not find: beta=1.6,tau=1."),
) -> None:
    """Show how the law follows, from a noisy readout to the exponents, or what another theory implies."""
    from ..console import say
    from ..results import replacing

    own = {"utility": utility, "spectrum": spectrum, "cost": cost, "budget": budget}
    parts = {name: formula for name, formula in own.items() if formula is not None}
    if parts:
        require(
            step is None,
            "--step",
            step,
            "selects a step of the paper's theory; another theory is shown in full",
            EPILOG,
        )
        text, document = _own(parts, at)
    else:
        text, document = _chain(step)
    if latex is None:
        echo(*text().split("\n"))
        return
    with replacing(latex) as partial:
        partial.write_text(document(), encoding="utf-8")
    say(f"wrote {latex}; typeset it with: pdflatex {latex}")


def _chain(number: int | None) -> tuple[Callable[[], str], Callable[[], str]]:
    from ..theory.chain import chain
    from ..theory.chain import step as one_step
    from ..theory.typesetting import as_latex, as_text

    steps = chain() if number is None else (one_step(number),)
    return lambda: "\n\n".join(as_text(each) for each in steps), lambda: as_latex(steps)


def _own(parts: dict[str, str], at: str) -> tuple[Callable[[], str], Callable[[], str]]:
    numbers = _numbers(at)
    from ..theory.own_theory import derive as derived

    result = derived(**parts, at=numbers)
    return lambda: str(result), result.latex


def _numbers(text: str) -> dict[str, float]:
    """Read name=number pairs separated by commas."""
    pairs = [pair.split("=") for pair in text.split(",") if pair.strip()]
    try:
        return {name.strip(): float(value) for name, value in pairs}
    except ValueError:
        raise InputError("--at", text, "must be name=number pairs separated by commas", "--at beta=1.6,tau=1") from None
