"""Ladder files of both kinds, with odd values, lines and bytes; nothing is trained."""

from rosettalaw.empirical.config import shipped
from rosettalaw.empirical.ladder.models import open_checkpoint_ladder
from rosettalaw.empirical.language.families import open_ladder
from rosettalaw.errors import RosettaError

from .damage import damaged

CHECKPOINTS = """name = "two"
text = "text"

[measurement]
tokens = 1000
seed = 0

[[rung]]
a = "a"
b = "b"

[[rung]]
a = "c"
b = "d"
"""
VALUES = [
    "-1",
    "0",
    "1",
    "2.5",
    "1e400",
    "nan",
    "inf",
    '""',
    '"../x"',
    '"\\u0000"',
    "[]",
    "[1]",
    "{}",
    "true",
    "10" * 12,
]
VALUES += ['"quickstart"', "1979-05-27", '"' + "x" * 300 + '"', "'''\n'''", "0x7fffffffffffffff", '"con"', "["]


def prepare(folder):
    """Return sound ladder files."""
    return [shipped()[name].read_text(encoding="utf-8") for name in ("quickstart", "full")] + [CHECKPOINTS]


def case(whole, rng, folder):
    """Change lines of one and open it in both ways."""
    lines = rng.choice(whole).splitlines()
    for _ in range(rng.choice([1, 1, 2, 3])):
        at, way = rng.randrange(len(lines)), rng.randrange(5)
        if way == 0:
            del lines[at]
        elif way == 1:
            lines.insert(at, rng.choice(lines))
        elif way == 2:
            name = rng.choice(["depth", "name", "seed", "a.b", "rung", "family"])
            lines.insert(at, f"{name} = {rng.choice(VALUES)}")
        elif "=" in lines[at]:
            lines[at] = f"{lines[at].split('=')[0]}= {rng.choice(VALUES)}"
        lines = lines or [""]
    content = "\n".join(lines).encode()
    path = folder / "ladder.toml"
    path.write_bytes(damaged(content, rng) if rng.random() < 0.2 else content)
    refusals = [refusal for opened in (open_ladder, open_checkpoint_ladder) if (refusal := tried(opened, path))]
    if len(refusals) == 2:
        raise refusals[0]


def tried(opened, path):
    """Open a ladder file in one way; return the refusal, or None."""
    try:
        opened(str(path))
    except RosettaError as error:
        return error
    return None
