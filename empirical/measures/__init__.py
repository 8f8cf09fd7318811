"""Measures of a neuron beside its match: its selectivity, the documents on which it fires, its depth.

| chapter | question | section of the paper |
|---|---|---|
| `moments` | kurtosis of many columns in one pass | |
| `selectivity` | how few tokens or positions does a neuron care about? | 5.1, E.1 |
| `weights` | output weights and unembedding of a checkpoint | 5.1 |
| `superiority` | are Rosetta Neurons more selective than their neighbours? | 5.1 |
| `top` | the positions where each neuron is most active | 5.2 |
| `firing` | on which kinds of document do they lie? | 5.2, E.2 |
| `categories` | which kinds of document there are | E.2, table 4 |
| `depth` | in which layers are the Rosetta Neurons? | E.3 |
| `residual` | is there more than the string under the span? | |
| `count_error` | how far would another text, with another threshold, move the count? | |
| `data_size` | do count and set settle as the matching data grow? | G |
"""
