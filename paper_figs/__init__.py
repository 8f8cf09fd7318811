"""One short script per figure and table of the paper, and the figures that only we have."""
