"""``rosettalaw cache``: the contents of the cache, and their removal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from .output import JsonOption, echo, print_json, print_table

EPILOG = "Example: rosettalaw cache clear --kind spools --older-than 30d"
ACTION = "list, or clear: remove."
KIND = (
    "Only this kind; may be repeated: models, texts, spools (activations), answers (of a judge), unfinished. Unless "
    "they are named, clear keeps models, which take hours, and answers, which cost money."
)
UNITS = {"d": 86400.0, "h": 3600.0, "min": 60.0, "w": 7 * 86400.0}


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog=EPILOG)
    def cache(
        action: str = typer.Argument("list", help=ACTION),
        kind: list[str] | None = typer.Option(None, help=KIND),
        older_than: str = typer.Option("", help="Only items that were not used for this long: 30d, 12h, 2w."),
        folder: Path | None = typer.Option(None, "--cache", help="Use this cache instead of $ROSETTALAW_CACHE."),
        as_json: bool = JsonOption,
    ) -> None:
        """List the cache, or clear it: trained models, and activations that matchings share.

        It lists and removes only files that this program made, and removes none that is being read. Activations
        (spools) take at most 100 GB, or $ROSETTALAW_SPOOLS; beyond that the ones read longest ago are removed
        automatically.
        """
        from ..cache import cache_folder
        from ..cached import CLEARED, KINDS, clear, contents
        from ..errors import InputError, UnknownNameError, require

        if action not in ("list", "clear"):
            raise UnknownNameError("action", action, ("list", "clear"))
        for name in kind or ():
            if name not in KINDS:
                raise UnknownNameError("kind", name, KINDS)
        age = _seconds(older_than)
        root = cache_folder(folder)
        require(not root.exists() or root.is_dir(), "--cache", str(root), "must be a folder", "--cache ~/cache")
        if action == "list":
            items = [item for item in contents(root, kind or KINDS) if item.record()["age_days"] * 86400 >= age]
            _show(root, items, "in the cache", as_json)
            return
        try:
            removed, in_use = clear(root, kind or CLEARED, age)
        except OSError as error:
            path = str(error.filename or root)
            raise InputError("--cache", path, f"cannot be removed ({error.strerror or error})") from error
        _show(root, removed, "removed", as_json, in_use)


def _show(root: Path, items: list[Any], words: str, as_json: bool, in_use: list[Any] | None = None) -> None:
    total = sum(item.bytes for item in items)
    if as_json:
        record = {"cache": str(root), "items": [item.record() for item in items], "bytes": total}
        print_json(record | ({} if in_use is None else {"in_use": [str(item.path) for item in in_use]}))
        return
    if items:
        print_table([_row(root, item) for item in items])
    echo(f"{root}: {len(items)} thing{'' if len(items) == 1 else 's'} {words}, {total / 1e9:.3g} GB")
    for item in in_use or ():
        echo(f"{item.path}: in use, stays")


def _row(root: Path, item: Any) -> dict[str, Any]:
    from .plan import duration

    about, age = item.about, item.record()["age_days"] * 86400
    if "context" in item.facts:
        about += f", context {item.facts['context']}"
    return {
        "kind": item.kind,
        "size": f"{item.bytes / 1e6:.4g} MB",
        "last used": f"{duration(age)} ago" + (", in use" if item.in_use else ""),
        "of": about,
        "path": str(item.path.relative_to(root)),
    }


def _seconds(text: str) -> float:
    """Return the seconds of an age such as 30d."""
    import re

    from ..errors import InputError

    if not text:
        return 0.0
    parts = re.fullmatch(r"(\d+(?:\.\d+)?) ?(d|h|min|w)", text.strip())
    if parts is None:
        rule = "must be a number and a unit: d (days), h (hours), w (weeks) or min"
        raise InputError("--older-than", text, rule, "--older-than 30d")
    return float(parts[1]) * UNITS[parts[2]]
