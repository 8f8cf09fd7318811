"""Benchmarks: one module an area, run by ``python -m benchmarks``."""
