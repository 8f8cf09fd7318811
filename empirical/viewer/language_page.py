"""The page of two language models: from a saved matching, from two checkpoints that are matched first, or from a rung.

A measured rung (or a ladder's largest) keeps its contexts in its own file; the others are read again (`text_pairs`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...console import say
from ...errors import ForeignFileError, InputError, require
from ...results import KIND, interpreting, load, require_variables
from ..checkpoints.hub import Loading
from ..checkpoints.locations import require_found
from ..corpora.corpus import PYTHON, open_text
from ..sites import MlpNeurons, Site, site_named
from . import page
from .items import Collection, Judged, judged_pairs
from .offline_page import saved_collection
from .recurring import first_pair, recurs
from .saved_contexts import SAVED, keeps, strongest_pairs
from .saved_contexts import saved_pairs as saved_pairs_of

if TYPE_CHECKING:
    import xarray as xr

    from ..matching.matches import Matches

TOKENS, CONTEXTS = 200_000, 8


@dataclass(frozen=True)
class _Found:
    """Pairs of two checkpoints, and the text of their matching."""

    models: tuple[str, str]
    unit_a: np.ndarray
    unit_b: np.ndarray
    correlation: np.ndarray
    threshold: float | None
    corpus: str
    tokens: int
    seed: int
    judged: list[Judged]
    patterns: tuple[str | None, str | None] = (None, None)
    sites: tuple[Site, Site] = (MlpNeurons(), MlpNeurons())
    asked: int | None = None
    context: int | None = None


def write_viewer(
    source: str,
    b: str | None,
    out: str | os.PathLike[str],
    limit: int = 1000,
    contexts: int | None = None,
    text: str | None = None,
    tokens: int | None = None,
    seed: int | None = None,
    loading: Loading = Loading(),
    quiet: bool = False,
    memory: int | None = None,
) -> Path:
    """Write the page of matched neurons.

    Parameters
    ----------
    source, b : str
        A result file of ``rosettalaw match`` or ``rosettalaw ladder``, and None; or two checkpoints.
    out : path
        The page.
    limit : int
        Pairs to show, those with the highest |correlation|.
    contexts : int, optional
        Contexts of each partner: by default as many as a result keeps, else `CONTEXTS`.
    text, tokens, seed
        Text to read, where it is not that of the matching.
    loading : Loading
        Where the weights go.
    memory : int, optional
        Bytes that reading the text and matching may take; half of the free memory by default.

    Raises
    ------
    InputError
        If a result file is given with a checkpoint, or was not made from checkpoints, or holds no pair.
    RosettaError
        If a checkpoint or the text cannot be used.
    """
    saved = Path(source).suffix == ".nc"
    example = "rosettalaw view pairs.nc, or rosettalaw view folder-a folder-b"
    require(saved or b is not None, "source", source, "must be a result (.nc), or one of two checkpoints", example)
    require(
        not (saved and b),
        "source",
        source,
        "is a result, which names both checkpoints; give no second argument",
        example,
    )
    result = load(source) if saved else None
    if result is not None and result.attrs[KIND] == "recurrence":
        source, others = _of_several(result, source)
        result = load(source, "pairs")
        if not quiet:
            say(f"{source}: the pairs of the first two models; the other pages: rosettalaw view {others}")
    if result is not None and result.attrs.get("modality") == "vision":
        rule = "was measured on images; the pairs of rosettalaw match --images are shown with them"
        raise InputError("source", source, rule, "rosettalaw view pairs.nc --images folder")
    if result is not None and result.attrs[KIND] in ("rung", "ladder"):
        rule = "is a measurement with its own contexts; another text needs its two checkpoints"
        require(
            text is None and tokens is None and seed is None, "source", source, rule, "rosettalaw view A B --text T"
        )
        with interpreting(source):
            collection = saved_collection(result, source, limit, contexts or CONTEXTS)
        return page.write(collection, out)
    saved_pairs = _saved(result, source) if result is not None else None
    if result is not None and saved_pairs is not None:
        asked = text is not None or tokens is not None or seed is not None
        order = strongest_pairs(saved_pairs.correlation, limit)
        if not asked and len(order) and keeps(result, order, contexts):
            with interpreting(source):
                return page.write(_from_result(result, saved_pairs, order, contexts), out)
        if not quiet:
            say(f"{source}: {_why(result, asked)}, so both models are run again")
    contexts = contexts or CONTEXTS
    models = saved_pairs.models if saved_pairs is not None else (source, str(b))
    text = text or (saved_pairs.corpus if saved_pairs is not None else PYTHON)
    tokens = tokens or (saved_pairs.asked or saved_pairs.tokens if saved_pairs is not None else TOKENS)
    seed = seed if seed is not None else (saved_pairs.seed if saved_pairs is not None else 0)
    from ..language.source import text_sources  # torch, which a measurement's own contexts do without
    from .text_pairs import text_pairs

    for one in models if result is None else ():
        require_found(one)
    corpus = open_text(text, memory)
    sources = text_sources(
        *models,
        corpus,
        tokens,
        seed,
        saved_pairs.patterns if saved_pairs is not None else (None, None),
        loading,
        saved_pairs.context if saved_pairs is not None else None,
        sites=saved_pairs.sites if saved_pairs is not None else (MlpNeurons(), MlpNeurons()),
    )
    if saved_pairs is None:
        from ..matching import match

        matched = match(*sources, jackknife_blocks=0, seed=seed, quiet=quiet, memory=memory)
        calibration = matched.calibrate()
        threshold = None if calibration is None else calibration.threshold
        saved_pairs = _Found(
            models=models,
            unit_a=matched.unit_a,
            unit_b=matched.unit_b,
            correlation=matched.correlation,
            threshold=threshold,
            corpus=text,
            tokens=tokens,
            seed=seed,
            judged=_judged(matched),
        )
    require(len(saved_pairs.correlation), "source", source, "has no pair of neurons", "more text: --tokens 1000000")
    order = strongest_pairs(saved_pairs.correlation, limit)
    units = saved_pairs.unit_a[order].tolist(), saved_pairs.unit_b[order].tolist()
    judged = [saved_pairs.judged[i] for i in order]
    pairs = text_pairs(sources, units, saved_pairs.correlation[order].tolist(), contexts, quiet, judged)
    facts = {
        "text": text,
        "sha256 of the text": corpus.sha256,
        "tokens of A": f"{sources[0].text.tokens[0]:,}",
        "seed": seed,
        "pairs found": f"{len(saved_pairs.correlation):,}",
        "made with": "rosettalaw view",
    }
    return page.write(Collection(models, pairs, _finite(saved_pairs.threshold), facts), out)


def _of_several(several: xr.Dataset, source: str) -> tuple[str, str]:
    """Return the result of the first two of several models, and the names of the others."""
    path, others = first_pair(several, Path(source))
    rule = "lists the neurons that recur in several models; their pairs are not beside it"
    require(path.is_file(), "source", source, rule, f"rosettalaw match A B C --out {Path(source).parent}")
    return str(path), ", ".join(str(other) for other in others)


def _finite(threshold: float | None) -> float | None:
    return threshold if threshold is not None and np.isfinite(threshold) else None


def _why(result: xr.Dataset, asked: bool) -> str:
    """Return why the contexts of a result are not enough."""
    if asked:
        return "another text is requested"
    number = result.attrs.get(SAVED)
    if number is None:
        return "it has no contexts (match --contexts 5 saves them)"
    return f"it has {number} contexts per neuron, of {len(np.unique(result['context_pair'].values)):,} pairs"


def _from_result(result: xr.Dataset, matching: _Found, order: np.ndarray, contexts: int | None) -> Collection:
    """Return the contents of the page from the contexts that a result keeps."""
    facts = {
        "text": matching.corpus,
        "sha256 of the text": str(result.attrs.get("corpus_sha256", "")),
        "tokens of A": f"{matching.tokens:,}",
        "seed": matching.seed,
        "pairs found": f"{len(matching.correlation):,}",
        "made with": "rosettalaw view",
    }
    pairs = saved_pairs_of(result, order, contexts, matching.judged)
    return Collection(matching.models, pairs, _finite(matching.threshold), facts)


def _saved(ds: xr.Dataset, path: str) -> _Found:
    if ds.attrs[KIND] != "pairs":
        raise ForeignFileError(
            f"{path}: holds a result of kind {ds.attrs[KIND]!r}, expected 'pairs', 'rung' or 'ladder'"
        )
    if not {"corpus", "tokens", "model_a", "model_b"} <= set(ds.attrs):
        rule = "was matched from files of activations, which have no text to show"
        raise InputError("source", path, rule, "rosettalaw match folder-a folder-b --out pairs.nc")
    require_variables(ds, path, ("unit_a", "unit_b", "correlation"), ("seed",))
    judged, further = judged_pairs(ds, range(ds.sizes["pair"])), recurs(ds, Path(path))
    if further is not None:
        judged = [replace(one, recurs=float(n)) for one, n in zip(judged, further, strict=True)]
    return _Found(
        models=(ds.attrs["model_a"], ds.attrs["model_b"]),
        unit_a=ds["unit_a"].values,
        unit_b=ds["unit_b"].values,
        correlation=ds["correlation"].values,
        threshold=float(ds["threshold"]) if "threshold" in ds else None,
        corpus=ds.attrs["corpus"],
        tokens=int(ds.attrs["tokens"]),
        seed=int(ds.attrs["seed"]),
        judged=judged,
        patterns=(ds.attrs.get("pattern_a"), ds.attrs.get("pattern_b")),
        sites=(site_named(ds.attrs.get("site_a", "mlp")), site_named(ds.attrs.get("site_b", "mlp"))),
        asked=_whole(ds, "tokens_asked"),
        context=_whole(ds, "context"),
    )


def _whole(ds: xr.Dataset, name: str) -> int | None:
    return int(ds.attrs[name]) if name in ds.attrs else None


def _judged(matched: Matches) -> list[Judged]:
    lexical, missing = matched.lexical_share, [float("nan")] * matched.count
    shares = missing if lexical is None else lexical.tolist()
    return [Judged(margin=m, lexical_share=s) for m, s in zip(matched.margin.tolist(), shares, strict=True)]
