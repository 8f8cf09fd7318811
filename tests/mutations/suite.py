"""The property suite, collected once in this process and run in forks of it.

`Suite.reach` runs all tests once and notes the formulas that each reaches and its CPU seconds; `Suite.first_red` runs
the tests that reach a formula against a mutant of it.
"""

from __future__ import annotations

import ast
import gc
import importlib
import inspect
import json
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest

from .changes import ROOT, Mutation, tree
from .exchange import mark, put

FOLDERS = ("tests/properties", "tests/theory")
LIBRARIES = ("sympy", "numba", "scipy.stats", "scipy.integrate", "xarray", "dask.array", "mpmath", "matplotlib.pyplot")
ENDLESS = "did not end"
PATIENCE = 30  # CPU seconds that a test may take beyond ten times its own
CLOCKS = ("thread_time", "cpu_seconds", "perf_counter")  # a test of speed says nothing about a formula


class Suite:
    """The tests of the property suite, from the moment that they are collected (a plugin of pytest).

    Parameters
    ----------
    work : callable
        Called with the suite once it is collected.
    """

    def __init__(self, work: Callable[[Suite], None]):
        self.work, self.tests, self.failed = work, {}, ""

    @classmethod
    def run(cls, work: Callable[[Suite], None]) -> None:
        """Collect the suite and hand it to `work`."""
        for library in LIBRARIES:
            importlib.import_module(library)  # once, before the forks
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]  # a red test need not be shrunk
        hypothesis.settings.register_profile(
            "mutations",
            phases=phases,
            database=None,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("mutations")
        options = ["--capture=no", "-p", "no:cacheprovider", "-p", "no:terminal", "--rootdir", str(ROOT)]
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # hypothesis was imported before
        pytest.main([*options, *(str(ROOT / folder) for folder in FOLDERS)], plugins=[cls(work)])

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the collected tests, and run none of them here."""
        self.tests = {item.nodeid: item for item in session.items if not _is_timed(item)}
        gc.freeze()  # forks share what is not touched
        self.work(self)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the first test that fails."""
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def reach(self) -> dict[str, dict[str, Any]]:
        """Return for each test its CPU seconds, the formulas that it reaches, and if it is red without a change."""

        def watched(answer):
            now: set[str] = set()
            mark(now.add)
            rows = {}
            for name in self.tests:
                now.clear()
                self.failed, start = "", time.process_time()
                self._one(name)
                rows[name] = {"seconds": time.process_time() - start, "formulas": sorted(now), "red": self.failed}
            json.dump(rows, answer)

        text, _ = _forked(watched)
        return json.loads(text)

    def first_red(self, module: str, mutation: Mutation, reach: dict[str, dict[str, Any]]) -> str:
        """Return the first test that a mutant turns red, quick ones first; nothing where all pass."""
        changed = ast.fix_missing_locations(mutation.visit(tree(module)))
        name = f"{module}.{mutation.formula}"
        usable = [one for one, row in reach.items() if one in self.tests and not row["red"]]
        usable.sort(key=lambda one: reach[one]["seconds"])
        tests = [one for one in usable if name in reach[one]["formulas"]]
        # What is cached is reached by the first test alone; others that reach the module may see a change of it too.
        reaching = {one for one in usable if any(each.startswith(f"{module}.") for each in reach[one]["formulas"])}
        tests += [one for one in usable if one in reaching and one not in tests]

        def mutant(answer):
            put(module, mutation.formula, changed)
            for test in tests:
                _allow(PATIENCE + 10 * reach[test]["seconds"])
                self._one(test)
                if self.failed:
                    answer.write(self.failed)
                    return

        text, ended = _forked(mutant)
        return text if ended else ENDLESS

    def _one(self, name: str) -> None:
        item = self.tests[name]
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


def _is_timed(item: pytest.Item) -> bool:
    source = inspect.getsource(getattr(item, "function", type(item)))
    return any(clock in source for clock in CLOCKS)


def _allow(seconds: float) -> None:
    """Let this process live for so many more CPU seconds; the system ends it there, also within a kernel's loop."""
    used = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 1, resource.RLIM_INFINITY))


def _forked(work: Callable[[Any], None]) -> tuple[str, bool]:
    """Run `work` in a fork, with a file to write its answer to; return the answer, and whether it came to an end."""
    with tempfile.TemporaryFile("w+") as answer:
        child = os.fork()
        if not child:
            status = 1
            try:
                quiet = os.open(os.devnull, os.O_WRONLY)
                os.dup2(quiet, 1)
                os.dup2(quiet, 2)
                work(answer)
                status = 0
            except BaseException as error:
                answer.write(f"{type(error).__name__}: {error}")
            finally:
                answer.flush()
                os._exit(status)
        _, status = os.waitpid(child, 0)
        answer.seek(0)
        text = answer.read()
    ended = not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU)
    if ended and status:
        raise RuntimeError(text or f"a fork ended with status {status}")
    return text, ended
