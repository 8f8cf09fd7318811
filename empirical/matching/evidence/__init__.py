"""Evidence for the pairs of a matching: would they be found again, on how many independent positions do they rest?

| chapter | subject |
|---|---|
| `part_products` | products of chosen pairs, part by part of the positions |
| `replicates` | stability of each pair over halves of the text, and the error of the count over texts |
| `effective_positions` | autocorrelation, and the independent positions that it leaves |
| `lexical` | share of a pair's covariance that is the string under the span |
| `remarks` | what the status of a count says |
"""
