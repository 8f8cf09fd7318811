"""Names of models as people know them: ``gpt2`` is GPT-2, and a checkpoint's folder loses the hash of its settings.

Names that are not known stay as they are: those of users' own models, and words such as "supervised". Of several models
every two have a file that is named after them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

FAMILIES = {
    "bert": "BERT",
    "gpt2": "GPT-2",
    "gptneox": "GPT-NeoX",
    "llama": "Llama",
    "mistral": "Mistral",
    "neox": "GPT-NeoX",
    "olmo": "OLMo",
    "opt": "OPT",
    "phi": "Phi",
    "pythia": "Pythia",
    "qwen2": "Qwen2",
    "qwen3": "Qwen3",
    "vit": "ViT",
}
TRAINED_HERE = re.compile(r"(?P<family>[\w.]+)-(?P<neurons>\d+)-[0-9a-f]{10}")  # a folder of `rosettalaw train`
BETWEEN, RECURRENCE = "--", "recurrence.nc"  # in the folder of several models: a--b.nc for every two of them


def pair_file(first: str, second: str) -> str:
    """Return the name of two models' result among those of several."""
    return f"{first}{BETWEEN}{second}.nc"


def family_name(name: str) -> str:
    """Return the name of a family of models as people write it."""
    return FAMILIES.get(re.sub(r"[-_ ]", "", name).lower(), name)


def matched_families(families: Sequence[str]) -> str:
    """Return the families that a ladder matches, for a title: "GPT-2 × GPT-NeoX"."""
    return " × ".join(map(family_name, families))


def model_name(name: str) -> str:
    """Return a model's name for a reader: "GPT-2, 768 neurons" for a network trained here, else the last part."""
    last = re.split(r"[\\/]", name.rstrip("\\/"))[-1] or name
    network = TRAINED_HERE.fullmatch(last)
    if network is None:
        return last
    return f"{family_name(network['family'])}, {int(network['neurons']):,} neurons"
