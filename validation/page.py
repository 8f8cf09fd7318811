"""Self-contained HTML pages: one file that opens anywhere, reads on a phone and prints.

Text is escaped by the template engine, and a content security policy lets the browser run no script and load nothing;
figures are embedded as SVG drawn by this package, or PNG as data.
"""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import Any

from ..display import for_page
from ..results import replacing

# No script and no network; styles are the page's own and those that the drawings write at their lines.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    """Fill one of the templates; every value is escaped unless it is `embedded` markup."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    engine = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=for_page,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.filters["number"] = number
    return engine.get_template(template).render(policy=POLICY, **values)


def write(path: str | os.PathLike[str], html: str) -> Path:
    """Write a page, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(html, encoding="utf-8")
    return Path(path)


def embedded(path: str | os.PathLike[str], alternative: str) -> Any:
    """Return a figure of this package as markup: an SVG in place, a PNG as data.

    Parameters
    ----------
    path : path
        An ``.svg`` or ``.png`` file that this package drew (an SVG is not escaped).
    alternative : str
        What the figure shows, for readers who cannot see it.
    """
    from markupsafe import Markup

    path = Path(path)
    if path.suffix == ".svg":
        drawing = path.read_text(encoding="utf-8")
        drawing = drawing[drawing.index("<svg") :]
        # Several drawings share one page: their inner names must not collide.
        stem = re.sub(r"\W", "-", path.stem)
        drawing = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{stem}-", drawing)
        width = re.search(r'width="([\d.]+)pt"', drawing)
        style = f"--drawn: {width[1]}pt" if width else ""  # the page enlarges a drawing a little, not to its own width
        markup = Markup('<div class="figure" role="img" aria-label="{}" style="{}">{}</div>')
        return markup.format(for_page(alternative), style, Markup(drawing))
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    image = Markup('<img class="figure" alt="{}" src="data:image/png;base64,{}">')
    return image.format(for_page(alternative), data)


def number(value: Any, digits: int = 3) -> str:
    """Return a number the way a reader wants it: integers whole, others with `digits` significant digits."""
    if value is None:
        return "–"
    value = float(value)
    if value != value:
        return "–"
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}".replace("-", "−")
    return (f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}").replace("-", "−")
