"""Self-contained HTML pages: one file that opens anywhere, reads on a phone and in the dark, and prints.

Text is escaped by the template engine, and a content security policy lets the browser load nothing and run at most the
one script of this package that a page names, by its hash; figures are embedded as SVG drawn by this package, or PNG as
data (`reporting.drawings`). Everything that a script shows is on the page without it as well.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from ..display import for_page
from ..results import replacing
from .reporting.drawings import dark_colours
from .reporting.drawings import embedded as embedded

# No network, and no script but one given by its hash; styles are the page's own and those that drawings write at their
# lines.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
TEMPLATES = Path(__file__).parent / "templates"
COLOURS = "/* colours of the drawings on dark paper */"  # in the style sheet, where a page's own list goes
# All are equal to a JSON parser; to an HTML parser the escaped ones mean nothing.
ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&"})


def render(template: str, script: str | None = None, data: Any = None, **values: Any) -> str:
    """Fill one of the templates; every value is escaped unless it is `embedded` markup.

    Parameters
    ----------
    template : str
        Name of a template.
    script : str, optional
        Name of the page's script among the templates; a page without one runs nothing.
    data : optional
        Numbers and words that the script reads, as JSON.
    **values
        The template's own.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    engine = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=for_page,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.filters |= {"number": number, "decimals": decimals, "deviations": deviations}
    source = "" if script is None else (TEMPLATES / script).read_text(encoding="ascii")
    html = engine.get_template(template).render(
        policy=policy(source),
        style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
        script=Markup(source),
        data=Markup(as_data(data)) if data is not None else "",
        **values,
    )
    return html.replace(COLOURS, dark_colours(html), 1)


def policy(script: str) -> str:
    """Return the content security policy of a page with one script, or with none."""
    if not script:
        return POLICY
    digest = base64.b64encode(hashlib.sha256(script.encode("ascii")).digest()).decode("ascii")
    return f"{POLICY}; script-src 'sha256-{digest}'"


def as_data(data: Any) -> str:
    """Return JSON in ASCII for a block that no parser of HTML can end."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).translate(ESCAPED)


def write(path: str | os.PathLike[str], html: str) -> Path:
    """Write a page, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(html, encoding="utf-8")
    return Path(path)


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


def decimals(value: float | None) -> str:
    """Return a number with two decimals, "–" for none."""
    return "–" if value is None or value != value else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def deviations(value: float) -> str:
    """Return an activation in standard deviations from its mean, signed: "+3.4 sd"."""
    return "–" if value != value else f"{value:+.1f} sd".replace("-", "−")
