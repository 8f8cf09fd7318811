"""Neurons judged by their top images, and the judge tested on neurons of known meaning.

| chapter | subject |
|---|---|
| `top_images` | a neuron's top images, with activation maps and overlays |
| `judges` | judges that need no network |
| `endpoint` | a judge behind an OpenAI-compatible endpoint |
| `exchange` | one question over HTTP, within a limit of time and one of size |
| `key` | a key that no message, cache or result shows |
| `judgement` | a study of two populations of neurons |
"""
