"""Small trained networks measured side by side: one process and one thread for each group of pairs, as in training.

A product of small networks is over before a second thread has woken. One thread a process takes two thirds of the
processors' time, and two processes half of that again. Networks that were trained here and have at most `SMALL` neurons
are measured so, whatever the number of processes, because the last bits of a sum depend on the number of threads.
Pairs that have a network in common are one job (`workers.tasks_of`), and each is saved as soon as it is measured.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...disk import temporary_folder
from ...errors import RosettaError
from ...results import save
from ..checkpoints import hub
from ..matching.machine import distributed
from ..worker_pool import Report, run_jobs
from .models import ModelLadder
from .rung import measure_rung, steps
from .shared import Shared
from .workers import Comparison, failed_rung, tasks_of

if TYPE_CHECKING:
    import xarray as xr

SMALL = 1024  # neurons of a network; of larger ones, one product keeps all threads busy
Files = dict[Comparison, "Path | None"]


class Stopped(Exception):
    """The parent process wants no more."""


def is_small(ladder: ModelLadder) -> bool:
    """Say whether a ladder's networks were trained here, on processors, and are small."""
    plan = ladder.measurement
    if ladder.training_seed is None or plan.device != "cpu" or plan.engine not in ("auto", "exact"):
        return False
    if distributed.size() > 1:
        return False
    configs = [hub.open_config(model) for model in {model for rung in ladder.rungs for model in rung.models}]
    return all(4 * config.num_hidden_layers * config.hidden_size <= SMALL for config in configs)


def measure_side_by_side(
    ladder: ModelLadder,
    files: Files,
    costs: Sequence[float],
    tell: Callable[[xr.Dataset], str],
    workers: int | None = None,
    quiet: bool = False,
) -> dict[Comparison, xr.Dataset]:
    """Measure comparisons in processes of this machine, and save them as they come.

    Parameters
    ----------
    ladder : ModelLadder
        What to measure.
    files : dict
        File of each comparison that is to be measured; None where nothing is saved.
    costs : sequence of float
        Relative cost of each rung.
    tell : callable
        The line printed when a comparison is measured.
    workers : int, optional
        Processes; by default one for each available processor.
    quiet : bool
        No progress bar and no messages.

    Raises
    ------
    RosettaError
        If a comparison fails; those that are measured stay.
    """
    every = sorted(tasks_of(ladder, list(files)), key=lambda task: -sum(costs[i] for i, _ in task))
    results: dict[Comparison, xr.Dataset] = {}

    def message(job: Files, measured: dict[Comparison, xr.Dataset]) -> str:
        results.update(measured)
        return "\n".join(tell(result) for result in measured.values())

    run_jobs(
        _measure,
        [{at: files[at] for at in task} for task in every],
        title=f"measuring {len(files)} pairs of networks",
        costs=[sum(costs[i] for i, _ in task) for task in every],
        message=message,
        shared=(ladder,),
        workers=workers,
        quiet=quiet,
    )
    return results


def _measure(files: Files, report: Report, ladder: ModelLadder) -> dict[Comparison, xr.Dataset]:
    """Measure comparisons one after the other, in a worker process."""
    results: dict[Comparison, xr.Dataset] = {}
    finished, number = 0, steps(ladder) * len(files)

    def step(title: str) -> None:
        nonlocal finished
        if not report(finished / number):
            raise Stopped(title)
        finished += 1

    _work_with_one_thread()
    with temporary_folder() as folder:
        shared = Shared(folder)
        for (i, other), path in files.items():
            rung = ladder.rungs[i]
            try:
                result = measure_rung(ladder, rung, other, i == len(ladder.rungs) - 1, step, shared)
            except Stopped:
                return results
            except RosettaError as error:
                raise failed_rung(rung, i, error) from error
            if path is not None:
                save(result, path)
            results[i, other] = result
    report(1.0)
    return results


def _work_with_one_thread() -> None:
    """Use one thread of every library, in a process that does nothing else: of those loaded, and of those to come."""
    import torch
    from threadpoolctl import threadpool_limits

    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    threadpool_limits(1, "blas")
    torch.set_num_threads(1)
