"""Removal of files and folders: of those that this program wrote, and of no others.

A folder that is to be removed one day is begun with `begin`, which puts a marker file into it that says what it is. A
path is this program's if this process made or recognised it (`made`), if it is a marked folder, or a file in one.
`remove` refuses everything else: a user's folder that happens to have the same name stays as it is.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .errors import ForeignFileError

MARKER = ".rosettalaw"
UNFINISHED = f"{MARKER}.new"
SIGNATURE = "Made by rosettalaw, which may remove this folder: "

_made: set[str] = set()


def begin(folder: Path, what: str) -> Path:
    """Make a folder, or take an empty or marked one, and mark it as this program's.

    Parameters
    ----------
    folder : Path
        The folder.
    what : str
        What it will hold, for a reader of the marker.

    Raises
    ------
    ForeignFileError
        If there is something else.
    OSError
        If the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if _marked(folder):
        return folder
    strangers = sorted(entry.name for entry in folder.iterdir() if entry.name not in (MARKER, UNFINISHED))
    if strangers:
        raise ForeignFileError(
            f"{folder}: was not made by rosettalaw and contains {strangers[0]!r}; it is left unchanged. "
            "Try: another folder, or move this one away"
        )
    return mark(folder, what)


def mark(folder: Path, what: str) -> Path:
    """Mark a folder whose content has been recognised as this program's."""
    if not _marked(folder):
        unfinished = folder / UNFINISHED
        unfinished.write_text(f"{SIGNATURE}{what}\n", encoding="utf-8")
        os.replace(unfinished, folder / MARKER)
    return folder


def made(path: Path) -> Path:
    """Note that this process has made a file or folder, or recognised what it holds as this program's."""
    _made.add(os.path.abspath(path))
    return path


def ours(path: Path) -> bool:
    """Return whether a path is this program's, so that it may be removed."""
    whole = Path(os.path.abspath(path))
    folder = whole.is_dir() and not whole.is_symlink()
    return os.fspath(whole) in _made or _marked(whole if folder else whole.parent)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that it holds, if it is this program's; nothing where there is none.

    What a folder's removal leaves where it is killed is still marked.

    Raises
    ------
    ForeignFileError
        If it is not this program's; then nothing is removed.
    OSError
        If the disk refuses.
    """
    if not os.path.lexists(path):
        _made.discard(os.path.abspath(path))
        return
    if not ours(path):
        raise ForeignFileError(
            f"{path}: was not made by rosettalaw and is not removed. Try: move it away, or remove it yourself"
        )
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        for entry in list(path.iterdir()):
            if entry.name == MARKER:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)
    _made.discard(os.path.abspath(path))


def purpose(folder: Path) -> str:
    """Return the words of a folder's marker about its content; "" where there is none."""
    try:
        words = (folder / MARKER).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    return words.removeprefix(SIGNATURE).strip() if words.startswith(SIGNATURE) else ""


def _marked(folder: Path) -> bool:
    try:
        return (folder / MARKER).read_text(encoding="utf-8").startswith(SIGNATURE)
    except (OSError, ValueError):
        return False
