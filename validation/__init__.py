"""Fits of power laws and of the theory to counts, comparisons, verdicts and reports."""
