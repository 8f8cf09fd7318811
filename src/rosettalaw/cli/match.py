"""``rosettalaw match``: the mutual nearest neighbours of two models, and how many of them a null cannot explain."""

from __future__ import annotations

from pathlib import Path

import typer

from .output import JsonOption, print_json, print_table

EPILOG = "Example: rosettalaw match a.npy b.npy --json (arrays of shape positions × neurons)"
MODEL = "Activations (.npy, .zarr, .nc) of shape positions × neurons, or a checkpoint: a folder or a hub id."
ARRAYS = (".npy", ".zarr", ".nc")


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("match", rich_help_panel=section, epilog=EPILOG)(match)


def match(
    a: str = typer.Argument(help=MODEL, show_default=False),
    b: str = typer.Argument(help="The other model: the same kind, at the same positions.", show_default=False),
    k: int = typer.Option(1, "--k", help="Partners a neuron may have: each must be among the other's k best."),
    absolute: bool = typer.Option(False, "--absolute", help="Rank by |correlation|."),
    permutations: int = typer.Option(3, "--null-permutations", help="Draws of the permutation null; 0 skips it."),
    q: float = typer.Option(0.05, "--q", help="Allowed share of null pairs among those kept."),
    engine: str = typer.Option("exact", "--engine", help="exact."),
    seed: int = typer.Option(0, "--seed", help="Seed of the permutations."),
    out: Path | None = typer.Option(None, "--out", help="Save the result to this netCDF file.", show_default=False),
    as_json: bool = JsonOption,
) -> None:
    """Match the neurons of two models: mutual nearest neighbours, and the calibrated count."""
    from ..empirical.matching import match as run
    from ..results import save

    source_a, source_b = _source(a), _source(b)
    found = run(source_a, source_b, k=k, absolute=absolute, permutations=permutations, engine=engine, seed=seed)
    calibration = found.calibrate(q=q)
    if out is not None:
        save(found.to_dataset(calibration), out)
    record = found.record(calibration)
    if as_json:
        print_json(record)
        return
    null = "permuted positions" if calibration else "none"
    print_table([{name: record[name] for name in SHOWN}], title=f"{a} × {b}, null: {null}")


SHOWN = (
    "count",
    "calibrated_count",
    "calibrated_count_se",
    "threshold",
    "excluded_a",
    "excluded_b",
    "engine",
    "positions",
    "status",
)


def _source(argument: str):
    """Return the activations that an argument names."""
    from ..empirical.array_sources import ArraySource
    from ..errors import InputError

    if Path(argument).suffix in ARRAYS:
        return ArraySource(argument)
    raise InputError("model", argument, "must be a .npy file", "rosettalaw match a.npy b.npy")
