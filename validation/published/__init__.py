"""The numbers of arXiv 2606.03990, each file with its quality on the first line."""
