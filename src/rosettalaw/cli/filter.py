"""``rosettalaw filter``: documents of a domain selected by one neuron, and the gain from training on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from .output import (
    JsonOption,
    cache_to_use,
    echo,
    file_to_write,
    folder_of,
    print_json,
    print_table,
    require_no_input,
)

EPILOG = (
    "Example: rosettalaw filter (two models trained here). Your own: rosettalaw filter EleutherAI/pythia-410m "
    "Qwen/Qwen2.5-0.5B --text pile.jsonl.zst --target Github --out results/filter"
)


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
    app.command("filter", rich_help_panel=section, epilog=EPILOG)(filter_)


def filter_(
    a: str | None = typer.Argument(None, help="Checkpoint with the neuron that filters: a folder or a hub id."),
    b: str | None = typer.Argument(None, help="Checkpoint to match A with."),
    text: Path | None = typer.Option(None, help="Labelled text: a folder of domains or a .jsonl[.zst] file."),
    target: str | None = typer.Option(None, help="Domain to select."),
    pairs: Path | None = typer.Option(None, help="Matching of A on other text, from rosettalaw match A B --out."),
    tune: str | None = typer.Option(None, help="The checkpoint to train on (default: A)."),
    budget: int | None = typer.Option(None, help="Tokens to select (default: as many as the target domain has)."),
    contexts: int = typer.Option(20, help="Top contexts by which the neuron is chosen."),
    passage: int | None = typer.Option(
        None, help="Cut documents into passages of this many characters; 0: whole documents."
    ),
    tokens: int | None = typer.Option(
        None, help="Maximum number of tokens of A to match on (default: the paper's 10 million)."
    ),
    choosing: float = typer.Option(0.25, help="Share of the text to match and to choose the neuron on."),
    test: float = typer.Option(0.25, help="Share of the text to measure perplexity on."),
    runs: int = typer.Option(3, help="Training runs per selection; 0 stops after F1."),
    rank: int = typer.Option(1, help="Rank of the adapters."),
    learning_rate: float = typer.Option(1e-3, help="Peak learning rate."),
    weight_decay: float = typer.Option(0.01, help="Weight decay of the adapters."),
    batch: int = typer.Option(32, help="Sequences per step."),
    context: int | None = typer.Option(None, help="Length of a sequence (default: the model's, at most 1024)."),
    ladder: str = typer.Option("filter", help="Without models: ladder whose largest models are used."),
    cache: Path | None = typer.Option(None, callback=cache_to_use, help="Without models: folder of checkpoints."),
    device: str = typer.Option("cpu", help="cpu, cuda, cuda:1, …"),
    pattern_a: str = typer.Option(
        "", help="A's MLP output projection, * for the layer, if A has an unknown architecture."
    ),
    pattern_b: str = typer.Option("", help="The same for B."),
    pickled: bool = typer.Option(False, "--allow-pickle-weights", help="Read weights that are not safetensors."),
    seed: int = typer.Option(0, min=0, help="Seed of the split, the samples and the training."),
    selection: Path | None = typer.Option(
        None, callback=file_to_write, help="Write the selected documents to this .jsonl file."
    ),
    out: Path = typer.Option(
        Path("results/filter"),
        callback=folder_of("filtering.nc"),
        help="Folder for the results; an interrupted run resumes there.",
    ),
    as_json: bool = JsonOption,
) -> None:
    """Choose a neuron for a domain, filter documents by it, and train on the selected documents.

    Without models, the whole study runs on two families that are trained here, in a few minutes.
    """
    from ..empirical.config import require_device
    from ..empirical.corpora.corpus import PAPERS_TOKENS, require_text
    from ..empirical.filtering import FilteringPlan, TuningRecipe, embedded, filter_documents, findings
    from ..errors import InputError
    from ..results import save

    own = {name: value for name, value in (("--text", text), ("--target", target)) if value is None}
    if a is not None and own:
        name = next(iter(own))
        raise InputError(name, None, "is required with your own models", "rosettalaw filter A B --text T --target D")
    require_no_input("--selection", selection, (text, pairs))
    require_device("--device", device, "--device cuda")
    if a is None and (pairs or tune or text):
        option, value = next(pair for pair in (("--text", text), ("--pairs", pairs), ("--tune", tune)) if pair[1])
        raise InputError(option, str(value), "requires your own models", f"rosettalaw filter A B {option} …")
    plan = FilteringPlan(
        target=target or embedded.TARGET,
        budget=budget,
        contexts=contexts,
        passage=(embedded.PASSAGE if a is None else 0) if passage is None else passage,
        choosing=choosing,
        test=test,
        match_tokens=PAPERS_TOKENS if tokens is None else tokens,
        runs=runs,
        context=context,
        recipe=TuningRecipe(rank=rank, learning_rate=learning_rate, weight_decay=weight_decay, batch=batch),
        seed=seed,
    )
    if text is not None:
        require_text(text)
    if a is None:
        result = embedded.embedded_study(plan, ladder, out, cache, selection=selection)
    else:
        from ..empirical.checkpoints.hub import Loading
        from ..empirical.corpora.corpus import open_stored
        from ..empirical.filtering.splitting import require_target_of
        from ..empirical.pairing import require_models
        from ..results import load

        require_target_of(str(text), plan.target)
        require_models([one for one in (a, b, tune) if one is not None])  # before a text is read for them
        matching: Any = None if pairs is None else load(pairs, "pairs")
        options: dict[str, Any] = {"pairs": matching, "tuned": tune, "out": out, "selection": selection}
        options |= {"patterns": (pattern_a or None, pattern_b or None), "loading": Loading(device, None, pickled)}
        result = filter_documents(open_stored(str(text)), plan, a, b, **options)
    save(result, out / "filtering.nc")
    rows, sentences = findings.records(result), findings.sentences(result)
    if as_json:
        print_json({"selectors": rows, "findings": sentences, "facts": findings.facts(result)})
        return
    print_table(rows, title=f"filtering for {plan.target!r} by one neuron")
    for sentence in sentences:
        echo(sentence)
