"""Sites: the signals of a model that can be matched. The paper's are the MLP's neurons; the engine takes any.

    model → modules at a site → their inputs or outputs at every token → units, or an autoencoder's features

| chapter | subject |
|---|---|
| `site` | `Site`, the base class |
| `mlp` | neurons: the inputs of the MLP's output projection |
| `residual` | the residual stream behind each block |
| `attention` | the outputs of the attention heads, before they are mixed |
| `chosen_layers` | some layers of another site |
| `autoencoder` | features of a sparse autoencoder on the residual stream |

A new site is one file here and one line in `SITES`.
"""

from __future__ import annotations

from ...errors import InputError, UnknownNameError
from .attention import AttentionHeads
from .autoencoder import Autoencoder
from .chosen_layers import ChosenLayers, layer_numbers
from .mlp import MlpNeurons
from .residual import ResidualStream
from .site import Site

SITES: dict[str, type[Site]] = {
    "mlp": MlpNeurons,
    "residual": ResidualStream,
    "attention": AttentionHeads,
    "sae": Autoencoder,
}

__all__ = [
    "SITES",
    "AttentionHeads",
    "Autoencoder",
    "ChosenLayers",
    "MlpNeurons",
    "ResidualStream",
    "Site",
    "layer_numbers",
    "site_named",
]


def site_named(words: str | Site, argument: str = "--site") -> Site:
    """Return the site that an option names: ``mlp``, ``residual``, ``attention`` or ``sae:PATH``; a `Site` as it is.

    Raises
    ------
    InputError
        If the site is unknown, or names a file where it has none, or none where it needs one.
    """
    if isinstance(words, Site):
        return words
    name, colon, path = words.partition(":")
    if name not in SITES:
        raise UnknownNameError(argument, name, SITES)
    if name == "sae":
        if not path:
            raise InputError(argument, words, "names no autoencoder", f"{argument} sae:FOLDER")
        return Autoencoder(path)
    if colon:
        raise InputError(argument, words, f"{name} takes nothing after a colon", f"{argument} {name}")
    return SITES[name]()
