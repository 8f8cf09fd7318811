"""Opening checkpoints: folders or hub ids, safetensors only, nothing in them executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import MissingExtraError, MissingFileError, RosettaError


def quiet_transformers() -> None:
    """Silence the progress bars and notices that `transformers` prints for every checkpoint."""
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError("transformers", "measure") from error

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def open_config(checkpoint: str | Path) -> Any:
    """Open the configuration of a checkpoint.

    Raises
    ------
    MissingFileError
        If the path is no checkpoint folder and the name cannot be found (or reached) on the hub.
    RosettaError
        If the configuration is damaged, or wants code of its own to be run.
    """
    quiet_transformers()
    from transformers import AutoConfig

    path = Path(checkpoint).expanduser()
    if path.is_dir() and not (path / "config.json").is_file():
        raise MissingFileError(f"{checkpoint}: a folder, but no checkpoint (it has no config.json)")
    if path.is_file():
        raise MissingFileError(f"{checkpoint}: a file, not a checkpoint folder or hub id")
    try:
        return AutoConfig.from_pretrained(_local_or_id(checkpoint), trust_remote_code=False)
    except Exception as error:
        if path.is_dir():
            raise RosettaError(f"{checkpoint}: its configuration cannot be used ({_first_line(error)})") from error
        raise MissingFileError(
            f"{checkpoint}: no such folder, and not found on the hub ({_first_line(error)})"
        ) from error


def open_tokenizer(checkpoint: str | Path) -> Any:
    """Open the fast tokenizer of a checkpoint.

    Raises
    ------
    RosettaError
        If there is none, or it is a slow one, which cannot say which characters its tokens cover.
    """
    quiet_transformers()
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(_local_or_id(checkpoint), use_fast=True, trust_remote_code=False)
    except Exception as error:
        raise RosettaError(f"{checkpoint}: its tokenizer cannot be opened ({_first_line(error)})") from error
    if not tokenizer.is_fast:
        raise RosettaError(
            f"{checkpoint}: has only a slow tokenizer, which gives no offsets to align by; convert it to a fast one "
            "(tokenizer.json) first"
        )
    return tokenizer


def open_model(checkpoint: str | Path, config: Any, kind: Any = None) -> Any:
    """Open a model without its head, in float32 and evaluation mode; of the class `kind`, or the one `config` names.

    Raises
    ------
    RosettaError
        If the weights are missing, damaged, or not safetensors.
    """
    quiet_transformers()
    import torch
    from transformers import AutoModel

    try:
        model = (kind or AutoModel).from_pretrained(
            _local_or_id(checkpoint), config=config, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except Exception as error:
        raise RosettaError(f"{checkpoint}: its weights cannot be loaded ({_first_line(error)})") from error
    return model.eval()


def untrained_model(config: Any, seed: int) -> Any:
    """Return a model with the architecture's own random initialisation (the null of section 4.2)."""
    quiet_transformers()
    import torch
    from transformers import AutoModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModel.from_config(config, trust_remote_code=False).eval()


def _local_or_id(checkpoint: str | Path) -> str:
    path = Path(checkpoint).expanduser()
    return str(path) if path.is_dir() else str(checkpoint)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    return text if len(text) < 160 else text[:157] + "..."
