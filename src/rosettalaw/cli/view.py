"""``rosettalaw view``: a page of the contexts in which matched neurons fire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from .output import echo, page_to_write

EPILOG = (
    "Example: rosettalaw match folder-a folder-b --out pairs.nc, then rosettalaw view pairs.nc --out viewer.html. "
    "In one step: rosettalaw view folder-a folder-b --text pile.jsonl.zst"
)
RESULT = "A result of match or ladder (.nc), or the first of two checkpoints."


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("view", rich_help_panel=section, epilog=EPILOG)(view)


def view(
    source: str = typer.Argument(help=RESULT, show_default=False, metavar="RESULT|A"),
    b: str | None = typer.Argument(None, help="The other checkpoint: the two are matched first.", show_default=False),
    text: str | None = typer.Option(None, help="Text for the contexts (default: the result's text, or Python's own)."),
    tokens: int | None = typer.Option(None, help="Tokens of A to read (default: as in the result, or 200000)."),
    limit: int = typer.Option(1000, min=1, help="Number of pairs to show, highest correlations first."),
    contexts: int | None = typer.Option(
        None, min=1, help="Contexts per partner (default: all that the result contains, or 8)."
    ),
    seed: int | None = typer.Option(None, min=0, help="Seed of the text order (default: as in the result, or 0)."),
    images: Path | None = typer.Option(
        None, help="For results of match --images: the images to show, for at most 100 pairs."
    ),
    skip_corrupt: bool = typer.Option(False, "--skip-corrupt", help="Skip images that cannot be read."),
    device: str = typer.Option("cpu", help="cpu, cuda, cuda:1, …"),
    memory: str = typer.Option("", help="Memory limit for reading: 2GiB, 500MB; default: half of the free memory."),
    pickled: bool = typer.Option(False, "--allow-pickle-weights", help="Read weights that are not safetensors."),
    out: Path = typer.Option(
        Path("viewer.html"), callback=page_to_write, help="The page, one self-contained HTML file."
    ),
) -> None:
    """Show matched neurons on one page: search, filter, and the strongest contexts of both partners side by side."""
    from ..empirical.checkpoints.hub import Loading
    from ..empirical.config import require_device
    from ..empirical.matching.cost import byte_count

    require_device("--device", device, "--device cuda")
    loading, allowed = Loading(device, None, pickled), byte_count("--memory", memory) if memory else None
    if images is not None:
        from ..empirical.vision.viewing import write_image_viewer

        options: dict[str, Any] = {"limit": min(limit, 100), "contexts": contexts or 8, "skip_corrupt": skip_corrupt}
        echo(str(write_image_viewer(source, images, out, loading=loading, memory=allowed, **options)))
        return
    from ..empirical.corpora.corpus import require_text
    from ..empirical.pairing import require_reading
    from ..empirical.viewer.language_page import write_viewer

    require_reading([] if b is None else [source, b], tokens, None)
    if text is not None:
        require_text(text)
    settings: dict[str, Any] = {"text": text, "tokens": tokens, "seed": seed, "loading": loading}
    echo(str(write_viewer(source, b, out, limit=limit, contexts=contexts, memory=allowed, **settings)))
