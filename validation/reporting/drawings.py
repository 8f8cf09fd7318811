"""Figures as markup: vector drawings that scale, scroll with the keyboard where they are wide, and follow a dark page.

A drawing comes in the colours of white paper. Each becomes a variable with itself as the fallback, and a page lists the
dark counterparts of those that it has: greys are mirrored, colours lightened until they stand out.
"""

from __future__ import annotations

import base64
import colorsys
import os
import re
from pathlib import Path
from typing import Any

from ...display import for_page
from ...looks import TEXT_CONTRAST, contrast

DARK_PAPER = "15181b"
COLOUR = re.compile(r"(?<=: )#([0-9a-f]{6})\b")  # in a style, not in a reference such as url(#…)


def embedded(path: str | os.PathLike[str], alternative: str) -> Any:
    """Return a figure of this package as markup: an SVG in place, a PNG as data.

    Parameters
    ----------
    path : path
        An ``.svg`` or ``.png`` file that this package drew (an SVG is not escaped).
    alternative : str
        Text for readers who cannot see the figure.
    """
    from markupsafe import Markup

    path = Path(path)
    if path.suffix == ".svg":
        drawing = path.read_text(encoding="utf-8")
        drawing = drawing[drawing.index("<svg") :]
        drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
        # Several drawings share one page: their inner names must not collide.
        stem = re.sub(r"\W", "-", path.stem)
        drawing = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{stem}-", drawing)
        # The page enlarges a drawing a little, not to its own width; print shrinks a high one less than others.
        ends = [re.search(rf'\b{end}="([\d.]+)pt"', drawing) for end in ("width", "height")]
        style = "; ".join(f"--{name}: {one[1]}pt" for name, one in zip(("drawn", "high"), ends, strict=True) if one)
        drawing = COLOUR.sub(r"var(--c\1,#\1)", drawing)
        name = Markup.escape(for_page(alternative))
        # The frame scrolls and takes the keyboard's focus; the drawing inside is the image.
        drawing = drawing.replace("<svg", f'<svg role="img" aria-label="{name}"', 1)
        frame = Markup('<div class="figure" tabindex="0" role="group" aria-label="{}" style="{}">{}</div>')
        return frame.format(for_page(alternative), style, Markup(drawing))
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    image = Markup('<img class="figure" alt="{}" src="data:image/png;base64,{}">')
    return image.format(for_page(alternative), data)


def dark_colours(html: str) -> str:
    """Return the declarations that give every colour of a page's drawings its dark counterpart."""
    used = sorted(set(re.findall(r"var\(--c([0-9a-f]{6}),", html)))
    return " ".join(f"--c{colour}: #{on_dark(colour)};" for colour in used)


def on_dark(colour: str) -> str:
    """Return the colour for dark paper that replaces one for white paper, both as six hexadecimal digits."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    if saturation < 0.1:
        paper = sum(int(DARK_PAPER[i : i + 2], 16) for i in (0, 2, 4)) / 3 / 255
        if light > 0.995:
            return DARK_PAPER
        grey = round(255 * (0.93 - (0.93 - paper) * light))
        return f"{grey:02x}" * 3
    while light < 0.95 and contrast(_hex(hue, light, saturation), DARK_PAPER) < TEXT_CONTRAST:
        light += 0.01
    return _hex(hue, light, saturation)


def _hex(hue: float, light: float, saturation: float) -> str:
    return "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, light, saturation))
