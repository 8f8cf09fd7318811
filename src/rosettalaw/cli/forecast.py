"""``rosettalaw forecast``: counts at sizes that were not measured."""

from __future__ import annotations

from pathlib import Path

import typer

from .output import JsonOption, echo, grid, print_json, print_table

COUNTS = typer.Argument(help="CSV file with neurons,count, or a result file (.nc) of a ladder.", show_default=False)


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog="Example: rosettalaw forecast counts.csv --neurons 1e4,1e5")
    def forecast(
        counts: Path = COUNTS,
        neurons: str = typer.Option(..., help="Sizes, as 1e4,1e5 or 1e3:1e6:7:log."),
        as_json: bool = JsonOption,
    ) -> None:
        """Forecast the count at other sizes; far outside the measured range the answer is refused."""
        from ..validation.forecast import forecast as at_sizes
        from ..validation.forecast import held_out_largest
        from ..validation.series_from import counts_of

        data = counts_of(counts)
        forecasts, tested = at_sizes(data, grid("--neurons", neurons)), held_out_largest(data)
        rows = [
            {
                "neurons": one.neurons,
                "count": one.count,
                "ci95": one.ci95,
                "curves": one.curves,
                "status": str(one.status),
            }
            for one in forecasts
        ]
        if as_json:
            print_json({"forecasts": rows, "held_out": None if tested is None else vars(tested), "notes": data.notes})
            return
        shown = ("neurons", "count", "ci95", "status")
        print_table([{name: row[name] for name in shown} for row in rows])
        if tested is not None:
            echo(tested.sentence())
        for note in data.notes:
            echo(f"note: {note}")
