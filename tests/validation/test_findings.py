"""Findings of a ladder: planted ladders on either side of each finding, and one that shows nothing."""

import numpy as np
import pytest
from scipy import special, stats

from rosettalaw.results import dataset
from rosettalaw.validation.analysis import analyse
from rosettalaw.validation.findings import Shown, findings, slope_interval
from rosettalaw.validation.ladder_report import _pairs

SIZES = np.array([256.0, 512, 1024, 2048, 4096])


def ladder(exponent=0.6, settled=0.4, superior=0.9, lead=1.0, firing=2.0, families=("one", "two")):
    """Five sizes with a planted exponent, superiority, growth of the lead, and firing in one of two categories."""
    wiggle = np.array([1.0, 0.98, 1.02, 0.99, 1.01])
    gap = lead * np.log(SIZES / 256) * wiggle
    full = np.ones((5, 2))
    fire = np.ones((5, 2, 2))
    variables = {
        "neurons": ("rung", SIZES),
        "calibrated_count": ("rung", np.round(10 * (SIZES / 256) ** exponent * wiggle)),
        "settled_count": ("rung", np.round(8 * (SIZES / 256) ** settled * wiggle)),
        "firing_rosetta": (("rung", "side", "category"), fire * [firing, 2 - firing]),
        "firing_control": (("rung", "side", "category"), fire),
    }
    for end, shift in (("", 0.0), ("_low", -0.05), ("_high", 0.05)):
        variables[f"superiority{end}"] = (("rung", "side", "measure"), (full * (superior + shift))[..., None])
        for group in ("rosetta", "control"):
            if end:
                values = variables[f"firing_{group}"][1] + 2 * shift
                variables[f"firing_{group}{end}"] = (("rung", "side", "category"), values)
    variables["selectivity_rosetta"] = (("rung", "side", "measure"), (full * (3 + gap)[:, None])[..., None])
    variables["selectivity_other"] = (("rung", "side", "measure"), 3 * full[..., None])
    coords = {"measure": ["output_kurtosis"], "category": ["code", "prose"]}
    return dataset("ladder", variables, coords, families=list(families))


def judged(**planted):
    ds = ladder(**planted)
    return {one.name: one for one in findings(ds, analyse(ds["neurons"].values, ds["calibrated_count"].values))}


def test_a_ladder_that_shows_everything():
    found = judged()
    assert [one.shown for one in found.values()] == [Shown.YES] * 6
    numbers = found["Rosetta Neurons are more selective than others of their layers"].numbers
    wider = stats.norm.ppf(1 - 0.025 / 2) / stats.norm.ppf(0.975)  # on the logit, so that both hold together in 95%
    low, high = (special.expit(wider * special.logit(end) + (1 - wider) * special.logit(0.9)) for end in (0.85, 0.95))
    assert numbers == "; ".join(f"{name} 0.90 (joint 95% interval {low:.2f} to {high:.2f})" for name in ("one", "two"))
    assert "one: code 2.00 against 1.00" in found["they specialize in kinds of document"].numbers


@pytest.mark.parametrize(
    ("planted", "name", "shown"),
    [
        ({"exponent": 1.4}, "the count grows sublinearly", Shown.OPPOSITE),
        ({"exponent": 1.4}, "the fraction of Rosetta Neurons shrinks", Shown.OPPOSITE),
        ({"exponent": 1.0}, "the count grows sublinearly", Shown.NO),
        ({"settled": 1.3}, "the pairs found in both halves of the text grow sublinearly", Shown.OPPOSITE),
        ({"settled": 1.0}, "the pairs found in both halves of the text grow sublinearly", Shown.NO),
        ({"superior": 0.52}, "Rosetta Neurons are more selective than others of their layers", Shown.NO),
        ({"superior": 0.3}, "Rosetta Neurons are more selective than others of their layers", Shown.OPPOSITE),
        ({"lead": 0.0}, "their lead in selectivity grows with size", Shown.NO),
        ({"lead": -1.0}, "their lead in selectivity grows with size", Shown.OPPOSITE),
        ({"firing": 1.1}, "they specialize in kinds of document", Shown.NO),
        # Half-widths of 0.1 on both sides join to 0.14, and to 0.18 as one of four comparisons.
        ({"firing": 1.16}, "they specialize in kinds of document", Shown.NO),
    ],
)
def test_each_finding_can_fail(planted, name, shown):
    found = judged(**planted)
    assert found[name].shown == shown
    assert sum(one.shown != Shown.YES for one in found.values()) == (2 if "exponent" in planted else 1)


def test_one_model_is_not_both():
    """Superior in one model alone is not shown."""
    ds = ladder()
    ds["superiority_low"][:, 1] = 0.4
    found = findings(ds, None)
    assert [one.shown for one in found] == [Shown.YES, Shown.NO, Shown.YES, Shown.YES]


def test_levels_are_divided():
    """An interval that just clears ½ alone does not clear it as one of two."""
    z = stats.norm.ppf(0.975)
    half = 0.9 * np.log(0.6 / 0.4)  # of the logit, so that the 95% interval ends above ½
    ds = ladder(superior=0.6)
    for end, sign in (("low", -1), ("high", 1)):
        ds[f"superiority_{end}"][:] = 1 / (1 + np.exp(-(np.log(1.5) + sign * half)))
    assert float(ds["superiority_low"].min()) > 0.5
    assert stats.norm.ppf(1 - 0.025 / 2) / z * half > np.log(1.5)  # and the wider one below
    assert findings(ds, None)[1].shown == Shown.NO


def test_a_firing_just_beyond_the_divided_level_is_shown():
    assert judged(firing=1.19)["they specialize in kinds of document"].shown == Shown.YES


def test_the_level_of_the_lead_is_divided_between_both_models():
    """Its interval is that of 97.5% for each, so that the 95% applies to both."""
    ds = ladder()
    gap = (ds["selectivity_rosetta"] - ds["selectivity_other"]).values[:, 0, 0]
    line = stats.linregress(np.log(SIZES), gap)
    half = stats.t.ppf(1 - 0.025 / 2, 3) * line.stderr
    lead = next(one for one in findings(ds, None) if "lead" in one.name)
    assert f"(joint 95% interval {line.slope - half:.2f} to {line.slope + half:.2f})" in lead.numbers


def test_a_count_of_zero_has_no_slope():
    ds = ladder()
    ds["settled_count"][0] = 0
    assert not any("both halves" in one.name for one in findings(ds, None))


def test_slopes_are_scipys():
    x, y = np.log(SIZES), np.array([1.0, 2.2, 2.9, 4.1, np.nan])
    fit = stats.linregress(x[:4], y[:4])
    slope, low, high = slope_interval(x, y)
    half = stats.t.ppf(0.975, 2) * fit.stderr
    assert (slope, low, high) == pytest.approx((fit.slope, fit.slope - half, fit.slope + half))
    assert np.isnan(slope_interval(x[:2], y[:2])).all()


def test_a_ladder_without_neurons_is_judged_by_its_counts():
    ds = ladder()[["neurons", "calibrated_count"]]
    assert len(findings(ds, analyse(ds["neurons"].values, ds["calibrated_count"].values))) == 2
    assert findings(ds, None) == []


def test_the_share_shrinks_by_the_counts_exponent_less_one():
    sizes, counts = np.array([256.0, 512, 1024, 2048]), np.array([30, 45, 68, 100])
    rows = {"neurons": ("rung", sizes), "calibrated_count": ("rung", counts)}
    judged = {one.name: one for one in findings(dataset("ladder", rows), analyse(sizes, counts))}
    slope = stats.linregress(np.log(sizes), np.log(counts / sizes)).slope
    said = judged["the fraction of Rosetta Neurons shrinks"]
    assert said.shown == "shown"
    assert f"exponent {slope:.2f}".replace("-", "−") in said.numbers


def test_pairs_are_shown_best_first_each_with_its_contexts():
    names = ("layer_a", "layer_b", "layer_unit_a", "layer_unit_b")
    variables = {name: ("pair", np.arange(3)) for name in names} | {"correlation": ("pair", [0.6, 0.9, 0.7])}
    words = {
        f"context_{name}": ("context", np.array(["x", "y", "z"])) for name in ("document", "before", "span", "after")
    }
    activations = {f"activation_{side}": ("context", [1.0, 2, 3]) for side in "ab"}
    ladder = dataset("ladder", variables | words | activations | {"context_pair": ("context", [0, 1, 0])})
    shown = _pairs(ladder)
    assert [(pair["layer_a"], pair["correlation"]) for pair in shown] == [(1, 0.9), (0, 0.6)]
    assert [one["span"] for one in shown[1]["contexts"]] == ["x", "z"]
