"""Synthetic networks with known truth, and toy models trained by gradient descent (arXiv 2606.03990, D.7).

| chapter | files |
|---|---|
| one pair of networks: model, open choices, outcome | `packing`, `backgrounds` |
| engines: literal, by the law of the correlations, by integral | `dense`, `wishart`, `expected` |
| simulations over sizes, and their exponents | `sweep`, `exponents` |
| studies: each open choice, and the paper's robustness claim | `sensitivity`, `ablation` |
| toy networks: model, data, update, training | `toy_ingredients`, `toy_samples`, `toy_step`, `toy` |
| toy networks: measures and results | `toy_measures`, `toy_results` |
| toy networks: recipes with expectations, studies, the reported one | `toy_recipes`, `toy_study`, `toy_reported` |
"""

from .exponents import Exponent
from .packing import Choices, Outcome, Packing
from .sweep import Point, Simulation, simulate

__all__ = ["Choices", "Exponent", "Outcome", "Packing", "Point", "Simulation", "simulate"]
