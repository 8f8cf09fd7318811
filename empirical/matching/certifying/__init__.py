"""The certified engine: half-precision products with a stated bound, and exact correlations where it leaves a choice.

| chapter | subject |
|---|---|
| `bound` | how far a correlation of rounded or split columns can be off |
| `pieces`, `piece_kernels` | columns, standardised and rounded to half precision or split into two pieces |
| `sums` | products of both sides' pieces, added over blocks |
| `integers`, `integer_kernels` | columns rounded to whole numbers of eight bits, and products of these |
| `rounded` | rounded columns of earlier tiles, which are not read again |
| `standard` | means and scales of all columns |
| `tile` | the correlations of one tile and their bound |
| `undecided` | pairs that the bounds leave open |
| `search` | the engine |
"""
