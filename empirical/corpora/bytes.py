"""Bytes of text files: which files are read at all, how they are decoded, and packed ones unpacked in linear time."""

from __future__ import annotations

import codecs
import io
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import ForeignFileError, MissingExtraError

# Frames packed with a long window name up to 2 GiB; the library's own limit is 128 MiB.
ZSTD_WINDOW = 1 << 31
PIECE = 1 << 17
PACKED_PIECE = 1 << 10  # 4 bytes can unpack to 128 KiB, so at most 32 MiB
# The mark of UTF-32 begins with that of UTF-16, so it is looked for first.
MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
ARCHIVES = {
    b"\x1f\x8b": ("a gzip archive", "gunzip"),
    b"PK\x03\x04": ("a ZIP archive", "unzip"),
    b"BZh": ("a bzip2 archive", "bunzip2"),
    b"\xfd7zX": ("an xz archive", "unxz"),
    b"\x28\xb5\x2f\xfd": ("a zstandard archive", "unzstd"),
}
SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def require_ordinary(path: Path) -> None:
    """Refuse a path that is neither a file nor a folder: it may have no end, and cannot be read twice.

    Raises
    ------
    ForeignFileError
        The message says what it is.
    """
    kind = SPECIAL.get(stat.S_IFMT(path.stat().st_mode))
    if kind is not None:
        raise ForeignFileError(f"{path}: {kind}, not a file; text is read more than once. Try: save it to a file first")


def require_utf8(path: Path, head: bytes) -> None:
    """Refuse a file whose first bytes are the mark of another encoding, or of an archive.

    Raises
    ------
    ForeignFileError
        The message names the encoding or the archive.
    """
    for sign, (words, command) in ARCHIVES.items():
        if head.startswith(sign):
            raise ForeignFileError(f"{path}: {words}, not UTF-8 text. Try: {command} {path.name}")
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            raise ForeignFileError(f"{path}: {encoding} text, not UTF-8. Try: {recoded(path, encoding)}")


def recoded(path: Path, encoding: str = "LATIN1") -> str:
    """Return a command that writes a file of another encoding anew in UTF-8."""
    return f"iconv -f {encoding} -t UTF-8 {path.name} > utf8-{path.name}"


def plain_text(path: Path, begin: int, end: int) -> str:
    """Return a stretch of a UTF-8 file, with line ends as line feeds and without a byte order mark.

    Parameters
    ----------
    begin, end : int
        Bytes. Both move on to the next place that is between two characters, but not within a CR LF.

    Raises
    ------
    ForeignFileError
        If it is not UTF-8; a mark of UTF-16 or UTF-32 is named.
    """
    with path.open("rb") as file:
        require_utf8(path, file.read(4))
        first, last = _between_characters(file, begin), _between_characters(file, end)
        file.seek(first)
        content = file.read(last - first)
    if first == 0:
        content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        place = f"byte {first + error.start}"
        raise ForeignFileError(f"{path}: not UTF-8 text ({place}). Try: {recoded(path)}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _between_characters(file: Any, place: int) -> int:
    """Return the first place from this one on where no character of UTF-8 and no line end is cut."""
    if place == 0:
        return 0
    file.seek(place - 1)
    near = file.read(5)
    if near[:2] == b"\r\n":
        return place + 1
    ahead = 0
    while ahead < 3 and near[1 + ahead : 2 + ahead] and near[1 + ahead] & 0xC0 == 0x80:
        ahead += 1
    return place + ahead


class _Watched(io.RawIOBase):
    """A file with a count of the bytes read from it."""

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
        self._place = 0  # in `_ready`: what is left of it is never copied

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._place == len(self._ready):
            self._packed = self._packed or self._file.read(PACKED_PIECE)
            if not self._packed:
                if self._frame is not None:
                    raise ForeignFileError(f"{self._path}: a damaged zstandard file: it ends in the middle")
                return 0
            self._unpack()
        size = min(len(buffer), len(self._ready) - self._place)
        buffer[:size] = memoryview(self._ready)[self._place : self._place + size]
        self._place += size
        return size

    def _unpack(self) -> None:
        self._frame = self._frame or self._unpacker.decompressobj()
        try:
            self._ready, self._place = self._frame.decompress(self._packed), 0
        except self._error as error:
            raise ForeignFileError(f"{self._path}: not a zstandard file, or a damaged one") from error
        self._packed = self._frame.unused_data
        if self._frame.eof:
            self._frame = None


@contextmanager
def opened(path: Path, advance: Callable[[int], object]) -> Iterator[io.BufferedReader]:
    """Open a file for reading its lines as bytes, unpacking it if its name ends in ``.zst``."""
    with path.open("rb", buffering=0) as file:
        raw: io.RawIOBase = _Watched(file, advance)
        if path.suffix == ".zst":
            try:
                raw = _Unpacked(raw, path)
            except ImportError as error:
                raise MissingExtraError("zstandard", "measure") from error
        yield io.BufferedReader(raw, PIECE)
