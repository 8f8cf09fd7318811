"""`match_several`: three and more models, each read once, and the neurons that recur in them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..arguments import checked, checked_options, on_disk
from ..console import reporting
from ..errors import InputError, UnknownNameError
from .match_result import MatchResult
from .matching import null_words, opened
from .recurrence_result import RecurrenceResult
from .wording import in_python


@checked("match_several([a, b, c], text='text.txt', tokens=20_000)")
def match_several(
    models: Sequence[Any] | Mapping[str, Any],
    *,
    text: Any = None,
    tokens: int | None = None,
    tokenizers: Sequence[Any] | None = None,
    documents: Any = None,
    nulls: Mapping[str, int] | None = None,
    k: int = 1,
    absolute: bool = False,
    engine: str = "auto",
    device: str = "cpu",
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    progress: bool | Callable[[str, float, float | None], object] = True,
    **options: Any,
) -> RecurrenceResult:
    """Match every two of three or more models, and list the neurons that recur in all, in most and in two of them.

    Each model is read once, for all its pairs and their nulls. Activations of checkpoints stay in the cache for later
    calls (``rosettalaw cache``); those of models in memory are removed at the end.

    Parameters
    ----------
    models : sequence, or mapping of str to model
        Activations at the same positions, or models that read `text`, in any form that `match` takes. A mapping gives
        them names.
    text : object, optional
        Text that the models read, cut where all their tokenizers agree; by default Python's own.
    tokens : int, optional
        Tokens of the first model to read.
    tokenizers : sequence of tokenizer, optional
        Fast tokenizers of loaded models, one for each model (None for the others).
    documents : array_like, shape (positions,), optional
        Document of each position of activations.
    nulls : mapping of str to int, optional
        Draws of each null; three of each by default, as in `match`.
    k : int
        Two neurons are a pair if each is among the other's k best partners.
    absolute : bool
        Rank by |ρ| instead of ρ.
    engine : str
        "auto": "exact", or "certified" where half-precision products are fast, which gives the same pairs;
        or "screened" for very many neurons.
    device : str
        Where correlations are computed.
    seed : int
        Seed of the nulls, and of the order of documents.
    out : path, optional
        Folder where every pair and the neurons that recur are saved; finished pairs are not matched again.
    progress : bool or callable
        False shows no bar; a callable is called with description, steps done, and steps in all.
    **options
        Further arguments of `rosettalaw.empirical.match_several`.

    Returns
    -------
    RecurrenceResult
        ``.families`` is a DataFrame; ``.pairs["a", "b"]`` is the `MatchResult` of two models; ``.summary()``.

    Raises
    ------
    RosettaError
        If an input is of another type, positions do not correspond, or a model cannot be read. Messages say what to do.

    Examples
    --------
    >>> import numpy as np
    >>> import rosettalaw as rl
    >>> rng = np.random.default_rng(0)
    >>> features = rng.standard_normal((500, 20))
    >>> a, b, c = (features + 0.3 * rng.standard_normal((500, 20)) for _ in range(3))
    >>> recurring = rl.match_several({"a": a, "b": b, "c": c[:, :15]}, progress=False)
    >>> [row["families"] for row in recurring.levels()]  # in all three, in two
    [15, 5]
    >>> recurring.families.loc[0, ["models", "closed"]].to_list() == [3, True]
    True
    """
    with ExitStack() as stack:
        stack.enter_context(in_python())
        if callable(progress):
            stack.enter_context(reporting(progress))
        from ..empirical.language.loaded import LoadedModel, unchanged
        from ..empirical.several.several_models import match_several as matched

        known = set(inspect.signature(matched).parameters)
        if "quiet" in options:
            example = "match_several([a, b, c], progress=False)"
            raise InputError("quiet", options["quiet"], "has the name progress here", example)
        for name in options:
            if name not in known:
                own = set(inspect.signature(match_several).parameters)
                raise UnknownNameError("argument of match_several", name, known | own)
        options = checked_options(options, matched, "match_several([a, b, c], nulls={'shift': 3}, context=256)")
        if isinstance(models, str | bytes) or not isinstance(models, Mapping | Sequence):
            rule = "must be a list of models, or a mapping of names to models"
            raise InputError("models", type(models).__name__, rule, "rl.match_several([a, b, c])")
        every = list(models.values()) if isinstance(models, Mapping) else list(models)
        given = [None] * len(every) if tokenizers is None else list(tokenizers)
        if len(given) != len(every):
            rule = f"must be one for each of the {len(every)} models"
            raise InputError("tokenizers", len(given), rule, "tokenizers=[None, tokenizer, None]")
        words = [str(name) for name in models] if isinstance(models, Mapping) else [str(i) for i in range(len(every))]
        sides = [
            opened(value, word, tokenizer, None, documents)
            for value, word, tokenizer in zip(every, words, given, strict=True)
        ]
        loaded_models = [side.model for side in sides if isinstance(side, LoadedModel)]
        if loaded_models:
            stack.enter_context(unchanged(*loaded_models))
        if nulls is not None:
            options["null"] = null_words(nulls)
        result = matched(
            dict(zip(words, sides, strict=True)) if isinstance(models, Mapping) else sides,
            text=on_disk("text", text, "match_several([a, b, c], text='text.txt')"),
            tokens=tokens,
            k=k,
            absolute=absolute,
            engine=engine,
            device=device,
            seed=seed,
            out=None if out is None else Path(out),
            quiet=progress is False,
            **options,
        )
        names = [str(name) for name in result.recurrence["model"].values]
        pairs = {(names[pair.first], names[pair.second]): MatchResult(pair.dataset) for pair in result.pairs}
        return RecurrenceResult(result.recurrence, pairs)
