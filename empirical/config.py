"""The declarative files: how a ladder is measured, and TOML files read as checked dataclasses.

Shipped ladder files lie in ``empirical/ladder/``. An unknown, missing or ill-typed entry is refused by name.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import sys
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..disk import expanded
from ..errors import ForeignFileError, InputError, MissingFileError, UnknownNameError, require
from ..file_kinds import kind_of
from .corpora.bytes import require_ordinary, require_utf8
from .corpora.corpus import PAPERS_TOKENS

# Names that some system keeps for itself, with any ending.
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
LONGEST_NAME = 100
MOST_TOKENS = 10**12
LONGEST_FILE = 1 << 20  # bytes
MOST_SEED = 2**63 - 1  # a result stores seeds in 64 bits
MOST_DRAWS = 100_000  # of each null, as in `nulls`
MOST_SIZES = 100  # nested subsets: 10^50 times fewer data in the smallest
MOST_PARTNERS = 1000  # k at which a ladder is matched; a matching keeps that many partners of every neuron
MOST_CONTEXTS = 10_000  # top positions of each neuron
MOST_AROUND = 100_000  # characters of text on either side of one

ENGINES = ("auto", "exact", "certified", "screened")  # of a matching
# Kinds of device that torch names (torch.device), without those that it is about to remove.
DEVICES = "cpu cuda ipu xpu opengl opencl ideep hip ve fpga maia xla lazy vulkan mps meta hpu mtia privateuseone"
LADDERS = Path(__file__).parent / "ladder"
TEMPLATE = "rosettalaw ladder --template mine.toml"

TYPES = {"int": "a whole number", "float": "a number", "str": "text in quotes", "bool": "true or false"}
EXAMPLES = {  # of entries that do not take any value of their type
    "name": '"mine"',
    "architecture": '"gpt2"',
    "corpus": '"python"',
    "device": '"cpu"',
    "device_map": '"auto"',
    "engine": '"auto"',
    "families": '["Pythia", "OPT"]',
    "held_out": "0.2",
    "layers": '["0-5"]',
    "models": '["EleutherAI/pythia-160m", "facebook/opt-125m"]',
    "partners": "[2, 5, 10]",
    "text": '"pile.jsonl.zst"',
    "tokens": "1_000_000",
    "vocabulary": "1024",
    "weights": '"float32"',
    "width": "64",
}


@dataclass(frozen=True)
class Measurement:
    """Settings of a ladder's measurement; the defaults are the paper's where it states them.

    Attributes
    ----------
    tokens : int
        Tokens of the first model that are read.
    permutations, untrained, shift, documents : int
        Draws of each null. The permuted positions are the paper's; shifted ones and permuted documents keep the
        autocorrelation of text.
    partners : tuple of int
        Further k: each neuron's k best partners.
    data_sizes : int
        Nested subsets of the positions, each √10 times the one before, that the largest rung is matched on; 1 skips it.
    contexts : int
        Top positions of each neuron.
    around : int
        Characters of text kept on either side of them (see `snippets` for the size); 0 keeps none.
    control, control_draws : int
        Random other neurons that the Rosetta Neurons' documents are compared with, and how often they are drawn.
    engine, device : str
        As `rosettalaw.empirical.matching.match` takes them; the models compute on the same device.
    device_map : str
        How `accelerate` spreads models that no single device holds ("auto"); "" leaves them whole.
    allow_pickle_weights : bool
        Whether weights that exist only as a pickle may be read, as tensors alone.
    weights : str
        In which precision models compute: "float32", "bfloat16" or "float16".
    seed : int
        Decides the order of the text, the permutations, the untrained weights and the control.
    """

    tokens: int = PAPERS_TOKENS
    permutations: int = 3
    untrained: int = 3
    shift: int = 3
    documents: int = 3
    partners: tuple[int, ...] = (2, 5, 10)
    data_sizes: int = 5
    contexts: int = 20
    around: int = 60
    control: int = 1000
    control_draws: int = 3
    engine: str = "auto"
    device: str = "cpu"
    device_map: str = ""
    allow_pickle_weights: bool = False
    weights: str = "float32"
    seed: int = 0

    @property
    def nulls(self) -> dict[str, int]:
        """Draws of each kind of null, as `rosettalaw.empirical.matching.match` takes them."""
        return {
            "permute": self.permutations,
            "untrained": self.untrained,
            "shift": self.shift,
            "documents": self.documents,
        }

    def __post_init__(self):
        at_least = {"tokens": 1, "permutations": 0, "untrained": 0, "shift": 0, "documents": 0}
        at_least |= {"data_sizes": 1, "contexts": 1, "around": 0}
        for name, least in at_least.items():
            value = getattr(self, name)
            require(value >= least, name, value, f"must be at least {least}", f"{name} = {getattr(Measurement, name)}")
        at_most = dict.fromkeys(("permutations", "untrained", "shift", "documents"), MOST_DRAWS)
        at_most |= {"data_sizes": MOST_SIZES, "contexts": MOST_CONTEXTS, "around": MOST_AROUND}
        for name, most in at_most.items():
            value = getattr(self, name)
            require(value <= most, name, value, f"must be at most {most:,}", f"{name} = {getattr(Measurement, name)}")
        require(
            self.tokens <= MOST_TOKENS, "tokens", self.tokens, f"must be at most {MOST_TOKENS:,}", "tokens = 10_000_000"
        )
        require_seed("seed", self.seed)
        require(any(self.nulls.values()), "shift", 0, "a count needs a null", "shift = 3")
        partners = list(self.partners)
        rule = f"must be different values of k from 2 to {MOST_PARTNERS:,}"
        good = all(1 < k <= MOST_PARTNERS for k in partners) and len(set(partners)) == len(partners)
        require(good, "partners", partners, rule, "partners = [2, 5, 10]")
        for name in ("control", "control_draws"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "must be at least 1", f"{name} = 3")
        rule = f"must be one of {', '.join(ENGINES)}"
        require(self.engine in ENGINES, "engine", self.engine, rule, 'engine = "screened"')
        require_device("device", self.device, 'device = "cuda"')
        if (self.device_map, self.weights) != ("", "float32"):
            from .checkpoints.hub import Loading

            Loading("cpu", self.device_map or None, weights=self.weights)  # refuses other words


def require_device(argument: str, device: str, example: str) -> None:
    """Refuse a word that is no device of torch, without loading torch.

    Raises
    ------
    InputError
        If it is neither a kind of device nor one with its number, or it needs another torch than the installed one.
    """
    kind, colon, number = device.partition(":")
    named = kind in DEVICES.split() and (not colon or (number.isascii() and number.isdigit()))
    require(named, argument, device, "must be a device in torch's words: cpu, cuda, cuda:1, mps or xpu", example)
    rule = "cannot be used (Torch not compiled with CUDA enabled)"
    require(kind != "cuda" or _may_have_cuda(), argument, device, rule, example.replace("cuda", "cpu"))


def _may_have_cuda() -> bool:
    """Return False where the torch that is installed was made for the CPU alone, as its file of versions says."""
    if "torch" in sys.modules:
        return True  # torch itself answers
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return True
    try:
        versions = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return True
    return not all(re.search(rf"^{kind}\b[^=]*=\s*None\s*$", versions, re.MULTILINE) for kind in ("cuda", "hip"))


def require_seed(argument: str, seed: int) -> None:
    """Refuse a seed that is negative, or that a result cannot store.

    Raises
    ------
    InputError
        If it is below 0 or above `MOST_SEED`.
    """
    rule = "must be a whole number from 0 to 2^63 - 1"
    require(0 <= seed <= MOST_SEED, argument, seed, rule, f"{argument} = 0")


def require_name(argument: str, name: str) -> None:
    """Refuse a name that cannot be a folder's on every system: the one rule for names that become paths.

    Raises
    ------
    InputError
        If it is empty, long, blank at an end, hidden, reserved, ends in a dot, or holds a separator of paths, a control
        character or another sign that some system forbids.
    """
    forbidden = any(sign in '/\\<>:"|?*' or not sign.isprintable() for sign in name)
    plain = name and not forbidden and name == name.strip() and not name.startswith((".", "~")) and name[-1] != "."
    rule = (
        "becomes the name of a folder: use letters, digits, spaces, - and _ (no path, no reserved name, at most 100 "
        "characters)"
    )
    free = name.split(".")[0].strip().casefold() not in RESERVED
    require(plain and free and len(name.encode()) <= LONGEST_NAME, argument, name, rule, 'name = "quickstart"')


def require_distinct(argument: str, names: Iterable[str]) -> None:
    """Refuse names of which two are one on a system that does not distinguish capitals from small letters.

    Raises
    ------
    InputError
        If two differ only in that, or in how their letters are composed.
    """
    known: dict[str, str] = {}
    for name in names:
        spelled = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        rule = f"is used twice (the other is {known.get(spelled)!r}; upper and lower case are not distinguished)"
        require(spelled not in known, argument, name, rule, f"{name}-2")
        known[spelled] = name


def parse_file(kind: type, path: Path, nested: dict[str, type]) -> Any:
    """Read a TOML file as a frozen dataclass whose entries of the names in `nested` are dataclasses themselves.

    Raises
    ------
    UnknownNameError, MissingFileError, ForeignFileError, InputError
        As `open_ladder` says.
    """
    table = read_table(path)
    with naming_file(path):
        return _parse(kind, table, path, nested, "it")


@contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Name a ladder file in the errors of its entries, which are not options of the command line."""
    try:
        yield
    except InputError as error:
        name = error.argument.lstrip("-").replace("-", "_") if error.argument.startswith("--") else error.argument
        example = f"{name} = {EXAMPLES[name]}" if name != error.argument and name in EXAMPLES else error.example
        raise InputError(f"{path}: {name}", error.value, error.rule, example) from error
    except UnknownNameError as error:
        raise error.within(str(path)) from error


def ladder_path(source: str | Path) -> Path | None:
    """Return the path of a ladder file, or None if the source is the name of a shipped ladder.

    Raises
    ------
    UnknownNameError
        If a name without an ending is neither a file nor a shipped ladder.
    """
    path = expanded(source)
    if str(source) in shipped():
        return None
    if not path.suffix and len(path.parts) == 1 and not exists(path):
        raise UnknownNameError("ladder", str(source), shipped())
    return path


def exists(path: Path) -> bool:
    """Return whether there is a file or folder; a name that no file system takes is none."""
    try:
        return path.exists()
    except (OSError, ValueError):  # longer than names may be
        return False


def read_table(path: Path) -> dict[str, Any]:
    """Return the contents of a ladder file, unchecked.

    Raises
    ------
    MissingFileError, ForeignFileError
        If there is no such file, or it is not TOML.
    """
    if not exists(path):
        raise MissingFileError(f"{path}: no such ladder file. Try: {TEMPLATE}")
    require_ordinary(path)
    if path.is_dir():
        inside = next(iter(sorted(path.glob("*.toml"))), path / "ladder.toml")
        raise MissingFileError(f"{path}: a folder, not a ladder file. Try: {inside}")
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
    except OSError as error:
        raise MissingFileError(f"{path}: cannot be read ({error.strerror})") from error
    require_utf8(path, content)
    if len(content) > LONGEST_FILE:
        raise ForeignFileError(f"{path}: longer than {LONGEST_FILE >> 20} MiB, so not a ladder file")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))  # editors on Windows begin files with a mark
    except (ValueError, RecursionError) as error:  # TOML, UTF-8, or lists in lists without end
        kind = kind_of(path)
        said = f"not a TOML file ({error})" if kind in ("", "a text file") else f"not a TOML file, but {kind}"
        raise ForeignFileError(f"{path}: {said}. Try: {TEMPLATE}") from error


def _parse(kind: type, table: Any, path: Path, nested: dict[str, type], place: str) -> Any:
    """Build a frozen dataclass from a TOML table, refusing unknown, missing and ill-typed entries."""
    if not isinstance(table, dict):
        name = place.strip("[]")
        raise InputError(name, table, "must be a table of entries", f"{place} on a line of its own, entries below it")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    values = {}
    for name, value in table.items():
        if name not in fields:
            raise UnknownNameError(f"entry in {path}" if place == "it" else f"entry of {place} in {path}", name, fields)
        if name in nested and str(fields[name].type).startswith("tuple"):
            items = value if isinstance(value, list) else [value]
            value = tuple(_parse(nested[name], item, path, nested, f"[[{name}]]") for item in items)
        elif name in nested:
            value = _parse(nested[name], value, path, nested, f"[{name}]")
        else:
            value = _scalar(name, value, str(fields[name].type))
        values[name] = value
    for name, field in fields.items():
        if name not in values and field.default is dataclasses.MISSING:
            kind_of = str(field.type)
            table = f"[[{name}]]" if kind_of.startswith("tuple") else f"[{name}]"
            example = table if name in nested else _example(name, kind_of)
            raise ForeignFileError(f"{path}: {place} lacks the entry {name!r}. Try: {example}")
    return kind(**values)


def _scalar(name: str, value: Any, kind: str, entry: str = "") -> Any:
    kind = kind.removesuffix(" | None")  # left out it is None; TOML has no word for it
    if kind.startswith("tuple["):
        items = value if isinstance(value, list) else [value]
        return tuple(_scalar(name, item, kind[len("tuple[") :].split(",")[0], kind) for item in items)
    accepted = {"int": int, "float": (int, float), "str": str, "bool": bool}[kind]
    if isinstance(value, bool) != (kind == "bool") or not isinstance(value, accepted):
        raise InputError(name, value, f"must be {TYPES[kind]}", _example(name, entry or kind))
    return value


def _example(name: str, kind: str) -> str:
    """Return an entry of this name and type that works."""
    of_type = {"int": "1", "float": "0.1", "str": '"text"', "bool": "true"}
    several = kind.removeprefix("tuple[").split(",")[0]
    value = EXAMPLES.get(name) or (of_type[kind] if kind in of_type else f"[{of_type.get(several, '1')}]")
    return f"{name} = {value}"


def shipped() -> dict[str, Path]:
    """Return the ladder files that come with the package, by name."""
    return {file.stem: file for file in LADDERS.glob("*.toml")}
