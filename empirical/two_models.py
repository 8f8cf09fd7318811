"""The main job in one call: two models opened, matched, drawn against their nulls, calibrated and saved.

    files, folders or hub ids → sources → `pairing` → Dataset "pairs" with its provenance

`rosettalaw match` calls `match_models` with its options, so that both give the same result. Arguments have the names of
the options, and messages spell them so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from ..console import say
from ..errors import InputError, require, require_extra
from ..results import require_replaceable
from .activations.inputs import FILES, Labelled, is_file, open_input
from .activations.inputs.labelled import aligned
from .activations.npy import open_npy
from .activations.source import ActivationSource
from .activations.views import Layers
from .calibration import Q_DEFAULT
from .corpora.corpus import PYTHON
from .matching import Screening
from .matching.cost import byte_count
from .pairing import CONTEXTS, ModelMatches, PairOptions, Sources, require_models, require_reading
from .sites import MlpNeurons, Site, site_named

if TYPE_CHECKING:
    from .language.loaded import LoadedModel

GGUF = ".gguf"  # files that are checkpoints
READ = "numpy.save('a.npy', pandas.read_{}('{}').to_numpy())"
TABLES = {".csv": "csv", ".tsv": "table", ".feather": "feather", ".xlsx": "excel"}
SAVED = {ending: READ.format(word, f"a{ending}") for ending, word in TABLES.items()}  # how to save other files
FEW = 100  # positions, below which an array with more neurons may lie on its side
Model = Union[str, Labelled, "LoadedModel"]


@dataclass(frozen=True)
class Opening:
    """Opening of checkpoints: the signals to read, output projections by hand, and the place of the weights."""

    sites: tuple[Site, Site] = (MlpNeurons(), MlpNeurons())
    patterns: tuple[str | None, str | None] = (None, None)
    device: str = "cpu"
    device_map: str | None = None
    allow_pickle_weights: bool = False
    weights: str = "float32"

    def loading(self) -> Any:
        """Return the same as `checkpoints.hub.Loading`."""
        from .checkpoints.hub import Loading

        return Loading(self.device, self.device_map, self.allow_pickle_weights, self.weights)

    def facts(self, sources: Any, tokenizer: bool) -> dict[str, Any]:
        """Return the facts of both models that a result records."""
        from .checkpoints.provenance import revisions

        named = {f"pattern_{side}": pattern for side, pattern in zip("ab", self.patterns, strict=True) if pattern}
        named |= {f"site_{side}": str(site) for side, site in zip("ab", self.sites, strict=True) if str(site) != "mlp"}
        return revisions(sources, tokenizer) | named | {"weights": self.weights}


def match_models(
    a: Model,
    b: Model,
    *,
    text: Any = None,
    tokens: int | None = None,
    images: Path | None = None,
    skip_corrupt: bool = False,
    timestep: int | None = None,
    context: int | None = None,
    contexts: int = CONTEXTS,
    untrained: int | None = None,
    k: int = 1,
    absolute: bool = False,
    null: str | None = None,
    null_permutations: int | None = None,
    documents: Path | None = None,
    jackknife: int = 16,
    q: float = Q_DEFAULT,
    layers_a: Sequence[int] = (),
    layers_b: Sequence[int] = (),
    engine: str = "auto",
    buckets: int = 2048,
    candidates: int = 16,
    recall: float | None = None,
    compute: str = "float32",
    device: str = "cpu",
    site: str | Site = "mlp",
    site_a: str | Site = "",
    site_b: str | Site = "",
    pattern: str = "",
    pattern_a: str = "",
    pattern_b: str = "",
    device_map: str = "",
    weights: str = "float32",
    allow_pickle_weights: bool = False,
    memory: str | int = "",
    spool: str = "float32",
    exclude_nonfinite: bool = False,
    seed: int = 0,
    out: Path | None = None,
    quiet: bool = False,
) -> ModelMatches:
    """Match the neurons of two models, as ``rosettalaw match`` does.

    Parameters
    ----------
    a, b : str, Labelled or LoadedModel
        Two files of activations (positions × neurons), or two checkpoints: folders, hub ids or ``id@revision``; or
        activations that `activations.inputs.open_input` has opened, or loaded models (`language.loaded`).
    text, tokens
        Text to read with checkpoints (Python's own by default), a path or what `corpora.texts` takes, and the number
        of A's tokens.
    images, skip_corrupt, timestep
        Images to show vision models, whether unreadable ones are left out, and the denoising step.
    context : int, optional
        Tokens of a window, special ones included; by default what both models are made for.
    contexts : int
        Contexts of each partner that the result keeps of its 1,000 pairs with the highest |ρ|, where models read text;
        0 keeps none.
    null : str, optional
        Kinds of null, with their draws: ``"shift,untrained:5"``; ``"none"`` for no null. By default three draws each of
        `rosettalaw.empirical.nulls.default_nulls`.
    null_permutations : int, optional
        Draws of the paper's permutation null in place of the default ones; 0 draws no null but `untrained`.
    untrained : int, optional
        Draws of the null of untrained networks, which needs checkpoints.
    documents : path, optional
        A ``.npy`` file with one integer for each position of two files of activations: its document.
    q : float
        Allowed share of null pairs among those counted.
    layers_a, layers_b : sequence of int
        Only these layers.
    buckets, candidates, recall
        The screened engine's `Screening`.
    site, site_a, site_b : str or Site
        Signals of language models (`rosettalaw.empirical.sites`): "mlp", "residual", "attention" or "sae:PATH", of both
        models, or of one.
    pattern, pattern_a, pattern_b : str
        Output projection of unknown architectures, ``*`` for the layer, or "auto" for the only candidate: of both
        models, or of one.
    device_map, weights, allow_pickle_weights
        How checkpoints are loaded (`checkpoints.hub.Loading`).
    memory : int or str
        Bytes to use, or "2GiB"; half of the free memory by default.
    spool : str
        Type of activations copied to disk.
    exclude_nonfinite : bool
        Whether neurons with impossible numbers are left out instead of refused.
    out : path, optional
        Where the Dataset is saved. Unfinished work lies in ``<out>.unfinished`` until then, and a killed run resumes
        from it.
    k, absolute, jackknife, engine, compute, device, seed, quiet
        As in `rosettalaw.empirical.matching.match`.

    Returns
    -------
    ModelMatches
        Under torchrun, every process gets it and the first one saves it.

    Raises
    ------
    RosettaError
        If an argument, a model, the text or the disk does not serve; messages name options as the command spells them.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> features = rng.standard_normal((500, 20))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     a, b = f"{folder}/a.npy", f"{folder}/b.npy"
    ...     np.save(a, features + 0.3 * rng.standard_normal((500, 20)))
    ...     np.save(b, features + 0.3 * rng.standard_normal((500, 20)))
    ...     result = match_models(a, b, quiet=True)
    >>> result.record()["calibrated_count"]
    20
    """
    if out is not None:
        require_replaceable("--out", out)
    pairing = PairOptions(
        k=k,
        absolute=absolute,
        null=null,
        null_permutations=null_permutations,
        untrained=untrained,
        jackknife=jackknife,
        q=q,
        contexts=contexts,
        engine=engine,
        screening=Screening(buckets, candidates, recall=recall),
        compute=compute,
        device=device,
        memory=byte_count("--memory", memory) if isinstance(memory, str) and memory else int(memory or 0) or None,
        spool=spool,
        exclude_nonfinite=exclude_nonfinite,
        seed=seed,
    )
    require(tokens is None or tokens > 0, "--tokens", tokens, "must be at least 1", "--tokens 200000")
    precision = weights if weights != "float32" else None
    options = {"--text": text, "--tokens": tokens, "--images": images, "--untrained": untrained, "--weights": precision}
    options |= {
        "--context": context,
        "--device-map": device_map or None,
        "--allow-pickle-weights": allow_pickle_weights,
    }
    options |= {"--site": site if str(site) != "mlp" else None, "--site-a": site_a or None, "--site-b": site_b or None}
    if images is not None:
        _require_neurons(options)
    options |= {"--pattern": pattern or None, "--pattern-a": pattern_a or None, "--pattern-b": pattern_b or None}
    _require_checkpoints(a, b, options)
    if not _arrays(a, b):  # before any text is read
        require_reading((a, b), tokens, context)
        require_extra("torch", "transformers", "tokenizers", "safetensors")
    if images is not None:
        require(precision is None, "--weights", weights, "vision models compute in float32", "--weights float32")
    rule = "applies to text; images have no context"
    require(context is None or images is None, "--context", context, rule, "--text FOLDER")
    require(timestep is None or images is not None, "--timestep", timestep, "applies to --images", "--images FOLDER")
    if documents is not None and not _arrays(a, b):
        rule = "applies to files of activations; texts and images have their own documents"
        raise InputError("--documents", str(documents), rule, "rosettalaw match a.npy b.npy --documents ids.npy")
    opening = Opening(
        sites=(site_named(site_a or site, "--site"), site_named(site_b or site, "--site")),
        patterns=(pattern_a or pattern or None, pattern_b or pattern or None),
        device=device,
        device_map=device_map or None,
        allow_pickle_weights=allow_pickle_weights,
        weights=weights,
    )
    if images is None:
        sources, provenance = _sources(a, b, text, tokens, seed, opening, pairing.memory, context, documents)
    else:
        sources, provenance = _image_sources(str(a), str(b), images, (skip_corrupt, pairing.memory), timestep, opening)
    chosen = _restricted(sources[0], layers_a, "--layers-a"), _restricted(sources[1], layers_b, "--layers-b")
    return pairing.run(chosen, provenance, out, quiet, getattr(sources[0], "text", None))


def _documents(path: Path | None) -> np.ndarray | None:
    """Return the document of each position, as ``--documents`` gives them."""
    return None if path is None else np.array(open_npy(path))


def _arrays(a: Model, b: Model) -> bool:
    """Return whether both models are activations; refuse one of each kind, and files that are neither."""
    for model in (a, b):
        path = Path(model) if isinstance(model, str) else Path()
        ending = path.suffix.lower()
        if not is_file(model) and ending != GGUF and path.is_file():
            rule = f"is neither a file of activations, which end in {', '.join(FILES)}, nor a checkpoint"
            raise InputError("models", str(path), rule, SAVED.get(ending, "numpy.save('a.npy', activations)"))
    kinds = {isinstance(model, Labelled) or is_file(model) for model in (a, b)}
    if len(kinds) > 1:
        rule = f"must be two files of activations or two checkpoints; files end in {', '.join(FILES)}"
        names = [model.source.name if isinstance(model, Labelled) else str(model) for model in (a, b)]
        raise InputError("models", " ".join(names), rule, "rosettalaw match a.npy b.npy")
    return kinds.pop()


def _require_checkpoints(a: Model, b: Model, options: dict[str, Any]) -> None:
    """Refuse options that would be ignored, since arrays are matched as they are."""
    option, value = next(((name, value) for name, value in options.items() if _is_said(value)), (None, None))
    if option is not None and _arrays(a, b):
        rule = "applies to checkpoints; files of activations are matched unchanged"
        shown = value if isinstance(value, str | Path | int) else type(value).__name__
        raise InputError(option, str(shown), rule, "rosettalaw match a.npy b.npy")


def _require_neurons(options: dict[str, Any]) -> None:
    """Refuse other signals of vision models than their neurons."""
    for option in ("--site", "--site-a", "--site-b"):
        if options[option] is not None:
            rule = "applies to language models; of vision models the MLPs' neurons are read"
            raise InputError(option, str(options[option]), rule, f"{option} mlp")


def _is_said(value: Any) -> bool:
    """Return whether an option has a value; 0 draws of a null are none. A list of documents may be any object."""
    return value is not None and not (isinstance(value, int) and value == 0)


def _sources(
    a: Model,
    b: Model,
    text: Any,
    tokens: int | None,
    seed: int,
    opening: Opening,
    memory: int | None,
    context: int | None,
    documents: Path | None,
) -> tuple[Sources, dict[str, Any]]:
    """Return the two models' activations, and where they come from."""
    if _arrays(a, b):
        ids = _documents(documents)
        opened = [one if isinstance(one, Labelled) else open_input(one, "file", documents=ids) for one in (a, b)]
        aligned(opened[0], opened[1])
        for one in opened:
            if one.source.positions < min(FEW, len(one.source.layer)):
                shape = f"{one.source.positions} positions of {len(one.source.layer)} neurons"
                say(f"{one.source.name}: {shape}; rows are positions. If its rows are neurons, transpose it")
        return (opened[0].source, opened[1].source), {}
    from .corpora.texts import open_texts
    from .language.source import text_sources

    loading, corpus = opening.loading(), None if text is None else open_texts(text, tokens, memory)
    require_models((a, b))
    if corpus is None:
        corpus = open_texts(PYTHON, tokens, memory)  # which takes seconds
    sources = text_sources(
        _checkpoint(a), _checkpoint(b), corpus, tokens, seed, opening.patterns, loading, context, opening.sites
    )
    facts = {"corpus": corpus.name, "corpus_sha256": corpus.sha256, "tokens": sources[0].text.tokens[0]}
    facts |= sources[0].text.reading(tokens, context)
    return sources, facts | opening.facts(sources, tokenizer=True)


def _checkpoint(model: Model) -> Any:
    """Return a loaded model as it is, and the path or id of another."""
    return model if hasattr(model, "tokenizer") else str(model)


def _image_sources(
    a: str, b: str, images: Path, reading: tuple[bool, int | None], timestep: int | None, opening: Opening
) -> tuple[Sources, dict[str, Any]]:
    """Return two vision models' activations, and which images they come from."""
    from .vision.images import open_images
    from .vision.source import image_sources

    loading, opened = opening.loading(), open_images(images, reading[0], memory=reading[1])
    sources = image_sources(a, b, opened, timestep, opening.patterns, loading)
    facts = {"images": opened.name, "images_sha256": opened.sha256, "number_of_images": len(opened)}
    facts |= {"grid": list(sources[0].grid), "skipped_images": list(opened.skipped), "modality": "vision"}
    facts |= {"timestep": timestep} if timestep is not None else {}
    return sources, facts | opening.facts(sources, tokenizer=False)


def _restricted(source: ActivationSource, layers: Sequence[int], option: str) -> ActivationSource:
    return Layers(source, list(layers), option) if layers else source
