"""A study of monosemanticity: two populations of neurons before a judge, and the judge before the neurons.

Protocol of appendix H of the paper. Each population (Rosetta Neurons of the calibrated pairs; other neurons of the same
model) is drawn from at random in five disjoint subsets of 100 neurons, fewer where the model is small; the rate of
neurons judged monosemantic is taken in each subset, and its mean over the subsets given with a t interval. The rates
are taken for several numbers of images shown.

Validation. From the images below a neuron's top ones, a judge has to tell the five with the next highest scores from
five drawn from the bottom half. A judge without insight has an accuracy of ½.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ....console import progress
from ....errors import InputError, require
from ....results import dataset, require_variables
from ..source import ImageSource
from .judges import Judge
from .top_images import exhibit, neuron_scores, pictures, top_exhibits

if TYPE_CHECKING:
    import xarray as xr

POPULATIONS = ("rosetta", "other")
SUBSETS, SUBSET_SIZE, HELD_OUT = 5, 100, 10


@dataclass(frozen=True)
class JudgingPlan:
    """Settings of a study.

    Attributes
    ----------
    top : tuple of int
        Numbers of images shown.
    main : int
        The number that the headline and the validation use; it is among `top`.
    subsets, subset_size : int
        Disjoint subsets of each population, and the most neurons in each.
    validated : int
        Neurons of each population that the judge's predictions are tested on.
    seed : int
        Seed of the draws.
    """

    top: tuple[int, ...] = (2, 5, 10, 15, 20, 50)
    main: int = 20
    subsets: int = SUBSETS
    subset_size: int = SUBSET_SIZE
    validated: int = 20
    seed: int = 0

    def __post_init__(self):
        require(self.main in self.top, "main", self.main, f"must be among the numbers of images shown, {self.top}")
        require(min(self.top) >= 2, "top", min(self.top), "a judge needs at least 2 images of a neuron", "--top 2,5,20")
        require(self.subsets >= 2, "subsets", self.subsets, "an interval needs at least two", "--subsets 5")
        for name in ("subset_size", "validated"):
            option = f"--{name.replace('_', '-')}"
            require(getattr(self, name) >= 1, option, getattr(self, name), "must be at least 1", f"{option} 20")


def populations_of(pairs: xr.Dataset, side: str) -> dict[str, np.ndarray]:
    """Return the neurons of one model of a matching: those of calibrated pairs, and all others.

    Parameters
    ----------
    pairs : xarray.Dataset
        Kind "pairs".
    side : str
        "a" or "b".

    Raises
    ------
    InputError
        If no pair exceeds the nulls, or there was none to calibrate against.
    """
    needed = ("correlation", f"unit_{side}", f"excluded_unit_{side}", f"neurons_{side}")
    require_variables(pairs, "pairs", needed)
    threshold = float(pairs["threshold"]) if "threshold" in pairs else np.nan
    strong = np.abs(pairs["correlation"].values) >= threshold  # of either sign under --absolute
    if not strong.any():
        rule = "has no pair above its nulls, so there are no Rosetta Neurons to judge"
        raise InputError("pairs", pairs.attrs.get("status", "uncalibrated"), rule, "rosettalaw match … --untrained 3")
    rosetta = np.unique(pairs[f"unit_{side}"].values[strong])
    excluded = pairs[f"excluded_unit_{side}"].values
    everyone = np.arange(int(pairs[f"neurons_{side}"]))
    return dict(zip(POPULATIONS, (rosetta, np.setdiff1d(everyone, np.union1d(rosetta, excluded))), strict=True))


def judgements(plan: JudgingPlan, sizes: Sequence[int]) -> tuple[int, int]:
    """Return how many judgements a plan asks for over populations of given sizes, and how many predictions."""
    judged = sum(plan.subsets * min(plan.subset_size, size // plan.subsets) for size in sizes)
    return judged * len(plan.top), sum(min(plan.validated, size) for size in sizes)


def study(
    source: ImageSource,
    populations: dict[str, np.ndarray],
    judge: Judge,
    plan: JudgingPlan | None = None,
    quiet: bool = False,
    **provenance: Any,
) -> xr.Dataset:
    """Judge populations of neurons, and validate the judge.

    Parameters
    ----------
    source : ImageSource
        The model on the images.
    populations : dict of str to ndarray of int
        Neurons, counted over all layers.
    judge : Judge
        The judge.
    plan : JudgingPlan, optional
        Numbers of images and subsets.
    quiet : bool
        No progress bar.
    **provenance
        Further facts for the result.

    Returns
    -------
    xarray.Dataset
        Kind "judge", with the dimensions ``population``, ``top`` and ``subset``.

    Raises
    ------
    InputError
        If a population is too small for the subsets, or the images for the exhibits.
    """
    plan = plan or JudgingPlan()
    last = max((int(neurons.max()) for neurons in populations.values() if len(neurons)), default=0)
    rule = f"has {len(source.layer)} neurons, so the pairs belong to another model"
    require(last < len(source.layer), "model", source.name, rule, "--model, the checkpoint that was matched")
    needed = max(plan.top) + HELD_OUT
    if len(source.images) < needed:
        rule = f"showing {max(plan.top)} images and holding out {HELD_OUT} needs {needed} images"
        raise InputError("images", len(source.images), rule, "--top 2,5 or more images")
    for name, neurons in populations.items():
        if len(neurons) < plan.subsets:
            rule = f"{plan.subsets} disjoint subsets need as many neurons"
            raise InputError(f"population {name!r}", len(neurons), rule, "a larger model, or --subsets 2")
    rng = np.random.default_rng(np.random.SeedSequence([plan.seed, 0x0DE]))
    tops = sorted(plan.top)
    rates, measures, sizes = [], [], []
    total = sum(judgements(plan, [len(neurons) for neurons in populations.values()]))
    with progress(f"judging with {judge.name}", total, quiet) as bar:
        for neurons in populations.values():
            size = min(plan.subset_size, len(neurons) // plan.subsets)
            groups_of = rng.permutation(neurons)[: size * plan.subsets].reshape(plan.subsets, size)
            exhibits = top_exhibits(source, groups_of.ravel(), max(tops))
            verdicts = np.empty((len(tops), groups_of.size))
            for column, one in enumerate(exhibits):
                for row, top in enumerate(tops):
                    verdicts[row, column] = judge.judge(one.first(top)).monosemantic
                    bar.advance()
            rates.append(verdicts.reshape(len(tops), plan.subsets, size).mean(2))
            validated = rng.permutation(neurons)[: plan.validated]
            measures.append(_validate(source, validated, judge, plan, rng, bar.advance))
            sizes.append(size)
    rate = np.stack(rates)
    low, high = _interval(rate)
    variables: dict[str, Any] = {
        "monosemantic_rate": (("population", "top", "subset"), rate),
        "monosemantic_mean": (("population", "top"), rate.mean(2)),
        "monosemantic_low": (("population", "top"), low),
        "monosemantic_high": (("population", "top"), high),
        "subset_neurons": ("population", sizes),
        **{
            f"judge_{name}": ("population", [measure[name] for measure in measures])
            for name in ("accuracy", "precision", "recall", "f1", "predictions")
        },
    }
    coords = {"population": np.array(list(populations), dtype=object), "top": tops}
    return dataset(
        "judge", variables, coords, judge=judge.name, model=source.name, images=source.images.name,
        images_sha256=source.images.sha256, seed=plan.seed, main_top=plan.main, **provenance,
    )  # fmt: skip


def _validate(
    source: ImageSource, neurons: np.ndarray, judge: Judge, plan: JudgingPlan, rng: np.random.Generator, advance: Any
) -> dict[str, float]:
    """Return accuracy, precision, recall and F1 of the judge's predictions on held-out images."""
    scores = neuron_scores(source, neurons)
    order = np.argsort(-scores, axis=0, kind="stable").T
    half = HELD_OUT // 2
    truth, predicted = [], []
    shown = exhibit(source, neurons, [one[: plan.main] for one in order], scores)
    for ranked, one in zip(order, shown, strict=True):
        bottom = ranked[max(len(ranked) // 2, plan.main + half) :]
        images = np.concatenate([ranked[plan.main : plan.main + half], rng.choice(bottom, half, replace=False)])
        mixed = rng.permutation(HELD_OUT)
        predicted += judge.predict(one, pictures(source.images, images[mixed]))
        truth += (mixed < half).tolist()
        advance()
    return scored(np.array(truth), np.array(predicted))


def scored(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return accuracy, precision, recall, F1 (NaN where undefined) and the number of predictions.

    Parameters
    ----------
    truth, predicted : ndarray of bool, shape (predictions,)
    """
    hits, called, positive = float(np.sum(truth & predicted)), float(np.sum(predicted)), float(np.sum(truth))
    precision = hits / called if called else np.nan
    recall = hits / positive if positive else np.nan
    f1 = 2 * hits / (called + positive) if called + positive else np.nan
    accuracy = float(np.mean(truth == predicted)) if len(truth) else np.nan
    return {"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1, "predictions": len(truth)}


def _interval(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95% t interval of the mean over the last axis, within 0 and 1."""
    from scipy import stats

    n = rates.shape[-1]
    half = stats.t.ppf(0.975, n - 1) * rates.std(-1, ddof=1) / np.sqrt(n)
    mean = rates.mean(-1)
    return np.clip(mean - half, 0, 1), np.clip(mean + half, 0, 1)
