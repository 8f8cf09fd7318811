"""The loop for vision: train a generative and two discriminative objectives on bundled photographs, measure, judge.

The folder that it leaves has one result of kind "ladder" for each pairing (``<pairing>/results.nc``), the image-count
sweeps and the comparison of real with generated images, ``summary.json``, the figure and ``report.html``. Trained
models stay in the cache and measurements in ``rungs/``: an interrupted run resumes where it stopped.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..console import say
from ..results import replacing, require_replaceable, save
from .ladder import FITTED, judge

if TYPE_CHECKING:
    import xarray as xr

    from ..empirical.vision.images import Images
    from ..empirical.vision.train_ladder import Pairing, TrainedVision, VisionLadder
    from ..validation.analysis import Analysis
    from ..validation.reporting.answer import PageAnswer

SHOWN_PAIRS, SHOWN_CROPS, SAMPLES = 6, 4, 8
SUMMED = ("neurons", "seed_a", "seed_b", "raw_count", "calibrated_count", "distinct_count", "threshold")


@dataclass(frozen=True)
class Measured:
    """All results of a vision ladder, by the pairing's name."""

    ladders: dict[str, xr.Dataset]
    analyses: dict[str, Analysis | None]
    verdicts: dict[str, str]
    sweeps: dict[str, xr.Dataset]
    kinds: dict[str, xr.Dataset]


def run(
    out: Path, cache: Path | None = None, workers: int | None = None, ladder: VisionLadder | None = None
) -> dict[str, Any]:
    """Run the vision loop and return what ``summary.json`` holds.

    Parameters
    ----------
    out : path
        Folder for the results.
    cache : path, optional
        Folder of the checkpoints.
    workers : int, optional
        Jobs trained at once.
    ladder : VisionLadder, optional
        What to train and measure; the shipped one by default.

    Raises
    ------
    RosettaError
        For anything that the user can mend; finished work stays.
    """
    started = time.monotonic()
    from ..cli.output import plain
    from ..empirical.vision.families.photographs import open_photographs
    from ..empirical.vision.ladder import held_out, measure_vision
    from ..empirical.vision.resume import place, resumed
    from ..empirical.vision.studies import image_sweep, real_and_generated
    from ..empirical.vision.train_ladder import VisionLadder, train_ladder
    from ..paper_figs import vision

    ladder = ladder or VisionLadder()
    for pairing in ladder.pairings:
        for name in ("results.nc", "images.nc", "generated.nc"):
            require_replaceable("--out", out / pairing.name / name)
    trained = train_ladder(ladder, open_photographs(), cache, workers)
    images, rungs, width = held_out(trained), out / "rungs", max(ladder.widths)
    ladders, largest = measure_vision(trained, images, rungs)

    def places(what: str, pairings: Sequence[Pairing]) -> dict[str, Path | None]:
        return {pairing.name: place(rungs, trained, pairing, width, images, what) for pairing in pairings}

    made = [pairing for pairing in ladder.pairings if pairing.a == "denoising" and pairing.b != pairing.a]
    sweeps = resumed(
        places("images", ladder.pairings),
        "image_sweep",
        lambda: image_sweep(largest(), ladder.pairings, ladder.shared_nulls),
    )
    kinds = resumed(places("generated", made), "image_kinds", lambda: real_and_generated(trained, largest(), made))
    judged = {name: judge(one) for name, one in ladders.items()}
    measured = Measured(
        ladders=ladders,
        analyses={name: analysis for name, (analysis, _) in judged.items()},
        verdicts={name: verdict for name, (_, verdict) in judged.items()},
        sweeps=sweeps,
        kinds=kinds,
    )
    for name, one in ladders.items():
        save(one, out / name / "results.nc")
        save(sweeps[name], out / name / "images.nc")
    for name, one in kinds.items():
        save(one, out / name / "generated.nc")
    files = vision.draw([(ladders[p.name], measured.analyses[p.name]) for p in ladder.pairings], out / "vision.svg")
    summary = {
        "pairings": {name: _summary(measured, name) for name in ladders},
        "seconds": round(time.monotonic() - started, 1),
    }
    _report(trained, images, measured, next(f for f in files if f.suffix == ".svg"), out, summary["seconds"])
    with replacing(out / "summary.json") as partial:
        partial.write_text(json.dumps(plain(summary), indent=2, ensure_ascii=False) + "\n", "utf-8", "backslashreplace")
    for pairing in ladder.pairings:
        say(f"{pairing.title}: {measured.verdicts[pairing.name]}")
    say(f"report: {out / 'report.html'} ({summary['seconds']:.0f} s)")
    return summary


def _nulls(ladder: xr.Dataset) -> list[str]:
    """Return the labels of the nulls that a ladder was measured against."""
    from ..empirical.nulls import every_label

    return [label for label in every_label() if f"{label}_raw" in ladder]


def _summary(measured: Measured, name: str) -> dict[str, Any]:
    ladder, analysis = measured.ladders[name], measured.analyses[name]
    keys = [*SUMMED, *(f"{label}_raw" for label in _nulls(ladder))]
    rungs = [{key: ladder[key].values[i].item() for key in keys} for i in range(ladder.sizes["rung"])]
    record = analysis.record(profiles=False) if analysis is not None else {}
    fitted = {key: record.get(key) for key in FITTED}
    return {"rungs": rungs, **fitted, "verdict": measured.verdicts[name]}


def _report(
    trained: TrainedVision, images: Images, measured: Measured, figure: Path, out: Path, seconds: float
) -> None:
    from ..validation import page
    from ..validation.reporting.citation import bibtex

    ladder = trained.ladder
    first = next(iter(measured.ladders.values()))
    sizes = np.unique(first["neurons"].values)
    versions = json.loads(first.attrs["versions"])
    shown = max(ladder.pairings, key=lambda p: int(measured.ladders[p.name]["calibrated_count"].values[-1]))
    html = page.render(
        "vision.html",
        script="report.js",
        title="Rosetta Neurons between vision models, measured",
        subtitle=f"{len(ladder.pairings)} pairings, {len(sizes)} sizes from {sizes[0]:g} to {sizes[-1]:g} neurons, "
        f"{len(ladder.recipe.seeds)} seeds each, trained and measured in {seconds:.0f} s",
        scaling=page.embedded(figure, "Counts over network size for each pairing, with nulls"),
        pairings=[
            {
                "title": pairing.title,
                "answer": asdict(_answer(measured, pairing.name)),
                "verdict": measured.verdicts[pairing.name],
                "rungs": _rows(measured.ladders[pairing.name], "rung"),
                "selectivity": _selectivity(measured.ladders[pairing.name]),
            }
            for pairing in ladder.pairings
        ],
        nulls=_nulls(first),
        sweeps=[{"title": one.attrs["pairing"], "rows": _sweep_rows(one)} for one in measured.sweeps.values()],
        data_files=[f"{name}/results.nc" for name in measured.ladders],
        bibtex=bibtex(versions.get("rosettalaw", "")),
        kinds=[{"title": one.attrs["pairing"], "rows": _kind_rows(one)} for one in measured.kinds.values()],
        contrast=next((float(one["generated_contrast"]) for one in measured.kinds.values()), np.nan),
        samples=_samples(trained, images) if measured.kinds else [],
        shown_pairing=shown.title,
        pairs=_shown(trained, images, measured.ladders[shown.name]),
        provenance={
            "images": f"{first.attrs['number_of_images']} held-out crops, 16 positions each, of 16 bundled photographs "
            f"(sha256 {first.attrs['photographs_sha256'][:16]}…); other places of the photographs that were trained on",
            "training": f"{ladder.recipe.steps} steps of {ladder.recipe.batch} crops, {ladder.recipe.layers} layers, "
            f"seeds {', '.join(map(str, ladder.recipe.seeds))}",
            "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
            "command": first.attrs["command"],
        },
    )
    page.write(out / "report.html", html)


def _answer(measured: Measured, name: str) -> PageAnswer:
    """Return the three sentences of one pairing; its exponents have no test of the theory."""
    from ..validation.reporting.answer import answer

    return answer(measured.ladders[name], measured.analyses[name], None, [], measured.verdicts[name])


def _rows(ds: xr.Dataset, dim: str) -> list[dict[str, Any]]:
    names = [str(name) for name in ds.data_vars if ds[name].dims == (dim,) and ds[name].dtype.kind in "fiu"]
    return [{name: ds[name].values[i].item() for name in names} for i in range(ds.sizes[dim])]


def _selectivity(ladder: xr.Dataset) -> list[dict[str, Any]]:
    """Return both measures' probability of superiority at the largest size, over seeds and sides."""
    last = ladder["neurons"].values == ladder["neurons"].values.max()
    rows = []
    for name, words in (("activation_kurtosis", "excess kurtosis"), ("class_selectivity", "class selectivity")):
        values = np.concatenate([ladder[f"{name}_superiority_{side}"].values[last] for side in "ab"])
        known = values[np.isfinite(values)]
        if len(known):
            summary = {"mean": known.mean(), "low": known.min(), "high": known.max()}
            rows.append({"name": words, **{key: float(value) for key, value in summary.items()}})
    return rows


def _sweep_rows(sweep: xr.Dataset) -> list[dict[str, Any]]:
    names = {"images": "size_images", "raw": "size_raw_count", "raw_overlap": "size_raw_overlap"}
    names |= {"calibrated": "size_calibrated_count", "calibrated_overlap": "size_calibrated_overlap"}
    names |= {"threshold": "size_threshold"}
    return [{key: sweep[name].values[i].item() for key, name in names.items()} for i in range(sweep.sizes["data_size"])]


def _kind_rows(kinds: xr.Dataset) -> list[dict[str, Any]]:
    both = {"raw": "kind_raw_count", "calibrated": "kind_calibrated_count"}
    one = ("raw_overlap", "calibrated_overlap")
    return [
        {"seed": int(seed), "dimension": kinds["effective_dimension"].values.tolist()}
        | {key: kinds[name].values[:, i].tolist() for key, name in both.items()}
        | {name: kinds[name].values[i].item() for name in one}
        for i, seed in enumerate(kinds["seed"].values)
    ]


def _samples(trained: TrainedVision, images: Images) -> list[list[str]]:
    """Return some held-out crops, and as many generated images, as PNG."""
    from ..empirical.vision.families.generation import generate
    from ..empirical.vision.judging.top_images import all_images, png

    denoiser = trained.folder("denoising", max(trained.ladder.widths), trained.ladder.recipe.seeds[0])
    sets = images.subset(np.arange(SAMPLES)), generate(denoiser, SAMPLES).images
    return [[base64.b64encode(png(image)).decode() for image in all_images(some)] for some in sets]


def _shown(trained: TrainedVision, images: Images, ladder: xr.Dataset) -> list[dict[str, Any]]:
    """Return some calibrated pairs of the last rung, best to last, with the top crops of both neurons."""
    from ..empirical.vision.judging.top_images import png, strip, top_exhibits
    from ..empirical.vision.source import ImageSource, open_reader

    rung = ladder.sizes["rung"] - 1
    here = np.flatnonzero(ladder["pair_rung"].values == rung)
    order = here[np.argsort(-ladder["correlation"].values[here], kind="stable")]
    count = int(ladder["calibrated_count"].values[rung])
    if not count:
        return []
    chosen = order[np.unique(np.linspace(0, count - 1, min(SHOWN_PAIRS, count)).round().astype(int))]
    objectives = json.loads(ladder.attrs["families"])
    rows = []
    for side, objective in zip("ab", objectives, strict=True):
        seed = int(ladder[f"seed_{side}"].values[rung])
        source = ImageSource(
            open_reader(trained.folder(objective, max(trained.ladder.widths), seed)), images, batch=256
        )
        exhibits = top_exhibits(source, ladder[f"unit_{side}"].values[chosen], SHOWN_CROPS)
        rows.append(
            [
                [base64.b64encode(png(strip(i, m, 64))).decode() for i, m in zip(e.images, e.maps, strict=True)]
                for e in exhibits
            ]
        )
    facts = ("layer_a", "layer_b", "correlation")
    return [
        {name: ladder[name].values[pair].item() for name in facts}
        | {f"unit_{side}": int(ladder[f"layer_unit_{side}"].values[pair]) for side in "ab"}
        | {"rows": [rows[0][i], rows[1][i]]}
        for i, pair in enumerate(chosen)
    ]
