"""Neurons judged by their top images, and the judge tested on neurons of known meaning.

| chapter | subject |
|---|---|
| `top_images` | a neuron's top images, with activation maps and overlays |
| `judges` | judges that need no network |
| `endpoint` | a judge behind an OpenAI-compatible endpoint |
| `judgement` | a study of two populations of neurons |
"""
