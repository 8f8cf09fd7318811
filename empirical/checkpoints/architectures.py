"""ModelParts of the neurons: for each architecture, the module whose input are the MLP activations.

A neuron is one coordinate of the input of an MLP's output (down) projection (arXiv 2606.03990, section 3.1). One entry
per architecture; ``*`` stands for the layer's number in the name of the module within the base model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ...console import say
from ...errors import RosettaError
from .completeness import LAYERS, WIDTHS

# `model_type` of the configuration -> name of the output projection within the base model; several names where an
# encoder and a decoder follow each other, or where a block has several MLPs. In gated MLPs (Llama and its relatives)
# the input of `down_proj` is the product of the activated gate and the linear part.
BERT, LLAMA = "encoder.layer.*.output.dense", "layers.*.mlp.down_proj"
T5 = ("encoder.block.*.layer.1.DenseReluDense.wo", "decoder.block.*.layer.2.DenseReluDense.wo")
BART = ("encoder.layers.*.fc2", "decoder.layers.*.fc2")
OUTPUT_PROJECTION: dict[str, str | tuple[str, ...]] = {
    "albert": "encoder.albert_layer_groups.*.albert_layers.*.ffn_output",
    "arcee": LLAMA,
    "bart": BART,
    "bert": BERT,
    "bert-generation": BERT,
    "big_bird": BERT,
    "bigbird_pegasus": BART,
    "biogpt": "layers.*.fc2",
    "blenderbot": BART,
    "blenderbot-small": BART,
    "bloom": "h.*.mlp.dense_4h_to_h",
    "camembert": BERT,
    "codegen": "h.*.mlp.fc_out",
    "cohere": LLAMA,
    "cohere2": LLAMA,
    "convbert": BERT,
    "ctrl": "h.*.ffn.2",
    "data2vec-text": BERT,
    "deberta": BERT,
    "deberta-v2": BERT,
    "distilbert": "transformer.layer.*.ffn.lin2",
    "electra": BERT,
    "ernie": BERT,
    "esm": BERT,
    "eurobert": LLAMA,
    "exaone4": LLAMA,
    "falcon": "h.*.mlp.dense_4h_to_h",
    "flaubert": "ffns.*.lin2",
    "fnet": BERT,
    "gemma": LLAMA,
    "gemma2": LLAMA,
    "gemma3": "language_model.layers.*.mlp.down_proj",
    "gemma3_text": LLAMA,
    "glm": LLAMA,
    "glm4": LLAMA,
    "gpt2": "h.*.mlp.c_proj",
    "gpt_bigcode": "h.*.mlp.c_proj",
    "gpt_neo": "h.*.mlp.c_proj",
    "gpt_neox": "layers.*.mlp.dense_4h_to_h",
    "gpt_neox_japanese": "layers.*.mlp.dense_4h_to_h",
    "gptj": "h.*.mlp.fc_out",
    "granite": LLAMA,
    "helium": LLAMA,
    "ibert": BERT,
    "led": BART,
    "llama": LLAMA,
    "longformer": BERT,
    "longt5": T5,
    "luke": BERT,
    "m2m_100": BART,
    "marian": BART,
    "markuplm": BERT,
    "mbart": BART,
    "megatron-bert": BERT,
    "ministral": LLAMA,
    "mistral": LLAMA,
    "mobilebert": ("encoder.layer.*.ffn.*.output.dense", BERT),
    "modernbert": "layers.*.mlp.Wo",
    "mpnet": BERT,
    "mpt": "blocks.*.ffn.down_proj",
    "mt5": T5,
    "mvp": BART,
    "nemotron": LLAMA,
    "nomic_bert": LLAMA,
    "nystromformer": BERT,
    "olmo": LLAMA,
    "olmo2": LLAMA,
    "olmo3": LLAMA,
    "openai-gpt": "h.*.mlp.c_proj",
    "opt": "decoder.layers.*.fc2",
    "pegasus": BART,
    "persimmon": "layers.*.mlp.dense_4h_to_h",
    "phi": "layers.*.mlp.fc2",
    "phi3": LLAMA,
    "plbart": BART,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
    "rembert": BERT,
    "roberta": BERT,
    "roberta-prelayernorm": BERT,
    "roformer": BERT,
    "rwkv": "blocks.*.feed_forward.value",
    "seed_oss": LLAMA,
    "smollm3": LLAMA,
    "stablelm": LLAMA,
    "starcoder2": "layers.*.mlp.c_proj",
    "t5": T5,
    "umt5": T5,
    "xglm": "layers.*.fc2",
    "xlm": "ffns.*.lin2",
    "xlm-roberta": BERT,
    "xlm-roberta-xl": BERT,
    "xlnet": "layer.*.ff.layer_2",
    "xmod": BERT,
}
# Architectures without an MLP: their blocks mix positions by a state space, and no coordinate is a neuron of the paper.
GROUPS = ("num_hidden_groups", "inner_group_num")  # of depths that share layers; layers in a group
WITHOUT_MLP = ("mamba", "mamba2", "falcon_mamba", "xlstm")
# Architectures whose layers have no activation for each token of a text, or none that the text alone decides.
UNREADABLE = {
    "canine": "reads characters, four at a time in its deep layers",
    "funnel": "pools positions, so that its deeper layers have fewer positions than tokens",
    "mra": "attends only by kernels of a GPU that are not part of it",
    "perceiver": "reads a text into a few vectors, which belong to no token",
    "reformer": "attends by random hashes, so that its activations differ each time",
    "squeezebert": "has its positions behind its channels, for convolutions in place of linear maps",
}
WITHOUT_BLOCKS = ("flaubert", "xlm")  # their layers are lists of parts
AUTO = "auto"  # a pattern: the only candidate


Table = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True)
class ModelParts:
    """A model without its head, and where its layers are.

    Attributes
    ----------
    base : torch.nn.Module
        The model without its head.
    model_type : str
        The architecture, as its configuration says it.
    name : str
        Name of the model in messages.
    pattern : str, optional
        The output projection's name with ``*`` for the layer's number, for an architecture that has no entry; "auto"
        for the only candidate.
    table : mapping of str to str
        The projections of known architectures.
    """

    base: Any
    model_type: str
    name: str
    pattern: str | None = None
    table: Table = field(default_factory=lambda: OUTPUT_PROJECTION, repr=False)

    def projections(self) -> list[Any]:
        """Return the output projections of the MLPs, in the order of the layers.

        A layer whose weights several depths share (ALBERT) is listed once for each depth: its neurons at one depth are
        other neurons than those at the next, since they have other activations.

        Raises
        ------
        RosettaError
            If the architecture is unknown, has no MLP or the pattern finds nothing (the message lists what could be
            meant), or if the model is a mixture of experts.
        """
        modules = dict(self.base.named_modules(remove_duplicate=False))  # one that depths share has a name at each
        if any(part == "experts" for module_name in modules for part in module_name.split(".")):
            raise RosettaError(
                f"{self.name}: a mixture of experts. Its neurons are active only for tokens that the router sends to "
                "them, so their correlations over all positions are not those of the paper. Try: --site residual, or a "
                "dense model"
            )
        return [modules[name] for name in self._names(modules)]

    def blocks(self) -> list[Any]:
        """Return the blocks that write to the residual stream, in the order of the layers, shared ones repeated.

        A block is the part of the model that a projection's layer number counts; where the MLP is unknown, it is a
        member of the only list with one part for each layer of the configuration.
        """
        modules = dict(self.base.named_modules(remove_duplicate=False))
        if self.model_type in WITHOUT_BLOCKS:
            raise RosettaError(
                f"{self.name}: the layers of {self.model_type} have no block as a whole. Try: --site mlp"
            )
        if self.pattern or self.model_type in self.table:
            wanted = _several(self._wanted(modules))
            numbered = [re.compile(re.escape(one[: one.rindex("*") + 1]).replace(r"\*", r"\d+")) for one in wanted]
            numbered = sorted(numbered, key=lambda one: len(one.pattern))  # that of the block before those within it
            names = self._names(modules)
            starts = [next(filter(None, (one.match(name) for one in numbered)))[0] for name in names]
            pairs = zip(names, starts, ["", *names], ["", *starts], strict=False)
            # A further MLP of the same block has another name; a block that depths share comes again with the same.
            return [modules[start] for name, start, last, before in pairs if start != before or name == last]
        depth = stated(self.base.config, LAYERS)
        lists = [part for part in modules.values() if type(part).__name__ == "ModuleList" and len(part) == depth]
        if len(lists) != 1:
            possible = candidates(self.base, modules)
            way = f"--pattern '{possible[0]}', the output projection of an MLP" if possible else "another model"
            raise RosettaError(f"{self.name}: the blocks of {self.model_type!r} are not known. Try: {way}")
        return list(lists[0])

    def stream(self) -> int:
        """Return the width of the residual stream."""
        width = stated(self.base.config, WIDTHS)
        if width is None:
            raise RosettaError(f"{self.name}: its configuration does not state the width of the residual stream")
        return width

    def _names(self, modules: dict[str, Any]) -> list[str]:
        wanted = self._wanted(modules)
        names = _matching(_several(wanted), modules)
        if not names:
            possible = _listed(candidates(self.base, modules))
            raise RosettaError(f"{self.name}: no module is called {wanted!r}; candidates: {possible}")
        return _by_depth(names, self.base.config)

    def _wanted(self, modules: dict[str, Any]) -> str | tuple[str, ...]:
        """Return the pattern by hand, of the table, or of the only candidate."""
        wanted = self.pattern if self.pattern and self.pattern != AUTO else self.table.get(self.model_type)
        if wanted is None and self.model_type in WITHOUT_MLP:
            raise RosettaError(
                f"{self.name}: {self.model_type} has no MLP; its blocks mix positions by a state space. Try: --site "
                "residual, or a transformer"
            )
        return wanted or self._only_candidate(modules)

    def _only_candidate(self, modules: dict[str, Any]) -> str:
        """Return the only candidate, which ``--pattern auto`` asks for; an error that lists all otherwise."""
        possible = candidates(self.base, modules)
        if self.pattern == AUTO and len(possible) == 1:
            _say_taken(self.name.partition(" (untrained")[0], self.model_type, possible[0])
            return possible[0]
        known = ", ".join(sorted(self.table))
        way = "; --pattern auto takes the only candidate" if len(possible) == 1 else ""
        raise RosettaError(
            f"{self.name}: unknown architecture {self.model_type!r} (known: {known}). Name its MLP output projection, "
            f"with * for the layer (--pattern-a, --pattern-b; patterns in a ladder file); candidates here: "
            f"{_listed(possible)}{way}"
        )


@cache
def _say_taken(name: str, model_type: str, pattern: str) -> None:
    """Say once which modules were taken: a model is opened again for every reading, and has untrained twins."""
    say(f"{name}: {model_type} is not in the table of architectures; its neurons are the inputs of {pattern}")


def output_projections(
    base: Any, model_type: str, name: str, pattern: str | None = None, table: Table = OUTPUT_PROJECTION
) -> list[Any]:
    """Return the output projections of a base model, in the order of the layers; see `ModelParts.projections`."""
    parts = ModelParts(base=base, model_type=model_type, name=name, pattern=pattern, table=table)
    return parts.projections()


def _several(patterns: str | tuple[str, ...]) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else patterns


def _matching(patterns: tuple[str, ...], modules: dict[str, Any]) -> list[str]:
    """Return the names of the modules of some patterns, in the order of their numbers.

    Patterns that count the same list of blocks alternate, block by block; others follow each other.
    """
    lists = [pattern.partition("*")[0] for pattern in patterns]
    places = []
    for order, pattern in enumerate(patterns):
        regex = re.compile(re.escape(pattern).replace(r"\*", r"(\d+)") + "$")
        for key in modules:
            if match := regex.match(key):
                numbers = tuple(map(int, match.groups()))
                places.append((lists.index(lists[order]), numbers[:1], order, numbers, key))
    return [key for *_, key in sorted(places)]


def _by_depth(groups: list[str], config: Any) -> list[str]:
    """Return layers in the order in which a text passes them, those of a group of depths as often as they are passed.

    The configuration states groups where depths share layers, as ALBERT's do: depth d of L belongs to group
    ⌊d · groups / L⌋, which runs all its inner layers. Others have one module, or one name of a module, for each depth.
    """
    depth, number, inner = (stated(config, (name,)) for name in ("num_hidden_layers", *GROUPS))
    if not (depth and number and inner) or len(groups) != number * inner:
        return groups
    return [groups[int(d / (depth / number)) * inner + j] for d in range(depth) for j in range(inner)]


def width(projection: Any) -> int:
    """Return the number of neurons that enter an output projection (a Linear, or the Conv1D of GPT-2)."""
    return projection.in_features if hasattr(projection, "in_features") else projection.weight.shape[0]


def candidates(base: Any, modules: dict[str, Any]) -> list[str]:
    """Return the patterns of the numbered linear maps that could be output projections.

    They narrow to the width of the residual stream, where the configuration states it, and are no part of an attention.
    """
    stream = stated(base.config, WIDTHS)
    patterns = {}
    for name, module in modules.items():
        weight = getattr(module, "weight", None)
        if weight is None or weight.ndim != 2 or not re.search(r"\.\d+\.", f".{name}"):
            continue
        outputs = module.out_features if hasattr(module, "out_features") else weight.shape[-1]
        attention = any(word in name.lower() for word in ("attn", "attention"))
        if width(module) > outputs and stream in (None, outputs) and not attention:
            patterns[re.sub(r"(^|\.)\d+\.", r"\1*.", name, count=1)] = None
    return list(patterns)


def stated(config: Any, fields: tuple[str, ...]) -> int | None:
    """Return the first of some sizes that a configuration, or its part for text, states."""
    parts = (getattr(config, "text_config", None) or config, config)
    sizes = (getattr(part, field, None) for part in parts for field in fields)
    return next((size for size in sizes if isinstance(size, int)), None)


def _listed(patterns: list[str]) -> str:
    return ", ".join(patterns) or "none"
