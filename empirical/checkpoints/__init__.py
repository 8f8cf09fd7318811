"""Pretrained models: opened without executing anything in them, with their neurons and their provenance.

| chapter | subject |
|---|---|
| `locations` | where a checkpoint lies: a folder, a GGUF file, a hub id, its copy in the hub's cache |
| `hub` | configurations, tokenizers and weights of folders and hub ids |
| `adapters` | adapters of peft, merged into their base |
| `completeness` | sizes that are possible, weights that are all there |
| `quantised` | quantised weights, noted or refused |
| `architectures` | the module whose input are a layer's neurons |
| `capturing` | the values of modules while a model runs |
| `reopened` | models whose weights may be given up between two readings |
| `provenance` | weights, tokenizer and training of a model, as results record them |
| `claims` | one process at a time makes a checkpoint |
"""
