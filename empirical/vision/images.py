"""Images to show to models: a folder, or an ``.npz`` of arrays; every one decoded once before anything is measured.

In a folder, images are found in subfolders too; if there are subfolders, the first one on an image's path is its class.
An ``.npz`` holds one array of shape (images, height, width, 3), or one called ``images``: uint8 as files have them, or
floating-point numbers that a checkpoint without preprocessing of its own reads as they are. ``labels`` in it, of shape
(images,), are the classes.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import Any, overload

import numpy as np

from ...console import progress, say
from ...disk import expanded
from ...errors import ForeignFileError, InputError, MissingExtraError, MissingFileError
from ..activations.arrays import unmasked
from ..activations.npy import Archive
from ..matching.cost import budget

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
EXAMPLE = "--images photographs/ or --images crops.npz (one array of shape images × height × width × 3)"
SHOWN_CORRUPT = 5
PIXELS = 1 << 26  # of one image: a photograph of 67 megapixels
BYTES_A_PIXEL = 16  # while it is decoded, turned, and copied
RECENT = 1 << 28  # bytes of decoded images that are not decoded again, at most an eighth of the memory allowed
SIDE = 1024  # pixels; a larger picture is reduced before it is looked at, or sent


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
    remembered : int
        Bytes of reduced pictures that are not made again.
    """

    name: str
    names: tuple[str, ...]
    load: Callable[[int], np.ndarray] = field(repr=False)
    sha256: str
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    photographs: np.ndarray | None = None
    remembered: int = 0

    @cached_property
    def pictures(self) -> Recent:
        """Pictures to look at, by number: bytes of at most `SIDE` pixels a side. Those made last are remembered.

        A judge looks at an image again for every neuron that it is a top image of, and one in full takes many times the
        memory and, decoded, the time.
        """
        return Recent(lambda index: reduced(shown(self.load(index))), self.remembered)

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
            remembered=self.remembered,
        )


class Chosen(Sequence[np.ndarray]):
    """Some images of a set, each loaded when it is looked at.

    Parameters
    ----------
    images : Images
        The set.
    indices : sequence of int
        Which of them.
    load : callable, optional
        From an image's number to what it is looked at as, such as `Images.pictures`; the image by default.
    """

    def __init__(
        self, images: Images, indices: Sequence[int] | np.ndarray, load: Callable[[int], np.ndarray] | None = None
    ):
        self._images, self._indices = images, [int(index) for index in indices]
        self._load = images.load if load is None else load

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, which: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, which: slice) -> Chosen: ...
    def __getitem__(self, which: int | slice) -> np.ndarray | Chosen:
        if isinstance(which, slice):
            return Chosen(self._images, self._indices[which], self._load)
        return self._load(self._indices[which])


def open_images(
    path: str | os.PathLike[str], skip_corrupt: bool = False, quiet: bool = False, memory: int | None = None
) -> Images:
    """Open a folder of images or an ``.npz``.

    Parameters
    ----------
    path : path
        Where the images are.
    skip_corrupt : bool
        Leave out files that cannot be decoded, naming them, instead of stopping at them.
    memory : int, optional
        Bytes that reading may take, half of the free memory by default: an archive that unpacks to more is refused
        before it is unpacked, and images of more pixels, or of more than `PIXELS`, count as corrupt before they are
        decoded.

    Raises
    ------
    MissingFileError
        If there is nothing there, or no image in it.
    ForeignFileError
        If images are corrupt (the message names them), or an archive is not one of arrays.
    InputError
        If the arrays are no images.
    """
    path, memory = expanded(path), budget(memory)
    if path.is_dir():
        return _open_folder(path, skip_corrupt, quiet, memory)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such folder or file of images. Try: {EXAMPLE}")
    return _open_npz(path, memory)


def from_array(
    name: str, array: np.ndarray, labels: np.ndarray | None = None, classes: tuple[str, ...] | None = None
) -> Images:
    """Return an array of shape (images, height, width, 3) as images; floating-point latents may have other channels.

    Raises
    ------
    InputError
        If the array has another shape, or is neither uint8 nor floating point and finite.
    """
    array = _images_of(array)
    digest, bad = hashlib.sha256(str(array.shape).encode()), []
    for index, image in enumerate(array):  # one by one: the array may be as large as the memory allowed
        if _is_float(array) and not np.isfinite(image).all():
            bad.append(index)
        digest.update(np.ascontiguousarray(image).data)
    if bad:
        raise InputError("images", bad, "must be finite; these images are not")
    if labels is not None:
        labels, classes = _labelled(labels, len(array), classes)
    names = tuple(f"{name}[{i}]" for i in range(len(array)))
    return Images(
        name=name,
        names=names,
        load=lambda index: array[index],
        sha256=digest.hexdigest(),
        labels=labels,
        classes=classes or (),
    )


def _images_of(array: np.ndarray) -> np.ndarray:
    """Return an array whose shape and type are those of images."""
    array = unmasked("images", array)
    kind = f"array of shape {array.shape} and type {array.dtype}"
    pixels = array.ndim == 4 and array.dtype == np.uint8 and array.shape[3] == 3
    if not (pixels or (array.ndim == 4 and _is_float(array))) or 0 in array.shape:
        rule = "must have the shape (images, height, width, 3) and hold uint8 or floating-point numbers"
        raise InputError("images", kind, rule, EXAMPLE)
    return array


def _labelled(labels: Any, images: int, classes: tuple[str, ...] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the classes of some images as numbers from 0 on, and their names: those given, or the labels as text."""
    labels = unmasked("labels", np.asanyarray(labels))
    if labels.shape != (images,):
        raise InputError("labels", labels.shape, f"must have one entry for each of the {images} images")
    if labels.dtype.kind not in "biufU" or (labels.dtype.kind == "f" and not np.isfinite(labels).all()):
        rule = "must be numbers, none of them a NaN, or text"
        raise InputError("labels", f"array of type {labels.dtype}", rule, "labels=np.array([0, 1, …])")
    values, numbers = np.unique(labels, return_inverse=True)
    if classes is not None and len(classes) != len(values):
        raise InputError("classes", len(classes), f"must be one name for each of the {len(values)} labels")
    return numbers, tuple(str(value) for value in values) if classes is None else classes


def _is_float(array: np.ndarray) -> bool:
    return np.issubdtype(array.dtype, np.floating)


def _open_folder(folder: Path, skip_corrupt: bool, quiet: bool, memory: int) -> Images:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise MissingFileError(f"{folder}: no image in it (looked for {', '.join(SUFFIXES)}). Try: {EXAMPLE}")
    hashes: list[str | Exception] = []
    pixels = max(1, min(PIXELS, memory // BYTES_A_PIXEL))
    workers = max(1, min(os.cpu_count() or 1, memory // (BYTES_A_PIXEL * pixels)))
    with ThreadPoolExecutor(workers) as pool, progress(f"checking {len(files)} images", len(files), quiet) as bar:
        for checked in pool.map(partial(_checked, pixels=pixels), files):
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
                "Repair or remove them, or skip them with --skip-corrupt"
            )
        say(f"skipped {len(corrupt)} of {len(files)} images that cannot be read: {shown}{more}")
    readable = [file for file in files if file not in corrupt]
    digest = hashlib.sha256("".join(str(one) for one in hashes if isinstance(one, str)).encode()).hexdigest()
    labels, classes = _classes([relative[file] for file in readable])
    return Images(
        name=str(folder),
        names=tuple(str(relative[file]) for file in readable),
        load=Recent(lambda index: decode(readable[index], pixels), min(RECENT, memory // 8)),
        sha256=digest,
        labels=labels,
        classes=classes,
        skipped=tuple(str(relative[file]) for file in corrupt),
        remembered=memory // 8,
    )


def shown(image: np.ndarray) -> np.ndarray:
    """Return an image as bytes to look at: uint8 as it is; white noise-like floats from −3 … 3 to 0 … 255."""
    if image.dtype == np.uint8:
        return image
    if image.shape[2] != 3:  # latents: their first channel
        image = np.repeat(image[..., :1], 3, axis=2)
    return np.clip((image + 3) / 6 * 255, 0, 255).astype(np.uint8)


def reduced(image: np.ndarray) -> np.ndarray:
    """Return a picture whose sides have at most `SIDE` pixels."""
    height, width = image.shape[:2]
    factor = SIDE / max(height, width)
    if factor >= 1:
        return image
    from PIL import Image

    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


class Recent:
    """Images that were loaded last, as many as fit into some bytes.

    Parameters
    ----------
    load : callable
        From an image's number to its pixels.
    most : int
        Bytes of pixels to remember.
    """

    def __init__(self, load: Callable[[int], np.ndarray], most: int):
        self._load, self._free = load, most
        self._recent: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = Lock()  # a source may be read by several threads

    def __call__(self, index: int) -> np.ndarray:
        with self._lock:
            recent = self._recent.get(index)
        image = self._load(index) if recent is None else recent
        with self._lock:
            before = self._recent.pop(index, None)
            self._free += 0 if before is None else before.nbytes
            self._recent[index] = image
            self._free -= image.nbytes
            while self._free < 0:
                self._free += self._recent.popitem(last=False)[1].nbytes
        return image


def _classes(paths: list[Path]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return the first folder on each path as its class; none if an image lies outside of a folder."""
    if any(len(path.parts) < 2 for path in paths):
        return None, ()
    names, labels = np.unique([path.parts[0] for path in paths], return_inverse=True)
    return (labels, tuple(map(str, names))) if len(names) > 1 else (None, ())


def _checked(file: Path, pixels: int) -> str | Exception:
    """Return the hash of a file that can be decoded, or why it cannot."""
    try:
        decode(file, pixels)
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except MissingExtraError:
        raise
    except Exception as error:  # Pillow's plugins raise whatever their broken file led to
        return error


def decode(file: Path, pixels: int = PIXELS) -> np.ndarray:
    """Return an image file's (first) picture, upright, as uint8 of shape (height, width, 3).

    Raises
    ------
    ForeignFileError
        If it has more than `pixels` pixels.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingExtraError("pillow", "vision") from error
    with Image.open(file) as opened:
        width, height = opened.size
        if width * height > pixels:
            raise ForeignFileError(f"{width} × {height} pixels, more than {pixels:,}")
        return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))


def _open_npz(path: Path, memory: int) -> Images:
    with Archive(path, "a readable .npz of images", EXAMPLE) as archive:
        planes = [name for name, head in archive.heads.items() if len(head.shape) == 4]
        name = "images" if "images" in archive.heads else planes[0] if len(planes) == 1 else None
        if name is None:
            rule = f"needs one array of four dimensions, or one called 'images'; it has {planes or 'none'}"
            raise InputError("images", str(path), rule, EXAMPLE)
        array = _images_of(archive.read(name, memory))
        labels, classes = (archive.read(one, memory) if one in archive.heads else None for one in ("labels", "classes"))
    if classes is None:
        return from_array(str(path), array, labels)
    if classes.ndim != 1 or labels is None or labels.shape != (len(array),) or labels.dtype.kind not in "iu":
        rule = f"needs whole numbers 'labels', one for each of the {len(array)} images, for 'classes' to name"
        raise InputError(
            "images", str(path), rule, "np.savez(path, images=…, labels=[0, 1, …], classes=['cat', 'dog'])"
        )
    if len(classes) <= labels.max() or labels.min() < 0:
        rule = f"must be from 0 to {len(classes) - 1}, since there are {len(classes)} classes"
        raise InputError("labels", f"{labels.min()} … {labels.max()}", rule)
    return from_array(str(path), array, labels, tuple(str(classes[i]) for i in np.unique(labels)))
