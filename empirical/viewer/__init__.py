"""One page about matched neurons: the strongest contexts of both partners side by side.

| chapter | subject |
|---|---|
| `passages` | positions of a neuron that are different passages |
| `items` | the data of the page: texts or images of a pair, each with both partners' activations |
| `text_pairs` | the strongest contexts of matched neurons of two language models, token by token |
| `language_page` | the page of two language models, from a matching, two checkpoints or a rung |
| `saved_contexts` | contexts of matched neurons as variables of a result of kind "pairs" |
| `recurring` | in how many further models a pair recurs, where several were matched |
| `offline_page` | the page of a measured rung from its result alone |
| `page` | one HTML file that runs nothing but its own script and needs no network |
"""
