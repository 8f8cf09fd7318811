"""``rosettalaw toy``: networks trained by gradient descent beside the optimal allocation of the theory."""

from __future__ import annotations

from pathlib import Path

import typer

from .output import JsonOption, echo, folder_to_write, grid, print_json, print_table, result_to_write
from .simulate import print_exponents

EPILOG = "Example: rosettalaw toy --neurons 8,16,32 --beta 1.5 --seeds 3 --json"
SHOWN = {
    "configuration": "recipe",
    "beta": "β",
    "neurons": "N",
    "count": "count",
    "optimal_count": "count*",
    "mean_isolation": "⟨s⟩",
    "optimal_mean_isolation": "⟨s⟩*",
    "information_slope": "slope",
    "optimal_slope": "slope*",
    "utility_share": "utility",
    "precision": "precision",
    "recall": "recall",
}


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("toy", rich_help_panel=section, epilog=EPILOG)(toy)


def toy(
    neurons: str = typer.Option("8:128:5:log", help="Widths N: a list or a range 8:128:5:log."),
    beta: str = typer.Option("1.2,1.5,2", help="Spectrum exponents β."),
    seeds: int = typer.Option(5, help="Networks per recipe and size; they are matched with each other."),
    configurations: str = typer.Option(
        "law", help="Recipes, such as law,linear; or all, which includes the negative controls."
    ),
    steps: int | None = typer.Option(None, min=1, help="Updates (default: the recipe's, 1800)."),
    seed: int = typer.Option(2026, min=0, help="Seed of the study."),
    workers: int | None = typer.Option(None, min=1, help="Training jobs run at once (default: one per CPU)."),
    cache: Path | None = typer.Option(
        None,
        callback=folder_to_write,
        help="Folder of trained networks; an interrupted study resumes from it.",
        show_default=False,
    ),
    out: Path | None = typer.Option(
        None, callback=result_to_write, help="Save the result to this netCDF file.", show_default=False
    ),
    as_json: bool = JsonOption,
) -> None:
    """Train toy networks whose features are known, and compare them with the optimal allocation."""
    from ..results import save
    from ..sims.toy_recipes import CONFIGURATIONS
    from ..sims.toy_study import study_toys

    names = list(CONFIGURATIONS) if configurations == "all" else [name.strip() for name in configurations.split(",")]
    toys = study_toys(names, grid("--neurons", neurons), grid("--beta", beta), seeds, seed, steps, workers, cache)
    if out is not None:
        save(toys.to_dataset(), out)
    record = toys.record()
    if as_json:
        print_json(record)
        return
    shown = [{words: row[name] for name, words in SHOWN.items()} for row in record["rows"]]
    print_table(shown, title="* of the optimal allocation")
    print_exponents(record["fits"])
    for check in record["checks"]:
        verdict = "holds" if check["law_holds"] else "does not hold"
        echo(f"{check['configuration']}: the law {verdict}; expected: {check['expected']}")
