"""Loading of the weights of vision models: spread, pickled, by hand for unknown architectures."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

from rosettalaw import cli
from rosettalaw.empirical.checkpoints import hub
from rosettalaw.empirical.checkpoints.hub import Loading
from rosettalaw.empirical.vision.images import from_array
from rosettalaw.empirical.vision.source import image_sources
from rosettalaw.empirical.vision.towers import TOWERS, by_hand
from rosettalaw.errors import InputError, RosettaError
from rosettalaw.results import load

WIDE = {"image_size": 32, "patch_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 16}
WIDE |= {"intermediate_size": 40, "initializer_range": 0.3}
MADE = {
    "vit": lambda: transformers.ViTModel(transformers.ViTConfig(**WIDE)),
    "siglip": lambda: transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**WIDE)),
    "beit": lambda: transformers.BeitModel(transformers.BeitConfig(**WIDE)),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("towers")
    for name, make in MADE.items():
        torch.manual_seed(0)
        make().save_pretrained(root / name)
    return root


def images():
    return from_array("crops", np.random.default_rng(2).standard_normal((3, 32, 32, 3)).astype(np.float32))


def activations(folder, pattern=None, **settings):
    source, _ = image_sources(folder, folder, images(), None, (pattern, pattern), Loading(**settings))
    return np.concatenate(list(source.blocks(64)))


@pytest.mark.parametrize("name", ["vit", "siglip"])
def test_a_tower_spread_over_memory_and_disk_gives_the_same_activations(folders, name):
    model = hub.open_model(folders / name, hub.open_config(folders / name))
    layers = "layers" if name == "vit" else "encoder.layers"
    parts = [child for child, _ in model.named_children() if child != layers.split(".")[0]]
    rest = (
        [f"encoder.{child}" for child, _ in model.encoder.named_children() if child != "layers"]
        if "." in layers
        else []
    )
    spread = dict.fromkeys([*parts, *rest, f"{layers}.0"], "cpu") | {f"{layers}.1": "disk"}
    opened = hub.open_model(folders / name, model.config, loading=Loading(device_map=spread))
    absent = {weight for weight, value in opened.named_parameters() if value.device.type == "meta"}
    assert absent
    assert all(weight.startswith(f"{layers}.1") for weight in absent)
    np.testing.assert_allclose(activations(folders / name, device_map=spread), activations(folders / name), rtol=1e-5)
    np.testing.assert_array_equal(activations(folders / name, device_map="auto"), activations(folders / name))


def test_positions_are_labelled_by_image_or_by_photograph(folders):
    """Four by four cells an image; of five crops, the second and the last are cut from one photograph."""
    crops = from_array("crops", np.zeros((5, 32, 32, 3), dtype=np.float32))
    source, _ = image_sources(folders / "vit", folders / "vit", crops)
    np.testing.assert_array_equal(source.labels()["document"], np.repeat(np.arange(5), 16))
    cut = replace(crops, photographs=np.array([9, 4, 0, 7, 4]))
    np.testing.assert_array_equal(source.on(cut).labels()["document"], np.repeat([3, 1, 0, 2, 1], 16))
    np.testing.assert_array_equal(source.on(cut.subset([4, 0])).labels()["document"], np.repeat([0, 1], 16))


def test_pickled_towers_are_read_on_request_alone(folders, tmp_path):
    (tmp_path / "config.json").write_text((folders / "vit" / "config.json").read_text())
    torch.save(load_file(folders / "vit" / "model.safetensors"), tmp_path / "pytorch_model.bin")
    with pytest.raises(RosettaError, match=r"They are pickled. .*--allow-pickle-weights"):
        activations(tmp_path)
    np.testing.assert_array_equal(activations(tmp_path, pickled=True), activations(folders / "vit"))


def test_a_device_that_does_not_exist(folders):
    with pytest.raises(InputError, match=r"--device = 'cuda:77': cannot be used"):
        activations(folders / "vit", device="cuda:77")


def test_an_unknown_tower_is_named_by_hand(folders, tmp_path, monkeypatch):
    """Through the command line, to a result that remembers the pattern for those who read it."""
    monkeypatch.delitem(TOWERS, "beit")
    with pytest.raises(
        RosettaError, match=r"unknown architecture 'beit'.*\(--pattern-a, --pattern-b; .*layers\.\*\.mlp\.fc2"
    ):
        activations(folders / "beit")
    with pytest.raises(RosettaError, match=r"17 tokens = 17, which is not a grid"):
        activations(folders / "beit", pattern="layers.*.mlp.fc2")
    assert activations(folders / "beit", pattern="layers.*.mlp.fc2:1").shape == (48, 80)
    np.savez(tmp_path / "images.npz", images=np.stack([images()[i] for i in range(3)]))
    pattern = ["--pattern-a", "layers.*.mlp.fc2:1", "--pattern-b", "layers.*.mlp.fc2:1", "--jackknife", "0"]
    where = ["--images", str(tmp_path / "images.npz"), "--out", str(tmp_path / "pairs.nc")]
    with pytest.raises(SystemExit) as left:
        cli.main(["match", str(folders / "beit"), str(folders / "beit"), *pattern, *where])
    assert left.value.code == 0
    saved = load(tmp_path / "pairs.nc", "pairs")
    assert saved.attrs["pattern_a"] == "layers.*.mlp.fc2:1"
    assert len(saved.attrs["revision_a"]) == 64
    assert int(saved["raw_count"]) == 80
    with pytest.raises(SystemExit) as left:
        cli.main(["view", str(tmp_path / "pairs.nc"), *where[:2], "--out", str(tmp_path / "v.html"), "--limit", "2"])
    assert left.value.code == 0


def test_a_bad_pattern():
    with pytest.raises(InputError, match=r"--pattern = 'x:one': must be a module's name .* after a colon"):
        by_hand("x:one")
