"""The allocation model of Rosetta Neurons (arXiv 2606.03990, section 4.3 and appendix D).

Where to look
-------------
derivation, chain, typesetting
    The equations computed by SymPy, set beside their closed forms, and shown.
own_theory, own_steps, expressions, growth, limits, rank_integrals, theory_pages
    Any other theory in symbols: read, derived, its exponents with their proofs, shown.
power_law, kernel_runs, frontiers, solution, predictions, sweeps
    The paper's spectrum without arrays, one point or many; its predictions; grids of its parameters.
inverse, sensitivities, model_sensitivities
    β, κ or N of a given exponent or count; derivatives of the frontier, also of any model's.
allocation, levels, certificate, drawings, model, model_sweeps
    Any weights, utility and costs, solved with a certificate, and drawn; any spectrum and budget law.
spectra, utilities, budgets, families, contracts
    The families that a model consists of, and how to add a member; what its methods take and return.
parameters, roots, grids, lazy_grids, travelling
    Checked arguments and ranges of them; roots of monotone functions; grids of points, in memory or as dask arrays,
    whose tasks take user-written classes to workers.
superposition, detectability
    Loadings to isolation to correlation; detection with M inputs.
specialization
    Domains that share one budget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .allocation import Allocation, allocate
    from .budgets import Budget, Cost, LinearBudget, PowerBudget, PowerCost, UnitCost
    from .certificate import Certificate
    from .detectability import Detection, detect, expected_null_pairs, tau_eff
    from .inverse import beta_for, kappa_for, neurons_for
    from .model import Model
    from .own_theory import OwnTheory, derive
    from .parameters import Range
    from .predictions import frontier, isolation, predict
    from .solution import Solution, solve
    from .specialization import specialize
    from .spectra import (
        BrokenPowerLaw,
        Empirical,
        Exponential,
        LognormalQuantiles,
        LogQuadratic,
        PowerLaw,
        Spectrum,
        StretchedExponential,
        ZipfMandelbrot,
    )
    from .superposition import (
        correlation,
        effective_size,
        interference_variance,
        isolation_from,
        isolation_of,
        tail_loadings,
    )
    from .sweeps import sweep
    from .utilities import CRRA, Log, PurePower, Saturating, SquaredError, Utility

# Each module is imported when one of its names is first needed: a fit of counts needs few, SymPy takes a second.
_MODULES = {
    "allocation": ("Allocation", "allocate"),
    "budgets": ("Budget", "Cost", "LinearBudget", "PowerBudget", "PowerCost", "UnitCost"),
    "certificate": ("Certificate",),
    "detectability": ("Detection", "detect", "expected_null_pairs", "tau_eff"),
    "inverse": ("beta_for", "kappa_for", "neurons_for"),
    "model": ("Model",),
    "own_theory": ("OwnTheory", "derive"),
    "parameters": ("Range",),
    "predictions": ("frontier", "isolation", "predict"),
    "solution": ("Solution", "solve"),
    "specialization": ("specialize",),
    "spectra": (
        "BrokenPowerLaw",
        "Empirical",
        "Exponential",
        "LognormalQuantiles",
        "LogQuadratic",
        "PowerLaw",
        "Spectrum",
        "StretchedExponential",
        "ZipfMandelbrot",
    ),
    "superposition": (
        "correlation",
        "effective_size",
        "interference_variance",
        "isolation_from",
        "isolation_of",
        "tail_loadings",
    ),
    "sweeps": ("sweep",),
    "utilities": ("CRRA", "Log", "PurePower", "Saturating", "SquaredError", "Utility"),
}
__getattr__, _names = lazily(__name__, {name: module for module, names in _MODULES.items() for name in names})

__all__ = [
    "CRRA",
    "Allocation",
    "BrokenPowerLaw",
    "Budget",
    "Certificate",
    "Cost",
    "Detection",
    "Empirical",
    "Exponential",
    "LinearBudget",
    "Log",
    "LogQuadratic",
    "LognormalQuantiles",
    "Model",
    "OwnTheory",
    "PowerBudget",
    "PowerCost",
    "PowerLaw",
    "PurePower",
    "Range",
    "Saturating",
    "Solution",
    "Spectrum",
    "SquaredError",
    "StretchedExponential",
    "UnitCost",
    "Utility",
    "ZipfMandelbrot",
    "allocate",
    "beta_for",
    "correlation",
    "derive",
    "detect",
    "effective_size",
    "expected_null_pairs",
    "frontier",
    "interference_variance",
    "isolation",
    "isolation_from",
    "isolation_of",
    "kappa_for",
    "neurons_for",
    "predict",
    "solve",
    "specialize",
    "sweep",
    "tail_loadings",
    "tau_eff",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *_names()})
