"""Judges before planted neurons, the protocol before planted judges, and the endpoint before a stub server."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from rosettalaw.empirical.vision.images import from_array
from rosettalaw.empirical.vision.images import shown as as_shown
from rosettalaw.empirical.vision.judging import judges
from rosettalaw.empirical.vision.judging.endpoint import PREFIX, EndpointJudge, estimate
from rosettalaw.empirical.vision.judging.judgement import JudgingPlan, judgements, populations_of, scored, study
from rosettalaw.empirical.vision.judging.judges import Answer, OfflineJudge
from rosettalaw.empirical.vision.judging.top_images import exhibit, neuron_scores, overlay, png, strip, top_exhibits
from rosettalaw.errors import InputError, RosettaError
from rosettalaw.results import dataset

CELLS = 4


class Planted:
    """A model on 16 × 16 pictures: even neurons see the planted cross, odd ones are noise of their own."""

    name = "planted"

    def __init__(self, images, seeds=None, neurons=40):
        self.images, self._neurons = images, neurons
        self._seeds = np.arange(len(images)) if seeds is None else seeds
        self.layer, self.unit = np.repeat([0, 1], neurons // 2), np.tile(np.arange(neurons // 2), 2)

    def on(self, images):
        found = [int(name.split("[")[1][:-1]) for name in images.names]
        return Planted(images, np.array(found), self._neurons)

    def maps(self):
        for i, seed in enumerate(self._seeds):
            rng = np.random.default_rng(int(seed))
            cells = rng.random((1, CELLS, CELLS, self._neurons))
            bright = self.images[i].reshape(CELLS, 4, CELLS, 4, 3)[..., 0].mean((1, 3)) / 255
            cells[0, ..., ::2] = bright[..., None] + 0.01 * cells[0, ..., ::2]
            yield cells.astype(np.float32)


def picture(rng, cross):
    image = rng.integers(0, 60, (16, 16, 3), dtype=np.uint8)
    if cross:
        row, column = 4 * rng.integers(0, CELLS, 2)
        image[row : row + 4, column : column + 4] = 40
        image[row + 1 : row + 3, column : column + 4] = 250
        image[row : row + 4, column + 1 : column + 3] = 250
    return image


@pytest.fixture(scope="module")
def planted():
    rng = np.random.default_rng(0)
    array = np.stack([picture(rng, i % 3 == 0) for i in range(120)])
    return Planted(from_array("planted", array, np.arange(120) % 3))


def test_exhibits_are_the_images_with_the_highest_mean_activation(planted):
    maps = np.concatenate(list(planted.maps()))
    scores = neuron_scores(planted, [0, 3])
    np.testing.assert_allclose(scores, maps[..., [0, 3]].mean((1, 2)), rtol=1e-6)
    shown = top_exhibits(planted, [0, 3], 5)
    best = np.argsort(-scores[:, 1])[:5]
    np.testing.assert_array_equal(shown[1].indices, best)
    np.testing.assert_allclose(shown[1].maps, maps[best][..., 3])
    np.testing.assert_array_equal(shown[1].images[2], planted.images[int(best[2])])
    assert shown[1].labels.tolist() == (best % 3).tolist()
    assert (shown[1].layer, shown[1].unit) == (0, 3)
    assert len(shown[0].first(2).images) == 2


def test_an_exhibit_of_chosen_images(planted):
    scores = neuron_scores(planted, [2])
    one = exhibit(planted, [2], [np.array([7, 3])], scores)[0]
    assert one.scores.tolist() == scores[[7, 3], 0].tolist()
    np.testing.assert_array_equal(one.images[1], planted.images[3])


def test_the_overlay_is_bright_where_the_neuron_is_active():
    cells = np.zeros((4, 4))
    cells[3, 0] = 1.0
    heat, laid = overlay(np.full((32, 32, 3), 100, np.uint8), cells)
    assert heat[28, 3].sum() > heat[3, 28].sum() + 400
    assert laid[3, 28].tolist() == [100, 100, 100]
    assert laid[28, 3, 0] > 150
    assert strip(np.zeros((20, 30, 3), np.uint8), cells, side=16).shape == (16, 48, 3)
    assert png(laid)[:4] == b"\x89PNG"
    assert overlay(laid, np.ones((2, 2)))[1].tolist() == laid.tolist()


def test_the_offline_judge_tells_planted_neurons_from_noise(planted):
    judge = OfflineJudge(planted.images)
    shown = top_exhibits(planted, range(12), 10)
    answers = [judge.judge(one) for one in shown]
    assert [answer.monosemantic for answer in answers] == [True, False] * 6
    assert "peaks look alike" in answers[0].reason
    assert "class 0" in answers[0].reason
    with pytest.raises(InputError, match="at least 2 images"):
        judge.judge(shown[0].first(1))


def test_agreement_alone_is_enough_without_labels(planted):
    array = np.stack([planted.images[i] for i in range(120)])
    unlabelled = Planted(from_array("planted", array))
    judge = OfflineJudge(unlabelled.images)
    answers = [judge.judge(one) for one in top_exhibits(unlabelled, [0, 1], 10)]
    assert [answer.monosemantic for answer in answers] == [True, False]


def test_agreement_is_the_mean_over_pairs_of_different_images():
    matrix = np.array([[1.0, 0.2, 0.6], [0.2, 1.0, -0.1], [0.6, -0.1, 1.0]])
    assert judges._mean_off_diagonal(matrix) == pytest.approx((0.2 + 0.6 - 0.1) / 3)


def test_an_image_activates_if_it_is_more_like_the_peaks_than_halfway(planted):
    """Crosses that fade: likeness to the mean peak patch, beside its means over shown and over random images."""
    judge, rng = OfflineJudge(planted.images), np.random.default_rng(3)
    (shown,) = top_exhibits(planted, [0], 10)
    faded = []
    for weight in np.linspace(0, 1, 30):
        strong, weak = picture(rng, True), picture(rng, False)
        faded.append((weight * strong + (1 - weight) * weak).astype(np.uint8))
    template = np.mean([judges._flat(peak) for peak in judges._peaks(shown)], axis=0)

    def likeness(images):
        return np.array([(judges._places(image) @ template).max() for image in images])

    inside, outside = likeness(shown.images).mean(), likeness(judge._background[:50]).mean()
    found = likeness([as_shown(image) for image in faded])
    between = (outside < found) & (found < (inside + outside) / 2)
    assert between.any()
    assert judge.predict(shown, faded) == (found > (inside + outside) / 2).tolist()


def test_the_protocol_with_the_offline_judge(planted):
    plan = JudgingPlan(top=(2, 10), main=10, subset_size=3, validated=8)
    neurons = np.arange(40)
    found = study(planted, {"rosetta": neurons[::2], "other": neurons[1::2]}, OfflineJudge(planted.images), plan, True)
    assert found["monosemantic_mean"].sel(population="rosetta", top=10) == 1.0
    assert found["monosemantic_mean"].sel(population="other", top=10) == 0.0
    assert found.sizes == {"population": 2, "top": 2, "subset": 5}
    assert found["subset_neurons"].values.tolist() == [3, 3]
    accuracy = found["judge_accuracy"].values
    assert accuracy[0] > 0.9
    assert 0.3 < accuracy[1] < 0.7
    assert found["judge_predictions"].values.tolist() == [80, 80]
    again = study(planted, {"rosetta": neurons[::2], "other": neurons[1::2]}, OfflineJudge(planted.images), plan, True)
    assert again["judge_f1"].equals(found["judge_f1"])


class Odd:
    """A judge that calls neurons of an even unit monosemantic, and expects every image to activate them."""

    name = "odd"

    def __init__(self):
        self.seen = []

    def judge(self, exhibit):
        self.seen.append((exhibit.layer, exhibit.unit))
        return Answer(exhibit.unit % 2 == 0)

    def predict(self, exhibit, held_out):
        assert len(held_out) == 10
        return [True] * 10


def test_subsets_are_disjoint_and_their_interval_is_students(planted):
    from scipy import stats

    judge = Odd()
    plan = JudgingPlan(top=(4,), main=4, subset_size=7, validated=3)
    found = study(planted, {"rosetta": np.arange(40)}, judge, plan, True)
    assert len(judge.seen) == len(set(judge.seen)) == 35
    rates = found["monosemantic_rate"].values[0, 0]
    expected = stats.ttest_1samp(rates, 0).confidence_interval(0.95)
    assert found["monosemantic_low"].item() == pytest.approx(max(expected.low, 0))
    assert found["monosemantic_high"].item() == pytest.approx(min(expected.high, 1))
    assert found["judge_accuracy"].item() == 0.5
    assert found["judge_recall"].item() == 1.0
    assert found["judge_f1"].item() == pytest.approx(2 / 3)


def test_held_out_images_are_the_next_highest_and_from_the_bottom_half(planted):
    scores = neuron_scores(planted, [5])[:, 0]
    asked = []

    class Watching(Odd):
        def predict(self, exhibit, held_out):
            asked.extend(held_out)
            return [True] * 10

    study(planted, {"x": np.array([5, 5])}, Watching(), JudgingPlan((3,), 3, 2, 1, 1), True)
    order = np.argsort(-scores)
    names = {planted.images[int(i)].tobytes(): int(i) for i in range(120)}
    ranks = sorted(int(np.flatnonzero(order == names[image.tobytes()])[0]) for image in asked)
    assert ranks[:5] == [3, 4, 5, 6, 7]
    assert min(ranks[5:]) >= 60


def test_scores_of_predictions():
    truth = np.array([True, True, True, False, False])
    said = np.array([True, False, True, True, False])
    found = scored(truth, said)
    assert found["accuracy"] == 0.6
    assert found["precision"] == found["recall"] == found["f1"] == pytest.approx(2 / 3)
    assert np.isnan(scored(truth, np.zeros(5, bool))["precision"])


def test_populations_are_those_of_pairs_above_the_nulls_and_the_rest_that_took_part():
    rho = np.array([0.9, -0.8, 0.3, 0.7])  # of either sign, as matched with --absolute
    variables = {
        "correlation": ("pair", rho),
        "unit_a": ("pair", [4, 2, 0, 4]),
        "unit_b": ("pair", [1, 5, 3, 0]),
        "excluded_unit_a": ("excluded_a", [6]),
        "excluded_unit_b": ("excluded_b", np.empty(0, dtype=int)),
        "neurons_a": 7,
        "neurons_b": 6,
    }
    pairs = dataset("pairs", {**variables, "threshold": 0.7})
    found = {side: {name: one.tolist() for name, one in populations_of(pairs, side).items()} for side in "ab"}
    assert found["a"] == {"rosetta": [2, 4], "other": [0, 1, 3, 5]}
    assert found["b"] == {"rosetta": [0, 1, 5], "other": [2, 3, 4]}
    for uncalibrated in (variables, {**variables, "threshold": np.nan}):
        with pytest.raises(InputError, match="has no pair above its nulls"):
            populations_of(dataset("pairs", uncalibrated), "a")


def test_plans_that_cannot_be_met(planted):
    with pytest.raises(InputError, match="showing 200 images and holding out 10 needs 210 images"):
        study(planted, {"a": np.arange(10)}, Odd(), JudgingPlan(top=(200,), main=200), True)
    with pytest.raises(InputError, match="5 disjoint subsets need as many neurons"):
        study(planted, {"a": np.arange(4)}, Odd(), JudgingPlan(top=(5,), main=5), True)
    with pytest.raises(InputError, match="must be among the numbers of images shown"):
        JudgingPlan(top=(2, 5), main=20)


def test_the_cost_is_estimated_before_it_starts():
    plan = JudgingPlan(top=(5, 20), main=20, validated=20)
    assert judgements(plan, [1000, 33]) == (2 * (500 + 30), 40)
    found = estimate(100, 10, 20, prices=(2.0, 10.0))
    assert found.requests == 110
    tokens = 110 * 250 + (100 * 20 + 10 * 30) * 765
    assert found.input_tokens == tokens
    assert found.price == pytest.approx((2 * tokens + 10 * 110 * 80) / 1e6)
    assert "price not given" in str(estimate(1, 0, 2))


# ---------------------------------------------------------------------------------------------------------------------
# The endpoint


class Stub(BaseHTTPRequestHandler):
    """Answers with what the test prepared: a status, or what the model says."""

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.asked.append((self.path, self.headers.get("Authorization"), body))
        answer = server.answers.pop(0) if server.answers else server.default
        if isinstance(answer, int):
            self.send_response(answer)
            self.send_header("Location", "http://localhost:1/elsewhere")
            self.send_header("Retry-After", "7")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if answer == "slow":
            server.released.wait(10)
            return
        made = json.dumps({"choices": [{"message": {"content": answer}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(made)))
        self.end_headers()
        self.wfile.write(made)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    made.asked, made.answers, made.released = [], [], threading.Event()
    made.default = '{"monosemantic": true, "concept": "crosses"}'
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.released.set()
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def shown(planted):
    return top_exhibits(planted, [0], 3)[0]


def judge_of(server, tmp_path, **options):
    waited = []
    url = f"http://127.0.0.1:{server.server_port}/v1/"
    made = EndpointJudge(url, "some-model", "secret", tmp_path / "answers", pause=waited.append, **options)
    return made, waited


def test_a_question_carries_strips_and_is_asked_once(server, tmp_path, shown):
    judge, _ = judge_of(server, tmp_path)
    assert judge.judge(shown) == Answer(True, "crosses")
    path, key, body = server.asked[0]
    assert path == "/v1/chat/completions"
    assert key == "Bearer secret"
    assert body["model"] == "some-model"
    text, *pictures = body["messages"][0]["content"]
    assert "3 images that most activate one neuron" in text["text"]
    assert len(pictures) == 3
    assert pictures[0]["image_url"]["url"].startswith("data:image/png;base64,")
    assert judge.judge(shown) == Answer(True, "crosses")
    assert judge_of(server, tmp_path)[0].judge(shown).monosemantic
    assert len(server.asked) == 1
    assert "secret" not in "".join(file.read_text() for file in (tmp_path / "answers").iterdir())


def test_predictions_have_one_entry_an_image(server, tmp_path, shown, planted):
    judge, _ = judge_of(server, tmp_path)
    held_out = [planted.images[i] for i in range(4)]
    server.answers = ['Sure: {"active": [true, false]}', 'Sure!\n{"active": [true, false, true, false]} done']
    assert judge.predict(shown, held_out) == [True, False, True, False]
    assert len(server.asked) == 2
    assert len(server.asked[1][2]["messages"][0]["content"]) == 1 + 3 + 4


def test_passing_failures_are_tried_again_as_the_server_asks(server, tmp_path, shown):
    judge, waited = judge_of(server, tmp_path)
    server.answers = [429, 503]
    assert judge.judge(shown).monosemantic
    assert waited == [7.0, 7.0]
    assert len(server.asked) == 3


def test_lasting_failures_end_with_a_message(server, tmp_path, shown):
    judge, waited = judge_of(server, tmp_path, retries=2)
    server.answers = [401]
    with pytest.raises(RosettaError, match=r"some-model at 127\.0\.0\.1: HTTP 401; check ROSETTALAW_JUDGE_URL"):
        judge.judge(shown)
    server.answers = [500, 500, 500]
    with pytest.raises(RosettaError, match=r"no answer after 3 tries \(HTTP 500\)"):
        judge.judge(shown)
    assert len(waited) == 2


def test_a_key_is_not_carried_elsewhere(server, tmp_path, shown):
    judge, _ = judge_of(server, tmp_path)
    server.answers = [302]
    with pytest.raises(RosettaError, match="HTTP 302"):
        judge.judge(shown)


def test_a_silent_server_is_left_after_the_timeout(server, tmp_path, shown):
    judge, _ = judge_of(server, tmp_path, timeout=0.2, retries=1)
    server.answers = ["slow", "slow"]
    with pytest.raises(RosettaError, match="no answer after 2 tries"):
        judge.judge(shown)


def test_chatter_twice_is_an_error_and_is_not_kept(server, tmp_path, shown):
    judge, _ = judge_of(server, tmp_path)
    server.default = "I cannot say"
    with pytest.raises(RosettaError, match="gave two unusable answers"):
        judge.judge(shown)
    assert not list((tmp_path / "answers").glob("*.json"))


def test_the_environment_describes_the_judge(tmp_path, monkeypatch):
    for name in ("URL", "MODEL", "KEY"):
        monkeypatch.delenv(f"{PREFIX}{name}", raising=False)
    with pytest.raises(InputError, match="ROSETTALAW_JUDGE_URL = '': must be set"):
        EndpointJudge.from_environment(tmp_path)
    monkeypatch.setenv(f"{PREFIX}URL", "https://judge.example/v1")
    monkeypatch.setenv(f"{PREFIX}MODEL", "m")
    assert EndpointJudge.from_environment(tmp_path).name == "m at judge.example"
    monkeypatch.setenv(f"{PREFIX}URL", "http://judge.example/v1")
    monkeypatch.setenv(f"{PREFIX}KEY", "secret")
    with pytest.raises(InputError, match="a key is sent only over https"):
        EndpointJudge.from_environment(tmp_path)
    monkeypatch.setenv(f"{PREFIX}URL", "file:///etc/passwd")
    with pytest.raises(InputError, match=r"must be an http\(s\) address"):
        EndpointJudge.from_environment(tmp_path)
