"""``rosettalaw fit``: the scaling law of a file of counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .output import JsonOption, echo, print_json, print_table

if TYPE_CHECKING:
    from ..validation.joint_result import JointFit
    from ..validation.series import Series

COUNTS = typer.Argument(
    help="CSV file with neurons,count and, if known, count_sd; or a ladder's result file (.nc).", show_default=False
)

HIDDEN = ("fisher", "profiles", "beta", "kappa", "tau")  # shown as parameters, or in JSON alone
STEPS = 100  # fewer say nothing about the ends of an interval
NOT_TESTED = {
    "misfit_p": "none, because errors are estimated from the fit of the theory",
    "uneven_p": "none; only isolation and tail without stated errors are tested for it",
}


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog="Example: rosettalaw fit counts.csv --json")
    def fit(
        counts: Path = COUNTS,
        tau: float | None = typer.Option(
            None,
            help="Detectability threshold τ of the theory (default: 1, with an interval of β over τ = 0.5 to 4).",
        ),
        gamma: float = typer.Option(4.0, help="Latent features per neuron γ of the theory."),
        posterior: int = typer.Option(
            0, min=0, help="Also sample the posterior of the theory with this many emcee steps."
        ),
        as_json: bool = JsonOption,
    ) -> None:
        """Fit a power law and the theory to counts, compare other curves, and state the verdict."""
        import numpy as np

        from ..errors import require

        rule = f"must be 0, or at least {STEPS}; the first quarter is discarded"
        require(posterior == 0 or posterior >= STEPS, "--posterior", posterior, rule, f"--posterior {STEPS}")
        from ..validation.analysis import analyse_clean, analyse_series
        from ..validation.counts import naming
        from ..validation.joint_fit import fit_jointly
        from ..validation.joint_result import plain_draws, quantiles
        from ..validation.observations import Observations
        from ..validation.series_from import counts_of, one_series

        measured = one_series(counts) if counts.suffix.lower() == ".nc" else None
        with naming(counts):
            data = counts_of(counts) if measured is None else measured.clean()
        analysis = analyse_clean(data, None, tau, gamma) if measured is None else analyse_series(measured, tau, gamma)
        joint = _joint(measured) if measured else None
        record: dict[str, Any] = analysis.record(as_json) | ({"joint": joint.record(as_json)} if joint else {})
        if posterior:
            fitted = joint or fit_jointly(Observations(data.neurons, data.counts), gamma)
            samples = fitted.sample(posterior)
            record |= {"posterior": quantiles(samples), "posterior_status": samples.attrs["status"]}
            shown = quantiles(plain_draws(samples))
        if as_json:
            print_json(record)
            return
        scatter, own = analysis.power_law.excess_scatter, analysis.own
        echo(record["verdict"], *analysis.counting, "")
        print_table(
            [
                _row("exponent α", record["exponent"], record["exponent_ci95"]),
                *([_row("α, own ρ* of each size", own.exponent, own.exponent_ci95)] if own else []),
                *(_row(f"α, {fit.likelihood}", fit.exponent, fit.exponent_ci95) for fit in analysis.likelihoods),
                *([_row("scatter over stated errors", scatter)] if np.isfinite(scatter) else []),
                _row("prefactor c", record["prefactor"]),
                _row("R² of the logarithms", record["r2"]),
                _row("β of the theory", record["beta"], record["beta_ci95"]),
                _row("κ/(1+τ)", record["budget_over_threshold"]),
            ]
        )
        print_table(record["alternatives"], title="Curves (rms of log count; AICc; rms at sizes left out)")
        echo(f"preferred: {analysis.comparison.preferred} ({analysis.comparison.reason})")
        echo(f"β, κ and τ from counts alone: {record['identifiability']}")
        if joint is not None:
            echo("", "Theory fitted to counts and ranked correlations together")
            for name, one in joint.params.items():
                echo(f"  {name} = {one}")
            for name, value in record["joint"].items():
                if name not in HIDDEN and not name.endswith("_ci95"):
                    echo(f"  {name}: {_words(value, NOT_TESTED.get(name, '–'))}")
        for name, value in (shown if posterior else {}).items():
            echo(f"posterior of {name}: {_words(value)} (95%)")
        if posterior:
            echo(f"posterior: {record['posterior_status']}")
        if analysis.left_out:
            lowest, highest = min(analysis.left_out.values()), max(analysis.left_out.values())
            echo(f"without any one size: α between {lowest:.3f} and {highest:.3f}")
        echo(f"status: {record['status']}")
        for note in record["notes"]:
            echo(f"note: {note}")


def _joint(measured: Series) -> JointFit | None:
    from ..validation.compare import joint_of

    return joint_of(measured)


def _row(name: str, value: float, interval: tuple[float, float] | None = None) -> dict[str, object]:
    return {"quantity": name, "estimate": value, "95% interval": None if interval is None else list(interval)}


def _words(value: object, missing: str = "–") -> str:
    if isinstance(value, tuple):
        return " to ".join(f"{end:.4g}" for end in value)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, float):
        return f"{value:.3g}" if value == value else missing
    return str(value)
