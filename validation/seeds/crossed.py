r"""Crossed random effects: the exponent of a ladder with several seeds of training, and the parts of its interval.

At size N_i, networks of seeds a of one family and b of the other give counts R_iab, every pair of them matched:

    log R_iab = c + α log N_i + L_i + T_i + A_ia + B_ib + E_iab

with variances σ_L² (lack of fit), τ_i² (text, which all pairs of a size share), σ_A², σ_B² and σ_AB². Networks of
different sizes are different networks, so seeds are nested in sizes. The mean of a size has the variance

    v_i = V_i + τ_i²,        V_i = σ_A²/k_A + σ_B²/k_B + σ_AB²/(k_A k_B)

The components are those of a two-way analysis of variance inside sizes, pooled over sizes by the method of moments
(none below 0). α is the slope of the means, weighted by 1/v_i. Pure error against the line: ``F = Σ (mean − line)²/v_i
/(n − 2)``, referred to F(n − 2, f) with Satterthwaite's f of v.

Interval of α: where the F test leaves no doubt of the line (p > `POOLED`) both estimates of the error are pooled; where
it does, lack of fit is part of the error, which then has the n − 2 degrees of freedom of the scatter about the line.
Without repeats the scatter is all there is. Two-way clustering (Cameron, Gelbach and Miller 2011; by seed of either
family) is a check that needs no components. References: Owen 2007; Satterthwaite 1946.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ...lazy import deferred
from .components import Components, SizeMeans, estimate_components
from .table import SeedTable, read_seeds
from .table import of_series as table_of

stats = deferred("scipy.stats")  # half a second

if TYPE_CHECKING:
    from ..series import Series

MOST_SHARE = 1e4  # of all variance over that of seeds: beyond it the degrees of freedom are as good as infinite
POOLED = 0.25  # p-value of the F test above which lack of fit is taken as none (Bancroft's preliminary test)


@dataclass(frozen=True)
class SeededLadder:
    """The exponent of a ladder with seeds.

    Attributes
    ----------
    exponent, se : float
        α and its standard error.
    exponent_ci95 : tuple of float
        95% interval, seeds, text and lack of fit included.
    parts : dict of str to float
        Half-widths that seeds, text and lack of fit have by themselves; their squares add up to that of the interval.
    freedom : float
        Degrees of freedom of the interval.
    components : Components or None
        Variance components; None without repeats.
    fit_f, fit_p : float
        Pure-error F test of the line; NaN without repeats, or with two sizes.
    clustered_se : float
        Standard error of α by two-way clustering.
    sizes : int
        Different sizes.
    pairs : int
        Pairs of networks.
    """

    exponent: float
    se: float
    exponent_ci95: tuple[float, float]
    parts: dict[str, float]
    freedom: float
    components: Components | None
    fit_f: float
    fit_p: float
    clustered_se: float
    sizes: int
    pairs: int

    @property
    def half_width(self) -> float:
        """Half of the interval."""
        return (self.exponent_ci95[1] - self.exponent_ci95[0]) / 2

    def sentence(self) -> str:
        """Return exponent, interval, its parts, and whether the line fits."""
        low, high = self.exponent_ci95
        listed = ", ".join(f"{name} ± {part:.2f}" for name, part in self.parts.items() if np.isfinite(part))
        said = f"α = {self.exponent:.2f} (95% interval {low:.2f} to {high:.2f}) over {self.pairs} pairs of "
        said += f"networks at {self.sizes} sizes. Parts of its half-width: {listed}"
        if self.components is None:
            return f"{said}. With one seed per size, seeds and lack of fit cannot be distinguished."
        line = "fits within" if self.fit_p > 0.05 else "does not fit within"
        return f"{said}. A straight line {line} the scatter of seeds (F = {self.fit_f:.2f}, p = {self.fit_p:.2g})."

    def record(self) -> dict[str, Any]:
        """Return the analysis as plain values."""
        seeds = None if self.components is None else self.components.record()
        return vars(self) | {"components": seeds, "half_width": self.half_width, "sentence": self.sentence()}


def analyse_seeds(data: Any) -> SeededLadder:
    """Analyse the counts of a ladder with several seeds.

    Parameters
    ----------
    data : path, mapping of columns, or SeedTable
        ``neurons, seed_a, seed_b, count`` and, if known, ``text_sd``, the standard deviation of the log of a count that
        other text would give; or a ladder's result file (.nc).

    Raises
    ------
    MissingFileError, ForeignFileError, InputError
        If there is no such file; if a number cannot be used; if pairs of a size are missing, or occur twice.
    """
    table = data if isinstance(data, SeedTable) else read_seeds(data)
    components, means = estimate_components(table)
    return of_means(means, components, table)


def of_series(series: Series) -> SeededLadder | None:
    """Return the analysis of a series with seeds; None without them, or where a size lacks a pair of its seeds."""
    if series.seeds is None:
        return None
    try:
        return analyse_seeds(table_of(series))
    except InputError:
        return None


def of_means(means: SizeMeans, components: Components | None, table: SeedTable | None = None) -> SeededLadder:
    """Return the exponent from the means of sizes and the variance components behind them."""
    x, y, text = np.log(means.neurons), means.log_count, means.text_sd**2
    n = len(x)
    seeds = np.zeros(n) if components is None else components.variance(means.seeds_a, means.seeds_b, means.crossed)
    v = seeds + text
    weight = 1 / v if np.all(v > 0) else np.ones(n)
    weight = weight / weight.sum()
    centred = x - weight @ x
    slopes = weight * centred / np.sum(weight * centred**2)  # α = slopes · y
    alpha = float(slopes @ y)
    left = y - weight @ y - alpha * centred
    spread = float(np.sum(weight * left**2)) * n / (n - 2) if n > 2 else np.nan  # of means, in units of a typical one
    typical = n / float(np.sum(1 / v)) if np.all(v > 0) else 0.0
    parts = {"seeds": float(slopes**2 @ seeds), "text": float(slopes**2 @ text)}
    scale = float(slopes**2 @ (v / typical)) if typical else float(slopes @ slopes)
    if components is None:
        beyond = max(spread * scale - parts["text"], 0.0)
        freedom, parts = n - 2.0, {"seeds and lack of fit": beyond, "text": min(parts["text"], spread * scale)}
        f = p = np.nan
    else:
        share = min(float(np.sum(v)) / max(float(np.sum(seeds)), 1e-300), MOST_SHARE)
        within = components.freedom * share**2
        f = spread / typical if typical else np.nan
        p = float(stats.f.sf(f, n - 2, within)) if n > 2 else np.nan
        freedom, parts = _with_lack_of_fit(parts, f, p, within, n)
    variance = sum(parts.values())
    se = float(np.sqrt(variance))
    t = float(stats.t.ppf(0.975, freedom)) if freedom > 0 else np.nan
    return SeededLadder(
        exponent=alpha,
        se=se,
        exponent_ci95=(alpha - t * se, alpha + t * se),
        parts={name: t * float(np.sqrt(part)) for name, part in parts.items()},
        freedom=float(freedom),
        components=components,
        fit_f=float(f),
        fit_p=p,
        clustered_se=np.nan if table is None else _clustered(table, alpha, float(weight @ (y - alpha * x)), means),
        sizes=n,
        pairs=int(np.sum(means.pairs)),
    )


def _with_lack_of_fit(parts: dict[str, float], f: float, p: float, within: float, n: int):
    """Return degrees of freedom and parts of the variance, with the scatter about the line as one more estimate."""
    if not np.isfinite(p):
        return within, parts | {"lack of fit": 0.0}
    if p > POOLED:
        factor = (within + (n - 2) * f) / (within + n - 2)
        return within + n - 2, {name: part * factor for name, part in parts.items()} | {"lack of fit": 0.0}
    return n - 2.0, parts | {"lack of fit": (f - 1) * sum(parts.values())}


def _clustered(table: SeedTable, alpha: float, intercept: float, means: SizeMeans) -> float:
    """Return the standard error of α by clusters of one seed of either family at one size."""
    x = np.log(table.neurons)
    pairs = means.pairs[np.searchsorted(means.neurons, table.neurons)]
    centred = (x - np.mean(np.log(means.neurons))) / pairs  # every size weighs the same
    score = centred * (np.log(table.counts) - intercept - alpha * x)
    bread = float(np.sum(centred * (x - np.mean(np.log(means.neurons)))))

    def meat(*labels: np.ndarray) -> float:
        _, cluster = np.unique(np.stack(labels), axis=1, return_inverse=True)
        sums = np.bincount(cluster.ravel(), weights=score)
        return float(sums @ sums) * len(sums) / max(len(sums) - 2, 1)

    sizes = np.searchsorted(means.neurons, table.neurons)
    a, b = table.seed_a, table.seed_b
    total = meat(sizes, a) + meat(sizes, b) - meat(sizes, a, b)
    return float(np.sqrt(max(total, 0.0)) / bread)
