"""The diffusion report: its parts on cases whose answer is known, and all of it on a small random network."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from models import conditions, diffusion, fetch, seeding, zoo
from models.diffusion import AttributeEncoder, Denoiser
from models.training import data as datasets
from models.training import diffusion as recipe
from models.training import diffusion_report, samples, ship
from models.training.diffusion_report import Effort
from models.training.harness import RecipeError
from models.training.obedience import agreement, readings

VOCABULARY = conditions.vocabulary("toons")
SMALL = Effort(samples=12, asked=4, swept=6, noised=3)


def small(vocabulary=VOCABULARY) -> Denoiser:
    """A denoiser of the recipe's kind with random weights, small enough for tests."""
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "WIDTHS", (32, 32, 32, 32))
        unet = recipe.make_unet()
    encoder = AttributeEncoder(vocabulary, 128)
    return Denoiser(unet.eval().requires_grad_(False), encoder.eval().requires_grad_(False))


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


# --- the parts -------------------------------------------------------------------------------------------------------


def test_a_full_report_stays_within_ten_minutes_of_two_cores():
    assert diffusion_report.FULL.samples == 1000
    assert diffusion_report.QUICK.evaluations < diffusion_report.FULL.evaluations < 25_000


def test_batches_change_nothing(monkeypatch):
    denoiser, noise = small(), seeding.normal(1, 5, (3, 64, 64))
    labels = [conditions.named(VOCABULARY, [k % 2] * len(VOCABULARY)) for k in range(5)]
    whole = diffusion_report.draw(denoiser, noise, 2, "ddim", 3.0, labels)
    monkeypatch.setattr(diffusion_report, "BATCH", 2)
    assert torch.allclose(diffusion_report.draw(denoiser, noise, 2, "ddim", 3.0, labels), whole, atol=1e-3)
    assert denoiser.calls == 2 * 5 * 2 * 2


class Colours:
    """Reads a hat off red: none below 0, small below 0.5, then large; and a coat off green, where there is one."""

    config = type("Config", (), {"data": "hats"})

    def read(self, x):
        red, green = x[:, 0, 0, 0], x[:, 1, 0, 0]
        hat = torch.stack([red < 0, (red >= 0) & (red < 0.5), red >= 0.5], 1).float()
        return {"hat": hat, "coat": torch.stack([green < -0.5, green > 0.5], 1).float()}


def flat(red: list[float], green: list[float]) -> torch.Tensor:
    """Pictures of one colour each."""
    x = torch.zeros(len(red), 3, 64, 64)
    x[:, 0], x[:, 1] = torch.tensor(red)[:, None, None], torch.tensor(green)[:, None, None]
    return x


def test_readings_agree_with_wishes_as_far_as_both_are_known():
    read = readings(Colours(), flat([-1.0, 0.2, 7.0, 0.9], [-1.0, 0.0, 1.0, -0.9]))
    assert read["hat"].tolist() == [0, 1, 2, 2] and read["coat"].tolist() == [0, -1, 1, 0]
    wanted = np.array([[0, 0], [1, 0], [2, -1], [0, -1]])
    assert agreement(read, wanted) == [0.75, 0.5]  # what is neither coat is no match


def test_obedience_of_a_model_that_obeys_where_it_is_guided(monkeypatch):
    """At scale 0 it draws bare heads, at 1 what was asked for, above 1 also, in colours that leave the range."""
    vocabulary = {"hat": ("none", "small", "large"), "coat": ("black", "green")}
    reds, greens = {"none": -0.8, "small": 0.25, "large": 0.75}, {"black": -0.75, "green": 0.75}

    def draw(denoiser, noise, steps, scheduler, guidance, labels):
        x = flat([reds[asked["hat"]] for asked in labels], [greens[asked["coat"]] for asked in labels])
        return x if guidance == 1 else x.sign() * (x != 0) * 2.0 if guidance == 8 else x

    monkeypatch.setattr(diffusion_report, "draw", draw)
    wishes = np.array([[k % 3, k % 2] for k in range(30)])
    images = flat([list(reds.values())[k] for k, _ in wishes], [list(greens.values())[k] for _, k in wishes])
    held_out = ((images + 1) * 127.5).byte().permute(0, 2, 3, 1).numpy()
    denoiser = type("Model", (), {"conditions": vocabulary})()
    bare = flat([-0.5] * 20, [0.0] * 20)
    test, noise = datasets.Pictures("hats", "test", held_out, np.arange(30)), torch.zeros(20, 3, 64, 64)
    guided, found = diffusion_report.obedience(denoiser, Colours(), bare, noise, test, wishes, 12)
    accuracy = found["factor_accuracy"]
    hat, coat = accuracy["attributes"]["hat"], accuracy["attributes"]["coat"]
    assert hat["accuracy"][1:3] == [1.0, 1.0] and coat["accuracy"] == [0.0, 1.0, 1.0, 1.0]
    assert 0 < hat["accuracy"][0] < 1 and 0 < hat["accuracy"][3] < 1  # small hats became large ones
    assert hat["ceiling"] == coat["ceiling"] == 1.0
    assert hat["chance"] == pytest.approx(1 / 3, abs=1e-4) and coat["chance"] == 0.5
    assert accuracy["mean"][1] == 1.0 and accuracy["mean_chance"] == pytest.approx(5 / 12, abs=1e-3)
    assert accuracy["scales"] == [0, 1, 3, 8] and accuracy["nfe"] == [15, 12, 24, 24]
    assert found["saturation"]["share"] == [0, 0, 0, pytest.approx(2 / 3, abs=1e-3)]
    assert guided.shape == (12, 3, 64, 64)


class Knowing:
    """Knows v of these pictures where something is asked, and answers 0 where nothing is."""

    def __init__(self, x0):
        self.x0, self.conditions = x0, {"hat": ("none", "small")}

    def predict(self, x_t, t, labels):
        share = torch.tensor([diffusion.alpha_bar(int(k)) for k in t])[:, None, None, None]
        noise = (x_t - share.sqrt() * self.x0) / (1 - share).sqrt()
        return diffusion.v_from(self.x0, noise, t) if labels[0] else torch.zeros_like(x_t)


def test_loss_by_timestep_of_a_model_that_knows_the_answer():
    images = np.random.default_rng(0).integers(0, 255, (6, 64, 64, 3)).astype(np.uint8)
    held_out = datasets.Pictures("hats", "test", images, np.arange(6))
    found = diffusion_report.loss_by_timestep(Knowing(held_out.tensor(slice(0, 4))), held_out, np.zeros((6, 1), int), 4)
    assert found["t"] == [50, 150, 250, 350, 450, 550, 650, 750, 850, 950]
    assert max(found["asked"]) < 1e-3
    power = float(held_out.tensor(slice(0, 4)).square().mean())  # v is the noise at first, the picture at the end
    assert found["unasked"][0] == pytest.approx(1, abs=0.05) and found["unasked"][-1] == pytest.approx(power, abs=0.02)
    assert "asked" not in diffusion_report.loss_by_timestep(Knowing(held_out.tensor(slice(0, 6))), held_out, None, 6)


# --- the whole -------------------------------------------------------------------------------------------------------


class SmallVGG(torch.nn.Module):
    """Stands in for VGG16: the last activations are the picture, shrunk."""

    mean = torch.zeros(())

    def forward(self, x):
        return [torch.nn.functional.avg_pool2d(x, 16)]


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """The folder of a finished run, before its report."""
    monkeypatch.setattr(samples, "VGG16", SmallVGG)
    monkeypatch.setattr(diffusion_report, "FULL", SMALL)
    folder = tmp_path / "run" / "weights"
    recipe.save(small(), folder)
    record = {"recipe": "models/training/diffusion.py", "steps": 3, "images_seen": 96, "training_minutes": 0.1}
    record |= {"device": "CPU", "started_from": "random weights", "data": "toons", "metrics": {}, "replay": [{}]}
    (folder / "training.json").write_text(json.dumps(record))
    (tmp_path / "run" / "replay").mkdir()
    moments = [{"step": m, "images_seen": 16 * m, "loss": 1 / 3, "loss_at_50": 0.9} for m in range(25)]
    for m in range(25):
        Image.new("RGB", (512, 128), (8 * m,) * 3).save(tmp_path / "run" / "replay" / f"{m:02d}.jpg")
    (tmp_path / "run" / "replay" / "replay.json").write_text(json.dumps(moments))
    return folder


def test_whole_report_of_a_random_network(splits, weights):
    """Nothing crashes on noise, everything that the app reads is there, and measuring again says the same."""
    diffusion_report.report(weights, "toons", weights.parent)
    record = json.loads((weights / "training.json").read_text(), parse_constant=pytest.fail)  # no NaN
    numbers = record["metrics"]
    assert "replay" not in record
    replay = json.loads((weights / "replay.json").read_text())
    assert [moment["step"] for moment in replay] == [*range(23), 24] and replay[0]["loss"] == 0.3333
    with Image.open(weights / "replay.webp") as atlas:
        assert atlas.size == (6 * 256, 4 * 256)
    assert numbers["evaluations"] == SMALL.evaluations
    assert numbers["sampler"]["samples"] == 12 and numbers["sampler"]["nfe"] == 15
    for kind in ("vgg", "attributes"):
        assert numbers[f"frechet_{kind}"]["score"] > numbers[f"frechet_{kind}"]["floor"] > 0
        assert 0 <= numbers[f"precision_recall_{kind}"]["recall"] <= 1
    assert list(numbers["factor_accuracy"]["attributes"]) == list(VOCABULARY)
    assert len(numbers["saturation"]["share"]) == 4 and numbers["saturation"]["share"][0] > 0
    for kind in ("unconditional", "guided"):
        assert numbers["memory"][kind]["remembered"] == 0.0
        assert numbers["memory"][kind]["nearest"] > numbers["memory"]["nearest_stranger"]
    assert [row["steps"] for row in numbers["steps"]["rows"]] == [3, 6, 12, 25]
    assert len(numbers["loss_by_timestep"]["asked"]) == len(numbers["loss_by_timestep"]["unasked"]) == 10
    assert numbers["replay_asked"][0] == conditions.named(VOCABULARY, [8 % len(v) for v in VOCABULARY.values()])
    card = (weights / "README.md").read_text()
    assert card.startswith("---\nlicense: cc-by-4.0\ndatasets: [toons]") and zoo.CREDITS["toons"] in card
    for words in ("| vgg | samples |", "guidance 8", "| **mean** |", "samples without a wish", "Limits and bias"):
        assert words in card, words
    assert ship.headline(weights) == ("Frechet distance, VGG features", numbers["frechet_vgg"]["score"], False)
    diffusion_report.main(["--weights", str(weights)])  # without the run: the replay stays
    assert json.loads((weights / "training.json").read_text())["metrics"] == numbers
    assert (weights / "replay.webp").is_file()


def test_report_of_somebody_elses_pictures(splits, weights):
    """Another folder of pictures has no reader: VGG features and the loss are what is left."""
    diffusion_report.report(weights, "pictures/cats", samples=8)
    numbers = json.loads((weights / "training.json").read_text())["metrics"]
    assert numbers["sampler"]["samples"] == 8 and "frechet_vgg" in numbers
    assert not {"memory", "factor_accuracy", "steps", "replay_asked"} & numbers.keys()
    assert list(numbers["loss_by_timestep"]) == ["what", "t", "unasked"]
    assert "the licence of that data applies" in (weights / "README.md").read_text()


def test_a_model_of_other_attributes_is_refused(splits, weights):
    recipe.save(small({"hat": ("none", "small")}), weights)
    with pytest.raises(RecipeError, match="asked for hat, toons have skin"):
        diffusion_report.report(weights, "toons")


# --- shipping --------------------------------------------------------------------------------------------------------


def test_weights_in_subfolders_ship_readable_listed_and_small(tmp_path, monkeypatch):
    shipped = tmp_path / "assets" / "weights"
    monkeypatch.setattr(ship, "WEIGHTS", shipped)
    write_sums = fetch.write_sums
    monkeypatch.setattr(fetch, "write_sums", lambda: write_sums(shipped))
    run = tmp_path / "diffusion-toons"
    recipe.save(small(), run / "weights")
    (run / "weights" / "training.json").write_text(json.dumps({"metrics": {"frechet_vgg": {"score": 5.0}}}))
    (shipped / run.name).mkdir(parents=True)
    (shipped / run.name / "training.json").write_text('{"metrics": {}}')  # a placeholder has nothing to compare
    with pytest.raises(RecipeError, match="no headline"):
        ship.ship(run, run.name)
    assert ship.ship(run, run.name, anyway=True)
    files = [file for file in (shipped / run.name).rglob("*") if file.is_file()]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o644}
    assert Denoiser.load(shipped / run.name).conditions == VOCABULARY  # the folders can still be entered
    listed = set(fetch.read_sums(shipped))
    assert listed == {file.relative_to(shipped).as_posix() for file in files if file.suffix == ".safetensors"}
    assert "diffusion-toons/encoder/encoder.safetensors" in listed and fetch.damaged(shipped) == []
    (run / "weights" / "unet" / "more.safetensors").write_bytes(bytes(ship.LARGEST))
    with pytest.raises(RecipeError, match=r"more.safetensors .* larger than 10 MB"):
        ship.ship(run, run.name, anyway=True)
    assert (shipped / run.name / "training.json").is_file(), "what ships stays"
