"""Files of tensors and tables: ``.safetensors``, ``.pt`` (weights only, never unpickled) and ``.parquet``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ....errors import ForeignFileError, MissingExtraError, MissingFileError
from .labelled import Labelled
from .npy_files import from_arrays


def safetensors(path: Path, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
    """Return the one tensor of a file, or its tensors as layers."""
    _require(path)
    try:
        from safetensors import safe_open
    except ImportError as error:
        raise MissingExtraError("safetensors", "arrays") from error  # the smallest that has it
    try:
        import torch  # noqa: F401  # bfloat16, which NumPy lacks
    except ImportError:
        framework = "numpy"
    else:
        framework = "pt"
    try:
        with safe_open(path, framework=framework) as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # it is not a mapping
    except Exception as error:
        if framework == "numpy" and isinstance(error, TypeError | AttributeError):  # a type that NumPy lacks
            raise MissingExtraError("torch", "measure") from error
        raise ForeignFileError(f"{path}: not a readable safetensors file ({error})") from error
    return from_arrays(tensors, name, part)


def weights_only(path: Path, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
    """Return the tensor, or the mapping of tensors, that ``torch.save`` wrote; objects are refused."""
    _require(path)
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "measure") from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle's and torch's own
        objects = "weights_only" in str(error).lower()
        said = "holds Python objects, which are not executed here" if objects else "damaged, or not from torch.save"
        example = "torch.save of a tensor or of {layer name: tensor}, or safetensors.torch.save_file"
        raise ForeignFileError(f"{path}: {said}. Try: {example}") from error
    return from_arrays(dict(content), name, part) if isinstance(content, dict) else part(content, name)


def parquet(path: Path, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
    """Return a table, with its index as identities of positions."""
    _require(path)
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except ImportError as error:
        raise MissingExtraError("pyarrow", "arrays") from error
    except Exception as error:  # pyarrow's own
        raise ForeignFileError(f"{path}: not a readable parquet file") from error
    return part(table, name)


def _require(path: Path) -> None:
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file. Try: an array of shape (positions, neurons)")
