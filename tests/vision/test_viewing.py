"""Vision pairs on the viewer's page."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from rosettalaw.empirical.matching import match
from rosettalaw.empirical.viewer.language_page import write_viewer
from rosettalaw.empirical.vision.judging.top_images import neuron_scores
from rosettalaw.empirical.vision.source import image_sources
from rosettalaw.empirical.vision.viewing import image_pairs, write_image_viewer
from rosettalaw.errors import InputError
from rosettalaw.results import load, save


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("vit")
    size = {"image_size": 32, "patch_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 16}
    config = transformers.ViTConfig(**size, intermediate_size=24, initializer_range=0.3)
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return str(folder)


def test_a_pair_is_shown_by_the_top_images_of_both(checkpoint, images):
    sources = image_sources(checkpoint, checkpoint, images)
    pair = image_pairs(sources, ([3], [7]), [0.9], contexts=2)[0]
    assert pair.neurons == ((0, 3), (0, 7))
    for side, neuron in enumerate((3, 7)):
        scores = neuron_scores(sources[side], [neuron])[:, 0]
        best = [images.names[i] for i in np.argsort(-scores)[:2]]
        assert [pair.contexts[i].name for i in pair.top[side]] == best
        first = pair.contexts[pair.top[side][0]]
        assert first.z[side] == pytest.approx((scores.max() - scores.mean()) / scores.std())
    context = pair.contexts[0]
    assert [label for label, _ in context.pictures] == ["image", "A: map", "A: overlay", "B: map", "B: overlay"]
    assert context.domain in images.classes
    drawn = Image.open(io.BytesIO(base64.b64decode(context.pictures[0][1].split(",")[1])))
    assert max(drawn.size) == 96


def test_the_page_holds_the_pictures(checkpoint, images, folder, tmp_path):
    found = match(*image_sources(checkpoint, checkpoint, images), nulls={"permute": 1}, jackknife_blocks=0, quiet=True)
    path = save(found.to_dataset(modality="vision"), tmp_path / "pairs.nc")
    out = write_image_viewer(path, folder, tmp_path / "view.html", limit=3, contexts=2)
    html = out.read_text()
    block = re.search(r"<script[^>]*application/json[^>]*>(.*?)</script>", html, re.DOTALL)
    assert block is not None
    record = json.loads(block[1])
    assert len(record["pairs"]) == 3
    assert record["pairs"][0]["contexts"][0]["kind"] == "image"
    assert record["facts"]["sha256 of the images"] == images.sha256
    with pytest.raises(InputError, match=r"was measured on images; .*rosettalaw view pairs.nc --images folder"):
        write_viewer(str(path), None, out)
    other = load(path)
    del other.attrs["modality"]
    with pytest.raises(InputError, match="was not matched on images"):
        write_image_viewer(save(other, tmp_path / "other.nc"), folder, out)


def test_the_command_shows_images(checkpoint, images, folder, tmp_path):
    from typer.testing import CliRunner

    from rosettalaw.cli import app

    found = match(*image_sources(checkpoint, checkpoint, images), nulls={"permute": 1}, jackknife_blocks=0, quiet=True)
    path = save(found.to_dataset(modality="vision"), tmp_path / "pairs.nc")
    out = tmp_path / "page.html"
    options = ["--images", str(folder), "--out", str(out), "--limit", "1", "--contexts", "1"]
    result = CliRunner().invoke(app, ["view", str(path), *options])
    assert result.exit_code == 0, result.output
    assert "data:image/jpeg" in out.read_text()
