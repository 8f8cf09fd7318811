"""The built documentation: no warning, nothing from outside, nothing serious for axe-core at desk and phone width."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCREENS = [(1280, "light"), (390, "light"), (1280, "dark"), (390, "dark")]
SHOWN = (  # one page of each kind
    *("index", "start", "tutorials", "howto/null", "explanation/nulls", "explanation/glossary", "gallery", "questions"),
    *("generated/names/rosettalaw", "generated/commands/match", "generated/gallery/fig03", "reference/variables"),
    *("findings", "full_ladder/FINDINGS", "pretrained/FINDINGS", "theory/README", "new"),
    *("howto/index", "explanation/index", "reference/index", "reference/speed", "generated/tutorials/arrays"),
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site as `make docs` builds it, or one that is built already and that BUILT_SITE names.

    Figures are drawn once as long as code and results are the same.
    """
    if os.environ.get("BUILT_SITE"):
        return Path(os.environ["BUILT_SITE"])
    for name in ("sphinx", "myst_nb", "furo", "sphinx_copybutton", "sphinx_design"):
        pytest.importorskip(name, reason="the documentation's extra is not installed: make docs")
    folder = tmp_path_factory.mktemp("site")
    words = ["-b", "html", "-n", "-W", "--keep-going", "-q", "-d", str(folder / "doctrees"), str(ROOT / "docs")]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *words, str(folder / "html")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MPLBACKEND": "agg"},
    )
    assert built.returncode == 0, built.stderr[-3000:]
    return folder / "html"


def beside(name):
    """Return a module of this folder."""
    specification = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_no_page_asks_for_anything_outside(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    asked = r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?:https?:)?//'
    assert not [page.name for page in pages if re.search(asked, page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("name", ["start", *(f"generated/tutorials/{name}" for name in ("arrays", "counts", "theory"))])
def test_notebooks_show_their_figures(name, site):
    """Whatever backend the shell asks for: with agg, the kernel would draw and show nothing."""
    page = (site / f"{name}.html").read_text(encoding="utf-8")
    assert re.search(r'<img[^>]+src="[^"]+\.png"', page)


def test_every_picture_has_words(site):
    pictures = [tag for page in site.rglob("*.html") for tag in re.findall(r"<img[^>]+>", page.read_text("utf-8"))]
    assert len(pictures) > 60
    assert not [tag for tag in pictures if not re.search(r'alt="[^"]{8,}"', tag) or re.search(r'alt="[^"]*\.png"', tag)]


def test_parameters_are_separated_by_dashes(site):
    page = (site / "generated/names/rosettalaw.html").read_text(encoding="utf-8")
    assert page.count(") – ") > 20
    assert ") -- " not in page


@pytest.mark.parametrize(
    "name", ["index", "pretrained/FINDINGS", "generated/gallery/fig04", "generated/tutorials/counts"]
)
def test_figures_stay_legible_on_a_phone(name, site, open_page):
    """They scroll within the page, with the keyboard too, and a line says so."""
    page = open_page(site / f"{name}.html")
    page.call("Emulation.setDeviceMetricsOverride", width=390, height=900, deviceScaleFactor=1, mobile=True)
    page("dispatchEvent(new Event('resize')), new Promise(done => setTimeout(done, 300))")
    assert page("[...document.querySelectorAll('article img')].every(i => i.getBoundingClientRect().width > 500)")
    frames = "[...document.querySelectorAll('.scrolls:has(img)')]"
    assert page(f"{frames}.length > 0 && {frames}.every(f => f.tabIndex === 0)")
    assert "sideways" in page(f"getComputedStyle({frames}[0], '::before').content")
    assert page("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", SHOWN)
def test_nothing_serious_on_any_screen(name, site, open_page):
    axe = beside("axe")
    script = axe.source()
    page = open_page(site / f"{name}.html")
    for width, scheme in SCREENS:
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        page.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
        )
        page("dispatchEvent(new Event('resize')), new Promise(done => setTimeout(done, 300))")
        assert axe.serious(page, script) == [], (width, scheme)
        assert page("document.documentElement.scrollWidth") <= width
