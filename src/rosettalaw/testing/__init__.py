"""Laws of the theory as tests: for families, models and fits of your own.

Checks take an object and return, or raise `BrokenLawError`, which says which law broke, at the smallest example, and
what to read. Strategies are those of hypothesis (``pip install 'rosettalaw[testing]'``)::

    from hypothesis import given
    from rosettalaw.testing import check_model, check_spectrum, costs, models, sizes, utilities

    def test_my_spectrum():
        check_spectrum(MySpectrum(1.5))

    @given(models(spectrum=st.builds(MySpectrum, st.floats(0.5, 3))), sizes())
    def test_any_model_with_it(model, neurons):
        check_model(model, neurons)

Where to look
-------------
laws
    Names and statements of all laws, and the error of one that is broken.
functions, utility
    Checks of spectra, costs and budgets; of utilities.
model, scaled
    Checks of whole models; parts of them times a constant.
exponent
    The exponent that a model tends to, with its error.
strategies, ladder
    What hypothesis draws from; counts whose truth is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BrokenLawError
from ..lazy import lazily
from .exponent import Extrapolation, check_exponent, extrapolate
from .functions import check_budget, check_cost, check_spectrum
from .ladder import PlantedLadder
from .model import check_model
from .utility import check_utility

if TYPE_CHECKING:
    from .strategies import budgets, costs, ladders, models, sizes, spectra, thresholds, utilities

_STRATEGIES = ("budgets", "costs", "ladders", "models", "sizes", "spectra", "thresholds", "utilities")
__getattr__, __dir__ = lazily(__name__, dict.fromkeys(_STRATEGIES, "strategies"))

__all__ = [
    "BrokenLawError",
    "Extrapolation",
    "PlantedLadder",
    "budgets",
    "check_budget",
    "check_cost",
    "check_exponent",
    "check_model",
    "check_spectrum",
    "check_utility",
    "costs",
    "extrapolate",
    "ladders",
    "models",
    "sizes",
    "spectra",
    "thresholds",
    "utilities",
]
