"""The verdict claims what the intervals and nulls allow, and nothing more; the command prints it."""

import json
import os
import re
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from rosettalaw.cli import app
from rosettalaw.errors import ForeignFileError, InputError, MissingFileError, RosettaError
from rosettalaw.validation.analysis import analyse
from rosettalaw.validation.counts import clean, has_counts, read_counts
from rosettalaw.validation.power_law import fit_power_law
from rosettalaw.validation.verdict import ends, growth, verdict, with_zeros

SIZES = np.geomspace(1000, 64000, 7)
WIGGLE = np.exp(0.02 * np.array([1, -1, 1, -1, 1, -1, 1]))


@pytest.mark.parametrize(
    ("interval", "claim"),
    [
        ((0.4, 0.8), "grows sublinearly"),
        ((0.4, 1.0), "cannot be distinguished from linear"),
        ((0.0, 0.8), "no power law is shown: growth cannot be distinguished from none"),
        ((-0.9, -0.1), "no power law is shown: the count falls"),
        ((1.1, 1.5), "faster than the network"),
        ((np.nan, np.nan), "no exponent can be claimed"),
    ],
)
def test_the_claim_follows_the_interval(interval, claim):
    assert claim in growth(SimpleNamespace(exponent_ci95=interval))


def test_the_verdict_is_short_sentences_with_their_numbers():
    analysis = analyse(SIZES, 2 * SIZES**0.6 * WIGGLE)
    assert analysis.verdict.startswith("The count grows sublinearly with network size (exponent 0.60, 95% interval 0.5")
    assert "7 sizes, N = 1,000 to 64,000" in analysis.verdict
    assert "If the theory holds, β = 1.6" in analysis.verdict
    assert "No null was given, so the counts are taken at face value" in analysis.verdict
    assert analysis.verdict.endswith(".")
    assert all(len(sentence.split()) < 25 for sentence in re.split(r"\. (?=[A-Zβ])", analysis.verdict))


@pytest.mark.parametrize(
    ("permuted", "untrained", "words"),
    [
        (200, 1, "because the permuted null has as many raw matches: the evidence is the count above"),
        (200, 200, "because the permuted and untrained nulls have"),
        (1, 1, "Raw counts exceed those of every null at every size"),
    ],
)
def test_nulls_decide_what_the_counts_rest_on(permuted, untrained, words):
    counts = 2 * SIZES**0.6 * WIGGLE
    nulls = {"raw": counts, "permuted": np.full(7, permuted), "untrained": np.full(7, untrained)}
    assert words in verdict(analyse(SIZES, counts).power_law, nulls=nulls)


def test_a_curve_that_fits_better_is_named():
    sizes = np.geomspace(1000, 64000, 12)
    analysis = analyse(sizes, 30 * np.log(sizes / 300) * np.exp(0.02 * np.resize([1, -1], 12)))
    assert analysis.comparison.preferred == "logarithmic"
    assert "A logarithmic curve describes it better than a power law" in analysis.verdict


@pytest.fixture
def counts_file(tmp_path):
    path = tmp_path / "counts.csv"
    rows = [f"{n:.0f},{r:.2f}" for n, r in zip(SIZES, 2 * SIZES**0.6 * WIGGLE, strict=True)]
    path.write_text("# made by hand\nneurons,count\n" + "\n".join(rows) + "\n")
    return path


def test_the_command_prints_the_contract(counts_file):
    result = CliRunner().invoke(app, ["fit", str(counts_file), "--json"])
    record = json.loads(result.stdout)
    contract = "exponent exponent_ci95 prefactor r2 beta beta_ci95 preferred alternatives verdict status"
    assert set(contract.split()) <= set(record)
    assert record["exponent"] == pytest.approx(0.6, abs=0.02)
    assert record["beta_ci95"][0] < record["beta"] < record["beta_ci95"][1]
    assert record["status"] == "ok"
    assert record["identifiability"].startswith("Not identified: log κ and log(1+τ) can rise together")
    information = np.array(record["fisher"]["information"])
    assert record["fisher"]["parameters"] == ["beta", "log_kappa", "log_threshold"]
    curve = record["profiles"]["beta"]
    assert min(curve["rise"]) == pytest.approx(0, abs=0.05)
    assert curve["rise"][0] > 3.84 < curve["rise"][-1]  # a quarter beyond the interval on both sides
    ends = np.linalg.eigvalsh(information)
    assert record["condition"] == pytest.approx(ends[-1] / ends[0], rel=0.1)


def test_the_table_opens_with_the_verdict(counts_file):
    result = CliRunner().invoke(app, ["fit", str(counts_file)])
    assert result.exit_code == 0
    assert result.stdout.startswith("The count grows sublinearly")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("size,count\n1,2\n", ForeignFileError, r"no column neurons \(found: size,count\)"),
        ("", ForeignFileError, "no column neurons or count"),
        ("neurons,count\n10,5\n20,\n", InputError, r"bad.csv, line 3: count = '': must be a number"),
        ("# x\nneurons,count\n10,5\n20,nan\n", InputError, r"line 4: count = 'nan': must be a number"),
        ("neurons,count\n10,5\n20\n", InputError, "line 3: count = ''"),
        ("neurons,count\n10,5\n20,-6\n", InputError, "line 3: count = '-6': must be 0, or from 1e-06 to"),
        ("neurons,count\n10,5\n20,1e-300\n", InputError, "line 3: count = '1e-300': must be 0, or from 1e-06 to"),
        ("neurons,count\n0,5\n20,6\n", InputError, "line 2: neurons = '0': must be a number of neurons, from 1"),
        ("neurons,count\n", ForeignFileError, "no rows below the column names"),
        ("neurons,count,count\n10,5,6\n", ForeignFileError, "column count occurs 2 times"),
        ("neurons,count\n1000,5\n1000.1,6\n1000.2,7\n", InputError, "bad.csv: sizes = .*that differ by 1% or more"),
        (
            "neurons,count\n10,5\n1e300,6\n",
            InputError,
            r"line 3: neurons = '1e300': must be a number of neurons, from 1 to 1e\+15. Try: a CSV file",
        ),
        ("neurons,count,count_sd\n10,5,1\n20,6,\n", InputError, "line 3: count_sd = '': .*omit the column"),
        ("neurons,count\n10,5\n20,6,5\n", InputError, r"line 3 = '20,6,5': must have 2 fields as the first line has"),
        ("neurons,count\n10,5\n", InputError, "a slope needs positive counts at two sizes"),
    ],
)
def test_bad_files_get_an_error_that_says_where(tmp_path, text, error, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(error, match=message):
        read_counts(path)


def test_blank_fields_at_the_end_of_a_line_are_left_by_spreadsheets(tmp_path):
    path = tmp_path / "spread.csv"
    path.write_text("neurons,count,,\n10,5,,\n20,6,,,,\n")
    assert read_counts(path).counts.tolist() == [5, 6]


def test_a_quoted_cell_may_span_lines_and_must_end(tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text('neurons,count,note\n128,10,"a\nb"\n\n# one more\n256,20,c\n')
    assert read_counts(path).counts.tolist() == [10, 20]
    path.write_text('neurons,count,note\n128,10,"a\nb"\n256,x,c\n')
    with pytest.raises(InputError, match="line 4: count = 'x'"):
        read_counts(path)
    path.write_text('neurons,count,note\n128,10,"a\n256,20,c\n512,30,d\n')
    with pytest.raises(ForeignFileError, match="up to line 4: unexpected end of data"):
        read_counts(path)


def test_repeats_at_two_sizes_give_intervals_but_test_no_form():
    analysis = analyse([128, 128, 256, 256], [10, 11, 15, 17])
    assert np.isfinite(analysis.power_law.exponent_ci95).all()
    assert analysis.status.startswith("two sizes only: a line passes through any two, so its form is not tested")
    assert "an interval needs repeated counts at these sizes" in analysis.status


def test_the_sentence_says_that_beta_rests_on_a_zero_which_the_exponent_leaves_out():
    sizes, counts = [128, 256, 512, 1024, 2048], [0, 33, 48, 76, 115]
    also = "including the zero at N = 128, which the exponent omits"
    assert also in analyse(sizes, counts).verdict
    assert also not in analyse(sizes[1:], counts[1:]).verdict


def test_sublinear_counts_as_steep_as_the_theory_allows_are_not_said_to_be_linear():
    """α = 0.79 (0.62 to 0.97) at a few pairs: β = 1 gives no more at these sizes, and the words must agree with α."""
    analysis = analyse([100, 200, 400, 800], [5, 9, 14, 27])
    assert "grows sublinearly" in analysis.verdict
    assert "β is at its lower limit 1, because at these sizes the theory allows no faster growth" in analysis.verdict
    assert (
        analysis.status
        == "β is at its lower limit 1: at these sizes the counts grow as fast as the theory allows, or faster"
    )


def test_what_equal_counts_leave_open_is_said_without_a_number():
    """The linear estimate of an endless valley, 10^149, means nothing."""
    sentence = analyse([100, 200, 400, 800], [5, 5, 5, 5]).record()["identifiability"]
    assert "can rise together, without end, and the fit is only one standard deviation worse" in sentence


@pytest.mark.parametrize(
    ("counts", "starts"), [([0, 5, 9, 14], "the fit No pair exceeds"), ([0, 0, 9, 14], "No law is shown")]
)
def test_a_size_where_most_pairs_of_seeds_have_nothing_decides(counts, starts):
    """Half of them do not: one of two empty leaves the law, both end it."""
    assert with_zeros(np.array([100, 100, 200, 400]), np.array(counts), "the fit").startswith(starts)


def test_zeros_at_large_networks_take_the_claim_away():
    """Least squares on the other logarithms would claim 0.66 (0.64 to 0.69); Poisson's likelihood takes zeros in."""
    sizes, counts = [128, 256, 512, 1024, 2048, 4096, 8192], [10, 16, 25, 40, 0, 0, 0]
    analysis = analyse(sizes, counts)
    assert analysis.verdict.startswith("No power law is shown: growth cannot be distinguished from none (exponent −")
    assert (
        "with the zeros at N = 2,048, 4,096, 8,192; without them exponent 0.66, 95% interval 0.64" in analysis.verdict
    )
    assert "β" not in analysis.verdict
    kept = analyse(sizes, [0, 16, 25, 40, 63, 100, 158]).verdict
    assert kept.startswith("The count grows sublinearly")
    assert "The zeros at N = 128 do not change this (with them exponent 0." in kept


def test_stated_errors_that_allow_more_than_the_scatter_are_heard():
    sizes = SIZES
    counts = 2 * sizes**0.6 * WIGGLE
    wide, narrow = (analyse(sizes, counts, share * counts).verdict for share in (1.5, 0.02))
    assert "By the stated errors of the counts, no power law is shown: growth cannot be distinguished from none" in wide
    assert "If the theory holds" not in wide
    assert "stated errors" not in narrow


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((0.9, 0.9987), "0.90 to 0.999"),
        ((0.002, 1.0004), "0.002 to 1.0004"),
        ((-0.001, 1.0), "−0.001 to 1.00"),
        ((0.5, np.inf), "0.50 to ∞"),
        ((-0.00001, 0.5), "0.0000 to 0.50"),
    ],
)
def test_ends_of_intervals_show_on_which_side_of_0_and_1_they_lie(interval, words):
    assert ends(interval) == words


def test_missing_and_binary_files_are_told_apart(tmp_path):
    with pytest.raises(MissingFileError, match="no such file"):
        read_counts(tmp_path / "none.csv")
    with pytest.raises(ForeignFileError, match="is a folder"):
        read_counts(tmp_path)
    (tmp_path / "binary").write_bytes(bytes(range(128, 256)))
    with pytest.raises(ForeignFileError, match="not a text file"):
        read_counts(tmp_path / "binary")


def test_the_record_says_how_much_the_exponent_depends_on_method_and_points():
    record = analyse([100, 200, 400, 800, 1600, 3200], [0, 10, 16, 22, 40, 58], [1, 2, 3, 4, 5, 6]).record()
    assert [fit["likelihood"] for fit in record["likelihoods"]] == ["poisson", "negative binomial", "weighted"]
    assert record["likelihoods"][0]["exponent"] > record["exponent"]  # the zero, which only whole counts can use
    assert list(record["leave_one_size_out"]) == [200, 400, 800, 1600, 3200]


def test_more_pairs_than_neurons_and_sizes_of_one_count_are_said():
    notes = analyse([100, 1000, 10000], [200, 900, 4000]).power_law.data.notes
    assert notes == ("N = 100 has more pairs than neurons, which is impossible in a mutual matching",)
    assert analyse([100, 1000, 10000], [1, 1, 1]).status.startswith("all counts are equal")


@pytest.mark.parametrize("above", [4, 5, 8])
def test_more_pairs_than_neurons_at_half_of_the_sizes_are_no_law(above):
    counts = np.where(np.arange(8) < above, 2, 0.5) * 2.0 ** np.arange(7, 15)
    assert verdict(fit_power_law(2.0 ** np.arange(7, 15), counts)).startswith("No law is shown: at ")


def test_a_null_with_as_many_raw_matches_covers_them_and_raw_counts_alone_are_no_null():
    sizes, counts = [100, 200, 400, 800], [5, 9, 14, 27]
    raw = np.array([20, 30, 45, 70])
    assert (
        "the permuted null has as many raw matches"
        in analyse(sizes, counts, nulls={"raw": raw, "permuted": raw}).verdict
    )
    assert (
        "Raw counts exceed those of every null"
        in analyse(sizes, counts, nulls={"raw": raw, "permuted": raw - 1}).verdict
    )
    assert "No null was given" in analyse(sizes, counts, nulls={"raw": raw}).verdict


def test_beta_does_not_claim_a_zero_that_it_left_out():
    """Means that are not whole are fitted in logarithms, which have no zero."""
    analysis = analyse([128, 256, 512, 1024, 2048], [0, 33.5, 48.2, 76.1, 115.3])
    assert analysis.theory.variance_power == 2
    assert "which the exponent omits" not in analysis.verdict


def test_counts_that_fall_have_neither_beta_nor_a_curve():
    verdict = analyse([100, 200, 400, 800, 1600], [50, 48, 40, 35, 30]).verdict
    assert verdict.startswith("No power law is shown: the count falls")
    assert "β" not in verdict
    assert "curve" not in verdict


def test_a_size_that_is_out_of_line_is_named_and_the_claim_without_it_made():
    """An exact line with one count five times too high, in the middle; without it the interval is that of the line."""
    sizes, counts = 128 * 2.0 ** np.arange(8), [4, 7, 10, 16, 120, 37, 56, 86]
    analysis = analyse(sizes, counts)
    assert "N = 2,048 is an outlier, with 5 times the count expected from the other sizes" in analysis.verdict
    assert "without it the claim is the same (exponent 0.62, 95% interval 0.60 to 0.65)" in analysis.verdict
    assert analysis.status.startswith("the count at N = 2,048 is an outlier")
    assert analysis.record()["residual_checks"]["outlier"] == 2048
    straight = analyse(sizes, [4, 7, 10, 16, 24, 37, 56, 86])
    assert "out of line" not in straight.verdict + straight.status


def test_counts_that_scatter_more_than_chance_has_them_are_not_ok():
    jagged = analyse(128 * 2.0 ** np.arange(8), [20, 60, 35, 90, 50, 140, 70, 160])
    assert "The counts scatter about the line by a factor of 1.6, more than expected by chance" in jagged.verdict
    assert "scatter about the line far more than expected by chance" in jagged.status
    few = analyse([128, 256, 512, 1024, 2048], [3, 8, 6, 14, 13])  # as Poisson's counts of this size do
    assert "scatter" not in few.verdict + few.status


@pytest.mark.parametrize(("power", "kind"), [(1.0, "linear"), (0.6, "sublinear")])
def test_more_pairs_than_neurons_at_every_size_are_no_law(power, kind):
    sizes = 128 * 2.0 ** np.arange(8)
    analysis = analyse(sizes, np.round(2 * sizes[-1] ** (1 - power) * sizes**power))
    assert analysis.verdict.startswith("No law is shown: at every size there are more pairs than neurons")
    assert "sublinear" not in analysis.verdict
    assert analysis.status.startswith("there are more pairs than neurons")
    assert len(analysis.power_law.data.notes) == 1
    one = analyse(sizes, [300, *np.round(20 * (sizes[1:] / 256) ** 0.6)])
    assert "The count at N = 128 is a mistake, because there are more pairs than neurons" in one.verdict


@pytest.mark.parametrize(
    "text",
    [
        "Neurons,Count\n128,4\n256,7\n512,10\n",
        "NEURONS , count\n128,4\n256,7\n512,10\n",
        "neurons;count\n128;4\n256;7\n512;10\n",
        "Count\tneurons\n4\t128\n7\t256\n10\t512\n",
    ],
)
def test_columns_in_any_case_and_with_other_marks_between_them_are_read(tmp_path, text, capsys):
    path = tmp_path / "other.csv"
    path.write_text(text)
    assert has_counts(path)
    data = read_counts(path)
    assert data.neurons.tolist() == [128, 256, 512]
    assert data.counts.tolist() == [4, 7, 10]
    said = capsys.readouterr().err
    mark = {";": "semicolons", "\t": "tabs"}.get(next((m for m in ";\t" if m in text), ""), "")
    assert (f"columns are separated by {mark}; numbers need a decimal point" in said) == bool(mark)


def test_a_decimal_comma_between_semicolons_and_a_name_in_two_cases_are_refused(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("neurons;count\n128;4,5\n256;7\n")
    with pytest.raises(InputError, match="line 2: count = '4,5': must be a number"):
        read_counts(path)
    path.write_text("neurons,count,Count\n128,4,4\n256,7,7\n")
    with pytest.raises(ForeignFileError, match="column count occurs 2 times"):
        read_counts(path)
    path.write_text("Size;Count\n128;4\n")
    with pytest.raises(ForeignFileError, match=r"no column neurons \(found: Size,Count\)"):
        read_counts(path)


def test_a_result_prints_as_a_few_lines_and_turns_into_a_table():
    analysis = analyse(SIZES, 2 * SIZES**0.6 * WIGGLE)
    assert str(analysis) == analysis.summary()
    text = analysis.summary().splitlines()
    assert text[0] == analysis.verdict
    assert any(line.startswith("alpha = 0.6") and "95% interval 0.5" in line for line in text)
    assert text[-1] == "status: ok"
    frame = analysis.to_dataframe()
    assert frame.loc["beta", "value"] == analysis.theory.beta
    assert tuple(frame.loc["alpha", ["low", "high"]]) == analysis.power_law.exponent_ci95


def test_an_analysis_takes_counts_tables_and_files(counts_file):
    pandas = pytest.importorskip("pandas")
    counts = 2 * SIZES**0.6 * WIGGLE
    expected = analyse(SIZES, counts).power_law.exponent
    table = pandas.DataFrame({"neurons": SIZES, "count": counts})
    assert analyse(clean(SIZES, counts)).power_law.exponent == analyse(table).power_law.exponent == expected
    assert analyse(str(counts_file)).power_law.exponent == pytest.approx(expected, abs=1e-3)
    with pytest.raises(InputError, match=r"data = \[1, 2\]: must be Counts, or have the columns"):
        analyse([1, 2])


def test_three_counts_say_nothing_of_three_parameters(tmp_path):
    """Means of three sizes, met exactly: the command says so where it said ± 0.00022."""
    path = tmp_path / "means.csv"
    path.write_text("neurons,count\n128,4.5\n1024,16.2\n8192,56.7\n")
    assert analyse([128, 1024, 8192], [4.5, 16.2, 56.7]).counts_alone is None
    printed = CliRunner().invoke(app, ["fit", str(path)]).stdout
    assert "β, κ and τ from counts alone: Not determined: as many parameters (3) as numbers (3)" in printed
    record = json.loads(CliRunner().invoke(app, ["fit", str(path), "--json"]).stdout)
    assert record["identifiability"].startswith("Not determined")
    four = analyse([128, 512, 2048, 8192], [4.5, 10.2, 25.1, 56.7])
    assert four.counts_alone is not None


def test_the_posterior_is_printed_in_kappa_and_tau(counts_file):
    printed = CliRunner().invoke(app, ["fit", str(counts_file), "--posterior", "100"]).stdout
    assert "posterior of kappa: " in printed
    assert "posterior of tau: " in printed
    assert "log_kappa" not in printed


def test_what_is_no_table_is_named_with_a_file_that_may_be_meant(tmp_path):
    (tmp_path / "counts.csv").write_text("neurons,count\n128,21\n256,33\n512,48\n")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    (tmp_path / "image.csv").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    os.mkfifo(tmp_path / "pipe.csv")  # opened, it would wait for a writer
    for name, words in (
        ("count.csv", f"no such file. .*; perhaps {tmp_path / 'counts.csv'}"),
        (".", f"is a folder. .*; perhaps {tmp_path / 'counts.csv'}"),
        ("loop.csv", "a link to loop.csv, which cannot be opened"),
        ("image.csv", "not a text file in UTF-8, but a PNG image"),
        ("pipe.csv", "a pipe, socket or device"),
    ):
        with pytest.raises(RosettaError, match=words):
            read_counts(tmp_path / name)
    assert len(read_counts(f"/dev/fd/{os.open(tmp_path / 'counts.csv', os.O_RDONLY)}")) == 3  # as the shell's <(...)
