"""Ladders of models that exist already: which checkpoints are compared at each rung, and on which text.

    name = "pythia-opt"
    families = ["Pythia", "OPT"]
    text = "pile.jsonl.zst"            # or --text; relative to this file

    [measurement]
    tokens = 10_000_000

    [[rung]]
    models = ["EleutherAI/pythia-160m@step3000", "facebook/opt-125m"]      # folders or hub ids, id@revision

Three or more models per rung make an anchor ladder: the first is the anchor, compared with each of the others, and the
neurons matched in every comparison are counted inside it (section 3.3 of the paper). A rung may
name layers, ``layers = ["0-5"]``, so that depth is a size of one checkpoint. Networks of one size that differ
in the seed of their training make a rung each pair, with ``seeds = [0, 1]``. Ladders that are trained here
(`families`) become the same `ModelLadder`, so all are measured alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from string import ascii_uppercase

from ...disk import expanded
from ...errors import InputError, require
from ..config import Measurement, exists, naming_file, parse_file, require_distinct, require_name, require_seed
from ..corpora.corpus import Corpus, StoredText, open_text
from ..measures.categories import Grouping, grouping
from ..sites import ChosenLayers, MlpNeurons, Site, layer_numbers

EXAMPLE = 'models = ["EleutherAI/pythia-160m", "facebook/opt-125m"]'


@dataclass(frozen=True)
class ModelRung:
    """Checkpoints compared with each other, the anchor first.

    Attributes
    ----------
    models : tuple of str
        Folders or hub ids, with a revision as ``id@revision``.
    patterns : tuple of str
        For architectures that are not known, the name of each model's output projections; "" for known ones.
    label : str
        Name of the rung in messages; its models by default.
    seeds : tuple of int
        Seed of training of each model, where networks of one size differ in it; rungs of one size are then pairs of
        crossed seeds.
    layers : tuple of str
        Layers of each model, or of all in one entry, such as "0-5,8"; all layers without any. So depth can be a size.
    """

    models: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    label: str = ""
    seeds: tuple[int, ...] = ()
    layers: tuple[str, ...] = ()

    def __post_init__(self):
        require(len(self.models) >= 2, "models", list(self.models), "a rung compares at least two", EXAMPLE)
        good = all(model.strip() for model in self.models)
        require(good, "models", list(self.models), "must be folders or hub ids, none of them empty", EXAMPLE)
        rule = f"must be one for each of the {len(self.models)} models, or none"
        require(
            len(self.patterns) in (0, len(self.models)), "patterns", list(self.patterns), rule, 'patterns = ["", ""]'
        )
        require(len(self.seeds) in (0, len(self.models)), "seeds", list(self.seeds), rule, "seeds = [0, 1]")
        for seed in self.seeds:
            require_seed("seeds", seed)
        rule = f"must be one entry for all models, or one for each of the {len(self.models)}, or none"
        require(len(self.layers) in (0, 1, len(self.models)), "layers", list(self.layers), rule, 'layers = ["0-5"]')
        for entry in self.layers:
            layer_numbers(entry)

    def require_different_networks(self) -> None:
        """Refuse a network that is compared with itself: all its neurons match, whatever its size.

        Raises
        ------
        InputError
            If a model is named twice with the same layers.
        """
        rule = "names a model twice; a network matches itself at every size"
        require(len(set(self.read)) == len(self.read), "models", list(self.models), rule, EXAMPLE)

    @property
    def read(self) -> tuple[tuple[str, str, str], ...]:
        """Each model with its layers and its pattern: two that agree in them are one network."""
        several, none = len(self.models), ("",)
        layers = self.layers * several if len(self.layers) == 1 else self.layers or none * several
        return tuple(zip(self.models, layers, self.patterns or none * several, strict=True))

    @property
    def title(self) -> str:
        """Label, or the models' names with their layers."""
        named = " × ".join(self.models) + (f", layers {' and '.join(self.layers)}" if self.layers else "")
        return self.label or named

    def site(self, model: int) -> Site:
        """Return the signals that are read of one model: its neurons, of some layers where the rung names them."""
        if not self.layers:
            return MlpNeurons()
        return ChosenLayers(MlpNeurons(), layer_numbers(self.layers[model if len(self.layers) > 1 else 0]))

    def pattern(self, model: int) -> str | None:
        """Return the pattern of one model, None where its architecture is known."""
        return (self.patterns[model] or None) if self.patterns else None


@dataclass(frozen=True)
class CheckpointLadder:
    """A ladder file of given checkpoints, smallest rung first."""

    name: str
    measurement: Measurement
    rung: tuple[ModelRung, ...]
    description: str = ""
    families: tuple[str, ...] = ()
    text: str = ""
    categories: str = ""

    def __post_init__(self):
        require_name("name", self.name)
        require_distinct("families", self.families)
        require(self.rung, "rung", [], "must be one table for each size", f"[[rung]] and below it {EXAMPLE}")
        several = len(self.rung[0].models)
        rule = f"must name the {several} models of a rung, or be left out"
        require(len(self.families) in (0, several), "families", list(self.families), rule, 'families = ["A", "B"]')
        for i, rung in enumerate(self.rung):
            rule = f"of rung {i + 1} must be as many models as those of rung 1, {several}"
            require(len(rung.models) == several, "models", list(rung.models), rule, EXAMPLE)
            rung.require_different_networks()
            same = next((at for at, other in enumerate(self.rung[:i], start=1) if other.read == rung.read), 0)
            rule = f"rung {i + 1} has the networks of rung {same}; counted twice they are no further evidence"
            require(not same, "models", list(rung.models), rule, "other models, or other layers of these")


@dataclass(frozen=True)
class ModelLadder:
    """A ladder ready to be measured, wherever its models come from.

    Attributes
    ----------
    name : str
        Name in results.
    families : tuple of str
        Names of the models of a rung in reports, the anchor first.
    rungs : tuple of ModelRung
        Smallest first.
    corpus : Corpus or StoredText
        Text that no model was trained on.
    corpus_sha256 : str
        Hash of the whole corpus (of which `corpus` may be a part).
    measurement : Measurement
        How to measure.
    training_seed : int or None
        Of models trained here.
    grouping : Grouping
        Categories of the text's domains.
    """

    name: str
    families: tuple[str, ...]
    rungs: tuple[ModelRung, ...]
    corpus: Corpus | StoredText
    corpus_sha256: str
    measurement: Measurement
    training_seed: int | None = None
    grouping: Grouping = field(default_factory=grouping)

    def __post_init__(self):
        numbers = {len(rung.models) for rung in self.rungs}
        rule = f"every rung must have as many models as the ladder has families, {len(self.families)}"
        require(numbers == {len(self.families)}, "rung", sorted(numbers), rule, EXAMPLE)


def open_checkpoint_ladder(
    path: str | Path, text: str | Path | None = None, categories: str | Path | None = None
) -> ModelLadder:
    """Read a ladder file of given checkpoints and open its text.

    Parameters
    ----------
    path : path
        The file; relative folders in it are looked for beside it.
    text : path, optional
        The text, instead of the file's own.
    categories : path, optional
        A table of categories, instead of the file's own or The Pile's.

    Raises
    ------
    UnknownNameError, MissingFileError, ForeignFileError, InputError
        If the file or the text cannot be used.
    """
    path = expanded(path)
    parsed: CheckpointLadder = parse_file(CheckpointLadder, path, {"measurement": Measurement, "rung": ModelRung})
    source = str(text) if text is not None else parsed.text
    if not source:
        with naming_file(path):
            rule = "the file does not name a text, and none is given with --text"
            raise InputError("text", "", rule, 'text = "pile.jsonl.zst"')
    corpus = open_text(_beside(path, source) if text is None else source)
    letters = [*ascii_uppercase, *map(str, range(27, len(parsed.rung[0].models) + 1))][: len(parsed.rung[0].models)]
    return ModelLadder(
        name=parsed.name,
        families=parsed.families or tuple(f"model {letter}" for letter in letters),
        rungs=tuple(replace(rung, models=tuple(_beside(path, model) for model in rung.models)) for rung in parsed.rung),
        corpus=corpus,
        corpus_sha256=corpus.sha256,
        measurement=parsed.measurement,
        grouping=grouping(categories or (_beside(path, parsed.categories) if parsed.categories else None)),
    )


def _beside(path: Path, name: str) -> str:
    """Return a path relative to the ladder file where there is one, else the name (a hub id, an absolute path)."""
    beside = path.parent / expanded(name)
    return str(beside) if exists(beside) else name
