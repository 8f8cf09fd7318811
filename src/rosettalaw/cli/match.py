"""``rosettalaw match``: the mutual nearest neighbours of two models, and how many of them a null cannot explain."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import typer

from ..results import require_replaceable
from .output import JsonOption, file_to_write, print_json, print_table, require_no_input

EPILOG = (
    "Example: rosettalaw match a.npy b.npy --json (arrays of shape positions × neurons). "
    "Two processes: torchrun --nproc-per-node 2 -m rosettalaw match a.npy b.npy"
)
MODEL = "Activations (.npy, .zarr, .nc) of shape positions × neurons, or a checkpoint: a folder, hub id or id@revision."
OUT = "Save the result to this netCDF file, which may replace an earlier result; a killed run resumes from it."
PATTERN = (
    "Unknown architectures: A's MLP output projection, * for the layer; vision: and the tokens before the patches, "
    "'layers.*.mlp.fc2:1'."
)
PERMUTATIONS = UNTRAINED = 3  # draws, as in the paper
ARRAYS = (".npy", ".zarr", ".nc", ".npz")
SHOWN = (
    "count",
    "calibrated_count",
    "calibrated_count_se",
    "threshold",
    "settled_count",
    "excluded_a",
    "excluded_b",
    "positions",
)


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("match", rich_help_panel=section, epilog=EPILOG)(match)


def match(
    a: str = typer.Argument(help=MODEL, show_default=False),
    b: str = typer.Argument(help="The other model: the same kind, at the same positions.", show_default=False),
    text: Path | None = typer.Option(None, help="Checkpoints: folder, .jsonl[.zst], saved dataset; else Python's."),
    tokens: int | None = typer.Option(
        None, help="Checkpoints: tokens of A to read; by default the paper's 10 million, or the whole text."
    ),
    images: Path | None = typer.Option(None, help="Vision models: a folder of images, or an .npz of arrays."),
    skip_corrupt: bool = typer.Option(False, "--skip-corrupt", help="Leave out images that cannot be read."),
    timestep: int | None = typer.Option(None, help="Diffusion transformers: denoising step to record at (default: 0)."),
    untrained: int | None = typer.Option(
        None,
        min=0,
        help="Draws of the null of untrained networks (default: checkpoints 3, but 0 with --null-permutations 0).",
    ),
    k: int = typer.Option(1, "--k", help="Partners a neuron may have: each must be among the other's k best."),
    absolute: bool = typer.Option(False, "--absolute", help="Rank by |correlation|."),
    permutations: int = typer.Option(
        PERMUTATIONS,
        "--null-permutations",
        min=0,
        help="Draws of the permutation null; 0 skips the nulls (but --untrained): the calibrated count is then null.",
    ),
    jackknife: int = typer.Option(16, min=0, help="Blocks of positions for the standard error; 0 skips it."),
    q: float = typer.Option(0.05, "--q", help="Allowed share of null pairs among those kept."),
    layers_a: str = typer.Option("", help="Only these layers of A: 0,1,5."),
    layers_b: str = typer.Option("", help="Only these layers of B."),
    engine: str = typer.Option("exact", help="exact, or screened: candidates from a sketch, then exact."),
    buckets: int = typer.Option(2048, help="Screened: rows of the sketch."),
    candidates: int = typer.Option(16, help="Screened: partners looked at for each neuron."),
    recall: float | None = typer.Option(
        None, help="Screened: wanted recall, sought by more candidates; told if not met."
    ),
    compute: str = typer.Option("float32", help="Precision of products: float32, tf32, float16 or bfloat16."),
    device: str = typer.Option("cpu", help="cpu, cuda, cuda:1, …"),
    pattern_a: str = typer.Option("", help=PATTERN),
    pattern_b: str = typer.Option("", help="The same for B."),
    device_map: str = typer.Option("", help="Checkpoints too large for one device: auto spreads them (accelerate)."),
    weights: str = typer.Option(
        "float32", help="In which precision checkpoints compute: float32, bfloat16 or float16."
    ),
    pickled: bool = typer.Option(False, "--allow-pickle-weights", help="Read weights that are not safetensors."),
    memory: str = typer.Option("", help="Memory to hold: 2GiB, 500MB; half of what is free by default."),
    spool: str = typer.Option("float32", help="How model activations are kept on disk: float32 or float16."),
    exclude_nonfinite: bool = typer.Option(
        False, help="Leave out neurons with NaN, infinity or beyond 1e18, not stop."
    ),
    seed: int = typer.Option(0, min=0, help="Seed of the text order, the permutations and the sketch."),
    out: Path | None = typer.Option(None, callback=file_to_write, help=OUT),
    as_json: bool = JsonOption,
) -> None:
    """Match the neurons of two models: mutual nearest neighbours, and the calibrated count."""
    require_no_input("--out", out, (a, b, text, images))
    if out is not None:
        require_replaceable("--out", out)
    from ..empirical.matching import Screening, distributed
    from ..empirical.matching import match as run
    from ..empirical.matching.cost import byte_count
    from ..empirical.nulls import untrained_null
    from ..errors import require
    from ..results import save

    require(0 < q < 1, "--q", q, "must be between 0 and 1", "--q 0.05")
    precision = weights if weights != "float32" else None
    given = {"--text": text, "--tokens": tokens, "--images": images, "--untrained": untrained, "--weights": precision}
    _require_checkpoints(a, b, given)
    if images is not None:
        require(precision is None, "--weights", weights, "vision models compute in float32", "--weights float32")
    require(timestep is None or images is not None, "--timestep", timestep, "goes with --images", "--images FOLDER")
    with distributed.started(device):
        opening = _Opening((pattern_a or None, pattern_b or None), device, device_map or None, pickled, weights)
        if images is None:
            sources, provenance = _sources(a, b, text, tokens, seed, opening)
        else:
            sources, provenance = _image_sources(a, b, images, skip_corrupt, timestep, opening)
        restrictions = (("--layers-a", layers_a), ("--layers-b", layers_b))
        sources = tuple(_restricted(source, *kept) for source, kept in zip(sources, restrictions, strict=True))
        options: dict[str, Any] = {
            "k": k,
            "absolute": absolute,
            "engine": engine,
            "screening": Screening(buckets, candidates, recall=recall),
            "memory": byte_count("--memory", memory) if memory else None,
            "seed": seed,
            "compute": compute,
            "device": device,
            "spool_as": spool,
            "nonfinite": "exclude" if exclude_nonfinite else "error",
        }
        unfinished = None if out is None else out.with_name(f"{out.name}.unfinished")
        found = run(
            *sources,
            permutations=permutations,
            jackknife_blocks=jackknife,
            folder=None if unfinished is None else unfinished / "trained",
            **options,
        )
        draws = untrained
        if draws is None:  # without a word on either null, none is drawn where none was asked for
            draws = UNTRAINED * (permutations > 0 and all(hasattr(one, "untrained") for one in sources))
        kept = None if unfinished is None else unfinished / "untrained"
        nulls = {"untrained": untrained_null(sources, draws, folder=kept, **options)} if draws else {}
        if distributed.rank() > 0:
            return
        calibration = found.calibrate(nulls, q)
        record = found.record(calibration)
        if out is not None and unfinished is not None:
            save(found.to_dataset(calibration, nulls, **provenance), out)
            _remove(unfinished)
        if as_json:
            print_json(record)
            return
        print_table([{name: record[name] for name in SHOWN}], title=f"{a} × {b}: {record['status']}")


class _Opening(NamedTuple):
    """How checkpoints are opened: their output projections by hand, and where their weights go."""

    patterns: tuple[str | None, str | None]
    device: str
    device_map: str | None
    pickled: bool
    weights: str

    def loading(self):
        from ..empirical.hub import Loading

        return Loading(self.device, self.device_map, self.pickled, self.weights)

    def facts(self, sources: Any, tokenizer: bool) -> dict[str, Any]:
        """Return what a result remembers of the two models."""
        from ..empirical.provenance import revisions

        named = {f"pattern_{side}": pattern for side, pattern in zip("ab", self.patterns, strict=True) if pattern}
        return revisions(sources, tokenizer) | named | {"weights": self.weights}


def _arrays(a: str, b: str) -> bool:
    """Return whether both models are files of activations, and refuse one of each kind."""
    from ..errors import InputError

    found = {Path(model).suffix in ARRAYS for model in (a, b)}
    if len(found) > 1:
        rule = "must be two files of activations or two checkpoints"
        raise InputError("models", f"{a} {b}", rule, "rosettalaw match a.npy b.npy")
    return found.pop()


def _require_checkpoints(a: str, b: str, given: dict[str, Any]) -> None:
    """Refuse options that would be ignored, since arrays are matched as they are."""
    from ..errors import InputError

    option, value = next(((name, value) for name, value in given.items() if value), (None, None))
    if option is not None and _arrays(a, b):
        rule = "goes with checkpoints; files of activations are matched as they are"
        raise InputError(option, str(value), rule, "rosettalaw match a.npy b.npy")


def _sources(a: str, b: str, text: Path | None, tokens: int | None, seed: int, opening: _Opening):
    """Return the two models' activations, and where they come from."""
    if _arrays(a, b):
        from ..empirical.array_sources import activations

        return (activations(a), activations(b)), {}
    from ..empirical.corpora import PYTHON, open_text
    from ..empirical.language import text_sources

    loading, corpus = opening.loading(), open_text(text or PYTHON)
    sources = text_sources(a, b, corpus, tokens, seed, opening.patterns, loading)
    facts = {"corpus": corpus.name, "corpus_sha256": corpus.sha256, "tokens": sources[0].text.tokens[0]}
    return sources, facts | opening.facts(sources, tokenizer=True)


def _image_sources(a: str, b: str, images: Path, skip_corrupt: bool, timestep: int | None, opening: _Opening):
    """Return two vision models' activations, and which images they come from."""
    from ..empirical.vision.images import open_images
    from ..empirical.vision.source import image_sources

    loading, opened = opening.loading(), open_images(images, skip_corrupt)
    sources = image_sources(a, b, opened, timestep, opening.patterns, loading)
    facts = {"images": opened.name, "images_sha256": opened.sha256, "number_of_images": len(opened)}
    facts |= {"grid": list(sources[0].grid), "skipped_images": list(opened.skipped), "modality": "vision"}
    facts |= {"timestep": timestep} if timestep is not None else {}
    return sources, facts | opening.facts(sources, tokenizer=False)


def _layers(option: str, text: str) -> list[int]:
    from ..errors import InputError

    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise InputError(option, text, "must be layer numbers separated by commas", f"{option} 0,1,5") from None


def _restricted(source: Any, option: str, text: str) -> Any:
    from ..empirical.array_sources import Layers

    layers = _layers(option, text)
    return Layers(source, layers, option) if layers else source


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
