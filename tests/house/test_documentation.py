"""The documentation: its code runs, its calls exist, its links lead somewhere, its pages are all reachable."""

import importlib.util
import json
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import typer

from rosettalaw import cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MADE = {"generated", "_build", "_make", "_static"}
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
    if not MADE & set(path.relative_to(ROOT).parts)
}
# Pages whose code takes more than three seconds, and pages that other tests run.
SLOW = {
    *("docs/start.md", "docs/explanation/exponents.md", "docs/explanation/nulls.md", "docs/fits/README.md"),
    *("docs/howto/sae.md", "docs/howto/spectrum.md", "docs/reference/formats.md"),
}
ELSEWHERE = {"README.md", "docs/theory/README.md", "docs/testing/README.md"}
BLOCK = re.compile(r"^```(?:python|\{code-cell\} python|\{code-block\} python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SKIPPED = re.compile(r'\A:caption: "Not run here: [^"]+\."\n')
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(text):
    """Return the Python of a page that is run, block by block, without the settings of its cells."""
    code = [block for block in BLOCK.findall(text) if not SKIPPED.match(block)]
    return [re.sub(r"\A---\n.*?^---\n", "", block, flags=re.DOTALL | re.MULTILINE) for block in code]


def pages_with_code():
    for name, text in PAGES.items():
        if blocks(text) and name not in ELSEWHERE:
            yield pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])


@pytest.mark.parametrize("name", list(pages_with_code()))
def test_the_code_of_a_page_runs(name, tmp_path, monkeypatch):
    """Block after block as a reader would, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    page = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", page)  # dataclasses look up the module that they are made in
    for number, code in enumerate(blocks(PAGES[name]), 1):
        exec(compile(code, f"{name}, block {number}", "exec"), vars(page))


def test_code_that_is_not_run_says_why():
    directives = [block for text in PAGES.values() for block in BLOCK.findall(text) if block.startswith(":")]
    assert directives
    assert all(SKIPPED.match(block) for block in directives)


def test_code_is_no_wider_than_the_page():
    """Code of at most 100 characters is shown whole at a desk; longer lines would be cut there."""
    wide = []
    for name, text in PAGES.items():
        code = [*blocks(text), *CONSOLE.findall(text)] if name.startswith("docs/") else []
        wide += [f"{name}: {line}" for block in code for line in block.splitlines() if len(line) > 100]
    assert not wide


def test_parameters_have_dashes():
    nodes = pytest.importorskip("docutils.nodes", reason="the documentation's extra is not installed")
    option = nodes.literal(text=" -- ")
    path = nodes.strong(text="path"), nodes.Text(" -- A file of two -- parts."), option
    size = nodes.strong(text=", size"), nodes.Text(" ("), nodes.emphasis(text="int"), nodes.Text(") -- Bytes.")
    page = nodes.paragraph("", "", *path, *size)
    site_part("docstrings").dashes(None, page)
    assert page.astext() == "path – A file of two -- parts. -- , size (int) – Bytes."


def calls():
    """Return the calls of the command line in all pages: page, command, words."""
    for name, text in PAGES.items():
        for block in CONSOLE.findall(text):
            for line in block.replace("\\\n", " ").splitlines():
                words = line.split("#")[0].split(">")[0].split()
                if "rosettalaw" in words and words[0] != "pip":
                    yield name, words[words.index("rosettalaw") + 1 :]


def test_the_calls_of_pages_exist():
    commands = typer.main.get_command(cli.app).commands
    made = list(calls())
    assert len(made) > 20
    for name, (command, *words) in made:
        if command.startswith("-"):
            continue
        assert command in commands, f"{name}: rosettalaw {command}"
        known = {spelling for one in commands[command].params for spelling in (*one.opts, *one.secondary_opts)}
        unknown = [word for word in words if re.match(r"--?[a-z]", word) and word.split("=")[0] not in known]
        assert not unknown, f"{name}: rosettalaw {command} {unknown}"


def anchors(text):
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_links_within_the_repository_lead_somewhere():
    wrong = []
    for name, text in PAGES.items():
        for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
            place, _, anchor = link.partition("#")
            path = (ROOT / name).parent / place if place else ROOT / name
            if "generated" in path.parts:  # the build checks them
                continue
            if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
                wrong.append(f"{name}: {link}")
            if name.startswith("docs/") and path.suffix == ".md" and not path.resolve().is_relative_to(ROOT / "docs"):
                wrong.append(f"{name}: {link} is no page of the site")
    assert not wrong


def test_numbers_in_a_link_are_those_of_the_page_that_it_leads_to():
    count = 0
    for name, text in PAGES.items():
        for words, place in re.findall(r"\[([^\]]*\d\.\d[^\]]*)\]\(([^)#]+FINDINGS\.md)[^)]*\)", text):
            page = ((ROOT / name).parent / place).read_text(encoding="utf-8")
            for number in re.findall(r"\d+\.\d+", words):
                assert number in page, f"{name}: {number}"
                count += 1
    assert count >= 6


def test_what_pages_say_of_the_quickstart_is_what_was_measured():
    rungs = json.loads((DOCS / "quickstart/summary.json").read_text(encoding="utf-8"))["rungs"]
    sizes = {rung["neurons"] for rung in rungs}
    changed = {rung["neurons"] for rung in rungs if rung["raw_count"] != rung["calibrated_count"]}
    numbers = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
    pages = " ".join((PAGES["docs/questions.md"] + PAGES["docs/explanation/data.md"]).split())
    assert pages.count("98 to 100%") == 2
    assert "owes 98 to 100% of its covariance" in " ".join(PAGES["README.md"].split())  # held by its own test
    assert f"at {numbers[len(sizes - changed)]} of {numbers[len(sizes)]} sizes of the quickstart" in pages


# A share of speed, a time, an interval, a count with its error: a claim that somebody measured. Bounds are definitions.
CLAIMED = re.compile(
    r"(?<!most )(?<!least )\b[\d.]+ ?%|\d times (?:faster|slower|as)|\d× |\d ?(?:ms|s|seconds|minutes|hours)\b"
    r"|\d to \d[\d.,]*\)|\d ± \d|N\^0\.\d",
    re.ASCII,
)
COMMANDED = re.compile(
    r"\bmake [a-z-]+|\bpython (?:-m|docs/)|\brosettalaw [a-z]+|\btorchrun |\bdu -sh|^```(?:python|console|\{code)|\]\(",
    re.MULTILINE,
)
MEASURED = re.compile(r"\bmake bench|\bpython -m benchmarks|\btime rosettalaw ")


def sections(text):
    """Yield the title and the text of each section of a page; of a marked part, that part alone."""
    parts = re.split(r"^(#+ .*|<!-- /?\w+ -->)$", text, flags=re.MULTILINE)
    yield from zip(["", *parts[1::2]], parts[::2], strict=True)


def test_claims_have_the_command_that_makes_them():
    """In the same section, or by a link; a page of findings says its commands at its top."""
    bare, claims = [], 0
    for name, text in PAGES.items():
        findings = name.endswith("FINDINGS.md") or name in {"docs/testing/faults.md", "docs/fits/README.md"}
        if findings:
            top = text.split("\n<!-- begin ")[0] if "<!-- begin " in text else "".join(text.split("\n## ")[:2])
            assert COMMANDED.search(top), name
            continue
        for title, part in sections(text):
            if CLAIMED.search(part):
                claims += 1
                if not COMMANDED.search(part):
                    bare.append(f"{name}: {title}")
    assert claims > 12
    assert not bare


def test_every_section_on_speed_says_how_to_measure_it():
    for title, part in sections(PAGES["docs/reference/speed.md"]):
        if re.search(r"\d", part) and title != "## Records":
            assert MEASURED.search(part), title
    for area in re.findall(r"python -m benchmarks ([a-z]+)", " ".join(PAGES.values())):
        assert (ROOT / f"benchmarks/{area}.py").is_file(), area
    assert MEASURED.search(PAGES["README.md"].split("## Large models")[1].split("\n## ")[0])


def test_a_claim_without_a_command_is_found():
    for claim in ("17 times faster", "0.9 s of processor time", "0.68 (0.25 to 0.82)", "83% of the speed", "826 ± 16"):
        assert CLAIMED.search(claim), claim
        assert not COMMANDED.search(f"It is {claim}.")
    assert not CLAIMED.search("GPT-2 has 12 layers and 768 neurons.")


def test_every_page_is_in_a_list_of_contents():
    listed = {"docs/index.md"}
    for name, text in PAGES.items():
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            for line in filter(None, (one.strip() for one in block.splitlines() if not one.startswith(":"))):
                folder = (ROOT / name).parent
                files = folder.glob(f"{line}.md") if "*" in line else [folder / f"{line}.md"]
                listed |= {Path(os.path.normpath(path)).relative_to(ROOT).as_posix() for path in files}
    pages = {name for name in PAGES if name.startswith("docs/")}
    assert pages <= listed, pages - listed
    assert {one for one in listed if "generated" not in one} <= pages


def site_part(name):
    """Return a module of the folder that writes the generated pages."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module(f"_make.{name}")
    finally:
        sys.path.remove(str(DOCS))


def test_generated_pages_hold_every_command_name_and_variable():
    import rosettalaw
    from rosettalaw import testing, theory, vocabulary

    commands = site_part("commands").pages()
    assert {Path(name).stem for name in commands} == {*cli.COMMANDS, "contents"}
    assert "`--null`" in commands["commands/match.md"]
    names = "".join(site_part("names").pages().values())
    for module in (rosettalaw, theory, testing):
        missing = [one for one in module.__all__ if f"{module.__name__}.{one}\n" not in names and one[0] != "_"]
        assert not missing
    variables = site_part("variables").pages()["variables/contents.md"]
    known = vocabulary.VOCABULARY | vocabulary.FAMILIES
    assert not [one for one in known if f"| `{one}` |" not in variables]


def test_the_gallery_shows_every_figure_with_its_code():
    from rosettalaw.paper_figs.catalogue import CATALOGUE

    pages = site_part("gallery").pages(DOCS)
    assert {Path(name).stem for name in pages} == {*CATALOGUE, "contents"}
    assert all("literalinclude" in text for name, text in pages.items() if "contents" not in name)


def test_tutorials_are_the_notebooks_of_the_examples(tmp_path):
    tutorials = site_part("tutorials")
    assert tutorials.pages(tmp_path) == {"tutorials/contents.md": tutorials.NONE_YET}
    (tmp_path / "arrays.ipynb").write_text("{}")
    pages = tutorials.pages(tmp_path)
    assert pages["tutorials/arrays.ipynb"] == "{}"
    assert "generated/tutorials/arrays\n" in pages["tutorials/contents.md"]


def test_a_build_removes_pages_that_are_gone_and_leaves_executed_notebooks(tmp_path):
    """The next build reads them: without them it stops at the first tutorial."""
    old, executed = tmp_path / "names" / "gone.md", tmp_path / ".ran" / "executed" / "1" / "base.ipynb"
    for path in (old, executed):
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    site_part("generated").update(tmp_path, {"names/here.md": "# Here"})
    assert not old.exists()
    assert (tmp_path / "names" / "here.md").read_text() == "# Here"
    assert executed.exists()


def test_settings_of_the_site_are_importable():
    pytest.importorskip("sphinx", reason="the documentation's extra is not installed")
    specification = importlib.util.spec_from_file_location("conf", DOCS / "conf.py")
    settings = importlib.util.module_from_spec(specification)
    sys.path.insert(0, str(DOCS))
    try:
        specification.loader.exec_module(settings)
    finally:
        sys.path[:] = [place for place in sys.path if place != str(DOCS)]
    assert settings.nitpicky
    assert all(importlib.util.find_spec(name) for name in settings.extensions)
