"""Archives of images and image files, damaged, then opened and read."""

import zipfile

import numpy as np

from rosettalaw.empirical.vision.images import open_images

from .damage import damaged


def prepare(folder):
    """Return sound images in every form."""
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    np.savez(folder / "plain.npz", images=pixels, labels=[0, 1, 0, 1], classes=["a", "b"])
    np.savez_compressed(folder / "packed.npz", images=pixels)
    np.save(folder / "single.npy", pixels)
    for ending in ("png", "jpg", "webp", "bmp", "gif", "tiff"):
        Image.fromarray(pixels[0]).save(folder / f"one.{ending}")
    return sorted(folder.iterdir())


def case(whole, rng, folder):
    """Damage one of them and read all images."""
    path = rng.choice(whole)
    content = damaged(path.read_bytes(), rng, head=200)
    if path.suffix in (".npz", ".npy"):
        target = folder / f"x{rng.choice(['.npz', '.npz', '.npy'])}"
        target.write_bytes(content)
        if rng.random() < 0.3:
            odd_archive(target, rng)
    else:
        target = folder / "pictures"
        (target / "a").mkdir(parents=True)
        (target / "a" / f"one{path.suffix}").write_bytes(content)
        (target / "a" / "sound.png").write_bytes(next(one for one in whole if one.suffix == ".png").read_bytes())
    opened = open_images(target, skip_corrupt=rng.random() < 0.5, quiet=True)
    for index in range(len(opened)):
        np.asarray(opened[index])


def odd_archive(path, rng):
    """Write an archive of odd members."""
    with zipfile.ZipFile(path, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])) as archive:
        for name in rng.sample(["images.npy", "labels.npy", "classes.npy", "../x.npy", "images", "x/images.npy"], 3):
            with archive.open(name, "w") as member:
                shape = rng.choice([(2, 4, 4, 3), (2,), (2, 4, 4, 4), (0, 4, 4, 3), ()])
                kind = rng.choice(["u1", "f4", "i8", "S3", "b1", "f2"])
                np.lib.format.write_array(member, np.zeros(shape, kind), allow_pickle=False)
