"""``rosettalaw design``: sizes, seeds and text that a question about the law needs."""

from __future__ import annotations

from pathlib import Path

import typer

from .output import JsonOption, echo, file_to_write, grid, print_json, print_table

EPILOG = "Example: rosettalaw design --neurons 128:768:6:log --seeds 3 --positions 86000 --beta 1.5 --json"


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("design", rich_help_panel=section, epilog=EPILOG)(design)


def design(
    neurons: str = typer.Option("", help="Sizes, as 128:768:6:log or 128,256,512 (default: 128:768:6:log)."),
    seeds: int | None = typer.Option(None, help="Seeds of each family at every size (default: 1)."),
    positions: float = typer.Option(86_000, help="Aligned positions of text."),
    beta: float | None = typer.Option(None, help="β of the theory (default: 1.5)."),
    seed_sd: float | None = typer.Option(None, help="Standard deviation of the log count of a pair (default: 0.17)."),
    count: float | None = typer.Option(None, help="Expected count at the middle size (default: the shipped ladders')."),
    tokens: float = typer.Option(400_000, help="Training tokens per network."),
    halfwidth: float | None = typer.Option(None, help="Search for the cheapest design with this half-width of α."),
    hours: float | None = typer.Option(None, help="Hours that the search may spend (default: no limit)."),
    source: Path | None = typer.Option(
        None, "--from", help="A measured ladder (.nc, or CSV with seeds): suggest the next step."
    ),
    picture: Path | None = typer.Option(
        None, callback=file_to_write, help="Draw half-width over cost of the designs searched (.png and .svg)."
    ),
    as_json: bool = JsonOption,
) -> None:
    """Compute a ladder's expected intervals, power and cost; find the cheapest for a half-width, or the next step."""
    from dataclasses import replace

    from ..errors import require
    from ..validation.design import cost as costs
    from ..validation.design import expected as expectations
    from ..validation.design.measured import measured_design, next_steps
    from ..validation.design.plan import Design, Scatter
    from ..validation.design.search import search

    asked = halfwidth is not None
    require(1e3 <= tokens <= 1e15, "--tokens", tokens, "must be from 1e3 to 1e15", "--tokens 400000")
    require(asked or hours is None, "--hours", hours, "needs a half-width to search for", "--halfwidth 0.1 --hours 3")
    rule = "must be greater than 0, and at most 1e6"
    require(hours is None or 0 < hours <= 1e6, "--hours", hours, rule, "--halfwidth 0.1 --hours 3")
    require(asked or picture is None, "--picture", picture, "needs a search", "--halfwidth 0.1 --picture design.png")
    if seed_sd is not None:
        require(0 <= seed_sd <= 3, "--seed-sd", seed_sd, "must be a standard deviation from 0 to 3", "--seed-sd 0.17")
    plan, said = (None, "") if source is None else measured_design(source, positions)
    given = {"seeds": seeds, "beta": beta, "count": count}
    given |= {"scatter": None if seed_sd is None else Scatter.even(seed_sd)}
    given |= {"neurons": tuple(grid("--neurons", neurons)) if neurons else None}
    changes = {name: value for name, value in given.items() if value is not None}
    if plan is None:
        changes.setdefault("neurons", tuple(grid("--neurons", "128:768:6:log")))
        plan = Design(positions=positions, **changes)
    else:
        plan = replace(plan, **changes)
    device = costs.this_machine()
    result, tried = ([], []) if halfwidth is None else search(plan, halfwidth, hours or 1e6, device, tokens)
    chosen = result[0].design if result else plan
    cost = costs.design_cost(chosen, device, tokens)
    expected = expectations.expect(chosen, ladders=expectations.LADDERS)
    steps = next_steps(plan, device, tokens) if source is not None else []
    record = {
        "neurons": chosen.sizes.tolist(),
        "seeds": chosen.seeds,
        "positions": chosen.positions,
        "beta": chosen.beta,
        "alpha": chosen.alpha,
        **expected.record(),
        "cost": cost.record(),
    }
    if result:
        record["alternatives"] = [one.record() for one in result[1:]]
    if source is not None:
        record |= {"measured": said, "next": [one.record() for one in steps]}
    record["status"] = "ok"
    if picture is not None:
        from ..paper_figs.design_costs import draw

        draw(tried, result, picture)
    if as_json:
        print_json(record)
        return
    _show(record, result, steps)


def _show(record, result, steps) -> None:
    """Print the answer as sentences and tables."""
    from .plan import duration

    power, cost = record["power"], record["cost"]
    sizes = ", ".join(f"{size:,.0f}" for size in record["neurons"])
    echo(f"{record['seeds']} seed(s) of both families at N = {sizes}; {record['positions']:,.0f} positions")
    echo(f"α = {record['alpha']:.2f} ± {record['half_width_alpha']:.2f} expected (β = {record['beta']:.2f})")
    echo(f"half-width of β: {record['half_width_beta']:.2f}")
    rows = [("sublinear growth", power["sublinear"]), ("a shrinking fraction", power["shrinking"])]
    rows += [(f"a power law over the {name} curve", value) for name, value in power["power_law_over"].items()]
    rows += [(f"triangle: {name.replace('_', ' ')}", value) for name, value in power["triangle"].items()]
    print_table([{"shown at 5%": name, "power": value} for name, value in rows])
    parts = f"training {duration(cost['training_seconds'])}, matching {duration(cost['matching_seconds'])}"
    echo(f"cost on this machine: {parts}, {cost['memory_bytes'] / 2**30:.2f} GiB (good to a factor of 2)")
    for title, listed in (("Designs", result), ("What to measure next (hours added)", steps)):
        if listed:
            rows = [one.record() | {"neurons": f"{len(one.design.sizes)} sizes"} for one in listed]
            print_table(rows, title=title)
    if steps:
        echo(f"{record['measured']}; next: {steps[0].effort}")
