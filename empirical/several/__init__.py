"""Three and more models matched in one go: each is read once, every pair is a result, and then what recurs.

| chapter | subject |
|---|---|
| `models` | the models opened and checked before any work of pairs |
| `spools` | copies of activations in the cache, shared by pairs and by runs |
| `stored` | a model of a shared text, read from its copy |
| `pairs` | every pair matched once, saved, and recognised by a later run |
| `recurrence` | neurons that recur in all, in most, in two of the models |
| `several_models` | the whole job in one call |
"""
