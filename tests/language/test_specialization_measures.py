"""Documents that neurons fire on, depth, nested data, and groupings: planted answers and brute force."""

import numpy as np
import pytest
from scipy import stats

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.corpora.corpus import Corpus, Document
from rosettalaw.empirical.language.aligned_text import AlignedText
from rosettalaw.empirical.language.alignment import Window
from rosettalaw.empirical.measures import firing
from rosettalaw.empirical.measures.categories import grouping
from rosettalaw.empirical.measures.data_size import FirstPositions, overlaps, sizes
from rosettalaw.empirical.measures.depth import depth_profile
from rosettalaw.empirical.measures.selectivity import activity
from rosettalaw.errors import ForeignFileError, InputError, MissingFileError
from rosettalaw.validation.published import read


def test_firing_of_planted_specialists_and_of_indifferent_neurons():
    """Specialists fire in one category only: share 1 over its share of positions. The others do not care: 1."""
    rng = np.random.default_rng(0)
    category = rng.choice(3, 20_000, p=[0.5, 0.3, 0.2])
    x = rng.normal(size=(20_000, 300)).astype(np.float32)
    x[:, :50] += 100 * (category == 2)[:, None]
    shares = firing.shares(activity(ArraySource(x), tops=20).top_position, category, 3)
    base = firing.baseline(category, 3)
    np.testing.assert_allclose(base, np.bincount(category) / 20_000)
    specialists, others = firing.firing(shares[:50], base), firing.firing(shares[50:], base)
    np.testing.assert_allclose(specialists.value, [0, 0, 1 / base[2]])
    assert np.all((others.low < 1) & (others.high > 1))
    np.testing.assert_allclose(others.value, 1, atol=0.1)
    assert np.all(firing.entropy(shares[:50]) == 0)


def test_the_interval_is_students_over_neurons():
    shares = np.random.default_rng(1).dirichlet([2, 3, 4], 15)
    base = np.array([0.2, 0.3, 0.5])
    found = firing.firing(shares, base)
    for column in range(3):
        expected = stats.ttest_1samp(shares[:, column] / base[column], 0).confidence_interval(0.95)
        assert (found.low[column], found.high[column]) == pytest.approx((expected.low, expected.high))
    assert np.isnan(firing.firing(shares[:1], base).low).all()
    assert np.isnan(firing.firing(shares[:0], base).value).all()


def test_neurons_without_a_top_position_take_no_part():
    share = np.array([[0.5, 0.5], [np.nan, np.nan], [0.9, 0.1]])
    base = np.array([0.4, 0.6])
    found, expected = firing.firing(share, base), firing.firing(share[[0, 2]], base)
    for name in ("value", "low", "high"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    np.testing.assert_allclose(found.value, np.array([0.7, 0.3]) / base)
    assert np.isnan(firing.firing(share[1:2], base).value).all()


def test_entropy_is_scipys():
    shares = np.array([[1, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0], [0.1, 0.2, 0.3, 0.4]])
    np.testing.assert_allclose(firing.entropy(shares), stats.entropy(shares, base=2, axis=1))
    assert np.isnan(firing.entropy(np.full((1, 3), np.nan))[0])


def test_control_draws_at_random_or_takes_all():
    shares, base = np.random.default_rng(2).dirichlet([1, 1], 400), np.array([0.5, 0.5])
    drawn, each = firing.control(shares, base, size=100, draws=3, seed=5)
    assert each.shape == (3, 2)
    assert len(np.unique(each[:, 0])) == 3
    expected = stats.ttest_1samp(each[:, 0], 0).confidence_interval(0.95)
    assert (drawn.low[0], drawn.high[0]) == pytest.approx((expected.low, expected.high))
    np.testing.assert_array_equal(each, firing.control(shares, base, 100, 3, 5)[1])
    assert not np.array_equal(each, firing.control(shares, base, 100, 3, 6)[1])
    every, same = firing.control(shares, base, size=400, draws=3, seed=5)
    np.testing.assert_allclose(every.value, shares.mean(0) / base)
    np.testing.assert_array_equal(same, np.tile(every.value, (3, 1)))


def test_categories_of_positions():
    documents = (Document("p", "Github", "abc"), Document("q", "own", "abcdef"), Document("r", "FreeLaw", "ab"))
    windows = tuple(Window(d, np.arange(n + 1), (), ()) for d, n in ((1, 2), (0, 3), (2, 1), (1, 1)))
    pile = grouping()
    names = pile.names({document.domain for document in documents})
    assert names == ["code", "formal", "own"]
    found = firing.categories_of(AlignedText(Corpus("c", documents), windows), pile, names)
    assert [names[i] for i in found] == ["own"] * 2 + ["code"] * 3 + ["formal"] + ["own"]


def test_the_default_grouping_is_the_papers_table():
    table = read("table4_pile_categories")
    expected = {subset: row.category for row in table.itertuples() for subset in row.pile_subsets.split("|")}
    assert grouping().category_of == expected


def test_a_users_grouping(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("# my own\nsubset,category\nwiki, facts\nnews,facts\n\n'tis,poem\n", encoding="utf-8-sig")
    mine = grouping(path)
    assert mine.category_of == {"wiki": "facts", "news": "facts", "'tis": "poem"}
    assert mine.names(["unknown", "news", "'tis"]) == ["facts", "poem", "unknown"]
    for text, error, message in (
        ("name,kind\na,b\n", ForeignFileError, "lacks the columns subset and category. Try: a file with the lines"),
        ("subset,category\na,\n", ForeignFileError, "a line without a subset or without a category"),
        ("subset,category\na,b\na,c\n", InputError, "is assigned to both 'b' and 'c'"),
    ):
        path.write_text(text)
        with pytest.raises(error, match=message):
            grouping(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ForeignFileError, match="not a CSV file of UTF-8 text"):
        grouping(path)
    with pytest.raises(MissingFileError, match="no such file of categories"):
        grouping(tmp_path / "none.csv")


def test_depth_of_a_network_of_thirteen_layers_and_of_three():
    """Thirteen layers fall on the bins' edges: ℓ/12, the last one joining the last bin."""
    layer = np.repeat(np.arange(13), 2)
    shares, everyone = depth_profile(layer, layer == 4)
    assert np.flatnonzero(shares).tolist() == [4]
    np.testing.assert_allclose(everyone, [1 / 13] * 11 + [2 / 13])
    shares, everyone = depth_profile(np.repeat([0, 1, 2], 10), np.arange(30) % 10 < np.repeat([2, 6, 0], 10))
    np.testing.assert_allclose(shares[[0, 6, 11]], [0.25, 0.75, 0])
    np.testing.assert_allclose(everyone[[0, 6, 11]], 1 / 3)
    assert np.isnan(depth_profile(layer, layer < 0)[0]).all()
    assert depth_profile(np.zeros(4, int), np.ones(4, bool))[0][0] == 1


def test_nested_sizes():
    assert sizes(100_000, 5) == [1000, 3162, 10_000, 31_623, 100_000]
    assert sizes(100_000, 1) == [100_000]
    assert sizes(300, 5) == [95, 300]
    assert sizes(20, 3) == [20]


def test_the_first_positions_of_a_source():
    x = np.arange(40.0).reshape(20, 2)
    first = FirstPositions(ArraySource(x), 7)
    np.testing.assert_array_equal(np.concatenate(list(first.blocks(3))), x[:7])
    np.testing.assert_array_equal(first.rows(slice(5, 9)), x[5:7])
    np.testing.assert_array_equal(first.rows(np.array([6, 0]), slice(1, 2)), x[[6, 0], 1:])
    with pytest.raises(InputError, match="must be between 1 and the 20 of array"):
        FirstPositions(ArraySource(x), 21)


def test_overlap_with_the_previous_set():
    pairs = [(np.array([0, 1]), np.array([0, 1])), (np.array([0, 1, 2]), np.array([0, 2, 2])), (np.array([5]),) * 2]
    assert list(overlaps(pairs)) == pytest.approx([np.nan, 1 / 4, 0.0], nan_ok=True)
