"""The screened engine: candidates from a sketch, then exact correlations of the candidates alone.

| chapter | subject |
|---|---|
| `settings` | buckets, candidates, audit, recall |
| `search`, `screened` | the engine |
| `sketch`, `sketch_kernels` | count-sketches of activations |
| `candidates` | pairs worth an exact correlation, and their rivals |
| `pair_products`, `pair_kernels` | exact correlations of chosen pairs |
| `draws`, `shifts` | null draws by small sketches |
| `device_kernels` | the same on other devices than the CPU |
| `audit` | the share of pairs that screening misses, measured |
"""
