"""Fits of power laws and of the theory to counts, comparisons, verdicts and pages.

Where to look
-------------
table, inputs, in_memory, counts, series, series_from, pooling, common_rho
    Files by columns; numbers as they are given; counts as every fit takes them; those of one source with their
    correlations and nulls; series read from results; matchings that make one ladder; a ladder counted at one
    correlation, and its exponent over it.
power_law, likelihoods, resampling
    ``R = c N^α``, as the paper fits it and as counts deserve; its dependence on single points.
rounding, profile_interval, profile_curve
    Intervals of few whole numbers, and why one truth cannot have 95%; ends of an interval at any scale; profiles.
least_squares, minimum, distributions
    Searches of few parameters, and of one, and tails and quantiles, that import nothing heavy.
curves, alternatives
    Curves that few sizes cannot distinguish from a power law, and their comparison.
theory_fit, theory_search, theory_draws, observations
    β and the budget over the threshold from counts.
joint_fit, joint_result, joint_problem, identifiability, parameters
    β, κ and τ from counts, and from everything together; the parameters that the data leave open.
model_fit, model_problem, model_drawing, theories, draws
    Any allocation model fitted to counts, and drawn; several of them compared; draws from a posterior.
profiles, demands, triangle, triangle_words, triangle_from, extension
    Three exponents that the theory ties together, and the budget exponent if they disagree.
attenuation
    Correlations that are attenuated: their law, its fit, and a test that is valid under any attenuation.
seeds
    Ladders with several seeds: variance components, the exponent's interval in parts, replication of pairs.
design
    Sizes, seeds and text that a question needs: expected intervals, powers, cost, and a search.
analysis, fitted, verdict, findings, holm, depths
    All fits of one series; their data, as files have them; one sentence; the paper's findings, judged; the many tests
    of one page together; the layers in which Rosetta Neurons lie.
forecast, reproducibility
    Counts at sizes that were not measured; pairs that keep their rank on other text.
compare, references, reference_ladders, agreement, published, published_checks
    Every source side by side: the paper's numbers, networks with known β, ladders of ours, and a user's; a machine's
    numbers against the kept ones.
ladder_report, reporting, page, templates
    The page of a measured ladder and its parts; pages that open anywhere.

The names below are what a user may import; each loads its module when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .alternatives import CurveComparison, compare_curves
    from .analysis import Analysis, analyse, analyse_series
    from .attenuation.measured import MeasuredAttenuation, measure_attenuation
    from .attenuation.tetrads import Tetrads, communality, fit_tetrads
    from .compare import compare_series
    from .counts import Counts, clean, read_counts
    from .design.expected import Expectation, expect
    from .design.plan import Design, Scatter
    from .extension import Extension, fit_extension
    from .forecast import Forecast, forecast_counts, held_out_largest
    from .joint_fit import fit_jointly
    from .joint_result import JointFit
    from .likelihoods import LikelihoodFit, fit_likelihood
    from .model_fit import ModelFit, fit_model
    from .observations import Observations
    from .parameters import Parameter
    from .power_law import PowerLawFit, fit_power_law
    from .profiles import Profile, fit_profile
    from .references import reference_series
    from .seeds.anchored import Replication, anchored_count, closing_triangles, recurring
    from .seeds.crossed import SeededLadder, analyse_seeds
    from .series import Series
    from .series_from import read_series
    from .theories import TheoryComparison, compare_theories
    from .theory_fit import TheoryFit, fit_counts
    from .triangle import Triangle, measure_triangle
    from .triangle_from import read_triangle

__all__ = [
    "Analysis",
    "Counts",
    "CurveComparison",
    "Design",
    "Expectation",
    "Extension",
    "Forecast",
    "JointFit",
    "LikelihoodFit",
    "MeasuredAttenuation",
    "ModelFit",
    "Observations",
    "Parameter",
    "PowerLawFit",
    "Profile",
    "Replication",
    "Scatter",
    "SeededLadder",
    "Series",
    "Tetrads",
    "TheoryComparison",
    "TheoryFit",
    "Triangle",
    "analyse",
    "analyse_seeds",
    "analyse_series",
    "anchored_count",
    "clean",
    "closing_triangles",
    "communality",
    "compare_curves",
    "compare_series",
    "compare_theories",
    "expect",
    "fit_counts",
    "fit_extension",
    "fit_jointly",
    "fit_likelihood",
    "fit_model",
    "fit_power_law",
    "fit_profile",
    "fit_tetrads",
    "forecast_counts",
    "held_out_largest",
    "measure_attenuation",
    "measure_triangle",
    "read_counts",
    "read_series",
    "read_triangle",
    "recurring",
    "reference_series",
]

_MODULES = {
    "alternatives": ("CurveComparison", "compare_curves"),
    "attenuation.measured": ("MeasuredAttenuation", "measure_attenuation"),
    "attenuation.tetrads": ("Tetrads", "communality", "fit_tetrads"),
    "analysis": ("Analysis", "analyse", "analyse_series"),
    "compare": ("compare_series",),
    "counts": ("Counts", "clean", "read_counts"),
    "design.expected": ("Expectation", "expect"),
    "design.plan": ("Design", "Scatter"),
    "extension": ("Extension", "fit_extension"),
    "forecast": ("Forecast", "forecast_counts", "held_out_largest"),
    "joint_fit": ("fit_jointly",),
    "joint_result": ("JointFit",),
    "likelihoods": ("LikelihoodFit", "fit_likelihood"),
    "model_fit": ("ModelFit", "fit_model"),
    "observations": ("Observations",),
    "parameters": ("Parameter",),
    "power_law": ("PowerLawFit", "fit_power_law"),
    "profiles": ("Profile", "fit_profile"),
    "references": ("reference_series",),
    "seeds.anchored": ("Replication", "anchored_count", "closing_triangles", "recurring"),
    "seeds.crossed": ("SeededLadder", "analyse_seeds"),
    "series": ("Series",),
    "series_from": ("read_series",),
    "theories": ("TheoryComparison", "compare_theories"),
    "theory_fit": ("TheoryFit", "fit_counts"),
    "triangle": ("Triangle", "measure_triangle"),
    "triangle_from": ("read_triangle",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name of the face from its module; SciPy and lmfit take a second, which ``--help`` does not have."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
