"""The image-token report: its parts on cases whose answer is known, and all of it on a small random network."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from models import conditions, zoo
from models.image_tokens import ImageTokens, ImageTokensConfig
from models.training import data as datasets
from models.training import image_tokens_report, samples, ship
from models.training.harness import RecipeError
from models.training.image_tokens_report import Effort

VOCABULARY = conditions.vocabulary("toons")
SMALL = Effort(samples=12, asked=4, swept=4)


def small(vocabulary=VOCABULARY) -> ImageTokens:
    """A model with random weights, small enough for tests."""
    torch.manual_seed(0)
    config = ImageTokensConfig(vocabulary, widths=(8, 8, 8), codes=16, code_size=4, size=16, layers=1, heads=2)
    networks = config.autoencoder().eval().requires_grad_(False), config.transformer().eval().requires_grad_(False)
    return ImageTokens(config, *networks)


def pictures(images, split="train"):
    """Drawings whose labels are made up: the true ones do not ship."""
    labels = {name: np.arange(len(images)) % len(values) for name, values in VOCABULARY.items()}
    return datasets.Pictures("toons", split, images, np.arange(len(images)), labels)


@pytest.fixture
def splits(drawings, monkeypatch):
    """The data set "toons" as far as it ships."""
    found = {"train": pictures(drawings[:60]), "test": pictures(drawings[60:100], "test")}
    monkeypatch.setattr(datasets, "load", lambda data, folder=None, size=64, split="train": found[split])
    return found


class SmallVGG(torch.nn.Module):
    """Stands in for VGG16: the last activations are the picture, shrunk."""

    mean = torch.zeros(())

    def forward(self, x):
        return [torch.nn.functional.avg_pool2d(x, 16)]


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """The folder of a finished run, before its report."""
    monkeypatch.setattr(samples, "VGG16", SmallVGG)
    monkeypatch.setattr(image_tokens_report, "FULL", SMALL)
    folder = tmp_path / "run" / "weights"
    small().save(folder)
    record = {"recipe": "models/training/image_tokens.py", "steps": 6, "images_seen": 96, "training_minutes": 0.2}
    record |= {"halves": {"autoencoder": {"training_minutes": 0.1}, "transformer": {"training_minutes": 0.1}}}
    record |= {"device": "CPU", "started_from": "random weights", "data": "toons", "metrics": {}}
    (folder / "training.json").write_text(json.dumps(record))
    (tmp_path / "run" / "replay").mkdir()
    moments = [{"step": m, "images_seen": 16 * m, "bits": 1 / 3} for m in range(25)]
    for m in range(25):
        Image.new("RGB", (512, 128), (8 * m,) * 3).save(tmp_path / "run" / "replay" / f"{m:02d}.jpg")
    (tmp_path / "run" / "replay" / "replay.json").write_text(json.dumps(moments))
    return folder


def test_surprise_is_the_sum_that_a_drawing_by_itself_would_have(splits):
    """A transformer whose scores are all alike is surprised by log2 16 bits everywhere, and each code adds its own."""
    model = small()
    codes = model.encode(splits["test"].tensor(slice(0, 3)))
    model.transformer.head.weight.zero_()
    model.transformer.head.bias.zero_()
    assert torch.allclose(image_tokens_report.surprise(model, codes, [{}] * 3), torch.full((3, 128), 4.0))
    model.transformer.head.bias[3] = 2.0  # the rough stroke 3 is likelier than the others
    found = image_tokens_report.surprise(model, codes, [{}] * 3)
    total = 15 + np.exp(2.0)
    expected = np.where(codes[:, ::2] == 3, np.log2(total / np.exp(2.0)), np.log2(total))
    assert np.allclose(found[:, ::2], expected, atol=1e-4) and np.allclose(found[:, 1::2], 4.0, atol=1e-4)


def test_bits_and_usage_of_codes_that_are_known(splits, monkeypatch):
    """Every picture has the same codes: one entry a level, and counting them foresees all the rest."""
    model = small()
    same = (torch.arange(128) % 2 * 5)[None]
    monkeypatch.setattr(model, "encode", lambda x: same.expand(len(x), -1))
    used = image_tokens_report.usage(model, splits["train"])
    assert used["used"] == [1, 1] and used["perplexity"] == [1.0, 1.0] and used["entries"] == 16
    found = image_tokens_report.bits(model, splits["train"], splits["test"], None)
    assert found["uniform"] == 4.0 and "asked" not in found
    assert found["frequencies"] == pytest.approx(-np.log2((60 * 64 + 1) / (60 * 64 + 16)), abs=1e-3)
    assert found["unasked"] == found["training"]  # the same codes here and there
    assert np.shape(found["by_place"]) == (8, 8)
    assert np.mean(found["by_place"]) == pytest.approx(2 * found["unasked"], abs=0.01)
    assert np.mean(found["levels"]) == pytest.approx(found["unasked"], abs=1e-3)


def test_whole_report_of_a_random_network(splits, weights):
    """Nothing crashes on noise, and everything that the app and the card need is there."""
    image_tokens_report.report(weights, "toons", weights.parent)
    record = json.loads((weights / "training.json").read_text(), parse_constant=pytest.fail)  # no NaN
    numbers = record["metrics"]
    with Image.open(weights / "replay.webp") as atlas:
        assert atlas.size == (6 * 256, 4 * 256)
    assert numbers["sampler"]["samples"] == 12 and numbers["sampler"]["nfe"] == 128
    for kind in ("vgg", "attributes"):
        assert numbers[f"frechet_{kind}"]["score"] > numbers[f"frechet_{kind}"]["floor"] > 0
        assert numbers["reconstruction"]["frechet"][kind] > numbers[f"frechet_{kind}"]["floor"]
    accuracy = numbers["factor_accuracy"]
    assert list(accuracy["attributes"]) == list(VOCABULARY)
    assert accuracy["scales"] == [0, 1, 2, 4] and accuracy["nfe"] == [128, 128, 256, 256]
    for kind in ("unconditional", "guided"):
        assert numbers["memory"][kind]["remembered"] == 0.0
    assert [row["temperature"] for row in numbers["temperatures"]["rows"]] == [0.7, 0.85, 1.0]
    assert numbers["bits"]["asked"] > 0
    assert numbers["replay_asked"][0] == conditions.named(VOCABULARY, [8 % len(v) for v in VOCABULARY.values()])
    card = (weights / "README.md").read_text()
    assert card.startswith("---\nlicense: cc-by-4.0\ndatasets: [toons]") and zoo.CREDITS["toons"] in card
    for words in ("| vgg | samples |", "guidance 4", "| **mean** |", "bits per code", "by heart", "Limits and bias"):
        assert words in card, words
    assert ship.headline(weights) == ("Frechet distance, VGG features", numbers["frechet_vgg"]["score"], False)


def test_a_model_of_other_attributes_is_refused(splits, weights):
    small({"hat": ("none", "small")}).save(weights)
    with pytest.raises(RecipeError, match="asked for hat, toons have skin"):
        image_tokens_report.report(weights, "toons")
