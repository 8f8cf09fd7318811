"""Reading labelled documents from files, one at a time.

Four kinds of source, told apart by what they are on disk:

- a ``.jsonl`` or ``.jsonl.zst`` file as The Pile has it: one object a line with a ``text``; its domain is
  ``meta.pile_set_name``, or ``domain``, or "text";
- any other file: one UTF-8 document;
- a folder: every UTF-8 file below it is a document, its first folder the domain; shards (``.jsonl``, ``.jsonl.zst``)
  below it are read as above;
- a folder that the ``datasets`` library saved (``save_to_disk``): one document a row, with the same fields.

`unread` gives each document as a function that reads it, so that a caller who wants some of them pays for those alone.
Nothing that a source holds is executed, and what cannot be used is named by file and line.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import ForeignFileError, MissingExtraError, MissingFileError

SHARDS = (".jsonl", ".jsonl.zst")
# Frames packed with a long window name up to 2 GiB; the library's own limit is 128 MiB.
ZSTD_WINDOW = 1 << 31
PIECE = 1 << 17
PACKED_PIECE = 1 << 12  # small, so that what it unpacks to is small


@dataclass(frozen=True)
class Document:
    """One text with its name and domain; documents of one `group` are never separated by a split."""

    name: str
    domain: str
    text: str
    group: str = ""

    def part(self, name: str, text: str, begin: int) -> Document:
        """Return a stretch of the text as a document of its own, in this one's group; it begins at byte `begin`."""
        return Document(name, self.domain, text, self.group or self.name)


# Reads one document; None for a file in a folder that is not UTF-8 text.
Unread = Callable[[], Document | None]


def unread(path: Path, advance: Callable[[int], object] = lambda size: None) -> Iterator[Unread]:
    """Yield every document of a source, in a fixed order, as a function that reads it.

    Parameters
    ----------
    path : Path
        File or folder.
    advance : callable
        Told how many bytes on disk have gone by since it was last called.

    Raises
    ------
    MissingFileError
        If the path does not exist, or cannot be read.
    ForeignFileError
        If a file is damaged, a line of a shard is not an object with a ``text``, or a lone file is not UTF-8. Functions
        that read a document raise it too.
    """
    if not path.exists():
        raise MissingFileError(f"{path}: no such text file or folder (the name 'python' means Python's own text)")
    try:
        if not path.is_dir():
            yield from _shard(path, path.name, advance) if _is_shard(path) else [partial(_one_text, path)]
        elif (path / "dataset_dict.json").is_file():
            names = sorted(entry.name for entry in path.iterdir() if entry.is_dir())
            raise ForeignFileError(f"{path}: a dataset in several splits ({', '.join(names)}). Name one: {path}/train")
        elif (path / "dataset_info.json").is_file() and (path / "state.json").is_file():
            yield from _dataset(path)
        else:
            yield from _folder(path, advance)
    except OSError as error:
        raise _unreadable(path, error) from error


def size_on_disk(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    return sum(entry.stat().st_size for entry in (path.rglob("*") if path.is_dir() else [path]) if entry.is_file())


def _is_shard(path: Path) -> bool:
    return path.name.endswith(SHARDS)


def _unreadable(path: Path, error: OSError) -> OSError:
    if isinstance(error, MissingFileError):
        return error
    return MissingFileError(f"{path}: cannot be read ({error.strerror or error})")


def _one_text(path: Path) -> Document:
    try:
        return Document(path.name, "text", path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ForeignFileError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _folder(root: Path, advance: Callable[[int], object]) -> Iterator[Unread]:
    for path in sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")):
        parts = path.relative_to(root).parts
        if _is_shard(path):
            yield from _shard(path, "/".join(parts), advance)
            continue
        yield partial(_file_of_folder, path, "/".join(parts), parts[0] if len(parts) > 1 else "text")
        advance(path.stat().st_size)


def _file_of_folder(path: Path, name: str, domain: str) -> Document | None:
    try:
        return Document(name, domain, path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from error


# ---------------------------------------------------------------------------------------------------------------------
# Records: lines of shards, rows of datasets


def _document(name: str, record: Any, where: str) -> Document:
    if not isinstance(record, dict) or "text" not in record:
        raise ForeignFileError(f"{where}: not a JSON object with a 'text'")
    text, meta = record["text"], record.get("meta")
    if not isinstance(text, str):
        raise ForeignFileError(f"{where}: 'text' is not a string")
    domain = meta.get("pile_set_name") if isinstance(meta, dict) else None
    return Document(name, str(domain or record.get("domain") or "text"), _whole(text))


def _whole(text: str) -> str:
    """Return the text with lone surrogates, which JSON can hold but Unicode text cannot, replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _shard(path: Path, name: str, advance: Callable[[int], object]) -> Iterator[Unread]:
    with _opened(path, advance) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield partial(_line, path, name, number, line)


def _line(path: Path, name: str, number: int, line: bytes) -> Document:
    where = f"{path}, line {number}"
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ForeignFileError(f"{where}: not a JSON object with a 'text'") from error
    return _document(f"{name}:{number}", record, where)


def _dataset(path: Path) -> Iterator[Unread]:
    try:
        from datasets import load_from_disk
    except ImportError as error:
        raise MissingExtraError("datasets", "datasets") from error

    try:
        rows: Any = load_from_disk(str(path))
    except Exception as error:  # whatever its parsers raise
        raise ForeignFileError(f"{path}: not a readable dataset ({str(error).splitlines()[0]})") from error
    if "text" not in rows.column_names:
        raise ForeignFileError(f"{path}: has no column 'text' (columns: {', '.join(rows.column_names)})")
    rows = rows.select_columns([name for name in ("text", "meta", "domain") if name in rows.column_names])
    for number in range(len(rows)):
        yield partial(_row, rows, path, number)


def _row(rows: Any, path: Path, number: int) -> Document:
    return _document(f"{path.name}:{number}", rows[number], f"{path}, row {number}")


# ---------------------------------------------------------------------------------------------------------------------
# Bytes


class _Watched(io.RawIOBase):
    """A file that tells how much of it has been read."""

    def __init__(self, file: Any, advance: Callable[[int], object]):
        self._file, self._advance = file, advance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = self._file.readinto(buffer)
        self._advance(size)
        return size


class _Unpacked(io.RawIOBase):
    """The content of a zstandard file: all its frames, and an error if the last one is cut short."""

    def __init__(self, file: Any, path: Path):
        import zstandard

        self._file, self._path = file, path
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
        self._error = zstandard.ZstdError
        self._frame: Any = None
        self._packed = self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            self._packed = self._packed or self._file.read(PACKED_PIECE)
            if not self._packed:
                if self._frame is not None:
                    raise ForeignFileError(f"{self._path}: a damaged zstandard file: it ends in the middle")
                return 0
            self._unpack()
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def _unpack(self) -> None:
        self._frame = self._frame or self._unpacker.decompressobj()
        try:
            self._ready = self._frame.decompress(self._packed)
        except self._error as error:
            raise ForeignFileError(f"{self._path}: not a zstandard file, or a damaged one") from error
        self._packed = self._frame.unused_data
        if self._frame.eof:
            self._frame = None


@contextmanager
def _opened(path: Path, advance: Callable[[int], object]) -> Iterator[io.BufferedReader]:
    """Open a file for reading its lines as bytes, unpacking it if its name ends in ``.zst``."""
    with path.open("rb", buffering=0) as file:
        raw: io.RawIOBase = _Watched(file, advance)
        if path.suffix == ".zst":
            try:
                raw = _Unpacked(raw, path)
            except ImportError as error:
                raise MissingExtraError("zstandard", "measure") from error
        yield io.BufferedReader(raw, PIECE)
