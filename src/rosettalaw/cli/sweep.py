"""``rosettalaw sweep``: the theory on a grid of its parameters, saved as netCDF."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import typer

from .output import JsonOption, echo, grid, print_json, result_to_write

EPILOG = "Example: rosettalaw sweep --beta 1.2:3:100 --neurons 1e3:1e9:200:log --out sweep.nc"


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("sweep", rich_help_panel=section, epilog=EPILOG)(sweep)


def sweep(
    beta: str = typer.Option(..., help="Spectrum exponents β: a number, a list 1.5,2 or a range 1.2:3:100."),
    neurons: str = typer.Option(..., help="Network sizes N, for example 1e3:1e9:200:log."),
    out: Path = typer.Option(..., callback=result_to_write, help="The netCDF file to write."),
    kappa: str = typer.Option("1", help="Isolation budgets per neuron κ."),
    tau: str = typer.Option("1", help="Detectability thresholds τ."),
    gamma: str = typer.Option("4", help="Latent features per neuron γ."),
    limit: str = typer.Option("discrete", help="discrete or continuum."),
    memory: float | None = typer.Option(
        None, help="Memory limit in GB; a larger sweep is solved and written in blocks."
    ),
    sensitivities: bool = typer.Option(
        False, "--sensitivities", help="Add the derivatives of log r_τ with respect to β, log κ, log τ and log N."
    ),
    scheduler: str | None = typer.Option(None, help="Address of a dask scheduler (needs the 'cluster' extra)."),
    as_json: bool = JsonOption,
) -> None:
    """Predict on a grid of parameters; points without a solution are marked with a status."""
    from ..cluster import connected, require_answer
    from ..results import require_room
    from ..theory.sweeps import summary, write
    from ..theory.sweeps import sweep as solve

    texts = {"neurons": neurons, "beta": beta, "kappa": kappa, "tau": tau, "gamma": gamma}
    values = {name: grid(f"--{name}", text) for name, text in texts.items()}
    arguments: Any = {name: value[0] if len(value) == 1 else value for name, value in values.items()}
    if scheduler is not None:
        require_answer(scheduler)
    require_room(out, 8 * (15 if sensitivities else 11) * math.prod(len(value) for value in values.values()))
    bound = 1.0 if scheduler else None if memory is None else memory * 1e9  # a cluster gets blocks, however small
    result = solve(**arguments, limit=limit, memory=bound, sensitivities=sensitivities)
    if scheduler is None:
        write(result, out)
    else:
        with connected(scheduler) as client:
            write(result, out, client)
    facts = {"out": str(out), "dims": dict(result.sizes), **summary(out)}
    if as_json:
        print_json(facts)
        return
    points = f"{facts['points']} point{'' if facts['points'] == 1 else 's'}"
    echo(f"{points} in {out}, {facts['solved']} of them solved")
    for rule, number in facts["unsolved"].items():
        echo(f"  {number} have no solution: {rule}")
