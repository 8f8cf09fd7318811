"""Activations as sources: the one input shape of every measurement, whatever made it.

| chapter | subject |
|---|---|
| `source` | `ActivationSource`, and the abilities that a source may have |
| `arrays` | arrays in memory and ``.npy`` files |
| `npy` | heads of ``.npy`` files and ``.npz`` archives |
| `streamed` | zarr and netCDF |
| `files` | the source of a file, by its ending |
| `views` | some layers, or all neurons but some |
| `joined` | layers that came one by one |
| `inputs` | objects and files that people hold activations in |
| `encoded` | features that a function makes of activations |
| `reordered` | positions in another order, or shifted around the end |
| `spooling`, `copies` | a stream copied to disk once, resumable |
| `halves` | activations as halves and back, for copies of half the size |
"""
