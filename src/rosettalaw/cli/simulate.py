"""``rosettalaw simulate`` and ``rosettalaw sensitivity``: the paper's synthetic experiment, and what it leaves open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from .output import JsonOption, grid, print_json, print_table, result_to_write

EPILOG = "Example: rosettalaw simulate --beta 1.5,2,3 --neurons 1024:131072:8:log --inputs 10000 --runs 10 --json"
EPILOG_SENSITIVITY = "Example: rosettalaw sensitivity --beta 1.5 --neurons 1024:8192:4:log --json"
BETA = typer.Option("1.5,2,3", help="Spectrum exponents β: a number, a list or a range 1.5:3:4.")
NEURONS = typer.Option("1024:131072:8:log", help="Network sizes N: a number, a list or a range 1024:131072:8:log.")
KAPPA = typer.Option(1.0, help="Isolation budget per neuron κ.")
GAMMA = typer.Option(4.0, help="Latent features per neuron γ.")
INPUTS = typer.Option(10_000, help="Inputs M that correlations are taken over.")
RUNS = typer.Option(10, help="Independent pairs of networks a point.")
SEED = typer.Option(0, min=0, help="Seed; the same seed gives the same bits for any number of workers.")
ENGINE = typer.Option("auto", help="auto (by size), wishart (exact in law), dense (draws inputs), expected (integral).")
WORKERS = typer.Option(None, min=1, help="Runs at once (default: one a processor).")
HEADINGS = {
    "beta": "β",
    "neurons": "N",
    "count": "count",
    "count_sd": "sd",
    "candidates": "n",
    "false_pairs": "false",
    "mean_isolation_matched": "⟨s⟩ matched",
    "isolation_per_non_rosetta": "tail/(N−R)",
}
EXPONENTS = {
    "configuration": "recipe",
    "beta": "β",
    "quantity": "quantity",
    "exponent": "exponent",
    "exponent_ci95": "95%",
    "finite_size_exponent": "these sizes",
    "asymptotic_exponent": "N → ∞",
}
CHOICES = {
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
    """Add the commands to the command line."""
    app.command("simulate", rich_help_panel=section, epilog=EPILOG)(simulate)
    app.command("sensitivity", rich_help_panel=section, epilog=EPILOG_SENSITIVITY)(sensitivity)


def simulate(
    beta: str = BETA,
    neurons: str = NEURONS,
    kappa: float = KAPPA,
    gamma: float = GAMMA,
    inputs: int = INPUTS,
    runs: int = RUNS,
    seed: int = SEED,
    engine: str = ENGINE,
    background: int | None = typer.Option(None, help="Features in a neuron's interference |B_j| (default: the pool)."),
    pool: str = typer.Option("all", help="Which features interfere: all, or the inactive ones."),
    interference_norm: float = typer.Option(1.0, help="Norm of a neuron's interference loadings."),
    noise: float = typer.Option(1.0, help="Noise variance σ∞² of a neuron."),
    idle: float = typer.Option(0.0, help="Share of the neurons without a feature that take part."),
    threshold: float = typer.Option(-1.0, help="Correlation that a pair must reach; −1 counts every mutual pair."),
    workers: int | None = WORKERS,
    out: Path | None = typer.Option(
        None, callback=result_to_write, help="Save the result to this netCDF file.", show_default=False
    ),
    as_json: bool = JsonOption,
) -> None:
    """Simulate pairs of networks with known features, match them, and fit the exponents."""
    from ..results import save
    from ..sims import Choices
    from ..sims import simulate as run

    choices = Choices(background, pool, interference_norm, noise, idle, threshold)
    sizes, betas = grid("--neurons", neurons), grid("--beta", beta)
    found = run(sizes, betas, kappa, gamma, inputs, runs, seed, engine, choices, workers)
    if out is not None:
        save(found.to_dataset(), out)
    record = found.record()
    if as_json:
        print_json(record)
        return
    print_table([{HEADINGS[name]: value for name, value in row.items()} for row in record["rows"]])
    print_exponents(record["fits"])


def print_exponents(fits: list[dict[str, Any]]) -> None:
    """Print fitted exponents beside those of the theory, at these sizes and in the limit."""
    print_table([{EXPONENTS[name]: value for name, value in fit.items()} for fit in fits], title="Exponents over N")


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
    """Vary one at a time what the paper leaves open, and show how far each moves the counts and exponents."""
    from ..sims.sensitivity import sensitivity as run

    sizes, betas = grid("--neurons", neurons), grid("--beta", beta)
    records = run(sizes, betas, kappa, gamma, inputs, runs, seed, engine, workers)
    if as_json:
        print_json(records)
    else:
        shown = [{CHOICES[name]: value for name, value in record.items()} for record in records]
        print_table(shown, title="Each open choice on its own; first the default; ∝: exponent over N")
