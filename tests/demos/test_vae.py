"""The VAE tab without a browser: every part draws, every action keeps the link exact, every caption's claim holds."""

import base64

import numpy as np
import pytest
import torch

from demos import uploads
from demos import vae as tab
from demos.stage import frame
from demos.vae_parts import blend, sliders
from demos.vae_parts.scene import Scene
from demos.widgets.picture import encode, pixels
from models import attributes, zoo

STEP, OPEN = frame.handlers(tab.TAB)[:2]
PARTS = [part.name for part in tab.PARTS]


def state(**changes):
    """The default state with some changes."""
    return tab.SCHEMA.defaults() | changes


@pytest.mark.parametrize("data", zoo.DATA_SETS)
@pytest.mark.parametrize("part", PARTS)
def test_every_part_draws_all_its_widgets(part, data):
    """The full view names only plain values, has the three cells and a rail of at most six controls before drawers."""
    answer = STEP({"state": state(part=part, data=data), "actions": []})
    assert "error" not in answer, answer
    view = answer["view"]
    assert {"rail", "see", "formula"} <= view.keys()
    assert any(isinstance(token, dict) for line in view["formula"]["lines"] for token in line)
    assert "def " in view["formula"]["code"]
    controls = [item for item in view["rail"]["items"] if item["kind"] in ("slider", "button", "choice", "number")]
    assert 1 <= len(controls) <= 6
    assert view["rail"]["items"][-1]["label"] == zoo.CREDITS[data]
    live = STEP({"state": state(part=part, data=data), "actions": [], "live": True})["view"]
    assert live.keys() <= view.keys()


ACTIONS = [
    ("random", None),
    ("recentre", None),
    ("z5", 2.5),
    ("pad", [1.0, -2.0]),
    ("another", None),
    ("to-sliders", None),
    ("swap", None),
    ("new-b", None),
    ("take-sum", None),
    ("again", None),
    ("seed", 123),
    ("beta", "16"),
    ("across", "3"),
    ("frame", 5),
    ("strength", 1.5),
]


@pytest.mark.parametrize("data", zoo.DATA_SETS)
@pytest.mark.parametrize(("name", "value"), ACTIONS)
def test_the_link_restores_every_action_exactly(name, value, data):
    """State after an action -> link -> state is the identity, and the face is the same to the byte."""
    after = STEP({"state": state(data=data), "actions": [{"name": name, "value": value}]})
    assert "error" not in after, after
    restored, notices = tab.SCHEMA.read(after["query"])
    assert notices == [] and restored == after["state"]
    assert np.array_equal(tab.picture(restored), tab.picture(after["state"]))


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_named_sliders_go_where_they_are_put(data):
    """After a push the direction's coordinate is the slider's value, and the link carries it."""
    for name in zoo.directions(data).names[:6]:
        after = STEP({"state": state(data=data), "actions": [{"name": name, "value": 1.25}]})
        assert Scene(after["state"]).strength(name) == pytest.approx(1.25, abs=0.02)
        assert tab.SCHEMA.read(after["query"])[0] == after["state"]


def test_another_seed_or_set_is_another_face():
    """What was set by hand belonged to the old face; the undo history of the page still has it."""
    by_hand = state(code=[1.0] * 64, moves={"skin=cocoa": 1.0}, hidden=["code"])
    for name, value in (("seed", 9), ("data", "portraits")):
        after = tab.act(by_hand, {"name": name, "value": value})
        assert after[name] == value and after["code"] is None and after["moves"] == {} and after["hidden"] == []


def test_latent_sliders_go_where_they_are_put_even_after_named_pushes():
    """A latent's slider shows the value of the code that is decoded, pushes included."""
    pushed = STEP({"state": state(), "actions": [{"name": sliders.FIRST_NAMES["toons"][0], "value": 2.0}]})["state"]
    after = STEP({"state": pushed, "actions": [{"name": "z9", "value": -1.5}]})["state"]
    assert float(Scene(after).code[9]) == pytest.approx(-1.5, abs=1 / 32)


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_sliders_are_ordered_by_kl_and_sleepers_are_greyed(data):
    """The rail's latents come in falling KL, and exactly the inactive ones carry the reason for being asleep."""
    scene = Scene(state(data=data))
    items = tab.draw(scene.state, False)["rail"]["items"]
    latents = [item for item in items if item["kind"] == "slider" and item["name"][1:].isdigit()]
    for item in items:
        latents += [i for i in item.get("items", []) if i["name"][0] == "z" and i["name"][1:].isdigit()]
    assert len(latents) == 64
    kls = [scene.kl[int(item["name"][1:])] for item in latents]
    assert kls == sorted(kls, reverse=True)
    for item in latents:
        assert bool(item["asleep"]) == (not scene.active[int(item["name"][1:])])


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_walk_cells_do_what_they_say(data):
    """Clicking a cell of the sheet leads to the very face shown in the cell (to JPEG accuracy)."""
    view = tab.draw(state(data=data), False)["walk"]
    sheet = pixels(view["image"]).astype(int)
    for cell in (0, 10, 3 * sliders.STEPS + 1):
        row, column = divmod(cell, view["cols"])
        after = STEP({"state": state(data=data), "actions": [view["actions"][cell]]})["state"]
        shown = sheet[64 * row : 64 * row + 64, 64 * column : 64 * column + 64]
        assert np.abs(shown - tab.picture(after).astype(int)).mean() < 6


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_latent_blends_look_more_like_faces_than_pixel_blends(data):
    """The caption of "Blend": over sixty pairs the reader is surer of mixed codes than of mixed pixels.

    The mean gain exceeds two standard errors, and most pairs gain.
    """
    gains = []
    for seed in range(60):
        rows = blend.blends(Scene(state(data=data, seed=seed, seed_b=seed + 100)), frames=9)
        pixel, latent = (float(blend.certainty(data, row[2:-2]).mean()) for row in rows)
        gains.append(latent - pixel)
    assert np.mean(gains) > 2 * np.std(gains) / len(gains) ** 0.5 and np.mean(np.array(gains) > 0) > 0.6


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_prior_samples_fall_into_the_autoencoders_holes(data):
    """The caption of "Holes": the reader is less sure of what the autoencoder makes of random codes."""
    codes = torch.randn(200, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        sure = [float(blend.certainty(data, zoo.vae(data, beta).decode(codes)).mean()) for beta in (0.0, 1.0)]
    assert sure[1] > sure[0] + 0.03


@pytest.mark.parametrize(
    ("data", "query", "label", "value"),
    [
        ("toons", "?tab=vae&moves=hair_color%3Dsilver~3.17", "hair_color", "silver"),
        ("toons", "?tab=vae&moves=skin%3Dpeach~2.84", "skin", "porcelain"),
        ("portraits", "?tab=vae&data=portraits&moves=smile~3", "smile", "teeth"),
    ],
)
def test_what_the_stories_reveal_is_so(data, query, label, value):
    """The reader sees in the revealed face what the sentence says: silver hair, the overshot skin, the smile."""
    assert any(step.get("reveal", "").endswith(query[8:]) for story in tab.TAB.stories for step in story["steps"])
    scene = Scene(tab.SCHEMA.read(query)[0])
    with torch.inference_mode():
        reading = zoo.attributes(data).read(scene.decode(scene.code))[label][0]
    assert attributes.names(data)[label][int(reading.argmax())] == value


def test_a_label_drags_others_along():
    """Stories 1 and 5: no direction that reaches its class leaves every other label untouched."""
    for data in zoo.DATA_SETS:
        for name, row in zoo.directions(data).leakage.items():
            assert max(share for label, share in row.items() if label != name.partition("=")[0]) > 0.05


def test_sliders_that_seldom_arrive_say_so():
    """Peach is overshot and warned of; silver arrives and is not."""
    items = tab.draw(state(), False)["rail"]["items"]
    notes = {item["name"]: item.get("note") for item in items if item["kind"] == "slider"}
    notes |= {item["name"]: item["note"] for drawer in items for item in drawer.get("items", []) if "note" in item}
    assert "reached by 0 %" in notes["skin=peach"] and notes["hair_color=silver"] is None


def test_dear_code_gives_up_the_mouth_before_the_background():
    """Story 2: at beta 16 the background is still read from reconstructions, the mouth nearly by chance."""
    dear = zoo.metrics(zoo.vae_folder("toons", 16.0))["accuracy_from_reconstructions"]
    fair = zoo.metrics(zoo.vae_folder("toons", 1.0))["accuracy_from_reconstructions"]
    assert dear["background"] > 0.9 and dear["mouth"] < 0.4 and fair["mouth"] > dear["mouth"]


def test_the_plain_autoencoder_copies_well_but_no_sharper():
    """Stories 2 and 3: beta = 0 copies better than the dearest code, and not better than beta = 1."""
    errors = {beta: zoo.metrics(zoo.vae_folder("toons", beta))["held_out_error"]["median"] for beta in zoo.BETAS}
    assert 0.95 * errors[1.0] < errors[0.0] < errors[16.0]


def test_a_held_out_drawing_is_usual_and_noise_is_not():
    """ "Unlike anything it was trained on" is said of noise and not of drawings of the same style."""
    drawing = encode(uploads.example_atlas()[7], "png")
    noise = encode(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), "png")
    seen = STEP({"state": state(part="picture"), "actions": [{"name": "upload", "value": drawing}]})
    strange = STEP({"state": state(part="picture"), "actions": [{"name": "upload", "value": noise}]})
    assert not seen["view"]["input"]["unusual"] and strange["view"]["input"]["unusual"]


def test_an_upload_never_enters_the_link():
    """Neither the picture, nor its crop, nor the code it was encoded to; and the answer says what was left out."""
    drawing = encode(uploads.example_atlas()[3], "png")
    actions = [{"name": "upload", "value": drawing}, {"name": "to-sliders", "value": None}]
    after = STEP({"state": state(part="picture"), "actions": actions})
    assert after["state"]["code"] and after["state"]["part"] == "sliders"
    assert "code" not in after["query"] and "picture" in after["left_out"] and "code" in after["left_out"]
    fresh = STEP({"state": after["state"], "actions": [{"name": "random", "value": None}]})
    assert "code" not in fresh["left_out"]


def test_crop_follows_the_hand():
    """A crop sent by the page comes back at the same place, and the 64x64 picture changes with it."""
    gradient = np.zeros((100, 200, 3), np.uint8)
    gradient[..., 0] = np.linspace(0, 255, 200)
    uploaded = STEP({"state": state(part="picture"), "actions": [{"name": "upload", "value": encode(gradient, "png")}]})
    crop = {"x": 0.5, "y": 0.0, "side": 1.0}
    moved = STEP({"state": uploaded["state"], "actions": [{"name": "crop", "value": crop}]})
    back = moved["view"]["input"]["crop"]
    assert back == pytest.approx(crop, abs=1e-6)
    assert pixels(moved["state"]["picture"])[..., 0].mean() > 180


UNPICTURES = [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"0" * 50, b"GIF89a", b"<svg onload=alert(1)>"]


@pytest.mark.parametrize("junk", UNPICTURES)
def test_what_is_not_a_picture_is_refused_in_words(junk):
    """The state stays as it was: the answer is one sentence."""
    uri = "data:image/png;base64," + base64.b64encode(junk).decode()
    answer = STEP({"state": state(part="picture"), "actions": [{"name": "upload", "value": uri}]})
    assert answer.keys() == {"error"} and len(answer["error"]) > 10


BAD = [
    {"name": "z5", "value": "much"},
    {"name": "z5", "value": None},
    {"name": "z5", "value": 1e9},
    {"name": "z64", "value": 1},
    {"name": "z-1", "value": 1},
    {"name": "smile" * 50, "value": 1},
    {"name": "pad", "value": [1]},
    {"name": "pad", "value": [True, 1]},
    {"name": "pad", "value": ["1", "2"]},
    {"name": "across", "value": "64"},
    {"name": "up", "value": 3.5},
    {"name": "beta", "value": "2"},
    {"name": "beta", "value": 1},
    {"name": "frame", "value": 33},
    {"name": "frame", "value": -1},
    {"name": "seed", "value": 2**31},
    {"name": "seed", "value": 1.5},
    {"name": "strength", "value": [1]},
    {"name": "crop", "value": {"x": 0, "y": 0, "side": 1}},
    {"name": "upload", "value": 7},
    {"name": "upload", "value": "https://example.org/a.png"},
    {"name": "moves", "value": {"nothing": 1}},
    {"name": "code", "value": [0.0] * 63},
    {"name": "${alert(1)}", "value": 0},
]


@pytest.mark.parametrize("action", BAD)
def test_bad_actions_are_refused_in_words(action):
    """No traceback, no change: one sentence."""
    answer = STEP({"state": state(), "actions": [action]})
    assert answer.keys() == {"error"} and answer["error"] != frame.FAILED


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_the_recorded_first_view_is_the_live_one(data):
    """What the page shows before the first answer equals the live run to 1/255."""
    recorded = frame.recordings(tab.TAB)[data]["view"]["face"]["image"]
    live = tab.draw(state(data=data), False)["face"]["image"]
    assert np.abs(pixels(recorded).astype(int) - pixels(live).astype(int)).max() <= 1


def test_examples_are_the_held_out_drawings_it_says():
    """500 drawings of 64x64, none of them twice."""
    atlas = uploads.example_atlas()
    assert atlas.shape == (500, 64, 64, 3)
    assert len({picture.tobytes() for picture in atlas}) == 500
