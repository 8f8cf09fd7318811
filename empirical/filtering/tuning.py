"""Continued pretraining on selected documents, with adapters of rank 1 (arXiv 2606.03990, appendix F).

Every linear map of attention and MLP gets a low-rank adapter: ``W + (α/r) B A`` with A of shape (r, inputs), B of
shape (outputs, r) and B = 0 at first, so that training begins at the model itself; W is not touched. Sequences of the
model's context are read once, in an order that the seed decides, 32 a step, by AdamW. The learning rate rises over the
first 3% of the steps to its peak 1e-3 and falls to 0 on half a cosine: at step s of S, with w = ⌈0.03 S⌉,

    peak · (s + 1)/w  for s < w,        peak · ½ (1 + cos π (s − w)/(S − w))  after.

The paper gives these numbers; α (8), AdamW's momenta and its weight decay (0.01) are the defaults of `peft` and torch,
and dropout stays off.

An unfinished run keeps its adapters, the optimizer's moments and the step in one safetensors file, and resumes from it
to the same bits. These bits are those of the same number of threads.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...checksums import ENTRY, of_tensors
from ...console import say
from ...errors import MissingExtraError, RosettaError, require
from ...removal import made, ours, remove
from ...results import disk_error, replacing
from ..checkpoints import hub
from .sequences import TOKENS_AT_ONCE

SAVE_SECONDS = 10.0
MOST_RANK = 1 << 16  # beyond the width of any model
MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW remembers of each parameter


@dataclass(frozen=True)
class TuningRecipe:
    """Settings of continued training; the defaults are the paper's."""

    rank: int = 1
    alpha: float = 8.0
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warm_up: float = 0.03
    batch: int = 32

    def __post_init__(self):
        for name in ("rank", "alpha", "learning_rate", "batch"):
            require(getattr(self, name) > 0, name, getattr(self, name), "must be positive", f"TuningRecipe({name}=1)")
        rule = "must not be negative"
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, rule, "weight_decay = 0.01")
        require(self.rank <= MOST_RANK, "rank", self.rank, f"must be at most {MOST_RANK}", "TuningRecipe(rank=1)")
        require(0 <= self.warm_up < 1, "warm_up", self.warm_up, "must be at least 0 and below 1", "warm_up = 0.03")

    def steps(self, sequences: int) -> int:
        """Return the optimizer steps of one epoch; the last may hold fewer sequences."""
        return math.ceil(sequences / self.batch)

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        warm = math.ceil(self.warm_up * steps)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


@hub.quiet_transformers()
def open_causal(checkpoint: str | Path, loading: hub.Loading = hub.Loading()) -> Any:
    """Open a causal language model with its head, in float32 and evaluation mode.

    Raises
    ------
    RosettaError
        If the weights cannot be loaded, or the checkpoint is not a decoder.
    """
    import torch
    from transformers import AutoModelForCausalLM

    model = hub.open_model(checkpoint, hub.open_config(checkpoint), AutoModelForCausalLM, loading)
    # The architecture's name does not say whether a model looks ahead; what it answers does.
    with torch.inference_mode():
        probe = model(input_ids=torch.tensor([[1, 2], [1, 3]], device=hub.device_of(model))).logits[:, 0]
    if not torch.allclose(probe[0], probe[1], rtol=1e-3, atol=1e-4):
        raise RosettaError(
            f"{checkpoint}: is an encoder, which sees later tokens; predicting the next token needs a decoder"
        )
    return model


def adapted(model: Any, recipe: TuningRecipe, seed: int) -> Any:
    """Give every linear map of attention and MLP an adapter; all other weights are frozen.

    Which maps these are is read off the model: all linear layers but the one that gives the logits.

    Raises
    ------
    MissingExtraError
        If `peft` is not installed.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise MissingExtraError("peft", "filter") from error
    settings = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,  # pyright: ignore[reportArgumentType]  (peft divides by the rank; any number will do)
        target_modules="all-linear",
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),  # GPT-2 keeps W transposed
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft's use of a name that transformers renamed
        torch.manual_seed(seed)
        return get_peft_model(model, settings)


def train(
    model: Any,
    sequences: np.ndarray,
    recipe: TuningRecipe,
    seed: int,
    state: Path | None = None,
    report: Callable[[int, int], None] = lambda step, steps: None,
) -> tuple[Any, float]:
    """Train adapters for one epoch.

    Parameters
    ----------
    model : torch.nn.Module
        A causal language model; its own weights stay as they are.
    sequences : ndarray of int, shape (sequences, context)
        Tokens to train on.
    recipe : TuningRecipe
        How.
    seed : int
        Decides the adapters' first values and the order of the sequences.
    state : path, optional
        Where an unfinished run keeps its state; removed at the end.
    report : callable
        Called after each step with the number of steps done and their total.

    Returns
    -------
    model : torch.nn.Module
        The model with its adapters, in evaluation mode.
    loss : float
        Training loss over the last tenth of the steps, nats per token.
    """
    import torch

    tuned = adapted(model, recipe, seed)
    device = next(tuned.parameters()).device
    trained = [parameter for parameter in tuned.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    order = np.random.default_rng(np.random.SeedSequence([seed, 0x0DE5])).permutation(len(sequences))
    steps = recipe.steps(len(sequences))
    losses = torch.zeros(steps)
    at_once = max(1, TOKENS_AT_ONCE // sequences.shape[1])
    step = _restore(state, trained, optimizer, losses)
    saved = time.monotonic()
    tuned.eval()  # no dropout: nothing random is left but the seed
    while step < steps:
        rows = sequences[order[step * recipe.batch : (step + 1) * recipe.batch]]
        optimizer.param_groups[0]["lr"] = recipe.rate(step, steps)
        for first in range(0, len(rows), at_once):  # what does not fit at once is added up: the step is the same
            part = torch.from_numpy(rows[first : first + at_once]).to(device)
            loss = tuned(input_ids=part, labels=part).loss * (len(part) / len(rows))
            loss.backward()
            losses[step] += loss.detach().cpu()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        if state is not None and time.monotonic() - saved > SAVE_SECONDS:
            _save(state, trained, optimizer, losses, step)
            saved = time.monotonic()
        report(step, steps)
    if state is not None and ours(state):
        remove(state)
    return tuned, float(losses[-max(1, steps // 10) :].mean())


def _save(state: Path, trained: list[Any], optimizer: Any, losses: Any, step: int) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {"losses": losses}
    for i, parameter in enumerate(trained):
        tensors[f"{i}"] = parameter.detach()
        tensors |= {f"{i}.{name}": optimizer.state[parameter][name] for name in MOMENTS}
    try:
        with replacing(made(state)) as partial:
            facts = {"step": str(step), ENTRY: of_tensors(tensors)}
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, facts)
    except SafetensorError as error:
        raise disk_error(state, error) from error


def _restore(state: Path | None, trained: list[Any], optimizer: Any, losses: Any) -> int:
    """Load the saved state, if there is a whole one, and return the step to resume from."""
    import torch
    from safetensors import SafetensorError, safe_open

    if state is None or not state.is_file():
        return 0
    try:
        with safe_open(state, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            step = int(file.metadata()["step"])
            expected = file.metadata().get(ENTRY)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return 0  # damaged: begin again
    names = {f"{i}{moment}" for i in range(len(trained)) for moment in ("", *(f".{name}" for name in MOMENTS))}
    if expected not in (None, of_tensors(tensors)):
        say(f"{state}: damaged; trained from the beginning")
        return 0
    if set(tensors) != names | {"losses"} or tensors["losses"].shape != losses.shape:
        return 0
    shapes = [(tensors[f"{i}"].shape, parameter.shape) for i, parameter in enumerate(trained)]
    if any(one != other for one, other in shapes) or not 0 <= step <= len(losses):
        return 0
    made(state)
    with torch.no_grad():
        losses.copy_(tensors["losses"])
        for i, parameter in enumerate(trained):
            parameter.copy_(tensors[f"{i}"])
            optimizer.state[parameter] = {
                name: tensors[f"{i}.{name}"].to("cpu" if name == "step" else parameter.device) for name in MOMENTS
            }
    return step
