"""One page about matched neurons: what makes both partners fire, side by side.

| chapter | question |
|---|---|
| `items` | what the page shows of a pair: texts or images, each with both partners' activations |
| `text_pairs` | the strongest contexts of matched neurons of two language models, token by token |
| `page` | how that becomes one HTML file that runs nothing but its own script and needs no network |
"""
