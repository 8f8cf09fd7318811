"""`rosettalaw match` on the command line."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from rosettalaw.cli import app
from rosettalaw.results import load


class TestCommandLine:
    def call(self, *arguments):
        return CliRunner().invoke(app, [str(one) for one in arguments])

    def test_contract(self, tmp_path, plant, reference):
        a, b, _ = plant(300, 20, 25, 12)
        a[:, 2] = 7
        np.save(tmp_path / "a.npy", a)
        np.save(tmp_path / "b.npy", b)
        out = tmp_path / "r.nc"
        done = self.call("match", tmp_path / "a.npy", tmp_path / "b.npy", "--json", "--out", out)
        assert done.exit_code == 0, done.output
        record = json.loads(done.stdout)
        expected = reference(a, b)
        assert [tuple(pair[:2]) for pair in record["pairs"]] == sorted(expected)
        np.testing.assert_allclose([pair[2] for pair in record["pairs"]], [expected[p] for p in sorted(expected)])
        assert record["count"] == len(expected)
        assert (record["excluded_a"], record["excluded_b"]) == (1, 0)
        assert (record["engine"], record["positions"], record["status"]) == ("exact", 300, "ok")
        saved = load(out, "pairs")
        assert saved.unit_a.values.tolist() == [pair[0] for pair in record["pairs"]]
        assert int(saved.calibrated_count) == record["calibrated_count"]
        assert float(saved.threshold) == record["threshold"]
        assert not (tmp_path / "r.nc.unfinished").exists()

    def test_the_result_replaces_an_earlier_one_but_no_input(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        np.save("a.npy", np.random.default_rng(0).standard_normal((50, 4)))
        before = (tmp_path / "a.npy").read_bytes()
        options = "--null-permutations", 0, "--jackknife", 0
        done = self.call("match", "a.npy", "a.npy", *options, "--out", "a.npy")
        assert done.exit_code != 0
        assert "--out = 'a.npy': is the same file as the input a.npy; must be another file. Try: --out" in str(
            done.exception
        )
        (tmp_path / "link.nc").hardlink_to(tmp_path / "a.npy")
        assert "is the same file as the input" in str(
            self.call("match", "a.npy", "a.npy", *options, "--out", "link.nc").exception
        )
        assert (tmp_path / "a.npy").read_bytes() == before
        for seed in (1, 2):
            done = self.call("match", "a.npy", "a.npy", *options, "--seed", seed, "--out", "pairs.nc")
            assert done.exit_code == 0, done.output
            assert load("pairs.nc", "pairs").attrs["seed"] == seed

    def test_without_nulls_the_calibrated_count_is_null(self, tmp_path):
        np.save(tmp_path / "a.npy", np.random.default_rng(0).standard_normal((50, 4)))
        path = tmp_path / "a.npy"
        record = json.loads(self.call("match", path, path, "--json", "--null-permutations", 0).stdout)
        assert record["calibrated_count"] is None
        assert record["threshold"] is None
        assert record["count"] == 4

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("a.npy", "short.npy"), "must be equal"),
            (("a.npy", "absent.npy"), "no such file"),
            (("a.npy", "objects.npy"), "holds Python objects"),
            (("a.npy", "cut.npy"), "not a whole .npy file"),
            (("a.npy", "cube.npy"), "a.npy 50 × 4 and cube.npy 100 × 2': must be equal"),  # two positions a batch
            (("a.npy", "checkpoint"), "two files of activations or two checkpoints"),
            (("a.npy", "a.npy", "--engine", "exakt"), "did you mean exact"),
            (("a.npy", "a.npy", "--layers-a", "7"), "has the layers [0]"),
            (("a.npy", "a.npy", "--layers-a", "x"), "layer numbers"),
            (("a.npy", "a.npy", "--memory", "1kB"), "memory = '1e+03 B': with the smallest tile this matching needs"),
            (("a.npy", "a.npy", "--jackknife", "1"), "must be between 2 and 1024, or 0 for no standard error"),
            (("a.npy", "a.npy", "--jackknife", "2000"), "must be between 2 and 1024, or 0 for no standard error"),
            (("a.npy", "a.npy", "--layers-b", "0,7"), "--layers-b = [7]: a.npy has the layers [0]. Try: --layers-b 0"),
            (("a.npy", "none.zarr"), "none.zarr: no such file. Try: an array of shape (positions, neurons)"),
            (("a.npy", "a.npy", "--untrained", "1"), "applies to checkpoints"),
        ],
    )
    def test_refusals(self, tmp_path, monkeypatch, arguments, message):
        monkeypatch.chdir(tmp_path)
        rng = np.random.default_rng(0)
        a = rng.standard_normal((50, 4))
        np.save("a.npy", a)
        np.save("short.npy", a[:-1])
        np.save("cube.npy", a.reshape(50, 2, 2))
        np.save("objects.npy", np.array([[{}, 1]], dtype=object), allow_pickle=True)
        with open("a.npy", "rb") as whole, open("cut.npy", "wb") as part:
            part.write(whole.read()[:400])
        done = self.call("match", *arguments)
        assert done.exit_code != 0
        assert message in str(done.exception)

    def test_plan_tells_what_each_null_draw_takes(self):
        sizes = "--neurons-a", 1e6, "--neurons-b", 5e5, "--positions", 1e7, "--device", "h200"
        alone, drawn = (
            json.loads(self.call("plan", *sizes, "--json", *more).stdout) for more in ((), ("--null-permutations", 3))
        )
        assert (alone["null_draws_counted_in"], drawn["null_draws_counted_in"]) == (0, 3)
        for one, three, each in zip(alone["engines"], drawn["engines"], alone["each_null_draw"], strict=True):
            assert each["engine"] == one["engine"]
            for name in ("operations", "bytes_moved", "seconds", "link_seconds"):
                assert one[name] + 3 * each[name] == pytest.approx(three[name], rel=1e-9)
        exact, screened = alone["each_null_draw"]
        assert exact["operations"] == pytest.approx(2 * 1e6 * 5e5 * 1e7)
        assert screened["seconds"] < exact["seconds"] / 20
        assert alone["bytes_kept_for_nulls"] == 4 * 1.5e6 * 1e7
        told = self.call("plan", *sizes).stdout
        line = next(line for line in told.splitlines() if line.startswith("each draw of a null: "))
        assert f"exact {exact['seconds'] / 3600:.1f} h more, screened {screened['seconds'] / 60:.1f} min more" in line
        assert "none included; match draws 3 by default" in line
        assert "read from activations on disk, 60 TB" in told
        assert "memory excludes model weights" in told
        assert "(3 included)" in self.call("plan", *sizes, "--null-permutations", 3).stdout
        assert "copies of activations take 60 TB on disk" in told
        assert "copies of activations take 30 TB on disk" in self.call("plan", *sizes, "--spool", "float16").stdout

    def test_plan_has_a_row_for_the_certified_engine_where_match_takes_it(self, monkeypatch):
        """Operations at six times the speed of float32; 16 bytes for each pair of a tile, and what stays in memory."""
        from rosettalaw.empirical.matching.machine import choice

        monkeypatch.setattr(choice, "fastest", lambda *of: "certified")
        monkeypatch.setattr(choice, "half_precision_speed", lambda device: 4.0)
        monkeypatch.setattr(choice, "integer_speed", lambda over_half: 1.5)
        sizes = "--neurons-a", 9000, "--neurons-b", 30_000, "--positions", 20_000, "--memory", "8GiB", "--json"
        record = json.loads(self.call("plan", *sizes).stdout)
        exact, certified, _ = record["engines"]
        assert certified["engine"] == "certified"
        assert certified["operations"] == pytest.approx(exact["operations"] + 2 * 12 * 39_000 * 20_000)
        rates, bytes_moved = record["device"], certified["bytes_moved"]
        seconds = certified["operations"] / 6 / rates["operations"] + bytes_moved / rates["bandwidth"]
        assert certified["seconds"] == pytest.approx(seconds)
        stay = 2**30  # of the two bytes of 20,000 × 34,096 numbers
        needed = 16 * 4096**2 + 2 * 8192 * 8192 + stay + 24 * 12 * 39_000
        assert certified["memory"] == pytest.approx(needed)
        tight = json.loads(self.call("plan", *sizes[:7], "2GiB", "--json").stdout)["engines"][1]
        assert tight["memory"] == pytest.approx(needed - stay + 2**29)  # a quarter of it, which is less than would stay
        assert certified["detail"].startswith("24 tiles of 4096 × 4096; products taken as 6 times as fast")

    def test_plan(self):
        done = self.call(
            "plan", "--neurons-a", 1e6, "--neurons-b", 1e6, "--positions", 1e7, "--device", "h200", "--json"
        )
        record = json.loads(done.stdout)
        assert [one["engine"] for one in record["engines"]] == ["exact", "screened"]
        assert "not measured here" in record["device"]["source"]
        assert record["detectable_correlation"] == pytest.approx(0.0016, rel=0.05)
        assert "did you mean h200" in str(
            self.call("plan", "--neurons-a", 1, "--neurons-b", 1, "--positions", 9, "--device", "h2000").exception
        )
