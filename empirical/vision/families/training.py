"""Training all seeds of one objective and size at once, to ordinary checkpoints.

AdamW with momenta (0.9, 0.95), weight decay 0.1 on matrices, each seed's gradient norm clipped at 1; the learning rate
warms up over 5% of the steps to 3e-3 (64/d)^½ and falls to 0 on a half cosine. Seeds differ in their initial weights
and in all that they see. A job is one process with one thread, so the bits do not depend on how many run side by side.

A checkpoint is a Hugging Face folder of SigLIP's vision tower (``config.json``, ``model.safetensors``), with the
objective's head in ``head.safetensors`` and ``training.json`` beside them.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import RosettaError, require
from ....leftovers import remove_leftovers, unfinished_folder
from ....removal import begin, ours, remove
from ....results import disk_error, run_facts
from ...checkpoints.claims import claimed
from ...checkpoints.completeness import model_is_whole, weights_are_whole
from ...checkpoints.provenance import record_is_sound, recorded, write_record
from .batched_vit import MLP_RATIO, configuration, initial
from .objectives import OBJECTIVES
from .photographs import Crops

HEAD = "head.safetensors"
BETAS, DECAY, CLIP, WARM_UP = (0.9, 0.95), 0.1, 1.0, 0.05
LARGEST = {"steps": 10_000_000, "batch": 65_536, "layers": 1000}


@dataclass(frozen=True)
class Recipe:
    """Training of every model of a ladder."""

    steps: int = 250
    batch: int = 64
    learning_rate: float = 3e-3
    layers: int = 3
    seeds: tuple[int, ...] = (0, 1, 2)

    def __post_init__(self):
        for name, most in LARGEST.items():
            value, rule = getattr(self, name), f"must be a whole number from 1 to {most:,}"
            require(isinstance(value, int) and 1 <= value <= most, name, value, rule, f"{name}={min(most, 64)}")
        rate, rule = self.learning_rate, "must be a finite number above 0"
        require(math.isfinite(rate) and rate > 0, "learning_rate", rate, rule, "learning_rate=3e-3")
        whole = all(isinstance(seed, int) and 0 <= seed < 1 << 63 for seed in self.seeds)
        distinct = 0 < len(self.seeds) == len(set(self.seeds))
        require(
            whole and distinct, "seeds", self.seeds, "must be distinct whole numbers of at least 0", "seeds=(0, 1, 2)"
        )


@dataclass(frozen=True)
class Job:
    """All seeds of one objective at one width."""

    objective: str
    width: int
    recipe: Recipe
    images_sha256: str
    root: Path

    @property
    def neurons(self) -> int:
        """MLP neurons of one network."""
        return self.recipe.layers * MLP_RATIO * self.width

    @property
    def cost(self) -> float:
        """Floating-point operations of one step, up to a factor: what progress is weighed by."""
        return float(self.width**2 + 40 * self.width)

    @property
    def home(self) -> Path:
        """Folder of all seeds."""
        facts = [self.objective, self.width, asdict(self.recipe), self.images_sha256]
        name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:10]
        return self.root / f"{self.objective}-{self.neurons}-{name}"

    def folder(self, seed: int) -> Path:
        """Return where the checkpoint of one seed is."""
        return self.home / f"seed{seed}"

    @property
    def losses(self) -> np.ndarray:
        """Loss of each seed's finished model, shape (seeds,); NaN where there is none."""
        return np.array([recorded(self.folder(seed), "loss") for seed in self.recipe.seeds])

    @property
    def finished(self) -> bool:
        """True where complete checkpoints of all seeds exist; those with a damaged file are trained again."""
        folders = [self.folder(seed) for seed in self.recipe.seeds]
        whole = all(model_is_whole(folder) and weights_are_whole(folder / HEAD) for folder in folders)
        return whole and bool(np.isfinite(self.losses).all()) and all(map(record_is_sound, folders))


def train(job: Job, crops: Crops, report: Callable[[int], bool] = lambda step: True) -> np.ndarray:
    """Train all seeds of a job and write their checkpoints.

    Another process that trains the same job is waited for, and its models taken.

    Parameters
    ----------
    job : Job
        What to train.
    crops : Crops
        The images.
    report : callable
        Called with the number of steps done; returns False to stop (nothing is saved then: a job takes seconds).

    Returns
    -------
    ndarray, shape (seeds,)
        Training loss over the last tenth of the steps; NaN if stopped.

    Raises
    ------
    RosettaError
        If a model diverges, or the folder cannot be written.
    """
    with claimed(job.home, lambda: report(0)) as mine:
        if not mine:
            return np.full(len(job.recipe.seeds), np.nan)
        return job.losses if job.finished else _train(job, crops, report)


def _train(job: Job, crops: Crops, report: Callable[[int], bool]) -> np.ndarray:
    import torch

    torch.set_num_threads(1)
    recipe, objective = job.recipe, OBJECTIVES[job.objective]
    config = configuration(job.width, recipe.layers)
    states = [_states(job, seed) for seed in recipe.seeds]
    weights = initial(config, [int(state.generate_state(1)[0]) for state in states])
    outputs = objective.outputs(crops)
    weights["head.weight"] = torch.stack([_head(state, outputs, job.width) for state in states])
    weights["head.bias"] = torch.zeros(len(states), outputs)
    weights = {name: value.requires_grad_() for name, value in weights.items()}
    matrices = [value for value in weights.values() if value.ndim > 2]
    vectors = [value for value in weights.values() if value.ndim <= 2]
    groups = [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=BETAS, fused=True)
    streams = [np.random.default_rng(state.spawn(1)[0]) for state in states]
    losses = np.full((recipe.steps, len(states)), np.nan)
    for step in range(recipe.steps):
        sample = [objective.batch(crops, stream, recipe.batch) for stream in streams]
        batch = {name: torch.from_numpy(np.stack([one[name] for one in sample])) for name in sample[0]}
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, job.width, step)
        loss = objective.loss(weights, config, batch)
        loss.sum().backward()
        _clip(weights.values())
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses[step] = loss.detach().numpy()
        _require_finite(job, losses[step], f"its loss at step {step + 1} of {recipe.steps}")
        if not report(step + 1):
            return np.full(len(states), np.nan)
    final = losses[-max(1, recipe.steps // 10) :].mean(0)
    largest = [torch.stack([value[i].abs().max() for value in weights.values()]).max() for i in range(len(states))]
    _require_finite(job, np.array([float(one.detach()) for one in largest]), "one of its weights")
    for number, seed in enumerate(recipe.seeds):
        member = {name: value[number].detach().contiguous() for name, value in weights.items()}
        _write(job, seed, config, member, float(final[number]))
    return final


def _require_finite(job: Job, values: np.ndarray, place: str) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise RosettaError(
            f"{job.objective}, {job.neurons} neurons, seed {job.recipe.seeds[bad[0]]}: diverged ({place} is not a "
            f"number); nothing was saved. Try: a smaller learning_rate than {job.recipe.learning_rate:g}"
        )


def learning_rate(recipe: Recipe, width: int, step: int) -> float:
    """Return the learning rate of a step: the width's peak, warmed up and cooled down."""
    peak = recipe.learning_rate * math.sqrt(64 / width)
    warm = max(1, round(WARM_UP * recipe.steps))
    if step < warm:
        return peak * (step + 1) / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, recipe.steps - warm)))


def _states(job: Job, seed: int) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, job.width, job.recipe.layers, zlib.crc32(job.objective.encode())])


def _head(state: np.random.SeedSequence, outputs: int, width: int) -> Any:
    import torch

    sample = np.random.default_rng(state.spawn(1)[0]).standard_normal((outputs, width)) / math.sqrt(width)
    return torch.from_numpy(sample.astype(np.float32))


def _clip(parameters: Any) -> None:
    """Scale each seed's gradient to norm 1 if it is longer."""
    import torch

    gradients = [parameter.grad for parameter in parameters]
    norm = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients]).sum(0).sqrt()
    factor = (CLIP / norm.clamp_min(1e-12)).clamp_max(1.0)
    for gradient in gradients:
        gradient *= factor.view(-1, *[1] * (gradient.ndim - 1))


def _write(job: Job, seed: int, config: Any, member: dict[str, Any], loss: float) -> None:
    """Write one seed's checkpoint beside its final place, and move it there when whole."""
    from safetensors.torch import save_file

    from ...checkpoints.hub import untrained_model

    folder = job.folder(seed)
    partial = unfinished_folder(folder)
    try:
        remove_leftovers(folder.parent)
        begin(partial, f"a model of {job.objective}, {job.neurons} neurons, seed {seed}")
        model = untrained_model(config, 0)
        body = {name: value for name, value in member.items() if not name.startswith("head.")}
        model.load_state_dict(body)
        model.save_pretrained(partial)
        save_file({name: value for name, value in member.items() if name.startswith("head.")}, partial / HEAD)
        record = {"objective": job.objective, "seed": seed, "loss": loss, "neurons": job.neurons}
        record |= {"recipe": asdict(job.recipe), "images_sha256": job.images_sha256, **run_facts()}
        write_record(partial, record)
        remove(folder)
        partial.replace(folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    finally:
        if ours(partial):
            remove(partial)
