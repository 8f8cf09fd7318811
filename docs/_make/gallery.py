"""The gallery: every figure and table of `rosettalaw.paper_figs`, drawn from the results kept here, with its code."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

FOLDER, STAMP = "gallery", "drawn-from.txt"
SHORT = 30  # lines of a file that only passes its data on


def draw(source: Path) -> None:
    """Draw every figure that has data; not again while neither the code nor the results have changed."""
    from rosettalaw.paper_figs.catalogue import make_all
    from rosettalaw.paper_figs.results_folder import read

    folder = source / "generated" / FOLDER
    state = _state(source)
    stamp = folder / STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == state:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.svg"), *folder.glob("*.png")):
        old.unlink()
    with tempfile.TemporaryDirectory() as results:
        for path in _results(source):
            place = Path(results) / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        for _ in make_all(read(results), folder):
            pass
    stamp.write_text(state, encoding="utf-8")


def _state(source: Path) -> str:
    """Return a fingerprint of all that figures are drawn from."""
    root = source.parent
    files = [
        *(root / "paper_figs").glob("*.py"),
        *(root / "validation").rglob("*.py"),
        *(root / "validation").rglob("*.csv"),
    ]
    whole = hashlib.sha256()
    for path in sorted([*files, *_results(source)]):
        whole.update(path.read_bytes())
    return whole.hexdigest()


def _results(source: Path) -> list[Path]:
    """Return the results of the studies, one folder each; a built site has copies of them."""
    files = [*source.glob("*/*.nc"), *source.glob("*/*.csv")]
    return [path for path in files if path.parent.name[0] != "_" and path.parent.name != "generated"]


def pages(source: Path) -> dict[str, str]:
    """Return a page for each figure, and their list."""
    from rosettalaw.paper_figs.catalogue import CATALOGUE

    made = {f"{FOLDER}/{name}.md": "\n".join(_page(source, name)) for name in CATALOGUE}
    return made | {f"{FOLDER}/contents.md": "\n".join(_contents(source, list(CATALOGUE)))}


def _contents(source: Path, names: list[str]) -> Iterator[str]:
    from rosettalaw.paper_figs.catalogue import CATALOGUE

    yield "::::{grid} 1 2 2 3\n:gutter: 3\n"
    for name in names:
        yield f":::{{grid-item-card}} {CATALOGUE[name].shows}\n:link: generated/{FOLDER}/{name}\n:link-type: doc"
        if files := _drawings(source, name):
            yield f":img-bottom: {_thumbnail(files[0])}\n:img-alt: {CATALOGUE[name].shows}"
        yield f"\n`{name}`{'' if files else ' (waits for data)'}\n:::\n"
    yield "::::\n"
    yield "```{toctree}\n:hidden:\n"
    yield from (f"generated/{FOLDER}/{name}" for name in names)
    yield "```"


def _thumbnail(drawing: Path) -> str:
    return f"generated/{FOLDER}/{drawing.name}"


def _page(source: Path, name: str) -> Iterator[str]:
    from rosettalaw.paper_figs.catalogue import CATALOGUE, module_of

    shows, waits = CATALOGUE[name].shows, CATALOGUE[name].waits_for
    code = _code(Path(str(module_of(name).__file__)))
    yield f"# {shows}\n"
    said = (module_of(name).__doc__ or "").strip().splitlines()
    yield textwrap.dedent("\n".join(said[1:])).strip() + "\n"
    files = _drawings(source, name)
    for file in files:
        yield f"```{{figure}} {file.name}\n:alt: {shows}\n:width: 100%\n\n{said[0]}\n```\n"
    if not files:
        yield f"Not drawn here. It waits for {waits or 'data'}.\n"
    call = f"rosettalaw figures results --only {name} --out figures"
    yield f"Draw it from a folder of results:\n\n```console\n{call}\n```\n"
    yield "## Its code\n"
    for file in code:
        yield f"`paper_figs/{file}`\n"
        yield f"```{{literalinclude}} ../../../paper_figs/{file}\n:language: python\n```\n"


def _code(module: Path) -> list[str]:
    """Return the file of a figure; where it only calls a module that several figures share, that one too."""
    text = module.read_text(encoding="utf-8")
    shared = re.findall(r"^from \. import (\w+)$", text, re.MULTILINE)
    return [module.name, *(f"{one}.py" for one in shared if text.count("\n") < SHORT)]


def _drawings(source: Path, name: str) -> list[Path]:
    """Return the drawings of a figure: one, or one for each result of its kind."""
    folder = source / "generated" / FOLDER
    return [*folder.glob(f"{name}.svg"), *sorted(folder.glob(f"{name}-*.svg"))]
