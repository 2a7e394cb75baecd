"""What the page says of the shipped diffusion networks, counted on the networks themselves."""

import json

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel

from demos import diffusion as tab
from demos.diffusion_parts.run_frames import done
from demos.diffusion_parts.scene import Scene
from demos.stage import frame
from demos.widgets.picture import pixels
from models import conditions, diffusion, seeding, zoo

COLOURS = {"toons": "hair_color", "portraits": "background"}  # what every set shows in many pixels


@pytest.fixture(params=zoo.DATA_SETS)
def data(request) -> str:
    return request.param


def made(data: str, w: float, labels: list[dict[str, str]], steps: int = 10) -> torch.Tensor:
    """Pictures of seed 5, one for each wish, as the sampler leaves them."""
    noise = seeding.normal(5, len(labels), (3, 64, 64))
    *_, end = diffusion.denoise(zoo.denoiser(data).counted(), noise, steps, "dpm", w, labels)
    return end.x_next


def wishes(data: str) -> list[dict[str, str]]:
    """Every value of the set's colour, twice at least."""
    name = COLOURS[data]
    values = conditions.vocabulary(data)[name]
    return [{name: value} for value in values] * (2 if len(values) > 4 else 4)


def obeyed(data: str, x: torch.Tensor, labels: list[dict[str, str]]) -> float:
    """The share of pictures in which the attribute network finds what was asked for."""
    name = COLOURS[data]
    values = conditions.vocabulary(data)[name]
    found = conditions.read(zoo.attributes(data), x.clamp(-1, 1))[name].argmax(1)
    return float(np.mean([values[i] == wish[name] for i, wish in zip(found.tolist(), labels, strict=True)]))


def test_guidance_obeys_and_its_price_is_saturation(data):
    """Asked for with w = 3 a colour is there, more often than by chance; at w = 20 values leave the range."""
    labels = wishes(data)
    by_chance, guided, too_far = (made(data, w, labels) for w in (0.0, 3.0, 20.0))
    assert obeyed(data, guided, labels) >= 0.75
    assert obeyed(data, guided, labels) >= obeyed(data, by_chance, labels) + 0.2
    beyond = [(x.abs() - 1).clamp(min=0).mean().item() for x in (by_chance, guided, too_far)]
    assert beyond[2] > 2 * max(beyond[:2])


def test_a_seed_is_the_same_alone_and_in_a_batch(data):
    labels = wishes(data)[:3]
    together = made(data, 3.0, labels)
    alone = diffusion.denoise(
        zoo.denoiser(data).counted(), seeding.normal(5, 3, (3, 64, 64))[2:], 10, "dpm", 3.0, labels[2:]
    )
    *_, end = alone
    assert (end.x_next - together[2:]).abs().max() < 2e-3


def test_the_network_is_one_that_anybody_can_load(data):
    folder = zoo.diffusion_folder(data)
    unet = UNet2DModel.from_pretrained(folder / "unet")
    assert unet.config.class_embed_type == "identity" and unet.config.in_channels == 12
    assert all(file.stat().st_size < 10e6 for file in folder.rglob("*") if file.is_file())
    x, t, vector = torch.zeros(1, 12, 32, 32), 500, torch.zeros(1, 256)
    with torch.inference_mode():
        ours, theirs = (net.eval()(x, t, class_labels=vector).sample for net in (zoo.denoiser(data).unet, unet.float()))
    assert torch.allclose(ours, theirs, atol=2e-4)


def test_samples_are_no_copies(data):
    """As the card counts it: hardly a sample is nearer to a training picture than any held-out real picture is."""
    measured = zoo.metrics(zoo.diffusion_folder(data))
    for kind in ("unconditional", "guided"):
        assert measured["memory"][kind]["remembered"] <= 0.05
        assert measured["memory"][kind]["median"] > measured["memory"]["nearest_stranger"]


def test_the_card_has_what_was_measured(data):
    measured = zoo.metrics(zoo.diffusion_folder(data))
    text = zoo.card(zoo.diffusion_folder(data))
    for kind in ("frechet_vgg", "frechet_attributes"):
        assert measured[kind]["floor"] > 0 and str(measured[kind]["score"]) in text
    assert set(measured["precision_recall_vgg"]) >= {"precision", "recall"}
    assert len(measured["factor_accuracy"]["nfe"]) == 4 and "network evaluations" in text
    assert len(measured["loss_by_timestep"]["asked"]) == 10


def test_the_recorded_first_view_is_the_live_one(data):
    """What the page shows before the first answer is what is computed live; a JPEG may round a value differently."""
    recorded = frame.recordings(tab.TAB)[data]
    state = tab.SCHEMA.defaults() | {"data": data}
    done(Scene(state).request)
    live = frame.answer(tab.TAB, state)
    assert recorded["state"] == live["state"] and recorded["query"] == live["query"]
    a, b = (pixels(view["view"]["run-strip"]["atlas"]).astype(int) for view in (recorded, live))
    assert a.shape == b.shape and np.abs(a - b).mean() < 0.5
    assert recorded["view"]["see"] == live["view"]["see"]
    assert "recorded, seed 7" in json.dumps(recorded["view"])
