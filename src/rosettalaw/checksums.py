r"""Checksums of files: a bit that flipped on a disk is noticed, and its file is made again.

The checksum of bytes is the CRC-32 of the sums, modulo 2⁶⁴, of the 512 words in each page of 4096 bytes, and of the
rest as it is. One flipped bit always changes it; other damage is missed with a chance of about 2⁻³², unless words of a
page change places. It takes a quarter of the time of a CRC-32 of all bytes.

| file | place of its checksum |
|---|---|
| netCDF results | at the end of the file, after the last byte that HDF5 reads |
| copies of activations | of each block, at the end of the file (`empirical.activations.copies`) |
| JSON records | an entry of the record |
| states of unfinished trainings | in the metadata of the safetensors file |
| folders of models and texts | of every file, in their record |
| archives of arrays (``.npz``) | of each array, as every ZIP archive has them (`arrays_in`) |

Files of older versions have none and are read as they are, but for copies of activations, which are made again.
"""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .errors import MissingFileError

PAGE = 4096
AT_ONCE = 1 << 24  # bytes read at a time, a whole number of pages
ENTRY = "checksum"  # in a record
TAIL = struct.Struct("<8sQI")  # of a file: the word below, the bytes before it, their checksum
WORD = b"RL-CRC32"

_seen: dict[str, tuple[tuple[int, int, int], int]] = {}


def checksum(data: Any, before: int = 0) -> int:
    """Return the checksum of a buffer; `before` is that of the bytes in front of it, if they fill whole pages."""
    import numpy as np

    flat = np.frombuffer(data, np.uint8)
    whole = len(flat) - len(flat) % PAGE
    sums = flat[:whole].view(np.uint64).reshape(-1, PAGE // 8).sum(1)
    return zlib.crc32(flat[whole:].data, zlib.crc32(sums.data, before))


def of_file(path: Path) -> int:
    """Return the checksum of a file; once for each file that stays as it is."""
    stat = path.stat()
    state = stat.st_ino, stat.st_size, stat.st_mtime_ns
    name = str(path.absolute())
    if name not in _seen or _seen[name][0] != state:
        _seen[name] = state, _summed(path)
    return _seen[name][1]


def _summed(path: Path) -> int:
    import numpy as np

    room, total = np.empty(AT_ONCE, np.uint8), 0
    with path.open("rb") as file:
        while size := file.readinto(room.data):
            total = checksum(room[:size], total)
    return total


def with_tail(data: bytes) -> bytes:
    """Return bytes of a file with their checksum behind them."""
    return data + TAIL.pack(WORD, len(data), checksum(data))


def add_tail(path: Path) -> None:
    """Write the checksum of a file behind its last byte."""
    total, size = _summed(path), path.stat().st_size
    with path.open("ab") as file:
        file.write(TAIL.pack(WORD, size, total))


def without_tail(data: bytes) -> bytes:
    """Return bytes of a file as they were before `with_tail`; bytes without a checksum as they are.

    Raises
    ------
    ValueError
        If the bytes do not have their checksum.
    """
    if len(data) < TAIL.size:
        return data
    word, size, expected = TAIL.unpack(data[-TAIL.size :])
    if word != WORD or size != len(data) - TAIL.size:
        return data
    inner = data[:size]
    if checksum(inner) != expected:
        raise ValueError("its bytes are not those that were written: a bit flipped")
    return inner


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record, as JSON can hold it, with its own checksum as one more entry."""
    return {**record, ENTRY: _of_record(record)}


def unsealed(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a record without its checksum, None where the two do not fit; one of an older version as it is."""
    bare = {key: value for key, value in record.items() if key != ENTRY}
    return bare if ENTRY not in record or record[ENTRY] == _of_record(bare) else None


def _of_record(record: Mapping[str, Any]) -> str:
    as_read = json.loads(json.dumps(record))
    return f"{zlib.crc32(json.dumps(as_read, sort_keys=True).encode()):08x}"


def of_files(folder: Path, names: Iterable[str] | None = None) -> dict[str, str]:
    """Return the checksum of each file in a folder, or of those named; hidden files are left out."""
    if names is None:
        files = (path for path in folder.rglob("*") if path.is_file())
        names = [path.relative_to(folder).as_posix() for path in files if not path.name.startswith(".")]
    return {name: f"{of_file(folder / name):08x}" for name in sorted(names)}


def files_are_sound(folder: Path, sums: Any) -> bool:
    """Return whether the files of a folder are those whose checksums a record has; True where it has none."""
    if not isinstance(sums, Mapping):
        return sums is None
    try:
        return of_files(folder, sums) == dict(sums)
    except OSError:
        return False


def arrays_in(path: Path) -> dict[str, Any]:
    """Return the arrays of a ``.npz`` archive, all of whose bytes are as they were written.

    NumPy alone compares an array's checksum after it has parsed the bytes, and not at all where a damaged head says
    that the array is shorter.

    Raises
    ------
    MissingFileError
        If the file cannot be read now.
    ValueError
        If it is damaged, or no archive of arrays.
    """
    import numpy as np

    try:
        with path.open("rb") as file:
            with zipfile.ZipFile(file) as archive:
                if archive.testzip() is not None:
                    raise ValueError("a bit flipped")
            file.seek(0)
            with np.load(file, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
    except MemoryError:
        raise
    except Exception as error:  # zip, zlib and NumPy have errors of many kinds
        if isinstance(error, OSError) and error.errno is not None:  # it was not read
            raise MissingFileError(f"{path}: cannot be read now ({error.strerror})") from error
        raise ValueError(f"{path}: damaged, or no archive of arrays") from error


def of_tensors(tensors: Mapping[str, Any]) -> str:
    """Return the checksum of named tensors on any device."""
    import numpy as np
    import torch

    total = 0
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        total = zlib.crc32(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode(), total)
        raw = np.ascontiguousarray(tensor.reshape(-1).view(torch.uint8).numpy())
        total = zlib.crc32(struct.pack("<I", checksum(raw)), total)
    return f"{total:08x}"
