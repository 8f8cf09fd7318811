"""Activations in ``.npy``, netCDF and zarr, damaged, then matched with sound ones."""

import shutil

import numpy as np

from rosettalaw.empirical.activations.files import open_activations
from rosettalaw.empirical.matching import match

from .damage import damaged

POSITIONS, NEURONS = 40, 5


def prepare(folder):
    """Return sound arrays, and a sound source to match with."""
    import xarray as xr

    numbers = np.random.default_rng(0).standard_normal((POSITIONS, NEURONS))
    for name, kind in (("f4", "f4"), ("f8", "f8"), ("f2", "f2"), ("i4", "i4"), ("big", ">f4")):
        np.save(folder / f"{name}.npy", (100 * numbers if kind == "i4" else numbers).astype(kind))
    np.save(folder / "fortran.npy", np.asfortranarray(numbers.astype("f4")))
    labels = {"layer": ("neuron", [0, 0, 1, 1, 1]), "unit": ("neuron", [0, 1, 0, 1, 2])}
    planes = {"activations": (("position", "neuron"), numbers.astype("f4"))}
    xr.Dataset(planes, labels).to_netcdf(folder / "a.nc", engine="h5netcdf")
    try:
        import zarr

        zarr.save_array(str(folder / "a.zarr"), numbers.astype("f4"))
    except ImportError:
        pass
    return sorted(folder.iterdir()), open_activations(folder / "f4.npy")


def case(whole, rng, folder):
    """Damage one array and match it."""
    paths, sound = whole
    path = rng.choice(paths)
    target = folder / path.name
    if path.is_dir():
        shutil.copytree(path, target)
        inner = rng.choice(sorted(one for one in target.rglob("*") if one.is_file()))
        inner.write_bytes(damaged(inner.read_bytes(), rng))
    elif rng.random() < 0.25 and path.suffix == ".npy":
        np.save(target, odd_array(rng))
    else:
        target.write_bytes(damaged(path.read_bytes(), rng, head=128 if path.suffix == ".npy" else None))
    source = open_activations(target)
    list(source.blocks(7))
    match(source, sound, nulls={"permute": 1}, jackknife_blocks=0, quiet=True, memory=1 << 28)


def odd_array(rng):
    """Return an array of an odd shape, type or content."""
    shape = rng.choice([(POSITIONS, NEURONS), (0, 5), (5, 0), (40,), (), (40, 1), (1, 5), (2, 2, 2), (40, 4000)])
    kind = rng.choice(["f4", "f8", "f2", "i8", "u1", "b1", "c8", "S3", "U2", "M8[s]", "V2", "f4,i4"])
    array = np.zeros(shape, kind)
    if array.dtype.kind == "f" and array.size:
        array[...] = rng.choice([0.0, 1.0, np.nan, np.inf, 1e38, 1e-45, -0.0])
        array.flat[rng.randrange(array.size)] = rng.choice([np.nan, np.inf, 1e30, 2.0])
    return array
