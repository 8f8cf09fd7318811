"""Design of a ladder: the sizes to measure, the width of its intervals, the power of its tests, and its cost.

| files | what it holds |
|---|---|
| `plan`, `measured` | Sizes, seeds and text with their scatter; the same from a measured ladder, and the next step |
| `expected` | Expected half-widths, and the power of each test |
| `cost`, `search` | Seconds and memory on this machine; the cheapest design for a half-width |
| `study` | Predictions compared with simulated ladders |
"""
