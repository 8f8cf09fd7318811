"""The steps of the certified engine's proof one by one, and its engine where processes, caches and settings differ."""

import json
import threading

import numpy as np
import pytest
import torch

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.matching.certifying import integer_kernels, integers, search, undecided
from rosettalaw.empirical.matching.certifying.bound import RISK, SIXTEEN_BITS, Norms, bound
from rosettalaw.empirical.matching.certifying.integers import rows_at_once
from rosettalaw.empirical.matching.certifying.piece_kernels import mixed
from rosettalaw.empirical.matching.machine import choice


def unmixed(bits):
    """Numbers whose hash is `bits`: the finaliser of MurmurHash3 backwards."""
    bits = bits.astype(np.uint64)
    for factor, shifts in ((0xC2B2AE35, (16,)), (0x85EBCA6B, (13, 26)), (1, (16,))):
        bits = bits ^ np.bitwise_xor.reduce([bits >> np.uint64(shift) for shift in shifts])
        bits = bits * np.uint64(pow(factor, -1, 1 << 32)) & np.uint64(0xFFFFFFFF)
    return bits.astype(np.uint32)


@pytest.fixture(scope="module")
def all_hashes():
    """Keys of rows that between them have each sixteen random bits once."""
    every = np.arange(1 << 16, dtype=np.uint32)
    rows = unmixed(every << 16 | every)
    assert [mixed(row) for row in rows[:9]] == [one << 16 | one for one in range(9)]
    return rows


@pytest.mark.parametrize("low", [-127, -64, -2, -1e-3, 0, 1, 63, 120])
def test_whole_numbers_are_right_in_the_mean(all_hashes, low):
    """Over all random bits the mean is q but for 2⁻¹⁷ and 2⁻²⁴, either way, and a neighbour is always taken."""
    rng = np.random.default_rng(3)
    spread = abs(low) or 2.0**-15
    numbers = np.float32(low) + (spread / 20 * rng.random(16)).astype(np.float32)
    numbers = np.append(numbers, np.float32([low, low + 3 * 2.0**-17 if low > 0 else low + 2.0**-18]))
    for q in numbers:
        out = np.empty(1 << 17, np.int8)
        values = np.full(1 << 17, q)
        integer_kernels._rounded(values, np.float32(1), all_hashes, np.uint32(0), out)
        assert set(np.unique(out)) <= {np.floor(q), np.ceil(q)}
        for half in out.reshape(2, -1):
            assert abs(half.mean() - float(q)) <= SIXTEEN_BITS


def test_a_column_that_is_rounded_coarsely_has_room_for_what_the_other_is_off_by():
    """A spike, and all else half a step off: (ε + t)(1) + (1 + ε + t)(ε' + t'), with t the share that q is off by."""
    positions, spike = 1_000_000, 126.5
    rest = positions / 4
    norms = Norms(np.array([[0.0], [spike**2], [0.0], [rest], [0.0], [0.0]]), positions, whole=True)
    off = 2.0**-23 + 2.0**-17 * positions**0.5 / spike
    share = rest**0.5 / spike + off
    error = norms.roundings()[0, 0]
    assert error >= share
    whole = bound(norms, norms, rows=8192, blocks=123, unit=0.0)
    assert whole.flat + whole.factor * (error + (1 + error) * error) >= share + (1 + share) * share


def test_blocks_are_whole_strips():
    """Others would be copied, each of them."""
    for width in (1, 1000, 1025, 3000, 4095, 8192):
        assert rows_at_once((width, 7)) % 64 == 0
        assert 2048 <= rows_at_once((7, width)) <= 8192
