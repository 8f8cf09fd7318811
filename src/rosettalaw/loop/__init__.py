"""The whole loop: measure a ladder, fit it, compare it with the theory, draw it, report it.

| chapter | subject |
|---|---|
| `ladder` | language models, given or trained here |
| `vision` | vision models trained here, several pairings |
| `demo` | a shipped ladder from nothing |
| `check` | its numbers against the kept ones |
"""
