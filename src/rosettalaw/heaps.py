"""Global heaps of HDF5 files, looked at before the library reads them.

Text of varying length, and references to dimensions, lie in collections that begin with ``GCOL``: a head of 16 bytes
with the collection's size, then objects of a head of 16 bytes (number, count of references, size) and their content;
number 0 is free space. In a damaged collection, free space of size 0 keeps the HDF5 library (seen with 2.0) in an
endless loop that not even Ctrl-C ends. The layout is in the HDF5 File Format Specification, section III.E.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from .errors import ForeignFileError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEAD = b"GCOL\x01\0\0\0"
LOOKED_AT = 1 << 30  # bytes: a pass over all of a larger file would cost as much as reading it


def require_sound_heaps(path: Path) -> None:
    """Refuse a file with a global heap on which the HDF5 library would never end.

    Raises
    ------
    ForeignFileError
        If there is one.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return  # no HDF5 file, or a part of one: the library says so
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = content.find(HEAD, 0, LOOKED_AT)
            while at >= 0:
                if not _ends(content, at):
                    raise ForeignFileError(f"{path}: damaged (the heap at byte {at} does not end)")
                at = content.find(HEAD, at + 1, LOOKED_AT)


def _ends(content: mmap.mmap, at: int) -> bool:
    """Return whether reading the collection at a byte comes to its end."""
    if at + 16 > len(content):
        return True
    end = min(at + struct.unpack_from("<Q", content, at + 8)[0], len(content))
    at += 16
    while at + 16 <= end:
        number, _, _, size = struct.unpack_from("<HHIQ", content, at)
        taken = 16 + (size + 7) // 8 * 8 if number else size
        if taken < 16 or at + taken > end:
            return False
        at += taken
    return True
