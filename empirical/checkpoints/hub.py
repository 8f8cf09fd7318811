"""Opening checkpoints: folders or hub ids, nothing in them executed; safetensors unless the user insists.

`locations` says where a checkpoint lies. An adapter is merged into its base (`adapters`). A GGUF file is read by
`transformers` as plain weights.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...disk import expanded, forget_temporary, made_temporary
from ...errors import (
    InputError,
    MissingExtraError,
    MissingFileError,
    RosettaError,
    first_line,
    panics_as_errors,
    require,
)
from .adapters import base_of, class_of, merged
from .completeness import require_sizes, require_weights
from .locations import gguf_file, inner, not_found, require_found, to_read
from .quantised import note_quantised, without_bars

PRECISIONS = ("float32", "bfloat16", "float16")
LONGEST_RANGE, LARGEST_TABLE = 2**17, 10**7  # numbers of a buffer that is made to follow lookups
DEVICE_MAPS = ("auto", "balanced", "balanced_low_0", "sequential")


@dataclass(frozen=True)
class Loading:
    """Loading of weights into memory.

    Attributes
    ----------
    device : str
        Where the whole model goes: cpu, cuda, cuda:1, …
    device_map : str or mapping, optional
        For a model that no single device holds: how `accelerate` spreads it over devices, memory and disk, as one of
        its words ("auto") or module by module.
    pickled : bool
        Whether weights that exist only as a pickle may be read. torch then accepts tensors alone (``weights_only``),
        which is a narrower promise than that of safetensors.
    weights : str
        In which precision a model computes: "float32", or "bfloat16" or "float16" in half the memory. Its activations
        are float32 from there on.
    """

    device: str = "cpu"
    device_map: str | Mapping[str, Any] | None = None
    pickled: bool = False
    weights: str = "float32"

    def __post_init__(self):
        rule = f"must be one of {', '.join(PRECISIONS)}"
        require(self.weights in PRECISIONS, "--weights", self.weights, rule, "--weights bfloat16")
        if isinstance(self.device_map, str) and self.device_map not in DEVICE_MAPS:
            rule = f"must be one of {', '.join(DEVICE_MAPS)}"
            raise InputError("--device-map", self.device_map, rule, "--device-map auto")


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence the progress bars and notices that `transformers` prints for every checkpoint, meanwhile.

    Raises
    ------
    MissingExtraError
        If transformers is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError("transformers", "measure") from error

    from huggingface_hub import logging as hub_logging
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled(), hub_logging.get_verbosity()
    hub_logging.set_verbosity_error()  # of five retries without a network
    transformers.logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before[0])
        if before[1]:
            logging.enable_progress_bar()
        hub_logging.set_verbosity(before[2])


def open_config(checkpoint: str | Path) -> Any:
    """Open the configuration of a checkpoint.

    Raises
    ------
    MissingFileError
        If the path is not a checkpoint folder and the name cannot be found (or reached) on the hub.
    RosettaError
        If the configuration is damaged, wants code of its own to be run, or names a quantisation that cannot be read.
    """
    base = base_of(checkpoint)
    if base is not None:
        try:
            return open_config(base)
        except MissingFileError as error:
            raise MissingFileError(f"{checkpoint}: an adapter, whose base model is missing. {error}") from error
    path = inner(expanded(checkpoint))
    single = gguf_file(path)
    if single is None and path.is_dir() and not (path / "config.json").is_file():
        within = sorted(file.parent for depth in ("*", "*/*") for file in path.glob(f"{depth}/config.json"))
        hint = f". Try: {within[0]}" if within else ""
        raise MissingFileError(f"{checkpoint}: a folder, but not a checkpoint (it has no config.json){hint}")
    if single is None and path.is_file():
        raise MissingFileError(f"{checkpoint}: a file, not a checkpoint folder or hub id")
    require_found(checkpoint)
    name, revision = to_read(checkpoint)
    with quiet_transformers():
        from transformers import AutoConfig

        try:
            config = AutoConfig.from_pretrained(name, **revision, trust_remote_code=False)
        except Exception as error:
            if path.exists():
                raise RosettaError(f"{checkpoint}: its configuration cannot be used ({first_line(error)})") from error
            raise not_found(checkpoint, error) from error
    require_sizes(str(checkpoint), config)
    note_quantised(str(checkpoint), config, gguf=single is not None)
    return config


@quiet_transformers()
def open_tokenizer(checkpoint: str | Path) -> Any:
    """Open the fast tokenizer of a checkpoint; in a text, the name of a special token is text like any other.

    Raises
    ------
    RosettaError
        If there is none, or it is a slow one, which cannot say which characters its tokens cover.
    """
    from transformers import AutoTokenizer

    base = base_of(checkpoint)
    if base is not None and not (expanded(checkpoint) / "tokenizer_config.json").is_file():
        return open_tokenizer(base)
    name, revision = to_read(checkpoint)
    options = {"use_fast": True, "trust_remote_code": False, "split_special_tokens": True}
    try:
        with panics_as_errors():
            tokenizer = AutoTokenizer.from_pretrained(name, **revision, **options)
            if tokenizer.is_fast:
                tokenizer("a")  # settings that make no sense show where they are used
    except Exception as error:
        raise RosettaError(f"{checkpoint}: its tokenizer cannot be opened ({first_line(error)})") from error
    if not tokenizer.is_fast:
        raise RosettaError(
            f"{checkpoint}: has only a slow tokenizer, which gives no offsets for alignment; convert it to a fast one "
            "(tokenizer.json) first"
        )
    return tokenizer


@quiet_transformers()
def open_model(
    checkpoint: str | Path,
    config: Any,
    kind: Any = None,
    loading: Loading = Loading(),
    renamed: dict[str, str] | None = None,
) -> Any:
    """Open a model without its head, in evaluation mode; of the class `kind`, or the one `config` names.

    `renamed` maps patterns of the names of weights in the file to names in the model.

    Raises
    ------
    RosettaError
        If weights are missing, unexpected, of other shapes, NaN, damaged, or pickled without leave; or the device does
        not exist.
    """
    import torch
    from transformers import AutoModel

    base = base_of(checkpoint)
    if base is not None:
        return merged(checkpoint, open_model(base, config, class_of(checkpoint), loading)).eval()
    name, revision = to_read(checkpoint)
    options: dict[str, Any] = {**revision, "use_safetensors": None if loading.pickled else True, "weights_only": True}
    options |= {"key_mapping": renamed} if renamed else {}
    folder = None
    if loading.device_map is not None:
        folder = made_temporary()
        options |= {"device_map": loading.device_map, "offload_folder": str(folder)}
    try:
        with panics_as_errors(), without_bars():
            model, report = (kind or encoder_class(config) or AutoModel).from_pretrained(
                name,
                config=config,
                dtype=getattr(torch, loading.weights),
                trust_remote_code=False,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are refused below, by their names
                **options,
            )
    except Exception as error:
        _remove(folder)
        hint = "" if loading.pickled or not _only_pickled(checkpoint) else PICKLED
        raise RosettaError(f"{checkpoint}: its weights cannot be loaded ({first_line(error)}){hint}") from error
    if folder is not None:
        weakref.finalize(model, _remove, folder)
    require_weights(str(checkpoint), model, report, tower=kind is not None)
    if folder is None:
        model = moved(model, loading.device)
    return model.eval()


def encoder_class(config: Any) -> Any:
    """Return the class of a checkpoint that holds the encoder of an encoder and decoder alone; None for any other."""
    import transformers

    named = (getattr(config, "architectures", None) or [""])[0]
    return getattr(transformers, named, None) if str(named).endswith("EncoderModel") else None


def moved(model: Any, device: str) -> Any:
    """Return a model, or a tensor, on a device.

    Raises
    ------
    InputError
        If the device does not exist, or holds no numbers.
    """
    if device == "cpu":
        return model
    if str(device).partition(":")[0] == "meta":
        raise InputError("--device", device, "holds shapes without numbers", "--device cpu")
    try:
        return model.to(device)
    except (RuntimeError, AssertionError, TypeError) as error:  # torch built without it, no such device, or no float64
        raise InputError("--device", device, f"cannot be used ({first_line(error)})", "--device cpu") from error


PICKLED = (
    ". They are pickled. If you trust their source, --allow-pickle-weights reads them as tensors only; converting "
    "them to safetensors is safer"
)


def _only_pickled(checkpoint: str | Path) -> bool:
    folder = expanded(checkpoint)
    return any(folder.glob("pytorch_model*.bin")) and not any(folder.glob("*.safetensors"))


def _remove(folder: Path | None) -> None:
    if folder is not None:
        forget_temporary(folder)


def attend_fully(model: Any) -> None:
    """Let a model attend to all positions where it would choose some at random in long texts, as BigBird does.

    It switches to full attention by itself at the first short text, so that its values would depend on the order.
    """
    for part in model.modules():
        if getattr(part, "attention_type", None) == "block_sparse" and hasattr(part, "set_attention_type"):
            part.set_attention_type("original_full")


def device_of(model: Any) -> Any:
    """Return the device of a model's input: that of its first weights that are in memory."""
    import torch

    real_devices = (weight.device for weight in model.parameters() if weight.device.type != "meta")
    return next(real_devices, torch.device("cpu"))


@quiet_transformers()
def untrained_model(config: Any, seed: int) -> Any:
    """Return a model with the architecture's own random initialisation (the null of section 4.2)."""
    import torch
    from transformers import AutoModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        own = encoder_class(config)
        model: Any = AutoModel.from_config(config, trust_remote_code=False) if own is None else own(config)
        return model.eval()


@quiet_transformers()
def empty_model(checkpoint: str | Path, config: Any) -> Any:
    """Return a model's modules without memory for their weights.

    Raises
    ------
    RosettaError
        If no model can be made of the configuration.
    """
    import torch
    from transformers import AutoModel

    require_sizes(str(checkpoint), config)
    try:
        with torch.device("meta"), panics_as_errors():
            return AutoModel.from_config(config, trust_remote_code=False)
    except Exception as error:
        raise RosettaError(f"{checkpoint}: no model can be made of its configuration ({first_line(error)})") from error


@quiet_transformers()
def modules_to_try(config: Any, kind: Any = None) -> Any:
    """Return a model's modules without memory for their weights, but with its tables of numbers; None if none is made.

    Buffers such as ``position_ids`` have their numbers, so that what a model looks up by them can be followed. Those
    that are larger than any model's have none.
    """
    import torch
    from torch.overrides import TorchFunctionMode
    from transformers import AutoModel

    ranges, filled = (torch.arange,), (torch.zeros, torch.ones, torch.full)

    class WithoutWeights(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            options = dict(kwargs or {})
            large = function in ranges and max(map(abs, args), default=0) > LONGEST_RANGE
            large = large or (function in filled and _size(args, options) > LARGEST_TABLE)
            if function in (torch.empty, torch.rand, torch.randn) or large:
                options["device"] = "meta"
            return function(*args, **options)

    own = kind or encoder_class(config)
    try:
        with WithoutWeights(), panics_as_errors():
            return (AutoModel.from_config(config) if own is None else own(config)).eval()
    except Exception:  # what cannot be made is refused where it is opened
        return None


def _size(args: tuple[Any, ...], options: dict[str, Any]) -> int:
    """Return the number of elements of a tensor that is to be made."""
    shape = args[0] if args and isinstance(args[0], list | tuple) else options.get("size", args)
    return math.prod(one for one in shape if isinstance(one, int))
