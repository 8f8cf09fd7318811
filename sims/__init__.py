"""Synthetic networks with known truth, and toy models trained by gradient descent (arXiv 2606.03990, D.7)."""
