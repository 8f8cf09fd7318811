"""Vision models as activation sources, and families of them that are trained here; the twin of `language`.

    images → preprocessing → tower → patches on a grid → aligned cells → the matching of any other source

| chapter | subject |
|---|---|
| `images`, `grids` | images, and how cells of two models become the same positions |
| `towers`, `diffusion` | neurons of vision towers of `transformers`, and of DiT of `diffusers` |
| `source` | a model on shared images |
| `families` | objectives, networks and photographs of models that are trained here |
| `train_ladder` | sizes, pairings, and all their models trained side by side |
| `ladder`, `resume` | a ladder measured against its nulls, and its resume files |
| `deduplicate`, `selectivity` | near-copies counted once; class selectivity |
| `studies` | generated against real images; how many images are enough |
| `judging` | a neuron's top images before a judge, and the judge tested |
| `viewing` | matched neurons on the viewer's page |
"""
