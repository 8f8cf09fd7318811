"""``rosettalaw ladder``: measure a ladder of given models, or train one and measure it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import typer

from ..errors import InputError, require
from ..vocabulary import LADDER_COUNTS
from .output import JsonOption, cache_to_use, echo, file_to_write, folder_of, print_json, print_table

EXAMPLE = "rosettalaw ladder pythia-opt.toml --text pile.jsonl.zst --out results/pythia-opt"
EPILOG = f"Example: {EXAMPLE}"
FILE = "A ladder file: models to compare at each rung, or families to train; or the name of a shipped one."

INSTEAD = "Replaces the ladder file's."


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog=EPILOG)
    def ladder(
        ladder: str = typer.Argument("", help=FILE, show_default=False),
        text: Path | None = typer.Option(None, help="Text to measure on, instead of the ladder file's text."),
        categories: Path | None = typer.Option(None, help="CSV of subset,category (default: The Pile's)."),
        out: Path | None = typer.Option(
            None,
            callback=folder_of("results.nc"),
            help="Folder for the results (default: results/<name of the ladder>).",
        ),
        cache: Path | None = typer.Option(None, callback=cache_to_use, help="Folder of trained checkpoints."),
        workers: int | None = typer.Option(None, min=1, help="Models trained at once (default: one per CPU)."),
        device: str = typer.Option("", help=f"cpu, cuda, cuda:1, … {INSTEAD}"),
        device_map: str = typer.Option("", help=f"auto spreads checkpoints too large for one device. {INSTEAD}"),
        weights: str = typer.Option(
            "", help=f"Precision in which models compute: float32, bfloat16 or float16. {INSTEAD}"
        ),
        engine: str = typer.Option("", help=f"auto, exact, certified, or screened: for many neurons. {INSTEAD}"),
        pickled: bool = typer.Option(False, "--allow-pickle-weights", help="Read weights that are not safetensors."),
        scheduler: str | None = typer.Option(
            None, help="Address of a dask scheduler whose workers measure (needs the 'cluster' extra)."
        ),
        check: bool = typer.Option(False, "--check", help="Show sizes, time, memory and disk; measure nothing."),
        template: Path | None = typer.Option(
            None, callback=file_to_write, help="Write a commented ladder file as a template, and exit."
        ),
        as_json: bool = JsonOption,
    ) -> None:
        """Measure a ladder of models: counts, nulls, selectivity, documents, depth; fit and report it.

        Each rung is saved when it is measured; the same command resumes a stopped run.
        """
        if template is not None:
            _write_template(template)
            return
        if not ladder:
            raise InputError("LADDER", ladder, "names no ladder", "rosettalaw ladder --template mine.toml")
        given = {"device": device, "device_map": device_map, "weights": weights, "engine": engine}
        given |= {"allow_pickle_weights": pickled or ""}
        machine = {name: value for name, value in given.items() if value != ""}
        if check:
            _show_preview(ladder, text, categories, machine, as_json)
            return
        from ..empirical.matching.machine import distributed
        from ..loop.ladder import run_ladder

        with distributed.started(device or "cpu"):
            rule = "sends rungs to a cluster; torchrun shares out matchings. Take one of them"
            require(scheduler is None or distributed.size() == 1, "--scheduler", scheduler, rule, EXAMPLE)
            summary = run_ladder(ladder, out, text, categories, cache, workers, machine, scheduler)
        if not summary:
            return
        if as_json:
            print_json(summary)
        else:
            print_table([{name: rung[name] for name in LADDER_COUNTS} for rung in summary["rungs"]], title=ladder)


def _write_template(path: Path) -> None:
    from ..empirical.ladder.template import write_template

    echo(f"{write_template(path)}: enter your models and text in it, then run: rosettalaw ladder {path} --check")


def _show_preview(
    ladder: str, text: Path | None, categories: Path | None, machine: Mapping[str, object], as_json: bool
) -> None:
    from ..empirical.ladder.preview import preview
    from .plan import duration

    rungs = preview(ladder, text, categories, machine)
    if as_json:
        print_json({"rungs": [rung.record() for rung in rungs]})
        return
    rows = [
        {
            "rung": rung.title,
            "neurons": " × ".join(f"{neurons:,}" for neurons in rung.neurons),
            "pairs": rung.pairs,
            "matching": duration(rung.seconds),
            "memory": f"{rung.memory_bytes / 2**30:.2f} GiB",
            "disk": f"{rung.disk_bytes / 1e9:.3g} GB",
        }
        for rung in rungs
    ]
    print_table(rows, title=ladder)
    total = duration(sum(rung.seconds for rung in rungs))
    echo(
        f"matching takes about {total} on this machine, including null draws; reading and training take additional time"
    )
