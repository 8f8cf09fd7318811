"""Small results of every kind: those of the repository where it has one, and filled layouts for the others."""

import json
import pathlib

import numpy as np

from rosettalaw.layouts import ALONG, LAYOUTS, TEXTS, WHOLE
from rosettalaw.results import dataset, load
from rosettalaw.vocabulary import variable

DOCS = pathlib.Path(__file__).parents[2] / "docs"
SIZES = {"rung": 4, "pair": 40, "null_pair": 60, "neuron": 400, "top": 3, "text": 4000, "read_document": 3}
SIZES |= {"snippet": 60, "context": 6, "cell": 6, "": 1, "side": 2, "selector": 5, "run": 2, "depth_bin": 12}
WORDS = {
    "side": ["a", "b"],
    "measure": ["output_kurtosis", "activation_kurtosis", "lifetime_sparsity", "domain_entropy"],
    "category": ["code", "prose", "other"],
    "selector": ["base", "random", "non_rosetta", "rosetta", "oracle"],
    "population": ["rosetta", "other"],
    "image_kind": ["real", "generated"],
    "null_kind": ["permuted", "untrained"],
    "configuration": ["law"],
    "engine": ["expected"],
}
FACTS = {
    "ladder": "a ladder",
    "families": json.dumps(["one", "two"]),
    "model_a": "model A",
    "model_b": "model B",
    "corpus_sha256": "0" * 64,
    "judge": "offline",
    "target": "code",
    "pairing": "one × two (of two kinds)",
    "seed": 0,
    "status": "ok",
}


FILLED = ("pairs", "rung", "ladder", "fit", "judge", "image_sweep", "image_kinds")


def filled(kind, seed=0):
    """Return a result of a kind with every variable of its layout, in numbers that agree with each other."""
    rng = np.random.default_rng(seed)
    sizes = {dim: SIZES.get(dim, len(WORDS.get(dim, "abc"))) for dims in LAYOUTS[kind] for dim in dims.split()}
    variables, coords = {}, {}
    for dims, names in LAYOUTS[kind].items():
        for name in names.split():
            shape = tuple(sizes[dim] for dim in dims.split())
            target = coords if (name,) == tuple(dims.split()) else variables
            target[name] = (tuple(dims.split()), _values(name, shape, sizes, rng))
            if name.startswith(("superiority", "selectivity", "firing_r", "firing_control")) and "draw" not in name:
                target |= {name + end: target[name] for end in ("_low", "_high")}
    return dataset(kind, variables, coords, **FACTS)


def _values(name, shape, sizes, rng):
    if name in TEXTS:
        words = WORDS.get(name, [f"{name} {i}" for i in range(max(shape or (1,)))])
        return np.resize(np.array(words, dtype=object), shape)
    if name in ("neurons", "neurons_a", "neurons_b"):
        return np.resize(60 * 2 ** np.arange(max(shape or (1,))), shape)
    if name in ALONG:
        return np.sort(rng.integers(0, sizes[ALONG[name]], shape))
    if shape == (sizes.get(name),):
        return 1 + np.arange(shape[0])
    known = variable(name)
    if name.endswith("count") or name.endswith("raw"):
        return np.resize(np.round(8 * 1.5 ** np.arange(max(shape or (1,)))), shape).astype(int)
    if name == "text_byte":
        return np.resize(np.frombuffer(b"the river carries what the mountain lets go. ", np.uint8), shape)
    if (
        name in WHOLE
        or name.startswith(("unit", "layer", "snippet", "top_position"))
        or (known and known.units == "index")
    ):
        return rng.integers(0, 4, shape)
    if name == "threshold":
        return np.full(shape, 0.4)
    return rng.uniform(0.1, 0.95, shape)


def small(ds):
    """Return a result cut to a few entries along its long dimensions."""
    return ds.isel(
        {dim: slice(0, 60) for dim in ds.sizes if dim not in ("rung", "neuron", "pair") and ds.sizes[dim] > 60}
    )


def recurrence():
    """Return the neurons that recur in three sets of activations."""
    import rosettalaw as rl

    rng = np.random.default_rng(0)
    features = rng.standard_normal((300, 12))
    sides = {name: features + 0.3 * rng.standard_normal((300, 12)) for name in ("one", "two", "three")}
    return rl.match_several(sides, nulls={"shift": 1}, progress=False).dataset


def examples():
    """Return a result of each kind by name."""
    from rosettalaw.sims import simulate
    from rosettalaw.theory import predict

    made = {kind: filled(kind) for kind in FILLED}
    made["simulation"] = simulate([16, 32, 64], 2.0, inputs=500, runs=2, quiet=True).to_dataset()
    made["prediction"] = predict(neurons=[64, 128], beta=1.6)
    made["toy"] = small(load(DOCS / "toy" / "toy.nc"))
    made["filtering"] = small(load(DOCS / "filtering" / "filtering.nc"))
    made["recurrence"] = recurrence()
    made["full"] = load(DOCS / "full_ladder" / "results.nc")
    return made
