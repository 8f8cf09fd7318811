"""The untrained null: every draw and side has weights of its own, the same ones for the same seed."""

import pytest

from rosettalaw.empirical.nulls import untrained_twins
from rosettalaw.errors import InputError


class Twin:
    """A source whose untrained twin is the seed that it was asked for."""

    def untrained(self, seed):
        return seed


def test_draws_sides_and_seeds_have_weights_of_their_own():
    sources = Twin(), Twin()
    drawn = [untrained_twins(sources, draw, seed) for seed in (0, 1) for draw in range(5)]
    flat = [one for pair in drawn for one in pair]
    assert len(set(flat)) == len(flat) == 20
    assert untrained_twins(sources, 3, 1) == drawn[5 + 3]


def test_arrays_have_no_untrained_twin():
    with pytest.raises(InputError, match="arrays, and layers taken out, have no untrained twins"):
        untrained_twins((Twin(), object()), 0)
