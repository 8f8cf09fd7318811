"""Jobs side by side: one process and one thread for each, progress in the parent, nothing lost.

Ctrl-C and a failed job stop the others, which save their state first. When the parent process dies, an idle worker
exits at once and a busy one as soon as its job has saved.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, TypeVar

from ..console import progress, say
from ..errors import RosettaError

Job = TypeVar("Job")
Result = TypeVar("Result")
Report = Callable[[float], bool]  # the share of the job that is done → whether to continue
SHARE = 0.02  # of a job: progress is reported at least this far apart


def available_processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def run_jobs(
    work: Callable[..., Result],
    jobs: Sequence[Job],
    *,
    title: str,
    costs: Sequence[float],
    message: Callable[[Job, Result], str],
    shared: tuple[Any, ...] = (),
    workers: int | None = None,
    quiet: bool = False,
) -> None:
    """Run jobs in worker processes, the first ones first.

    Parameters
    ----------
    work : callable
        Module-level function ``work(job, report, *shared)``. ``report(share)`` returns False when the job has to save
        its state and return.
    jobs : sequence
        One job a model, or a group of models or pairs.
    title : str
        Title of the progress bar.
    costs : sequence of float
        Weight of each job in the progress bar.
    message : callable
        The lines printed when a job is finished.
    shared : tuple
        Further arguments, sent to each process once.
    workers : int, optional
        Processes; by default one for each available CPU, and never more than jobs.
    quiet : bool
        No progress bar and no messages.

    Raises
    ------
    RosettaError
        If a process dies; otherwise what a job raises.
    """
    context = multiprocessing.get_context("spawn")
    news: Any = context.Queue()
    stop: Any = context.Event()
    number = min(workers or available_processors(), len(jobs))
    pool = ProcessPoolExecutor(number, mp_context=context, initializer=_enter, initargs=(news, stop, shared))
    done = [0.0] * len(jobs)
    try:
        with _blank_main():  # processes are started as jobs come
            futures = {pool.submit(_call, work, index, job): index for index, job in enumerate(jobs)}
        with progress(title, sum(costs), quiet) as bar:
            waiting = set(futures)
            while waiting:
                with suppress(queue.Empty):
                    index, share = news.get(timeout=0.2)
                    _advance(bar, done, costs, index, share)
                for future in [future for future in waiting if future.done()]:
                    waiting.remove(future)
                    result = future.result()
                    _advance(bar, done, costs, futures[future], 1.0)
                    lines = message(jobs[futures[future]], result).splitlines()
                    for line in () if quiet else lines:
                        say(line)
    except BrokenProcessPool as error:
        raise RosettaError(
            "a worker process died (out of memory?); finished work is saved: run the same command again, "
            "with --workers 1 if memory is short"
        ) from error
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        news.close()
        news.join_thread()


def _advance(bar: Any, done: list[float], costs: Sequence[float], index: int, share: float) -> None:
    """Show that a share of a job is done; news can come later than the job's result."""
    if share > done[index]:
        bar.advance((share - done[index]) * costs[index])
        done[index] = share


@contextmanager
def _blank_main() -> Iterator[None]:
    """Start processes that do not run the user's script: it needs no ``if __name__ == "__main__"``, nor a file.

    A process that is spawned imports the main module of its parent, because its jobs might be defined there. Jobs here
    never are.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


# ---------------------------------------------------------------------------------------------------------------------
# In the worker process

_news: Any = None
_stop: Any = None
_shared: tuple[Any, ...] = ()
_busy = threading.Event()


def _enter(news: Any, stop: Any, shared: tuple[Any, ...]) -> None:
    global _news, _stop, _shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets Ctrl-C and sets `stop`
    signal.signal(signal.SIGTERM, _end)
    _news, _stop, _shared = news, stop, shared
    threading.Thread(target=_exit_with_the_parent, daemon=True).start()


def _end(number: int, frame: Any) -> None:
    """End this process, which a group of processes gets as well: its job removes its temporary files first."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _exit_with_the_parent() -> None:
    """Exit when the parent process has died; a running job sees that too, and saves first."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        if not _busy.is_set():
            os._exit(1)


def _call(work: Callable[..., Result], index: int, job: Any) -> Result:
    parent = multiprocessing.parent_process()
    reported = 0.0

    def report(share: float) -> bool:
        nonlocal reported
        if share - reported >= SHARE or share >= 1:
            _news.put((index, share))
            reported = share
        return not _stop.is_set() and (parent is None or parent.is_alive())

    _busy.set()
    try:
        result = work(job, report, *_shared)
    except SystemExit as error:  # otherwise the pool would send it to the parent, and go on
        os._exit(error.code if isinstance(error.code, int) else 1)
    finally:
        if parent is not None and not parent.is_alive():
            os._exit(1)
        _busy.clear()
    return result
