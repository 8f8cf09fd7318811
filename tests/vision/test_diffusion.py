"""A tiny random diffusion transformer on disk: its activations at one denoising step against its MLP by hand."""

import json

import numpy as np
import pytest
import torch

from rosettalaw.empirical.vision.images import from_array
from rosettalaw.empirical.vision.source import ImageSource, image_sources, open_reader
from rosettalaw.errors import InputError, RosettaError

diffusers = pytest.importorskip("diffusers")


def transformer():
    torch.manual_seed(0)
    return diffusers.DiTTransformer2DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=8, num_layers=2, sample_size=8,
        patch_size=2, num_embeds_ada_norm=5,
    )  # fmt: skip


def encoder():
    torch.manual_seed(1)
    return diffusers.AutoencoderKL(
        block_out_channels=(8, 8), down_block_types=("DownEncoderBlock2D",) * 2, norm_num_groups=4,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, scaling_factor=0.5,
    )  # fmt: skip


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dit")
    transformer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    transformer().save_pretrained(folder / "transformer")
    encoder().save_pretrained(folder / "vae")
    diffusers.DDPMScheduler(num_train_timesteps=100).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text('{"_class_name": "DiTPipeline"}')
    return folder


def latents(number=3):
    return from_array("z", np.random.default_rng(0).standard_normal((number, 8, 8, 4)).astype(np.float32))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def by_hand(model, noisy, timestep):
    """Return the neurons of both layers, (images · patches, neurons), in float64, for latents with their noise in."""
    entered = []
    handles = [
        block.ff.register_forward_pre_hook(lambda _, args: entered.append(args[0].double().numpy()))
        for block in model.transformer_blocks
    ]
    with torch.inference_mode():
        steps = torch.full((len(noisy),), timestep)
        model(noisy, timestep=steps, class_labels=torch.full_like(steps, 5))
    for handle in handles:
        handle.remove()
    weights = {name: value.double().numpy() for name, value in model.state_dict().items()}
    layers = []
    for number, x in enumerate(entered):
        first = f"transformer_blocks.{number}.ff.net.0.proj"
        layers.append(gelu_tanh(x @ weights[f"{first}.weight"].T + weights[f"{first}.bias"]))
    return np.concatenate(layers, axis=2).reshape(-1, 2 * 64)


def test_activations_are_the_mlp_by_hand_at_one_step(bare):
    images = latents()
    source, _ = image_sources(bare, bare, images, timestep=400)
    assert source.grid == (4, 4)
    measured = np.concatenate(list(source.blocks(10)))
    # DDPM's linear schedule: ᾱ is the running product of 1 − β, β from 1e-4 to 0.02 in 1000 steps
    kept = np.prod(1 - np.linspace(1e-4, 0.02, 1000)[:401])
    z = np.stack([images[i] for i in range(3)]).transpose(0, 3, 1, 2)
    noise = z_noise(source, images)
    noisy = torch.from_numpy((np.sqrt(kept) * z + np.sqrt(1 - kept) * noise).astype(np.float32))
    np.testing.assert_allclose(measured, by_hand(source.reader.model, noisy, 400), rtol=1e-3, atol=1e-4)


def z_noise(source, images):
    """Recover the noise from what enters the transformer at the schedule's end, where hardly anything else is left."""
    entered = []
    reader = open_reader(source.name, timestep=999)
    handle = reader.model.pos_embed.register_forward_pre_hook(lambda _, args: entered.append(args[0].numpy().copy()))
    with torch.inference_mode():
        reader.read([images[i] for i in range(len(images))])
    handle.remove()
    kept = np.prod(1 - np.linspace(1e-4, 0.02, 1000))
    z = np.stack([images[i] for i in range(len(images))]).transpose(0, 3, 1, 2)
    noise = (entered[0] - np.sqrt(kept) * z) / np.sqrt(1 - kept)
    assert abs(noise.std() - 1) < 0.1
    assert abs(np.corrcoef(noise.ravel(), z.ravel())[0, 1]) < 0.1
    return noise


def test_an_image_has_the_same_noise_in_any_batch(bare):
    reader = open_reader(bare, timestep=500)
    whole, single = (np.concatenate(list(ImageSource(reader, latents(), batch=n).blocks(100))) for n in (3, 1))
    np.testing.assert_allclose(whole, single, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("first", [1, 16, 31, 47])
def test_reading_from_a_position_on_runs_the_same_batches(bare, first, monkeypatch):
    """Batches of 2 of 3 images, of the same number of cells each."""
    source = ImageSource(open_reader(bare, timestep=500), latents(), batch=2)
    cells = source.positions // 3
    first = first * cells // 16
    whole = np.concatenate(list(source.blocks(7)))
    read, runs = source.reader.read, []
    monkeypatch.setattr(source.reader, "read", lambda images: runs.append(len(images)) or read(images))
    rest = np.concatenate([whole[:0], *source.blocks_from(7, first)])
    assert rest.tobytes() == whole[first:].tobytes()
    assert runs == ([2, 1] if first < 2 * cells else [1])


def test_a_pipeline_encodes_images_first(pipeline, images):
    source, _ = image_sources(pipeline, pipeline, images, timestep=0)
    measured = np.concatenate(list(source.blocks(50)))
    assert measured.shape == (6 * 16, 128)
    from PIL import Image

    resized = np.asarray(Image.fromarray(images[0]).resize((16, 16), Image.Resampling.BICUBIC), dtype=np.float32)
    pixels = torch.from_numpy(resized.transpose(2, 0, 1)[None] / 127.5 - 1)
    with torch.inference_mode():
        z = 0.5 * encoder().eval().encode(pixels).latent_dist.mean
    # at step 0 the image is all but 1e-4 of the variance
    expected = by_hand(source.reader.model, z, 0)
    assert np.corrcoef(measured[:16].ravel(), expected.ravel())[0, 1] > 0.99
    with pytest.raises(InputError, match="timestep = 100: must be from 0 to 99"):
        image_sources(pipeline, pipeline, images, timestep=100)


def test_a_bare_transformer_reads_latents_alone(bare, images):
    with pytest.raises(InputError, match=r"has no encoder: it reads floating-point latents of shape \(8, 8, 4\)"):
        image_sources(bare, bare, images)


def test_an_untrained_twin(bare):
    source, _ = image_sources(bare, bare, latents())
    a, b, c = (next(source.untrained(seed).blocks(100)) for seed in (0, 0, 1))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_other_diffusion_models_are_named(tmp_path):
    (tmp_path / "config.json").write_text('{"_class_name": "UNet2DModel"}')
    with pytest.raises(RosettaError, match=r"unknown diffusion model 'UNet2DModel' \(known: DiTTransformer2DModel\)"):
        open_reader(tmp_path)


def test_it_is_not_spread_and_pickles_need_leave(bare, tmp_path):
    from rosettalaw.empirical.checkpoints.hub import Loading
    from rosettalaw.empirical.vision.diffusion import open_dit

    with pytest.raises(InputError, match=r"--device-map = 'auto': .*one device. Try: --device cuda"):
        open_dit(bare, loading=Loading(device_map="auto"))
    (tmp_path / "config.json").write_text((bare / "config.json").read_text())
    torch.save(transformer().state_dict(), tmp_path / "diffusion_pytorch_model.bin")
    with pytest.raises(RosettaError, match="cannot be loaded"):
        open_reader(tmp_path)
    opened = open_dit(tmp_path, loading=Loading(pickled=True)).model.state_dict()
    assert all(torch.equal(value, opened[name]) for name, value in transformer().state_dict().items())


def test_a_pipeline_by_hub_id(pipeline, tmp_path, monkeypatch):
    """From a cache as the hub's own client keeps it."""
    import shutil

    import huggingface_hub

    repository = tmp_path / "models--us--dit"
    folder = shutil.copytree(pipeline, repository / "snapshots" / ("3" * 40))
    (folder / "model_index.json").write_text('{"vae": ["diffusers", "AutoencoderKL"], "scheduler": ["diffusers", "X"]}')
    (repository / "refs").mkdir()
    (repository / "refs" / "v1").write_text("3" * 40)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    pictures = from_array("p", np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8))
    here, there = (next(ImageSource(open_reader(name), pictures).blocks(99)) for name in (pipeline, "us/dit@v1"))
    np.testing.assert_array_equal(here, there)


def test_absurd_sizes_are_refused_before_a_transformer_is_built(tmp_path):
    facts = {"_class_name": "DiTTransformer2DModel", "num_layers": 10**9, "num_attention_heads": 2}
    (tmp_path / "config.json").write_text(json.dumps(facts))
    with pytest.raises(RosettaError, match=r"config\.json says num_layers = 1000000000"):
        open_reader(tmp_path)


def test_weights_are_given_up_when_they_were_copied_and_opened_again_for_another_reading(pipeline, images):
    """A network with random weights shares the encoder, which is opened again for it."""
    source, twin = image_sources(pipeline, pipeline, images, timestep=10)
    before = next(source.blocks(200)).tobytes()
    other = source.untrained(3)
    random = next(other.blocks(200)).tobytes()
    source.release()
    parts = [source.reader._weights.known, source.reader._encoder.known]
    assert all(weight.is_meta for part in parts for weight in part.parameters())
    assert next(other.blocks(200)).tobytes() == next(source.untrained(3).blocks(200)).tobytes() == random
    other.release()
    assert next(source.blocks(200)).tobytes() == next(twin.blocks(200)).tobytes() == before
