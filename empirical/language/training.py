"""Training one rung of a family: a small causal language model, reproducible to the bit and resumable.

Next-token cross-entropy on windows of `context` tokens, drawn without replacement from the corpus in an order that
the seed alone decides. AdamW with momenta (0.9, 0.95), weight decay on matrices, gradient norm clipped at 1; the
learning rate warms up over 5% of the steps and falls to 0 on a half cosine. Its peak follows the width d,

    base · (64/d)^½  for d < 64,    base · 64/d  above,

with initial weights of standard deviation 1/√d.

One model is always trained by one thread, so the bits do not depend on how many models are trained at once. Every few
seconds the weights, the optimizer's moments and the step are saved in one safetensors file; an interrupted training
resumes there and ends with the same bits as an uninterrupted one. The finished checkpoint is an ordinary Hugging
Face folder (config, safetensors, tokenizer) with ``training.json`` beside them, moved into place when complete.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...checksums import ENTRY, of_tensors
from ...errors import RosettaError
from ...leftovers import remove_leftovers
from ...removal import begin, made, ours, remove
from ...results import disk_error, replacing, run_facts
from ..checkpoints.claims import claimed
from ..checkpoints.completeness import model_is_whole
from ..checkpoints.provenance import record_is_sound, recorded, write_record
from .families import ARCHITECTURES, Family, Rung, Training

SAVE_SECONDS = 10.0
BETAS, CLIP, WARM_UP = (0.9, 0.95), 1.0, 0.05


@dataclass(frozen=True)
class Job:
    """One model to train: everything a worker process needs, and nothing that it does not."""

    ladder: str
    family: Family
    rung: Rung
    training: Training
    corpus_sha256: str
    bytes_per_token: float
    tokenizer: Path
    tokens: Path
    folder: Path

    @property
    def label(self) -> str:
        """Name of the model in messages."""
        seed = f", seed {self.training.seed}" if self.training.seed else ""
        return f"{self.family.name}, {self.rung.neurons} neurons{seed}"

    @property
    def steps(self) -> int:
        """Optimizer steps that read the token budget once."""
        return max(1, self.training.tokens // (self.training.batch * self.training.context))

    @property
    def cost(self) -> float:
        """Floating-point operations of one step: 6 per token and weight that multiplies activations."""
        weights = 12 * self.rung.layers * self.rung.width**2 + self.rung.width * self.family.vocabulary
        return 6.0 * weights * self.training.batch * self.training.context

    @property
    def finished(self) -> bool:
        """True where a complete checkpoint exists; one with a damaged file is trained again."""
        return math.isfinite(self.bits_per_byte) and model_is_whole(self.folder) and record_is_sound(self.folder)

    @property
    def bits_per_byte(self) -> float:
        """Loss of the finished model; NaN where there is none, or where it diverged in an earlier version."""
        return recorded(self.folder, "bits_per_byte")

    @property
    def state(self) -> Path:
        """File of an unfinished training's state."""
        return self.folder.with_name(self.folder.name + ".partial.safetensors")

    def seed(self) -> int:
        """Return the seed of this model alone: families and rungs are trained independently."""
        name = zlib.crc32(self.family.name.encode())
        parts = [self.training.seed, name, self.rung.width, self.rung.layers]
        return int(np.random.SeedSequence(parts).generate_state(1)[0])


def train(job: Job, report: Callable[[int], bool] = lambda step: True) -> float:
    """Train one model to its end, from its saved state if there is one.

    Another process that trains the same model is waited for, and its model taken.

    Parameters
    ----------
    job : Job
        What to train.
    report : callable
        Called with the number of steps done; returns False to stop (the state is saved first).

    Returns
    -------
    float
        Training loss over the last tenth of the steps, in bits per byte of text (NaN if stopped early).

    Raises
    ------
    RosettaError
        If the model diverges, or the folder cannot be written.
    """
    with claimed(job.folder, lambda: report(0)) as mine:
        if not mine:
            return math.nan
        if not job.finished:
            return _train(job, report)
        forget_state(job)
        return job.bits_per_byte


def _train(job: Job, report: Callable[[int], bool]) -> float:
    import torch

    torch.set_num_threads(1)
    seed = job.seed()
    model = _model(job, seed)
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": job.training.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=BETAS, fused=True)
    windows = _windows(job, seed)
    losses = torch.full((job.steps,), float("nan"))

    step = _restore(job, model, optimizer, losses)
    saved = time.monotonic()
    model.train()
    while step < job.steps:
        batch = torch.from_numpy(windows(step))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(job, step)
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses[step] = loss.detach()
        if not math.isfinite(float(losses[step])):
            raise _diverged(job, f"its loss at step {step + 1} of {job.steps} is not a number")
        step += 1
        going_on = report(step)
        if not going_on or time.monotonic() - saved > SAVE_SECONDS:
            _save_state(job, model, optimizer, losses, step)
            saved = time.monotonic()
        if not going_on:
            return math.nan

    loss = float(losses[-max(1, job.steps // 10) :].mean())
    chance = math.log(job.family.vocabulary)
    weights = all(bool(weight.isfinite().all()) for weight in model.parameters())
    if not weights or loss > 2 * chance:
        raise _diverged(job, f"its final loss is {loss:.3g} nats per token; chance is {chance:.3g}")
    bits = loss / math.log(2) / job.bytes_per_token
    _finish(job, model, {"bits_per_byte": bits, "seed": seed})
    return bits


def _diverged(job: Job, reason: str) -> RosettaError:
    """Return the error of a model that learns nothing, whose state is removed."""
    _forget(job)
    return RosettaError(
        f"{job.label}: diverged ({reason}); nothing was saved. Try: a smaller learning_rate than "
        f"{job.training.learning_rate:g} in the ladder file"
    )


def learning_rate(job: Job, step: int) -> float:
    """Return the learning rate of a step: the width's peak, warmed up and cooled down."""
    ratio = 64 / job.rung.width
    peak = job.training.learning_rate * (math.sqrt(ratio) if ratio > 1 else ratio)
    warm = max(1, round(WARM_UP * job.steps))
    if step < warm:
        return peak * (step + 1) / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, job.steps - warm)))


def _model(job: Job, seed: int) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    architecture = ARCHITECTURES[job.family.architecture]
    torch.manual_seed(seed)
    size = job.rung
    return AutoModelForCausalLM.from_config(
        architecture.config(size.width, size.layers, job.family.vocabulary, job.training.context)
    )


def _windows(job: Job, seed: int) -> Callable[[int], np.ndarray]:
    """Return a function from a step to its batch of windows, shape (batch, context)."""
    tokens = np.load(job.tokens, mmap_mode="r", allow_pickle=False)
    context, batch = job.training.context, job.training.batch
    number = len(tokens) // context

    def windows(step: int) -> np.ndarray:
        numbers = np.arange(step * batch, (step + 1) * batch)
        orders = {epoch: _order(seed, int(epoch), number) for epoch in np.unique(numbers // number)}
        chosen = [orders[epoch][place] for epoch, place in zip(numbers // number, numbers % number, strict=True)]
        return np.stack([tokens[i * context : (i + 1) * context] for i in chosen]).astype(np.int64)

    return windows


_ORDERS: dict[tuple[int, int, int], np.ndarray] = {}


def _order(seed: int, epoch: int, number: int) -> np.ndarray:
    """Return the order of the windows in one epoch (the last few are remembered)."""
    key = (seed, epoch, number)
    if key not in _ORDERS:
        if len(_ORDERS) > 2:
            _ORDERS.clear()
        _ORDERS[key] = np.random.default_rng(np.random.SeedSequence([seed, epoch])).permutation(number)
    return _ORDERS[key]


def _save_state(job: Job, model: Any, optimizer: Any, losses: Any, step: int) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {f"model.{i}": p.detach() for i, p in enumerate(model.parameters())}
    for i, p in enumerate(_ordered(optimizer)):
        for name in ("exp_avg", "exp_avg_sq", "step"):
            tensors[f"optimizer.{i}.{name}"] = optimizer.state[p][name]
    tensors["losses"] = losses
    try:
        with replacing(made(job.state)) as partial:
            facts = {"step": str(step), ENTRY: of_tensors(tensors)}
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, facts)
    except SafetensorError as error:
        raise disk_error(job.state, error) from error


def _restore(job: Job, model: Any, optimizer: Any, losses: Any) -> int:
    """Load the saved state, if any, and return the step to resume from."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file

    try:
        tensors = load_file(job.state)
        with safe_open(job.state, "pt") as file:
            step = int(file.metadata()["step"])
            expected = file.metadata().get(ENTRY)
        if expected not in (None, of_tensors(tensors)):
            raise ValueError("its numbers are not those that were written")
        with torch.no_grad():
            for i, p in enumerate(model.parameters()):
                p.copy_(tensors[f"model.{i}"])
        for i, p in enumerate(_ordered(optimizer)):
            optimizer.state[p] = {n: tensors[f"optimizer.{i}.{n}"] for n in ("exp_avg", "exp_avg_sq", "step")}
        losses.copy_(tensors["losses"])
        made(job.state)
    except Exception:  # no state yet, or one that another version wrote: begin at the beginning
        if job.state.exists():
            return _restart(job, model, optimizer, losses)
        return 0
    return step


def _restart(job: Job, model: Any, optimizer: Any, losses: Any) -> int:
    """Undo a half-done restoration."""
    import torch

    fresh = _model(job, job.seed())
    with torch.no_grad():
        for p, q in zip(model.parameters(), fresh.parameters(), strict=True):
            p.copy_(q)
    optimizer.state.clear()
    losses.fill_(float("nan"))
    return 0


def forget_state(job: Job) -> None:
    """Remove the state of a model that is finished, from a run killed between the model and its clean end."""
    from safetensors import SafetensorError, safe_open

    if job.state.is_file():
        with suppress(OSError, ValueError, SafetensorError), safe_open(job.state, "pt") as file:
            if "step" in (file.metadata() or {}):
                made(job.state)
        _forget(job)


def _forget(job: Job) -> None:
    """Remove the state; a file of that name which no version of this program can read stays."""
    if ours(job.state):
        remove(job.state)


def _ordered(optimizer: Any) -> list[Any]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _finish(job: Job, model: Any, outcome: dict[str, Any]) -> None:
    """Write the checkpoint beside its place and move it there."""
    from safetensors import SafetensorError

    partial = job.folder.with_name(job.folder.name + ".writing")
    try:
        remove(partial)  # of a run that was killed here; by the claim, no other process writes there
        begin(partial, f"a model of the ladder {job.ladder}: {job.label}")
        model.save_pretrained(partial, safe_serialization=True)
        shutil.copytree(job.tokenizer, partial, dirs_exist_ok=True)
        record = {
            "ladder": job.ladder,
            "family": asdict(job.family),
            "rung": asdict(job.rung),
            "neurons": job.rung.neurons,
            "training": asdict(job.training),
            "corpus_sha256": job.corpus_sha256,
            **outcome,
            "versions": json.loads(run_facts()["versions"]),
        }
        write_record(partial, record)
        remove(job.folder)
        os.replace(partial, job.folder)
        _forget(job)
        remove_leftovers(job.folder.parent)  # a state that was being written when a run was killed
    except (OSError, SafetensorError) as error:
        raise disk_error(job.folder, error) from error
