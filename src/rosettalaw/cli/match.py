"""``rosettalaw match``: the mutual nearest neighbours of models, and how many of them a null cannot explain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from ..errors import require
from ..results import require_replaceable
from .output import JsonOption, echo, print_json, print_table, require_file, require_folder, require_no_input

EPILOG = (
    "Example: rosettalaw match a.npy b.npy --json (arrays of shape positions × neurons). "
    "Two processes: torchrun --nproc-per-node 2 -m rosettalaw match a.npy b.npy"
)
MODEL = "Activations (.npy, .zarr, .nc) of shape positions × neurons, or a checkpoint: a folder, hub id or id@revision."
OTHERS = "Further models: every two are matched, each is read once, and then the neurons that recur are listed."
OUT = (
    "Save the result to this netCDF file, replacing an earlier result; of three or more models: to this folder. "
    "A killed run resumes."
)
PATTERN = (
    "Unknown architectures: the MLP output projection, * for the layer, or auto for the only candidate; vision: and "
    "the tokens before the patches, 'layers.*.mlp.fc2:1'."
)
NULL = (
    "Nulls and their draws: shift,documents,untrained:5, permute, span, rotation, none (default: three draws "
    "of shift, and of documents and untrained where possible)."
)
LISTED = 10  # families that are printed
SHOWN = (
    "count",
    "calibrated_count",
    "calibrated_count_se",
    "stable_count",
    "threshold",
    "binding_null",
    "excluded_a",
    "excluded_b",
    "positions",
)


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("match", rich_help_panel=section, epilog=EPILOG)(match)


def match(
    a: str = typer.Argument(help=MODEL, show_default=False),
    b: str = typer.Argument(help="The other model, of the same kind and at the same positions.", show_default=False),
    others: list[str] | None = typer.Argument(None, help=OTHERS, show_default=False, metavar="C"),
    text: Path | None = typer.Option(
        None, help="Checkpoints: folder, .jsonl[.zst], saved dataset; default: Python's own text."
    ),
    tokens: int | None = typer.Option(
        None, help="Checkpoints: tokens of A to read; by default the paper's 10 million, or the whole text."
    ),
    images: Path | None = typer.Option(None, help="Vision models: a folder of images, or an .npz of arrays."),
    skip_corrupt: bool = typer.Option(False, "--skip-corrupt", help="Skip images that cannot be read."),
    timestep: int | None = typer.Option(None, help="Diffusion transformers: denoising step to record at (default: 0)."),
    context: int | None = typer.Option(
        None, min=1, help="Checkpoints: tokens per window; default: the most that both models support, up to 1024."
    ),
    contexts: int = typer.Option(5, min=0, help="Checkpoints: contexts per neuron to save for view; 0 saves none."),
    untrained: int | None = typer.Option(
        None,
        min=0,
        help="Draws of the untrained null (default: 3 for checkpoints, 0 with --null-permutations 0).",
    ),
    k: int = typer.Option(1, "--k", help="Partners a neuron may have: each must be among the other's k best."),
    absolute: bool = typer.Option(False, "--absolute", help="Rank by |correlation|."),
    null: str | None = typer.Option(None, help=NULL),
    permutations: int | None = typer.Option(
        None,
        "--null-permutations",
        min=0,
        help="Draws of the paper's permutation null instead of the default nulls; 0: no null except --untrained.",
    ),
    documents: Path | None = typer.Option(None, help="Arrays: a .npy of integers, the document of each position."),
    jackknife: int = typer.Option(
        16, min=0, help="Parts of the text used to estimate errors and stability; 0 skips both."
    ),
    q: float = typer.Option(0.05, "--q", help="Allowed share of null pairs among the counted pairs."),
    layers_a: str = typer.Option("", help="Use only these layers of A: 0,1,5."),
    layers_b: str = typer.Option("", help="Use only these layers of B."),
    engine: str = typer.Option(
        "auto",
        help="exact; certified: the same pairs, where half-precision products are fast; auto: the faster of these two; "
        "or screened: candidates from a sketch, then exact.",
    ),
    buckets: int = typer.Option(2048, help="Screened: rows of the sketch."),
    candidates: int = typer.Option(16, help="Screened: candidate partners per neuron."),
    recall: float | None = typer.Option(
        None, help="Screened: target recall; candidates are added to reach it; warns if it is not reached."
    ),
    compute: str = typer.Option("float32", help="Precision of products: float32, tf32, float16 or bfloat16."),
    device: str = typer.Option("cpu", help="cpu, cuda, cuda:1, …"),
    site: str = typer.Option(
        "mlp", help="Signals of language models: mlp (neurons), residual, attention, or sae:PATH, an autoencoder."
    ),
    site_a: str = typer.Option("", help="The same for A alone."),
    site_b: str = typer.Option("", help="The same for B alone."),
    pattern: str = typer.Option("", help=PATTERN),
    pattern_a: str = typer.Option("", help="The same for A alone."),
    pattern_b: str = typer.Option("", help="The same for B alone."),
    device_map: str = typer.Option("", help="Checkpoints too large for one device: auto spreads them (accelerate)."),
    weights: str = typer.Option(
        "float32", help="Precision in which checkpoints compute: float32, bfloat16 or float16."
    ),
    pickled: bool = typer.Option(False, "--allow-pickle-weights", help="Read weights that are not safetensors."),
    memory: str = typer.Option("", help="Memory limit: 2GiB, 500MB; default: half of the free memory."),
    spool: str = typer.Option("float32", help="Format of model activations on disk: float32 or float16."),
    exclude_nonfinite: bool = typer.Option(
        False, help="Drop neurons with NaN, infinite or >1e18 activations instead of failing."
    ),
    seed: int = typer.Option(0, min=0, help="Seed of the text order, the null draws and the sketch."),
    out: Path | None = typer.Option(None, help=OUT),
    as_json: bool = JsonOption,
) -> None:
    """Match the neurons of two models: mutual nearest neighbours, and the calibrated count.

    Of three or more models every two are matched, and the neurons that recur are listed.
    """
    options: dict[str, Any] = {  # that a matching of two and of several models have in common
        "text": text,
        "tokens": tokens,
        "context": context,
        "contexts": contexts,
        "untrained": untrained,
        "k": k,
        "absolute": absolute,
        "null": null,
        "null_permutations": permutations,
        "documents": documents,
        "jackknife": jackknife,
        "q": q,
        "engine": engine,
        "buckets": buckets,
        "candidates": candidates,
        "recall": recall,
        "compute": compute,
        "device": device,
        "site": site,
        "pattern": pattern,
        "device_map": device_map,
        "weights": weights,
        "allow_pickle_weights": pickled,
        "memory": memory,
        "spool": spool,
        "exclude_nonfinite": exclude_nonfinite,
        "seed": seed,
    }
    if others:
        said = {"--images": images, "--skip-corrupt": skip_corrupt or None, "--timestep": timestep}
        said |= {"--layers-a": layers_a or None, "--layers-b": layers_b or None}
        said |= {"--site-a": site_a or None, "--site-b": site_b or None}
        said |= {"--pattern-a": pattern_a or None, "--pattern-b": pattern_b or None}
        _several(
            [a, b, *others],
            said,
            out,
            as_json,
            **options,
        )
        return
    if out is not None:
        require_file("--out", out)
    require_no_input("--out", out, (a, b, text, images, documents))
    if out is not None:
        require_replaceable("--out", out)
    from ..empirical.matching.machine import distributed
    from ..empirical.two_models import match_models

    with distributed.started(device):
        result = match_models(
            a,
            b,
            images=images,
            skip_corrupt=skip_corrupt,
            timestep=timestep,
            layers_a=_layers("--layers-a", layers_a),
            layers_b=_layers("--layers-b", layers_b),
            site_a=site_a,
            site_b=site_b,
            pattern_a=pattern_a,
            pattern_b=pattern_b,
            out=out,
            **options,
        )
        if distributed.rank() > 0:
            return
        record = result.record()
        if as_json:
            print_json(record)
            return
        print_table([{name: record[name] for name in SHOWN}], title=f"{a} × {b}: {record['status']}")
        if "windows" in result.provenance:
            echo(_read(result.provenance))


def _read(facts: dict[str, Any]) -> str:
    """Return how much text was read, in words."""
    asked = f" ({facts['tokens_asked']:,} asked for)" if "tokens_asked" in facts else ""
    cut = f"{facts['documents_cut']:,} of {facts['documents_read']:,} documents in part"
    return f"{facts['tokens']:,} tokens of A were read{asked}, in {facts['windows']:,} windows; {cut}"


def _several(models: list[str], said: dict[str, Any], out: Path | None, as_json: bool, **options: Any) -> None:
    """Match three or more models, and print what recurs."""
    for option, value in said.items():
        require(value is None, option, str(value), "applies to two models", "rosettalaw match A B C, without it")
    if out is not None:
        require_folder("--out", out, out)
    from ..empirical.several.several_models import match_several
    from ..interface.recurrence_result import RecurrenceResult

    result = RecurrenceResult(match_several(models, out=out, **options).recurrence)
    if as_json:
        print_json(result.record())
        return
    print_table(result.comparisons(), title="every two models")
    print_table(result.levels(), title="neurons that recur")
    table = result.families
    if len(table):
        number = int(result.dataset["family_models"].values.max())
        most = table.query("models == @number").head(LISTED).drop(columns="models")
        title = f"the strongest {len(most)} families in {number} models, as layer:unit"
        print_table(most.to_dict("records"), title=title)
        if len(table) > len(most):
            echo(f"all {len(table)} families: --json" + ("" if out is None else f", or {out / 'recurrence.nc'}"))


def _layers(option: str, text: str) -> list[int]:
    from ..errors import InputError

    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise InputError(option, text, "must be layer numbers separated by commas", f"{option} 0,1,5") from None
