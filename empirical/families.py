"""Families of language models that can be trained anywhere, and the ladders of sizes they are trained at.

A ladder file (TOML) names a corpus, a training recipe, two or more families and the rungs, that is widths and depths.
`rosettalaw train quickstart` finds the ladders shipped in ``empirical/ladders/`` by name; any path to a ladder file
works too. A new architecture is one subclass of `Architecture` and one line in `ARCHITECTURES`.

Neurons of one network: ``N = layers · 4 · width``, the coordinates that enter the MLPs' output projections.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ForeignFileError, InputError, MissingFileError, UnknownNameError, require
from .corpora import PAPERS_TOKENS

LADDERS = Path(__file__).parent / "ladders"
MLP_RATIO = 4  # neurons of a layer per unit of width, as in GPT-2 and GPT-NeoX


class Architecture(ABC):
    """One transformer architecture: how a rung becomes a configuration of `transformers`."""

    @abstractmethod
    def config(self, width: int, layers: int, vocabulary: int, context: int) -> Any:
        """Return the `transformers` configuration of one rung."""

    @staticmethod
    def heads(width: int) -> int:
        """Return the number of attention heads: as many of at least 24 dimensions as divide the width."""
        return max(heads for heads in range(1, max(1, width // 24) + 1) if width % (2 * heads) == 0)

    @staticmethod
    def common(width: int, vocabulary: int) -> dict[str, Any]:
        """Return the arguments that all configurations share: one special token, initial scale 1/√width."""
        end = vocabulary - 1
        return {
            "vocab_size": vocabulary,
            "initializer_range": width**-0.5,
            "bos_token_id": end,
            "eos_token_id": end,
            "use_cache": False,
        }


class GPT2(Architecture):
    """GPT-2: learned positions, sequential residual blocks, tied unembedding."""

    def config(self, width: int, layers: int, vocabulary: int, context: int) -> Any:
        from transformers import GPT2Config

        return GPT2Config(
            n_embd=width,
            n_layer=layers,
            n_head=self.heads(width),
            n_inner=MLP_RATIO * width,
            n_positions=context,
            # The same function as the default "gelu_new", in one fused kernel.
            activation_function="gelu_pytorch_tanh",
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            **self.common(width, vocabulary),
        )


class GPTNeoX(Architecture):
    """GPT-NeoX: rotary positions, parallel residual blocks, untied unembedding."""

    def config(self, width: int, layers: int, vocabulary: int, context: int) -> Any:
        from transformers import GPTNeoXConfig

        return GPTNeoXConfig(
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=self.heads(width),
            intermediate_size=MLP_RATIO * width,
            max_position_embeddings=context,
            hidden_act="gelu_pytorch_tanh",
            tie_word_embeddings=False,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0},
            **self.common(width, vocabulary),
        )


ARCHITECTURES: dict[str, Architecture] = {"gpt2": GPT2(), "gpt_neox": GPTNeoX()}


@dataclass(frozen=True)
class Family:
    """One family: an architecture with its own tokenizer."""

    name: str
    architecture: str
    vocabulary: int

    def __post_init__(self):
        if self.architecture not in ARCHITECTURES:
            raise UnknownNameError("architecture", self.architecture, ARCHITECTURES)
        require(self.vocabulary > 256, "vocabulary", self.vocabulary, "must exceed the 256 bytes", "vocabulary = 1024")


@dataclass(frozen=True)
class Rung:
    """One size: the width of the residual stream and the number of layers."""

    width: int
    layers: int

    def __post_init__(self):
        require(self.width > 0 and self.width % 2 == 0, "width", self.width, "must be even and positive", "width = 32")
        require(self.layers > 0, "layers", self.layers, "must be positive", "layers = 2")

    @property
    def neurons(self) -> int:
        """Neurons of one network of this size."""
        return self.layers * MLP_RATIO * self.width


@dataclass(frozen=True)
class Training:
    """The recipe: how much text each model reads, and how it learns (see `rosettalaw.empirical.training`)."""

    tokens: int
    context: int = 128
    batch: int = 8
    learning_rate: float = 1e-2
    weight_decay: float = 0.1
    seed: int = 0

    def __post_init__(self):
        for name in ("tokens", "context", "batch", "learning_rate"):
            require(getattr(self, name) > 0, name, getattr(self, name), "must be positive", f"{name} = 128")


@dataclass(frozen=True)
class Measurement:
    """How a ladder is measured; the defaults are the paper's where it states them.

    Attributes
    ----------
    tokens : int
        Tokens of the first model that are read.
    permutations, untrained : int
        Draws of each null.
    partners : tuple of int
        Further k: each neuron's k best partners.
    data_sizes : int
        Nested subsets of the positions, each √10 times the one before, that the largest rung is matched on; 1 skips it.
    contexts : int
        Top positions of each neuron.
    around : int
        Characters of text kept on either side of them (see `snippets` for the size); 0 keeps none.
    control, control_draws : int
        Random other neurons that the Rosetta Neurons' documents are compared with, and how often they are drawn.
    engine, device : str
        As `rosettalaw.empirical.matching.match` takes them; the models compute on the same device.
    device_map : str
        How `accelerate` spreads models that no single device holds ("auto"); "" leaves them whole.
    allow_pickle_weights : bool
        Whether weights that exist only as a pickle may be read, as tensors alone.
    weights : str
        In which precision models compute: "float32", "bfloat16" or "float16".
    seed : int
        Decides the order of the text, the permutations, the untrained weights and the control.
    """

    tokens: int = PAPERS_TOKENS
    permutations: int = 3
    untrained: int = 3
    partners: tuple[int, ...] = (2, 5, 10)
    data_sizes: int = 5
    contexts: int = 20
    around: int = 60
    control: int = 1000
    control_draws: int = 3
    engine: str = "exact"
    device: str = "cpu"
    device_map: str = ""
    allow_pickle_weights: bool = False
    weights: str = "float32"
    seed: int = 0

    def __post_init__(self):
        at_least = {"tokens": 1, "permutations": 0, "untrained": 0, "data_sizes": 1, "contexts": 1, "around": 0}
        for name, least in at_least.items():
            require(getattr(self, name) >= least, name, getattr(self, name), f"must be at least {least}")
        require(self.permutations + self.untrained > 0, "permutations", 0, "a count needs a null", "permutations = 3")
        require(min(self.partners, default=2) > 1, "partners", self.partners, "are k above 1", "partners = [2, 5, 10]")
        for name in ("control", "control_draws"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "must be at least 1", f"{name} = 3")


@dataclass(frozen=True)
class Ladder:
    """A ladder file: families trained at the same rungs on the same corpus, and how pairs of them are measured."""

    name: str
    description: str
    corpus: str
    held_out: float
    training: Training
    measurement: Measurement
    family: tuple[Family, ...]
    rung: tuple[Rung, ...]

    def fingerprint(self, family: Family, rung: Rung) -> str:
        """Return a hash of all that decides a checkpoint's weights but the text itself."""
        facts = [dataclasses.asdict(part) for part in (family, rung, self.training)] + [self.held_out]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:10]


def open_ladder(source: str | Path) -> Ladder:
    """Read a ladder by the name of a shipped one (``quickstart``) or by path.

    Raises
    ------
    UnknownNameError
        If a name is not among the shipped ladders.
    MissingFileError, ForeignFileError, InputError
        If a path does not exist, is not TOML, or holds an unknown or impossible entry.
    """
    path = Path(source).expanduser()
    if path.suffix != ".toml" and not path.exists():
        if str(source) not in shipped():
            raise UnknownNameError("ladder", str(source), shipped())
        path = shipped()[str(source)]
    return parse_file(Ladder, path, {"training": Training, "measurement": Measurement, "family": Family, "rung": Rung})


def parse_file(kind: type, path: Path, nested: dict[str, type]) -> Any:
    """Read a TOML file as a frozen dataclass whose entries of the names in `nested` are dataclasses themselves.

    Raises
    ------
    UnknownNameError, MissingFileError, ForeignFileError, InputError
        As `open_ladder` says.
    """
    table = read_table(path)
    try:
        return _parse(kind, table, path, nested)
    except InputError as error:
        raise InputError(f"{path}: {error.argument}", error.value, error.rule, error.example) from error


def read_table(path: Path) -> dict[str, Any]:
    """Return what a ladder file says, unchecked.

    Raises
    ------
    MissingFileError, ForeignFileError
        If there is no such file, or it is not TOML.
    """
    if not path.is_file():
        raise MissingFileError(f"{path}: no such ladder file")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ForeignFileError(f"{path}: not a TOML file ({error})") from error


def _parse(kind: type, table: Any, path: Path, nested: dict[str, type]) -> Any:
    """Build a frozen dataclass from a TOML table, refusing unknown, missing and ill-typed entries."""
    if not isinstance(table, dict):
        raise ForeignFileError(f"{path}: {kind.__name__.lower()} must be a table of entries, found {table!r}")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    values = {}
    for name, value in table.items():
        if name not in fields:
            raise UnknownNameError(f"entry in {path.name} ({kind.__name__.lower()})", name, fields)
        if name in nested and str(fields[name].type).startswith("tuple"):
            items = value if isinstance(value, list) else [value]
            value = tuple(_parse(nested[name], item, path, nested) for item in items)
        elif name in nested:
            value = _parse(nested[name], value, path, nested)
        else:
            value = _scalar(name, value, str(fields[name].type), path)
        values[name] = value
    for name, field in fields.items():
        if name not in values and field.default is dataclasses.MISSING:
            raise ForeignFileError(f"{path}: {kind.__name__.lower()} lacks the entry {name!r}")
    return kind(**values)


def _scalar(name: str, value: Any, kind: str, path: Path) -> Any:
    if kind.startswith("tuple["):
        items = value if isinstance(value, list) else [value]
        return tuple(_scalar(name, item, kind[len("tuple[") :].split(",")[0], path) for item in items)
    accepted = {"int": int, "float": (int, float), "str": str, "bool": bool}[kind]
    if isinstance(value, bool) != (kind == "bool") or not isinstance(value, accepted):
        raise InputError(
            name, value, f"must be of type {kind}", f"see a shipped ladder, {LADDERS.name}/quickstart.toml"
        )
    return value


def shipped() -> dict[str, Path]:
    """Return the ladder files that come with the package, by name."""
    return {file.stem: file for file in LADDERS.glob("*.toml")}
