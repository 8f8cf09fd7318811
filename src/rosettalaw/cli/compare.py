"""``rosettalaw compare``: all sources side by side."""

from __future__ import annotations

from pathlib import Path

import typer

from .output import JsonOption, echo, file_to_write, print_json, print_table, require_no_input

RESULTS = typer.Argument(None, help="Result files (.nc) and CSV files with neurons,count.", show_default=False)
FIGURE = typer.Option(None, callback=file_to_write, help="Also draw the comparison to this path, as PNG and SVG.")


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog="Example: rosettalaw compare results/*.nc counts.csv --figure all.png")
    def compare(
        results: list[Path] = RESULTS,
        references: bool = typer.Option(
            True, help="Include the paper, networks with known β, toys and the repository's ladders."
        ),
        figure: Path = FIGURE,
        as_json: bool = JsonOption,
    ) -> None:
        """Put every source through the same fits and tests, in one table and one figure."""
        from ..errors import require
        from ..validation.compare import compare_series, corrected, reference_rows
        from ..validation.published_checks import published_checks
        from ..validation.series_from import read_series

        rule = "nothing to compare: give results, or include the references"
        require(results or references, "results", "", rule, "rosettalaw compare results/*.nc")
        if figure is not None:
            from ..paper_figs.style import targets

            for drawing in targets(figure):
                require_no_input("--figure", drawing, results or [])
        own = read_series(results or [])  # unreadable files are refused before the references are computed
        rows = [*(reference_rows() if references else []), *compare_series(own)]
        records = [row.record() for row in rows]
        if figure is not None:
            from ..paper_figs import sources

            sources.draw(rows, figure)
        if as_json:
            checks = [vars(check) for check in published_checks()] if references else []
            print_json({"sources": records, "published_checks": checks})
            return
        shown = ("name", "sizes", "exponent", "exponent_ci95", "beta", "preferred", "product", "sum", "theta")
        print_table([{_heading(name): record[name] for name in shown} for record in records])
        mine = [row for row in rows if not row.series.reference]
        if len(mine) > 1 and (together := corrected(mine)):
            echo("", together)
        for row in rows:
            if not row.series.reference:
                echo("", row.series.name)
                for sentence in row.sentences():
                    echo(f"  {sentence}")


def _heading(name: str) -> str:
    symbols = {"exponent": "α", "exponent_ci95": "95%", "beta": "β", "product": "α·b", "sum": "α + p", "theta": "θ"}
    return symbols.get(name, name)
