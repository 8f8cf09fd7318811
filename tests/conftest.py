"""Ground of all tests: Ctrl-C, files in the order of their length, and tests of absent extras are skipped."""

import importlib.util
import re
import signal
from collections import Counter
from pathlib import Path

import pytest

# Top modules of the optional libraries: where one is absent, tests that import it are skipped and not failed.
OPTIONAL = (
    *("torch", "transformers", "tokenizers", "safetensors", "accelerate", "peft", "zstandard", "huggingface_hub"),
    *("PIL", "skimage", "sklearn", "diffusers", "datasets", "distributed", "zarr", "cvxpy", "statsmodels"),
    *("sympy", "dask", "emcee", "pyarrow", "networkx"),
)
# Files that take more than ten seconds, the longest first. Several processes take one file after the other (`--dist
# loadfile`): a long one that is begun last leaves all others idle. The first compiles kernels that later ones load.
LONGEST = (
    "matching/test_certified.py",
    "loop/test_demo.py",
    "language/test_ladder_workers.py",
    "language/test_architectures.py",
    "sims/test_engines.py",
    "matching/test_small.py",
    "vision/test_vision_commands.py",
    "theory/test_own_theory.py",
    "vision/test_rungs.py",
    "language/test_side_by_side.py",
    "validation/test_catalogue.py",
    "language/test_untrained_null.py",
    "matching/test_resume.py",
    "matching/test_exact.py",
    "language/test_measurement.py",
    "matching/test_several.py",
    "vision/test_towers.py",
    "house/test_notebooks.py",
    "validation/test_alternatives.py",
    "language/test_viewer_contexts.py",
    "language/test_filtering_study.py",
    "hostile/test_results_of_others.py",
    "sims/test_sims_figures.py",
    "theory/test_kernels.py",
    "matching/test_certified_integers.py",
    "house/test_cli.py",
    "matching/test_devices.py",
    "language/test_training.py",
    "language/test_several_models.py",
    "matching/test_nulls.py",
    "matching/test_certified_bound.py",
    "matching/test_certified_audit.py",
    "matching/test_small_draws.py",
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


def pytest_configure(config):
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # by the number of tests, which says little of their time


def pytest_collection_modifyitems(config, items):
    """The longest files come first, then those with most tests, if processes share them."""
    if not hasattr(config, "workerinput"):
        return
    place = {Path(__file__).parent / name: i for i, name in enumerate(LONGEST)}
    number = Counter(item.path for item in items)
    items.sort(key=lambda item: (place.get(item.path, len(place)), -number[item.path]))


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """Ctrl-C works as at a terminal also where the suite was started in the background, whose jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
