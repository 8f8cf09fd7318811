"""Results with something missing, changed or damaged, through every reader of results."""

import contextlib
import json

import numpy as np

from .examples import examples

ODD_NUMBERS = [np.nan, np.inf, -np.inf, -1.0, 0.0, 0.5, 1e300, -1e300, 1e16, 2**62]
ODD_FACTS = [
    None,
    7,
    -1,
    1.5,
    np.nan,
    "",
    "[",
    "{}",
    "[1, 2]",
    "null",
    "[" * 5000,
    "x" * 70_000,
    "\x1b[2J$x_{",
    [1.0, 2.0],
]


def prepare(folder):
    """Return the results that are damaged."""
    return examples()


def case(kept, rng, folder):
    """Damage one result and read it in every way."""
    name = "full" if rng.random() < 0.03 else rng.choice(sorted(set(kept) - {"full"}))  # the large one seldom
    ds = kept[name].copy(deep=True)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        ds = rng.choice(CHANGES)(ds, rng)
    path = folder / rng.choice(["results.nc", "x.nc"])
    save(ds, path)
    if rng.random() < 0.2:
        damage(path, rng)
    reader = rng.choice([as_viewer, as_viewer, as_matching, as_page, as_series, as_fit, as_figure])  # fits take long
    reader(path, folder, rng)


def save(ds, path):
    """Write a Dataset as it is; one that netCDF cannot hold is left unwritten."""
    with contextlib.suppress(TypeError, ValueError, OverflowError, NotImplementedError, RuntimeError, KeyError):
        ds.to_netcdf(path, engine="h5netcdf")


def damage(path, rng):
    """Turn a few bytes of a file over, or cut it short."""
    if not path.is_file():
        return
    whole = bytearray(path.read_bytes())
    if rng.random() < 0.3:
        whole = whole[: rng.randrange(len(whole) + 1)]
    for _ in range(rng.choice([0, 1, 3, 30])):
        if whole:
            whole[rng.randrange(len(whole))] = rng.randrange(256)
    path.write_bytes(whole)


def drop_variable(ds, rng):
    """Drop one variable, a coordinate perhaps."""
    return ds.drop_vars(rng.choice(sorted(map(str, ds.variables)))) if ds.variables else ds


def change_type(ds, rng):
    """Store one variable as another type."""
    name = rng.choice(sorted(map(str, ds.data_vars)) or [""])
    if not name:
        return ds
    values = ds[name].values
    changed = {
        "text": lambda: np.array([str(value)[:20] for value in values.ravel()], dtype=object).reshape(values.shape),
        "whole": lambda: np.nan_to_num(values.astype(float), posinf=1, neginf=-1).clip(-1e15, 1e15).astype(np.int64),
        "small": lambda: np.nan_to_num(values.astype(float)).clip(0, 100).astype(np.uint8),
        "real": lambda: values.astype(np.float64) + 0.5,
        "truth": lambda: values.astype(bool),
        "bytes": lambda: values.astype("S4"),
        "half": lambda: values.astype(np.float16),
    }
    with contextlib.suppress(ValueError, TypeError):
        ds[name] = (ds[name].dims, rng.choice(list(changed.values()))())
    return ds


def change_dimension(ds, rng):
    """Rename, shorten, drop, turn round or add a dimension."""
    name = rng.choice(sorted(map(str, ds.variables)) or [""])
    dims = sorted(map(str, ds.sizes))
    if not name or not dims:
        return ds
    dim = rng.choice(dims)
    way = rng.randrange(6)
    with contextlib.suppress(ValueError, KeyError):
        if way == 0:
            return ds.rename_dims({dim: "another"})
        if way == 1:
            return ds.isel({dim: slice(0, rng.choice([0, 1, 2]))})
        if way == 2:
            return ds.isel({dim: 0})
        if way == 3:
            return ds.assign({name: ds[name].transpose(*reversed(ds[name].dims))})
        if way == 4:
            return ds.assign({name: ds[name].expand_dims("another")})
        one = ds[name]
        return ds.drop_vars(name).assign({name: one.isel({one.dims[0]: 0}, drop=True)} if one.dims else {})
    return ds


def change_attribute(ds, rng):
    """Drop an attribute, or put another value there."""
    names = sorted(ds.attrs)
    if names:
        name, value = rng.choice([*names, "families", "seed", "modality"]), rng.choice(ODD_FACTS)
        ds.attrs.pop(name, None)
        if value is not None:
            ds.attrs[name] = value
    return ds


def change_values(ds, rng):
    """Put odd numbers into one variable."""
    name = rng.choice(sorted(map(str, ds.data_vars)) or [""])
    if not name or ds[name].dtype.kind not in "iuf" or not ds[name].size:
        return ds
    values = ds[name].values.astype(float)
    flat = values.reshape(-1)
    for _ in range(rng.choice([1, 2, flat.size])):
        flat[rng.randrange(flat.size)] = rng.choice(ODD_NUMBERS)
    if ds[name].dtype.kind in "iu":
        values = np.nan_to_num(values, nan=-7, posinf=2**40, neginf=-(2**40)).clip(-(2**62), 2**62).astype(np.int64)
    ds[name] = (ds[name].dims, values)
    return ds


def change_kind(ds, rng):
    """Say that it is of another kind, or of another format."""
    kinds = [
        "ladder",
        "rung",
        "pairs",
        "fit",
        "simulation",
        "toy",
        "filtering",
        "judge",
        "image_sweep",
        "image_kinds",
        "?",
    ]
    if rng.random() < 0.8:
        ds.attrs["rosettalaw_kind"] = rng.choice(kinds)
    else:
        ds.attrs["rosettalaw_format"] = rng.choice([0, 2, 999, "1", "x", 1.5, np.nan, np.inf])
    return ds


CHANGES = [drop_variable, change_type, change_dimension, change_attribute, change_values, change_kind]


def as_page(path, folder, rng=None):
    """Read it as ``rosettalaw report`` does, except for the figures and the references."""
    from rosettalaw import results_page
    from rosettalaw.paper_figs.results_folder import read
    from rosettalaw.validation import compare

    before, compare.reference_rows = compare.reference_rows, lambda: ()
    try:
        results = read(folder)
        for row in results.rows:
            row.record()
            json.dumps(row.sentences())
        results_page._further(results, results_page._judged(results))
        for kind, members in results.datasets.items():
            for name, ds in members:
                results_page._provenance(kind, name, ds)
        assert sum(map(len, results.datasets.values())) + len(results.skipped) >= path.is_file()
    finally:
        compare.reference_rows = before


def as_series(path, folder, rng=None):
    """Read it as ``rosettalaw compare`` and ``forecast`` do."""
    from rosettalaw.validation.compare import compare_series
    from rosettalaw.validation.series_from import read_series

    for row in compare_series(read_series([path])):
        row.record()


def as_fit(path, folder, rng=None):
    """Read it as ``rosettalaw fit`` does."""
    from rosettalaw.validation.analysis import analyse_series
    from rosettalaw.validation.compare import joint_of
    from rosettalaw.validation.series_from import one_series

    series = one_series(path)
    analyse_series(series).record()
    joint_of(series)


def as_viewer(path, folder, rng=None):
    """Read it as ``rosettalaw view`` does."""
    from rosettalaw.empirical.viewer.language_page import write_viewer

    write_viewer(str(path), None, folder / "viewer.html", limit=5, quiet=True)


def as_matching(path, folder, rng=None):
    """Read it as ``rosettalaw judge`` and ``filter`` do."""
    from rosettalaw.empirical.filtering.choose_neuron import require_calibrated
    from rosettalaw.empirical.vision.judging.judgement import populations_of
    from rosettalaw.results import load

    ds = load(path, "pairs")
    populations_of(ds, "a")
    require_calibrated(ds)


def as_figure(path, folder, rng):
    """Draw one of the figures of the folder's page."""
    from rosettalaw.paper_figs.catalogue import make_all, on_page
    from rosettalaw.paper_figs.results_folder import read
    from rosettalaw.validation import compare

    before, compare.reference_rows = compare.reference_rows, lambda: ()
    try:
        results = read(folder)
        list(make_all(results, folder / "figures", [rng.choice(on_page(results))]))
    finally:
        compare.reference_rows = before
