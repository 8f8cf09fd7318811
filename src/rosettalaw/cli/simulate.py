"""``rosettalaw simulate``: the paper's synthetic experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from .output import JsonOption, grid, print_json, print_table, result_to_write

EPILOG = "Example: rosettalaw simulate --beta 1.5,2,3 --neurons 1024:131072:8:log --inputs 10000 --runs 10 --json"
BETA = typer.Option("1.5,2,3", help="Spectrum exponents β: a number, a list or a range 1.5:3:4.")
NEURONS = typer.Option("1024:131072:8:log", help="Network sizes N: a number, a list or a range 1024:131072:8:log.")
KAPPA = typer.Option(1.0, help="Isolation budget per neuron κ.")
GAMMA = typer.Option(4.0, help="Latent features per neuron γ.")
INPUTS = typer.Option(10_000, help="Inputs M that correlations are taken over.")
RUNS = typer.Option(10, help="Independent pairs of networks per point.")
SEED = typer.Option(0, min=0, help="Seed; the same seed gives the same bits for any number of workers.")
ENGINE = typer.Option("auto", help="auto (by size), wishart (exact in law), dense (draws inputs), expected (integral).")
WORKERS = typer.Option(None, min=1, help="Runs at once (default: one per CPU).")
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


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("simulate", rich_help_panel=section, epilog=EPILOG)(simulate)


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
    from ..results import require_room, save
    from ..sims import Choices
    from ..sims import simulate as run

    choices = Choices(
        background=background,
        pool=pool,
        interference_norm=interference_norm,
        noise=noise,
        idle=idle,
        threshold=threshold,
    )
    sizes, betas = grid("--neurons", neurons), grid("--beta", beta)
    if out is not None:
        require_room(out, 8 * (4 * max(runs, 0) + 3) * len(sizes) * len(betas))
    simulation = run(sizes, betas, kappa, gamma, inputs, runs, seed, engine, choices, workers)
    if out is not None:
        save(simulation.to_dataset(), out)
    record = simulation.record()
    if as_json:
        print_json(record)
        return
    print_table([{HEADINGS[name]: value for name, value in row.items()} for row in record["rows"]])
    print_exponents(record["fits"])


def print_exponents(fits: list[dict[str, Any]]) -> None:
    """Print fitted exponents beside those of the theory, at these sizes and in the limit."""
    print_table([{EXPONENTS[name]: value for name, value in fit.items()} for fit in fits], title="Exponents over N")
