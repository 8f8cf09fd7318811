"""Every kind of page under axe-core in a browser: wide and narrow, light and dark; nothing serious, nothing cut."""

import importlib.util
from pathlib import Path

import pytest

import rosettalaw.theory
from rosettalaw import paper_figs, results_page
from rosettalaw.empirical.viewer import page as viewer
from rosettalaw.empirical.vision.families.training import Recipe
from rosettalaw.empirical.vision.train_ladder import Pairing, VisionLadder
from rosettalaw.loop import vision as vision_loop
from rosettalaw.loop.ladder import draw, judge
from rosettalaw.paper_figs.catalogue import CATALOGUE
from rosettalaw.results import load
from rosettalaw.results_page import write_results_page
from rosettalaw.validation.compare import compare_series
from rosettalaw.validation.ladder_report import write_report
from rosettalaw.validation.series_from import of_ladder

HERE = Path(__file__).parent
KEPT = Path(rosettalaw.theory.__file__).parents[1] / "docs/full_ladder/results.nc"
FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))"
SCREENS = [(1200, "light"), (390, "light"), (1200, "dark"), (390, "dark")]


def beside(name):
    """Return a module of this folder."""
    specification = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


axe = beside("axe")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page of the kept ladder with the figures that have a place of their own."""
    out = tmp_path_factory.mktemp("report")
    ladder = load(KEPT, "ladder")
    analysis, verdict = judge(ladder)
    row = compare_series([of_ladder(ladder, "full")])[0]
    with pytest.MonkeyPatch.context() as patch:
        few = {name: CATALOGUE[name] for name in ("fig03", "triangle")}
        patch.setattr(paper_figs.catalogue, "CATALOGUE", few)
        figures = draw(ladder, analysis, row.triangle, out)
    figures["calibration"] = figures["scaling"]
    sentences = row.of_counts()[1:], row.of_theory()
    return write_report(ladder, analysis, verdict, *sentences, figures, out / "report.html", 1.0, row.triangle)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The page of a folder with counts of one's own."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "own.csv").write_text("neurons,count\n100,10\n1000,41\n10000,160\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results_page, "on_page", lambda results: ["fig38"])
        patch.setattr("rosettalaw.validation.compare.reference_rows", list)
        return write_results_page(folder, folder / "report.html")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    collection = beside("test_viewer_page").collection(40)
    return viewer.write(collection, tmp_path_factory.mktemp("viewer") / "viewer.html")


@pytest.fixture(scope="module")
def vision(tmp_path_factory):
    """The page of vision models that hardly learn."""
    pairings = (Pairing("denoising", "supervised"), Pairing("denoising", "denoising"))
    ladder = VisionLadder("tiny", (8, 16), Recipe(steps=3, batch=8, layers=1), pairings, 40, 1, 1)
    out = tmp_path_factory.mktemp("vision")
    vision_loop.run(out, tmp_path_factory.mktemp("cache"), 1, ladder)
    return out / "report.html"


def screen(page, width, scheme):
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    mobile = {"deviceScaleFactor": 1, "mobile": width < 500}
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, **mobile)
    page(FRAMES)


@pytest.mark.parametrize("kind", ["report", "results", "pairs", "vision"])
def test_nothing_serious_on_any_screen(kind, open_page, request):
    script = axe.source()
    page = open_page(request.getfixturevalue(kind))
    for width, scheme in SCREENS:
        screen(page, width, scheme)
        assert axe.serious(page, script) == [], (width, scheme)
        assert page("document.documentElement.scrollWidth") <= width
    assert not page.said("Runtime.exceptionThrown", "Log.entryAdded")


def test_a_fault_is_seen(open_page, tmp_path):
    (tmp_path / "bad.html").write_text("<title>x</title><main><img src='data:,'><p style='color:#eee'>pale</p></main>")
    found = axe.serious(open_page(tmp_path / "bad.html"), axe.source())
    assert {"image-alt", "color-contrast", "html-has-lang"} <= {rule for _, rule, _ in found}


def test_drawings_that_are_wider_than_a_phone_scroll_with_the_keyboard(report, open_page):
    page = open_page(report)
    frames = "[...document.querySelectorAll('.figure')]"
    screen(page, 1200, "light")
    page("dispatchEvent(new Event('resize'))")
    assert page(f"{frames}.every(f => f.tabIndex === -1 && f.scrollWidth <= f.clientWidth)")
    screen(page, 390, "light")
    page("dispatchEvent(new Event('resize'))")
    assert page(f"{frames}.some(f => f.scrollWidth > f.clientWidth)")
    assert page(f"{frames}.every(f => (f.tabIndex === 0) === (f.scrollWidth > f.clientWidth))")
    assert page(f"{frames}.every(f => f.getBoundingClientRect().right <= 390)")


def test_the_dark_page_draws_on_dark_paper(report, open_page):
    """Every text of the drawings stands out from its paper by 4.5 to 1, computed here."""
    page = open_page(report)
    for scheme in ("light", "dark"):
        screen(page, 1200, scheme)
        paper = page("getComputedStyle(document.body).backgroundColor")
        fills = "[...document.querySelectorAll('.figure svg text')].map(t => getComputedStyle(t).fill)"
        inks = page(f"[...new Set({fills})]")
        assert len(inks) > 3
        assert min(contrast(ink, paper) for ink in inks) > 4.49, (scheme, inks)


def contrast(one, other):
    """Return the contrast ratio of two colours written as ``rgb(…)``."""

    def luminance(colour):
        parts = [int(part) / 255 for part in colour[4:-1].split(",")]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    bright, dim = sorted(map(luminance, (one, other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_the_slider_moves_counts_and_exponent(report, open_page):
    """Against counts and a least-squares line made here from the pairs of the ladder."""
    import numpy as np

    page = open_page(report)
    assert page("document.getElementById('slider').hidden") is False
    ladder = load(KEPT, "ladder")
    said = page("document.getElementById('at-rho').textContent")
    page("(e => { e.value = 31; e.dispatchEvent(new Event('input')); })(document.getElementById('rho'))")
    moved = page("document.getElementById('at-rho').textContent")
    assert moved != said
    rho = float(moved.split("ρ ≥ ")[1].split(":")[0])
    rungs, correlation = ladder["pair_rung"].values, ladder["correlation"].values
    counts = [int(np.sum(correlation[rungs == i] >= rho)) for i in range(ladder.sizes["rung"])]
    here = {size: np.array(counts)[ladder["neurons"].values == size] for size in np.unique(ladder["neurons"].values)}
    spread = (f"{few.min()} to {few.max()} at N = {size:,.0f}" for size, few in here.items())
    assert ", ".join(spread) in moved
    slope = np.polyfit(np.log(list(here)), [np.log(few).mean() for few in here.values()], 1)[0]
    # The page's fit weights sizes by their errors, which differ little here.
    assert float(moved.split("α = ")[1].split(" ")[0]) == pytest.approx(slope, abs=0.02)
    assert page("document.querySelectorAll('#at-rho-drawn circle').length") == len(counts)


def test_a_point_says_its_numbers(report, open_page):
    page = open_page(report)
    page("document.querySelector('.figure use[data-says]').scrollIntoView({block: 'center'})")
    page(FRAMES)  # a page that scrolls hides its numbers
    place = "document.querySelector('use[data-says]').getBoundingClientRect()"
    box = page(f"(r => [r.x + r.width / 2, r.y + r.height / 2])({place})")
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])
    assert page("document.getElementById('tip').hidden") is False
    assert "MLP neurons per network, N: " in page("document.getElementById('tip').textContent")


def test_without_a_script_the_page_says_all(report):
    """Its words, tables and figures are in the markup; it is small and loads nothing."""
    text = report.read_text(encoding="utf-8")
    assert report.stat().st_size < 2_000_000
    markup = text[: text.index('<script type="application/json"')]
    for words in ("Found", "Contradicted", "Undecided", "How to read", "On this page", "BibTeX", "Figure 1."):
        assert words in markup
    assert markup.count('<tr class="headline">') == 2  # of the exponents, and of the counts over ρ
    assert markup.index("Undecided") < markup.index("How to read") < markup.index("On this page") < markup.index("<svg")
