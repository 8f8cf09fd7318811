"""The loop on the kept ladder with seeds: the table of neurons that recur, against components of another library."""

import csv
import time
from pathlib import Path
from types import SimpleNamespace

import networkx
import numpy as np

import rosettalaw.empirical.ladder.measure
from rosettalaw.loop import ladder as loop
from rosettalaw.results import load

KEPT = Path(__file__).parents[2] / "docs/full_ladder/results.nc"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10" width="10pt" height="10pt"><title>x</title></svg>'


def components(kept, size, rho):
    """The number of networks of each connected component of one size, by networkx."""
    graph = networkx.Graph()
    for rung in np.flatnonzero(kept["neurons"].values == size):
        a, b = (int(kept[f"seed_{side}"].values[rung]) for side in "ab")
        pairs = np.flatnonzero((kept["pair_rung"].values == rung) & (kept["correlation"].values >= rho))
        units = (kept[f"unit_{side}"].values[pairs].tolist() for side in "ab")
        graph.add_edges_from((("a", a, one), ("b", b, other)) for one, other in zip(*units, strict=True))
    return [len({node[:2] for node in part}) for part in networkx.connected_components(graph)]


def test_a_ladder_with_seeds_lists_the_neurons_that_recur(tmp_path, monkeypatch):
    kept, figure = load(KEPT, "ladder"), tmp_path / "figure.svg"
    figure.write_text(SVG)
    monkeypatch.setattr(rosettalaw.empirical.ladder.measure, "measure_ladder", lambda *_, **__: kept)
    monkeypatch.setattr(loop, "draw", lambda *_: {"scaling": figure, "calibration": figure})
    summary = loop.conclude(SimpleNamespace(name="full"), tmp_path / "out", time.monotonic())
    sizes = sorted({row["neurons"] for row in summary["recurring"]})
    assert sizes == [288, 384, 576, 768, 1152]  # those whose seeds are crossed
    with (tmp_path / "out/recurring.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for size in sizes:
        expected = sorted(of for of in components(kept, size, summary["common_rho"]) if of >= 3)
        assert sorted(int(row["networks"]) for row in rows if float(row["neurons"]) == size) == expected
        counted = {row["networks"]: row["families"] for row in summary["recurring"] if row["neurons"] == size}
        assert counted == {of: expected.count(of) for of in (6, 5, 4, 3)}
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert 'href="#recurring"' in page
    assert "families of neurons of N = 1,152, the largest size at which every seed" in " ".join(page.split())
    first = next(row for row in rows if row["neurons"] == "1152")
    assert f'<td class="words">{first["gpt2 seed 0"]}</td>' in page
