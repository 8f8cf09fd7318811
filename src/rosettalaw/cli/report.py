"""``rosettalaw report``: one page about a folder of results."""

from __future__ import annotations

from pathlib import Path

import typer

from .output import echo, page_to_write

FOLDER = typer.Argument(help="Folder of results (.nc) and counts (.csv), searched recursively.", show_default=False)
OUT = typer.Option(None, callback=page_to_write, help="The page (default: report.html in that folder).")


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog="Example: rosettalaw report results/demo --out report.html")
    def report(
        folder: Path = FOLDER,
        out: Path = OUT,
        everything: bool = typer.Option(False, "--all", help="Include every figure and table of the paper."),
    ) -> None:
        """Write one self-contained page: the verdicts in words, then tables, figures and provenance."""
        from ..results_page import write_results_page

        echo(str(write_results_page(folder, out or folder / "report.html", everything)))
