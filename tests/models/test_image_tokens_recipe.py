"""The image-token recipe on a few pictures: codebooks that stay alive, what a run writes, and exact resuming."""

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from models.image_tokens import OPEN, ImageTokens
from models.image_tokens_autoencoder import nearest
from models.image_tokens_drawing import draw
from models.training import image_tokens as recipe
from models.training.codebook import CodebookLearner
from models.training.harness import RecipeError

SHAPE = {"widths": (8, 8, 8), "codes": 16, "code_size": 4, "size": 16, "layers": 1, "heads": 2}


@pytest.fixture
def folder(tmp_path):
    """A folder of forty pictures of one colour each, with a table of two labels."""
    place = tmp_path / "pictures"
    place.mkdir()
    with (place / "metadata.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "smile", "eyeglasses"])
        for i in range(40):
            colour = np.random.default_rng(i).integers(0, 255, 3).astype(np.uint8)
            Image.fromarray(np.broadcast_to(colour, (64, 64, 3)).copy()).save(place / f"{i}.png")
            table.writerow([f"{i}.png", i % 3, i % 2])
    return place


class SmallVGG(torch.nn.Module):
    """Stands in for VGG16: the only activations are the picture, shrunk."""

    def __init__(self, blocks: int):
        super().__init__()

    def forward(self, x):
        return [torch.nn.functional.avg_pool2d(x, 8)]


@pytest.fixture(autouse=True)
def reports(monkeypatch) -> list:
    """What the recipe asks the report to measure; networks and features are small."""
    asked = []
    monkeypatch.setattr(recipe, "report", lambda *arguments, **more: asked.append((arguments, more)))
    monkeypatch.setattr(recipe, "SHAPE", SHAPE)
    monkeypatch.setattr(recipe, "VGG16", SmallVGG)
    monkeypatch.setattr(recipe, "draw", lambda model, *args: draw(model, *args, given=whole(model), start=127))
    return asked


def whole(model: ImageTokens) -> torch.Tensor:
    """Given codes for all positions but the last, so that a sheet takes one step."""
    codes = torch.zeros(1, model.length, dtype=torch.int64)
    codes[:, -1] = OPEN
    return codes


def train(folder, out, steps: int, *more: str) -> None:
    """The recipe for a few steps of four pictures in each half."""
    recipe.main(["--data", str(folder), "--out", str(out), "--steps", str(steps), "--batch", "4", *more])


# --- codebooks -------------------------------------------------------------------------------------------------------


def clusters(count: int, generator: torch.Generator) -> torch.Tensor:
    """Points (count, 4) close to eight centres that are far from each other."""
    centres = 5 * torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    which = torch.randint(8, (count,), generator=generator)
    return centres[which] + 0.1 * torch.randn(count, 4, generator=generator)


def test_dead_entries_are_revived_and_then_follow_the_mean():
    source = torch.Generator().manual_seed(1)
    codebooks = torch.full((1, 64, 4), 100.0) + torch.arange(64)[None, :, None]  # far from everything: one is chosen
    alone = codebooks.clone()
    learner, stubborn = CodebookLearner(codebooks), CodebookLearner(alone)
    for _ in range(300):
        points = clusters(256, source)
        learner.learn(codebooks, points, source)
        stubborn.learn(alone, points, None)
    points = clusters(1000, source)
    assert len(nearest(points, codebooks[0]).unique()) > 32 and len(nearest(points, alone[0]).unique()) == 1
    error = (points - codebooks[0][nearest(points, codebooks[0])]).square().mean().sqrt()
    assert float(error) < 0.15  # the clusters' own width is 0.1
    assert float(torch.cdist(alone[0], points.mean(0, keepdim=True)).min()) < 1.0  # the one that is used is the mean


def test_the_second_codebook_learns_what_the_first_leaves():
    source = torch.Generator().manual_seed(2)
    codebooks = torch.randn(2, 8, 4, generator=source)
    learner = CodebookLearner(codebooks)
    for _ in range(300):
        points = clusters(256, source)
        learner.learn(codebooks, points + 0.5 * torch.randn(256, 4, generator=source), source)
    points = clusters(1000, source) + 0.5 * torch.randn(1000, 4, generator=source)
    left = points - codebooks[0][nearest(points, codebooks[0])]
    finer = left - codebooks[1][nearest(left, codebooks[1])]
    assert float(finer.square().mean()) < 0.75 * float(left.square().mean())


def test_learning_goes_on_from_codebooks_that_were_learnt_before():
    codebooks = torch.randn(2, 8, 4, generator=torch.Generator().manual_seed(0))
    before = codebooks.clone()
    learner = CodebookLearner(codebooks)
    learner.go_on_from(codebooks)
    learner.learn(codebooks, before[0, :1].expand(16, -1), torch.Generator().manual_seed(0))
    assert torch.allclose(codebooks[0], before[0], atol=0.05)


# --- what the networks see -------------------------------------------------------------------------------------------


def test_some_pictures_are_decoded_from_their_beginning_and_some_from_rough_strokes():
    codes = torch.ones(20, 64, 2, dtype=torch.int64)
    rough = codes.clone()
    rough[..., 1] = OPEN
    told = recipe.partly(codes, rough, torch.Generator().manual_seed(0))
    assert torch.equal(told[:14], codes[:14]) and torch.equal(told[14:17], rough[14:17])
    for one in told[17:]:
        stop = int((one[:, 0] != OPEN).sum())
        assert 0 < stop < 64 and (one[:stop] == 1).all() and (one[stop:] == OPEN).all()
    assert (codes == 1).all(), "the given codes stay as they are"


def test_photographs_move_a_little_and_drawings_do_not():
    x = torch.rand(8, 3, 64, 64)
    source = torch.Generator().manual_seed(0)
    assert torch.equal(recipe.moved(x, "toons", source), x)
    moved = recipe.moved(x, "portraits", source)
    assert moved.shape == x.shape and not torch.equal(moved, x)
    inner = x[:, :, 8:-8, 8:-8]
    for one, before in zip(moved, inner, strict=True):
        shifts = [(i, j) for i in range(-2, 3) for j in range(-2, 3)]
        assert any(torch.equal(one[:, 8 + i : 56 + i, 8 + j : 56 + j], before) for i, j in shifts)


# --- what a run writes -----------------------------------------------------------------------------------------------


def test_a_run_writes_what_the_app_loads(folder, tmp_path, reports):
    out = tmp_path / "run"
    train(folder, out, 3)
    [(asked, more)] = reports
    assert asked == (out / "weights", str(folder), out / "transformer", None) and more == {"quick": False}
    model = ImageTokens.load(out / "weights")
    assert model.conditions == {"smile": ("none", "closed", "teeth"), "eyeglasses": ("no", "yes")}
    *_, end = draw(model, [0], {"smile": "teeth"}, guidance=2.0, given=whole(model))
    assert torch.isfinite(model.decode(end.codes)).all()
    record = json.loads((out / "weights" / "training.json").read_text())
    assert record["steps"] == 6 and record["images_seen"] == 24 and record["minutes_before"] == 0.0
    assert [half["steps"] for half in record["halves"].values()] == [3, 3]
    assert str(tmp_path) not in json.dumps(record)
    moments = json.loads((out / "transformer" / "replay" / "replay.json").read_text(), parse_constant=pytest.fail)
    assert {"step", "images_seen", "bits", "held_out_bits"} < moments[-1].keys()
    with Image.open(out / "transformer" / "replay" / "00.jpg") as sheet:
        assert sheet.size == (512, 128)


def test_a_folder_without_labels_trains_a_model_that_knows_no_wish(folder, tmp_path):
    (folder / "metadata.csv").unlink()
    train(folder, tmp_path / "run", 1)
    model = ImageTokens.load(tmp_path / "run" / "weights")
    assert not model.conditions
    assert next(draw(model, [0])).of == 128


# --- going on --------------------------------------------------------------------------------------------------------


def test_a_resumed_run_is_the_run_that_was_never_stopped(folder, tmp_path, stopped):
    """Four steps a half at once, and in pieces: stopped in the first half, then in the second."""
    train(folder, tmp_path / "whole", 4)
    out = tmp_path / "half"
    stopped(lambda: train(folder, out, 4), 2)
    assert json.loads((out / "autoencoder" / "state.json").read_text())["step"] == 2
    assert not (out / "weights").exists() and not (out / "transformer").exists()
    stopped(lambda: train(folder, out, 4, "--resume", str(out)), 2)
    assert json.loads((out / "transformer" / "state.json").read_text())["step"] == 2
    train(folder, out, 4, "--resume", str(out))
    for half in ("autoencoder", "transformer"):
        one, other = (load_file(tmp_path / name / half / "checkpoint.safetensors") for name in ("whole", "half"))
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one), half
    assert "network/learner/uses" in load_file(out / "autoencoder" / "checkpoint.safetensors")


def test_a_run_goes_on_from_shipped_weights(folder, tmp_path):
    train(folder, tmp_path / "first", 2)
    weights = tmp_path / "first" / "weights"
    train(folder, tmp_path / "second", 1, "--resume", str(weights), "--share", "0")
    record = json.loads((tmp_path / "second" / "weights" / "training.json").read_text())
    assert record["started_from"].startswith("the weights of weights after")
    assert list(record["halves"]) == ["transformer"]
    first, second = ImageTokens.load(weights), ImageTokens.load(tmp_path / "second" / "weights")
    pairs = zip(first.autoencoder.state_dict().values(), second.autoencoder.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs), "--share 0 keeps the autoencoder"
    pairs = zip(first.transformer.parameters(), second.transformer.parameters(), strict=True)
    assert 0 < max(float((a - b).abs().max()) for a, b in pairs) < 0.01


def test_an_autoencoder_that_is_to_be_kept_must_exist(folder, tmp_path):
    with pytest.raises(RecipeError, match="--resume must name"):
        train(folder, tmp_path / "run", 1, "--share", "0")
    with pytest.raises(RecipeError, match="from 0 to below 1"):
        train(folder, tmp_path / "run", 1, "--share", "1")
