"""Certificates of optima: the budget, the first-order conditions and the duality gap, each beside its value there."""

from __future__ import annotations

from dataclasses import dataclass

from .parameters import RULES, as_number, positive


@dataclass(frozen=True)
class Certificate:
    """Bounds on a solution's distance from the optimum; each figure is relative and 0 at the optimum.

    Attributes
    ----------
    budget_residual : float
        ``Σ s / B − 1`` (Eq. 11's constraint).
    first_order_residual : float
        Largest violation of the first-order conditions (Eq. 16) over all features, relative to λ.
    duality_gap : float
        ``(d(λ) − Σ w U(s)) / (λB)``: the possible gain from a better allocation, in units of the budget's worth.
    """

    budget_residual: float
    first_order_residual: float
    duality_gap: float

    def holds(self, tolerance: float = 1e-9) -> bool:
        """Return whether all three figures are within `tolerance`."""
        figures = (self.budget_residual, self.first_order_residual, self.duality_gap)
        tolerance = as_number("tolerance", tolerance, positive, RULES["tau"], "allocation.certificate.holds(1e-9)")
        return all(abs(figure) <= tolerance for figure in figures)
