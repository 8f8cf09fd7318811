"""The public functions of `rosettalaw`, and the results that they return; `rosettalaw` lists the public interface.

| chapter | subject |
|---|---|
| `matching` | `match`: two models or two sets of activations |
| `counting` | `fit`, `forecast` and `compare` counts over sizes; `measure_ladder` |
| `matching_several` | `match_several`: three and more models, and the neurons that recur |
| `recurrence_result` | `RecurrenceResult`: neurons that recur, as a table and in words |
| `match_result` | `MatchResult`: pairs as a table, in words, as a figure, as a file |
| `ladder_result` | `LadderResult`: counts of a measured ladder |
| `law` | `Law`: the fits of one series of counts |
| `comparison` | `Comparison`: several series side by side |
| `dataset_result` | the base class of results that are Datasets |
| `reading` | `load`: the result in a file |
| `showing` | short tables as text and HTML |
| `wording` | messages of the command line in the words of Python |
"""
