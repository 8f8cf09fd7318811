"""``rosettalaw derive``: the theory's chain of equations, computed by SymPy."""

from __future__ import annotations

from pathlib import Path

import typer

from .output import echo, file_to_write

EPILOG = "Example: rosettalaw derive --step 7   or: rosettalaw derive --latex derivation.tex"


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("derive", rich_help_panel=section, epilog=EPILOG)(derive)


def derive(
    step: int | None = typer.Option(None, help="Show this step alone."),
    latex: Path | None = typer.Option(
        None, callback=file_to_write, help="Write the steps as a LaTeX document to this file."
    ),
) -> None:
    """Show how the law follows, from a noisy readout to the exponents; ✓ marks agreement with the closed form."""
    from ..console import say
    from ..results import replacing
    from ..theory.chain import chain
    from ..theory.chain import step as one_step
    from ..theory.typesetting import as_latex, as_text

    steps = chain() if step is None else (one_step(step),)
    if latex is None:
        echo(*"\n\n".join(as_text(each) for each in steps).split("\n"))
        return
    with replacing(latex) as partial:
        partial.write_text(as_latex(steps), encoding="utf-8")
    say(f"wrote {latex}; typeset it with: pdflatex {latex}")
