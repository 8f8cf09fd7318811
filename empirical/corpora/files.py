"""Reading labelled documents from files, one at a time.

Four kinds of source, recognised by their files:

- a ``.jsonl`` or ``.jsonl.zst`` file as The Pile has it: one object per line with a ``text``; its domain is
  ``meta.pile_set_name``, or ``domain``, or "text";
- any other file: one UTF-8 document, with or without a byte order mark;
- a folder: every UTF-8 file below it is a document, its first folder the domain; shards (``.jsonl``, ``.jsonl.zst``)
  below it are read as above;
- a folder that the ``datasets`` library saved (``save_to_disk``): one document a row, with the same fields.

`unread` gives each document as a function that reads it, so that a caller who wants some of them pays for those alone.
Memory is bounded whatever a source holds: a text beyond `DOCUMENT` becomes several documents of one group, a line of a
shard beyond `LINE` is refused, and so is anything that is not an ordinary file, such as a pipe or a device.
Nothing that a source holds is executed, and what cannot be used is named by file and line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import ForeignFileError, MissingExtraError, MissingFileError, first_line
from .bytes import opened, plain_text, recoded, require_ordinary, require_utf8

SHARDS = (".jsonl", ".jsonl.zst")
DOCUMENT = 1 << 20  # bytes of a file, or characters of a record, in one document; tokenizers take 500 times that
LINE = 64 << 20  # bytes of a line of a shard


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


OBJECT = """{"text": "…"}, one object on each line"""
# Reading of one document; None for a file in a folder that is not UTF-8 text.
Unread = Callable[[], Document | None]


def require_there(path: Path) -> None:
    """Refuse a text that does not exist, before anything else is opened.

    Raises
    ------
    MissingFileError
        If there is no such file or folder.
    """
    if not path.exists():
        raise MissingFileError(f"{path}: no such text file or folder (the name 'python' means Python's own text)")


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
        If a file is damaged, or is a pipe or a device, a line of a shard is not an object with a ``text`` or is longer
        than `LINE`, or a lone file is not UTF-8. Functions that read a document raise it too.
    """
    require_there(path)
    try:
        require_ordinary(path)
        if not path.is_dir():
            yield from _shard(path, path.name, advance) if _is_shard(path) else _parts_of_file(path, path.name, "text")
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


def _parts_of_file(path: Path, name: str, domain: str, lone: bool = True) -> Iterator[Unread]:
    """Yield a file as one document, or as several where it is longer than `DOCUMENT`."""
    size = path.stat().st_size
    if size <= DOCUMENT:
        yield partial(_file, path, name, domain, "", (0, size), lone)
        return
    for number, begin in enumerate(range(0, size, DOCUMENT), start=1):
        place = (begin, min(begin + DOCUMENT, size))
        yield partial(_file, path, f"{name} part {number}", domain, name, place, lone)


def _file(path: Path, name: str, domain: str, group: str, place: tuple[int, int], lone: bool) -> Document | None:
    try:
        return Document(name, domain, plain_text(path, *place), group)
    except ForeignFileError:
        if lone:
            raise
        return None
    except OSError as error:
        raise _unreadable(path, error) from error


def _folder(root: Path, advance: Callable[[int], object]) -> Iterator[Unread]:
    for path in sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")):
        parts = path.relative_to(root).parts
        if _is_shard(path):
            yield from _shard(path, "/".join(parts), advance)
            continue
        domain = parts[0] if len(parts) > 1 else "text"
        yield from _parts_of_file(path, "/".join(parts), domain, lone=False)
        advance(path.stat().st_size)


# ---------------------------------------------------------------------------------------------------------------------
# Records: lines of shards, rows of datasets


def _document(name: str, record: Any, where: str) -> Document:
    if not isinstance(record, dict) or "text" not in record:
        others = f"; it has {', '.join(map(repr, list(record)[:5]))}" if isinstance(record, dict) and record else ""
        raise ForeignFileError(f"{where}: not a JSON object with a 'text'{others}. Try: {OBJECT}")
    text, meta = record["text"], record.get("meta")
    if not isinstance(text, str):
        raise ForeignFileError(f"{where}: 'text' is not a string. Try: {OBJECT}")
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
    with opened(path, advance) as lines:
        number = 0
        while line := lines.readline(LINE + 1):
            number += 1
            if number == 1:
                require_utf8(path, line[:4])
            if len(line) > LINE:
                raise ForeignFileError(
                    f"{path}, line {number}: longer than {LINE >> 20} MiB. Try: one document per line, with long "
                    "documents cut"
                )
            if len(line) > DOCUMENT:
                yield from _parts_of_record(_line(path, name, number, line))
            elif line.strip():
                yield partial(_line, path, name, number, line)


def _parts_of_record(document: Document) -> Iterator[Unread]:
    """Yield a document in pieces of at most `DOCUMENT` characters."""
    text = document.text
    if len(text) <= DOCUMENT:
        yield partial(_same, document)
        return
    for number, begin in enumerate(range(0, len(text), DOCUMENT), start=1):
        piece = Document(
            f"{document.name} part {number}", document.domain, text[begin : begin + DOCUMENT], document.name
        )
        yield partial(_same, piece)


def _same(document: Document) -> Document:
    return document


def _line(path: Path, name: str, number: int, line: bytes) -> Document:
    where = f"{path}, line {number}"
    try:
        record = json.loads(line)
    except UnicodeDecodeError as error:
        reason = f"not a JSON object with a 'text': its bytes are not UTF-8. Try: {recoded(path)}"
        raise ForeignFileError(f"{where}: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise ForeignFileError(f"{where}: not a JSON object with a 'text'. Try: {OBJECT}") from error
    return _document(f"{name}:{number}", record, where)


def _dataset(path: Path) -> Iterator[Unread]:
    try:
        from datasets import load_from_disk
    except ImportError as error:
        raise MissingExtraError("datasets", "datasets") from error

    try:
        rows: Any = load_from_disk(str(path))
    except Exception as error:  # whatever its parsers raise
        raise ForeignFileError(f"{path}: not a readable dataset ({first_line(error)})") from error
    if "text" not in rows.column_names:
        raise ForeignFileError(f"{path}: has no column 'text' (columns: {', '.join(rows.column_names)})")
    rows = rows.select_columns([name for name in ("text", "meta", "domain") if name in rows.column_names])
    for number in range(len(rows)):
        yield partial(_row, rows, path, number)


def _row(rows: Any, path: Path, number: int) -> Document:
    if len(str(rows[number]["text"])) > LINE:
        raise ForeignFileError(f"{path}, row {number}: longer than {LINE >> 20} MiB. Try: cut long documents")
    return _document(f"{path.name}:{number}", rows[number], f"{path}, row {number}")
