"""One short script per figure and table of the paper, and of the figures that only this package has.

| chapter | files |
|---|---|
| table of all figures, their data, their style | `catalogue`, `results_folder`, `style` |
| zeros on a logarithmic axis, numbers of points, axes of one's own | `zeros`, `points`, `onto` |
| counts over size | `fig03`, `fig03b`, `vision`, `sources`, `fig25`, `fig27`, `fig38` |
| nulls, and the threshold that separates pairs from them | `fig04`, `fig26`, `nulls`, `calibration` |
| examples of matched neurons | `fig05` |
| selectivity | `fig06`, `fig28`, `fig37`, `selectivity`, `specialists` |
| documents | `fig07`, `fig29`, `fig30`, `documents` |
| depth | `fig31`, `fig32`, `depth` |
| amount of data, and other text | `fig33`, `fig34`, `data_size`, `reproducibility` |
| generated images, and the judge | `fig35`, `fig36` |
| tables | `table1`, `table2`, `table3`, `table4`, `table5`, `tables` |
| synthetic and toy networks | `idle_neurons`, `tail`, `toy` |
| the theory, and tests of it | `phases`, `predictions`, `exponents`, `profiles`, `triangle`, `likelihood` |
| cost of a design | `design_costs` |
"""

from .catalogue import CATALOGUE, Figure, Made, draw_demo, make_all, plot
from .results_folder import MeasuredLadder, Results, read

__all__ = ["CATALOGUE", "Figure", "Made", "MeasuredLadder", "Results", "draw_demo", "make_all", "plot", "read"]
