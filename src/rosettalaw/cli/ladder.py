"""``rosettalaw ladder``: measure a ladder of given models, or train one and measure it."""

from __future__ import annotations

from pathlib import Path

import typer

from ..vocabulary import LADDER_COUNTS
from .output import JsonOption, folder_of, folder_to_write, print_json, print_table

EPILOG = "Example: rosettalaw ladder pythia-opt.toml --text pile.jsonl.zst --out results/pythia-opt"
FILE = "A ladder file: models to compare at each rung, or families to train; or the name of a shipped one."


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog=EPILOG)
    def ladder(
        ladder: str = typer.Argument(help=FILE, show_default=False),
        text: Path | None = typer.Option(None, help="Text to measure on, instead of the file's own."),
        categories: Path | None = typer.Option(None, help="CSV of subset,category (default: The Pile's)."),
        out: Path | None = typer.Option(
            None,
            callback=folder_of("results.nc"),
            help="Folder for the results (default: results/<name of the ladder>).",
        ),
        cache: Path | None = typer.Option(None, callback=folder_to_write, help="Folder of trained checkpoints."),
        workers: int | None = typer.Option(None, min=1, help="Models trained at once (default: one per CPU)."),
        as_json: bool = JsonOption,
    ) -> None:
        """Measure a ladder of models: counts, nulls, selectivity, documents, depth; fit and report it.

        Each rung is saved when it is measured; the same command goes on where a run stopped.
        """
        from ..loop.ladder import run_ladder

        summary = run_ladder(ladder, out, text, categories, cache, workers)
        if as_json:
            print_json(summary)
        else:
            print_table([{name: rung[name] for name in LADDER_COUNTS} for rung in summary["rungs"]], title=ladder)
