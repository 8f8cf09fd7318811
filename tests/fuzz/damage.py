"""Changes to bytes and to JSON, decided by a generator of random numbers."""

import contextlib
import copy
import json

WORDS = [b"\x00" * 8, b"\xff" * 8, b"\x7f\xff\xff\xff", b"9" * 30, b"-1", b"1e999", b"nan", b"[" * 40, b"{"]
WORDS += [b"\xef\xbb\xbf", b"\r", b'"', b"\\ud800"]
ODD = [None, True, -1, 0, 1, 2, 3.5, 1e308, float("nan"), float("inf"), 2**31, 2**63, 10**30]
ODD += ["", "x", "../x", "\x00", "é", [], [1], {}, {"a": 1}, "[" * 50, [[[[]]]]]


def damaged(whole, rng, head=None):
    """Return bytes of which some are turned over, cut out, doubled or replaced, mostly among the first `head`."""
    changed = bytearray(whole)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        end = len(changed)
        if not end:
            break
        reach = min(head, end) if head and rng.random() < 0.8 else end
        at = rng.randrange(reach)
        way = rng.randrange(6)
        if way == 0:
            changed[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            changed[at] = rng.randrange(256)
        elif way == 2:
            del changed[at : at + rng.choice([1, 4, 100, end])]
        elif way == 3:
            changed[at:at] = changed[at : at + rng.choice([1, 8, 1000])]
        elif way == 4:
            word = rng.choice(WORDS)
            changed[at : at + len(word)] = word
        else:
            changed[at:at] = rng.choice(WORDS)
    return bytes(changed)


def odd_json(value, rng):
    """Return a JSON value of which one part is dropped, or something else."""
    changed = copy.deepcopy(value)
    holder = changed
    while isinstance(holder, dict | list) and holder:
        key = rng.choice(sorted(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
        inner = holder[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.7:
            holder = inner
            continue
        if rng.random() < 0.25:
            del holder[key]
        else:
            holder[key] = rng.choice(ODD)
        break
    return changed


def change_json(path, rng):
    """Damage a JSON file by its values, or by its bytes."""
    with contextlib.suppress(ValueError):  # it may have been damaged before
        value = json.loads(path.read_bytes())
        if rng.random() < 0.25:
            raise ValueError
        for _ in range(rng.choice([1, 1, 2])):
            value = odd_json(value, rng)
        path.write_text(json.dumps(value), encoding="utf-8")
        return
    path.write_bytes(damaged(path.read_bytes(), rng))
