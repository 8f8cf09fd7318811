"""Benchmarks: one module an area, run by ``python -m benchmarks``."""

from rosettalaw import threads

threads.prepare()  # before NumPy is loaded, as the command line does
