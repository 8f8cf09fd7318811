"""``rosettalaw demo``: the whole loop in one command."""

from __future__ import annotations

from pathlib import Path

import typer

from .output import JsonOption, cache_to_use, folder_of, print_json

OUT = typer.Option(Path("results/demo"), callback=folder_of("results.nc"), help="Folder for the results.")
CACHE = typer.Option(
    None,
    callback=cache_to_use,
    help="Folder of checkpoints (default: the system's cache, such as ~/.cache/rosettalaw).",
)


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog="Example: rosettalaw demo --ladder quickstart --out results/demo")
    def demo(
        ladder: str = typer.Option("quickstart", help="A shipped ladder (quickstart, full) or a ladder file."),
        out: Path = OUT,
        cache: Path = CACHE,
        workers: int = typer.Option(None, min=1, help="Models trained at once (default: one per CPU)."),
        vision: bool = typer.Option(False, "--vision", help="Train vision models on bundled photographs instead."),
        check: bool = typer.Option(
            False, "--check", help="Compare with the saved numbers; exit code 1 if they are out of tolerance."
        ),
        as_json: bool = JsonOption,
    ) -> None:
        """Train two families of language models, measure the law of Rosetta Neurons, compare it with the theory."""
        if vision:
            from ..loop.vision import run as run_vision

            summary = run_vision(out, cache, workers)
        else:
            from ..loop.demo import run

            summary = run(ladder, out, cache, workers)
        if check:
            from ..loop.check import check_kept

            summary["check"] = check_kept(out, "vision" if vision else ladder)
        if as_json:
            print_json(summary)
        if check and not summary["check"]["holds"]:
            raise typer.Exit(1)
