"""Vision transformers of timm through transformers' wrapper: hooked activations against their MLPs by hand."""

import json

import numpy as np
import pytest
import safetensors.torch
import scipy.special
import torch

from rosettalaw.empirical.vision.images import from_array
from rosettalaw.empirical.vision.source import image_sources
from rosettalaw.errors import InputError

try:
    import timm
    import torchvision  # noqa: F401  (timm reads images with it)
except (ImportError, RuntimeError) as error:  # a torchvision of another torch ends in a RuntimeError
    pytest.skip(f"needs timm and torchvision: {error}", allow_module_level=True)

SIZE = {"img_size": 32, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2, "mlp_ratio": 2.5}
WIDTH = 40  # 2.5 · 16
CASES = {  # architecture, arguments, tokens before the patches
    "class token": ("vit_tiny_patch16_224", SIZE, 1),
    "registers": ("vit_tiny_patch16_224", {**SIZE, "reg_tokens": 3}, 4),
    "no class token": ("vit_tiny_patch16_224", {**SIZE, "class_token": False, "global_pool": "avg"}, 0),
    "gated": ("eva02_tiny_patch14_224", SIZE, 1),
}
IMAGES = {"input_size": [3, 32, 32], "interpolation": "bicubic", "crop_pct": 1.0, "mean": [0.4] * 3, "std": [0.2] * 3}


def write(case, folder):
    """Write a checkpoint as timm does: names without the wrapper's prefix, and a head."""
    architecture, arguments, _ = CASES[case]
    torch.manual_seed(1)
    model = timm.create_model(architecture, pretrained=False, num_classes=5, **arguments)
    with torch.no_grad():  # so that layers differ and biases count
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    folder.mkdir()
    safetensors.torch.save_file(model.state_dict(), folder / "model.safetensors", {"format": "pt"})
    config = {"architecture": architecture, "num_classes": 5, "model_args": arguments, "pretrained_cfg": IMAGES}
    config["label_names"] = list("abcde")
    (folder / "config.json").write_text(json.dumps(config))
    return folder, model.eval()


def photographs(number=3):
    return np.random.default_rng(2).integers(0, 256, (number, 32, 32, 3), dtype=np.uint8)


def linear(x, weights, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def neurons(x, weights, mlp):
    """Neurons of an MLP from its input, in float64."""
    first = linear(x, weights, f"{mlp}.fc1")
    if first.shape[-1] == 2 * WIDTH:  # the gate, then the linear part
        gate, value = np.split(first, 2, axis=-1)
        return gate / (1 + np.exp(-gate)) * value
    return 0.5 * first * (1 + scipy.special.erf(first / np.sqrt(2)))


@pytest.mark.parametrize("case", CASES)
def test_hooked_activations_are_the_mlp_by_hand(case, tmp_path):
    """The model of timm itself, on pixels that are normalised here."""
    folder, model = write(case, tmp_path / "model")
    pictures = photographs()
    source, _ = image_sources(folder, folder, from_array("pictures", pictures))
    assert source.grid == (4, 4)
    assert source.layer.tolist() == [0] * WIDTH + [1] * WIDTH
    measured = np.concatenate(list(source.blocks(7)))
    entered = {}
    for layer in range(2):
        model.blocks[layer].mlp.register_forward_pre_hook(lambda _, args, layer=layer: entered.update({layer: args[0]}))
    pixels = (pictures.transpose(0, 3, 1, 2) / 255 - 0.4) / 0.2
    with torch.inference_mode():
        model(torch.from_numpy(pixels.astype(np.float32)))
    weights = {key: value.double().numpy() for key, value in model.state_dict().items()}
    by_hand = [neurons(entered[i].double().numpy(), weights, f"blocks.{i}.mlp") for i in range(2)]
    expected = np.concatenate(by_hand, axis=2)
    prefix = CASES[case][2]
    assert expected.shape == (3, prefix + 16, 2 * WIDTH)
    np.testing.assert_allclose(measured, expected[:, prefix:].reshape(48, -1), rtol=1e-3, atol=1e-5)
    assert measured.std(0).min() > 0


def test_an_untrained_twin_has_other_weights(tmp_path):
    folder, _ = write("class token", tmp_path / "model")
    source, _ = image_sources(folder, folder, from_array("pictures", photographs()))
    twins = [source.reader.untrained(seed).model.state_dict()["timm_model.blocks.0.mlp.fc1.weight"] for seed in (1, 2)]
    own = source.reader.model.state_dict()["timm_model.blocks.0.mlp.fc1.weight"]
    assert not torch.equal(*twins)
    assert not torch.equal(own, twins[0])


def test_images_must_be_whole_numbers(tmp_path):
    folder, _ = write("class token", tmp_path / "model")
    with pytest.raises(InputError, match="must be uint8"):
        image_sources(folder, folder, from_array("pictures", photographs().astype(np.float32)))
