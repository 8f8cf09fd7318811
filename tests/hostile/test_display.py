"""Text of others in terminals, figures and pages: as it is or as its code; never markup, mathtext or a control."""

import base64
import hashlib
import html
import io
import json
import pathlib
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text
from rich.text import Text as Rich

import rosettalaw
from rosettalaw import cli, console
from rosettalaw.cli.output import echo, print_json, print_table
from rosettalaw.display import as_json, for_figure, for_page, for_terminal
from rosettalaw.empirical.viewer import page as viewer
from rosettalaw.empirical.viewer.items import Collection, Pair, TextContext
from rosettalaw.paper_figs import style
from rosettalaw.validation import page

ROOT = pathlib.Path(__file__).parents[2]
HOSTILE = [
    "a[/b].npy",
    "a[red]b",
    "[link=file:///etc]x[/]",
    ":bomb:",
    r"a$\bad$b",
    "x$_{",
    "$",
    "z\x1b]0;PWN\x07",
    "\x1b[2J",
    "\x9b2J",
    "a\rb",
    "a\nb",
    "a\tb",
    "\u202egnp.exe",
    "\u2066a\u2069",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "&amp;",
    "bad\udcff",
    "a\0b",
    "\ufeffa",
    "a\u200bb",
    "東京 é ß 👩‍🔬 עברית",
]
ANY = st.text(st.characters(), max_size=30)  # every character, halves of them too
BIDI = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def acts(character):
    """Return whether a character does something to a reader, by Unicode's own tables."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in BIDI


def decoded(shown):
    """Return the text that was displayed, its codes read back by Python."""
    return re.sub(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})", lambda code: chr(int(code[1][1:], 16)), shown)


@given(ANY)
def test_nothing_that_acts_is_left_and_nothing_is_lost(text):
    assert not any(map(acts, for_terminal(text)))
    assert not any(map(acts, for_figure(text).replace("\n", "")))
    assert not any(map(acts, re.sub(r"[\n\t]", "", for_page(text))))
    for shown in map(lambda one: one(text), (for_terminal, for_figure, for_page)):
        shown.encode("utf-8")
        assert decoded(shown) == decoded(text)


@given(st.dictionaries(ANY, ANY, max_size=3))
def test_json_is_read_back_as_it_was(record):
    for ascii_only in (False, True):
        dumped = as_json(record, ascii_only)
        assert json.loads(dumped) == record
        assert not any(map(acts, dumped.replace("\n", "")))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_terminal(text, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes it for a terminal
    monkeypatch.setenv("COLUMNS", "200")
    print_table([{text: text, "value": [text, 1.0]}], title=text)
    shown = Rich.from_ansi(capsys.readouterr().out).plain
    assert shown.count(for_terminal(text).strip()) >= 3
    echo(text, text)
    assert capsys.readouterr().out == f"{for_terminal(text)}\n" * 2
    print_json({"name": text})
    assert json.loads(capsys.readouterr().out) == {"name": text}
    written = io.StringIO()
    monkeypatch.setattr(console.stderr, "_file", written)
    console.say(text)
    with console.progress(text, 1) as bar:
        bar.update(description=text)
    assert for_terminal(text).strip() in written.getvalue()
    assert not any(map(acts, Rich.from_ansi(written.getvalue()).plain.replace("\n", "").replace("\r", "")))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_error_messages(text, capsys):
    for call in (
        ["fit", text],
        ["report", text],
        [text],
    ):
        with pytest.raises(SystemExit) as left:
            cli.main(call)
        told = capsys.readouterr().err
        assert left.value.code == 2
        assert not any(map(acts, Rich.from_ansi(told).plain.replace("\n", "")))
        assert told.count("\n") == 1


def test_figure(tmp_path):
    with style.figure() as (drawing, axis):
        axis.set_title(HOSTILE[0])
        axis.set_yticks(range(len(HOSTILE)), HOSTILE)
        for i, text in enumerate(HOSTILE):
            axis.plot([0, 1], [i, i], label=text)
        axis.legend(fontsize=5)
        style.label_ends(axis, [(1, float(i), text, style.INK) for i, text in enumerate(HOSTILE)])
        style.save(drawing, tmp_path / "figure.svg")
        texts = [one.get_text() for one in drawing.findobj(Text)]
    svg = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    for text in HOSTILE:
        lines = [line for line in for_figure(text).split("\n") if line.strip()]
        assert all(html.escape(line, quote=False).replace("\t", " ") in svg for line in lines), text
        assert for_figure(text) in texts
    from xml.etree import ElementTree

    ElementTree.fromstring(svg)
    assert "mathdefault" not in svg


@settings(max_examples=20, deadline=None)
@given(ANY)
def test_a_figure_takes_any_name(text):
    with style.figure() as (drawing, axis):
        axis.set_title(text)
        axis.set_xticks([0], [text])
        style.in_figure(drawing)
        shown = [axis.get_title("left"), *axis.xaxis.get_major_formatter().format_ticks([0])]
    assert shown == [for_figure(text)] * 2


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_page(text, tmp_path):
    answer = {"growth": text, "contradiction": text, "open_questions": text}
    sources = [{"name": text, "answer": one, "sentences": [text]} for one in (None, answer)]
    rendered = page.render(
        "results.html", title=text, subtitle=text, sources=sources, rows=[], checks=[],
        figures=[], waiting=[], everything=False, provenance=[{"name": text, "facts": {text: text}}], skipped=[text],
        command=text, bibtex=text, own_first=True,
    )  # fmt: skip
    page.write(tmp_path / "page.html", rendered)
    assert not any(map(acts, re.sub(r"[\n\t]", "", rendered)))
    assert html.unescape(rendered).count(for_page(text)) >= 6
    assert "<script" not in rendered


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_viewer(text):
    context = TextContext(name=text, domain=text, spans=[text], peak=0, heat=([1], [1]), z=(1.0, 1.0))
    pairs = [Pair(((0, 1), (0, 2)), 0.5, [context], ([0], [0]))]
    written = viewer.html(Collection((text, text), pairs, None, {text: text}))
    (block,) = re.findall(r'id="data">(.*?)</script>', written)
    record = json.loads(block)
    assert record["models"] == [for_page(text)] * 2
    assert record["pairs"][0]["contexts"][0]["spans"] == [for_page(text)]
    assert not any(map(acts, re.sub(r"[\n\t]", "", json.dumps(record, ensure_ascii=False).replace("\\n", ""))))


def test_pages_load_nothing_and_run_their_own_script_alone():
    (policy,) = re.findall(
        r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', (page.TEMPLATES / "page.html").read_text()
    )
    assert policy == "{{ policy }}"
    none = {
        "default-src": "'none'",  # scripts, frames, fonts and connections among them
        "img-src": "data:",
        "style-src": "'unsafe-inline'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    script = (page.TEMPLATES / "report.js").read_text(encoding="ascii")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    for source, more in (("", {}), (script, {"script-src": f"'sha256-{digest}'"})):
        assert dict(one.split(" ", 1) for one in page.policy(source).split("; ")) == none | more
    for template in page.TEMPLATES.glob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert template.name == "page.html" or text.startswith('{% extends "page.html" %}')
        assert not re.search(r"\bon\w+=|javascript:|@import|https?:", text)
        assert text.count("<script") == (2 if template.name == "page.html" else 0)  # its data, and the one script
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "fetch(",
        "eval(",
        "Function(",
        "http:",
        "https:",
        "import",
    ):
        assert word not in script, word
    assert "url(" not in (page.TEMPLATES / "page.css").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_data_of_a_page_end_no_block(text):
    block = page.as_data({"words": [for_page(text)]})
    assert not set("<>&") & set(block)
    assert json.loads(block) == {"words": [for_page(text)]}


ALLOWED = {
    r"typer\.echo\(|(?<!\w)print\(": {"src/rosettalaw/cli/output.py", "src/rosettalaw/cli/__init__.py"}
    | {"src/rosettalaw/__main__.py", "src/rosettalaw/console.py", "validation/reference_ladders/__main__.py"},
    r"Console\(|(?<!\w)Table\(": {"src/rosettalaw/cli/output.py", "src/rosettalaw/console.py"},
    r"savefig\(": {"paper_figs/style.py"},
    r"Environment\(": {"validation/page.py"},
    r"sys\.std(out|err)\.write": set(),
}


@pytest.mark.parametrize("call", ALLOWED)
def test_all_text_goes_through_one_place_for_each_reader(call):
    found = set()
    for folder in ("src/rosettalaw", "theory", "sims", "empirical", "validation", "paper_figs"):
        for path in (ROOT / folder).rglob("*.py"):
            code = re.sub(r'"""(?s:.*?)"""', "", path.read_text(encoding="utf-8"))
            if re.search(call, code):
                found.add(path.relative_to(ROOT).as_posix())
    assert found == ALLOWED[call]
    assert pathlib.Path(rosettalaw.__file__).exists()
