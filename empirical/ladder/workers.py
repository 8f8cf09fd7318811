"""Comparisons of a ladder measured by the workers of a dask cluster.

Rungs that have a network in common, such as the pairs of seeds of one size, are one task: its worker reads each of
their networks once. Tasks are independent and the dearest is sent first. A ladder has the same numbers as one measured
in a single process. Workers open checkpoints and text by the ladder's own paths. A worker that shares the results'
folder saves each comparison as soon as it is measured; the others are saved at the end of their task.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...disk import temporary_folder
from ...errors import RosettaError
from ...results import save
from .models import ModelLadder, ModelRung
from .rung import measure_rung
from .shared import Shared

if TYPE_CHECKING:
    import xarray as xr

Comparison = tuple[int, int]  # rung, and which of its models the first is compared with
Place = tuple[Path, int]  # file of a comparison, and the number of its folder


def measure_on_workers(
    client: Any,
    ladder: ModelLadder,
    paths: Sequence[Sequence[Path | None]],
    costs: Sequence[float],
    bar: Any,
) -> dict[Comparison, xr.Dataset]:
    """Return the comparisons that have no file yet, saved as they come.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster.
    ladder : ModelLadder
        What to measure.
    paths : sequence of sequence of path
        File of each comparison of each rung; None where nothing is saved.
    costs : sequence of float
        Relative cost of each rung.
    bar : Bar
        Progress; each rung counts as its cost.

    Raises
    ------
    RosettaError
        If a comparison fails, after all others are saved.
    """
    from distributed import as_completed

    every = [(i, other) for i, of in enumerate(paths) for other in range(1, len(of) + 1)]
    files = {(i, other): paths[i][other - 1] for i, other in every}
    missing = [at for at, path in files.items() if path is None or not path.exists()]
    results: dict[Comparison, xr.Dataset] = {}
    failed: RosettaError | None = None
    if not missing:
        return results
    bar.update(description=f"{len(missing)} comparisons on {len(client.scheduler_info()['workers'])} workers")
    plan = client.scatter(ladder, broadcast=True, hash=False)
    tasks = sorted(tasks_of(ladder, missing), key=lambda task: -sum(costs[i] for i, _ in task))
    sent = {}
    for n, task in enumerate(tasks):
        places = [_place(files[at]) for at in task]
        sent[client.submit(_measure, plan, task, places, pure=False, priority=-n)] = task
    for future in as_completed(sent):
        task = sent[future]
        measured, error = future.result()
        for (i, other), result in zip(task, measured, strict=False):
            results[i, other] = result
            if (path := files[i, other]) is not None and not path.exists():
                save(result, path)
            bar.advance(costs[i] / len(paths[i]))
        if error is not None and failed is None:
            i, _ = task[len(measured)]
            failed = failed_rung(ladder.rungs[i], i, error)
    if failed is not None:
        raise failed
    return results


def failed_rung(rung: ModelRung, i: int, error: RosettaError) -> RosettaError:
    """Return the error of a rung with its number and title."""
    return RosettaError(f"rung {i + 1} ({rung.title}): {error}. Finished rungs are saved")


def tasks_of(ladder: ModelLadder, missing: Sequence[Comparison]) -> list[list[Comparison]]:
    """Return missing comparisons in groups: rungs that share a model, directly or through others, are in one group."""
    groups: list[tuple[set[str], list[Comparison]]] = []
    for comparison in missing:
        models, task = set(ladder.rungs[comparison[0]].models), [comparison]
        for group in [group for group in groups if group[0] & models]:
            groups.remove(group)
            models |= group[0]
            task = group[1] + task
        groups.append((models, task))
    return [sorted(task) for _, task in groups]


def _measure(
    ladder: ModelLadder, task: Sequence[Comparison], places: Sequence[Place | None]
) -> tuple[list[xr.Dataset], RosettaError | None]:
    """Measure comparisons one after the other; return those that were measured, and the error that ended them."""
    results: list[xr.Dataset] = []
    with temporary_folder() as folder:
        shared = Shared(folder)
        try:
            for (i, other), place in zip(task, places, strict=True):
                results.append(measure_rung(ladder, ladder.rungs[i], other, i == len(ladder.rungs) - 1, shared=shared))
                _save_where_shared(results[-1], place)
        except RosettaError as error:
            return results, error
    return results, None


def _place(path: Path | None) -> Place | None:
    """Return a file by its whole path, with the number that its folder has on its disk."""
    if path is None:
        return None
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    return path, path.parent.stat().st_ino


def _save_where_shared(result: xr.Dataset, place: Place | None) -> None:
    """Save a comparison where this machine has the same folder; where that fails, the first process saves it later.

    A folder of the same path on another disk has another number.
    """
    if place is None:
        return
    path, number = place
    with suppress(OSError, RosettaError):
        if path.parent.stat().st_ino == number:
            save(result, path)
