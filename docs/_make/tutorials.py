"""The tutorials: notebooks of ``examples/``, which the build executes."""

from __future__ import annotations

from pathlib import Path

FOLDER = "tutorials"
NONE_YET = "No notebook is in `examples/` yet. [Start here](start.md) has the same ground in short."


def pages(examples: Path) -> dict[str, str]:
    """Return the notebooks as they are, and their list."""
    notebooks = {path.name: path.read_text(encoding="utf-8") for path in sorted(examples.glob("*.ipynb"))}
    made = {f"{FOLDER}/{name}": text for name, text in notebooks.items()}
    if not notebooks:
        return {f"{FOLDER}/contents.md": NONE_YET}
    lines = [
        "```{toctree}",
        ":maxdepth: 1",
        "",
        *(f"generated/{FOLDER}/{Path(name).stem}" for name in notebooks),
        "```",
    ]
    return made | {f"{FOLDER}/contents.md": "\n".join(lines)}
