"""The filtering study kept in the repository: what FINDINGS.md says of it is what its file gives."""

from pathlib import Path

import pytest

from rosettalaw.empirical.filtering.findings import sentences
from rosettalaw.results import load

FOLDER = Path(__file__).parents[2] / "docs/filtering"


@pytest.fixture(scope="module")
def study():
    return load(FOLDER / "filtering.nc", "filtering")


def test_every_sentence_is_what_the_file_gives(study):
    text = (FOLDER / "FINDINGS.md").read_text(encoding="utf-8")
    for sentence in sentences(study):
        assert f"- {sentence}\n" in text


def test_the_conclusion_follows_from_the_intervals(study):
    ahead = {name: study.sel(selector=name) for name in ("random", "non_rosetta")}
    assert float(ahead["random"]["f1_behind_low"]) > 0
    assert float(ahead["non_rosetta"]["f1_behind_low"]) > 0
    behind = ahead["random"]
    assert float(behind["test_perplexity_behind"]) > float(behind["test_perplexity_behind_ci95"])
    is_rosetta, text = study["leader_rosetta"].values, " ".join((FOLDER / "FINDINGS.md").read_text("utf-8").split())
    ours, others = study["leader_f1"].values[is_rosetta], study["leader_f1"].values[~is_rosetta]
    good = (
        f"of the {len(others)} leading neurons without a partner, {(others >= 0.85).sum()} have an F1 of at least 0.85"
    )
    assert f"{good}, and one has a larger F1 than the Rosetta Neuron" in text
    assert (others > ours[0]).sum() == 1
    assert abs(ours.mean() - others.mean()) < min(ours.std(), others.std())
    assert 0.3 < float(ahead["random"]["filter_f1"]) < 0.4


def test_the_table_of_splits_is_what_three_files_give():
    """Every cell from its file; in each split the neuron beats random documents, and only in two the other neuron."""

    def signed(value):
        return f"{value:+.2f}".replace("-", "−")

    rows, ahead, of_random = [], [], []
    for seed, name in enumerate(("filtering", "filtering-1", "filtering-2")):
        one = load(FOLDER / f"{name}.nc", "filtering")
        assert one.attrs["seed"] == seed
        f1 = {
            selector: float(one["filter_f1"].sel(selector=selector))
            for selector in ("rosetta", "non_rosetta", "random")
        }
        other = [float(one[f"f1_behind{end}"].sel(selector="non_rosetta")) for end in ("", "_low", "_high")]
        is_rosetta, leaders = one["leader_rosetta"].values, one["leader_f1"].values
        cells = [str(seed), f"{f1['rosetta']:.2f}", f"{f1['non_rosetta']:.2f}"]
        cells.append("{} ({} to {})".format(*map(signed, other)))
        cells += [f"{leaders[is_rosetta].mean():.2f}", f"{leaders[~is_rosetta].mean():.2f}", f"{f1['random']:.2f}"]
        rows.append(f"| {' | '.join(cells)} |")
        ahead.append((other[1] > 0) - (other[2] < 0))
        of_random.append(float(one["f1_behind_low"].sel(selector="random")))
    text = (FOLDER / "FINDINGS.md").read_text(encoding="utf-8")
    table = text.split("<!-- begin splits -->\n")[1].split("<!-- end splits -->")[0].splitlines()
    assert table[2:] == rows
    assert sorted(ahead) == [-1, 1, 1]
    assert min(of_random) > 0
