"""Attenuated correlations: their law, its fit to a ladder, the test that they cannot fool, and their measurement.

| files | what it holds |
|---|---|
| `law`, `fit` | The theory's profile with a factor of each feature's own; Beta laws of it fitted by likelihood |
| `drawn` | Ladders of correlations drawn from the theory, to try every test on |
| `share` | The share of strong pairs, which no attenuation can make depend on network size |
"""
