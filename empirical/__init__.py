"""Measurement on real models: corpora, families, activations, matching, nulls, calibrated counts."""
