"""Findings of a filtering study, in sentences that its intervals allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

KINDS = ("Rosetta Neurons", "others")


def records(study: xr.Dataset) -> list[dict[str, Any]]:
    """Return one row per selector: F1 and perplexity with their 95% intervals."""
    rows = []
    for selector in study["selector"].values.tolist():
        one = study.sel(selector=selector)
        row = {"selector": selector}
        row |= {name: float(one[f"filter_{name}"]) for name in ("f1", "f1_low", "f1_high", "precision", "recall")}
        if "test_perplexity" in study:
            names = ("test_perplexity", "test_perplexity_ci95", "test_bits_per_byte", "test_bits_per_byte_ci95")
            row |= {name: float(one[name]) for name in names}
        rows.append(row)
    return rows


def facts(study: xr.Dataset) -> dict[str, Any]:
    """Return the basis of the study: the neurons, the pairs, the parts of the text."""
    first = {True: 0, False: int(study["leader_rosetta"].sum())}
    neuron = {
        name: {fact: study[f"leader_{fact}"].values[first[kind]].item() for fact in ("layer", "unit", "hits", "f1")}
        for name, kind in (("rosetta", True), ("non_rosetta", False))
    }
    domains = study["part_domain"].values.tolist()
    documents = {
        part: dict(zip(domains, row.tolist(), strict=True))
        for part, row in zip(study["part"].values.tolist(), study["part_documents"].values, strict=True)
    }
    names = ("model_a", "model_b", "model_trained", "calibrated_pairs", "contexts", "seed")
    known = {name: study.attrs[name] for name in names if name in study.attrs}
    return {**known, "token_budget": float(study["token_budget"]), "neurons": neuron, "documents": documents}


def sentences(study: xr.Dataset) -> list[str]:
    """Return the findings: each comparison with its difference, its 95% interval, and whether that excludes 0."""
    rosetta = study.sel(selector="rosetta")
    f1, low, high = (float(rosetta[f"filter_f1{end}"]) for end in ("", "_low", "_high"))
    lines = [f"F1 of the Rosetta Neuron for {study.attrs['target']!r}: {f1:.3f} [{low:.3f}, {high:.3f}]."]
    for selector, words in (("random", "random documents"), ("non_rosetta", "the other neuron")):
        one = study.sel(selector=selector)
        ahead, low, high = (float(one[f"f1_behind{end}"]) for end in ("", "_low", "_high"))
        verdict = _verdict(low, high, "better than", "worse than", "not distinguished from")
        numbers = f"{_signed(ahead)} [{_signed(low)}, {_signed(high)}]"
        lines.append(f"It is {verdict} {words} ({float(one['filter_f1']):.3f}): difference {numbers}.")
    return [*lines, _leaders(study), *(_perplexity(study) if "test_perplexity" in study else ())]


def _leaders(study: xr.Dataset) -> str:
    """Compare the leaders of both populations: the result beyond one neuron of each.

    Results that do not say how large the populations are have the first 20 of either, whose means do not compare.

    Raises
    ------
    ValueError
        If all leaders are of one kind.
    """
    is_rosetta = study["leader_rosetta"].values
    groups = [study["leader_f1"].values[mask] for mask in (is_rosetta, ~is_rosetta)]
    if not all(map(len, groups)):
        raise ValueError("leader_rosetta: leaders of both kinds are compared, and there is only one")
    shown = " and ".join(f"{group.mean():.3f} ({group.min():.3f} to {group.max():.3f})" for group in groups)
    if "leader_pool" not in study:
        sizes = f"{len(groups[0])} Rosetta and {len(groups[1])} other neurons"
        unlike = "they are unequal shares of their populations, so the means are not comparable"
        return f"F1 of the first {sizes} of that layer by the same rule: {shown}; {unlike}."
    pools = [int(study["leader_pool"].values[mask][0]) for mask in (is_rosetta, ~is_rosetta)]
    sizes = " and ".join(
        f"{len(group)} of {pool} {words}" for group, pool, words in zip(groups, pools, KINDS, strict=True)
    )
    return f"F1 of the first {sizes} of that layer by the same rule, an equal share of each: {shown}."


def _perplexity(study: xr.Dataset) -> list[str]:
    base, trained = (float(study["test_perplexity"].sel(selector=selector)) for selector in ("base", "rosetta"))
    lines = [f"Test perplexity: {base:.2f} of the model, {trained:.2f} after the Rosetta Neuron's selection."]
    rivals = {
        "random": "random documents",
        "non_rosetta": "the other neuron's selection",
        "oracle": "the oracle's selection",
    }
    for selector, words in rivals.items():
        one = study.sel(selector=selector)
        behind, half = (float(one[f"test_perplexity_behind{end}"]) for end in ("", "_ci95"))
        verdict = _verdict(behind - half, behind + half, "better", "worse", "not distinguished")
        value = float(one["test_perplexity"])
        lines.append(
            f"Compared with training on {words} ({value:.2f}), it is {verdict}: {_signed(behind)} ± {half:.3f}."
        )
    return lines


def _signed(difference: float) -> str:
    """Return a difference with its sign, a true minus where it is negative."""
    return f"{difference:+.3f}".replace("-", "−")


def _verdict(low: float, high: float, above: str, below: str, neither: str) -> str:
    """Return the word for an interval of a difference: above 0, below 0, or holding it."""
    return above if low > 0 else below if high < 0 else neither
