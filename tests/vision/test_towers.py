"""Every registered tower: a tiny random checkpoint on disk, its hooked activations against its MLP by hand."""

import numpy as np
import pytest
import scipy.special
import torch
import transformers

from rosettalaw.empirical.checkpoints import hub
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.vision import source as source_module
from rosettalaw.empirical.vision import towers
from rosettalaw.empirical.vision.grids import grid_of_stage
from rosettalaw.empirical.vision.images import from_array
from rosettalaw.empirical.vision.source import ImageSource, image_sources, open_reader
from rosettalaw.empirical.vision.towers import TOWERS, TowerReader
from rosettalaw.errors import InputError, RosettaError

SIZE = {"image_size": 32, "patch_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 16}
WIDE = {**SIZE, "intermediate_size": 40}
DECODER = {"decoder_hidden_size": 16, "decoder_intermediate_size": 16, "decoder_num_hidden_layers": 1}
SAM = {**SIZE, "mlp_dim": 40, "window_size": 2, "global_attn_indexes": [1], "output_channels": 8}
SAM_PROMPTS = {
    "prompt_encoder_config": {"hidden_size": 8, "image_size": 32, "patch_size": 8, "mask_input_channels": 4},
    "mask_decoder_config": {"hidden_size": 8, "mlp_dim": 16, "num_hidden_layers": 1, "num_attention_heads": 2},
}
TINY_TEXT = {"hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2}
TINY_TEXT |= {"num_key_value_heads": 2, "head_dim": 8}


def gelu(x):
    return 0.5 * x * (1 + scipy.special.erf(x / np.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def quick_gelu(x):
    return x / (1 + np.exp(-1.702 * x))


def silu(x):
    return x / (1 + np.exp(-x))


def plain(act, first="fc1"):
    return lambda x, w, m: act(linear(x, w, f"{m}.{first}"))


def gated(act):
    return lambda x, w, m: act(linear(x, w, f"{m}.gate_proj")) * linear(x, w, f"{m}.up_proj")


def linear(x, weights, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


t = transformers
# name -> configuration, MLP module, neurons from the MLP's input, prefix tokens, neurons per layer
CASES = {
    "clip_vision_model": (lambda: t.CLIPVisionConfig(**WIDE), "encoder.layers.{}.mlp", plain(quick_gelu), 1, 40),
    "clip": (
        lambda: t.CLIPConfig(
            vision_config=WIDE, text_config={**WIDE, "vocab_size": 50, "max_position_embeddings": 8}, projection_dim=8
        ),
        "encoder.layers.{}.mlp",
        plain(quick_gelu),
        1,
        40,
    ),
    "beit": (lambda: t.BeitConfig(**WIDE, use_mask_token=False), "layers.{}.mlp", plain(gelu), 1, 40),
    "data2vec-vision": (
        lambda: t.Data2VecVisionConfig(**WIDE),
        "encoder.layer.{}.intermediate",
        plain(gelu, "dense"),
        1,
        40,
    ),
    "sam_vision_model": (lambda: t.SamVisionConfig(**SAM), "vision_encoder.layers.{}.mlp", plain(gelu, "lin1"), 0, 40),
    "sam": (
        lambda: t.SamConfig(vision_config=SAM, **SAM_PROMPTS),
        "vision_encoder.layers.{}.mlp",
        plain(gelu, "lin1"),
        0,
        40,
    ),
    "paligemma": (
        lambda: t.PaliGemmaConfig(
            vision_config={**WIDE, "model_type": "siglip_vision_model", "vision_use_head": False},
            text_config={"model_type": "gemma", "vocab_size": 50, **TINY_TEXT},
            projection_dim=16,
        ),
        "encoder.layers.{}.mlp",
        plain(gelu_tanh),
        0,
        40,
    ),
    "deit": (lambda: t.DeiTConfig(**WIDE), "layers.{}.mlp", plain(gelu), 2, 40),
    "ijepa": (lambda: t.IJepaConfig(**WIDE), "layers.{}.mlp", plain(gelu), 0, 40),
    "dinov2": (lambda: t.Dinov2Config(**SIZE), "encoder.layer.{}.mlp", plain(gelu), 1, 64),
    "dinov2 gated": (lambda: t.Dinov2Config(**SIZE, use_swiglu_ffn=True), "encoder.layer.{}.mlp", gated(silu), 1, 48),
    "dinov2_with_registers": (
        lambda: t.Dinov2WithRegistersConfig(**SIZE, num_register_tokens=3),
        "encoder.layer.{}.mlp",
        plain(gelu),
        4,
        64,
    ),
    "dinov3_vit": (
        lambda: t.DINOv3ViTConfig(**WIDE, num_register_tokens=2),
        "model.layer.{}.mlp",
        plain(gelu, "up_proj"),
        3,
        40,
    ),
    "dinov3_vit gated": (
        lambda: t.DINOv3ViTConfig(**WIDE, num_register_tokens=2, use_gated_mlp=True, hidden_act="silu"),
        "model.layer.{}.mlp",
        gated(silu),
        3,
        40,
    ),
    "siglip_vision_model": (
        lambda: t.SiglipVisionConfig(**WIDE),
        "encoder.layers.{}.mlp",
        plain(gelu_tanh),
        0,
        40,
    ),
    "siglip": (
        lambda: t.SiglipConfig(
            vision_config=WIDE,
            text_config={**WIDE, "vocab_size": 50, "max_position_embeddings": 8, "projection_size": 16},
        ),
        "encoder.layers.{}.mlp",
        plain(gelu_tanh),
        0,
        40,
    ),
    "vit": (lambda: t.ViTConfig(**WIDE), "layers.{}.mlp", plain(gelu), 1, 40),
    "vit_mae": (
        lambda: t.ViTMAEConfig(**WIDE, **DECODER, decoder_num_attention_heads=2),
        "layers.{}.mlp",
        plain(gelu),
        1,
        40,
    ),
}


def normed(x, weights, name):
    """Apply the response normalisation of ConvNeXt V2: x (1 + γ n) + β, n = ‖x‖ over cells / its mean over neurons."""
    norm = np.sqrt((x**2).sum((1, 2), keepdims=True))
    scaled = x * norm / (norm.mean(-1, keepdims=True) + 1e-6)
    return weights[f"{name}.weight"] * scaled + weights[f"{name}.bias"] + x


SWIN = {"image_size": 32, "patch_size": 4, "embed_dim": 8, "depths": [1, 2], "num_heads": [2, 2], "window_size": 4}
CONVNEXT = {"num_stages": 2, "hidden_sizes": [8, 16], "depths": [1, 2], "patch_size": 4, "image_size": 32}
# Stages of 8 × 8 and 4 × 4 cells -> configuration, an MLP's first linear map by stage and layer, neurons of its input.
STAGED = {
    "swin": (
        lambda: t.SwinConfig(**SWIN),
        "encoder.layers.{}.blocks.{}.mlp.fc1",
        lambda x, w, m: gelu(linear(x, w, m)),
    ),
    "swinv2": (
        lambda: t.Swinv2Config(**SWIN),
        "encoder.layers.{}.blocks.{}.intermediate.dense",
        lambda x, w, m: gelu(linear(x, w, m)),
    ),
    "convnext": (
        lambda: t.ConvNextConfig(**CONVNEXT, layer_scale_init_value=0.5),
        "encoder.stages.{}.layers.{}.pwconv1",
        lambda x, w, m: gelu(linear(x, w, m)),
    ),
    "convnextv2": (
        lambda: t.ConvNextV2Config(**CONVNEXT),
        "encoder.stages.{}.layers.{}.pwconv1",
        lambda x, w, m: normed(gelu(linear(x, w, m)), w, m.replace("pwconv1", "grn")),
    ),
    "dinov3_convnext": (
        lambda: t.DINOv3ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 2], image_size=32, layer_scale_init_value=0.5),
        "model.stages.{}.layers.{}.pointwise_conv1",
        lambda x, w, m: gelu(linear(x, w, m)),
    ),
}


def write(case, folder, processor=None):
    torch.manual_seed(1)
    config = (CASES[case] if case in CASES else STAGED[case])[0]()
    model = transformers.AutoModel.from_config(config)
    with torch.no_grad():  # so that layers differ and biases count
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    if processor is not None:
        processor.save_pretrained(folder)
    return folder


def crops(number=3, side=32):
    return from_array("crops", np.random.default_rng(2).standard_normal((number, side, side, 3)).astype(np.float32))


def by_hand(case, model, pixels, **options):
    """Return the neurons of both layers at every token, (images, tokens, neurons), in float64."""
    _, name, neurons, _, _ = CASES[case]
    entered = {}
    modules = [model.get_submodule(name.format(layer)) for layer in range(2)]
    handles = [
        module.register_forward_pre_hook(lambda _, args, layer=layer: entered.update({layer: args[0]}))
        for layer, module in enumerate(modules)
    ]
    with torch.inference_mode():
        model(pixel_values=torch.from_numpy(pixels), **options)
    for handle in handles:
        handle.remove()
    weights = {key: value.double().numpy() for key, value in model.state_dict().items()}
    layers = [neurons(entered[i].double().numpy(), weights, name.format(i)) for i in range(2)]
    return np.concatenate([layer.reshape(len(pixels), -1, layer.shape[-1]) for layer in layers], axis=2)


def test_every_tower_is_tested():
    elsewhere = {"timm_wrapper"}  # in test_timm.py, which needs timm
    tested = {case.split()[0] for case in CASES} | set(STAGED) | elsewhere
    assert set(TOWERS) | set(towers.COMPOSITE) == tested


@pytest.mark.parametrize("case", sorted(CASES))
def test_hooked_activations_are_the_mlp_by_hand(case, tmp_path):
    folder = write(case, tmp_path / "model")
    images = crops()
    source, _ = image_sources(folder, folder, images)
    _, _, _, prefix, width = CASES[case]
    assert source.layer.tolist() == [0] * width + [1] * width
    assert source.unit.tolist() == [*range(width), *range(width)]
    assert source.grid == (4, 4)
    assert source.positions == 3 * 16
    measured = np.concatenate(list(source.blocks(7)))
    pixels = np.stack([images[i] for i in range(3)]).transpose(0, 3, 1, 2).copy()
    options = {"noise": torch.arange(16.0).expand(3, -1)} if case == "vit_mae" else {}
    expected = by_hand(case, source.reader.model, pixels, **options)
    assert expected.shape[1] == prefix + 16
    np.testing.assert_allclose(measured, expected[:, prefix:].reshape(48, -1), rtol=1e-3, atol=1e-5)
    assert measured.std(0).min() > 0


@pytest.mark.parametrize("case", sorted(STAGED))
def test_stages_are_averaged_to_the_grid_of_most_neurons(case, tmp_path):
    """One block of 32 neurons on 8 × 8 cells and two of 64 on 4 × 4: the first is averaged over 2 × 2 cells."""
    folder = write(case, tmp_path / "model")
    source, _ = image_sources(folder, folder, crops())
    assert source.layer.tolist() == [0] * 32 + [1] * 64 + [2] * 64
    assert source.grid == (4, 4)
    measured = np.concatenate(list(source.blocks(7)))
    pixels = np.stack([crops()[i] for i in range(3)]).transpose(0, 3, 1, 2).copy()
    _, name, neurons = STAGED[case]
    names = [name.format(*place) for place in ((0, 0), (1, 0), (1, 1))]
    entered = {}
    model = source.reader.model
    for one in names:
        model.get_submodule(one).register_forward_pre_hook(lambda _, args, one=one: entered.update({one: args[0]}))
    with torch.inference_mode():
        model(pixel_values=torch.from_numpy(pixels))
    weights = {key: value.double().numpy() for key, value in model.state_dict().items()}
    expected = []
    for one, side in zip(names, (8, 4, 4), strict=True):
        x = entered[one].double().numpy()
        values = neurons(x.reshape(3, side, side, -1), weights, one)
        expected.append(values.reshape(3, 4, side // 4, 4, side // 4, -1).mean((2, 4)).reshape(48, -1))
    np.testing.assert_allclose(measured, np.concatenate(expected, axis=1), rtol=1e-3, atol=1e-5)
    assert measured.std(0).min() > 0


def test_stages_of_odd_sizes():
    """Of 7 × 5 cells Swin makes 4 × 3, ConvNeXt 3 × 2; no number of halvings makes 5 tokens."""
    assert grid_of_stage(35, (28, 20), (4, 4)) == (7, 5)
    assert grid_of_stage(12, (28, 20), (4, 4)) == (4, 3)
    assert grid_of_stage(6, (28, 20), (4, 4)) == (3, 2)
    assert grid_of_stage(1, (28, 20), (4, 4)) == (1, 1)
    assert grid_of_stage(5, (28, 20), (4, 4)) is None


def test_a_staged_model_is_aligned_with_a_plain_one(tmp_path):
    """A transformer of 4 × 4 patches and a Swin on 4 × 4; on a finer grid the Swin is resampled."""
    swin, vit = write("swin", tmp_path / "swin"), write("vit", tmp_path / "vit")
    sources = image_sources(swin, vit, crops())
    assert [one.grid for one in sources] == [(4, 4), (4, 4)]
    assert sources[0].positions == sources[1].positions == 48


def test_weights_are_those_of_the_file(tmp_path):
    """The vision part of a checkpoint of text and vision is the one that was saved."""
    folder = write("clip", tmp_path / "clip")
    saved = transformers.CLIPModel.from_pretrained(folder).vision_model.state_dict()
    loaded = open_reader(folder).model.state_dict()
    assert saved.keys() == loaded.keys()
    assert all(torch.equal(saved[name], loaded[name]) for name in saved)


def test_a_masked_autoencoder_sees_every_patch_in_place(tmp_path):
    """Changing one patch changes its own cell most: nothing is hidden, nothing shuffled."""
    reader = open_reader(write("vit_mae", tmp_path / "mae"))
    base = np.zeros((1, 32, 32, 3), dtype=np.float32)
    changed = base.copy()
    changed[0, 8:16, 16:24] = 3.0  # row 1, column 2
    first, second = (next(ImageSource(reader, from_array("x", array)).maps())[0] for array in (base, changed))
    moved = np.abs(second - first).sum(-1)
    assert moved.argmax() == 1 * 4 + 2


def test_a_masked_autoencoder_gets_its_positions(tmp_path):
    """A model made from a configuration has zeros for positions; it gets the table computed here, entry by entry."""
    config = CASES["vit_mae"][0]()
    config.mask_ratio = 0.0
    model = towers.prepared(hub.untrained_model(config, 0))
    table = model.embeddings.position_embeddings[0].double().numpy()
    assert not table[0].any()
    for patch in range(16):
        row, column = divmod(patch, 4)
        angle = [u * 10_000 ** (-i / 4) for u in (column, row) for i in range(4)]
        expected = np.concatenate([np.sin(angle[:4]), np.cos(angle[:4]), np.sin(angle[4:]), np.cos(angle[4:])])
        np.testing.assert_allclose(table[1 + patch], expected, atol=1e-6)


def test_positions_agree_with_pretraining_of_transformers():
    """The table that `transformers` makes when pretraining starts, where this version makes one."""
    config = CASES["vit_mae"][0]()
    model = transformers.ViTMAEModel(config)
    for parameter in model.embeddings.patch_embeddings.projection.parameters():
        parameter._is_hf_initialized = False
    model.embeddings.patch_embeddings.projection._is_hf_initialized = False
    model.embeddings.position_embeddings._is_hf_initialized = False
    model.embeddings.initialize_weights()
    made = model.embeddings.position_embeddings.detach()
    assert made.any()
    torch.testing.assert_close(made, towers._sine_positions(config), rtol=0, atol=1e-6)


def test_each_checkpoint_has_its_own_preprocessing(tmp_path, images):
    """Resized, rescaled and normalised as its preprocessor_config.json says."""
    from PIL import Image

    settings = {"size": {"height": 32, "width": 32}, "image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.4, 0.3]}
    folder = write("vit", tmp_path / "vit", transformers.ViTImageProcessorPil(**settings))
    process = towers.open_processor(folder, transformers.AutoConfig.from_pretrained(folder))
    made = process([images[0]])
    resized = np.asarray(Image.fromarray(images[0]).resize((32, 32), Image.Resampling.BILINEAR), dtype=float)
    expected = (resized / 255 - settings["image_mean"]) / settings["image_std"]
    np.testing.assert_allclose(made[0], expected.transpose(2, 0, 1), atol=1e-5)
    with pytest.raises(InputError, match="must be uint8, 0 to 255"):
        process([images[0].astype(np.float32)])


@pytest.mark.parametrize("rows", [1, 3])
def test_an_image_of_few_rows_is_read_as_its_transpose_on_its_side(rows, tmp_path):
    """Its channels come last, also where it has as many rows as channels."""
    folder = tmp_path / "vit"
    config = transformers.ViTConfig()
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    process = towers.open_processor(folder, config)
    image = np.random.default_rng(0).integers(0, 256, (rows, 40, 3), dtype=np.uint8)
    (flat,), (upright,) = process([image]), process([image.transpose(1, 0, 2)])
    assert flat.shape == (3, 32, 32)
    np.testing.assert_allclose(flat, upright.transpose(0, 2, 1), atol=0.03)  # resized in whole numbers, in other order


def test_dinov3_is_preprocessed_without_torchvision(tmp_path, images):
    folder = write("dinov3_vit", tmp_path / "dinov3")
    (folder / "preprocessor_config.json").write_text(
        '{"image_processor_type": "DINOv3ViTImageProcessorFast", "size": {"height": 32, "width": 32},'
        '"do_resize": true, "do_rescale": true, "do_normalize": true, "resample": 2,'
        '"rescale_factor": 0.00392156862745098,'
        '"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}'
    )
    source, _ = image_sources(folder, folder, images)
    assert source.positions == 6 * 16
    made = towers.open_processor(folder, source.reader.model.config)([np.full((40, 40, 3), 255, np.uint8)])
    np.testing.assert_allclose(made, 2.0, atol=1e-6)


def test_unknown_architecture_lists_candidates():
    config = transformers.YolosConfig(**{**WIDE, "image_size": [32, 32]})
    with pytest.raises(
        RosettaError,
        match=r"unknown architecture 'yolos' \(known: beit, clip_vision_model, .*candidates here: .*layer",
    ):
        TowerReader("my-yolos", transformers.YolosModel(config), lambda images: np.zeros(1))


def test_a_model_of_text_is_no_tower(tmp_path):
    transformers.GPT2Model(transformers.GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=50)).save_pretrained(
        tmp_path
    )
    with pytest.raises(RosettaError, match=r"unknown architecture 'gpt2' \(known: beit, clip_vision_model"):
        open_reader(tmp_path)


def test_a_count_of_tokens_that_forms_no_grid_shows_the_arithmetic(tmp_path):
    reader = open_reader(write("dinov2_with_registers", tmp_path / "m"))
    reader.prefix = {"class token": 1, "register tokens": 5}
    with pytest.raises(
        RosettaError, match=r"20 tokens − 1 class token − 5 register tokens = 14, which is not a grid: 32 × 32 pixels"
    ):
        ImageSource(reader, crops())


def test_an_untrained_twin_has_other_weights_and_the_same_images(tmp_path):
    source, _ = image_sources(write("dinov2", tmp_path / "m"), tmp_path / "m", crops())
    twins = [source.untrained(seed) for seed in (0, 0, 1)]
    blocks = [next(twin.blocks(100)) for twin in (source, *twins)]
    assert np.array_equal(blocks[1], blocks[2])
    assert not np.array_equal(blocks[1], blocks[3])
    assert not np.array_equal(blocks[0], blocks[1])


def test_images_of_another_size_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"must be floating-point numbers of 32 × 32 pixels"):
        image_sources(write("vit", tmp_path / "m"), tmp_path / "m", crops(side=24))


def given_up(source):
    """Return whether a source's weights take no memory; asking opens nothing."""
    return all(weight.is_meta for weight in source.reader._weights.known.parameters())


@pytest.mark.parametrize("case", ["vit", "vit_mae", "clip", "paligemma"])
def test_weights_are_given_up_when_they_were_copied_and_opened_again_for_another_reading(case, tmp_path):
    folder, twin = write(case, tmp_path / "model"), write("dinov2", tmp_path / "twin")
    sources = image_sources(folder, twin, crops())
    before = [next(source.blocks(100)).tobytes() for source in sources]
    facts = [source.identity() for source in sources]
    options = {"nulls": {"untrained": 1}, "jackknife_blocks": 0, "quiet": True}
    matches = match(*sources, **options)
    assert all(map(given_up, sources))
    assert [source.identity() for source in sources] == facts
    again = match(*sources, **options)
    assert again.correlation.tobytes() == matches.correlation.tobytes()
    assert again.nulls["untrained"][0].tobytes() == matches.nulls["untrained"][0].tobytes()
    sources[0].release()
    assert given_up(sources[0])
    assert [next(source.blocks(100)).tobytes() for source in sources] == before
    assert not any(map(given_up, sources))
    assert next(iter(sources[1].tensors(5))).device.type == "cpu"


@pytest.mark.parametrize("case", ["vit", "swin"])
def test_a_batch_has_a_bounded_number_of_cells(case, tmp_path, monkeypatch):
    """Grids of 4 × 4 and of up to 8 × 8 cells: 130 cells are eight images, or two; one image is always read."""
    source, _ = image_sources(write(case, tmp_path / "model"), tmp_path / "model", crops())
    whole = next(source.blocks(48))
    for cells, images in ((130, {"vit": 8, "swin": 2}[case]), (1, 1)):
        monkeypatch.setattr(source_module, "CELLS_A_BATCH", cells)
        other = source.on(source.images)
        assert other.batch == images
        np.testing.assert_allclose(next(other.blocks(48)), whole, rtol=1e-4, atol=1e-6)
