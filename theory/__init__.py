"""The allocation model of Rosetta Neurons (arXiv 2606.03990, section 4.3 and appendix D)."""
