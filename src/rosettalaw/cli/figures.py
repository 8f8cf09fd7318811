"""``rosettalaw figures``: the figures and tables that have data."""

from __future__ import annotations

from pathlib import Path

import typer

from .output import JsonOption, echo, folder_to_write, print_json

RESULTS = typer.Argument(None, help="Folder of results (.nc), or one of them. Default: published numbers only.")
OUT = typer.Option(Path("results/figures"), callback=folder_to_write, help="Folder for the figures.")
ONLY = typer.Option(None, "--only", help="Names of figures, such as fig03,triangle.")


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog="Example: rosettalaw figures results --out results/figures")
    def figures(results: Path = RESULTS, out: Path = OUT, only: str = ONLY, as_json: bool = JsonOption) -> None:
        """Draw every figure and table of the paper that has data, and list those without."""
        from ..console import progress, say
        from ..paper_figs.catalogue import CATALOGUE, make_all
        from ..paper_figs.results_folder import read

        folder = read(results)
        names = [name.strip() for name in only.split(",")] if only else list(CATALOGUE)
        made = []
        with progress("figures", len(names), quiet=as_json) as bar:
            for one in make_all(folder, out, names):
                made.append(one)
                bar.advance()
        if results is not None and not (folder.datasets or folder.tables):
            say(f"{results}: no results there that can be read; only published numbers are drawn")
        for reason in folder.skipped:
            say(f"left out: {reason}")
        if as_json:
            print_json([vars(one) for one in made])
            return
        for one in made:
            if one.files:
                echo(f"{one.name:12} {one.shows}: {one.files[0]}")
        for one in made:
            if not one.files:
                echo(f"{one.name:12} {one.shows}: needs {one.waits_for}")
