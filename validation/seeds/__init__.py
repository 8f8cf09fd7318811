"""Seeds of training: the interval of an exponent that includes them, and the replication of pairs across them.

| files | what it holds |
|---|---|
| `table`, `components`, `crossed` | Counts by seeds, their variance components, the exponent's interval in parts |
| `anchored` | Neurons that recur with another seed of the partner, triangles that close, groups of many models |
| `recurrence` | Recurrence at each size of a measured ladder with seeds |
| `recurring_neurons` | Neurons that recur in three or more networks of such a ladder, one by one |
| `study` | Coverage of the interval on simulated crossed ladders |
"""
