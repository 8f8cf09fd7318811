"""Families of language models that can be trained anywhere, and the ladders of sizes they are trained at.

A ladder file (TOML) names a corpus, a training recipe, two or more families and the rungs, that is widths and depths.
`rosettalaw train quickstart` finds the ladders shipped in ``empirical/ladder/`` by name; any path to a ladder file
works too. A new architecture is one subclass of `Architecture` and one line in `ARCHITECTURES`.

Neurons of one network: ``N = layers · 4 · width``, the coordinates that enter the MLPs' output projections.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UnknownNameError, require
from ..config import Measurement, parse_file, shipped

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
    """The recipe: how much text each model reads, and how it learns (see `rosettalaw.empirical.language.training`)."""

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
