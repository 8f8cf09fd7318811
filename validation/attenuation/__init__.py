"""Attenuated correlations: their law, its fit to a ladder, the test that they cannot fool, and their measurement.

| files | what it holds |
|---|---|
| `law`, `fit` | The theory's profile with a factor of each feature's own; Beta laws of it fitted by likelihood |
| `drawn`, `study` | Ladders of correlations drawn from the theory; how often each verdict is wrong on them |
| `tetrads`, `measured` | Attenuation measured in networks of one size that share positions |
| `networks` | The same in all networks of a trained ladder, with triangles that close |
| `share` | The share of strong pairs, which no attenuation can make depend on network size |
"""
