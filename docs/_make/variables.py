"""The table of every variable that a result may have, from `rosettalaw.vocabulary`."""

from __future__ import annotations

from collections.abc import Iterator

GROUPS = {
    "PARAMETERS": "Parameters",
    "FAMILIES": "Parameters of other families",
    "THEORY": "Predictions of the theory",
    "MEASUREMENT": "Matched pairs and counts",
    "NULLS": "Nulls",
    "SPECIALIZATION": "Selectivity, documents, depth and data",
    "VISION": "Vision models and judges",
    "SIMULATION": "Synthetic and toy networks",
    "FILTERING": "Filters of documents",
    "RECURRENCE": "Neurons that recur in several models",
}


def pages() -> dict[str, str]:
    """Return the tables, one for each group of variables."""
    return {"variables/contents.md": "\n".join(_tables())}


def _tables() -> Iterator[str]:
    from rosettalaw import vocabulary

    for group, title in GROUPS.items():
        yield f"## {title}\n\n| variable | meaning | units | symbol | source |\n|---|---|---|---|---|"
        for name, one in getattr(vocabulary, group).items():
            meaning, symbol = _cell(one.description), _cell(one.symbol)
            yield f"| `{name}` | {meaning} | {one.units} | {symbol} | {_source(one.equation)} |"
        yield ""
    yield "## Further nulls\n\nEach null has these variables, named by its label. `shifted_raw` is an example.\n"
    yield "| ends in | meaning | units | symbol |\n|---|---|---|---|"
    for end, (words, units, symbol) in vocabulary.OF_NULLS.items():
        yield f"| `_{end}` | {_cell(words.format('named'))} | {units} | {symbol} |"


def _source(place: str) -> str:
    """Return an equation or section of the paper, or the module that derives a variable."""
    if not place:
        return ""
    if place.islower():
        return f"`{place}`"
    return f"Eq. {place}" if place.isdecimal() else f"section {place}"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*")
