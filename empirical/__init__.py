"""Measurement on real models: from text or images to the calibrated count of Rosetta Neurons.

    corpora, images → checkpoints → activations → matching against nulls → calibrated count → ladder → Dataset

| chapter | subject |
|---|---|
| `activations` | `ActivationSource`: aligned activations of any origin, positions × neurons |
| `corpora` | `Corpus`: labelled documents |
| `checkpoints` | opening models, where their neurons are, and which weights they have |
| `language` | language models on shared text; families that are trained here |
| `vision` | vision models on shared images; families that are trained here |
| `matching` | mutual nearest neighbours, exact, certified or screened |
| `sites` | the signals of a model: neurons, residual stream, attention, features |
| `nulls` | the kinds of null that counts are read against |
| `calibration` | the calibrated count |
| `two_models` | the main job in one call: two models opened, matched, calibrated, saved |
| `pairing` | two opened models matched, calibrated, saved |
| `several` | three and more models, each read once, and the neurons that recur |
| `measures` | selectivity, documents, depth and data size of matched neurons |
| `ladder` | pairs of models at several sizes |
| `filtering` | one neuron as a filter of documents |
| `viewer` | matched neurons on a page |
| `config` | the declarative files |
| `intervals` | mean and interval of a few draws |
| `worker_pool` | jobs side by side: trainings, measurements of small networks |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .activations.arrays import ArraySource
    from .activations.encoded import Encoded
    from .activations.files import open_activations
    from .activations.source import ActivationSource
    from .calibration import Calibration, calibrate
    from .ladder.measure import measure_ladder
    from .ladder.models import ModelLadder, ModelRung, open_checkpoint_ladder
    from .ladder.train import train_ladder
    from .language.families import open_ladder
    from .matching import Matches, Screening, match
    from .nulls import KINDS, Null
    from .pairing import ModelMatches
    from .several.several_models import match_several
    from .two_models import match_models

_PLACES = {
    "ActivationSource": "activations.source",
    "ArraySource": "activations.arrays",
    "Calibration": "calibration",
    "Encoded": "activations.encoded",
    "KINDS": "nulls",
    "Matches": "matching",
    "ModelLadder": "ladder.models",
    "ModelMatches": "pairing",
    "ModelRung": "ladder.models",
    "Null": "nulls",
    "Screening": "matching",
    "calibrate": "calibration",
    "match": "matching",
    "match_models": "two_models",
    "match_several": "several.several_models",
    "measure_ladder": "ladder.measure",
    "open_activations": "activations.files",
    "open_checkpoint_ladder": "ladder.models",
    "open_ladder": "language.families",
    "train_ladder": "ladder.train",
}
__all__ = [
    "KINDS",
    "ActivationSource",
    "ArraySource",
    "Calibration",
    "Encoded",
    "Matches",
    "ModelLadder",
    "ModelMatches",
    "ModelRung",
    "Null",
    "Screening",
    "calibrate",
    "match",
    "match_models",
    "match_several",
    "measure_ladder",
    "open_activations",
    "open_checkpoint_ladder",
    "open_ladder",
    "train_ladder",
]
__getattr__, __dir__ = lazily(__name__, _PLACES)
