"""Language models as activation sources, and families of them that are trained here; the twin of `vision`.

    documents → two tokenizations → spans → windows → both models → pooled activations → matching

| chapter | subject |
|---|---|
| `alignment` | boundaries that tokenizations share, and the spans between them |
| `drawing` | windows of text drawn at random from all documents |
| `aligned_text` | text that models share, and the spans that are its positions |
| `source` | a model on shared windows of text |
| `span_means` | means of activations over the tokens of a span |
| `opening` | a model's configuration and tokenizer, before its weights |
| `encoder_decoder` | what a decoder behind an encoder reads |
| `padding` | texts of several lengths in one batch, and models whose values would change by it |
| `last_text` | the text of the rung before, where tokenizers are equal |
| `loaded` | models that are already loaded, which stay unchanged |
| `reading` | whether a model can read a text: context, vocabulary |
| `positions` | tokens that fit a model's own table of positions |
| `tokenization`, `families`, `training` | tokenizers, architectures and models that are trained here |
| `contexts`, `snippets` | text around the positions where neurons are most active |
"""
