"""Every architecture with a table of positions: as many tokens as are said to fit are read, and one more is not.

The architectures come from the table of transformers' configurations, made tiny; a table of positions is one with as
many rows, or a few more, as the configuration was given.
"""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, model_type_to_module_name
from transformers.models.auto.modeling_auto import MODEL_MAPPING

from rosettalaw.empirical.checkpoints import hub
from rosettalaw.empirical.language.loaded import LoadedModel
from rosettalaw.empirical.language.positions import positions_of

ROWS = 72
SIZES = {
    **dict.fromkeys(
        ("hidden_size", "d_model", "n_embd", "dim", "emb_dim", "embedding_size", "word_embed_proj_dim"), 16
    ),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads", "num_heads", "n_head", "n_heads"), 2),
    **dict.fromkeys(("num_attention_heads", "attention_heads"), 2),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "encoder_layers", "decoder_layers", "num_layers"), 1),
    **dict.fromkeys(("num_encoder_layers", "num_decoder_layers"), 1),
    **dict.fromkeys(
        ("intermediate_size", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim", "hidden_dim", "n_inner"), 32
    ),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), ROWS),
    **dict.fromkeys(("max_encoder_position_embeddings", "max_decoder_position_embeddings"), ROWS),
    **dict.fromkeys(("xpath_unit_hidden_size", "max_depth", "rotary_dim", "shape_size"), 4),
    **{"attention_window": [24], "attention_type": "original_full", "attention_types": [[["global"], 1]]},
    **{"vocab_size": 96, "entity_vocab_size": 8, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2},
    **{"decoder_start_token_id": 0, "coordinate_size": 2, "languages": ["en_XX"], "default_language": "en_XX"},
}
SOURCES = Path(transformers.__file__).parent / "models"
TINY = 3_000_000  # weights; larger are models of several parts, whose towers for text have entries of their own
# Relatives of RoBERTa, whose first token is read behind the row of the padding, here row 1.
BEHIND_PADDING = (
    "altclip_text_model", "bridgetower_text_model", "camembert", "clap_text_model", "data2vec-text",
    "layoutlmv3", "longformer", "luke", "markuplm", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta",
    "xlm-roberta-xl", "xmod",
)  # fmt: skip
FROM_ROW_0 = ("bert", "clip_text_model", "distilbert", "gpt2", "gpt_neo", "mra", "nystromformer", "opt", "xlm")
GROWING = ("fsmt", "tapas")  # a table that grows with the text; positions beyond the last one are all the last
WITH_DECODER = ("bart", "led", "mbart", "pegasus")


def classes_of(folder):
    """Return the names that the sources of an architecture define, with their values."""
    files = sorted(SOURCES.glob(f"{folder}/modeling_*.py"))
    modules = [importlib.import_module(f"transformers.models.{folder}.{file.stem}") for file in files]
    return {name: value for module in modules for name, value in vars(module).items()}


def tiny(kind):
    """Return a tiny random model of an architecture that reads text by a table of positions; None of any other."""
    folder = model_type_to_module_name(kind)
    text = "".join(file.read_text(encoding="utf-8") for file in SOURCES.glob(f"{folder}/modeling_*.py"))
    if not re.search(r"(pos\w*|wpe)\b.*Embedding\(", text):
        return None
    try:
        kind_of_config = CONFIG_MAPPING[kind]
        plain = kind_of_config()
        if not hasattr(plain, "vocab_size"):
            return None
        config = kind_of_config(**{name: value for name, value in SIZES.items() if hasattr(plain, name)})
        kind_of_model: Any = MODEL_MAPPING.get(kind_of_config, None)
        kind_of_model = kind_of_model or classes_of(folder)[kind_of_config.__name__.replace("Config", "Model")]
        empty = hub.modules_to_try(config, kind_of_model)
        if empty is None or sum(weight.numel() for weight in empty.parameters()) > TINY:
            return None
        model = kind_of_model(config).eval()
    except Exception:  # sizes that do not go together, parts that are not installed
        return None
    tables = [
        one for name, one in model.named_modules() if re.search("pos|wpe", name) and hasattr(one, "num_embeddings")
    ]
    own = isinstance(model, transformers.PreTrainedModel)
    return model if own and any(ROWS <= one.num_embeddings < ROWS + 8 for one in tables) else None


def reads(model, tokens):
    ids = torch.full((1, tokens), 5)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if getattr(model.config, "is_encoder_decoder", False):
        behind = torch.full((1, tokens + 1), 5)
        inputs |= {"decoder_input_ids": behind, "decoder_attention_mask": torch.ones_like(behind)}
    try:
        with torch.inference_mode():
            model(**inputs)
    except Exception:
        return False
    return True


def room(kind):
    """Return the positions of a tiny model, after trying that they are read and one more is not; None without."""
    with hub.quiet_transformers():
        model = tiny(kind)
        if model is None or not reads(model, 3):  # one that reads no text alone
            return None
        most = positions_of(LoadedModel("tiny", model, None), model.config)
        assert most is not None, f"{kind}: has a table, but none is read"
        assert reads(model, most), f"{kind}: {most} tokens do not fit"
        assert kind in GROWING or not reads(model, most + 1), f"{kind}: more than {most} tokens fit"
        return most


@pytest.mark.parametrize("kind", [*BEHIND_PADDING, *FROM_ROW_0, *WITH_DECODER])
def test_positions_are_those_that_a_model_reads(kind):
    behind = 2 if kind in BEHIND_PADDING else int(kind in WITH_DECODER)
    assert room(kind) == ROWS - behind


@pytest.mark.slow
def test_positions_of_every_architecture():
    rooms = {kind: room(kind) for kind in CONFIG_MAPPING}
    assert {kind for kind, most in rooms.items() if most == ROWS - 2} >= {*BEHIND_PADDING}
    assert sum(most is not None for most in rooms.values()) > 60
