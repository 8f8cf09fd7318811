"""The result of a matching: mutual pairs and the numbers that judge them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arguments import checked
from ...contents import ByContent
from ...errors import require
from ..calibration import Q_DEFAULT, Calibration, calibrate
from ..nulls import name_of
from .evidence.remarks import remarks_on_nulls
from .evidence.replicates import STABLE, Replicates, count_error

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False)
class Side(ByContent):
    """One model of a result.

    Attributes
    ----------
    name : str
        Path or hub id.
    layer, unit : ndarray of int, shape (neurons,)
        Layer of each neuron and its index within the layer.
    excluded : ndarray of int
        Neurons that took no part: constant ones, and on request those with NaN or infinite activations.
    """

    name: str
    layer: np.ndarray
    unit: np.ndarray
    excluded: np.ndarray


@dataclass(frozen=True, eq=False)
class Matches(ByContent):
    """Mutual nearest neighbours of two models (Eq. 2, Eq. 3).

    Attributes
    ----------
    unit_a, unit_b : ndarray of int, shape (pairs,)
        The pair's neurons, counted over all layers in order; sorted by A's, then B's.
    correlation, margin : ndarray, shape (pairs,)
        Pearson correlation ρ, and its distance to the best partner that either unit has outside its k best (with the
        screened engine to the best correlation read: at least the margin, and more where a sketch hid the second-best).
    a, b : Side
        The two models.
    positions : int
        Aligned positions.
    nulls : dict of str to list of ndarray
        Correlations of the mutual pairs of each null, by its label, one array for each draw.
    k, absolute, engine, seed
        Settings of the matching.
    details : dict
        How it was computed: contested units, precision, estimated recall of the screened engine; of the certified
        engine the pieces, the largest bound, and how many correlations it decided and how many were computed exactly.
    status : str
        "ok", or what the reader should know before using the counts.
    at_k : dict of int to (ndarray, ndarray, ndarray)
        Units and correlations of the mutual pairs at other k, in single precision (`match`, ``also_k``).
    null_at_k : dict of int to dict of str to list of ndarray
        `nulls` at those k.
    replicates : Replicates, optional
        How often each pair is found in half of the text, and the pairs of texts drawn anew.
    lexical_share : ndarray, shape (pairs,), optional
        Share of each pair's covariance that lies between the texts of the spans; None where these are unknown.
    autocorrelation : float
        Mean lag-1 autocorrelation of a sample of neurons of both models; NaN where it was not measured.
    effective_positions : float
        Independent positions with which unrelated neurons would correlate as shifted ones do (`evidence`).
    """

    unit_a: np.ndarray
    unit_b: np.ndarray
    correlation: np.ndarray
    margin: np.ndarray
    a: Side
    b: Side
    positions: int
    nulls: dict[str, list[np.ndarray]]
    k: int
    absolute: bool
    engine: str
    seed: int
    details: dict[str, Any] = dataclasses.field(default_factory=dict)
    status: str = "ok"
    at_k: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = dataclasses.field(default_factory=dict)
    null_at_k: dict[int, dict[str, list[np.ndarray]]] = dataclasses.field(default_factory=dict)
    replicates: Replicates | None = None
    lexical_share: np.ndarray | None = None
    autocorrelation: float = float("nan")
    effective_positions: float = float("nan")

    @property
    def count(self) -> int:
        """Mutual pairs, no threshold: the paper's count."""
        return len(self.unit_a)

    @checked("matches.calibrate(q=0.05)")
    def calibrate(
        self, nulls: Mapping[str, Sequence[np.ndarray]] | None = None, q: float = Q_DEFAULT
    ) -> Calibration | None:
        """Return the calibrated count with its standard error, or None where there is no null to calibrate against.

        Parameters
        ----------
        nulls : mapping of str to sequence of ndarray, optional
            Further nulls beside the matching's own: ``{"untrained": [correlations, …]}``, an array for each draw.
        q : float
            Allowed share of null pairs among those counted.
        """
        require(0 < q < 1, "q", q, "must lie between 0 and 1", "matches.calibrate(q=0.05)")
        every = {**self.nulls, **(nulls or {})}
        if not every:
            return None
        magnitudes = {label: [np.abs(draw) for draw in draws] for label, draws in every.items()}
        calibrated = calibrate(np.abs(self.correlation), magnitudes, q)
        raw = calibrated.null_raw
        if self.engine == "screened":  # its null pairs below ρ* may have better partners (`screening.screened`)
            raw = dict.fromkeys(raw, float("nan"))
        return dataclasses.replace(calibrated, null_raw=raw, standard_error=self.count_error(calibrated.threshold))

    @checked("matches.count_error(threshold=0.3)")
    def count_error(self, threshold: float) -> float:
        """Return the standard error, over texts, of the number of pairs at or above a fixed correlation (`replicates`).

        NaN without replicates; 0 where the threshold is NaN, that is where no pair is counted.
        """
        if self.replicates is None:
            return float("nan")
        counts = np.array([np.sum(np.abs(rho) >= threshold) for rho in self.replicates.correlations], dtype=float)
        return count_error(counts, self.replicates.parts)

    @property
    def split_half(self) -> float:
        """Jaccard overlap of the pairs found in the first and in the second half of the positions."""
        return float("nan") if self.replicates is None else self.replicates.overlap

    @property
    def stability(self) -> np.ndarray | None:
        """π of each pair: the share of halves of the text in which it is found; None without replicates."""
        return None if self.replicates is None else self.replicates.stability

    @checked("matches.stable_count(threshold=0.3)")
    def stable_count(self, threshold: float = 0.0) -> int | None:
        """Return how many pairs at or above a correlation are found in at least 0.9 of the halves of the text."""
        stability = self.stability
        return None if stability is None else int(np.sum((stability >= STABLE) & self._reach(threshold)))

    @checked("matches.expected_stable(threshold=0.3)")
    def expected_stable(self, threshold: float = 0.0) -> float | None:
        """Return Σ π over the pairs at or above a correlation: how many a half of the text finds again on average."""
        stability = self.stability
        return None if stability is None else float(np.sum(stability[self._reach(threshold)]))

    @checked("matches.median_lexical_share(threshold=0.3)")
    def median_lexical_share(self, threshold: float = 0.0) -> float | None:
        """Return the median lexical share of the pairs at or above a correlation; None where it is unknown."""
        if self.lexical_share is None or not self._reach(threshold).any():
            return None
        return float(np.nanmedian(self.lexical_share[self._reach(threshold)]))

    def _reach(self, threshold: float) -> np.ndarray:
        return np.abs(self.correlation) >= threshold

    @checked("matches.settled_count(threshold=0.3)")
    def settled_count(self, threshold: float = 0.0) -> int | None:
        """Return how many pairs at or above a correlation are found in both halves of the positions too.

        Unrelated neurons hardly ever are: of the N_A N_B/(N_A + N_B − 1) pairs that noise makes of each half, one in
        N_A + N_B − 1 or so recurs in the other, a quarter of a pair in all.
        """
        if self.replicates is None:
            return None
        return int(np.sum(self.replicates.settled & self._reach(threshold)))

    @checked("matches.remark(matches.calibrate())")
    def remark(self, calibration: Calibration | None) -> str:
        """Return the status with warnings about this calibration; "ok" if there are none."""
        remarks = [self.status] if self.status != "ok" else []
        remarks += [
            f"all {len(side.layer)} neurons of {side.name} are left out: each is constant, or not finite"
            for side in (self.a, self.b)
            if len(side.excluded) == len(side.layer)
        ]
        remarks += remarks_on_nulls(self, calibration) if calibration is not None else []
        floor = self.details.get("reliable_above", 0.0)
        if calibration is not None and calibration.threshold < floor:
            remarks.append(
                f"threshold {calibration.threshold:.3g} is within the sketch's noise ({floor:.3g}), where the screened "
                f"null misses pairs: use --engine exact or more --buckets"
            )
        target, reached = self.details.get("recall_wanted"), self.details.get("recall_expected", float("nan"))
        if target is not None and not reached >= target:
            outcome = "cannot be estimated" if np.isnan(reached) else f"{reached:.6g} was reached"
            remarks.append(
                f"recall {target:.6g} was asked for, {outcome} with {self.details['candidates']} candidates per "
                f"neuron: use --engine exact, more --buckets or more --candidates"
            )
        return "; ".join(remarks) or "ok"

    def layer_counts(self) -> np.ndarray:
        """Return how many pairs join each layer of A (rows) with each layer of B (columns), layers in order."""
        layers = [np.unique(side.layer) for side in (self.a, self.b)]
        counts = np.zeros([len(calibrated) for calibrated in layers], dtype=np.int64)
        rows = np.searchsorted(layers[0], self.a.layer[self.unit_a])
        columns = np.searchsorted(layers[1], self.b.layer[self.unit_b])
        np.add.at(counts, (rows, columns), 1)
        return counts

    @checked("matches.record(matches.calibrate())")
    def record(self, calibration: Calibration | None = None) -> dict[str, Any]:
        """Return the record that ``rosettalaw match --json`` prints."""
        calibrated = calibration or self.calibrate()
        pairs = zip(self.unit_a.tolist(), self.unit_b.tolist(), self.correlation.tolist(), strict=True)
        return {
            "pairs": [list(pair) for pair in pairs],
            "count": self.count,
            "calibrated_count": None if calibrated is None else calibrated.count,
            "calibrated_count_se": None if calibrated is None else calibrated.standard_error,
            "threshold": None if calibrated is None else calibrated.threshold,
            "null_raw": None if calibrated is None else calibrated.null_raw,
            "null_above_threshold": None if calibrated is None else calibrated.null_above,
            "excluded_a": len(self.a.excluded),
            "excluded_b": len(self.b.excluded),
            "engine": self.engine,
            "positions": self.positions,
            "split_half": self.split_half,
            "settled_count": self.settled_count(0.0 if calibrated is None else calibrated.threshold),
            "nulls": {} if calibrated is None else _by_kind(calibrated),
            "binding_null": None if calibrated is None else name_of(calibrated.binding),
            "stable_count": self.stable_count(0.0 if calibrated is None else calibrated.threshold),
            "expected_stable": self.expected_stable(0.0 if calibrated is None else calibrated.threshold),
            "lexical_share": self.median_lexical_share(0.0 if calibrated is None else calibrated.threshold),
            "autocorrelation": self.autocorrelation,
            "effective_positions": self.effective_positions,
            "details": self.details,
            "status": self.remark(calibrated),
        }

    @checked("matches.to_dataset(matches.calibrate())", "calibration", "nulls")
    def to_dataset(
        self,
        calibration: Calibration | None = None,
        nulls: Mapping[str, Sequence[np.ndarray]] | None = None,
        **provenance: Any,
    ) -> xr.Dataset:
        """Return the pairs as a Dataset of kind "pairs", with both models' neurons and the null pairs."""
        from ...results import dataset

        calibrated = calibration or self.calibrate()
        variables: dict[str, Any] = {
            "unit_a": ("pair", self.unit_a),
            "unit_b": ("pair", self.unit_b),
            "layer_a": ("pair", self.a.layer[self.unit_a]),
            "layer_b": ("pair", self.b.layer[self.unit_b]),
            "layer_unit_a": ("pair", self.a.unit[self.unit_a]),
            "layer_unit_b": ("pair", self.b.unit[self.unit_b]),
            "correlation": ("pair", self.correlation),
            "margin": ("pair", self.margin),
            "excluded_unit_a": ("excluded_a", self.a.excluded),
            "excluded_unit_b": ("excluded_b", self.b.excluded),
            "layer_pairs": (("model_layer_a", "model_layer_b"), self.layer_counts()),
            "autocorrelation": self.autocorrelation,
            "effective_positions": self.effective_positions,
            "neurons_a": len(self.a.layer),
            "neurons_b": len(self.b.layer),
            "positions": self.positions,
            "raw_count": self.count,
            "split_half": self.split_half,
        }
        if self.lexical_share is not None:
            variables["lexical_share"] = ("pair", self.lexical_share)
        if self.replicates is not None:
            threshold, texts = 0.0 if calibrated is None else calibrated.threshold, self.replicates.correlations
            variables["stability"] = ("pair", self.replicates.stability)
            variables["margin_se"] = ("pair", self.replicates.margin_errors)
            variables["margin_first_half"] = ("pair", self.replicates.half_margins[0])
            variables["margin_second_half"] = ("pair", self.replicates.half_margins[1])
            variables["settled"] = ("pair", self.replicates.settled.astype(np.int8))
            variables["settled_count"] = self.settled_count(threshold)
            variables["stable_count"] = self.stable_count(threshold)
            variables["expected_stable"] = self.expected_stable(threshold)
            variables["pairs_in_half"] = self.replicates.pairs_in_half
            variables["replicate_correlation"] = ("replicate_pair", _joined(texts).astype(np.float32))
            variables["replicate"] = ("replicate_pair", _numbered(texts))
            variables["replicates"] = len(texts)
        for label, draws in {**self.nulls, **(nulls or {})}.items():
            variables[f"{label}_correlation"] = (f"{label}_pair", _joined(draws))
            variables[f"{label}_draw"] = (f"{label}_pair", _numbered(draws))
            variables[f"{label}_draws"] = len(draws)
        if calibrated is not None:
            variables["calibrated_count"] = calibrated.count
            variables["calibrated_count_se"] = calibrated.standard_error
            variables["threshold"] = calibrated.threshold
            for kind in calibrated.null_raw:
                variables[f"{kind}_raw"] = calibrated.null_raw[kind]
                variables[f"{kind}_above_threshold"] = calibrated.null_above[kind]
        coords = {"model_layer_a": np.unique(self.a.layer), "model_layer_b": np.unique(self.b.layer)}
        facts = {"model_a": self.a.name, "model_b": self.b.name, "k": self.k, "absolute": self.absolute}
        facts |= {} if calibrated is None else {"binding_null": name_of(calibrated.binding)}
        facts |= {"engine": self.engine, "seed": self.seed, "status": self.remark(calibrated), "details": self.details}
        return dataset("pairs", variables, coords, **{**facts, **provenance})


def _by_kind(calibration: Calibration) -> dict[str, dict[str, float]]:
    """Return the mean pairs of a draw of each kind: all, and those at or above ρ*."""
    above = calibration.null_above
    return {
        name_of(label): {"raw": raw, "above_threshold": above[label]} for label, raw in calibration.null_raw.items()
    }


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0), *arrays])


def _numbered(arrays: list[np.ndarray]) -> np.ndarray:
    return np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
