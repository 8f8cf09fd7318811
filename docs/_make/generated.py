"""Generated pages, written into ``docs/generated`` at the start of a build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import commands, gallery, measured, names, tutorials, variables

FOLDER = "generated"


def write(app: Any) -> None:
    """Write every generated page of a site that is about to be built; pages that no longer exist are removed."""
    source = Path(app.srcdir)
    pages = texts(source)
    pages |= tutorials.pages(source.parent / "examples")
    if app.builder.format == "html":
        gallery.draw(source)
        measured.draw(source)
    pages |= gallery.pages(source)
    update(source / FOLDER, pages)


def texts(source: Path) -> dict[str, str]:
    """Return the pages that need no drawing, by their path below the folder of generated pages."""
    return commands.pages() | names.pages() | variables.pages() | measured.pages(source)


def update(folder: Path, pages: dict[str, str]) -> None:
    """Write pages whose text has changed, and remove those of an earlier build; hidden folders are left as they are.

    One of them has the notebooks that a build has executed, which the next build reads.
    """
    for path, text in pages.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.is_file() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")
    for kind in ("*.md", "*.rst", "*.ipynb"):
        for old in folder.rglob(kind):
            name = old.relative_to(folder)
            if name.as_posix() not in pages and not any(part.startswith(".") for part in name.parts):
                old.unlink()
