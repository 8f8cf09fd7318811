"""Settings for all tests: Ctrl-C works, as at a terminal, also where the suite was started in the background."""

import signal

import pytest


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """A shell has its background jobs ignore the signal, and what they start inherits that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
