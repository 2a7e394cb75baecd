"""The GAN recipe on a few pictures: augmentation, what it writes, and that a stopped run goes on as if it had not."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from models import gan
from models.training import gan as recipe
from models.training.augment import MOST, Augment
from models.training.eyes import Eyes
from models.training.harness import RecipeError
from tests.models.test_eyes import Blocks


@pytest.fixture
def folder(tmp_path):
    """A folder of twelve pictures of one colour each."""
    place = tmp_path / "pictures"
    place.mkdir()
    for i in range(12):
        colour = np.random.default_rng(i).integers(0, 255, 3).astype(np.uint8)
        Image.fromarray(np.broadcast_to(colour, (64, 64, 3)).copy()).save(place / f"{i}.png")
    return place


@pytest.fixture(autouse=True)
def reports(monkeypatch) -> list:
    """What the recipe asks the report to measure; the report itself has tests of its own and takes minutes."""
    asked = []
    monkeypatch.setattr(recipe, "report", lambda *arguments: asked.append(arguments))
    return asked


def train(folder, out, steps: int, *more: str) -> None:
    """The recipe for a few steps of four pictures."""
    recipe.main(["--data", str(folder), "--out", str(out), "--steps", str(steps), "--batch", "4", *more])


def test_augmentation_leaves_pictures_alone_or_changes_some_of_them():
    x = torch.rand(64, 3, 32, 32) * 2 - 1
    numbers = torch.Generator().manual_seed(0)
    assert torch.equal(Augment(0.0)(x, numbers), x)
    changed = (Augment(0.3)(x, numbers) - x).abs().amax((1, 2, 3)) > 1e-3
    assert 0.4 < changed.float().mean() < 0.9  # 1 - 0.7^3 = 0.66 of them, and three groups of changes
    again = [Augment(0.5)(x, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*again)


def test_gradients_pass_through_the_augmentation():
    x = (torch.rand(8, 3, 32, 32) * 2 - 1).requires_grad_(True)
    Augment(0.8)(x, torch.Generator().manual_seed(1)).square().sum().backward()
    assert torch.isfinite(x.grad).all() and float(x.grad.abs().sum()) > 0


def test_p_rises_while_the_discriminator_is_sure_and_falls_when_it_guesses():
    augment = Augment(0.4)
    for _ in range(200):
        augment.adapt(torch.full((32,), 2.0))
    risen = float(augment.p)
    assert 0.4 < risen <= MOST
    for _ in range(8000):
        augment.adapt(torch.full((32,), -2.0))
    assert float(augment.p) == 0.0


@pytest.mark.parametrize("more", [(), ("--collapse",)])
def test_a_run_writes_what_the_app_loads(folder, tmp_path, reports, more):
    out = tmp_path / "run"
    train(folder, out, 3, *more)
    assert [asked[0] for asked in reports] == [out / "weights"]
    generator, discriminator = gan.Generator.load(out / "weights"), gan.Discriminator.load(out / "weights")
    with torch.inference_mode():
        pictures = generator(torch.zeros(2, generator.config.latent_size))
        assert torch.isfinite(discriminator(pictures)).all()
    assert generator.config.statistics is not bool(more)
    record = json.loads((out / "weights" / "training.json").read_text())
    assert record["steps"] == 3 and record["arguments"]["collapse"] is bool(more)
    assert len(list((out / "replay").glob("*.jpg"))) == len(json.loads((out / "replay" / "replay.json").read_text()))


def test_a_resumed_run_is_the_run_that_was_never_stopped(folder, tmp_path, stopped):
    """Four steps, and four that stop after two and go on: the same weights, moments and augmentation, bit for bit."""
    train(folder, tmp_path / "whole", 4)
    stopped(lambda: train(folder, tmp_path / "half", 4), 2)
    assert json.loads((tmp_path / "half" / "state.json").read_text())["step"] == 2
    train(folder, tmp_path / "half", 4, "--resume", str(tmp_path / "half"))
    whole, half = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "half"))
    assert whole.keys() == half.keys() and "network/augment/p" in whole
    assert all(torch.equal(whole[key], half[key]) for key in whole)


def test_the_collapsing_run_leaves_out_what_keeps_the_game_fair(folder, tmp_path):
    train(folder, tmp_path / "run", 2, "--collapse")
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert all(entry["augment"] == 0.0 and entry["r1"] == 0.0 for entry in log)


def test_a_collapsing_run_begins_from_a_healthy_one(folder, tmp_path):
    train(folder, tmp_path / "healthy", 2)
    weights = tmp_path / "healthy" / "weights"
    train(folder, tmp_path / "run", 1, "--collapse", "--resume", str(weights))
    record = json.loads((tmp_path / "run" / "weights" / "training.json").read_text())
    assert record["rates"] == {"generator": 0.008, "discriminator": 0.0002}
    assert "weights" in record["started_from"] and "minutes_before" in record
    before, after = gan.Discriminator.load(weights), gan.Discriminator.load(tmp_path / "run" / "weights")
    assert before.last.weight.shape[1] == after.last.weight.shape[1] + 1
    assert (before.hidden.weight - after.hidden.weight).abs().max() < 0.01


def test_the_second_critic_learns_beside_the_first_and_is_not_shipped(folder, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(recipe, "Eyes", lambda: made.append(Eyes(Blocks(), (8, 16))) or made[-1])
    train(folder, tmp_path / "run", 2, "--eyes", "1")
    assert any("eyes" in key for key in load_file(tmp_path / "run" / "checkpoint.safetensors"))
    assert all(float(weight.grad.abs().sum()) > 0 for weight in made[0].learnt() if weight.ndim == 4)
    shipped = {path.name for path in (tmp_path / "run" / "weights").glob("*.safetensors")}
    assert shipped == {"generator.safetensors", "discriminator.safetensors"}


def test_redrawing_needs_a_vae_of_the_same_pictures(folder, tmp_path):
    with pytest.raises(RecipeError, match="shipped VAE"):
        train(folder, tmp_path / "run", 2, "--redraw", "0.5")
