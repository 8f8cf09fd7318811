"""Memory that reading takes is bounded: by what was allowed, not by how large or how many images and texts are."""

import subprocess
import sys
import textwrap
import tracemalloc

import numpy as np
import pytest

from rosettalaw.empirical.corpora.corpus import Corpus, Document
from rosettalaw.empirical.language.tokenization import AT_ONCE, token_ids, train_tokenizer
from rosettalaw.empirical.vision import images as image_files
from rosettalaw.empirical.vision.images import SIDE, Chosen, Images, Recent, reduced
from rosettalaw.empirical.vision.judging.judges import OfflineJudge
from rosettalaw.empirical.vision.judging.top_images import overlay, pictures
from rosettalaw.empirical.vision.towers import processed

MEGAPIXELS = 3_000_000  # bytes of a photograph of one


def photographs(number):
    """Return photographs of a megapixel that take no memory until they are loaded."""

    def load(index):
        return np.random.default_rng(index).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)

    return Images("photographs", tuple(f"{i}.png" for i in range(number)), load, "0" * 64)


@pytest.fixture
def traced():
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def test_a_batch_of_photographs_is_processed_in_groups_of_bounded_size(traced):
    seen = []

    def process(images):
        seen.append(len(images))
        return np.stack([image[:8, :8].transpose(2, 0, 1) for image in images]).astype(np.float32)

    images = photographs(20)
    pixels = processed(process, Chosen(images, range(20)), at_once=3 * MEGAPIXELS)
    assert seen == [3] * 6 + [2]
    assert traced() < 6 * MEGAPIXELS
    np.testing.assert_array_equal(pixels, process([images[i] for i in range(20)]))  # as all at once


def test_a_judge_holds_patches_and_not_photographs(traced):
    OfflineJudge(photographs(16))
    assert traced() < 4 * MEGAPIXELS


def test_chosen_images_are_loaded_when_they_are_looked_at(traced):
    images = photographs(50)
    chosen = Chosen(images, range(50), lambda index: images[index][:1, :1])
    assert [one.shape for one in chosen[10:13]] == [(1, 1, 3)] * 3
    assert (len(chosen), len(chosen[:4])) == (50, 4)
    np.testing.assert_array_equal(chosen[7], photographs(50)[7][:1, :1])
    assert traced() < 3 * MEGAPIXELS


def test_photographs_of_a_folder_are_decoded_once_for_all_neurons(tmp_path, monkeypatch):
    """In full they take more than may be remembered; as they are looked at, they do not."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(3):
        one = Image.fromarray(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8))
        one.resize((240, 160), Image.Resampling.BICUBIC).save(tmp_path / f"{i}.png")
    decoded = []
    whole = image_files.decode

    def decode(file, pixels):
        decoded.append(file.name)
        return whole(file, pixels)

    monkeypatch.setattr(image_files, "SIDE", 60)
    images = image_files.open_images(tmp_path, quiet=True, memory=700_000)
    monkeypatch.setattr(image_files, "decode", decode)
    for _ in range(4):  # neurons
        seen = list(pictures(images, [2, 0, 1]))
    assert sorted(decoded) == ["0.png", "1.png", "2.png"]
    assert {one.shape for one in seen} == {(40, 60, 3)}
    assert images[0].shape == (160, 240, 3)  # as models read it
    for picture, number in zip(seen, (2, 0, 1), strict=True):
        means = [one.reshape(20, -1, 30, one.shape[1] // 30, 3).mean((1, 3)) for one in (picture, images[number])]
        np.testing.assert_allclose(*means, atol=8)


def test_images_seen_last_are_not_decoded_again_as_far_as_there_is_room():
    decoded = []

    def load(index):
        decoded.append(index)
        return np.full(100, index, np.uint8)

    recent = Recent(load, 250)
    assert [int(recent(i)[0]) for i in (0, 1, 0, 2, 0, 1)] == [0, 1, 0, 2, 0, 1]
    assert decoded == [0, 1, 2, 1]
    none = Recent(load, 50)
    assert [int(none(i)[0]) for i in (5, 5)] == [5, 5]
    assert decoded[4:] == [5, 5]


def test_large_pictures_are_reduced_before_they_are_laid_over(traced):
    image = np.zeros((3000, 2000, 3), np.uint8)
    heat, laid = overlay(image, np.eye(4))
    assert heat.shape == laid.shape == (SIDE, round(2000 * SIDE / 3000), 3)
    assert traced() < 10 * image.nbytes
    small = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert reduced(small) is small


def test_long_texts_are_tokenized_in_pieces_that_together_are_the_whole():
    words = np.random.default_rng(0).choice(["river", "stone", "light", "carries", "lets"], 60_000)
    long, short = " ".join(words), "the river carries"
    tokenizer = train_tokenizer(Corpus("words", (Document("d", "x", long[:5000]),)), 300)
    sizes = []

    def watched(texts, **options):
        sizes.append(sum(map(len, texts)))
        return tokenizer(texts, **options)

    texts = [short, long, "", short, long]
    found = list(token_ids(watched, texts))
    assert max(sizes) <= AT_ONCE < sum(sizes)
    expected = tokenizer(texts, add_special_tokens=False)["input_ids"]
    assert [row.tolist() for row in found] == expected
    whole = list(token_ids(tokenizer, texts, whole=True))
    assert [row.tolist() for row in whole] == expected


PEAK = """
    import resource, sys
    import numpy as np
    from rosettalaw.cli import main
    try:
        main(sys.argv[1:])
    except SystemExit as end:
        print("PEAK", end.code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def peak(*words):
    """Return how a command ends, and the most memory that it takes."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PEAK), *map(str, words)], capture_output=True, text=True
    )
    _, code, size = done.stdout.splitlines()[-1].split()
    assert code == "0", done.stderr
    return int(size)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["judge", "view"])
def test_photographs_of_twenty_megapixels_take_no_more_than_a_few_of_them(command, tmp_path):
    from PIL import Image

    from tests.kills.commands import COMMANDS
    from tests.kills.inputs import prepare

    prepare(tmp_path, [COMMANDS["judge"]])
    sizes, images = {}, 16
    for name, side in (("small", 200), ("large", 4500)):
        folder = tmp_path / name
        folder.mkdir()
        for i in range(images):
            Image.fromarray(np.full((side, side, 3), 15 * i, np.uint8)).save(folder / f"{i}.png")
        words = ["judge", tmp_path / "image-pairs.nc", "--images", folder, "--top", "2,5", "--main", 5, "--subsets", 2]
        words += ["--subset-size", 2, "--validated", 1, "--cache", tmp_path / "cache"]
        if command == "view":
            words = ["view", tmp_path / "image-pairs.nc", "--images", folder, "--out", tmp_path / "viewer.html"]
        sizes[name] = peak(*words, "--memory", "400MB")
    assert sizes["large"] - sizes["small"] < 400e6 < images * 3 * 4500**2
