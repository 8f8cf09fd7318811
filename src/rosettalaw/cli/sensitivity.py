"""``rosettalaw sensitivity``: the effect of each choice that the paper's synthetic experiment leaves open."""

from __future__ import annotations

import typer

from .output import JsonOption, grid, print_json, print_table
from .simulate import ENGINE, GAMMA, INPUTS, KAPPA, RUNS, SEED, WORKERS

EPILOG = "Example: rosettalaw sensitivity --beta 1.5 --neurons 1024:8192:4:log --json"
HEADINGS = {
    "beta": "β",
    "choice": "choice",
    "engine": "engine",
    "neurons": "N",
    "candidates": "n",
    "count": "count",
    "count_sd": "sd",
    "false_pairs": "false",
    "count_exponent": "count ∝",
    "mean_isolation_exponent": "⟨s⟩ ∝",
    "non_rosetta_exponent": "tail ∝",
}


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("sensitivity", rich_help_panel=section, epilog=EPILOG)(sensitivity)


def sensitivity(
    beta: str = typer.Option("1.5,2,3", help="Spectrum exponents β."),
    neurons: str = typer.Option("1024:16384:5:log", help="Network sizes N."),
    kappa: float = KAPPA,
    gamma: float = GAMMA,
    inputs: int = INPUTS,
    runs: int = RUNS,
    seed: int = SEED,
    engine: str = ENGINE,
    workers: int | None = WORKERS,
    as_json: bool = JsonOption,
) -> None:
    """Vary the paper's open choices one at a time, and show how far each moves the counts and exponents."""
    from ..sims.sensitivity import sensitivity as run

    sizes, betas = grid("--neurons", neurons), grid("--beta", beta)
    records = run(sizes, betas, kappa, gamma, inputs, runs, seed, engine, workers)
    if as_json:
        print_json(records)
    else:
        shown = [{HEADINGS[name]: value for name, value in record.items()} for record in records]
        print_table(shown, title="Each open choice varied alone, the default first; ∝: exponent over N")
