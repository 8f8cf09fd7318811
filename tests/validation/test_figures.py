"""Figures: drawn without a display, the same bytes twice, nothing hidden, labels that do not overlap."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosettalaw import looks, theory
from rosettalaw.paper_figs import (
    documents,
    fig03,
    fig04,
    fig25,
    likelihood,
    profiles,
    selectivity,
    specialists,
    style,
    zeros,
)
from rosettalaw.paper_figs.onto import onto
from rosettalaw.paper_figs.results_folder import Results
from rosettalaw.results import dataset
from rosettalaw.validation import depths
from rosettalaw.validation.analysis import analyse
from rosettalaw.validation.references import ladders
from rosettalaw.validation.verdict import nulls_of

LADDER = {
    "neurons": [128, 256, 512, 768],
    "raw_count": [18, 29, 56, 59],
    "calibrated_count": [13, 22, 35, 42],
    "calibrated_count_se": [2.0, 2.2, 3.1, 3.4],
    "permuted_raw": [38, 62, 148, 221],
    "untrained_raw": [26, 37, 68, 95],
    "permuted_above_threshold": [0.0, 0, 0, 0],
    "untrained_above_threshold": [0, 0.33, 0.33, 1],
}


def ladder(**changes):
    return dataset("ladder", {name: ("rung", values) for name, values in {**LADDER, **changes}.items()})


def test_the_scaling_figure_shows_every_series_and_both_fits(tmp_path):
    ds = ladder()
    analysis = analyse(ds.neurons, ds.calibrated_count, ds.calibrated_count_se, nulls_of(ds))
    png, svg = fig03.draw(ds, analysis, tmp_path / "scaling.png", "A × B")
    text = svg.read_text()
    assert png.read_bytes().startswith(b"\x89PNG")
    for words in ("trained, no threshold", "permuted, no threshold", "untrained, no threshold", "untrained above ρ*"):
        assert words in text
    assert text.count("permuted above ρ*") == 1 + 4  # zero everywhere: one label, and four marks in the row of zeros
    assert text.count("untrained above ρ*") == 1 + 4  # one label, one mark in the row of zeros, three above it
    assert f"α = {analysis.power_law.exponent:.2f}" in text
    assert f"β = {analysis.theory.beta:.2f}" in text


def test_the_same_figure_has_the_same_bytes(tmp_path):
    pairs = [fig03.draw(ladder(), None, tmp_path / name) for name in ("a", "b")]
    for first, second in zip(*pairs, strict=True):
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("counts", [[0, 22, 35, 42], [0, 0, 0, 0], [7, 7, 7, 7]])
def test_counts_of_zero_are_written_and_flat_counts_drawn(tmp_path, counts):
    ds = ladder(calibrated_count=counts)
    analysis = analyse(ds.neurons, ds.calibrated_count) if any(counts) else None
    _, svg = fig03.draw(ds, analysis, tmp_path / "zero")
    zeros = svg.read_text().count("0 pairs")
    assert zeros == counts.count(0) + LADDER["permuted_above_threshold"].count(0) + 1  # of the trained, of both nulls


def marks(svg):
    """Return the words of every mark of an SVG, with its place on the page."""
    found = re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)"[^>]*><title>([^<]*)</title>', svg)
    return [(float(x), float(y), words.replace("&#10;", "\n")) for x, y, words in found]


def test_a_line_does_not_run_over_sizes_without_a_pair(tmp_path):
    """Zeros lie in a row below every count, and the line through the others has a piece for each run of them."""
    ds = ladder(untrained_above_threshold=[2.0, 0, 0.5, 1.0])
    svg = fig03.draw(ds, None, tmp_path / "zeros")[1].read_text()
    here = [one for one in marks(svg) if one[2].startswith("untrained above ρ*")]
    zeros = [one for one in here if one[2].endswith("0 pairs")]
    assert [one[2].split("\n")[1] for one in zeros] == ["N: 256"]
    assert all(zeros[0][1] > one[1] for one in marks(svg) if not one[2].endswith("0 pairs"))  # downwards
    (line,) = re.findall(r'<g id="points-\d+">\s*<path d="([^"]*)"[^>]*>(?=(?:(?!</g>).)*?untrained above)', svg, re.S)
    assert line.count("M") == 2


def test_every_interval_of_a_null_is_drawn_and_is_open_below_if_it_includes_zero():
    ends = {
        "permuted_raw_low": [37, 2, -20, 220],
        "permuted_raw_high": [39, 122, 316, 900],  # wide ones too, and one above every count
        "untrained_above_threshold_low": [0, -0.5, 0.3, 1],
        "untrained_above_threshold_high": [0, 1.2, 0.4, np.nan],
    }
    with style.figure() as (_, axis):
        fig03.draw_on(axis, ladder(**ends), None)
        lines = [line for one in axis.collections if one.get_zorder() == 1 for line in one.get_segments()]
        arrows = [line for line in axis.lines if line.get_marker() == zeros.DOWN]
        _, top = axis.get_ylim()
    floor = LADDER["untrained_above_threshold"][1] / 1.5  # below the smallest count
    drawn = {(line[0][0], line[1][1]): line[0][1] for line in lines}
    assert sorted(drawn) == [(128, 39), (256, 1.2), (256, 122), (512, 0.4), (512, 316), (768, 900)]
    assert [drawn[128, 39], drawn[256, 122], drawn[512, 0.4], drawn[768, 900]] == [37, 2, 0.3, 220]
    assert sorted(line.get_xdata()[0] for line in arrows) == [256, 512]
    assert drawn[256, 1.2] == drawn[512, 316] == arrows[0].get_ydata()[0]
    assert floor < drawn[256, 1.2] < LADDER["untrained_above_threshold"][1]
    assert top > 900


def test_an_interval_of_a_mean_over_pairs_covers_it():
    """Pairs with draws apart, and pairs that share them: 95% intervals of means over four pairs, against the truth."""
    rng, inside = np.random.default_rng(0), {False: 0, True: 0}
    sizes, runs = np.full(4, 256.0), 2000
    for _ in range(runs):
        for shared in inside:
            error = rng.standard_normal(1 if shared else 4)
            mean = 10 + np.broadcast_to(error, 4)
            _, low, high = zeros.of_means(sizes, mean, mean - 1.96, mean + 1.96, shared)
            inside[shared] += int(low[0] <= 10 <= high[0])
    for shared, covered in inside.items():
        assert covered / runs == pytest.approx(0.95, abs=0.015), shared
    one = zeros.of_means(np.array([128.0, 256]), np.array([1.0, 2]), np.array([0.0, 1]), np.array([3.0, 4]), False)
    np.testing.assert_array_equal(one, [[128, 256], [0, 1], [3, 4]])


def test_every_point_gives_its_numbers(tmp_path):
    """Names from outside are text there too."""
    with style.figure() as (figure, axis):
        axis.set_xlabel("size")
        axis.set_ylabel("pairs")
        style.ours(axis, [128, 256], [3.5, float("nan")], "<b>A & B</b>\x1b")
        style.ours(axis, [100, 1000], [2, 4], "other")
        svg = style.save(figure, tmp_path / "points")[1].read_text()
    assert "<b>" not in svg
    assert [words for _, _, words in marks(svg)] == [
        "&lt;b&gt;A &amp; B&lt;/b&gt;\\x1b\nsize: 128\npairs: 3.5",
        "other\nsize: 100\npairs: 2",
        "other\nsize: 1,000\npairs: 4",
    ]


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(5, 40)), min_size=1, max_size=9))
def test_labels_never_overlap_and_keep_their_order(labels):
    labels.sort()
    centres, sizes = map(list, zip(*labels, strict=True))
    placed = np.array(style._spread(centres, sizes))
    half = np.array(sizes) / 2
    assert np.all(placed[1:] - half[1:] >= placed[:-1] + half[:-1] - 1e-6)
    far = np.all(np.diff(centres) >= half[1:] + half[:-1])
    if far:
        assert np.allclose(placed, centres)
    assert np.mean(placed) == pytest.approx(np.mean(centres), abs=1e-6)  # moved as little as possible


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((768, "768"), (3072, "3,072"), (36864, "36.9k"), (1.4e6, "1.4M"), (0.3, "0.3"), (0, "0")),
        *((1e12, "10¹²"), (2.5e13, "2.5×10¹³"), (1e-6, "10⁻⁶")),
    ],
)
def test_sizes_are_written_short(value, text):
    assert style.short(value) == text


def test_the_planted_data_of_the_likelihood_figure_spend_the_budget():
    """Mean isolation × count + tail × the others = κN, exactly (Eq. 11)."""
    rows, sizes = likelihood._planted(), np.array(likelihood.SIZES)
    counts = np.array(rows["counts"])
    assert np.allclose(counts * rows["isolation"] + (sizes - counts) * rows["tail"], 0.5 * sizes)


def test_depth_counts_layers_from_the_first_to_the_last_and_leaves_the_rest_open():
    """Three layers lie at 0, ½ and 1: the first, seventh and last twelfth; a pair below the threshold is not
    counted.
    """
    parts = {
        "pair_rung": [0, 0, 0, 0],
        "correlation": [0.9, 0.8, 0.7, 0.1],
        "layer_a": [0, 1, 2, 2],
        "layer_b": [0, 2, 2, 0],
    }
    variables = {name: ("pair", np.array(values)) for name, values in parts.items()}
    (shares,) = depths.depth_shares(dataset("ladder", {**variables, "threshold": ("rung", [0.5])}))
    assert np.flatnonzero(np.isfinite(shares)).tolist() == [0, 6, 11]
    assert shares[[0, 6, 11]] == pytest.approx([2 / 6, 1 / 6, 3 / 6])


def test_profiles_of_matchings_that_share_networks_are_drawn_beside_their_one_line_a_size(tmp_path):
    """Three matchings per size, and one mean profile: the lines are the triangle's, the points all there are."""
    for series in (one for one in ladders() if one.source == "vision"):
        triangle = series.triangle()
        _, svg = profiles.draw(series, triangle, tmp_path / "profiles.png")
        text = svg.read_text()
        for size in np.unique(triangle.neurons):
            here = [one.exponent for one, at in zip(triangle.profiles, triangle.neurons, strict=True) if at == size]
            assert len(here) == 1 or not series.shared
            assert f"N = {size:.0f}, b = {', '.join(f'{b:.2f}' for b in here)}" in text


def test_a_page_of_drawings_writes_no_pixels(tmp_path):
    def saved():
        with style.figure() as (drawing, axis):
            axis.plot([1, 2], [3, 4])
            return [path.suffix for path in style.save(drawing, tmp_path / "one") if path.is_file()]

    with style.vectors_alone():
        assert saved() == [".svg"]
        assert not (tmp_path / "one.png").exists()
    assert saved() == [".png", ".svg"]


def crossed(value):
    """A ladder of two sizes with two pairs of seeds each, whose selectivity and firing are `value` everywhere."""
    ends = ("", "_low", "_high")
    variables = {"neurons": ("rung", [64.0, 64.0, 128.0, 128.0]), "category_share": (("rung", "category"), [[1.0]] * 4)}
    for name in (f"{what}_{group}{end}" for what, groups in GROUPS.items() for group in groups for end in ends):
        dims = ("rung", "side", "category" if name.startswith("firing") else "measure")
        variables[name.replace("superiority_whole", "superiority")] = (
            dims,
            np.full((4, 2, 1 if dims[2] == "category" else 4), value),
        )
    coords = {
        "category": np.array(["code"], dtype=object),
        "measure": np.array(list(specialists.MEASURES), dtype=object),
    }
    return dataset("ladder", variables, coords, families=["A", "B"])


GROUPS = {"firing": ("rosetta", "control"), "selectivity": ("rosetta", "other"), "superiority": ("whole",)}


@pytest.mark.parametrize("draw", [documents.draw_ladder, selectivity.draw_ladder, specialists.draw])
def test_a_ladder_without_rosetta_neurons_says_so(tmp_path, draw):
    _, svg = draw(crossed(np.nan), tmp_path / "none")
    assert svg.read_text().count("no Rosetta Neuron at any size") >= 1
    _, svg = draw(crossed(0.7), tmp_path / "some")
    assert "no Rosetta Neuron at any size" not in svg.read_text()


def test_documents_have_a_line_for_each_size_and_none_for_each_pair_of_seeds(tmp_path):
    _, svg = documents.draw_ladder(crossed(0.7), tmp_path / "documents")
    assert [svg.read_text().count(f">N = {size}<") for size in (64, 128)] == [2, 2]  # one a panel


def texts_of(drawing):
    """Return the visible texts of a drawn figure with their boxes, in pixels."""
    from matplotlib.text import Text

    drawing.draw_without_rendering()
    shown = [one for one in drawing.findobj(Text) if one.get_visible() and one.get_text().strip()]
    return [(one.get_text(), one.get_window_extent()) for one in shown]


@pytest.fixture
def drawn_figures(monkeypatch):
    """The figures that scripts save, in their order."""
    saved = []

    def save(drawing, path):
        saved.append(drawing)
        return [path.with_suffix(".svg")]

    monkeypatch.setattr(style, "save", save)
    return saved


def test_names_of_ladders_fit_the_figures_that_compare_them(drawn_figures, tmp_path):
    """Two ladders of the same models have long names: no legend is cut, and no title runs into the next."""
    facts = {f"k_{kind}_count": (("k", "rung"), [[9, 19, 30, 41], [20, 44, 71, 99]]) for kind in ("raw", "calibrated")}
    one = ladder().assign(facts).assign_coords(k=[1, 2]).assign_attrs(families='["gpt2", "gptneox"]')
    results = Results({"ladder": [("full_ladder", one), ("one_seed", one)]})
    for draw in (fig04.make, fig25.make):
        draw(results, tmp_path / "figure")
    assert len(drawn_figures) == 3
    for drawing in drawn_figures:
        drawing.draw_without_rendering()
        width, height = drawing.canvas.get_width_height()
        for legend in drawing.legends:
            box = legend.get_window_extent()
            assert (box.x0, box.y0) >= (0, 0)
            assert (box.x1, box.y1) <= (width, height)
        titles = [axis.title.get_window_extent() for axis in drawing.axes if axis.get_title()]
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(titles))
        assert all(box.x1 <= width for box in titles)


def test_a_ladder_without_calibrated_pairs_has_a_panel_without_a_legend(drawn_figures, tmp_path):
    counts = {"raw": [[9, 19, 30, 41], [20, 44, 71, 99]], "calibrated": np.zeros((2, 4), int)}
    facts = {f"k_{kind}_count": (("k", "rung"), values) for kind, values in counts.items()}
    fig25.draw(ladder().assign(facts).assign_coords(k=[1, 2]), tmp_path / "figure")
    assert [axis.get_legend() is not None for axis in drawn_figures[0].axes[:2]] == [True, False]


def logarithmic(name, tmp_path):
    """Return a figure with logarithmic axes, drawn in one of the ways that the package has."""
    import matplotlib.pyplot as plt

    if name == "script":
        with style.figure() as (figure, axis):
            axis.loglog([2, 5e6], [3, 40])
            style.save(figure, tmp_path / "figure")
            return figure
    if name == "looks":
        with looks.axes(None) as axis:
            axis.loglog([2, 5e6], [3, 40])
    elif name == "onto":
        with onto(plt.subplots()[1]) as (completed), style.figure() as (figure, axis):
            axis.loglog([2, 5e6], [3, 40])
            style.save(figure, tmp_path / "figure")
        (axis,) = completed
    else:
        axis = theory.sweep(beta=np.geomspace(1.2, 60, 9), neurons=np.geomspace(1e2, 1e7, 9)).plot()
    return axis.figure


@pytest.mark.parametrize("name", ["script", "looks", "onto", "map"])
def test_ticks_of_logarithmic_axes_are_numbers(name, tmp_path):
    """Matplotlib's own are formulas in dollars, which these figures show as they are typed."""
    import matplotlib.pyplot as plt

    ticks = [text for text, _ in texts_of(logarithmic(name, tmp_path))]
    plt.close("all")
    assert "100k" in ticks
    assert not [text for text in ticks if "$" in text]
