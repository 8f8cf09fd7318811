"""A library leaves the process as it was: other libraries' logs, warnings, threads, random numbers, styles."""

import logging
import os
import random
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

import rosettalaw as rl
from rosettalaw import console
from rosettalaw.errors import RosettaError


def process_state():
    import matplotlib
    from huggingface_hub import logging as hub_logging
    from transformers.utils import logging as transformers_logging

    return {
        "transformers": transformers_logging.get_verbosity(),
        "bars": transformers_logging.is_progress_bar_enabled(),
        "hub": hub_logging.get_verbosity(),
        "warnings": list(warnings.filters),
        "rc": dict(matplotlib.rcParams),
        "backend": matplotlib.get_backend(auto_select=False),
        "threads": torch.get_num_threads(),
        "grad": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "torch": torch.get_rng_state().tolist(),
        "numpy": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "python": random.getstate(),
        "errors": np.geterr(),
        "print": np.get_printoptions(),
        "environment": dict(os.environ),
        "root log": (logging.getLogger().level, list(logging.getLogger().handlers)),
        "folder": os.getcwd(),
    }


def unchanged(action):
    """Assert that an action leaves the process as it was; libraries that it imports change it once, at their import."""
    action()
    before = process_state()
    action()
    after = process_state()
    assert {name: value for name, value in after.items() if value != before[name]} == {}


def test_matching_arrays():
    a = np.random.default_rng(0).standard_normal((300, 8))
    unchanged(lambda: rl.match(a, a, nulls={"permute": 1}, progress=False))


def test_fits_and_figures():
    from matplotlib.figure import Figure

    unchanged(lambda: rl.fit([128, 256, 512, 1024], [21, 33, 48, 76]).plot(Figure().subplots()))


def test_opening_checkpoints_also_in_vain(tmp_path):
    from rosettalaw.empirical.checkpoints import hub

    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')

    def opening():
        config = hub.open_config(tmp_path)
        with pytest.raises(RosettaError, match="tokenizer cannot be opened"):
            hub.open_tokenizer(tmp_path / "nowhere")
        with pytest.raises(RosettaError, match="weights cannot be loaded"):
            hub.open_model(tmp_path, config)

    unchanged(opening)


class TestLog:
    def test_messages_are_printed_where_no_other_handler_prints(self, capsys):
        console.say("a message [with brackets]")
        assert capsys.readouterr().err == "a message [with brackets]\n"

    def test_messages_reach_the_log_once(self, capsys, caplog):
        with caplog.at_level(logging.INFO, "rosettalaw"):
            console.say("told once")
        assert [record.getMessage() for record in caplog.records] == ["told once"]
        import sys

        own = logging.StreamHandler(sys.stderr)
        own.setFormatter(logging.Formatter("mine: %(message)s"))
        logging.getLogger().addHandler(own)
        try:
            console.say("through the user's handler")
        finally:
            logging.getLogger().removeHandler(own)
        assert capsys.readouterr().err == "told once\nmine: through the user's handler\n"

    def test_a_level_silences_them(self, capsys):
        console.LOG.setLevel(logging.WARNING)
        try:
            console.say("not wanted")
        finally:
            console.LOG.setLevel(logging.INFO)
        assert capsys.readouterr().err == ""


def test_nested_progress_reports_to_the_hook_and_ends_with_it():
    steps = []
    with console.reporting(lambda *step: steps.append(step)):
        with console.progress("one", 3) as bar:
            bar.advance()
            bar.update(completed=3, description="two")
        with console.progress("quiet", 3, quiet=True) as bar:
            bar.advance()
    with console.progress("after", 1, quiet=True) as bar:
        bar.advance()
    assert steps == [("one", 0, 3), ("one", 1, 3), ("two", 3, 3)]


def test_a_library_that_another_thread_is_importing_is_not_looked_into(monkeypatch):
    """The first fits of a process may run in several threads at once, as under asyncio."""
    import importlib.machinery
    import types

    from rosettalaw.lazy import imported

    for name in ("numpy.ma", "pandas", "torch", "xarray", "h5py", "zarr", "scipy.sparse"):
        half = types.ModuleType(name)
        half.__spec__ = importlib.machinery.ModuleSpec(name, None)
        half.__spec__._initializing = True
        monkeypatch.setitem(sys.modules, name, half)
        assert imported(name) is None
    monkeypatch.undo()
    assert imported("numpy") is sys.modules["numpy"]
    assert imported("no_module_of_this_name") is None
    code = """
import asyncio, rosettalaw as rl
async def main():
    fits = [asyncio.to_thread(rl.fit, [100, 200, 400], [10, 16, 25]) for _ in range(4)]
    return {round(law.exponent, 9) for law in await asyncio.gather(*fits)}
print(len(asyncio.run(main())))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr
    assert rl.fit([100, 200, 400], [10, 16, 25]).exponent > 0
