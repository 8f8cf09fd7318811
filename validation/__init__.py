"""Fits of power laws and of the theory to counts, comparisons, verdicts and reports.

Read in this order:

- counts: what every fit takes, and what is refused.
- power_law, likelihoods, resampling: ``R = c N^α``, as the paper fits it and as counts deserve.
- rounding: what whole numbers do to the intervals of both, and why one truth cannot have 95%.
- alternatives: the curves that a few sizes cannot tell from it.
- theory_fit, joint_fit with joint_problem, identifiability: β, κ and τ, and what the data leave open.
- profiles, triangle, extension: three exponents that the theory ties together, and the budget exponent if they part.
- analysis, verdict: all of it for one series, and one sentence.
- forecast: sizes that were not measured.
- series, compare, published, published_checks, kept: every source side by side.
- report, ladder_report, page: pages that open anywhere.
"""
