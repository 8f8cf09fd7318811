"""Vision models as activation sources, and ladders of them that can be trained anywhere.

    images → preprocessing → tower → patches on a grid → aligned cells → the matching of any other source

| chapter | what it says |
|---|---|
| `images`, `grids` | what is shown, and how cells of two models become the same positions |
| `towers`, `diffusion`, `source` | where the neurons are: vision towers of `transformers`, DiT of `diffusers` |
| `photographs`, `stacked`, `objectives`, `training`, `ladders` | models trained here, several seeds at once |
| `rungs`, `distinct`, `selectivity` | a ladder measured with both nulls, near-copies counted once |
| `generation`, `studies` | generated against real images; how many images are enough |
| `exhibits`, `judges`, `endpoint`, `judgement` | a neuron's top images before a judge, and the judge tested |
| `viewing` | matched neurons on the viewer's page |
"""
