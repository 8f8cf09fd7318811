"""Text files, JSON lines and packed ones, damaged, then read; and tables of counts."""

import json

from rosettalaw.empirical.corpora.corpus import open_corpus, open_text
from rosettalaw.validation.counts import has_counts, read_counts

from .damage import ODD, damaged, odd_json

RECORD = {"text": "The river carries what the mountain lets go. " * 3, "meta": {"pile_set_name": "Rivers", "name": "a"}}


def prepare(folder):
    """Return sound text in every form."""
    import zstandard

    lines = "\n".join(json.dumps(RECORD | {"text": f"{RECORD['text']}{i}"}) for i in range(6)).encode()
    whole = {"a.txt": RECORD["text"].encode() * 4, "a.jsonl": lines}
    whole["a.jsonl.zst"] = zstandard.ZstdCompressor().compress(lines)
    whole["a.json"] = json.dumps([RECORD, RECORD]).encode()
    whole["counts.csv"] = b"neurons,count,count_sd\n64,3,1\n128,5,1\n256,9,2\n512,14,2\n"
    return whole


def case(whole, rng, folder):
    """Damage one of them and read it."""
    name = rng.choice(sorted(whole))
    content = whole[name]
    if name == "a.jsonl" and rng.random() < 0.5:
        values = (odd_json(RECORD, rng) if rng.random() < 0.7 else rng.choice(ODD) for _ in range(4))
        content = "\n".join(map(json.dumps, values))
        content = content.encode()
    if rng.random() < 0.8:
        content = damaged(content, rng)
    if rng.random() < 0.1:
        encoding = rng.choice(["utf-16", "utf-32", "utf-8-sig", "cp1252"])
        content = content.decode("utf-8", "replace").encode(encoding, "replace")
    path = folder / name
    path.write_bytes(content)
    if name.endswith(".csv"):
        if has_counts(path):
            read_counts(path)
        return
    source = path if rng.random() < 0.7 else folder
    if rng.random() < 0.5:
        for document in open_corpus(source).documents:
            len(document.text)
    else:
        text = open_text(source, 1 << 28)
        len(text.sha256)
