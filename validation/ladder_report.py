"""The page of one measured ladder: verdict, figures, table of rungs, matched neurons with their contexts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..empirical.nulls import every_label
from . import page
from .findings import findings

if TYPE_CHECKING:
    import xarray as xr

    from .analysis import Analysis


MEASURED = (  # figure, its question, how to read it
    (
        "exponents",
        "Does the exponent depend on the correlation at which pairs are counted?",
        "All sizes counted at the same ρ, from the largest ρ* of the ladder (the headline, filled) as far as the size "
        "with fewest pairs has five. The band is the pointwise 95% interval of the fit. In the theory α is one number; "
        "the hollow mark is the exponent where each size is counted above its own ρ*.",
    ),
    (
        "superiority",
        "Are Rosetta Neurons more selective than their neighbours?",
        "The chance that a Rosetta Neuron drawn at random exceeds another neuron of its layer, with 95% intervals "
        "over neurons; ½ is no difference. Kurtosis over the vocabulary is the paper's measure (of the cosines of a "
        "neuron's output weight with the tokens' unembedding vectors); the others are of activations. Low entropy is "
        "selective.",
    ),
    (
        "selectivity",
        "Selectivity over size",
        "Mean excess kurtosis over the vocabulary, with 95% intervals over neurons.",
    ),
    (
        "documents",
        "On which documents do they fire?",
        "Share of the neurons' most active positions in a category, over the category's share of all positions: 1 is "
        "no preference. Right: random other neurons. Bars are 95% intervals over neurons, at the largest size.",
    ),
    (
        "partners",
        "Does the law depend on k = 1?",
        "Counts where a pair needs each neuron to be among the other's k best partners, without a threshold and above "
        "the threshold that each k has by its own nulls.",
    ),
    (
        "data_size",
        "Do count and set settle with more data?",
        "Largest rung, matched on nested subsets of its positions, each calibrated by its own nulls; overlap is with "
        "the pairs of the subset before.",
    ),
)

PLACED = ("scaling", "calibration", "triangle")  # figures with a place of their own on the page


def write_report(
    ladder: xr.Dataset,
    analysis: Analysis | None,
    verdict: str,
    counted: list[str],
    tested: list[str],
    figures: dict[str, Path],
    out: Path,
    seconds: float,
) -> Path:
    """Write ``report.html`` of a ladder.

    Parameters
    ----------
    ladder : xarray.Dataset
        Kind "ladder".
    analysis : Analysis or None
        Fits of the calibrated counts; None where there was nothing to fit.
    verdict : str
        The sentence that the page begins with.
    counted : list of str
        Other remarks on the counts, a sentence each.
    tested : list of str
        Results of the other tests of the theory, a sentence each.
    figures : dict of str to Path
        SVG files: ``scaling``, ``calibration`` and, where it was measured, ``triangle``; others follow by name.
    out : path
        Where to write.
    seconds : float
        How long the run took.
    """
    families = json.loads(ladder.attrs["families"])
    versions = json.loads(ladder.attrs["versions"])
    neurons = ladder["neurons"].values
    trained = "training_seed" in ladder.attrs
    html = page.render(
        "ladder.html",
        title="The law of Rosetta Neurons, measured",
        subtitle=f"{families[0]} × {families[1]}, {len(neurons)} sizes from {neurons[0]:.0f} to {neurons[-1]:.0f} "
        f"neurons, {'trained and measured' if trained else 'measured'} in {seconds:.0f} s",
        verdict=verdict,
        counted=counted,
        headline=_headline(ladder, analysis),
        scaling=page.embedded(figures["scaling"], "Counts over network size, with nulls, power law and theory"),
        calibration=page.embedded(figures["calibration"], "Number of pairs above a correlation, trained and nulls"),
        triangle=page.embedded(figures["triangle"], "Three measured exponents against what the theory demands of them")
        if "triangle" in figures
        else None,
        tested=tested,
        findings=findings(ladder, analysis),
        measured=[
            {"title": title, "drawing": page.embedded(figures[name], title), "caption": caption}
            for name, title, caption in MEASURED
            if name in figures
        ]
        + [
            {"title": (title := name.capitalize()), "drawing": page.embedded(path, title), "caption": ""}
            for name, path in figures.items()
            if name not in (*PLACED, *(one[0] for one in MEASURED))
        ],
        rungs=_rungs(ladder),
        nulls=[label for label in every_label() if f"{label}_raw" in ladder],
        pairs=_pairs(ladder),
        families=families,
        provenance={
            "ladder": ladder.attrs["ladder"],
            "models": ", ".join(
                f"{a} × {b}" for a, b in zip(ladder["model_a"].values, ladder["model_b"].values, strict=True)
            ),
            "corpus": f"{ladder.attrs['corpus']}, sha256 {ladder.attrs['corpus_sha256']}",
            "text measured": f"{int(ladder['tokens_a'].values[-1]):,} and {int(ladder['tokens_b'].values[-1]):,} "
            f"held-out tokens, {int(ladder['positions'].values[-1]):,} shared spans{_read(ladder)}",
            "seeds": (f"training {ladder.attrs['training_seed']}, " if trained else "")
            + f"measurement {ladder.attrs['seed']}",
            "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
            "command": ladder.attrs["command"],
        },
    )
    return page.write(out, html)


def _read(ladder: xr.Dataset) -> str:
    """Return of how many documents and domains the text was, where the ladder records it."""
    if "documents_read" not in ladder:
        return ""
    documents, domains = (int(ladder[name].values[-1]) for name in ("documents_read", "domains_read"))
    return f" of {documents:,} documents in {domains} domains"


def _headline(ladder: xr.Dataset, analysis: Analysis | None) -> list[dict[str, str]]:
    counts = ladder["calibrated_count"].values
    items = [{"value": f"{counts[0]} → {counts[-1]}", "label": "calibrated Rosetta pairs, smallest to largest network"}]
    if analysis is not None:
        line, theory = analysis.power_law, analysis.theory
        items += [
            {
                "value": f"{line.exponent:.2f}",
                "label": f"exponent α of the count{_counted(analysis)}, 95% {_interval(line.exponent_ci95)}",
            },
            {"value": page.number(theory.beta), "label": f"β of the theory, 95% {_interval(theory.beta_ci95)}"},
            {"value": f"{line.r2:.3f}", "label": "R² of the power law in log–log"},
        ]
    return items


def _counted(analysis: Analysis) -> str:
    """Return at which correlation the headline counts, and the exponent where each size has its own."""
    if analysis.own is None or not np.isfinite(analysis.common_rho):
        return ""
    own = f"{analysis.own.exponent:.2f} above each size's own ρ*"
    return f" at ρ ≥ {analysis.common_rho:.2f} for all sizes ({own})"


def _interval(ends: tuple[float, float]) -> str:
    low, high = (f"{end:.2f}" if np.isfinite(end) else "∞" for end in ends)
    return f"{low} to {high}"


def _rungs(ladder: xr.Dataset) -> list[dict[str, float]]:
    names = [
        str(name) for name in ladder.data_vars if ladder[name].dims == ("rung",) and ladder[name].dtype.kind in "fiu"
    ]
    rows = [{name: ladder[name].values[i].item() for name in names} for i in range(ladder.sizes["rung"])]
    return [row | {"bits_a": row["bits_per_byte_a"], "bits_b": row["bits_per_byte_b"]} for row in rows]


def _pairs(ladder: xr.Dataset) -> list[dict[str, Any]]:
    pairs: dict[int, dict[str, Any]] = {}
    shown_pairs = ladder["context_pair"].values.tolist() if "context_pair" in ladder else []
    for i, pair in enumerate(shown_pairs):
        names = ("layer_a", "layer_b", "layer_unit_a", "layer_unit_b", "correlation")
        facts = {name: ladder[name].values[pair].item() for name in names}
        shown = pairs.setdefault(pair, {**facts, "contexts": []})
        words = {name: ladder[f"context_{name}"].values[i] for name in ("document", "before", "span", "after")}
        shown["contexts"].append(words | {s: ladder[f"activation_{s}"].values[i].item() for s in "ab"})
    return sorted(pairs.values(), key=lambda pair: -pair["correlation"])
