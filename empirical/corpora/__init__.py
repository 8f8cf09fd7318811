"""Labelled documents to train on and to measure on.

| chapter | subject |
|---|---|
| `corpus` | `Corpus`: documents in memory; how one is opened and split |
| `files` | documents read from folders, JSON lines and saved datasets |
| `texts` | documents that somebody has in memory |
| `bytes` | which files are read, their encoding, packed ones |
| `on_disk` | documents whose texts stay on disk |
| `python_text` | the text that every CPython ships |
"""
