"""The page of one measured ladder: the answer, figures, table of sizes, matched neurons with their contexts."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..empirical.nulls import KINDS, every_label
from ..model_names import family_name, model_name
from . import page
from .findings import findings, size_means, together
from .reporting.answer import answer, contradicts_theory
from .reporting.citation import bibtex
from .reporting.excerpts import excerpt, judged_pair
from .reporting.exponents import exponents
from .reporting.messages import of_findings, of_ladder_figure
from .reporting.over_rho import over_rho
from .reporting.recurring import recurring_table
from .series_from import of_ladder

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from .analysis import Analysis
    from .findings import Finding
    from .triangle import Triangle


MEASURED = (  # figure, its question, how to read it
    (
        "exponents",
        "Does the exponent depend on the correlation at which pairs are counted?",
        "All sizes are counted at the same ρ, from the largest ρ* of the ladder (the headline, filled) up to the ρ "
        "where the size with the fewest pairs has five. The band is the pointwise 95% interval of the fit. In the "
        "theory α is one number. The hollow mark is the exponent with each size counted above its own ρ*.",
    ),
    (
        "reproducibility",
        "Which pairs are found again on other text?",
        "Largest size. Left: the rank of each pair's correlation on either half of the text; darker pairs are more "
        "likely to be reproducible. Right: pairs in the order of that probability, and the expected share of "
        "irreproducible pairs among them (irreproducible discovery rate; Li, Brown, Huang and Bickel 2011).",
    ),
    (
        "superiority",
        "Are Rosetta Neurons more selective than their neighbours?",
        "Probability that a random Rosetta Neuron exceeds another neuron of its layer, with 95% intervals over "
        "neurons; ½ means no difference. Kurtosis over the vocabulary is the paper's measure (of the cosines of a "
        "neuron's output weight with the tokens' unembedding vectors). The other measures are of activations. Low "
        "entropy means selective.",
    ),
    (
        "selectivity",
        "Selectivity over size",
        "Mean excess kurtosis over the vocabulary (no unit), with 95% intervals over neurons.",
    ),
    (
        "documents",
        "On which documents do they fire?",
        "Share of the neurons' most active positions in a category, divided by the category's share of all "
        "positions: 1 means no preference. Right: random other neurons. Bars are 95% intervals over neurons, at the "
        "largest size.",
    ),
    (
        "partners",
        "Does the law depend on k?",
        "In a pair, each neuron must be among the other's k best partners. Counts are shown without a threshold and "
        "above the threshold that the nulls of each k give at each size. The exponents are those of the second "
        "count, which the table of exponents above calls “above each size's own ρ*”.",
    ),
    (
        "data_size",
        "Do the count and the set of pairs converge with more data?",
        "Largest size, matched on nested subsets of its positions, each calibrated with its own nulls. The overlap "
        "is with the pairs of the previous subset.",
    ),
)

PLACED = ("scaling", "calibration", "triangle")  # figures with a place of their own on the page
SECTIONS = (  # anchor, its title in the list of contents, the value without which there is no such section
    ("reproduce", "Reproduce and cite", ""),
    ("reading", "How to read these numbers", ""),
    ("scaling", "The count over network size", ""),
    ("exponents", "Why there is more than one exponent", "exponents"),
    ("correlation", "Counts at another correlation", "over_rho"),
    ("calibration", "How pairs are separated from chance", ""),
    ("recurring", "Neurons that recur in three or more networks", "recurring"),
    ("theory", "Does the theory agree beyond the count?", "tested"),
    ("findings", "The paper's findings", "findings"),
)
LAST = (("rungs", "All sizes in numbers"), ("pairs", "Some matched neurons"), ("provenance", "Provenance"))


def write_report(
    ladder: xr.Dataset,
    analysis: Analysis | None,
    verdict: str,
    counted: list[str],
    tested: list[str],
    figures: dict[str, Path],
    out: Path,
    seconds: float,
    triangle: Triangle | None = None,
    tests: Mapping[str, float] | None = None,
) -> Path:
    """Write ``report.html`` of a ladder.

    Parameters
    ----------
    ladder : xarray.Dataset
        Kind "ladder".
    analysis : Analysis or None
        Fits of the calibrated counts; None where there was nothing to fit.
    verdict : str
        All claims and limits of the counts in one sentence.
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
    triangle : Triangle, optional
        The three exponents that the theory ties together.
    tests : mapping of str to float, optional
        p-values of the tests of these ties.
    """
    families = [family_name(name) for name in json.loads(ladder.attrs["families"])]
    neurons = ladder["neurons"].values
    judged = findings(ladder, analysis)
    at_rho = over_rho(of_ladder(ladder)) if "correlation" in ladder else None
    doubtful = contradicts_theory(triangle, tests)
    nulls = [label for label in every_label() if f"{label}_raw" in ladder]
    parts: dict[str, Any] = {
        "counted": counted,
        "tested": tested,
        "exponents": exponents(ladder, analysis),
        "over_rho": at_rho,
        "recurring": None if analysis is None else recurring_table(ladder, analysis.common_rho),
        "findings": judged,
        "measured": _measured(ladder, figures, judged, 4 if "triangle" in figures and tested else 3),
    }
    sections = [(id, title) for id, title, needs in SECTIONS if not needs or parts[needs]]
    sections += [(one["id"], one["title"]) for one in parts["measured"]]
    trained = "trained and measured" if "training_seed" in ladder.attrs else "measured"
    subtitle = (
        f"{families[0]} × {families[1]}, {len(np.unique(neurons))} sizes from {neurons[0]:,.0f} to {neurons[-1]:,.0f} "
        f"neurons, {_seeds(ladder)}{trained} in {seconds:.0f} s"
    )
    said = answer(ladder, analysis, triangle, judged, verdict, tests)
    html = page.render(
        "ladder.html",
        script="report.js",
        data={"over_rho": None if at_rho is None else at_rho.record()},
        title="The law of Rosetta Neurons, measured",
        subtitle=subtitle,
        description=said.growth,
        answer=asdict(said),
        headline=_headline(ladder, analysis),
        verdict=verdict,
        sections=[*sections, *LAST],
        data_file="results.nc",
        bibtex=bibtex(json.loads(ladder.attrs["versions"]).get("rosettalaw", "")),
        scaling=page.embedded(figures["scaling"], "Counts over network size, with nulls, power law and theory"),
        calibration=page.embedded(figures["calibration"], "Number of pairs above a correlation, trained and nulls"),
        triangle=page.embedded(figures["triangle"], "Three measured exponents and the demands of the theory")
        if "triangle" in figures
        else None,
        says={name: of_ladder_figure(name, ladder, triangle) for name in PLACED},
        theory_doubtful=doubtful,
        beta=_beta(analysis, doubtful),
        together=together(judged),
        rungs=_rungs(ladder),
        nulls=nulls,
        nulls_said=[null for null in KINDS.values() if null.label in nulls],
        pairs=_pairs(ladder),
        families=families,
        provenance=_provenance(ladder),
        **parts,
    )
    return page.write(out, html)


def _measured(ladder: xr.Dataset, figures: dict[str, Path], judged: list[Finding], first: int) -> list[dict[str, Any]]:
    """Return the further figures in their order, numbered from `first`."""
    known = [(name, title, caption) for name, title, caption in MEASURED if name in figures]
    named = {*PLACED, *(name for name, _, _ in MEASURED)}
    known += [(name, name.capitalize(), "") for name in figures if name not in named]
    return [
        {
            "id": f"figure-{name}",
            "title": title,
            "label": f"Figure {i}",
            "drawing": page.embedded(figures[name], title),
            "says": of_findings(name, judged) or of_ladder_figure(name, ladder),
            "caption": caption,
        }
        for i, (name, title, caption) in enumerate(known, first)
    ]


def _provenance(ladder: xr.Dataset) -> dict[str, str]:
    pairs = list(zip(ladder["model_a"].values.tolist(), ladder["model_b"].values.tolist(), strict=True))
    seeds = f"training {ladder.attrs['training_seed']}, " if "training_seed" in ladder.attrs else ""
    versions = json.loads(ladder.attrs["versions"])
    return {
        "command": ladder.attrs["command"],
        "ladder": ladder.attrs["ladder"],
        "models": "; ".join(f"{model_name(a)} × {model_name(b)}" for a, b in pairs),
        "folders of the models": ", ".join(f"{a} × {b}" for a, b in pairs),
        "corpus": f"{ladder.attrs['corpus']}, sha256 {ladder.attrs['corpus_sha256']}",
        "text measured": f"{int(ladder['tokens_a'].values[-1]):,} and {int(ladder['tokens_b'].values[-1]):,} "
        f"held-out tokens, {int(ladder['positions'].values[-1]):,} shared spans{_read(ladder)}",
        "seeds": f"{seeds}measurement {ladder.attrs['seed']}",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }


def _read(ladder: xr.Dataset) -> str:
    """Return of how many documents and domains the text was, where the ladder records it."""
    if "documents_read" not in ladder:
        return ""
    documents, domains = (int(ladder[name].values[-1]) for name in ("documents_read", "domains_read"))
    return f" of {documents:,} documents in {domains} domains"


def _headline(ladder: xr.Dataset, analysis: Analysis | None) -> list[dict[str, str]]:
    """Return the cards: the main numbers of the page, each with its qualification."""
    cards = [
        {
            "value": _from_to(ladder, "calibrated_count"),
            "label": "calibrated pairs, smallest to largest network",
            "but": "each size above its own ρ*",
        }
    ]
    if analysis is not None:
        line, own = analysis.power_law, analysis.own
        at = f" at ρ ≥ {analysis.common_rho:.2f} for all sizes" if np.isfinite(analysis.common_rho) else ""
        other = f"{own.exponent:.2f} above each size's own ρ*: see the table of exponents" if own and at else ""
        of = ", over seeds and text," if analysis.seeds is not None else ","
        label = f"exponent α of the count{at}{of} 95% {_interval(line.exponent_ci95)}"
        cards.append({"value": f"{line.exponent:.2f}", "label": label, "but": other})
    if "stable_count" in ladder:
        label = "stable pairs: found again in at least nine of ten halves of the text"
        cards.append({"value": _from_to(ladder, "stable_count"), "label": label, "but": ""})
    if "beyond_token_count" in ladder:
        share = float(ladder["median_lexical_share"].values[-1])
        but = (
            f"{100 * share:.0f}% of a typical pair's covariance is explained by the string"
            if np.isfinite(share)
            else ""
        )
        label = "pairs beyond the token: found after subtracting the mean activation of each string"
        cards.append({"value": _from_to(ladder, "beyond_token_count"), "label": label, "but": but})
    return cards


def _from_to(ladder: xr.Dataset, name: str) -> str:
    """Return a count at the smallest and at the largest size, the mean over pairs of seeds."""
    _, means = size_means(ladder["neurons"].values, ladder[name].values.astype(float))
    return f"{means[0]:.0f} → {means[-1]:.0f}"


def _seeds(ladder: xr.Dataset) -> str:
    """Return in words how many pairs of seeds a size has."""
    if "seed_a" not in ladder:
        return ""
    a, b = (len(np.unique(ladder[f"seed_{side}"].values)) for side in "ab")
    pairs = np.unique(ladder["neurons"].values, return_counts=True)[1]
    if (pairs == a * b).all():
        return f"{a} × {b} seeds at each, "
    return f"{a} and {b} seeds, {pairs.min()} to {pairs.max()} pairs of networks at each, "


def _beta(analysis: Analysis | None, doubtful: bool) -> str:
    """Return the sentence on β, which never stands without the tests of the theory that defines it."""
    if analysis is None or not np.isfinite(analysis.theory.beta):
        return ""
    theory = analysis.theory
    number = f"The count alone, read through the theory, gives β = {theory.beta:.2f} ({_interval(theory.beta_ci95)})."
    if doubtful:
        return f"{number} The tests above contradict that theory, so this β does not measure a spectrum."
    return f"{number} It assumes the theory at the measured sizes, not its limit for large N."


def _interval(ends: tuple[float, float]) -> str:
    low, high = (f"{end:.2f}".replace("-", "−") if np.isfinite(end) else "∞" for end in ends)
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
    around = json.loads(ladder.attrs.get("measurement", "{}")).get("around", 0)
    for i, pair in enumerate(shown_pairs):
        names = ("layer_a", "layer_b", "layer_unit_a", "layer_unit_b", "correlation")
        facts = {name: ladder[name].values[pair].item() for name in names}
        shown = pairs.setdefault(pair, {**facts, "judged": judged_pair(ladder, pair), "contexts": []})
        text = {name: str(ladder[f"context_{name}"].values[i]) for name in ("document", "before", "span", "after")}
        text |= excerpt(text["before"], text["span"], text["after"], around)
        shown["contexts"].append(text | {s: ladder[f"activation_{s}"].values[i].item() for s in "ab"})
    return sorted(pairs.values(), key=lambda pair: -pair["correlation"])
