"""Measuring vision models: class selectivity, distinct pairs, and whole ladders on tiny models."""

import dataclasses
import itertools
from collections import Counter

import numpy as np
import pytest

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.vision import ladder as rungs
from rosettalaw.empirical.vision.deduplicate import distinct
from rosettalaw.empirical.vision.families.photographs import Photographs
from rosettalaw.empirical.vision.families.training import Recipe
from rosettalaw.empirical.vision.images import from_array
from rosettalaw.empirical.vision.ladder import by_photograph, fresh_networks, held_out, measure_pair, measure_vision
from rosettalaw.empirical.vision.selectivity import class_selectivity, image_scores
from rosettalaw.empirical.vision.studies import image_sweep, real_and_generated
from rosettalaw.empirical.vision.train_ladder import Pairing, VisionLadder, train_ladder
from rosettalaw.errors import InputError
from rosettalaw.validation.series_from import of_ladder
from tests.in_process import jobs_here


def test_image_scores_are_means_over_cells():
    rows = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    source = ArraySource(rows, "x")
    expected = rows.reshape(5, 6, 4).mean(1)
    for block in (4, 7, 100):
        np.testing.assert_allclose(image_scores(source, 5, block), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="must be a multiple of the 7 images"):
        image_scores(source, 7)


def test_class_selectivity_by_hand():
    labels = np.array([3, 3, 5, 5, 9])
    scores = np.array(
        [
            [1, 1, -1, 4],
            [1, 1, -2, 0],
            [0, 1, -1, 1],
            [0, 1, -1, 1],
            [0, 1, -1, -3],
        ],
        dtype=float,
    )
    # one class alone; no class; never excited; class means 2, 1, 0: (2 − ½)/(2 + ½)
    np.testing.assert_allclose(class_selectivity(scores, labels), [1, 0, np.nan, 0.6])
    with pytest.raises(InputError, match="at least two classes"):
        class_selectivity(scores, np.zeros(5, int))


def test_distinct_pairs_leave_out_near_copies_in_either_model():
    rng = np.random.default_rng(0)
    base = rng.standard_normal((2000, 4))
    noise = rng.standard_normal((2000, 5))
    a = np.column_stack([base[:, 0], base[:, 0] + 0.3 * noise[:, 0], base[:, 1], base[:, 2], base[:, 3]])
    b = np.column_stack([base[:, 0], noise[:, 1], base[:, 1], -base[:, 1] + 0.3 * noise[:, 2], noise[:, 4]])
    correlation = np.array([0.8, 0.9, 0.95, 0.6, 0.7])
    # 1 is better than its copy 0 in a; 3 copies 2 in b, with the other sign; 4 stands alone
    assert distinct(a, b, correlation).tolist() == [2, 1, 4]
    assert distinct(a[:, :1], b[:, :1], correlation[:1]).tolist() == [0]
    assert distinct(a[:, :0], b[:, :0], correlation[:0]).tolist() == []


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    rng = np.random.default_rng(0)
    pictures = [[rng.standard_normal((48, 160, 3)).astype(np.float32)] for _ in range(3)]
    recipe = Recipe(steps=4, batch=8, layers=1)
    pairings = (Pairing("denoising", "supervised"), Pairing("denoising", "denoising"))
    ladder = VisionLadder("tiny", (8, 16), recipe, pairings, images=40, permutations=2, untrained=2)
    with jobs_here():
        return train_ladder(ladder, Photographs(pictures), tmp_path_factory.mktemp("cache"), quiet=True)


@pytest.fixture(scope="module")
def measured(trained):
    ladders, read = measure_vision(trained, quiet=True)
    return ladders, read()


def test_a_ladder_has_every_rung_for_every_seed(trained, measured):
    ladders, _ = measured
    assert sorted(ladders) == ["denoising-seeds", "denoising-supervised"]
    one = ladders["denoising-seeds"]
    assert one["neurons"].values.tolist() == [32, 32, 32, 64, 64, 64]
    assert list(zip(one["seed_a"].values, one["seed_b"].values, strict=True))[:3] == [(0, 1), (1, 2), (2, 0)]
    assert one["positions"].values.tolist() == [40 * 16] * 6
    assert one.attrs["modality"] == "vision"
    for rung in range(6):
        here = one["pair_rung"].values == rung
        assert here.sum() == one["raw_count"].values[rung]
        kept = one["correlation"].values[here] >= one["threshold"].values[rung]
        assert kept.sum() == one["calibrated_count"].values[rung] >= one["distinct_count"].values[rung]
    assert {"permuted", "untrained"} == set(one["null_kind"].values)


def test_untrained_networks_are_one_null_for_all_pairings_of_a_width_and_seed(measured):
    ladders, _ = measured
    draws = []
    for one in ladders.values():
        for rung in range(6):
            here = (one["null_rung"].values == rung) & (one["null_kind"].values == "untrained")
            draws.append(one["null_correlation"].values[here])
    for rung in range(6):
        np.testing.assert_array_equal(draws[rung], draws[rung + 6])
    assert len({draw.tobytes() for draw in draws}) == 6  # of each width and seed its own


@pytest.mark.parametrize("draws", [1, 2, 3, 5, 6])
def test_each_untrained_network_is_in_two_draws_at_most(trained, draws):
    some = dataclasses.replace(trained, ladder=dataclasses.replace(trained.ladder, untrained=draws))
    images = held_out(trained, 4)
    pairs = [(a.rows(slice(8)).tobytes(), b.rows(slice(8)).tobytes()) for _, a, b in fresh_networks(some, 8, images, 1)]
    assert len({frozenset(pair) for pair in pairs}) == draws
    assert all(a != b for a, b in pairs)
    assert max(Counter(itertools.chain(*pairs)).values()) <= 2
    other = next(fresh_networks(some, 8, images, 2))
    assert other[1].rows(slice(8)).tobytes() not in set(itertools.chain(*pairs))


def test_crops_are_ordered_by_photograph():
    cells = np.arange(24.0).reshape(12, 2).astype(np.float32)  # six images of two cells
    images = dataclasses.replace(
        from_array("c", np.zeros((6, 4, 4, 3), np.uint8)), photographs=np.array([2, 0, 2, 1, 0, 1])
    )
    ordered = by_photograph(ArraySource(cells, "x"), images)
    assert ordered.labels()["document"].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert ordered.rows(slice(None))[:, 0].tolist() == [4, 6, 16, 18, 12, 14, 20, 22, 0, 2, 8, 10]


def test_errors_of_counts_draw_photographs_and_threshold_anew(measured):
    for one in measured[0].values():
        assert (one["calibrated_count_se"] >= 0).all()
        assert "threshold_se" in one


def test_a_ladder_is_read_as_any_other(measured):
    series = of_ladder(measured[0]["denoising-supervised"], "vision")
    assert len(series.correlations) == 6
    assert set(series.nulls) == {"raw", "permuted", "untrained"}


def test_measuring_again_gives_the_same(trained, measured):
    ladders, read = measured
    again = measure_pair(read, trained.ladder.pairings[0], (1, 1), {"permute": 2})
    one = ladders["denoising-supervised"]
    here = one["pair_rung"].values == 4
    np.testing.assert_array_equal(one["correlation"].values[here], again["pair"]["correlation"])
    here = one["null_rung"].values == 4
    np.testing.assert_array_equal(one["null_correlation"].values[here], again["null_pair"]["null_correlation"])


def test_an_interrupted_measurement_goes_on(trained, measured, tmp_path, monkeypatch):
    calls = []

    def counted(*arguments):
        calls.append(arguments[1].name)
        if len(calls) == 8:  # in the middle of the second width's first pairing
            raise KeyboardInterrupt
        return measure_pair(*arguments)

    monkeypatch.setattr(rungs, "measure_pair", counted)
    with pytest.raises(KeyboardInterrupt):
        measure_vision(trained, out=tmp_path, quiet=True)
    assert len(list(tmp_path.glob("rungs-*-8-*.nc"))) == 2
    calls.clear()
    calls += ["after"] * 100
    ladders, _ = measure_vision(trained, out=tmp_path, quiet=True)
    assert len(calls) == 106  # the second width's two pairings of three seeds
    for name, one in ladders.items():
        assert one.drop_attrs().identical(measured[0][name].drop_attrs())
        assert {key for key in one.attrs if key != "command"} == set(measured[0][name].attrs) - {"command"}
        assert [len(revision) for revision in one["revision_a"].values] == [64] * 6
    monkeypatch.setattr(rungs, "read_width", lambda *_: pytest.fail("models were run again"))
    measure_vision(trained, out=tmp_path, quiet=True)
    next(tmp_path.glob("rungs-denoising-seeds-16-*.nc")).write_bytes(b"cut short")
    with pytest.raises(pytest.fail.Exception, match="models were run again"):
        measure_vision(trained, out=tmp_path, quiet=True)


def test_finished_models_are_not_trained_again(trained):
    times = {job.folder(0): (job.folder(0) / "training.json").stat().st_mtime_ns for job in trained.jobs.values()}
    root = next(iter(times)).parents[3]
    train_ladder(trained.ladder, trained.photographs, root, quiet=True)
    assert all((folder / "training.json").stat().st_mtime_ns == time for folder, time in times.items())


def test_what_is_held_out_comes_from_the_right_quarter(trained):
    images = held_out(trained)
    assert len(images) == 40
    assert images.labels is not None
    pictures = trained.photographs.pictures
    strip = pictures[list(images.classes).index(images.classes[images.labels[0]])][0][:, 120:]
    windows = np.lib.stride_tricks.sliding_window_view(strip, (32, 32), axis=(0, 1)).transpose(0, 1, 3, 4, 2)
    assert any(np.array_equal(images[0], window) for row in windows for window in row)


def test_the_sweep_ends_with_all_images(trained, measured):
    ladders, read = measured
    swept = image_sweep(read, trained.ladder.pairings[:1], {"permute": 2}, (10, 20, 40))["denoising-supervised"]
    assert swept["size_images"].values.tolist() == [10, 20, 40]
    assert swept["size_raw_count"].values[-1] == ladders["denoising-supervised"]["raw_count"].values[3]
    assert np.isnan(swept["size_raw_overlap"].values[0])
    assert (swept["size_raw_overlap"].values[1:] <= 1).all()


def test_real_and_generated_images_are_compared_seed_by_seed(trained, measured):
    found = real_and_generated(trained, measured[1], trained.ladder.pairings[:1])["denoising-supervised"]
    assert found.sizes["seed"] == 3
    assert found["image_kind"].values.tolist() == ["real", "generated"]
    assert (found["raw_overlap"].values <= 1).all()
    assert found["effective_dimension"].values.shape == (2,)
    real = measured[0]["denoising-supervised"]["raw_count"].values[3:]
    np.testing.assert_array_equal(found["kind_raw_count"].sel(image_kind="real"), real)


def test_a_ladder_needs_seeds(trained):
    with pytest.raises(InputError, match="at least three"):
        dataclasses.replace(trained.ladder, recipe=Recipe(seeds=(1,)))
