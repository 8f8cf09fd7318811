"""Outcomes of many independent runs of an engine, for tests of agreement in law."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture
def outcomes():
    def draw_many(engine, packing, runs, seed):
        with threadpool_limits(1):
            return [engine.draw(packing, np.random.default_rng([seed, i])) for i in range(runs)]

    return draw_many
