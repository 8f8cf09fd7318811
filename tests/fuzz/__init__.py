"""Inputs at random, thousands of them, whose only allowed outcomes are an answer or a `RosettaError`.

| file | inputs |
|---|---|
| `arrays` | activations in ``.npy``, netCDF and zarr |
| `images` | archives of images, and image files |
| `text` | text files, JSON lines, packed ones |
| `results` | results of every kind, through every reader |
| `ladders` | ladder files of both kinds |
| `checkpoints` | configurations, tokenizers and weights |
| `examples` | small results of every kind, from which `results` starts |
| `damage` | changes to bytes and to JSON |
| `worker` | the process that tries one target |

A target is a module with ``prepare(folder)``, which returns what is damaged, and ``case(whole, rng, folder)``, which
tries one input; everything in it is decided by `rng`.
"""

TARGETS = ("arrays", "images", "text", "results", "ladders", "checkpoints")
