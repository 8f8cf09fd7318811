"""``rosettalaw predict``: the theory's prediction for given parameters."""

from __future__ import annotations

import typer

from .output import JsonOption, grid, print_json, print_table

# Variable of the prediction -> heading of the table for people.
COLUMNS = {
    "active": "n",
    "r0": "r₀",
    "r_tau": "r_τ",
    "count": "R_τ",
    "mean_isolation": "⟨s⟩",
    "tail_mass": "tail",
    "isolation_per_non_rosetta": "tail/(N−R)",
    "local_exponent": "local",
    "asymptotic_exponent": "N→∞",
}
SENSITIVITIES = {
    "sensitivity_beta": "∂/∂β",
    "sensitivity_log_kappa": "∂/∂log κ",
    "sensitivity_log_tau": "∂/∂log τ",
    "sensitivity_log_neurons": "∂/∂log N",
}


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("predict", rich_help_panel=section, epilog=EPILOG)(predict)


EPILOG = "Example: rosettalaw predict --beta 1.6 --kappa 0.5 --tau 2 --gamma 4 --neurons 1024,131072 --json"


def predict(
    beta: float = typer.Option(..., help="Spectrum exponent β."),
    neurons: str = typer.Option(..., help="Network sizes N: a number, a list 1024,4096 or a range 1e3:1e9:7:log."),
    kappa: float = typer.Option(1.0, help="Isolation budget per neuron κ."),
    tau: float = typer.Option(1.0, help="Detectability threshold of isolation τ."),
    gamma: float = typer.Option(4.0, help="Latent features per neuron γ (inf needs β > 1)."),
    limit: str = typer.Option(
        "discrete", help="discrete (exact sums over ranks) or continuum (the paper's integrals)."
    ),
    sensitivities: bool = typer.Option(
        False, "--sensitivities", help="Add the derivatives of log r_τ with respect to β, log κ, log τ and log N."
    ),
    as_json: bool = JsonOption,
) -> None:
    """Predict the number of Rosetta Neurons and its scaling at given sizes."""
    from ..theory.predictions import predict_values

    sizes = grid("--neurons", neurons)
    result = predict_values(sizes, beta, kappa, tau, gamma, limit, sensitivities)[1]
    columns = COLUMNS | (SENSITIVITIES if sensitivities else {})
    records = []
    for i, size in enumerate(sizes):
        values = {name: result[name][i] for name in columns}
        records.append({"neurons": int(size) if size == int(size) else size, **values, "limit": limit})
    if as_json:
        print_json(records)
        return
    table = [{"N": row["neurons"], **{columns[name]: row[name] for name in columns}} for row in records]
    print_table(table, title=f"β = {beta:g}, κ = {kappa:g}, τ = {tau:g}, γ = {gamma:g}, {limit}")
