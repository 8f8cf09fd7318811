"""The page of two language models: from a saved matching, or from two checkpoints that are matched first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError, require
from ...results import load
from ..corpora import PYTHON, open_text
from ..language import text_sources
from ..matching import match
from . import page
from .items import Collection
from .text_pairs import text_pairs

TOKENS = 200_000


@dataclass(frozen=True)
class _Found:
    """Pairs of two checkpoints, and the text they were found on."""

    models: tuple[str, str]
    unit_a: np.ndarray
    unit_b: np.ndarray
    correlation: np.ndarray
    threshold: float | None
    corpus: str
    tokens: int
    seed: int


def write_viewer(
    source: str,
    b: str | None,
    out: str | os.PathLike[str],
    limit: int = 1000,
    contexts: int = 8,
    text: str | None = None,
    tokens: int | None = None,
    seed: int | None = None,
    quiet: bool = False,
) -> Path:
    """Write the page of matched neurons.

    Parameters
    ----------
    source, b : str
        A result file of ``rosettalaw match``, and None; or two checkpoints.
    out : path
        The page.
    limit : int
        Pairs to show, those with the highest |correlation|.
    contexts : int
        Contexts of each partner.
    text, tokens, seed
        What to read, where it is not what the pairs were found on.

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
    require(not (saved and b), "source", source, "is a result, which knows both checkpoints: give it alone", example)
    found = _saved(source) if saved else None
    models = found.models if found is not None else (source, str(b))
    text = text or (found.corpus if found is not None else PYTHON)
    tokens = tokens or (found.tokens if found is not None else TOKENS)
    seed = seed if seed is not None else (found.seed if found is not None else 0)
    corpus = open_text(text)
    sources = text_sources(*models, corpus, tokens, seed)
    if found is None:
        matched = match(*sources, jackknife_blocks=0, seed=seed, quiet=quiet)
        calibration = matched.calibrate()
        threshold = None if calibration is None else calibration.threshold
        found = _Found(models, matched.unit_a, matched.unit_b, matched.correlation, threshold, text, tokens, seed)
    require(len(found.correlation), "source", source, "holds no pair of neurons", "more text: --tokens 1000000")
    order = np.argsort(-np.abs(found.correlation), kind="stable")[:limit]
    units = found.unit_a[order].tolist(), found.unit_b[order].tolist()
    pairs = text_pairs(sources, units, found.correlation[order].tolist(), contexts, quiet)
    facts = {
        "text": text,
        "sha256 of the text": corpus.sha256,
        "tokens of A": f"{sources[0].text.tokens[0]:,}",
        "seed": seed,
        "pairs found": f"{len(found.correlation):,}",
        "made with": "rosettalaw view",
    }
    threshold = found.threshold if found.threshold is not None and np.isfinite(found.threshold) else None
    return page.write(Collection(models, pairs, threshold, facts), out)


def _saved(path: str) -> _Found:
    ds = load(path, "pairs")
    if not {"corpus", "tokens", "model_a", "model_b"} <= set(ds.attrs):
        rule = "was matched from files of activations, which have no text to show"
        raise InputError("source", path, rule, "rosettalaw match folder-a folder-b --out pairs.nc")
    return _Found(
        models=(ds.attrs["model_a"], ds.attrs["model_b"]),
        unit_a=ds["unit_a"].values,
        unit_b=ds["unit_b"].values,
        correlation=ds["correlation"].values,
        threshold=float(ds["threshold"]) if "threshold" in ds else None,
        corpus=ds.attrs["corpus"],
        tokens=int(ds.attrs["tokens"]),
        seed=int(ds.attrs["seed"]),
    )
