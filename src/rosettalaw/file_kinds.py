"""Kinds of files by their first bytes, for messages about a file that is not what its name says.

A download that failed is a web page, a clone without its large files holds pointers, and many files have another's
suffix. A message that says so spares the reader a look inside.
"""

from __future__ import annotations

import difflib
from pathlib import Path

RESULTS = "an HDF5 file, as netCDF results are"
LONGEST = 512  # bytes of a file that are looked at
NEAR = 0.6  # likeness of two names, one of which may be meant for the other
SIGNS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a pointer of Git LFS in place of the file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PAR1", "a Parquet table"),
    (b"GGUF", "a GGUF checkpoint"),
    (b"PK\x03\x04", "a ZIP archive, as .npz, .pt and .xlsx files are"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x89HDF\r\n\x1a\n", RESULTS),
    (b"CDF", "a netCDF file in its classic format"),
)
LFS = SIGNS[0][1]
EMPTY = "an empty file"
A_RESULT = "a result that rosettalaw saved, such as results/demo/results.nc"


def kind_of(path: Path) -> str:
    """Return the words for the kind of a file by its first bytes, "" for bytes of no known kind.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(LONGEST)
    if not head:
        return EMPTY
    known = next((words for sign, words in SIGNS if head.startswith(sign)), "")
    if known:
        return known
    begin = head.lstrip().lower()
    if begin.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if begin.startswith(b"{"):
        return "a JSON file"
    text = head.decode("utf-8", "ignore")
    plain = len(text.encode()) > len(head) - 4 and all(sign.isprintable() or sign in "\t\r\n\f" for sign in text)
    return "a text file" if plain else ""


def remedy(path: Path, kind: str) -> str:
    """Return the next step for a file of another kind than results."""
    if kind == LFS:
        return "git lfs pull"
    if kind == EMPTY:
        return "rerun the command that made it"
    if kind == "a text file":
        return f"{path.with_suffix('.csv').name}, if these are counts; otherwise {A_RESULT}"
    return A_RESULT


def nearest(path: Path, suffix: str = ".nc") -> str:
    """Return the file of a suffix that may be meant by a path that is a folder or does not exist; "" without one."""
    folder = path if path.is_dir() else path.parent
    try:
        names = sorted(one.name for one in folder.iterdir() if one.suffix == suffix and one.is_file())
    except OSError:
        return ""
    near = names[:1] if path.is_dir() else difflib.get_close_matches(path.name, names, n=1, cutoff=NEAR)
    return str(folder / near[0]) if near else ""
