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
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UnknownNameError, require
from ..config import (
    MOST_TOKENS,
    Measurement,
    ladder_path,
    parse_file,
    require_distinct,
    require_name,
    require_seed,
    shipped,
)

# Beyond any that a machine of today trains; `Ladder` refuses what these would still add up to.
LARGEST = {"vocabulary": 1 << 20, "width": 1 << 15, "layers": 1000, "context": 1 << 17, "batch": 1 << 16}
LARGEST_MODEL = 10**11  # weights of one model
MOST_STEPS = 10**8
MOST_SEEDS = 100
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


def _require_possible(entry: Any, *names: str) -> None:
    """Refuse a size beyond `LARGEST`, before anything is allocated."""
    for name in names:
        value, most = getattr(entry, name), LARGEST[name]
        require(value <= most, name, value, f"must be at most {most:,}", f"{name} = {min(most, 1024)}")


def _require_seeds(name: str, seeds: Sequence[int]) -> None:
    """Refuse seeds that are negative, or given twice: the same network again is no other network."""
    for seed in seeds:
        require_seed(name, seed)
    require(len(set(seeds)) == len(seeds), name, list(seeds), "must not name a seed twice", f"{name} = [0, 1]")
    require(len(seeds) <= MOST_SEEDS, name, len(seeds), f"must be at most {MOST_SEEDS} seeds", f"{name} = [0, 1]")


@dataclass(frozen=True)
class Family:
    """One family: an architecture with its own tokenizer.

    Attributes
    ----------
    training_seed : tuple of int
        Seeds of its networks: one of every size is trained with each. Empty: those of [training].
    """

    name: str
    architecture: str
    vocabulary: int
    training_seed: tuple[int, ...] = ()

    def __post_init__(self):
        _require_seeds("training_seed", self.training_seed)
        require_name("name", self.name)
        if self.architecture not in ARCHITECTURES:
            raise UnknownNameError("architecture", self.architecture, ARCHITECTURES)
        require(self.vocabulary > 256, "vocabulary", self.vocabulary, "must exceed the 256 bytes", "vocabulary = 1024")
        _require_possible(self, "vocabulary")


@dataclass(frozen=True)
class Rung:
    """One size: the width of the residual stream and the number of layers."""

    width: int
    layers: int

    def __post_init__(self):
        require(self.width > 0 and self.width % 2 == 0, "width", self.width, "must be even and positive", "width = 32")
        require(self.layers > 0, "layers", self.layers, "must be positive", "layers = 2")
        _require_possible(self, "width", "layers")

    @property
    def neurons(self) -> int:
        """Neurons of one network of this size."""
        return self.layers * MLP_RATIO * self.width


@dataclass(frozen=True)
class Training:
    """The recipe: how much text each model reads, and how it learns (see `rosettalaw.empirical.language.training`).

    Attributes
    ----------
    seed : int
        Stands for each of the following that is not given.
    split_seed : int, optional
        Decides which documents are held out.
    tokenizer_seed : int, optional
        Decides on which half of the training documents each tokenizer is learned. Not given: on all of them.
    training_seed : tuple of int
        Decides initial weights and the order of the text; several train a network of every family and size with each.
    """

    tokens: int
    context: int = 128
    batch: int = 8
    learning_rate: float = 1e-2
    weight_decay: float = 0.1
    seed: int = 0
    split_seed: int | None = None
    tokenizer_seed: int | None = None
    training_seed: tuple[int, ...] = ()

    @property
    def split(self) -> int:
        """Seed of the split into training and held-out documents."""
        return self.seed if self.split_seed is None else self.split_seed

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the networks of a family that names none of its own."""
        return self.training_seed or (self.seed,)

    def __post_init__(self):
        for name in ("tokens", "context", "batch", "learning_rate"):
            require(getattr(self, name) > 0, name, getattr(self, name), "must be positive", f"{name} = 128")
        for name in ("learning_rate", "weight_decay"):
            value = getattr(self, name)
            require(math.isfinite(value), name, value, "must be a finite number", f"{name} = 0.01")
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "must not be negative", "weight_decay = 0.1")
        for name in ("seed", "split_seed", "tokenizer_seed"):
            if (value := getattr(self, name)) is not None:
                require_seed(name, value)
        _require_seeds("training_seed", self.training_seed)
        require(
            self.tokens <= MOST_TOKENS, "tokens", self.tokens, f"must be at most {MOST_TOKENS:,}", "tokens = 1_000_000"
        )
        _require_possible(self, "context", "batch")
        steps = self.tokens // (self.batch * self.context)
        rule = f"are {steps:,} steps of {self.batch} × {self.context} tokens, more than {MOST_STEPS:,}"
        require(steps <= MOST_STEPS, "tokens", self.tokens, rule, "tokens = 1_000_000")


@dataclass(frozen=True)
class Ladder:
    """A ladder file: families trained at the same rungs on the same corpus, and how pairs of them are measured.

    Of two families with several seeds, every network of one meets every network of the other at sizes of up to
    `crossed_to` neurons (0: at all sizes), and the one with the seed of the same place at larger ones: k pairs in place
    of k², where each costs most.
    """

    name: str
    description: str
    corpus: str
    held_out: float
    training: Training
    measurement: Measurement
    family: tuple[Family, ...]
    rung: tuple[Rung, ...]
    crossed_to: int = 0

    def __post_init__(self):
        require_name("name", self.name)
        require_distinct("family", (family.name for family in self.family))
        require(0 < self.held_out < 1, "held_out", self.held_out, "must be between 0 and 1", "held_out = 0.2")
        require(self.crossed_to >= 0, "crossed_to", self.crossed_to, "must be at least 0 neurons", "crossed_to = 1152")
        numbers = [len(self.seeds(family)) for family in self.family]
        alike = not self.crossed_to or len(set(numbers)) < 2
        rule = f"needs as many seeds of each family, not {numbers}"
        require(alike, "crossed_to", self.crossed_to, rule, "training_seed = [0, 1] under [training]")
        for family in self.family:
            for rung in self.rung:
                weights = 12 * rung.layers * rung.width**2 + 2 * rung.width * family.vocabulary
                rule = f"with {rung.layers} layers has {weights:,} weights, more than {LARGEST_MODEL:,}"
                require(weights <= LARGEST_MODEL, "width", rung.width, rule, "width = 64")

    def seeds(self, family: Family) -> tuple[int, ...]:
        """Return the seeds with which a family's networks are trained."""
        return family.training_seed or self.training.seeds

    def recipe(self, seed: int) -> Training:
        """Return the recipe of one network: ``seed`` is that of its training alone."""
        training = self.training
        split = None if training.split == seed else training.split
        return dataclasses.replace(training, seed=seed, split_seed=split, training_seed=())

    def fingerprint(self, family: Family, rung: Rung, seed: int) -> str:
        """Return a hash of all that decides a checkpoint's weights but the text itself."""
        facts = [_facts(part) for part in (family, rung, self.recipe(seed))] + [self.held_out]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:10]


def _facts(part: Any) -> dict[str, Any]:
    """Return the given entries of a part of a ladder file; without seeds the hash is that of earlier versions."""
    facts = dataclasses.asdict(part)
    facts.pop("training_seed", None)  # the seed of the one network is in its recipe
    return {name: value for name, value in facts.items() if value is not None}


def open_ladder(source: str | Path) -> Ladder:
    """Read a ladder by the name of a shipped one (``quickstart``) or by path.

    Raises
    ------
    UnknownNameError
        If a name is not among the shipped ladders.
    MissingFileError, ForeignFileError, InputError
        If a path does not exist, is not TOML, or holds an unknown or impossible entry.
    """
    path = ladder_path(source) or shipped()[str(source)]
    return parse_file(Ladder, path, {"training": Training, "measurement": Measurement, "family": Family, "rung": Rung})
