"""Pairs at several k from one matching are those of a matching at each k, and of brute force."""

import numpy as np
import pytest

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match
from rosettalaw.errors import InputError


@pytest.mark.parametrize("tile", [(40, 30), (16, 11)])
def test_other_k_come_from_the_same_products(plant, reference, tile):
    a, b, _ = plant(300, 40, 30, 12, noise=1.5)
    matches = match(ArraySource(a), ArraySource(b), also_k=(2, 5), nulls={"permute": 2}, tile=tile, quiet=True)
    for k in (2, 5):
        expected = reference(a, b, k)
        units_a, units_b, rho = matches.at_k[k]
        assert list(zip(units_a.tolist(), units_b.tolist(), strict=True)) == sorted(expected)
        np.testing.assert_allclose(rho, [expected[pair] for pair in sorted(expected)], atol=1e-5)
        alone = match(ArraySource(a), ArraySource(b), k=k, nulls={"permute": 2}, jackknife_blocks=0, quiet=True)
        for null, again in zip(matches.null_at_k[k]["permuted"], alone.nulls["permuted"], strict=True):
            np.testing.assert_allclose(null, again, atol=1e-6)
    plain = match(ArraySource(a), ArraySource(b), nulls={"permute": 2}, tile=tile, quiet=True)
    np.testing.assert_array_equal(matches.correlation, plain.correlation)
    np.testing.assert_array_equal(matches.margin, plain.margin)


def test_what_also_k_cannot_be():
    source = ArraySource(np.random.default_rng(0).normal(size=(20, 4)))
    with pytest.raises(InputError, match=r"also_k = 0: must be at least 1. Try: also_k=\(2, 5, 10\)"):
        match(source, source, also_k=(0,), quiet=True)
    with pytest.raises(InputError, match="also_k = 2: needs the exact engine"):
        match(source, source, also_k=(2,), engine="screened", quiet=True)
