"""``rosettalaw judge``: are matched neurons of a vision model monosemantic more often than others?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from .output import JsonOption, folder_to_write, print_json, print_table, result_to_write

EPILOG = (
    "Example: rosettalaw match ViT-A ViT-B --images photographs/ --out pairs.nc, then "
    "rosettalaw judge pairs.nc --images photographs/ --top 2,5,20"
)


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("judge", rich_help_panel=section, epilog=EPILOG)(judge)


def judge(
    pairs: Path = typer.Argument(help="Result of rosettalaw match --images --out.", show_default=False),
    images: Path = typer.Option(
        ..., help="The images to show: a folder, or an .npz of arrays; subfolders are classes."
    ),
    model: str = typer.Option("", help="Checkpoint of the model (default: that of the result)."),
    side: str = typer.Option("a", help="Model of the result to judge: a or b."),
    by: str = typer.Option(
        "offline", "--judge", help="offline, or endpoint for a vision model (ROSETTALAW_JUDGE_URL, …)."
    ),
    top: str = typer.Option("2,5,10,15,20,50", help="Numbers of top images shown."),
    main: int = typer.Option(20, help="Number of top images used in the validation."),
    subsets: int = typer.Option(5, help="Disjoint subsets of each population."),
    subset_size: int = typer.Option(100, help="Maximum number of neurons in a subset."),
    validated: int = typer.Option(20, help="Neurons of each population that the judge's predictions are tested on."),
    prices: str = typer.Option("", help="Endpoint: prices per million input and output tokens: 0.15,0.6."),
    yes: bool = typer.Option(False, "--yes", help="Endpoint: accept the estimated cost and continue."),
    timeout: float = typer.Option(60.0, help="Endpoint: seconds allowed for one complete answer."),
    retries: int = typer.Option(4, min=0, help="Endpoint: retries after a temporary failure."),
    cache: Path = typer.Option(
        None,
        callback=folder_to_write,
        help="Folder of answers (default: the system's cache, such as ~/.cache/rosettalaw).",
    ),
    skip_corrupt: bool = typer.Option(False, "--skip-corrupt", help="Skip images that cannot be read."),
    device: str = typer.Option("cpu", help="cpu, cuda, cuda:1, …"),
    pickled: bool = typer.Option(False, "--allow-pickle-weights", help="Read weights that are not safetensors."),
    memory: str = typer.Option("", help="Memory limit for reading: 2GiB, 500MB; default: half of the free memory."),
    seed: int = typer.Option(0, min=0, help="Seed of the random samples."),
    out: Path | None = typer.Option(None, callback=result_to_write, help="Save the result to this netCDF file."),
    as_json: bool = JsonOption,
) -> None:
    """Judge matched and other neurons of a vision model, and validate the judge on held-out images."""
    from ..cache import cache_folder
    from ..empirical.checkpoints.hub import Loading
    from ..empirical.checkpoints.provenance import model_facts
    from ..empirical.matching.cost import byte_count
    from ..empirical.vision.images import open_images
    from ..empirical.vision.judging.endpoint import EndpointJudge, estimate
    from ..empirical.vision.judging.judgement import JudgingPlan, judgements, populations_of, study
    from ..empirical.vision.judging.judges import OfflineJudge
    from ..empirical.vision.source import ImageSource, open_reader
    from ..errors import InputError, RosettaError, require
    from ..results import load, require_variables, save
    from .output import grid, require_no_input, whole_numbers

    require_no_input("--out", out, [pairs])
    require(side in ("a", "b"), "--side", side, "must be a or b", "--side a")
    require(by in ("offline", "endpoint"), "--judge", by, "must be offline or endpoint", "--judge offline")
    numbers = whole_numbers("--top", top)
    plan = JudgingPlan(
        top=numbers,
        main=main if main in numbers else max(numbers),
        subsets=subsets,
        subset_size=subset_size,
        validated=validated,
        seed=seed,
    )
    allowed = byte_count("--memory", memory) if memory else None
    matching = load(pairs, "pairs")
    populations = populations_of(matching, side)
    require_variables(matching, str(pairs), (), () if model else (f"model_{side}",))
    shown: Any
    if by == "endpoint":
        shown = EndpointJudge.from_environment(cache_folder(cache) / "judge", timeout=timeout, retries=retries)
        cost = tuple(grid("--prices", prices)) if prices else None
        if cost is not None and len(cost) != 2:
            raise InputError("--prices", prices, "must be two numbers", "--prices 0.15,0.6")
        requests = judgements(plan, [len(neurons) for neurons in populations.values()])
        expected = sum(requests[0] // len(plan.top) * number for number in plan.top) / max(requests[0], 1)
        estimated = estimate(*requests, round(expected), prices=cost)
        from ..console import say

        say(f"{shown.name}: {estimated} (answers saved earlier cost nothing)")
        if not yes:
            raise RosettaError("no question was sent yet: add --yes to continue, or use fewer images with --top 20")
    opened = open_images(images, skip_corrupt, memory=allowed)
    if by == "offline":
        shown = OfflineJudge(opened, seed)
    name = model or matching.attrs[f"model_{side}"]
    step, pattern = matching.attrs.get("timestep"), matching.attrs.get(f"pattern_{side}")
    source = ImageSource(
        open_reader(name, None if step is None else int(step), pattern, Loading(device, None, pickled)), opened
    )
    revision = model_facts(name, tokenizer=False).revision
    judged = study(source, populations, shown, plan, side=side, revision=revision)
    if out is not None:
        save(judged, out)
    rows = [
        {
            "population": population,
            "top": number,
            "monosemantic": judged["monosemantic_mean"].values[i, j].item(),
            "ci95": [judged[f"monosemantic_{end}"].values[i, j].item() for end in ("low", "high")],
            "neurons": int(judged["subset_neurons"].values[i]) * subsets,
        }
        for i, population in enumerate(populations)
        for j, number in enumerate(judged["top"].values.tolist())
    ]
    checks = [
        {"population": population}
        | {
            measure: judged[f"judge_{measure}"].values[i].item()
            for measure in ("accuracy", "precision", "recall", "f1", "predictions")
        }
        for i, population in enumerate(populations)
    ]
    if as_json:
        print_json({"judge": shown.name, "model": name, "rates": rows, "validation": checks})
        return
    print_table(rows, title=f"{shown.name} judges {name}")
    print_table(checks, title=f"Its predictions of held-out images (chance: 0.5), {plan.main} images shown")
