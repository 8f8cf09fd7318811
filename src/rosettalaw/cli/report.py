"""``rosettalaw report``: one page about a folder of results, or about one result."""

from __future__ import annotations

from pathlib import Path

import typer

from ..errors import MissingFileError
from .output import echo, require_page

RESULTS = typer.Argument(
    help="A result (.nc), counts (.csv), or a folder that is searched for them.", show_default=False
)
OUT = typer.Option(None, help="The page. Default: report.html in that folder, or beside the file, with its name.")


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog="Example: rosettalaw report results/demo --out report.html")
    def report(
        results: Path = RESULTS,
        out: Path = OUT,
        everything: bool = typer.Option(False, "--all", help="Include every figure and table of the paper."),
    ) -> None:
        """Write one self-contained page: the verdicts in words, then tables, figures and provenance."""
        page = out or (results.with_suffix(".html") if results.is_file() else results / "report.html")
        require_page("--out", page)
        if not results.exists():
            raise MissingFileError(f"{results}: no such folder or file. Try: rosettalaw demo --out results/demo")
        from ..results_page import write_results_page

        echo(str(write_results_page(results, page, everything)))
