"""Parts of the pages of results.

| files | subject |
|---|---|
| `answer` | three sentences: found, contradicted, undecided |
| `of_filtering` | those of a filtering study |
| `exponents` | every exponent on the page, and the reason why it differs from the first |
| `over_rho` | counts and exponent at many correlations, computed for the page's slider |
| `recurring` | neurons that recur in three or more networks |
| `messages` | the sentence that a figure says, for its caption |
| `captions` | captions of figures, of which one may be drawn for each of several sources |
| `of_published` | the sentences of figures of the paper's numbers |
| `of_ladders` | the sentences of figures of measurements |
| `of_matchings` | the counts of one matching, and neurons that recur, in sentences; the answer of one matching |
| `of_others` | predictions, sweeps and studies of images in sentences; what a saved law lacks |
| `excerpts` | excerpts of text that end with words; the judgement of a pair in words |
| `citation` | references in BibTeX |
| `drawings` | figures as markup that scales, scrolls with the keyboard and has colours for a dark page |
"""
