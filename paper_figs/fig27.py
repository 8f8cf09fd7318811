"""Figure 27: counts of synthetic networks over size, with the theory's finite-size slope beside the asymptotic one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import style
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw each simulation's counts, a curve for each β."""
    from ..validation.power_law import fit_power_law
    from ..validation.series import of_simulation

    files = []
    for number, (name, ds) in enumerate(found.of("simulation")):
        curves = of_simulation(ds, name)
        with style.figure(size=(style.WIDTH + 0.6, 4.3)) as (figure, axis):
            style.log_sizes(axis)
            labels = []
            for i, series in enumerate(curves):
                fit = fit_power_law(series.neurons, series.counts)
                colour = style.CYCLE[i % 7]
                axis.plot(series.neurons, series.counts, style.MARKERS[i % 7], color=colour, mec="white", ms=6)
                axis.plot(series.neurons, fit.predict(series.neurons), color=colour, lw=1.1)
                beta = series.name.split("β = ")[-1]
                words = f"β = {beta}: {fit.exponent:.3f}"
                with_limit = f"{words} (1/β = {1 / float(beta):.3f})" if np.isfinite(float(beta)) else words
                labels.append((series.neurons[-1], series.counts[-1], with_limit, colour))
            axis.set_xlabel("neurons per network, N")
            axis.set_ylabel("matched pairs")
            axis.set_title(f"{name}: fitted exponents")
            style.label_ends(axis, labels)
            files += style.save(figure, path if number == 0 else path.with_name(f"{path.name}-{name}"))
    return files
