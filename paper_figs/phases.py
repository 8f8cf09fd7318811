"""Phases of the law: the local exponent over β and the budget κN, and how far it is from 1/β.

With A out of reach the local exponent depends on β and κN alone (γ = 4 here, N = κN at κ = 1). Grey lines are equal
exponents; the dashed line is where 1/β is 5% too large, the dotted one where it is 1%: left of them a measured slope
must not be read as 1/β. Below β = 1 the number of features decides, and the exponent tends to 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import style
from .results_folder import Results

BETAS, BUDGETS = np.linspace(0.6, 3.0, 121), np.geomspace(100, 1e9, 121)
LEVELS = [0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def make(results: Results, path: Path) -> list[Path]:
    """Compute and draw; a second."""
    from ..theory import predict

    result = predict(BUDGETS, BETAS)
    local = result["local_exponent"].values.T
    excess = np.minimum(1.0, 1.0 / BETAS)[:, None] / local - 1
    with style.figure(size=(6.3, 4.4)) as (figure, axis):
        cells = axis.pcolormesh(BUDGETS, BETAS, local, cmap="cividis", shading="nearest", rasterized=True)
        axis.contour(BUDGETS, BETAS, local, LEVELS, colors=style.NOTHING, linewidths=0.9)
        for level in LEVELS:  # where its line leaves the right edge
            height = float(np.interp(-level, -local[:, -1], BETAS))
            axis.annotate(f"{level:g}", (1, height), (3, 0), ("axes fraction", "data"), "offset points", va="center")
        above = BETAS > 1
        for share, dashes, words in ((0.05, "--", "1/β is 5% too large"), (0.01, ":", "1/β is 1% too large")):
            look = {"colors": style.COLOURS["sky"], "linestyles": dashes, "linewidths": 1.8}
            axis.contour(BUDGETS, BETAS[above], excess[above], [share], **look)
            axis.plot([], [], dashes, color=style.COLOURS["sky"], lw=1.8, label=words)
        axis.set_xscale("log")
        style.size_ticks(axis, 10.0 ** np.arange(2, 10))
        axis.set_xlabel("budget, κN")
        axis.set_ylabel("spectrum exponent, β")
        axis.grid(False)
        axis.set_title("Local exponent of the count, d log r_τ / d log N")
        figure.colorbar(cells, ax=axis, pad=0.08)
        figure.legend(loc="outside lower center", ncols=2)
        return style.save(figure, path)
