"""Resume files of a vision measurement: the same command reads finished parts back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...console import say
from ...errors import ForeignFileError
from ...results import load, save
from .train_ladder import Pairing, TrainedVision

if TYPE_CHECKING:
    import xarray as xr

    from .images import Images


def place(
    out: Path | None, trained: TrainedVision, pairing: Pairing, width: int, images: Images, what: str = "rungs"
) -> Path | None:
    """Return the file of a pairing's results at one width; its name holds all that they depend on."""
    if out is None:
        return None
    ladder = trained.ladder
    facts = {
        "models": [str(trained.folder(objective, width, 0).parent.name) for objective in (pairing.a, pairing.b)],
        "null of": trained.folder(ladder.objectives[0], width, 0).parent.name,
        "images": images.sha256,
        "measured": [ladder.recipe.seeds, ladder.permutations, ladder.untrained, ladder.seed],
        "version": __version__,
    }
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:10]
    return out / f"{what}-{pairing.name}-{width}-{digest}.nc"


def saved(paths: Sequence[Path | None], kind: str) -> list[xr.Dataset] | None:
    """Return the contents of some files, or None if one of them is missing or damaged."""
    files = [path for path in paths if path is not None and path.is_file()]
    if len(files) < len(paths):
        return None
    try:
        return [load(path, kind) for path in files]
    except ForeignFileError as error:
        say(f"{error}; measured again")
        return None


def resumed(paths: dict[str, Path | None], kind: str, compute: Callable[[], dict[str, xr.Dataset]]) -> dict[str, Any]:
    """Return Datasets by name: read from the files, or computed and saved there."""
    datasets = saved(list(paths.values()), kind)
    if datasets is not None:
        return dict(zip(paths, datasets, strict=True))
    computed = compute()
    for name, path in paths.items():
        if path is not None:
            save(computed[name], path)
    return computed
