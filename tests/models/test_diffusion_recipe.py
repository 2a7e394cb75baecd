"""The diffusion recipe on a few pictures: what it tells the network, what it writes, and that it resumes exactly."""

import csv
import json

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel
from PIL import Image
from safetensors.torch import load_file

from models import conditions, diffusion, seeding
from models.diffusion import AttributeEncoder, Denoiser
from models.training import diffusion as recipe
from models.training.harness import RecipeError
from models.training.told import UNCONDITIONAL, WHOLE, forget, mirrored

SMILES = ("none", "closed", "teeth")


@pytest.fixture
def folder(tmp_path):
    """A folder of forty pictures of one colour, half with a black patch, and a table of two labels; some unknown."""
    place = tmp_path / "pictures"
    place.mkdir()
    with (place / "metadata.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "smile", "eyeglasses"])
        for i in range(40):
            colour = np.random.default_rng(i).integers(0, 255, 3).astype(np.uint8)
            picture = np.broadcast_to(colour, (64, 64, 3)).copy()
            picture[20:30, 10:50] *= (i + 1) % 2  # eyeglasses
            Image.fromarray(picture).save(place / f"{i}.png")
            table.writerow([f"{i}.png", i % 4, i % 2])  # a smile of 3 is none of the known ones
    return place


@pytest.fixture(autouse=True)
def reports(monkeypatch) -> list:
    """What the recipe asks the report to measure; the network is a small one, its sheets are drawn in two steps."""
    asked = []
    monkeypatch.setattr(recipe, "report", lambda *arguments, **more: asked.append((arguments, more)))
    monkeypatch.setattr(recipe, "WIDTHS", (32, 32, 32, 32))
    monkeypatch.setattr(recipe, "SHEET_STEPS", 2)
    return asked


def train(folder, out, steps: int, *more: str) -> None:
    """The recipe for a few steps of four pictures."""
    recipe.main(["--data", str(folder), "--out", str(out), "--steps", str(steps), "--batch", "4", *more])


def same(a: dict, b: dict) -> bool:
    """Whether two checkpoints hold the same numbers; a part of the loss that was never seen is NaN."""
    return a.keys() == b.keys() and all(torch.equal(a[key].nan_to_num(-1), b[key].nan_to_num(-1)) for key in a)


# --- what the network is told ----------------------------------------------------------------------------------------


def test_who_looks_left_looks_right_in_the_mirror():
    vocabulary = {"smile": SMILES, "turned": ("left", "ahead", "right")}
    told = torch.tensor([[0, 0], [1, 1], [2, 2], [-1, -1]])
    turned = mirrored(vocabulary, told)
    assert turned.tolist() == [[0, 2], [1, 1], [2, 0], [-1, -1]]
    assert torch.equal(mirrored(vocabulary, turned), told)
    assert told[0, 1] == 0, "the given positions stay as they are"
    assert torch.equal(mirrored({"smile": SMILES}, told[:, :1]), told[:, :1])


def test_some_pictures_come_without_a_wish_and_some_with_all_of_it():
    told = torch.arange(6).expand(6000, 6).clone()
    told[::2, 3] = conditions.NOT_ASKED
    kept = forget(told, torch.Generator().manual_seed(0))
    gone = kept != told
    assert (kept[gone] == conditions.NOT_ASKED).all() and torch.equal(kept[~gone], told[~gone])
    shown = kept[1::2] >= 0  # rows of which everything was known
    others = 1 - UNCONDITIONAL - WHOLE  # a share from 0 to 1 is forgotten: 1 in 7 tells all, or nothing
    assert float((~shown).all(1).float().mean()) == pytest.approx(UNCONDITIONAL + others / 7, abs=0.025)
    assert float(shown.all(1).float().mean()) == pytest.approx(WHOLE + others / 7, abs=0.025)
    assert torch.equal(kept, forget(told, torch.Generator().manual_seed(0)))


def test_the_loss_is_kept_by_part():
    by_part = recipe.LossByPart()
    assert by_part.numbers() == {}
    by_part.add(torch.tensor([2.0, 4.0]), torch.tensor([0, 999]))
    assert by_part.numbers() == {"loss_at_50": 2.0, "loss_at_950": 4.0}
    by_part.add(torch.tensor([1.0, 3.0]), torch.tensor([99, 100]))
    numbers = by_part.numbers()
    assert numbers["loss_at_50"] == pytest.approx(1.99) and numbers["loss_at_150"] == 3.0
    for _ in range(1000):
        by_part.add(torch.tensor([0.5]), torch.tensor([50]))
    assert by_part.numbers()["loss_at_50"] == pytest.approx(0.5, abs=0.01)


# --- what a run writes -----------------------------------------------------------------------------------------------


def test_a_run_writes_what_the_app_loads(folder, tmp_path, reports):
    out = tmp_path / "run"
    train(folder, out, 3)
    [(asked, more)] = reports
    assert asked == (out / "weights", str(folder), out, None) and more == {"quick": False}
    denoiser = Denoiser.load(out / "weights")
    assert denoiser.conditions == {"smile": SMILES, "eyeglasses": ("no", "yes")}
    assert denoiser.prediction == "v_prediction" and denoiser.size == 64
    wish = {"smile": "teeth"}
    *_, end = diffusion.denoise(denoiser, seeding.normal(0, 1, (3, 64, 64)), 2, guidance=2.0, labels=wish)
    assert torch.isfinite(end.x_next).all()
    record = json.loads((out / "weights" / "training.json").read_text())
    assert record["steps"] == 3 and record["images_seen"] == 12 and record["minutes_before"] == 0.0
    assert str(tmp_path) not in json.dumps(record)
    moments = json.loads((out / "replay" / "replay.json").read_text(), parse_constant=pytest.fail)  # no NaN
    assert len(list((out / "replay").glob("*.jpg"))) == len(moments) == 3
    assert {"step", "images_seen", "loss", "gradient"} < moments[-1].keys()
    assert sum(name.startswith("loss_at_") for name in moments[-1]) >= 4  # four pictures a step, in four parts
    with Image.open(out / "replay" / "00.jpg") as sheet:
        assert sheet.size == (512, 128)


def test_a_folder_without_labels_trains_a_model_that_knows_no_wish(folder, tmp_path):
    (folder / "metadata.csv").unlink()
    train(folder, tmp_path / "run", 1)
    denoiser = Denoiser.load(tmp_path / "run" / "weights")
    assert not denoiser.conditions
    assert torch.isfinite(denoiser.predict(seeding.normal(0, 1, (3, 64, 64)), 500)).all()


def test_the_whole_network_ships_in_small_files_and_answers_the_same(tmp_path, monkeypatch):
    monkeypatch.undo()  # the network as it is, not the small one
    torch.manual_seed(0)
    unet, encoder = recipe.make_unet().eval(), AttributeEncoder({"smile": SMILES}, 4 * recipe.WIDTHS[0]).eval()
    x_t, t, labels = seeding.normal(0, 2, (3, 64, 64)), 400, [{"smile": "teeth"}, {}]
    before = Denoiser(unet, encoder).predict(x_t, t, labels)
    recipe.save(Denoiser(unet, encoder), tmp_path)
    sizes = [file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()]
    assert max(sizes) < 10_000_000 and sum(sizes) > 10_000_000, "it takes more than one file"
    assert torch.allclose(Denoiser.load(tmp_path).predict(x_t, t, labels), before, atol=0.01 * float(before.std()))
    bare = UNet2DModel.from_pretrained(tmp_path / "unet").float().eval()
    with torch.inference_mode():
        vector = encoder(conditions.positions({"smile": SMILES}, labels))
        folded = torch.nn.functional.pixel_unshuffle(x_t, diffusion.FOLD)
        answer = torch.nn.functional.pixel_shuffle(bare(folded, t, class_labels=vector).sample, diffusion.FOLD)
    assert torch.allclose(answer, before, atol=0.01 * float(before.std()))


# --- going on --------------------------------------------------------------------------------------------------------


def test_a_resumed_run_is_the_run_that_was_never_stopped(folder, tmp_path, stopped):
    """Four steps, and four that stop after two and go on: the same weights, moments, average and losses by part."""
    train(folder, tmp_path / "whole", 4)
    stopped(lambda: train(folder, tmp_path / "half", 4), 2)
    assert json.loads((tmp_path / "half" / "state.json").read_text())["step"] == 2
    train(folder, tmp_path / "half", 4, "--resume", str(tmp_path / "half"))
    whole, half = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "half"))
    assert "network/by_part/loss" in whole and "average/encoder/null" in whole
    assert same(whole, half)


def test_a_run_goes_on_from_shipped_weights(folder, tmp_path):
    train(folder, tmp_path / "first", 2)
    weights = tmp_path / "first" / "weights"
    train(folder, tmp_path / "second", 1, "--resume", str(weights))
    record = json.loads((tmp_path / "second" / "weights" / "training.json").read_text())
    assert record["started_from"].startswith("the weights of weights after") and record["steps"] == 1
    before, after = Denoiser.load(weights), Denoiser.load(tmp_path / "second" / "weights")
    far = max(
        float((a - b).abs().max()) for a, b in zip(before.unet.parameters(), after.unet.parameters(), strict=True)
    )
    assert 0 < far < 0.01


def test_places_where_attributes_show_count_more_if_that_is_asked(folder, tmp_path):
    for name, share in (("plain", "0"), ("focused", "0.8")):
        train(folder, tmp_path / name, 3, "--focus", share)
    plain, focused = (Denoiser.load(tmp_path / name / "weights").unet for name in ("plain", "focused"))
    pairs = zip(plain.parameters(), focused.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)
    with pytest.raises(ValueError, match="between 0 and 1"):
        train(folder, tmp_path / "none", 3, "--focus", "2")


def test_a_loss_that_is_no_number_ends_the_run_before_anything_is_written(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(diffusion, "v_from", lambda x0, noise, t: x0 * float("nan"))
    with pytest.raises(RecipeError, match="no longer finite at step 0"):
        train(folder, tmp_path / "run", 3)
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()
    assert not (tmp_path / "run" / "weights").exists()
