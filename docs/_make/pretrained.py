"""The kept files, the figure and the tables of the study of pretrained models, from a finished run.

    python docs/pretrained/study.py WHEELS OUT
    python docs/_make/pretrained.py OUT

writes into ``docs/pretrained``: ``study.json`` with the numbers of every two models and of the text, ``pairs.csv`` with
the pairs above ρ*, ``families.csv`` with the neurons that recur in three and more models and their contexts,
``text.csv`` and ``checks.json`` of the run, ``pretrained.png``; ``FINDINGS.md``, which is ``page.txt`` with everything
between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; and the paragraph of the README between its marks
``pretrained``. `pretrained_results` reads the run. Page and figure are made of the kept files alone:

    python docs/_make/pretrained.py
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rosettalaw.validation.reporting.excerpts import SIGNS, excerpt, visible

if TYPE_CHECKING:
    pass

DOCS = Path(__file__).resolve().parents[1]
FOLDER = DOCS / "pretrained"
NAMES = {"minilm": "MiniLM", "e5": "e5", "mpnet": "MPNet", "smollm2": "SmolLM2"}
ABOUT = {
    "minilm": ("all-MiniLM-L6-v2", "BERT, 6 layers", "single precision, as published"),
    "e5": ("multilingual-e5-small", "BERT, 12 layers", "4 bits (Q4_0)"),
    "mpnet": ("all-mpnet-base-v2", "MPNet, 12 layers", "single precision, as published"),
    "smollm2": ("SmolLM2-135M-Instruct", "Llama, 30 layers", "4 bits (Q4_1)"),
}
NUMBERS = {2: "two", 3: "three", 4: "four"}
STABLE = 0.9
LISTED = 12  # families of each kind on the page
SHOWN = 3  # strongest contexts of a family
DRAWS = 2000  # of layers, for the interval of a rank correlation


def _beside(name: str) -> Any:
    """Return another module of this folder, which is no package that could be imported."""
    spec = importlib.util.spec_from_file_location(f"{name}_page", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE, RESULTS = _beside("full_ladder"), _beside("pretrained_results")  # tables of both pages look the same
NULLS, AROUND = RESULTS.NULLS, RESULTS.AROUND


def blocks(folder: Path = FOLDER) -> dict[str, str]:
    """Return the text of each marked part of the page, from the kept files."""
    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    checks = json.loads((folder / "checks.json").read_text(encoding="utf-8"))
    pairs, families = PAGE.rows_of(folder / "pairs.csv"), PAGE.rows_of(folder / "families.csv")
    text = PAGE.rows_of(folder / "text.csv")
    return {
        "size": PAGE.filled(_size(study, text)),
        "models": _models(study),
        "waiting": PAGE.filled(_waiting(study)),
        "checks": PAGE.filled(_checks(checks)),
        "counts": _counts(study, pairs),
        "nulls": _null_table(study),
        "lexical": PAGE.filled(_lexical(pairs)),
        "depth": _depth(study, pairs),
        "map": _map(pairs),
        "families": _levels_table(study),
        "recurring": _recurring(study, families),
        "sizes": PAGE.filled(_sizes(study)),
    }


def _size(study: dict[str, Any], text: list[dict[str, str]]) -> str:
    domains = Counter(row["domain"] for row in text)
    said = ", ".join(f"{number} of domain `{domain}`" for domain, number in domains.items())
    draws = ", ".join(f"{number} {null}" for null, number in study["draws"].items())
    tokens = study["tokens"][0] if isinstance(study["tokens"], list) else study["tokens"]
    return (
        f"The text has {len(text)} documents: {said}. Of it {tokens:,} tokens of {NAMES[study['models'][0]]} were "
        f"read, which gives {study['positions']:,} positions at which all tokenizers agree. Draws of the nulls: "
        f"{draws}. Engine: {study['engine']}."
    )


def _models(study: dict[str, Any]) -> str:
    neurons, names = _neurons(study), [name for name in ABOUT if name in study["models"]]
    columns = {
        "model": [f"{NAMES[name]}: {ABOUT[name][0]}" for name in names],
        "architecture": [ABOUT[name][1] for name in names],
        "weights": [ABOUT[name][2] for name in names],
        "neurons": [f"{neurons[name]:,}" for name in names],
    }
    return PAGE.markdown(columns)


def _waiting(study: dict[str, Any]) -> str:
    """The models that were read on the same text, and are not matched yet."""
    others = [NAMES[name] for name in study.get("together", study["models"]) if name not in study["models"]]
    if not others:
        return "Every two of these models were matched."
    return (
        f"Every two of these models were matched. The text was read by {' and '.join(others)} too, so that positions "
        f"are those at which the tokenizers of all {NUMBERS[len(study['together'])]} agree; its pairs wait for the "
        f"rest of the run."
    )


def _neurons(study: dict[str, Any]) -> dict[str, int]:
    return {one[side]: int(one[f"neurons_{side}"]) for one in study["comparisons"] for side in ("a", "b")}


def _checks(checks: dict[str, Any]) -> str:
    encoders = ", ".join(
        f"{NAMES[name]} {checks[name]['right']} of {checks[name]['sentences']}"
        for name in ABOUT
        if "right" in checks[name]
    )
    completions = "; ".join(f"“{start}” with “{word.strip()}”" for start, word in checks["smollm2"]["completions"])
    own = checks["e5"]["cosine_with_own_engine"]
    engine = (
        ""
        if own is None
        else (
            f" Embeddings of the unpacked e5 and of the package's own program, which rounds activations to 8 bits, "
            f"have a cosine of at least {own:.4f}."
        )
    )
    return f"Sentences whose nearest one is their paraphrase: {encoders}.{engine} SmolLM2 completes {completions}."


def _title(one: dict[str, Any]) -> str:
    return f"{NAMES[one['a']]} × {NAMES[one['b']]}"


def _of(pairs: list[dict[str, str]], one: dict[str, Any]) -> list[dict[str, str]]:
    return [row for row in pairs if row["a"] == one["a"] and row["b"] == one["b"]]


def _values(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


def _counts(study: dict[str, Any], pairs: list[dict[str, str]]) -> str:
    every = study["comparisons"]
    columns = {
        "models": [_title(one) for one in every],
        "without a threshold": [f"{one['raw_count']:,.0f}" for one in every],
        "pairs above ρ*": [f"{one['calibrated_count']:,.0f} ± {one['calibrated_count_se']:.0f}" for one in every],
        "stable": [f"{np.sum(_values(_of(pairs, one), 'stability') >= STABLE - 1e-9)}" for one in every],
        "of the smaller model": [
            f"{one['calibrated_count'] / min(one['neurons_a'], one['neurons_b']):.1%}" for one in every
        ],
        "ρ*": [f"{one['threshold']:.2f}" for one in every],
        "decided by": [one["binding_null"] for one in every],
        "overlap of halves": [f"{one['split_half']:.2f}" for one in every],
    }
    return PAGE.markdown(columns)


def _null_table(study: dict[str, Any]) -> str:
    every = study["comparisons"]
    columns = {"models": [_title(one) for one in every]}
    columns["trained"] = [f"{one['calibrated_count']:,.0f}" for one in every]
    for null in NULLS:
        if f"{null}_above_threshold" in every[0]:
            columns[null] = [f"{one[f'{null}_above_threshold']:.1f}" for one in every]
    return PAGE.markdown(columns)


def _lexical(pairs: list[dict[str, str]]) -> str:
    said = []
    for (a, b), rows in itertools.groupby(pairs, key=lambda row: (row["a"], row["b"])):
        shares = _values(list(rows), "lexical_share")
        low, middle, high = np.nanpercentile(shares, [25, 50, 75])
        said.append(f"{NAMES[a]} × {NAMES[b]} {middle:.0%} ({low:.0%} to {high:.0%})")
    return f"Median share of a pair's covariance that the text of its span explains, with quartiles: {'; '.join(said)}."


def _depth(study: dict[str, Any], pairs: list[dict[str, str]]) -> str:
    every = study["comparisons"]
    depths = [depth_rank(depth_map(pairs, one["a"], one["b"])) for one in every]
    columns = {
        "models": [_title(one) for one in every],
        "rank correlation of layers": [f"{rank:.2f}" for rank, _, _ in depths],
        "95% interval": [_interval(low, high) for _, low, high in depths],
        "pairs": [f"{len(_of(pairs, one)):,}" for one in every],
    }
    return PAGE.markdown(columns)


def _interval(low: float, high: float) -> str:
    return f"{low:.2f} to {high:.2f}".replace("-", "−") if np.isfinite(low) else "–"


def depth_rank(table: np.ndarray) -> tuple[float, float, float]:
    """Return Spearman's correlation of the layers that pairs join, and the ends of its 95% interval.

    Pairs of one layer are no independent observations. So layers are drawn with replacement, those of each model
    separately, and a pair counts as often as both of its layers together were drawn (the pigeonhole bootstrap of
    Owen, Annals of Applied Statistics 1, 2007, which is conservative). The interval is NaN where more than one draw in
    twenty has all pairs in one layer.

    Parameters
    ----------
    table : ndarray of int, shape (layers of A, layers of B)
        Number of pairs.
    """
    table = table[table.any(1)][:, table.any(0)].astype(float)
    rng = np.random.default_rng(0)
    often = [rng.multinomial(size, np.full(size, 1 / size), DRAWS) for size in table.shape]
    drawn_ranks = _rank_correlation(often[0][:, :, None] * often[1][:, None, :] * table)
    known = drawn_ranks[np.isfinite(drawn_ranks)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) > 0.95 * DRAWS else (np.nan, np.nan)
    return float(_rank_correlation(table)), float(low), float(high)


def _rank_correlation(tables: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of rows with columns in tables of counts; NaN where there is one row or column."""
    centred = []
    for margin in (tables.sum(-1), tables.sum(-2)):
        rank = np.cumsum(margin, -1) - margin / 2
        centred.append(rank - (margin * rank).sum(-1, keepdims=True) / margin.sum(-1, keepdims=True).clip(1e-9))
    (of_rows, of_columns), counts = centred, tables.sum((-1, -2))
    together = np.einsum("...ij,...i,...j->...", tables, of_rows, of_columns)
    alone = np.einsum("...ij,...i->...", tables, of_rows**2) * np.einsum("...ij,...j->...", tables, of_columns**2)
    apart = alone > 1e-9 * np.maximum(counts, 1) ** 4
    return np.where(apart, together / np.sqrt(np.where(apart, alone, 1.0)), np.nan)


def depth_map(pairs: list[dict[str, str]], a: str = "mpnet", b: str = "minilm") -> np.ndarray:
    """Return the pairs above ρ* that join each layer of one model with each layer of the other."""
    rows = _of(pairs, {"a": a, "b": b})
    layers = [np.array([int(row[f"layer_{side}"]) for row in rows], dtype=int) for side in ("a", "b")]
    sizes = [int(ABOUT[name][1].split()[-2]) for name in (a, b)]
    table = np.zeros(sizes, dtype=int)
    np.add.at(table, tuple(layers), 1)
    return table


def _map(pairs: list[dict[str, str]]) -> str:
    table = depth_map(pairs).T
    columns = {"MiniLM's layer": [str(layer) for layer in range(len(table))]}
    columns |= {f"{layer}": [str(count) for count in table[:, layer]] for layer in range(table.shape[1])}
    return PAGE.markdown(columns)


def _small(number: float) -> str:
    return f"{number:.1g}" if number >= 0.001 else "< 0.001"


def _levels_table(study: dict[str, Any]) -> str:
    rows = study["levels"][::-1]

    def chance(row: dict[str, Any]) -> str:
        return "–" if row["closed_by_chance"] is None else _small(row["closed_by_chance"])

    columns = {
        "models": [str(row["shared_by"]) for row in rows],
        "families": [f"{row['families']:,}" for row in rows],
        "closed": [f"{row['closed_families']:,}" for row in rows],
        "closed by chance": [chance(row) for row in rows],
    }
    return PAGE.markdown(columns)


def _recurring(study: dict[str, Any], families: list[dict[str, str]]) -> str:
    rows: list[dict[str, str]] = []
    for models in (4, 3):
        rows += [row for row in families if row["models"] == str(models)][:LISTED]
    columns = {NAMES[name]: [row[name] or "–" for row in rows] for name in study["models"]}
    columns["weakest ρ"] = [f"{float(row['weakest']):.2f}" for row in rows]
    columns["strongest at"] = [_spans(row["strongest"]) for row in rows]
    columns["a context"] = [_context(row["context"]) for row in rows]
    return PAGE.markdown(columns)


def _spans(text: str) -> str:
    return ", ".join(_code(visible(one)) for one in text.split(" | ")[:SHOWN] if one) or "–"


def _context(text: str) -> str:
    """Return an excerpt, cut at the ends of words, with signs for its line breaks and for the blanks of its span."""
    if not text:
        return "–"
    shown = excerpt(*re.split("[⟦⟧]", text), AROUND)
    before, after = (shown[side].translate(SIGNS) for side in ("before", "after"))
    return _code(f"{before}⟦{shown['span']}⟧{after}")


def _code(text: str) -> str:
    """Return text as code in a cell of a table."""
    shown = re.sub(r"[\n\t\r]", "", text).replace("`", "ˋ").replace("|", "∣")
    return f"`{shown}`"


def _sizes(study: dict[str, Any]) -> str:
    every = sorted(study["comparisons"], key=lambda one: one["neurons_a"] * one["neurons_b"])
    said = (
        f"{_title(one)} have {one['neurons_a'] * one['neurons_b'] / 1e6:,.0f} million possible pairs and "
        f"{one['calibrated_count']:,.0f} above ρ*"
        for one in (every[0], every[-1])
    )
    return f"{'; '.join(said)}."


def in_readme(study: dict[str, Any], pairs: list[dict[str, str]]) -> str:
    """Return the paragraph of the README, between its marks `pretrained`."""
    one = next(one for one in study["comparisons"] if {one["a"], one["b"]} == {"mpnet", "minilm"})
    every, models = {row["shared_by"]: row for row in study["levels"]}, len(study["models"])

    numbers = range(models, 2, -1)
    recur = [f"{every[number]['closed_families']:,} in {NUMBERS[number]} models" for number in numbers]
    chances = [every[number]["closed_by_chance"] for number in numbers]
    chance = "" if None in chances else f" (expected by chance: {_small(max(chances)).replace('<', 'less than')})"
    count = f"{one['calibrated_count']:,.0f} ± {one['calibrated_count_se']:.0f}"
    return (
        f"[{NUMBERS[models].capitalize()} pretrained models](docs/pretrained/FINDINGS.md), matched on "
        f"{study['positions']:,} positions of prose and code: {_title(one)} have **{count}** pairs that chance does "
        f"not explain, of which {one['stable_count']:,.0f} are stable. {_depth_in_words(study, pairs)} Some neurons "
        f"recur in more than two models, and every two of them are a pair: {' and '.join(recur)}{chance}."
    )


def _depth_in_words(study: dict[str, Any], pairs: list[dict[str, str]]) -> str:
    """Return how the depths of paired neurons correlate: of MPNet and MiniLM, and of the other models."""
    depths = {(a, b): depth_rank(depth_map(pairs, a, b)) for a, b in ((o["a"], o["b"]) for o in study["comparisons"])}
    rank, low, high = depths.pop(("mpnet", "minilm"))
    sure = [one for one, end, _ in depths.values() if end > 0]
    doubtful = [one for one, end, _ in depths.values() if not end > 0]
    start = (
        "Neurons of a pair lie at similar depth"
        if low > 0
        else "Whether neurons of a pair lie at similar depth is open"
    )
    said = f"{start}: the rank correlation of their layers is {rank:.2f} (95% interval {_interval(low, high)})"
    said += (
        f", and {min(sure):.2f} to {max(sure):.2f} for {'other pairs of models' if doubtful else 'the other models'}"
        if sure
        else ""
    )
    if not doubtful:
        return f"{said}."
    many = f"{NUMBERS.get(len(doubtful), len(doubtful))} pairs" if len(doubtful) > 1 else "one pair"
    return (
        f"{said}. It is {min(doubtful):.2f} to {max(doubtful):.2f} for {many} of models, where the interval includes 0."
    )


def draw(folder: Path = FOLDER) -> None:
    """Draw the counts, and the layers that the pairs of MiniLM and MPNet join."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from rosettalaw import looks

    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    pairs = PAGE.rows_of(folder / "pairs.csv")
    every = sorted(study["comparisons"], key=lambda one: one["calibrated_count"])
    with mpl.rc_context({**looks.RC, "backend": "agg"}):
        figure, (left, right) = plt.subplots(1, 2, figsize=(looks.WIDTH, 2.7), width_ratios=(1, 1.15))
        counts = [one["calibrated_count"] for one in every]
        stable = [int(np.sum(_values(_of(pairs, one), "stability") >= STABLE - 1e-9)) for one in every]
        titles = [_title(one) for one in every]
        left.barh(titles, counts, color=looks.COLOURS["sky"], label="above ρ*")
        left.barh(titles, stable, color=looks.COLOURS["blue"], label="of these stable")
        left.set(xlabel="pairs of neurons", title="Pairs that chance\ndoes not explain", xlim=(0, 1.6 * max(counts)))
        left.grid(visible=False, axis="y")
        left.legend(loc="lower right")
        table = depth_map(pairs).T
        right.imshow(np.sqrt(table), cmap="Blues", origin="lower", aspect="auto")
        for (row, column), count in np.ndenumerate(table):
            bright = np.sqrt(count) > 0.6 * np.sqrt(table.max())
            right.text(
                column, row, str(count), ha="center", va="center", fontsize=6.5, color="white" if bright else looks.INK
            )
        right.set(xlabel="layer of MPNet", ylabel="layer of MiniLM", title="Their layers\nlie at similar depth")
        right.set_xticks(range(table.shape[1]))
        right.grid(visible=False)
        figure.savefig(folder / "pretrained.png", metadata={"Software": None})
        plt.close(figure)


def write(folder: Path = FOLDER, readme: Path = DOCS.parent / "README.md") -> None:
    """Write the figure, the page, and the paragraph of the README."""
    draw(folder)
    page = PAGE.replaced((FOLDER / "page.txt").read_text(encoding="utf-8"), blocks(folder))
    (folder / "FINDINGS.md").write_text(page, encoding="utf-8")
    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    paragraph = PAGE.filled(in_readme(study, PAGE.rows_of(folder / "pairs.csv")))
    before, rest = readme.read_text(encoding="utf-8").split("<!-- pretrained -->\n")
    after = rest.split("<!-- /pretrained -->")[1]
    whole = f"{before}<!-- pretrained -->\n{paragraph}\n<!-- /pretrained -->{after}"
    readme.write_text(whole, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        RESULTS.keep(Path(sys.argv[1]), FOLDER)
    write()
