"""`match`: two models, or two sets of activations in any form, matched against their nulls."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import checked, checked_options, on_disk
from ..console import reporting
from ..errors import InputError, UnknownNameError, require
from .match_result import MatchResult
from .wording import in_python

if TYPE_CHECKING:
    from ..empirical.activations.inputs import Labelled
    from ..empirical.pairing import ModelMatches


@checked("match(a, b, text='text.txt', tokens=20_000)")
def match(
    a: Any,
    b: Any,
    *,
    text: Any = None,
    tokens: int | None = None,
    tokenizer_a: Any = None,
    tokenizer_b: Any = None,
    samples_a: Any = None,
    samples_b: Any = None,
    documents: Any = None,
    nulls: Mapping[str, int] | None = None,
    layers_a: int | str | Sequence[int | str] = (),
    layers_b: int | str | Sequence[int | str] = (),
    k: int = 1,
    absolute: bool = False,
    engine: str = "auto",
    device: str = "cpu",
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    progress: bool | Callable[[str, float, float | None], object] = True,
    **options: Any,
) -> MatchResult:
    """Match the neurons of two models and count the pairs that chance does not explain.

    Parameters
    ----------
    a, b : object
        Activations of both models at the same positions: an array or tensor (positions, neurons) or
        (batch, position, neurons), a mapping of layer names to such arrays, a tuple of such arrays as layers 0, 1, …
        (the ``hidden_states`` of transformers), a DataFrame, a DataArray, a dask array, a sparse matrix, an
        `ActivationSource`, or a file (``.npy .npz .zarr .nc .h5 .safetensors .pt .parquet``). Or two models, which
        read `text`: checkpoint folders, hub ids, or loaded models of transformers, also in a wrapper (an adapter's, a
        sentence encoder's, a pipeline).
    text : object, optional
        Text that the models read: a list of documents, a `datasets.Dataset`, an iterator, a file or a folder; by
        default Python's own.
    tokens : int, optional
        Tokens of A to read.
    tokenizer_a, tokenizer_b : tokenizer, optional
        Fast tokenizers of loaded models. Models and tokenizers are not changed.
    samples_a, samples_b : array_like, optional
        Names of the positions, instead of an index or coordinates. If both sides have names, they must agree.
    documents : array_like, shape (positions,), optional
        Document (trial, video, recording) of each position of activations; models take them from their text.
    nulls : mapping of str to int, optional
        Draws of each null, ``{"shift": 3}``; ``{}`` draws none. By default three draws of each null that these inputs
        allow.
    layers_a, layers_b : sequence of int or str
        Only these layers, by number or name.
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
        Where the result is saved too; a killed run resumes from there.
    progress : bool or callable
        False shows no bar; a callable is called with description, steps done, and steps in all. What it raises ends
        the matching.
    **options
        Further arguments of `rosettalaw.empirical.match_models`.

    Returns
    -------
    MatchResult
        ``.pairs`` is a DataFrame; ``.summary()``, ``.plot()``, ``.save(path)``.

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
    >>> a, b = (features + 0.3 * rng.standard_normal((500, 20)) for _ in range(2))
    >>> found = rl.match(a, {"mlp.0": b[:, :12], "mlp.1": b[:, 12:]}, progress=False)
    >>> found.calibrated_count
    20
    >>> found.pairs.loc[12, ["unit_a", "layer_b", "unit_b"]].to_list() == [12, "mlp.1", 0]
    True
    """
    with ExitStack() as stack:
        stack.enter_context(in_python())
        if callable(progress):
            stack.enter_context(reporting(progress))
        from ..empirical.activations.inputs import Labelled
        from ..empirical.language.loaded import LoadedModel, unchanged
        from ..empirical.two_models import match_models

        known = set(inspect.signature(match_models).parameters)
        if "quiet" in options:
            example = "match(a, b, progress=False)"
            raise InputError("quiet", options["quiet"], "has the name progress here", example)
        for name in options:
            if name not in known:
                raise UnknownNameError("argument of match", name, known | set(inspect.signature(match).parameters))
        options = checked_options(options, match_models, "match(a, b, nulls={'shift': 3}, context=256)")
        sides = [
            opened(value, side, tokenizer, samples, documents)
            for value, side, tokenizer, samples in (
                (a, "a", tokenizer_a, samples_a),
                (b, "b", tokenizer_b, samples_b),
            )
        ]
        loaded_models = [side.model for side in sides if isinstance(side, LoadedModel)]
        if loaded_models:
            stack.enter_context(unchanged(*loaded_models))
        if out is not None:
            options["out"] = Path(out)
        if nulls is not None:
            options["null"] = null_words(nulls)
        result = match_models(
            sides[0],
            sides[1],
            text=on_disk("text", text, "match(a, b, text='text.txt')"),
            tokens=tokens,
            layers_a=_numbers(sides[0], layers_a, "layers_a"),
            layers_b=_numbers(sides[1], layers_b, "layers_b"),
            k=k,
            absolute=absolute,
            engine=engine,
            device=device,
            seed=seed,
            quiet=progress is False,
            **options,
        )
        labelled = [side if isinstance(side, Labelled) else None for side in sides]
        shown = _named(result, labelled)
        if out is not None and any(labelled):
            shown.save(out)
        return shown


def opened(value: Any, side: str, tokenizer: Any, samples: Any, documents: Any) -> Any:
    """Return activations, a loaded model, or the path or id of a checkpoint."""
    from ..empirical.activations.inputs import answers_anything, is_file, open_input, unknown
    from ..empirical.language.loaded import is_model, loaded

    if answers_anything(value):
        raise unknown(value, side)
    value = on_disk(side, value, "match('a.npy', 'b.npy')")
    checkpoint = isinstance(value, str | os.PathLike) and not is_file(value)
    if checkpoint or is_model(value):
        for name, given in ((f"samples_{side}", samples), ("documents", documents)):
            if given is not None:
                rule = "must be given only with activations; for models it follows from the text"
                raise InputError(name, type(given).__name__, rule, f"no {name}")
        return os.fspath(value) if checkpoint else loaded(value, tokenizer, side)
    if tokenizer is not None:
        raise InputError(
            f"tokenizer_{side}", type(tokenizer).__name__, "must be given only with a loaded model", "no tokenizer"
        )
    return open_input(value, side, samples, documents=documents)


def null_words(nulls: Mapping[str, int] | str) -> str:
    """Return draws of each null as the option ``null`` has them."""
    if isinstance(nulls, str):
        return nulls
    if not isinstance(nulls, Mapping):
        raise InputError(
            "nulls", nulls, "must be a mapping of null to number of draws", "nulls={'shift': 3}, or {} for none"
        )
    for name, draws in nulls.items():
        require(int(draws) == draws >= 0, f"nulls[{name!r}]", draws, "must be a whole number of draws", "nulls={}")
    return ",".join(f"{name}:{int(draws)}" for name, draws in nulls.items() if draws) or "none"


def _numbers(side: Any, layers: int | str | Sequence[int | str], argument: str) -> list[int]:
    """Return the numbers of layers that are given by number or by name."""
    names = {name: number for number, name in (getattr(side, "layers", None) or {}).items()}
    numbers = []
    for layer in [layers] if isinstance(layers, str | int) else layers:
        if isinstance(layer, str) and layer not in names:
            raise UnknownNameError(f"layer in {argument}", layer, names or ["0"])
        numbers.append(names[layer] if isinstance(layer, str) else int(layer))
    return numbers


def _named(result: ModelMatches, sides: Sequence[Labelled | None]) -> MatchResult:
    """Return the result with the names of layers and neurons that the inputs have."""
    dataset = result.to_dataset()
    for letter, side in zip("ab", sides, strict=True):
        if side is None:
            continue
        if side.layers is not None:
            dataset.attrs[f"layer_names_{letter}"] = json.dumps(side.layers)
        if side.neurons is not None:
            names = dict(zip(zip(side.source.layer.tolist(), side.source.unit.tolist(), strict=True), side.neurons))  # noqa: B905
            places = zip(dataset[f"layer_{letter}"].values, dataset[f"layer_unit_{letter}"].values, strict=True)
            column = np.array([names[int(layer), int(unit)] for layer, unit in places], dtype=object)
            dataset[f"name_{letter}"] = ("pair", column)
    return MatchResult(dataset, result.matches, result.calibration)
