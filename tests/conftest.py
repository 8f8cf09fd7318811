"""Ground of all tests: Ctrl-C, and tests of extras that are not installed are skipped."""

import importlib.util
import re
import signal

import pytest

# Top modules of the optional libraries: where one is absent, tests that import it are skipped and not failed.
OPTIONAL = (
    *("torch", "transformers", "tokenizers", "safetensors", "accelerate", "peft", "zstandard", "huggingface_hub"),
    *("PIL", "skimage", "sklearn", "diffusers", "datasets", "distributed", "zarr", "cvxpy", "statsmodels"),
    *("sympy", "dask", "emcee", "pyarrow", "networkx"),
)
ABSENT = {name for name in OPTIONAL if importlib.util.find_spec(name) is None}
# Folders whose every test needs torch: their own settings import it.
collect_ignore = ["language", "loop", "matching", "viewer", "vision"] if "torch" in ABSENT else []
NAMED = re.compile(r"No module named '(\w+)|MissingExtraError: (\w+)|(?:error: |message: \")(\w+) is not installed")


def absent(text):
    """Return the absent library that an error is about, None if there is none."""
    names = {name for match in NAMED.finditer(str(text)) for name in match.groups() if name}
    return next(iter(sorted(names & ABSENT)), None)


def skipped(report, place):
    """Turn a report about an absent library into a skip."""
    # What a test printed may hold what no encoding takes; a worker could not send it to the process that counts.
    report.sections = [(title, text.encode("utf-8", "backslashreplace").decode()) for title, text in report.sections]
    name = absent(report.longrepr) if report.failed and ABSENT else None
    if name:
        report.outcome, report.longrepr = "skipped", (str(place), 0, f"Skipped: {name} is not installed")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return skipped((yield), collector.path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    return skipped((yield), item.path)


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """Ctrl-C works as at a terminal also where the suite was started in the background, whose jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
