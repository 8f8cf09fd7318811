"""A commented ladder file to begin with: ``rosettalaw ladder --template mine.toml``."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ...results import replacing

TEMPLATE = """\
# A ladder: models of several sizes, smallest first, compared pair by pair.
# Check its cost: rosettalaw ladder {name} --check
# Measure it:            rosettalaw ladder {name} --out results/mine

name = "mine"
families = ["Pythia", "OPT"]          # names of a rung's models in reports, in the order of "models"
text = "pile.jsonl.zst"               # a folder, .txt, .jsonl, .jsonl.zst or saved data set; relative to this file
# categories = "categories.csv"       # a table subset,category of the text; The Pile's by default

[measurement]                         # every line is optional
tokens = 1_000_000                    # tokens of the first model that are read; 10 million by default
# shift = 3                           # draws of each null
# documents = 3
# untrained = 3
# permutations = 3
# partners = [2, 5, 10]               # further k: each neuron's k best partners
# contexts = 20                       # strongest contexts of each neuron that selectivity is measured on
# engine = "auto"                     # or "screened", for models of more than some 10,000 neurons
# device = "cpu"                      # or "cuda"
# weights = "float32"                 # or "bfloat16", "float16": the precision in which models compute
# seed = 0

[[rung]]                              # folders, hub ids, or id@revision
models = ["EleutherAI/pythia-160m", "facebook/opt-125m"]
# label = "small"
# patterns = ["", "layers.*.mlp.fc2"] # MLP output projections of unknown architectures, * for the layer
# layers = ["0-5"]                    # only these layers of all models, or one entry for each: depth as a size
# seeds = [0, 1]                      # training seeds of the models, if networks of one size differ in it

[[rung]]
models = ["EleutherAI/pythia-410m", "facebook/opt-350m"]

[[rung]]
models = ["EleutherAI/pythia-1.4b", "facebook/opt-1.3b"]
"""


def write_template(path: Path) -> Path:
    """Write the commented file.

    Raises
    ------
    InputError
        If there is a file of that name, which may be somebody's work.
    """
    if path.exists():
        raise InputError("--template", str(path), "exists and is not replaced", "--template mine.toml")
    with replacing(path) as partial:
        partial.write_text(TEMPLATE.format(name=path.name), encoding="utf-8")
    return path
