"""RosettaLaw: the scaling law of Rosetta Neurons in theory, simulation and measurement (arXiv 2606.03990).

Subpackages
-----------
theory
    The allocation model: derived in symbols, solved exactly, swept over its parameters.
sims
    Synthetic networks with known truth, and toy models trained by gradient descent.
empirical
    Corpora, model families, activations, matching, nulls and calibrated counts.
validation
    Fits of power laws and of the theory, comparisons, verdicts and reports.
paper_figs
    One script per figure and table.
testing
    Laws of the theory as checks and strategies for tests of your own.
"""

from importlib.metadata import version

from .errors import InputError, RosettaError
from .results import load, save

__version__ = version("rosettalaw")
__all__ = ["InputError", "RosettaError", "__version__", "load", "save"]
