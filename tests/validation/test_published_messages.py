"""Messages of figures of the paper's numbers: computed from the numbers, so that other numbers say something else."""

import pandas as pd
import pytest

from rosettalaw.paper_figs.catalogue import CATALOGUE
from rosettalaw.validation.published import read
from rosettalaw.validation.reporting import of_published as messages
from rosettalaw.validation.reporting.messages import message


def test_published_figures_open_with_their_message_on_a_page():
    for figure in messages.SAID:
        assert figure in CATALOGUE
        assert message(figure, [], []).startswith(messages.of_published(figure)), figure
        assert messages.of_published(figure).endswith(".")
    assert messages.of_published("fig05") == ""


def test_growth_of_the_vision_curves():
    curves = pd.DataFrame({"curve": ["Diffusion-A", "Diffusion-B", "other"], "exponent": [0.5, 0.7, 3.0]})
    assert messages.vision_curves(curves) == "Both published curves grow sublinearly: α is 0.50 to 0.70."
    curves.loc[1, "exponent"] = 1.2
    assert messages.vision_curves(curves).startswith("1 of 2 published curves grow sublinearly: α is 0.50 to 1.20")


def test_the_trend_of_a_null():
    sizes, flat = [1e4, 1e5, 1e6, 1e7], [20, 22, 21, 20]
    table = pd.DataFrame({"modality": "language", "neurons": sizes, "count": flat})
    said = messages.null_counts(table, "untrained networks")
    assert said.startswith("With untrained networks the paper has 20 to 22 pairs in language (slope −0.")
    assert said.endswith("1 of 1 published series shows no trend with network size.")
    steep = table.assign(count=[20, 60, 180, 540])
    assert "none of the 1 published series show no trend" in messages.null_counts(steep, "x")


def test_networks_whose_neurons_lie_early():
    shares = {f"b{i:02d}": [0.1, 0.05] for i in range(1, 7)} | {f"b{i:02d}": [0.05, 0.1] for i in range(7, 13)}
    table = pd.DataFrame({"family": "F", "model": ["one", "two"], **shares})
    said = messages.depths(table, "F")
    assert said.startswith("1 of 2 F networks have more than half of their Rosetta Neurons in the first half")
    assert said.endswith("is 33%.")
    assert messages.depths(table.iloc[:1], "F").endswith("is 67%.")


def test_count_and_overlap_with_more_data():
    rows = {"figure": 33, "pair": "A|B", "unit": "tokens", "size": [10, 1000, 100], "count": [9, 4, 7]}
    table = pd.DataFrame({**rows, "jaccard_with_previous": [None, 0.75, 0.5]})
    assert messages.more_data(table, 33) == (
        "Published: from 10 to 1,000 tokens the count falls from 9 to 4; "
        "the overlap with the previous set rises from 0.50 to 0.75."
    )
    same = table.assign(count=9, jaccard_with_previous=[None, 0.25, 0.5])
    assert "the count stays at 9; the overlap with the previous set falls from 0.50 to 0.25" in messages.more_data(
        same, 33
    )


def test_the_judge_over_images():
    table = pd.DataFrame({"top_k": [2, 5], "rosetta": [0.6, 0.5], "non_rosetta": [0.4, 0.3]})
    assert messages.judged(table).startswith("At both published numbers of images Rosetta Neurons are judged")
    assert messages.judged(table.assign(rosetta=[0.6, 0.1])).startswith("At 1 of 2 published numbers of images")
    assert messages.judged(table.assign(rosetta=[0.1, 0.1])).startswith("At neither of the 2 published numbers")


def test_growth_of_dino():
    sizes = [1e4, 1e5, 1e6, 1e7]
    table = pd.DataFrame({"neurons": sizes, "DINOv2": [10, 32, 100, 316], "DINOv3": [50, 400, 20, 90]})
    said = messages.dino(table)
    assert said.startswith("DINOv2: the count grows sublinearly with network size (α = 0.50, 0.49 to 0.51).")
    assert "DINOv3: no power law is shown" in said
    assert "DINOv2: no power law is shown" in messages.dino(table.assign(DINOv2=table["DINOv3"]))


def test_filtering_compares_by_the_interval_of_the_difference():
    rows = {"method": ["rosetta", "non_rosetta", "oracle"], "f1": [0.9, 0.1, 1.0]}
    table = pd.DataFrame({**rows, "test_ppl": [3.0, 3.3, 2.95], "ppl_ci95": [0.06, 0.08, 0.01]})
    said = messages.filtering(table)  # 0.3 > hypot(0.06, 0.08) = 0.1 > 0.05
    assert "better than another neuron (F1 0.90 against 0.10)" in said
    assert "3.00 is below the other neuron's 3.30 and within the error of the oracle's 2.95" in said
    other = table.assign(f1=[0.1, 0.9, 1.0], test_ppl=[3.4, 3.3, 2.95], ppl_ci95=0.03)
    assert "worse than another neuron" in messages.filtering(other)
    assert "3.40 is above the other neuron's 3.30 and above the oracle's" in messages.filtering(other)


@pytest.mark.parametrize(("accuracy", "words"), [(0.8, "more often"), (0.52, "as often as"), (0.3, "less often")])
def test_the_judge_against_chance(accuracy, words):
    table = read("table5_judge")
    table.loc[table["predictor"] == "vlm_judge", "accuracy"] = accuracy
    assert f"is right {words}" in messages.judge(table)
