"""Jobs of worker processes, run one after the other in the process of the test.

A worker imports PyTorch, which takes seconds; a network of a few neurons is trained in a tenth of one. Processes
themselves are the subject of `test_worker_pool`, `test_training`, `test_side_by_side` and `test_demo`.
"""

import contextlib

import numba
import pytest
import threadpoolctl
import torch

MODULES = ("empirical.ladder.train", "empirical.ladder.side_by_side", "empirical.vision.train_ladder")


def run_here(work, jobs, *, message, shared=(), **_):
    """Run jobs as `rosettalaw.empirical.worker_pool.run_jobs` does, the first ones first."""
    for job in jobs:
        message(job, work(job, lambda share: True, *shared))


@contextlib.contextmanager
def jobs_here():
    """Ladders are trained and measured without worker processes, with one thread as a worker has it."""
    threads = torch.get_num_threads(), numba.get_num_threads()
    with pytest.MonkeyPatch.context() as patch, threadpoolctl.threadpool_limits(1, "blas"):
        for module in MODULES:
            patch.setattr(f"rosettalaw.{module}.run_jobs", run_here)
        # It would limit libraries for good: the variables that it sets are for a process of its own.
        patch.setattr("rosettalaw.empirical.ladder.side_by_side._work_with_one_thread", lambda: None)
        torch.set_num_threads(1)
        numba.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads[0])
            numba.set_num_threads(threads[1])
