"""The words of a result: every variable of every Dataset, with its units, symbol and equation.

A variable is described here once; `rosettalaw.results.dataset` copies the description into the file, so that a
saved result explains itself in a year. Equation numbers are those of arXiv 2606.03990; What
goes beyond the paper names the module that derives it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """Description of one variable: what it is, its units ("1" if dimensionless), symbol and source."""

    description: str
    units: str = "1"
    symbol: str = ""
    equation: str = ""

    def attributes(self) -> dict[str, str]:
        """Return the non-empty fields as netCDF attributes."""
        pairs = {
            "long_name": self.description,
            "units": self.units,
            "symbol": self.symbol,
            "equation": self.equation,
        }
        return {key: value for key, value in pairs.items() if value}


PARAMETERS = {
    "neurons": Variable("MLP neurons in one network (mean of the pair)", "neurons", "N", "8"),
    "neurons_a": Variable("MLP neurons of model A", "neurons", "N_A"),
    "neurons_b": Variable("MLP neurons of model B", "neurons", "N_B"),
    "beta": Variable("spectrum exponent of feature importance", "1", "β", "9"),
    "kappa": Variable("isolation budget per neuron", "1", "κ", "11"),
    "tau": Variable("detectability threshold of isolation", "1", "τ", "10"),
    "gamma": Variable("latent features per neuron", "features/neuron", "γ", "D.7"),
    "inputs": Variable("input positions that a correlation is taken over", "positions", "M", "D.7"),
    "seed": Variable("seed of the random generator", "1"),
}

THEORY = {
    "active": Variable("features with positive isolation", "features", "n", "14"),
    "r0": Variable("last rank with positive isolation", "rank", "r₀", "17"),
    "r_tau": Variable("frontier: last rank with isolation at least τ", "rank", "r_τ", "21"),
    "count": Variable("Rosetta Neurons: features with isolation at least τ", "neurons", "R_τ", "10"),
    "mean_isolation": Variable("mean isolation over the Rosetta set", "1", "⟨s⟩", "25"),
    "tail_mass": Variable("isolation outside the Rosetta set", "1", "κN − Σ s", "32"),
    "isolation_per_non_rosetta": Variable("tail isolation per non-Rosetta neuron", "1", "", "32"),
    "local_exponent": Variable("local exponent of the frontier", "1", "d log r_τ/d log N", "theory.predictions"),
    "asymptotic_exponent": Variable("exponent of the count for N → ∞", "1", "1/β", "23"),
    "status": Variable("0 where the point was solved; otherwise the rule it breaks"),
    "domain": Variable("domain of the data that features belong to"),
    "offset": Variable("importance of a domain's first feature", "1", "C_d", "theory.specialization"),
    "share": Variable("share of the Rosetta Neurons that belong to a domain", "1", "", "theory.specialization"),
    "enrichment": Variable("share of Rosetta Neurons over share of the data", "1", "", "theory.specialization"),
}

MEASUREMENT = {
    "correlation": Variable("Pearson correlation of a matched pair", "1", "ρ", "2"),
    "unit_a": Variable("neuron of model A, counted over all layers in order", "index"),
    "unit_b": Variable("neuron of model B, counted over all layers in order", "index"),
    "layer_a": Variable("layer of the pair's neuron in model A", "index", "ℓ"),
    "layer_unit_a": Variable("neuron of model A within its layer", "index"),
    "layer_unit_b": Variable("neuron of model B within its layer", "index"),
    "layer_b": Variable("layer of the pair's neuron in model B", "index", "ℓ"),
    "positions": Variable("aligned positions", "positions", "T", "2"),
    "rung": Variable("rung of a ladder, smallest first", "index"),
    "pair_rung": Variable("rung that a matched pair belongs to", "index"),
    "null_rung": Variable("rung that a null pair belongs to", "index"),
    "null_kind": Variable("which null a pair comes from: permuted or untrained"),
    "bits_per_byte_a": Variable("training loss of model A at its end", "bits/byte"),
    "bits_per_byte_b": Variable("training loss of model B at its end", "bits/byte"),
    "tokens_a": Variable("tokens that model A read", "tokens"),
    "tokens_b": Variable("tokens that model B read", "tokens"),
    "activation_a": Variable("activation of model A's neuron, in its standard deviations from its mean", "1"),
    "activation_b": Variable("activation of model B's neuron, in its standard deviations from its mean", "1"),
    "margin": Variable("how far the best rival of either neuron of a pair stays behind", "1"),
    "excluded_unit_a": Variable("neurons of model A that took no part: constant, or not finite", "index"),
    "excluded_unit_b": Variable("neurons of model B that took no part: constant, or not finite", "index"),
    "layer_pairs": Variable("pairs that join a layer of A with a layer of B", "pairs"),
    "permuted_correlation": Variable("correlation of a mutual pair with permuted positions", "1", "ρ", "C.3"),
    "untrained_correlation": Variable("correlation of a mutual pair of untrained networks", "1", "ρ", "4.2"),
    "permuted_draw": Variable("draw of the permuted null that a pair belongs to", "index"),
    "untrained_draw": Variable("draw of the untrained null that a pair belongs to", "index"),
    "replicate": Variable("block of positions left out in a jackknife replicate", "index"),
    "replicate_correlation": Variable("correlation of a mutual pair of a jackknife replicate", "1", "ρ"),
    "split_half": Variable("Jaccard overlap of the pairs of two halves of the positions", "1"),
    "raw_count": Variable("mutual nearest neighbours, no threshold (the paper's count)", "pairs", "R", "3"),
    "calibrated_count": Variable("mutual nearest neighbours above the calibrated threshold", "pairs", "R*"),
    "calibrated_count_se": Variable("jackknife standard error over position blocks", "pairs"),
    "threshold": Variable("correlation at which null pairs are at most q of those kept", "1", "ρ*"),
    "permuted_raw": Variable("raw count with permuted positions, mean over draws", "pairs", "", "C.3"),
    "untrained_raw": Variable("raw count of untrained networks, mean over draws", "pairs", "", "4.2"),
    "permuted_above_threshold": Variable("permuted null pairs above ρ*, mean over draws", "pairs", "", "C.3"),
    "untrained_above_threshold": Variable("untrained null pairs above ρ*, mean over draws", "pairs", "", "4.2"),
}

SIMULATION = {
    "candidates": Variable("features with a neuron in each synthetic network (s > 0)", "neurons", "n", "D.7"),
    "count_run": Variable("mutual pairs of one run, right or false", "pairs", "R", "D.7"),
    "count_sd": Variable("standard deviation of the count from run to run", "pairs"),
    "false_pairs_run": Variable("pairs of one run whose neurons stand for different features, or none", "pairs"),
    "mean_isolation_matched_run": Variable("mean assigned isolation of a run's matched neurons", "1", "⟨s⟩", "25"),
    "isolation_per_non_rosetta_run": Variable("unmatched isolation over N − count in one run", "1", "", "32"),
    "engine": Variable("how the outcome was found: wishart, dense or expected"),
    "toy_isolation": Variable("isolation of each feature in its most dedicated neuron", "1", "s_r", "46"),
    "toy_information": Variable("Var x/MSE − 1 of each feature by the best linear readout", "1", "t_r", "49"),
    "toy_optimum": Variable("isolation of each feature in the optimal allocation", "1", "s*_r", "14"),
    "utility_share": Variable("Σ w log(1 + t) over that of the optimal allocation", "1", "", "11"),
    "precision": Variable("share of matched pairs whose neurons isolate the same feature", "1"),
    "recall": Variable("share of the features isolated in both networks that are matched", "1"),
}

VOCABULARY: dict[str, Variable] = {**PARAMETERS, **THEORY, **MEASUREMENT, **SIMULATION}
