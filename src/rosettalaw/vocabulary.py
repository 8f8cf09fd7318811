"""Vocabulary of results: every variable of every Dataset, with its units, symbol and equation.

A variable is described here once; `rosettalaw.results.dataset` copies the description into the file, so that a
saved result explains itself. Equation numbers are those of arXiv 2606.03990; variables beyond the paper name the module
that derives them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """Description of one variable: its meaning, units ("1" if dimensionless), symbol and source."""

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

# Parameters of the families of `rosettalaw.theory`, which only their sweeps know by these names.
FAMILIES = {
    "scale": Variable("rank at which importance has fallen to 1/e", "rank", "r_c", "theory.spectra"),
    "power": Variable("power in the exponent of a stretched exponential", "1", "p", "theory.spectra"),
    "width": Variable("width of a log-quadratic spectrum", "1", "S", "theory.spectra"),
    "beta1": Variable("spectrum exponent before the knee", "1", "β₁", "theory.spectra"),
    "beta2": Variable("spectrum exponent beyond the knee", "1", "β₂", "theory.spectra"),
    "knee": Variable("rank at which the spectrum breaks", "rank", "r_k", "theory.spectra"),
    "shift": Variable("shift of the rank", "rank", "q", "theory.spectra"),
    "sigma": Variable("standard deviation of log importance", "1", "σ", "theory.spectra"),
    "eta": Variable("index of the marginal utility", "1", "η", "theory.utilities"),
    "delta": Variable("exponent of the cost of isolation", "1", "δ", "theory.budgets"),
    "theta": Variable("exponent of the budget in size", "1", "θ", "theory.budgets"),
    "features": Variable("latent features", "features", "A", "9"),
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
    "sensitivity_beta": Variable("change of log r_τ with β", "1", "∂log r_τ/∂β", "theory.sensitivities"),
    "sensitivity_log_kappa": Variable("change of log r_τ with log κ", "1", "∂log r_τ/∂log κ", "theory.sensitivities"),
    "sensitivity_log_tau": Variable("change of log r_τ with log τ", "1", "∂log r_τ/∂log τ", "theory.sensitivities"),
    "sensitivity_log_neurons": Variable("change of log r_τ with log N", "1", "∂log r_τ/∂log N", "theory.sensitivities"),
    "asymptotic_exponent": Variable("exponent of the count for N → ∞", "1", "1/β", "23"),
    "status": Variable("0 if the point was solved; otherwise the number of a rule, 1 to 5, that its attributes state"),
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
    "null_kind": Variable("null that a pair comes from, by its label"),
    "bits_per_byte_a": Variable("training loss of model A at its end", "bits/byte"),
    "bits_per_byte_b": Variable("training loss of model B at its end", "bits/byte"),
    "tokens_a": Variable("tokens that model A read", "tokens"),
    "tokens_b": Variable("tokens that model B read", "tokens"),
    "documents_read": Variable("documents that windows were drawn from", "documents"),
    "domains_read": Variable("domains of those documents", "domains"),
    "activation_a": Variable("activation of model A's neuron, in its standard deviations from its mean", "1"),
    "activation_b": Variable("activation of model B's neuron, in its standard deviations from its mean", "1"),
    "margin": Variable("correlation of a pair minus that of the best rival of either neuron", "1"),
    "excluded_unit_a": Variable("neurons of model A that were excluded: constant, or not finite", "index"),
    "excluded_unit_b": Variable("neurons of model B that were excluded: constant, or not finite", "index"),
    "layer_pairs": Variable("pairs that join a layer of A with a layer of B", "pairs"),
    "permuted_correlation": Variable("correlation of a mutual pair with permuted positions", "1", "ρ", "C.3"),
    "untrained_correlation": Variable("correlation of a mutual pair of untrained networks", "1", "ρ", "4.2"),
    "permuted_draw": Variable("draw of the permuted null that a pair belongs to", "index"),
    "untrained_draw": Variable("draw of the untrained null that a pair belongs to", "index"),
    "replicate": Variable("resampled text (parts drawn with replacement) in which a pair was found", "index"),
    "replicate_correlation": Variable("correlation of a mutual pair in a text drawn with replacement", "1", "ρ"),
    "stability": Variable("share of halves of the text in which the pair is found", "1", "π"),
    "margin_se": Variable("standard error of a pair's margin, over texts", "1"),
    "margin_first_half": Variable("margin of a pair on the first half of the positions", "1"),
    "margin_second_half": Variable("margin of a pair on the second half of the positions", "1"),
    "lexical_share": Variable("share of a pair's covariance that lies between the texts of the spans", "1"),
    "median_lexical_share": Variable("median lexical share of the pairs above ρ*", "1"),
    "beyond_token_count": Variable("calibrated pairs after the mean of each span text is subtracted", "pairs"),
    "beyond_token_raw": Variable("mutual pairs after the mean of each span text is subtracted", "pairs"),
    "beyond_token_threshold": Variable("threshold of the pairs beyond the token", "1", "ρ*"),
    "stable_count": Variable("pairs above ρ* that are found in at least 0.9 of the halves of the text", "pairs"),
    "expected_stable": Variable("sum of π over the pairs above ρ*", "pairs", "Σπ"),
    "pairs_in_half": Variable("mean number of mutual pairs in half of the text", "pairs"),
    "autocorrelation": Variable("mean correlation of an activation with that at the next position", "1"),
    "effective_positions": Variable(
        "independent positions at which unrelated neurons would correlate as strongly", "positions"
    ),
    "split_half": Variable("Jaccard overlap of the pairs of two halves of the positions", "1"),
    "settled": Variable("1 if both halves of the positions also have the pair, else 0", "1"),
    "settled_count": Variable("pairs above ρ* that both halves of the positions also have", "pairs"),
    "raw_count": Variable("mutual nearest neighbours, no threshold (the paper's count)", "pairs", "R", "3"),
    "calibrated_count": Variable("mutual nearest neighbours above the calibrated threshold", "pairs", "R*"),
    "calibrated_count_se": Variable("standard error of the count over texts, at fixed ρ*", "pairs"),
    "common_count_se": Variable("standard error over texts of the count above the largest ρ* of the ladder", "pairs"),
    "threshold": Variable("correlation at and above which null pairs are at most a share q of the pairs", "1", "ρ*"),
}

_ENDS = {"": "", "_low": ", lower end of its 95% interval", "_high": ", upper end of its 95% interval"}


def _with_ends(name: str, description: str, units: str = "1", symbol: str = "", equation: str = "") -> dict:
    """Describe a variable and the ends of its interval."""
    return {name + end: Variable(description + words, units, symbol, equation) for end, words in _ENDS.items()}


NULLS = {
    **_with_ends("permuted_raw", "raw count with permuted positions, mean over draws", "pairs", "", "C.3"),
    **_with_ends("untrained_raw", "raw count of untrained networks, mean over draws", "pairs", "", "4.2"),
    **_with_ends("permuted_above_threshold", "permuted null pairs above ρ*, mean over draws", "pairs", "", "C.3"),
    **_with_ends("untrained_above_threshold", "untrained null pairs above ρ*, mean over draws", "pairs", "", "4.2"),
}

SPECIALIZATION = {
    "side": Variable("model of a pair: a or b"),
    "neuron_rung": Variable("rung that a neuron belongs to", "index"),
    "neuron_side": Variable("model that a neuron belongs to: 0 for a, 1 for b", "index"),
    "neuron_layer": Variable("layer of a neuron", "index", "ℓ"),
    "neuron_unit": Variable("neuron within its layer", "index"),
    "rosetta": Variable("1 for neurons of a calibrated pair"),
    "output_kurtosis": Variable(
        "excess kurtosis over the vocabulary of cos(output weight, unembedding)", "1", "", "5.1"
    ),
    "activation_kurtosis": Variable("excess kurtosis of the activation over positions", "1"),
    "lifetime_sparsity": Variable("lifetime sparsity of the rectified activation (Vinje and Gallant)", "1", "S"),
    "domain_entropy": Variable("entropy of the categories of a neuron's top positions", "bits"),
    "top_position": Variable("aligned positions where a neuron is most active, most active first", "index"),
    "top_activation": Variable("activations at the top positions"),
    "activation_mean": Variable("mean activation over the aligned positions"),
    "activation_deviation": Variable("standard deviation of the activation over the aligned positions"),
    "snippet_position": Variable("aligned position that is a top position of some neuron, in ascending order", "index"),
    "snippet_rung": Variable("rung that a top position belongs to", "index"),
    "snippet_document": Variable("document of a top position, along read_document", "index"),
    "snippet_begin": Variable("where the text around a top position begins, along text", "index"),
    "snippet_before": Variable("length of the text before the position's span", "bytes"),
    "snippet_span": Variable("length of the position's own span", "bytes"),
    "snippet_after": Variable("length of the text after the span", "bytes"),
    "text_byte": Variable("text around top positions or of contexts, in UTF-8"),
    "context_pair": Variable("pair that a context belongs to, along pair", "index"),
    "context_document": Variable("name of a context's document"),
    "context_domain": Variable("domain of a context's document"),
    "context_peak": Variable("place of the position itself among the spans of its context"),
    "context_spans": Variable("spans of a context", "spans"),
    "context_follows": Variable("1 where the document has text before the context"),
    "context_continues": Variable("1 where the document has text after the context"),
    "context_rank_a": Variable("rank of a context among the strongest of model A, from 0; -1 if not among them"),
    "context_rank_b": Variable("rank of a context among the strongest of model B, from 0; -1 if not among them"),
    "span_bytes": Variable("length of a span of a context", "bytes"),
    "heat_a": Variable("activation of model A's neuron at a span, in fifteenths of its highest"),
    "heat_b": Variable("activation of model B's neuron at a span, in fifteenths of its highest"),
    "read_name": Variable("name of a document that was read"),
    "read_domain": Variable("domain of a document that was read"),
    "measure": Variable("measure of selectivity"),
    **_with_ends("superiority", "probability that a Rosetta Neuron exceeds another neuron of its layer", "1", "P"),
    **_with_ends("selectivity_rosetta", "mean of a measure over the Rosetta Neurons", "as the measure", "", "5.1"),
    **_with_ends("selectivity_other", "mean of a measure over the other neurons", "as the measure", "", "5.1"),
    "category": Variable("kind of document"),
    "category_share": Variable("share of the aligned positions in a category", "1"),
    **_with_ends("firing_rosetta", "share of Rosetta top positions over the category's share", "1", "", "5.2"),
    **_with_ends("firing_control", "share of random other neurons' top positions over the category's", "1", "", "5.2"),
    "firing_control_draw": Variable("firing_control of each draw of random neurons", "1", "", "5.2"),
    "depth_share": Variable("share of the Rosetta Neurons in a twelfth of the depth", "1", "", "E.3"),
    "depth_neurons": Variable("share of all neurons in a twelfth of the depth", "1"),
    "rho": Variable("correlation at which pairs are counted", "1", "ρ"),
    "threshold_se": Variable("standard deviation of ρ* over resampled text and null draws", "1"),
    "count_error": Variable("standard error over texts of the number of pairs at or above a correlation", "pairs"),
    "k": Variable("partners that a neuron may have", "neurons", "k", "C.2"),
    "k_raw_count": Variable("mutual pairs among the k best partners", "pairs", "", "C.2"),
    "k_calibrated_count": Variable(
        "mutual pairs among the k best partners above that k's threshold", "pairs", "", "C.2"
    ),
    "k_threshold": Variable("threshold of the pairs at k", "1", "ρ*"),
    "k_permuted_raw": Variable("pairs at k with permuted positions, mean over draws", "pairs"),
    "k_untrained_raw": Variable("pairs at k of untrained networks, mean over draws", "pairs"),
    "size_positions": Variable("aligned positions of a nested subset", "positions", "T"),
    "size_raw_count": Variable("mutual pairs on a nested subset", "pairs", "", "G"),
    "size_calibrated_count": Variable("mutual pairs on a nested subset above its own threshold", "pairs", "", "G"),
    "size_threshold": Variable("threshold on a nested subset", "1", "ρ*"),
    "size_raw_overlap": Variable("Jaccard overlap with the pairs of the previous subset", "1", "", "G"),
    "size_calibrated_overlap": Variable(
        "Jaccard overlap with the calibrated pairs of the previous subset", "1", "", "G"
    ),
    "revision_a": Variable("model A: commit on the hub, or SHA-256 of its weights"),
    "revision_b": Variable("model B: commit on the hub, or SHA-256 of its weights"),
    "tokenizer_a": Variable("SHA-256 of model A's tokenizer"),
    "tokenizer_b": Variable("SHA-256 of model B's tokenizer"),
    "comparison_model": Variable("model that the anchor is compared with"),
    "comparison_raw_count": Variable("mutual pairs of the anchor with one model", "pairs", "", "3"),
    "comparison_calibrated_count": Variable("calibrated pairs of the anchor with one model", "pairs"),
    "comparison_calibrated_count_se": Variable("standard error of the count over texts, at fixed ρ*", "pairs"),
    "comparison_threshold": Variable("threshold of the comparison with one model", "1", "ρ*"),
    "comparison_permuted_raw": Variable("pairs with permuted positions, mean over draws", "pairs", "", "C.3"),
    "comparison_untrained_raw": Variable("pairs of untrained networks, mean over draws", "pairs", "", "4.2"),
    "anchor_raw_count": Variable("anchor neurons with a partner in every comparison", "neurons", "", "3.3"),
    "anchor_calibrated_count": Variable("anchor neurons in a calibrated pair of every comparison", "neurons"),
    "anchor_raw_by_chance": Variable(
        "anchor neurons in pairs of every comparison if comparisons were independent", "neurons"
    ),
    "anchor_calibrated_by_chance": Variable(
        "anchor neurons in calibrated pairs of every comparison if comparisons were independent", "neurons"
    ),
}


def _judged(name: str) -> Variable:
    return Variable(f"{name} of the judge's predictions on held-out images", "1", "", "H")


VISION = {
    "seed_a": Variable("training seed of model A", "1"),
    "seed_b": Variable("training seed of model B", "1"),
    "distinct_count": Variable("calibrated pairs that are not near-copies (|r| < ½) of a better one", "pairs"),
    "first_layer_count": Variable("calibrated pairs with both neurons in the first layer", "pairs"),
    "size_images": Variable("images of a nested subset", "images", "", "G"),
    "image_kind": Variable("real, or generated by the generative model of the pair"),
    "kind_raw_count": Variable("mutual pairs on one kind of images", "pairs", "", "G.3"),
    "kind_calibrated_count": Variable("mutual pairs above ρ* on one kind of images", "pairs", "", "G.3"),
    "kind_threshold": Variable("ρ* on one kind of images", "1", "ρ*"),
    "effective_dimension": Variable("participation ratio of the covariance of patches", "1"),
    "raw_overlap": Variable("Jaccard overlap of the pairs on real and on generated images", "1", "", "G.3"),
    "calibrated_overlap": Variable("the same overlap of pairs above each kind's ρ*", "1", "", "G.3"),
    "generated_contrast": Variable("standard deviation of generated pixels before scaling, in that of real ones", "1"),
    "population": Variable("neurons of calibrated pairs (rosetta), or other neurons of the model"),
    "top": Variable("number of a neuron's top images that the judge sees", "images", "k", "H"),
    "subset_neurons": Variable("neurons in each disjoint subset", "neurons", "", "H"),
    "monosemantic_rate": Variable("share of a subset judged monosemantic", "1", "", "H"),
    "monosemantic_mean": Variable("share judged monosemantic, mean over subsets", "1", "", "H"),
    "monosemantic_low": Variable("lower end of its 95% interval over the subsets", "1", "", "H"),
    "monosemantic_high": Variable("upper end of its 95% interval over the subsets", "1", "", "H"),
    "judge_accuracy": _judged("accuracy"),
    "judge_precision": _judged("precision"),
    "judge_recall": _judged("recall"),
    "judge_f1": _judged("F1"),
    "judge_predictions": Variable("predictions that the judge was tested on", "1", "", "H"),
}
for _measure in ("activation_kurtosis", "class_selectivity"):
    for _side in "ab":
        VISION |= _with_ends(
            f"{_measure}_superiority_{_side}",
            (
                f"probability that a Rosetta Neuron of model {_side.upper()} exceeds another neuron of its layer in "
                f"{_measure}"
            ),
            "1",
            "P",
        )

SIMULATION = {
    "candidates": Variable("features that have a neuron in each synthetic network (s > 0)", "neurons", "n", "D.7"),
    "count_run": Variable("mutual pairs of one run, correct or false", "pairs", "R", "D.7"),
    "count_sd": Variable("standard deviation of the count from run to run", "pairs"),
    "fitted_to": Variable("data of a law as JSON: counts, nulls, tau and gamma as they were given", "text"),
    "false_pairs_run": Variable("pairs of one run whose neurons represent different features, or none", "pairs"),
    "mean_isolation_matched_run": Variable("mean assigned isolation of a run's matched neurons", "1", "⟨s⟩", "25"),
    "isolation_per_non_rosetta_run": Variable("unmatched isolation over N − count in one run", "1", "", "32"),
    "engine": Variable("engine of the outcome: wishart, dense or expected"),
    "toy_isolation": Variable("isolation of each feature in its most dedicated neuron", "1", "s_r", "46"),
    "toy_information": Variable("Var x/MSE − 1 of each feature by the best linear readout", "1", "t_r", "49"),
    "toy_optimum": Variable("isolation of each feature in the optimal allocation", "1", "s*_r", "14"),
    "visits": Variable("times training showed the last feature with s* ≥ τ", "1", "V", "sims.toy_recipes"),
    "utility_share": Variable("Σ w log(1 + t) over that of the optimal allocation", "1", "", "11"),
    "precision": Variable("share of matched pairs whose neurons isolate the same feature", "1"),
    "recall": Variable("share of features isolated in both networks that are matched", "1"),
}

FILTERING = {
    "selector": Variable("method that selects documents: none, chance, a neuron, or the labels"),
    "filter_precision": Variable("share of the selected documents that are of the target domain", "1", "", "5.3"),
    "filter_recall": Variable("share of the target domain's documents that are selected", "1", "", "5.3"),
    "filter_f1": Variable("F1 of a selection over documents, mean over random draws", "1", "F1", "5.3"),
    "filter_f1_low": Variable("F1, lower end of the bootstrap's 95% interval", "1"),
    "filter_f1_high": Variable("F1, upper end of the bootstrap's 95% interval", "1"),
    "filter_f1_tokens": Variable("F1 of a selection over tokens", "1"),
    "f1_behind": Variable("F1 of the Rosetta Neuron minus that of the selector", "1"),
    "f1_behind_low": Variable("the difference's lower end of the bootstrap's 95% interval", "1"),
    "f1_behind_high": Variable("the difference's upper end of the bootstrap's 95% interval", "1"),
    "selected_documents": Variable("documents selected, mean over random draws", "documents"),
    "selected_tokens": Variable("tokens selected, mean over random draws", "tokens"),
    "token_budget": Variable("tokens to select", "tokens"),
    "document_tokens": Variable("length of a document of the pool, in model A's tokens", "tokens"),
    "score_rosetta": Variable("mean activation of the Rosetta Neuron over a document's tokens", "1", "", "5.3"),
    "score_non_rosetta": Variable("mean activation of the control neuron over a document's tokens", "1", "", "5.3"),
    "leader_rosetta": Variable(
        "whether a leading neuron is a Rosetta Neuron; the first of each kind is the chosen one"
    ),
    "leader_pool": Variable("neurons of its layer that a leading neuron was chosen from", "neurons"),
    "leader_layer": Variable("layer of a leading neuron in model A", "index", "ℓ"),
    "leader_unit": Variable("leading neuron within its layer", "index"),
    "leader_hits": Variable("target documents among a neuron's top contexts", "documents"),
    "leader_enrichment": Variable("share of the top contexts over the target's share of the tokens", "1", "", "E.2"),
    "leader_f1": Variable("F1 of a leading neuron's selection", "1", "F1"),
    "part_documents": Variable("documents of each domain in each part of the text", "documents"),
    "test_perplexity": Variable("perplexity per token of held-out target documents, mean over runs", "1", "", "5.3"),
    "test_perplexity_ci95": Variable("half of Student's 95% interval over runs", "1"),
    "test_perplexity_run": Variable("perplexity of each run", "1"),
    "test_perplexity_behind": Variable("perplexity of the selector minus that of the Rosetta Neuron, run by run", "1"),
    "test_perplexity_behind_ci95": Variable("half of Student's 95% interval of that difference", "1"),
    "test_bits_per_byte": Variable("code length of held-out target documents, mean over runs", "bits/byte"),
    "test_bits_per_byte_ci95": Variable("half of Student's 95% interval over runs", "bits/byte"),
    "test_bits_per_byte_run": Variable("code length of each run", "bits/byte"),
    "test_bits_per_byte_behind": Variable("code length of the selector minus that of the Rosetta Neuron", "bits/byte"),
    "test_bits_per_byte_behind_ci95": Variable("half of Student's 95% interval of that difference", "bits/byte"),
    "final_training_loss": Variable("training loss over the last tenth of the steps", "nats/token"),
    "training_sequences": Variable("sequences trained on", "sequences"),
}

RECURRENCE = {
    "model": Variable("name of a model"),
    "model_neurons": Variable("neurons of a model", "neurons", "N"),
    "partnered": Variable("neurons of a model with a partner in another one", "neurons"),
    "partnered_in_all": Variable("neurons of a model with a partner in every other one", "neurons", "", "3.3"),
    "first_model": Variable("first of two models that were matched", "index"),
    "second_model": Variable("second of two models that were matched", "index"),
    "shared_by": Variable("models that a family of neurons recurs in", "models"),
    "families": Variable("families of neurons that recur in so many models", "families"),
    "closed_families": Variable("families of which every two neurons are a pair", "families"),
    "closed_by_chance": Variable("closed families of unrelated matchings", "families", "", "empirical.several"),
    "family_models": Variable("models that a family has neurons of", "models"),
    "family_pairs": Variable("pairs that join the neurons of a family", "pairs"),
    "family_closed": Variable("whether every two neurons of a family are a pair"),
    "weakest_correlation": Variable("smallest correlation of a family's pairs", "1", "ρ"),
    "member_family": Variable("family that a neuron belongs to", "index"),
    "member_model": Variable("model of a neuron of a family", "index"),
    "member_neuron": Variable("neuron of a family, counted over all layers of its model", "index"),
    "member_layer": Variable("layer of a neuron of a family", "index", "ℓ"),
    "member_unit": Variable("neuron of a family within its layer", "index"),
}

# Columns of each rung in the table and the CSV file of a measured ladder: size, counts, threshold, nulls.
LADDER_COUNTS = (
    "neurons",
    "raw_count",
    "calibrated_count",
    "calibrated_count_se",
    "threshold",
    "permuted_raw",
    "untrained_raw",
)

VOCABULARY: dict[str, Variable] = {
    **PARAMETERS,
    **THEORY,
    **MEASUREMENT,
    **NULLS,
    **SPECIALIZATION,
    **VISION,
    **SIMULATION,
    **FILTERING,
    **RECURRENCE,
}

# Variables of a null beyond the paper's two: `rosettalaw.empirical.nulls` has the kinds, this the ends of their names.
OF_NULLS = {
    "raw": ("raw count under the {} null, mean over draws", "pairs", ""),
    "above_threshold": ("pairs above ρ* under the {} null, mean over draws", "pairs", ""),
    "correlation": ("correlation of a mutual pair of the {} null", "1", "ρ"),
    "draw": ("draw of the {} null that a pair belongs to", "index", ""),
    "draws": ("draws of the {} null", "draws", ""),
}


def variable(name: str) -> Variable | None:
    """Return the description of a variable, or None where it is a stranger's."""
    if name in VOCABULARY:
        return VOCABULARY[name]
    for end, (words, units, symbol) in OF_NULLS.items():
        for bound, more in (("", ""), ("_low", ", lower end of its 95% interval"), ("_high", ", upper end of it")):
            if name.endswith(f"_{end}{bound}"):
                label = name.removesuffix(f"_{end}{bound}")
                place = next((start for start in ("k_", "comparison_") if label.startswith(start)), "")
                label = label.removeprefix(place).replace("_", " ")
                at_k = " at k" if place == "k_" else ""
                return Variable(words.format(label) + at_k + more, units, symbol, "empirical.nulls")
    return None
