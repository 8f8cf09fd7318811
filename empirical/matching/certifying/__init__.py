"""The certified engine: half-precision products with a proven bound, and exact correlations where it leaves a choice.

| chapter | subject |
|---|---|
| `bound` | how far a correlation of split columns can be off |
| `pieces`, `piece_kernels` | columns, standardised and split into half-precision pieces |
| `standard` | means and scales of all columns |
| `tile` | the correlations of one tile and their bound |
| `undecided` | pairs that the bounds leave open |
| `search` | the engine |
"""
