"""Data filtering by one neuron (arXiv 2606.03990, section 5.3 and appendix F).

    documents → activations of each → one neuron, chosen by its top contexts → scores → selection up to a token budget
        → F1 against labels;  selection → continued pretraining → perplexity of held-out documents of the domain

| chapter | what it says |
|---|---|
| `plan` | what is filtered and how |
| `splitting` | documents to choose on, to filter and to test on, disjoint by groups |
| `reading` | what every neuron does over whole documents, one batch after the other |
| `choosing` | the neuron whose top contexts are most enriched in the target domain, and its control |
| `selecting` | the budget rule; precision, recall and F1, with a bootstrap over documents |
| `packing` | documents as sequences to train on, and as a text whose every token is predicted once |
| `tuning` | continued pretraining with adapters of rank 1 |
| `trials` | each selection trained on several times, with perplexity and its interval |
| `study` | the whole study, resumable, as one Dataset |
| `embedded` | the study on families that are trained here |
| `findings` | what the numbers say, in sentences |
"""

from .plan import Plan
from .study import filter_documents
from .tuning import Recipe

__all__ = ["Plan", "Recipe", "filter_documents"]
