"""The attribute network, its recipe in miniature, and what the shipped weights promise."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.attributes import WEIGHTS, Attributes, AttributesConfig, names, read_config
from models.training import attributes as recipe
from models.training import data as datasets
from models.training.harness import run_recipe

CONFIG = AttributesConfig({"smile": ["no", "yes"], "hair": ["a", "b", "c"]}, {"yaw": (0.1, 2.0)}, data="test")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    model = Attributes(CONFIG)
    for module in model.modules():  # as after training: statistics that are not those of a new layer
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return model.eval().requires_grad_(False)


def pictures(count=5, seed=0):
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_readings_features_and_measures(network):
    readings = network.read(pictures())
    assert {name: tuple(p.shape) for name, p in readings.items()} == {"smile": (5, 2), "hair": (5, 3)}
    assert all(torch.allclose(p.sum(1), torch.ones(5)) and p.min() > 0 for p in readings.values())
    features = network.features(pictures())
    assert features.shape == (5, 128) and torch.allclose(features.norm(dim=1), torch.ones(5), atol=1e-5)
    measured = network.measure(pictures())["yaw"]
    assert torch.allclose(measured, network(pictures())[1][:, 0] * 2.0 + 0.1, atol=1e-6)


def test_one_picture_alone_reads_as_in_a_batch(network):
    whole = network.features(pictures())
    assert torch.allclose(network.features(pictures()[2:3])[0], whole[2], atol=1e-5)


def test_without_measures():
    model = Attributes(AttributesConfig({"smile": ["no", "yes"]})).eval()
    assert model.measure(pictures(2)) == {} and model(pictures(2))[1].shape == (2, 0)


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 3, 128, 128), (1, 1, 64, 64)])
def test_other_shapes_are_refused(network, shape):
    with pytest.raises(ValueError, match=r"\(N, 3, 64, 64\)"):
        network.read(torch.zeros(shape))


def test_saved_as_float16_and_run_as_float32(network, tmp_path):
    network.save(tmp_path)
    again = Attributes.load(tmp_path)
    assert read_config(tmp_path) == CONFIG == again.config
    assert {p.dtype for p in again.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in again.parameters()) and not again.training
    assert torch.allclose(again.read(pictures())["hair"], network.read(pictures())["hair"], atol=5e-3)
    assert (tmp_path / "model.safetensors").stat().st_size < 4e6
    assert sum(p.numel() for p in again.parameters()) <= 1_000_000


def test_blur_keeps_flat_pictures_and_matches_its_sigma():
    flat = torch.full((2, 3, 32, 32), 0.3)
    assert torch.allclose(recipe.gaussian_blur(flat, 1.5), flat, atol=1e-6)
    dot = torch.zeros(1, 1, 41, 41)
    dot[0, 0, 20, 20] = 1
    spread = recipe.gaussian_blur(dot, 2.0)[0, 0]
    offset = torch.arange(41.0) - 20
    assert float((spread.sum(0) * offset**2).sum()) == pytest.approx(4.0, rel=0.05)  # variance = sigma^2


def test_augmented_labels_still_hold():
    """A white bar on the left says which way a picture was mirrored; the background says how light it became."""
    x = torch.full((300, 3, 64, 64), 0.0)
    x[..., :20] = 1.0
    measures = torch.tensor([[0.2, 0.5, float("nan")]]).repeat(300, 1)  # grey 0 in [-1, 1] is 0.5
    generator = torch.Generator().manual_seed(1)
    y, changed = recipe.augment(x, measures, ["yaw", "background_r", "pitch"], generator, flip=True, light=0.2)
    mirrored = y[..., -8:].mean((1, 2, 3)) > y[..., :8].mean((1, 2, 3))
    assert 90 < int(mirrored.sum()) < 210
    assert torch.equal(changed[:, 0] < 0, mirrored)
    middle = y[:100, 0, 28:36, 30:34].mean((1, 2))  # of the blurred third, which has no noise
    assert torch.allclose((middle + 1) / 2, changed[:100, 1], atol=0.02)
    assert changed[:, 1].std() > 0.02 and changed[:, 2].isnan().all()
    assert (measures[:, 0] == 0.2).all()  # what was handed in is not changed
    z, same = recipe.augment(x, measures, ["yaw", "background_r", "pitch"], generator, flip=False, light=0.2)
    assert (z[..., :8].mean((1, 2, 3)) > z[..., -8:].mean((1, 2, 3))).all() and (same[:, 0] == 0.2).all()


def test_class_weights():
    labels = np.array([0] * 60 + [1] * 30 + [2] * 10 + [-1] * 50)
    full = recipe.class_weights(labels, 4, 1.0)
    assert torch.allclose(full[:3] * torch.tensor([0.6, 0.3, 0.1]), torch.full((3,), 1 / 3), atol=1e-6)
    assert full[3] == 0
    assert torch.allclose(recipe.class_weights(labels, 3, 0.0), torch.ones(3))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Forty pictures: a light or a dark square left or right; the smile is its light, the yaw its place."""
    monkeypatch.setattr(datasets, "CACHE", tmp_path / "cache")
    place = tmp_path / "faces"
    place.mkdir()
    lines = ["file_name,smile,yaw"]
    rng = np.random.default_rng(0)
    for i in range(40):
        pixels = rng.integers(100, 150, (64, 64, 3)).astype(np.uint8)
        left = 8 if i % 4 < 2 else 40
        pixels[20:44, left : left + 16] = 230 if i % 2 else 20
        Image.fromarray(pixels).save(place / f"{i:02d}.png")
        lines.append(f"{i:02d}.png,{2 * (i % 2)},{0.2 if i % 4 < 2 else -0.2}")
    (place / "metadata.csv").write_text("\n".join(lines) + "\n")
    return place


def test_recipe_learns_and_writes_everything(folder, tmp_path):
    out = tmp_path / "run"
    arguments = ["--data", str(folder), "--steps", "40", "--batch", "16", "--out", str(out)]
    assert run_recipe(recipe.main, arguments) == 0
    record = json.loads((out / "weights" / "training.json").read_text())
    assert record["steps"] == 40 and record["metrics"]["labels"]["smile"]["pictures"] >= 1
    assert "accuracy_blurred" in record["metrics"]["labels"]["smile"]
    card = (out / "weights" / "README.md").read_text()
    assert card.startswith("---\n") and "| smile |" in card
    written = card + json.dumps(record) + (out / "weights" / "config.json").read_text()
    assert str(tmp_path) not in written  # a folder of one machine is nobody else's business
    model = Attributes.load(out / "weights")
    assert model.config.labels["smile"] == ["none", "closed", "teeth"]
    train = datasets.load(str(folder), split="train")
    metrics = recipe.evaluate(model, train)
    assert metrics["labels"]["smile"]["accuracy"] > 0.9
    # From the weights of a run one can go on.
    again = ["--data", str(folder), "--steps", "1", "--batch", "4", "--out", str(tmp_path / "b")]
    assert run_recipe(recipe.main, [*again, "--resume", str(out / "weights")]) == 0
    record = json.loads((tmp_path / "b" / "weights" / "training.json").read_text())
    assert record["started_from"]["images_seen"] == 640 and record["images_seen"] == 4


def test_recipe_refuses_pictures_without_labels(folder, tmp_path, capsys):
    (folder / "metadata.csv").unlink()
    assert run_recipe(recipe.main, ["--data", str(folder), "--steps", "1", "--out", str(tmp_path / "run")]) == 1
    assert "has no labels" in capsys.readouterr().err


@pytest.mark.parametrize("data, labels", [("toons", 10), ("portraits", 6)])
def test_shipped_networks(data, labels):
    assert len(names(data)) == labels
    folder = WEIGHTS / f"attributes-{data}"
    assert (folder / "model.safetensors").stat().st_size < 4e6
    record = json.loads((folder / "training.json").read_text())
    card = (folder / "README.md").read_text()
    for name, numbers in record["metrics"]["labels"].items():
        assert numbers["accuracy"] > numbers["majority"] or data == "portraits", name
        assert f"| {name} | {numbers['accuracy']:.1%}" in card
    if data == "toons":
        assert min(n["accuracy"] for n in record["metrics"]["labels"].values()) > 0.97


def test_unknown_sets_are_refused():
    for wrong in ("cats", "../toons", "portraits/.."):
        with pytest.raises(ValueError, match="one of portraits, toons"):
            names(wrong)


def _held_out(data: str, folder: Path | None = None) -> datasets.Pictures:
    try:
        return datasets.load(data, folder, split="test")
    except datasets.DataMissing as reason:
        pytest.skip(str(reason))


def check_card(data: str, held_out: datasets.Pictures) -> None:
    """The numbers on the card are those one measures."""
    found = recipe.evaluate(Attributes.load(WEIGHTS / f"attributes-{data}"), held_out)
    promised = json.loads((WEIGHTS / f"attributes-{data}" / "training.json").read_text())["metrics"]
    for name, numbers in found["labels"].items():
        assert numbers["accuracy"] == pytest.approx(promised["labels"][name]["accuracy"], abs=0.01), name
    for name, numbers in found["measures"].items():
        assert numbers["r2"] == pytest.approx(promised["measures"][name]["r2"], abs=0.01), name


def test_accuracy_on_toons():
    check_card("toons", _held_out("toons"))


def test_accuracy_on_portraits(portraits_dir):
    check_card("portraits", _held_out("portraits", portraits_dir))


@pytest.mark.skipif(not (WEIGHTS / "attributes-toons" / "model.safetensors").is_file(), reason="no shipped weights")
def test_features_know_the_same_drawing_again():
    """A softened, darker copy of a drawing is nearer to it than any other drawing, for nearly all."""
    held_out = _held_out("toons")
    model = Attributes.load(WEIGHTS / "attributes-toons")
    x = held_out.tensor(slice(0, 200))
    copies = recipe.gaussian_blur(x, 0.8) * 0.95
    nearest = (model.features(copies) @ model.features(x).T).argmax(1)
    assert (nearest == torch.arange(200)).float().mean() > 0.9
