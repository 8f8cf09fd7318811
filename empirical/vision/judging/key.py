"""A key that no message, cache or result shows.

Servers repeat what they were sent: in error pages, status lines, and where a model is asked to. All that comes from a
server goes through `Key.removed_from`, which takes out the key, any stretch of it of `STRETCH` characters, and whatever
stands after "Bearer" as an older key would.
"""

from __future__ import annotations

import re

from ....errors import InputError

STRETCH = 8
SHOWN = "[key]"
BEARER = re.compile(r"\bBearer\s+\S+", re.IGNORECASE)


class Key:
    """A bearer token, or "" for a server that asks for none.

    Parameters
    ----------
    text : str
        The token.
    argument : str
        Name of the setting that it comes from.

    Raises
    ------
    InputError
        If it holds anything but visible ASCII characters, such as the line break at the end of a file. The message
        names the character and its place, and shows nothing of the key.
    """

    def __init__(self, text: str, argument: str):
        wrong = next((i for i, character in enumerate(text) if not "!" <= character <= "~"), None)
        if wrong is not None:
            rule = (
                f"must be visible ASCII characters only; character {wrong + 1} of {len(text)} is "
                f"{text[wrong]!a} (the key is not shown)"
            )
            raise InputError(argument, "…", rule, f"export {argument}=\"$(tr -d '[:space:]' < key.txt)\"")
        self._text = text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"Key({SHOWN!r})" if self else "Key('')"

    def __reduce__(self) -> str:
        raise TypeError("the key is never written anywhere")

    def header(self) -> dict[str, str]:
        """Return the header that carries the key."""
        return {"Authorization": f"Bearer {self._text}"} if self else {}

    def removed_from(self, text: str) -> str:
        """Return a text without the key, or stretches of it, whatever their case; a shorter key as it is."""
        text = BEARER.sub(f"Bearer {SHOWN}", text)
        if len(self._text) < STRETCH:
            return text.replace(self._text, SHOWN) if self else text
        key, place, length = _lower(self._text), _lower(text), STRETCH
        stretches = {key[i : i + length] for i in range(len(key) - length + 1)}
        pieces, copied, begin = [], 0, 0
        while begin <= len(place) - length:
            end = begin
            while place[end : end + length] in stretches:
                end += 1
            if end == begin:
                begin += 1
                continue
            pieces += [text[copied:begin], SHOWN]
            begin = copied = end + length - 1
        return "".join([*pieces, text[copied:]])


def _lower(text: str) -> str:
    """Return a text in lower case, character by character: as long as it was."""
    return "".join(c.lower() if c.isascii() else c for c in text)
