"""Pairs of models at several sizes: the measurement behind the scaling law. Shipped ladder files (TOML) lie here too.

| chapter | subject |
|---|---|
| `models` | checkpoints to compare at each rung, from a ladder file |
| `template` | a commented ladder file to begin with |
| `preview` | sizes and cost of a ladder file, before anything is measured |
| `train` | ladders whose models are trained here |
| `comparison` | two models matched at every k, data size and null |
| `shared` | copies and null draws that pairs of one size share |
| `neurons` | selectivity and documents of all neurons, Rosetta or not |
| `rung` | one size measured |
| `side_by_side` | small trained networks in processes of this machine |
| `workers` | the same on a dask cluster |
| `measure` | all sizes, saved one by one and joined into a Dataset |
"""
