"""Data filtering by one neuron (arXiv 2606.03990, section 5.3 and appendix F).

    documents → activations of each → one neuron, chosen by its top contexts → scores → selection up to a token budget
        → F1 against labels;  selection → continued pretraining → perplexity of held-out documents of the domain

| chapter | subject |
|---|---|
| `plan` | the settings of a study |
| `splitting` | documents to choose on, to filter and to test on, disjoint by groups |
| `document_activations` | every neuron over whole documents, one batch after the other |
| `choose_neuron` | the neuron whose top contexts are most enriched in the target domain, and its control |
| `select_documents` | the budget rule; precision, recall and F1, with a bootstrap over documents |
| `sequences` | documents as sequences to train on, and as a text whose every token is predicted once |
| `tuning` | continued pretraining with adapters of rank 1 |
| `perplexity` | each selection trained on several times, with perplexity and its interval |
| `study` | the whole study, resumable, as one Dataset |
| `embedded` | the study on families that are trained here |
| `findings` | the result in sentences |
"""

from .plan import FilteringPlan
from .study import filter_documents
from .tuning import TuningRecipe

__all__ = ["FilteringPlan", "TuningRecipe", "filter_documents"]
