"""The GAN's report: its parts on cases whose answer is known, and all of it on small random networks."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from models import zoo
from models.attributes import AttributesConfig
from models.components import Components
from models.directions import Directions
from models.gan import Discriminator, GANConfig, Generator
from models.training import data as datasets
from models.training import gan_report, samples, ship
from models.training.harness import RecipeError

FACES = 16
LABELS = dict.fromkeys(("skin", "hair_style", "hair_color"), 3)  # made-up labels: how many values each has


def pictures(images, split="train", labels=None):
    return datasets.Pictures("toons", split, images, np.arange(len(images)), labels or {})


def test_halves_share_no_picture():
    images = np.arange(31, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    a, b = gan_report.halves(pictures(images[:20]), pictures(images[20:], "test"), 100)
    seen = [int(image[0, 0, 0]) for half in (a, b) for image in half.images]
    assert len(a) == len(b) == 15 and len(set(seen)) == 30 and max(seen) > 20
    again = gan_report.halves(pictures(images[:20]), pictures(images[20:], "test"), 4)
    assert [len(half) for half in again] == [4, 4] and not set(map(bytes, again[0].images)) & set(
        map(bytes, again[1].images)
    )


def test_the_unsure_and_the_rare_are_unknown():
    p = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.0, 0.0, 1.0]])
    assert gan_report.sure(p).tolist() == [0, -1, 2]
    values = np.array([0] * 30 + [1] * 19 + [2] * 20 + [-1] * 5)
    assert np.array_equal(gan_report.frequent(values), [0] * 30 + [-1] * 19 + [2] * 20 + [-1] * 5)


class Flat:
    """A generator whose pictures have one colour, the first three numbers of w."""

    def synthesis(self, w):
        return w[:, :3, None, None].expand(-1, 3, 64, 64)


class Reader:
    """Reads eyeglasses off red, an age that never changes, hair whose last colour is very rare, and yaw off blue."""

    config = AttributesConfig(
        {"eyeglasses": ["no", "yes"], "apparent_age": ["a", "b"], "hair_color": ["p", "q", "r"]}, {"yaw": (0.0, 1.0)}
    )

    def read(self, x):
        red, green = 20 * x[:, 0, 0, 0], 20 * x[:, 1, 0, 0]
        rare = torch.where(x[:, 1, 0, 0] > 0.999, 100.0, -100.0)
        return {
            "eyeglasses": torch.stack([-red, red], 1).softmax(1),
            "apparent_age": torch.tensor([1.0, 0.0]).expand(len(x), 2),
            "hair_color": torch.stack([-green, green, rare], 1).softmax(1),
        }

    def measure(self, x):
        return {"yaw": x[:, 2, 0, 0]}


def test_directions_are_found_from_readings():
    w = torch.randn(800, 6, generator=torch.Generator().manual_seed(0)) * 0.3
    found = gan_report.learn_directions(Flat(), Reader(), w)
    assert set(found.names) == {"eyeglasses", "hair_color=p", "hair_color=q", "yaw"}  # no age, no third colour
    for name, axis in {"eyeglasses": 0, "hair_color=q": 1, "yaw": 2}.items():
        assert found.vectors[found.names.index(name), axis] > 0.98, name
        assert found.facts[name]["from_direction"] > 0.9, name
    assert found.facts["eyeglasses"]["reached"] == 1.0 and "reached" not in found.facts["yaw"]
    assert found.leakage["eyeglasses"]["eyeglasses"] > 0.9 and found.leakage["eyeglasses"]["apparent_age"] == 0
    assert found.leakage["yaw"]["yaw"] == pytest.approx(4, rel=0.1) and found.leakage["yaw"]["eyeglasses"] < 0.1
    again = gan_report.learn_directions(Flat(), Reader(), w)
    assert torch.equal(again.vectors, found.vectors) and again.facts == found.facts


def test_pictures_without_differences_have_no_directions():
    assert gan_report.learn_directions(Flat(), Reader(), torch.full((100, 6), 0.5)) is None


def test_scores_of_a_known_discriminator():
    """One that answers log 3 to everything is right about real pictures with probability 3/4."""
    generator = Generator(GANConfig(latent_size=8, style_size=16, widths=(8,) * 5)).eval()

    def sure(x):
        return torch.full((len(x),), math.log(3.0))

    found = gan_report.scores(generator, sure, pictures(np.zeros((5, 64, 64, 3), np.uint8), "test"), 7)
    assert found["real"] == {"mean": 1.0986, "right": 1.0, "log_probability": -0.2877, "pictures": 5}
    assert found["made"] == {"mean": 1.0986, "right": 0.0, "log_probability": -1.3863, "pictures": 7}


def fake_run(folder, moments):
    """Sheets of 16 faces of one grey each: moment m, face f has grey 8 m + f."""
    (folder / "replay").mkdir(parents=True)
    for m in range(moments):
        faces = 8 * m + np.arange(FACES, dtype=np.uint8).reshape(2, 1, 8, 1, 1)
        sheet = np.broadcast_to(faces, (2, 64, 8, 64, 3)).reshape(128, 512, 3)
        Image.fromarray(sheet).save(folder / "replay" / f"{m:02d}.jpg", quality=100)
    numbers = [{"step": m, "images_seen": 32 * m, "d_loss": 1 / 3, "modes": 7} for m in range(moments)]
    (folder / "replay" / "replay.json").write_text(json.dumps(numbers))
    return folder


@pytest.mark.parametrize("moments, kept", [(25, [*range(23), 24]), (24, list(range(24))), (7, list(range(7)))])
def test_replay_is_tiled(tmp_path, moments, kept):
    assert samples.write_replay(fake_run(tmp_path / "run", moments), tmp_path) == len(kept)
    numbers = json.loads((tmp_path / "replay.json").read_text())
    assert [moment["step"] for moment in numbers] == kept
    assert numbers[0] == {"step": 0, "images_seen": 0, "d_loss": 0.3333, "modes": 7}
    with Image.open(tmp_path / "replay.webp") as picture:
        atlas = np.asarray(picture.convert("RGB")).astype(int)
    assert atlas.shape == (-(-len(kept) // 6) * 256, 1536, 3)
    for tile, moment in enumerate(kept):
        for face in range(FACES):
            y, x = 256 * (tile // 6) + 64 * (face // 4) + 32, 256 * (tile % 6) + 64 * (face % 4) + 32
            assert abs(atlas[y, x, 0] - (8 * moment + face)) <= 2


class NoVGG:
    def __init__(self):
        raise RuntimeError("no network")


class SmallVGG(torch.nn.Module):
    """Stands in for VGG16: the last activations are the picture, shrunk."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, x):
        return [x, torch.nn.functional.avg_pool2d(x, 16)]


def write_weights(folder, **config):
    torch.manual_seed(0)
    small = GANConfig(latent_size=8, style_size=16, widths=(8,) * 5, critic_widths=(8,) * 4, **config)
    Generator(small).save(folder)
    Discriminator(small).save(folder)
    record = {"recipe": "models/training/gan.py", "steps": 3, "images_seen": 96, "training_minutes": 0.1}
    record |= {"device": "CPU", "started_from": "random weights", "metrics": {}, "replay": [{"step": 0}]}
    (folder / "training.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def real_drawings(drawings, monkeypatch):
    """The data set "toons" as far as it ships; its labels do not, so some are made up."""
    labels = {name: np.arange(60) % count for name, count in LABELS.items()}
    splits = {"train": pictures(drawings[:60], labels=labels), "test": pictures(drawings[60:100], "test")}
    monkeypatch.setattr(datasets, "load", lambda data, folder=None, size=64, split="train": splits[split])


def test_whole_report_of_a_random_generator(real_drawings, monkeypatch, tmp_path):
    """Nothing crashes on noise, everything that the app reads is there, and a second report says the same."""
    monkeypatch.setattr(samples, "VGG16", SmallVGG)
    folder = write_weights(tmp_path / "weights")
    gan_report.report(folder, "toons", fake_run(tmp_path / "run", 25), limit=30)
    record = json.loads((folder / "training.json").read_text(), parse_constant=pytest.fail)  # no NaN
    numbers = record["metrics"]
    assert "replay" not in record and len(json.loads((folder / "replay.json").read_text())) == 24
    for kind in ("vgg", "attributes"):
        assert numbers[f"frechet_{kind}"]["score"] > numbers[f"frechet_{kind}"]["floor"] > 0
        assert 0 <= numbers[f"precision_recall_{kind}"]["recall"] <= 1
    assert [row["psi"] for row in numbers["psi"]] == list(gan_report.PSIS)
    assert numbers["psi"][0]["diversity"] < 1e-3 < numbers["psi"][4]["diversity"]
    assert numbers["memory"]["psi_1"]["remembered"] == 0.0
    assert numbers["memory"]["psi_1"]["nearest"] > numbers["memory"]["nearest_stranger"]
    assert numbers["modes"]["training"] == 3 and numbers["modes"]["total"] == 168
    assert numbers["modes"]["samples"] < numbers["modes"]["real"]
    assert 0 <= numbers["scores"]["real"]["right"] <= 1 and numbers["scores"]["made"]["pictures"] == 30
    assert len(Components.load(folder)) == 16
    if "directions" in numbers:
        assert len(Directions.load(folder).names) == numbers["directions"]["names"]
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlicense: cc-by-4.0\ndatasets: [toons]") and zoo.CREDITS["toons"] in card
    assert "Broken on purpose" not in card and "| psi |" in card and "| vgg | samples |" in card
    gan_report.report(folder, "toons", limit=30)  # without the run: the replay stays
    assert json.loads((folder / "training.json").read_text())["metrics"] == numbers
    assert (folder / "replay.webp").is_file()


def test_report_of_a_collapsed_run(real_drawings, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(samples, "VGG16", NoVGG)
    folder = write_weights(tmp_path / "weights", statistics=False)
    gan_report.report(folder, "toons", fake_run(tmp_path / "run", 3), limit=20)
    assert "no VGG features" in capsys.readouterr().err
    numbers = json.loads((folder / "training.json").read_text())["metrics"]
    assert numbers["collapsed"] and "frechet_vgg" not in numbers and "frechet_attributes" in numbers
    assert not (folder / "directions.json").exists() and not (folder / "components.safetensors").exists()
    card = (folder / "README.md").read_text()
    assert "# GAN, toons, collapsed" in card
    assert f"its samples show {numbers['modes']['samples']};" in card and "Broken on purpose" in card


def test_report_of_somebody_elses_pictures(real_drawings, monkeypatch, tmp_path):
    """Another folder of pictures has no attribute network: VGG features and scores are what is left."""
    monkeypatch.setattr(samples, "VGG16", SmallVGG)
    folder = write_weights(tmp_path / "weights", data="cats")
    gan_report.report(folder, "pictures/cats", limit=20)
    numbers = json.loads((folder / "training.json").read_text())["metrics"]
    assert "frechet_vgg" in numbers and "memory" not in numbers and "modes" not in numbers
    assert "the licence of that data applies" in (folder / "README.md").read_text()


def test_headline_and_shipping(tmp_path, monkeypatch):
    """Lower is better, of a collapsed run fewer modes; every file goes, and everybody may read it."""
    monkeypatch.setattr(ship, "WEIGHTS", tmp_path / "assets" / "weights")
    monkeypatch.setattr(ship.fetch, "write_sums", lambda: 0)

    def weights(name, numbers):
        folder = write_weights(tmp_path / name / "weights")
        (folder / "replay.webp").write_bytes(b"picture")
        (folder / "training.json").write_text(json.dumps({"metrics": numbers}))
        return tmp_path / name

    first, worse, better = (weights(f"run{d}", {"frechet_vgg": {"score": d}}) for d in (50.0, 60.0, 40.0))
    assert ship.ship(first, "gan-toons") and not ship.ship(worse, "gan-toons")
    assert ship.ship(better, "gan-toons") and ship.ship(worse, "gan-toons", anyway=True)
    shipped = tmp_path / "assets" / "weights" / "gan-toons"
    assert sorted(file.name for file in shipped.iterdir()) == [
        "config.json",
        "discriminator.safetensors",
        "generator.safetensors",
        "replay.webp",
        "training.json",
    ]
    assert {file.stat().st_mode & 0o777 for file in shipped.iterdir()} == {0o644}
    collapsed = weights("broken", {"collapsed": True, "frechet_vgg": {"score": 900.0}, "modes": {"samples": 4}})
    assert ship.headline(collapsed / "weights") == ("modes that are left", 4, False)
    with pytest.raises(RecipeError, match="no headline"):
        ship.headline(weights("empty", {}) / "weights")


def test_the_card_says_what_else_taught_the_generator():
    numbers = {"parameters": {"generator": 1, "discriminator": 1}, "collapsed": False}
    assert "flatter" not in gan_report._summary("toons", numbers, {"arguments": {"eyes": 0.0, "redraw": 0.0}})
    text = gan_report._summary("toons", numbers, {"arguments": {"eyes": 1.0, "redraw": 0.2}})
    assert "VGG features below were trained towards and flatter" in text and "codes of the VAE" in text
