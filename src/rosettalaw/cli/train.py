"""``rosettalaw train``: train the models of a ladder."""

from __future__ import annotations

from pathlib import Path

import typer

from .output import JsonOption, cache_to_use, echo, print_json


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog="Example: rosettalaw train quickstart")
    def train(
        ladder: str = typer.Argument(
            ..., metavar="FAMILY.toml", help="A ladder file, or the name of a shipped ladder."
        ),
        family: str = typer.Option(None, help="Train only this family of the ladder."),
        cache: Path = typer.Option(
            None,
            callback=cache_to_use,
            help="Folder of checkpoints (default: the system's cache, such as ~/.cache/rosettalaw).",
        ),
        workers: int = typer.Option(None, min=1, help="Models trained at once (default: one per CPU)."),
        as_json: bool = JsonOption,
    ) -> None:
        """Train the models of a ladder; finished ones are reused, unfinished ones resumed."""
        from ..empirical.ladder.train import train_ladder
        from ..empirical.language.families import open_ladder
        from ..errors import UnknownNameError

        opened = open_ladder(ladder)
        if family is not None and family not in {member.name for member in opened.family}:
            raise UnknownNameError("family", family, [member.name for member in opened.family])
        trained = train_ladder(opened, family=family, cache=cache, workers=workers)
        rows = [
            {"family": name, "neurons": rung.neurons, "seed": seed, "folder": str(folder)}
            for (name, rung, seed), folder in trained.folders.items()
        ]
        if as_json:
            print_json({"ladder": opened.name, "corpus_sha256": trained.corpus_sha256, "models": rows})
        else:
            for row in rows:
                echo(f"{row['family']:>8}  {row['neurons']:>7} neurons  seed {row['seed']}  {row['folder']}")
