"""Places of checkpoints: a folder, a GGUF file, a hub id, or its copy in the cache of the hub.

A hub id may name a revision after an ``@``, a branch, tag or commit: ``EleutherAI/pythia-160m@step3000``; and a folder
within the repository after two names, ``owner/name/folder``. A folder of sentence-transformers is read at its
transformer. A hub that cannot be reached is asked once; what its cache has is read then.
"""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

from ...console import say
from ...disk import expanded
from ...errors import MissingFileError, first_line, require, require_extra


def located(checkpoint: str | Path) -> tuple[str, dict[str, Any]]:
    """Return the arguments of `from_pretrained`: a folder, or a hub id with its ``revision`` and ``subfolder``.

    Raises
    ------
    InputError
        If nothing follows the ``@``.
    """
    path = expanded(checkpoint)
    single = gguf_file(path)
    if single is not None:
        require_extra("gguf")
        return str(single.parent), {"gguf_file": single.name}
    if path.is_dir():
        return str(inner(path)), {}
    name, at, revision = str(checkpoint).partition("@")
    rule = "names no revision after @: a branch, a tag or a commit"
    require(bool(revision) or not at, "checkpoint", str(checkpoint), rule, f"{name}@main")
    owner, *parts = name.split("/")
    within = {"subfolder": "/".join(parts[1:])} if owner and len(parts) > 1 and all(parts) else {}
    name = f"{owner}/{parts[0]}" if within else name
    return name, ({"revision": revision} if revision else {}) | within


def to_read(checkpoint: str | Path) -> tuple[str, dict[str, Any]]:
    """Return the arguments of `from_pretrained` (`located`), or the cached folder where the hub cannot be reached.

    Otherwise the hub's client asks for each file again and again, in silence, for minutes.
    """
    name, options = located(checkpoint)
    folder = None if expanded(checkpoint).exists() else _cached_alone(str(checkpoint))
    if folder is None:
        return name, options
    return folder, {key: value for key, value in options.items() if key != "revision"}


def require_there(checkpoint: str | Path) -> None:
    """Refuse a path that does not exist; a possible hub id is left to whoever opens it.

    Raises
    ------
    MissingFileError
        If the path does not exist.
    """
    if str(checkpoint).startswith(("/", "./", "../", "~")) and not expanded(checkpoint).exists():
        raise MissingFileError(f"{checkpoint}: no such folder. Try: the folder of a checkpoint, or a hub id")


def require_found(checkpoint: str | Path) -> None:
    """Refuse a name that is neither a path nor found on the hub, before the libraries of models are loaded.

    Raises
    ------
    MissingFileError
        If the path does not exist, or the hub has no such repository, or cannot be reached and has not been before.
    """
    require_there(checkpoint)
    name, within = located(checkpoint)
    if expanded(checkpoint).exists() or importlib.util.find_spec("huggingface_hub") is None:
        return
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError

    try:
        if commit(checkpoint):
            return
        say(f"{checkpoint}: no such folder; looking for it on the hub")
        get_hf_file_metadata(hf_hub_url(name, "config.json", **within))
    except EntryNotFoundError:
        return  # a repository without this file, of which its reader will say so
    except Exception as error:
        raise not_found(checkpoint, error) from error


def not_found(checkpoint: str | Path, error: Exception) -> MissingFileError:
    """Return the error of a name that is neither a folder nor on the hub."""
    return MissingFileError(
        f"{checkpoint}: no such folder, and not found on the hub ({first_line(error)}). Try: the folder of a "
        "checkpoint; HF_HUB_OFFLINE=1 does not wait for the network"
    )


def gguf_file(path: Path) -> Path | None:
    """Return a GGUF file: the path, or the only one in a folder that is no other checkpoint; None without one."""
    if path.suffix == ".gguf" and path.is_file():
        return path
    files = sorted(path.glob("*.gguf")) if path.is_dir() and not (path / "config.json").is_file() else []
    return files[0] if len(files) == 1 else None


def inner(folder: Path) -> Path:
    """Return the folder of the transformer in one of sentence-transformers, any other folder as it is.

    ``modules.json`` names the folder of each module; a name that leads out of the whole is not followed.
    """
    if (folder / "config.json").is_file() or not (folder / "modules.json").is_file():
        return folder
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        stated = [str(module["path"]) for module in modules]
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        stated = []
    within = [Path(name) for name in stated if name and not Path(name).is_absolute()]
    parts = [folder / name for name in within if ".." not in name.parts]
    parts += sorted(folder.glob("*_Transformer"))
    return next((part for part in parts if (part / "config.json").is_file()), folder)


def commit(checkpoint: str | Path) -> str:
    """Return the commit of a hub id that has been opened, as the hub's cache on disk knows it; "" if it does not."""
    folder = _snapshot(checkpoint)
    return "" if folder is None else folder.name


def _snapshot(checkpoint: str | Path) -> Path | None:
    """Return the folder of a hub id in the hub's cache on disk, None without one."""
    from huggingface_hub import try_to_load_from_cache

    name, options = located(checkpoint)
    within = f"{options['subfolder']}/" if "subfolder" in options else ""
    for file in ("config.json", "model_index.json"):
        cached = try_to_load_from_cache(name, within + file, revision=options.get("revision"))
        if isinstance(cached, str):
            return Path(cached).parents[within.count("/")]
    return None


@cache
def _cached_alone(checkpoint: str) -> str | None:
    """Return a hub id's folder in the cache if the hub cannot be reached; once for all of its files."""
    if importlib.util.find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        folder = None if constants.HF_HUB_OFFLINE else _snapshot(checkpoint)
    except HFValidationError:  # no hub id: whoever opens it says so
        return None
    if folder is None:
        return None
    name, within = located(checkpoint)
    try:
        get_hf_file_metadata(hf_hub_url(name, "config.json", **within))
    except HfHubHTTPError:  # it answers
        return None
    except Exception as error:
        say(f"{checkpoint}: the hub cannot be reached ({first_line(error)}); its copy on this disk is read")
        return str(folder)
    return None
