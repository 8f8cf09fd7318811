"""``rosettalaw triangle``: three exponents that the theory ties together, with and without attenuated correlations."""

from __future__ import annotations

from pathlib import Path

import typer

from .output import JsonOption, echo, print_json, print_table

PAIRS = typer.Argument(
    help="CSV file with neurons,correlation of each matched pair and, if known, seed_a,seed_b; or a ladder's .nc.",
    show_default=False,
)
LEVELS = "Shares to test, chosen beforehand: 0.3:0.5,0.3:0.7 is pairs above 0.5 and 0.7 among those above 0.3."


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog="Example: rosettalaw triangle pairs.csv --json")
    def triangle(
        pairs: Path = PAIRS,
        threshold: float | None = typer.Option(
            None, help="Minimum correlation of a pair, at all sizes (default: the largest ρ* of any size)."
        ),
        shares: str = typer.Option("", help=LEVELS),
        as_json: bool = JsonOption,
    ) -> None:
        """Test the theory on matched correlations: shares of strong pairs, α·b = 1, and the attenuation it needs."""
        from ..validation.triangle_from import read_triangle

        measured = read_triangle(pairs, threshold, levels_of(shares))
        record = measured.record()
        if as_json:
            print_json(record)
            return
        echo(record["verdict"], "")
        rows = [("α, of the count", measured.count, None), ("b, of the profile", measured.profile, None)]
        rows += [("p, of the purity", measured.purity, None)]
        rows += [("α·b", measured.product, measured.expected_product), ("α + p", measured.sum, measured.expected_sum)]
        print_table(
            [
                {"exponent": name, "estimate": one.value, "95% interval": one.ci95, "theory, unattenuated": demand}
                for name, one, demand in rows
            ]
        )
        if record["share"]:
            shown = ({"above": one.high, "among": one.low, **_interval(one)} for one in measured.shares)
            print_table(list(shown), title="Shares of strong pairs over network size (the theory: 0 under attenuation)")
        if measured.attenuation is not None:
            points = [vars(point) for point in measured.attenuation.profile]
            print_table(points, title="Best profile b at each mean attenuation")
        echo(f"status: {record['status']}")


def levels_of(text: str) -> list[tuple[float, float]] | None:
    """Read pairs of correlations as ``0.3:0.5,0.3:0.7``; None for an empty text."""
    from ..errors import InputError

    if not text.strip():
        return None
    levels = []
    for part in text.split(","):
        try:
            low, high = map(float, part.split(":"))
        except ValueError:
            rule = "must be two correlations separated by a colon, the lower one first"
            raise InputError("--shares", part, rule, "--shares 0.3:0.5,0.3:0.7") from None
        levels.append((low, high))
    return levels


def _interval(share) -> dict[str, object]:
    return {"exponent": share.exponent, "joint 95% interval": share.exponent_ci95, "p": share.p}
