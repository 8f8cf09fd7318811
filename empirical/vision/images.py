"""Images to show to models: a folder, or an ``.npz`` of arrays; every one decoded once before anything is measured.

In a folder, images are found in subfolders too; if there are subfolders, the first one on an image's path is its class.
An ``.npz`` holds one array of shape (images, height, width, 3), or one called ``images``: uint8 as files have them, or
floating-point numbers that a checkpoint without preprocessing of its own reads as they are. ``labels`` in it, of shape
(images,), are the classes.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...console import progress, say
from ...errors import ForeignFileError, InputError, MissingExtraError, MissingFileError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
EXAMPLE = "--images photographs/ or --images crops.npz (one array of shape images × height × width × 3)"
SHOWN_CORRUPT = 5


@dataclass(frozen=True)
class Images:
    """Images in a fixed order.

    Attributes
    ----------
    name : str
        Where they come from.
    names : tuple of str
        What each is called.
    sha256 : str
        Hash of all of them, in order.
    labels : ndarray of int, shape (images,), or None
        Class of each, where known.
    classes : tuple of str
        Names of the classes.
    skipped : tuple of str
        Files that could not be read and were left out.
    photographs : ndarray of int, shape (images,), or None
        Photograph that each image is cut from, where several are cut from one; errors count photographs.
    """

    name: str
    names: tuple[str, ...]
    load: Callable[[int], np.ndarray] = field(repr=False)
    sha256: str
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    photographs: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return one image, shape (height, width, 3), uint8 or floating point."""
        return self.load(index)

    def subset(self, indices: Sequence[int] | np.ndarray) -> Images:
        """Return some of the images, in the order asked for."""
        chosen = np.asarray(indices, dtype=int)
        digest = hashlib.sha256(self.sha256.encode() + chosen.astype("<i8").tobytes()).hexdigest()
        return Images(
            name=self.name,
            names=tuple(self.names[i] for i in chosen),
            load=lambda index: self.load(int(chosen[index])),
            sha256=digest,
            labels=None if self.labels is None else self.labels[chosen],
            classes=self.classes,
            skipped=self.skipped,
            photographs=None if self.photographs is None else self.photographs[chosen],
        )


def open_images(path: str | os.PathLike[str], skip_corrupt: bool = False, quiet: bool = False) -> Images:
    """Open a folder of images or an ``.npz``.

    Parameters
    ----------
    path : path
        Where the images are.
    skip_corrupt : bool
        Leave out files that cannot be decoded, naming them, instead of stopping at them.

    Raises
    ------
    MissingFileError
        If there is nothing there, or no image in it.
    ForeignFileError
        If images are corrupt (the message names them), or an archive is not one of arrays.
    InputError
        If the arrays are no images.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _open_folder(path, skip_corrupt, quiet)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such folder or file of images. Try: {EXAMPLE}")
    return _open_npz(path)


def from_array(
    name: str, array: np.ndarray, labels: np.ndarray | None = None, classes: tuple[str, ...] | None = None
) -> Images:
    """Return an array of shape (images, height, width, 3) as images; floating-point latents may have other channels.

    Raises
    ------
    InputError
        If the array has another shape, or is neither uint8 nor floating point and finite.
    """
    kind = f"array of shape {array.shape} and type {array.dtype}"
    pixels = array.ndim == 4 and array.dtype == np.uint8 and array.shape[3] == 3
    if not (pixels or (array.ndim == 4 and _is_float(array))) or 0 in array.shape:
        rule = "must have the shape (images, height, width, 3) and hold uint8 or floating-point numbers"
        raise InputError("images", kind, rule, EXAMPLE)
    if _is_float(array) and not np.isfinite(array).all():
        bad = np.flatnonzero(~np.isfinite(array).all((1, 2, 3)))
        raise InputError("images", bad.tolist(), "must be finite; these images of the array are not")
    if labels is not None:
        values, labels = np.unique(np.asarray(labels), return_inverse=True)
        if labels.shape != (len(array),):
            raise InputError("labels", labels.shape, f"must have one entry for each of the {len(array)} images")
        classes = classes or tuple(str(value) for value in values)
    digest = hashlib.sha256(str(array.shape).encode() + np.ascontiguousarray(array).tobytes()).hexdigest()
    names = tuple(f"{name}[{i}]" for i in range(len(array)))
    return Images(
        name=name, names=names, load=lambda index: array[index], sha256=digest, labels=labels, classes=classes or ()
    )


def _is_float(array: np.ndarray) -> bool:
    return np.issubdtype(array.dtype, np.floating)


def _open_folder(folder: Path, skip_corrupt: bool, quiet: bool) -> Images:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise MissingFileError(f"{folder}: no image in it (looked for {', '.join(SUFFIXES)}). Try: {EXAMPLE}")
    hashes: list[str | Exception] = []
    with ThreadPoolExecutor() as pool, progress(f"checking {len(files)} images", len(files), quiet) as bar:
        for checked in pool.map(_checked, files):
            hashes.append(checked)
            bar.advance()
    corrupt = {file: error for file, error in zip(files, hashes, strict=True) if isinstance(error, Exception)}
    relative = {file: file.relative_to(folder) for file in files}
    if corrupt:
        shown = "; ".join(f"{relative[file]} ({error})" for file, error in list(corrupt.items())[:SHOWN_CORRUPT])
        more = f" and {len(corrupt) - SHOWN_CORRUPT} more" if len(corrupt) > SHOWN_CORRUPT else ""
        if not skip_corrupt or len(corrupt) == len(files):
            raise ForeignFileError(
                f"{folder}: {len(corrupt)} of {len(files)} images cannot be read: {shown}{more}. "
                "Mend or remove them, or leave them out with --skip-corrupt"
            )
        say(f"left out {len(corrupt)} of {len(files)} images that cannot be read: {shown}{more}")
    readable = [file for file in files if file not in corrupt]
    digest = hashlib.sha256("".join(str(one) for one in hashes if isinstance(one, str)).encode()).hexdigest()
    labels, classes = _classes([relative[file] for file in readable])
    return Images(
        name=str(folder),
        names=tuple(str(relative[file]) for file in readable),
        load=lambda index: decode(readable[index]),
        sha256=digest,
        labels=labels,
        classes=classes,
        skipped=tuple(str(relative[file]) for file in corrupt),
    )


def _classes(paths: list[Path]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return the first folder on each path as its class; none if an image lies outside of a folder."""
    if any(len(path.parts) < 2 for path in paths):
        return None, ()
    names, labels = np.unique([path.parts[0] for path in paths], return_inverse=True)
    return (labels, tuple(map(str, names))) if len(names) > 1 else (None, ())


def _checked(file: Path) -> str | Exception:
    """Return the hash of a file that can be decoded, or why it cannot."""
    try:
        decode(file)
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except MissingExtraError:
        raise
    except Exception as error:  # Pillow's plugins raise whatever their broken file led to
        return error


def decode(file: Path) -> np.ndarray:
    """Return an image file's (first) picture, upright, as uint8 of shape (height, width, 3)."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingExtraError("pillow", "vision") from error
    with Image.open(file) as opened:
        return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))


def _open_npz(path: Path) -> Images:
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ForeignFileError(f"{path}: a single array; images come as an .npz. Try: np.savez(path, images=…)")
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        reason = "holds Python objects; only arrays of numbers are read" if "pickle" in str(error) else str(error)
        raise ForeignFileError(f"{path}: not a readable .npz of images ({reason}). Try: {EXAMPLE}") from error
    planes = [name for name, array in arrays.items() if array.ndim == 4]
    name = "images" if "images" in arrays else planes[0] if len(planes) == 1 else None
    if name is None:
        rule = f"needs one array of four dimensions, or one called 'images'; it has {planes or 'none'}"
        raise InputError("images", str(path), rule, EXAMPLE)
    classes = tuple(map(str, arrays["classes"])) if "classes" in arrays else None
    return from_array(str(path), arrays[name], arrays.get("labels"), classes)
