"""Two opened models matched, drawn against their nulls, calibrated and saved, however they were opened.

    sources → `matching.match` → calibrated count → Dataset "pairs" with its provenance

`PairOptions` holds the options that both models of a pair share; `two_models` and `several` make it of their arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contents import ByContent
from ..errors import require
from ..removal import remove
from ..results import require_room, save, with_variables
from .activations.source import ActivationSource, untrained
from .calibration import Q_DEFAULT, Calibration
from .config import require_device
from .matching import Matches, Screening, match
from .matching.engine import require_options
from .matching.machine import distributed
from .nulls import DRAWS, MOST_DRAWS, default_nulls, draws_of, parsed
from .viewer.saved_contexts import SAVED, collector

if TYPE_CHECKING:
    import xarray as xr

SPOOLED = ("float32", "float16")
CONTEXTS, MOST_CONTEXTS = 5, 1000  # of each partner that a result keeps
Sources = tuple[ActivationSource, ActivationSource]


@dataclass(frozen=True, eq=False)
class ModelMatches(ByContent):
    """Two models matched.

    Attributes
    ----------
    matches : Matches
        Mutual pairs, with the pairs of every null.
    calibration : Calibration or None
        The calibrated count; None without a null.
    provenance : dict
        Corpus or images, revisions, tokenizers.
    contexts : dict
        Variables that hold the pairs' strongest contexts (`viewer.saved_contexts`); empty without them.
    """

    matches: Matches
    calibration: Calibration | None
    provenance: dict[str, Any] = field(default_factory=dict)
    contexts: dict[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return plain numbers, the way ``rosettalaw match --json`` prints them."""
        return self.matches.record(self.calibration)

    def to_dataset(self) -> xr.Dataset:
        """Return the Dataset of kind "pairs" that ``rosettalaw match --out`` writes."""
        return with_variables(self.matches.to_dataset(self.calibration, **self.provenance), self.contexts)


def require_reading(models: Sequence[Any], tokens: int | None, context: int | None) -> None:
    """Refuse what checkpoints cannot read, before a text is opened.

    Raises
    ------
    RosettaError
        If a folder does not exist, or a number of tokens is not positive.
    """
    from .checkpoints.locations import require_there

    require(tokens is None or tokens > 0, "--tokens", tokens, "must be at least 1", "--tokens 200000")
    require(context is None or context > 0, "--context", context, "must be positive", "--context 256")
    for one in models:
        if isinstance(one, str | Path):
            require_there(one)


def require_models(models: Sequence[Any]) -> None:
    """Refuse names of checkpoints that exist neither on disk nor on the hub, before a text is read for them.

    Raises
    ------
    MissingFileError
        If there is no such folder, and the hub has none either or does not answer.
    """
    from .checkpoints.locations import require_found

    for one in models:
        if isinstance(one, str | Path):
            require_found(one)


def unfinished_work(out: Path) -> Path:
    """Return the folder of the work on a result until it is saved."""
    return out.with_name(f"{out.name}.unfinished")


@dataclass(frozen=True)
class PairOptions:
    """Options of a matching that do not depend on how its models are opened; those of `two_models.match_models`."""

    k: int = 1
    absolute: bool = False
    null: str | None = None
    null_permutations: int | None = None
    untrained: int | None = None
    jackknife: int = 16
    q: float = Q_DEFAULT
    contexts: int = CONTEXTS
    engine: str = "auto"
    screening: Screening = field(default_factory=Screening)
    compute: str = "float32"
    device: str = "cpu"
    memory: int | None = None
    spool: str = "float32"
    exclude_nonfinite: bool = False
    seed: int = 0

    def __post_init__(self):
        require(0 < self.q < 1, "--q", self.q, "must be between 0 and 1", "--q 0.05")
        rule = f"must be from 0 to {MOST_CONTEXTS}"
        require(0 <= self.contexts <= MOST_CONTEXTS, "--contexts", self.contexts, rule, "--contexts 5")
        require_options(
            k=self.k, seed=self.seed, jackknife_blocks=self.jackknife, engine=self.engine, compute=self.compute
        )
        require(self.spool in SPOOLED, "--spool", self.spool, "must be float32 or float16", "--spool float16")
        require_device("--device", str(self.device), "--device cuda")
        self._stated()
        for name, default in vars(Screening()).items():
            value, rule = getattr(self.screening, name), "applies to the screened engine alone"
            given = self.engine == "screened" or value == default
            require(given, f"--{name}", value, rule, f"--engine screened --{name} {value}")

    def nulls(self, sources: Sources) -> dict[str, int]:
        """Return the draws of each kind that the options ask for, or the default ones."""
        stated = self._stated()
        if stated is not None:
            nulls = stated
        elif self.null_permutations is not None:
            possible = self.null_permutations > 0 and all(untrained(one) is not None for one in sources)
            nulls = {"permute": self.null_permutations} | ({"untrained": DRAWS} if possible else {})
        else:
            nulls = default_nulls(*sources)
        return nulls if self.untrained is None else {**nulls, "untrained": self.untrained}

    def _stated(self) -> dict[str, int] | None:
        """Return the draws that ``--null`` names; None without it."""
        draws = {"--null-permutations": self.null_permutations, "--untrained": self.untrained}
        for option, number in draws.items():
            rule = f"must be from 0 to {MOST_DRAWS:,}"
            require(number is None or 0 <= number <= MOST_DRAWS, option, number, rule, f"{option} 3")
        if self.null is None:
            return None
        rule, given = "cannot be combined with --null, which gives the draws itself", self.null_permutations
        require(given is None, "--null-permutations", given, rule, "--null permute:5")
        stated = parsed(self.null)
        draws_of(stated)
        return stated

    def run(
        self,
        sources: Sources,
        provenance: dict[str, Any],
        out: Path | None = None,
        quiet: bool = False,
        text: Any = None,
    ) -> ModelMatches:
        """Match two sources, save the result, and return it.

        Parameters
        ----------
        sources : two ActivationSource
            The models.
        provenance : dict
            Facts for the result.
        out : path, optional
            Where the Dataset is saved; unfinished work lies in ``<out>.unfinished`` until then.
        text : AlignedText, optional
            The text whose contexts are looked up.
        """
        seen: dict[str, Any] = {}
        examine = collector(text, self.contexts, seen, quiet) if self.contexts and text is not None else None
        nulls = self.nulls(sources)
        if out is not None:
            columns = 12 + self.jackknife + 2 * sum(nulls.values())
            require_room(out, 8 * self.k * min(len(one.layer) for one in sources) * columns)
        unfinished = None if out is None else unfinished_work(out)
        matches = match(
            *sources,
            k=self.k,
            absolute=self.absolute,
            nulls=nulls,
            jackknife_blocks=self.jackknife,
            engine=self.engine,
            screening=self.screening,
            memory=self.memory,
            seed=self.seed,
            compute=self.compute,
            device=self.device,
            spool_as=self.spool,
            nonfinite="exclude" if self.exclude_nonfinite else "error",
            folder=unfinished,
            quiet=quiet,
            examine=examine,
        )
        facts = provenance | ({SAVED: self.contexts} if seen else {})
        result = ModelMatches(matches, matches.calibrate(q=self.q), facts, seen)
        if out is not None and unfinished is not None and distributed.rank() == 0:
            save(result.to_dataset(), out)
            remove(unfinished)
        return result
