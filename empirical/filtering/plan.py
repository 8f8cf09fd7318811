"""Settings of a filtering study."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import require
from ..corpora.corpus import PAPERS_TOKENS
from .choose_neuron import CONTEXTS, LEADERS
from .tuning import TuningRecipe

MOST_RUNS = 1000


@dataclass(frozen=True)
class FilteringPlan:
    """Settings of a filtering study; the defaults are the paper's where it gives them.

    Attributes
    ----------
    target : str
        The domain looked for.
    budget : int, optional
        Tokens to select; by default the target domain's own.
    contexts : int
        Top contexts that a neuron is chosen by.
    passage : int
        Cut documents into passages of this many characters; 0 keeps them whole.
    choosing, test : float
        Shares of the text to choose the neuron on, and to measure perplexity on; the rest is filtered.
    match_tokens : int
        Tokens of model A to match on, at most.
    shift, untrained : int
        Draws of each null that the pairs are calibrated against.
    leaders : int
        Neurons of a population that are scored, the chosen one first: on average, for they are an equal share of both.
    runs : int
        Trainings of each selection; 0 stops after F1.
    context : int, optional
        Length of the sequences to train on; by default the model's context, at most 1024.
    recipe : TuningRecipe
        How adapters are trained.
    seed : int
        Decides the split, the nulls, the random samples, the bootstrap, and with the run's number the training.
    """

    target: str
    budget: int | None = None
    contexts: int = CONTEXTS
    passage: int = 0
    choosing: float = 0.25
    test: float = 0.25
    match_tokens: int = PAPERS_TOKENS
    shift: int = 3
    untrained: int = 3
    leaders: int = LEADERS
    runs: int = 3
    context: int | None = None
    recipe: TuningRecipe = field(default_factory=TuningRecipe)
    seed: int = 0

    def __post_init__(self):
        few = self.runs == 0 or 2 <= self.runs <= MOST_RUNS
        require(few, "runs", self.runs, f"must be 0, or from 2 to {MOST_RUNS}", "3")
        for name in ("budget", "contexts", "match_tokens", "leaders", "context"):
            value = getattr(self, name)
            require(value is None or value >= 1, name, value, "must be at least 1", f"{name} = 20")
        for name in ("budget", "contexts", "match_tokens", "context", "passage", "seed"):
            value = getattr(self, name)
            require(value is None or value < 2**63, name, value, "must be below 2^63", f"{name} = 20")
        require(self.passage >= 0, "passage", self.passage, "must not be negative", "passage = 1000")
        require(self.seed >= 0, "seed", self.seed, "must be at least 0", "seed = 0")
        fits = self.choosing > 0 and self.test > 0 and self.choosing + self.test < 1
        shares = f"{self.choosing:g}, {self.test:g}"
        require(fits, "choosing, test", shares, "must be positive and sum to less than 1", "0.25 and 0.25")
        draws = tuple(self.nulls.values())
        rule = "must not be negative, and at least one null is needed"
        require(min(draws) >= 0 and max(draws) > 0, "shift, untrained", draws, rule, "3 and 3")

    @property
    def nulls(self) -> dict[str, int]:
        """Draws of each kind of null, as `rosettalaw.empirical.matching.match` takes them."""
        return {"shift": self.shift, "untrained": self.untrained}
