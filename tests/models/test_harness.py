"""The training harness and the VAE recipe on a handful of pictures: exact resume, clear failures, complete output."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from models.training import harness, vae
from models.training.ship import headline
from models.vae import VAE

OPTIONS = ["--minutes", "5", "--out"]


def options(out, *more):
    """Parsed options of a run into ``out``."""
    return harness.arguments("test").parse_args([*OPTIONS, str(out), *map(str, more)])


def small_run(out, *more):
    """A run that fits a line to noise, and its step function."""
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    run = harness.Run("line", out, {"line": model}, {"adam": optimiser}, options(out, *more), averaged=("line",))

    def step(generator):
        x = torch.randn(8, 3, generator=generator)
        loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return {"loss": loss.item()}

    return run, model, step


def test_resume_continues_exactly(tmp_path):
    """Ten steps, stopped, and ten more are the same weights, bit for bit, as twenty steps in one go."""
    whole, model, step = small_run(tmp_path / "whole", "--steps", 20)
    whole.train(step, warm_up=1, final_rate=1.0)
    first, _, step = small_run(tmp_path / "half", "--steps", 10)
    first.options.steps = 20  # the same schedule, stopped half way
    stop_at = iter(range(10))

    def until_ten(generator):
        if next(stop_at, None) is None:
            raise KeyboardInterrupt
        return step(generator)

    first.train(until_ten, warm_up=1, final_rate=1.0)
    assert first.step == 10
    second, resumed, step = small_run(tmp_path / "half", "--steps", 20, "--resume", tmp_path / "half")
    assert second.step == 10
    second.train(step, warm_up=1, final_rate=1.0)
    for a, b in zip(model.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    for name, value in whole.averages["line"].items():
        assert torch.equal(value, second.averages["line"][name])


def test_average_lags_behind_and_ends_near(tmp_path):
    """The averaged weights differ from the last ones and predict at least nearly as well."""
    run, model, step = small_run(tmp_path, "--steps", 300)
    run.train(step)
    average = run.average_of("line", nn.Linear(3, 1))
    assert not torch.equal(average.weight, model.weight)
    torch.testing.assert_close(average.weight, torch.ones(1, 3), atol=0.2, rtol=0)


def test_a_loss_that_is_no_number_stops_with_a_sentence(tmp_path):
    """No checkpoint of broken weights is written."""
    run, _, _ = small_run(tmp_path, "--steps", 5)
    with pytest.raises(harness.RecipeError, match="no longer finite at step 0"):
        run.train(lambda generator: {"loss": math.nan})
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_resuming_another_recipes_run_is_refused(tmp_path):
    """The message names both recipes."""
    run, _, step = small_run(tmp_path, "--steps", 1)
    run.train(step)
    state = json.loads((tmp_path / "state.json").read_text())
    (tmp_path / "state.json").write_text(json.dumps(state | {"recipe": "gan"}))
    with pytest.raises(harness.RecipeError, match="gan recipe, not of line"):
        small_run(tmp_path, "--steps", 2, "--resume", tmp_path)


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path, capsys):
    """The half-written file is removed, the old one stays, and the person gets one line and exit code 1."""
    target = tmp_path / "checkpoint"
    target.write_text("old")

    def full(path):
        path.write_text("half")
        raise OSError(28, "No space left on device", str(path))

    def main(argv):
        harness.write_atomically(target, full)

    assert harness.run_recipe(main) == 1
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]
    assert "No space left on device" in capsys.readouterr().err


def test_sheet_lays_pictures_out_row_by_row():
    """Picture i stands at row i // columns, column i % columns; missing cells are black."""
    pictures = torch.stack([torch.full((3, 2, 2), v) for v in (-1.0, 0.0, 1.0)])
    sheet = np.asarray(harness.picture_sheet(pictures, columns=2))
    assert sheet.shape == (4, 4, 3)
    assert sheet[0, 0, 0] == 0 and sheet[0, 2, 0] == 128 and sheet[2, 0, 0] == 255 and sheet[2, 2, 0] == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Forty coloured squares as a folder of pictures."""
    place = tmp_path_factory.mktemp("squares")
    for i in range(40):
        colour = np.random.default_rng(i).integers(0, 256, 3, dtype=np.uint8)
        Image.fromarray(np.broadcast_to(colour, (70, 70, 3)).copy()).save(place / f"{i:02d}.png")
    return place


@pytest.mark.parametrize("beta", ["1", "0"])
def test_vae_recipe_writes_everything(folder, tmp_path, monkeypatch, beta):
    """Three steps on any folder of pictures: weights, training.json, card, sheet; no path of this machine."""
    monkeypatch.setenv("PLAYGROUND_CACHE", str(tmp_path / "cache"))
    vae.main(["--data", str(folder), "--beta", beta, "--steps", "3", "--batch", "8", "--out", str(tmp_path / "run")])
    weights = tmp_path / "run" / "weights"
    model = VAE.load(weights)
    assert model.config.beta == float(beta)
    assert all(torch.isfinite(p).all() for p in model.parameters())
    record = json.loads((weights / "training.json").read_text())
    assert record["steps"] == 3 and record["images_seen"] == 24
    assert len(record["metrics"]["kl_per_dimension"]) == 64
    assert headline(weights)[1] == record["metrics"]["elbo"]["total"]
    card = (weights / "README.md").read_text()
    assert card.startswith("---\nlicense:") and "Held-out numbers" in card
    assert str(tmp_path) not in card + json.dumps(record) and str(folder) not in card + json.dumps(record)
    assert len(list((tmp_path / "run" / "sheets").glob("*.png"))) == 1
    replay = json.loads((tmp_path / "run" / "replay" / "replay.json").read_text())
    assert [moment["step"] for moment in replay] == [1, 2, 3] and all("kl" in moment for moment in replay)
    assert len(list((tmp_path / "run" / "replay").glob("*.jpg"))) == 3


def test_vae_recipe_on_a_missing_or_broken_folder_says_so(tmp_path, capsys):
    """Exit code 1 and one sentence; no traceback."""
    for name, fill in (("empty", None), ("broken", b"not a picture")):
        place = tmp_path / name
        place.mkdir()
        if fill:
            (place / "a.png").write_bytes(fill)
        code = harness.run_recipe(vae.main, ["--data", str(place), "--steps", "1", "--out", str(tmp_path / "run")])
        error = capsys.readouterr().err
        assert code == 1 and error.startswith("stopped: ") and "Traceback" not in error
