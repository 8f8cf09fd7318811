"""The allocation model of Rosetta Neurons (arXiv 2606.03990, section 4.3 and appendix D)."""

from .allocation import Allocation, Certificate, allocate
from .predictions import frontier, isolation, predict
from .spectra import PowerLaw, Spectrum

__all__ = ["Allocation", "Certificate", "PowerLaw", "Spectrum", "allocate", "frontier", "isolation", "predict"]
