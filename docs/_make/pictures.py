"""Pictures that cells of notebooks draw: each has words for those who do not see it."""

from __future__ import annotations

from typing import Any

WORDS = "Figure drawn by the cell above"


def describe(app: Any, tree: Any) -> None:
    """Give every picture without a description a plain one."""
    from docutils import nodes

    for picture in tree.findall(nodes.image):
        if not picture.get("alt"):
            picture["alt"] = WORDS
