"""Files of arrays and images, whole and damaged: bytes that are drawn are changed, cut or written anew."""

import io
import warnings

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from rosettalaw.errors import RosettaError

FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


PIXELS = np.arange(4 * 5 * 6 * 3, dtype=np.uint8).reshape(4, 5, 6, 3)


def saved(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def packed(packing=np.savez, **arrays):
    buffer = io.BytesIO()
    packing(buffer, **arrays)
    return buffer.getvalue()


def damaged(whole, head):
    """Return a strategy: a file with bytes changed, most of them in its head, or cut."""
    place = st.one_of(st.integers(0, head - 1), st.integers(0, len(whole) - 1))
    character = st.one_of(st.sampled_from(b"()[]{}'\",:\\\n\0 9-Fe+LJ#"), st.integers(0, 255))

    def change(changes, end):
        content = bytearray(whole)
        for where, value in changes:
            content[where] = value
        return bytes(content[:end])

    ends = st.one_of(st.just(len(whole)), st.integers(0, len(whole)))
    return st.builds(change, st.lists(st.tuples(place, character), min_size=1, max_size=6), ends)


def message_or(read):
    """Return the answer of a reader; a RosettaError in one line is as good."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, of heads from Python 2
        try:
            return read()
        except RosettaError as error:
            message = str(error)
    assert message
    assert "\n" not in message
    return None


ACTIVATIONS = saved(np.arange(40.0).reshape(10, 4))


PLAIN, COMPRESSED = packed(images=PIXELS, labels=np.arange(4)), packed(np.savez_compressed, images=PIXELS)
