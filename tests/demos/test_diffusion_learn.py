"""The part "Watch it learn" without a browser, on a made-up training: what it says is what the numbers say."""

import json

import numpy as np
import pytest
from PIL import Image

from demos.diffusion_parts import learn
from demos.diffusion_parts.scene import Scene
from demos.widgets.picture import pixels
from models import prompts, zoo
from tests.demos.driver import Driver, tab_of

PAGE = Driver(tab_of("diffusion", [learn], Scene))
T = [50, 150, 250, 350, 450, 550, 650, 750, 850, 950]
ASKED = {"skin": "umber", "hair_color": "pink"}


def numbers(count=24):
    """A training in which small t are learnt at once, and large t only at the last moment."""
    rows = []
    for m in range(count):
        losses = {f"loss_at_{t}": 1.0 if t < 900 else 0.8 for t in T}
        if m:
            losses |= {f"loss_at_{t}": 0.2 for t in T if t < 500}
        if m > 9:
            losses |= {f"loss_at_{t}": 0.3 for t in T if 500 < t < 900}
        if m == count - 1:
            losses |= {"loss_at_950": 0.4}
        rows.append({"step": m + 1, "images_seen": 16 * (m + 1) ** 2, "loss": 0.5, "gradient": 2.0 - m / 24, **losses})
    return rows


def record(folder, moments, **metrics):
    """A weights folder with this replay: at moment m the face f has the grey 8 m + f."""
    folder.mkdir(parents=True)
    rows = -(-len(moments) // 6)
    atlas = np.zeros((rows * 256, 6 * 256, 3), np.uint8)
    for m in range(len(moments)):
        faces = np.kron(8 * m + np.arange(16).reshape(4, 4), np.ones((64, 64), int))
        atlas[m // 6 * 256 :, m % 6 * 256 :][:256, :256] = faces[..., None]
    Image.fromarray(atlas).save(folder / "replay.webp", quality=95)
    (folder / "replay.json").write_text(json.dumps(moments))
    about = {
        "arguments": {"batch": 16, "rate": 6e-4},
        "images_seen": 9216,
        "training_minutes": 60.0,
        "minutes_before": 5,
    }
    (folder / "training.json").write_text(json.dumps(about | {"metrics": metrics}))


@pytest.fixture(autouse=True)
def weights(tmp_path, monkeypatch):
    """Both sets have a made-up training; only that of the toons was measured."""
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    held_out = {"t": T, "asked": [0.25] * 10}
    record(tmp_path / "diffusion-toons", numbers(), replay_asked=[ASKED], loss_by_timestep=held_out)
    record(tmp_path / "diffusion-portraits", numbers())
    return tmp_path


def view(*actions, **state):
    """The view after some actions, given as (name, value)."""
    return PAGE.accepted(PAGE.state(**state), *actions)["view"]


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_every_moment_is_shown_with_its_numbers(data):
    shown = view(data=data)
    strip = shown["learn-strip"]
    assert strip["count"] == learn.MOMENTS == len(strip["captions"]) == len(strip["notes"])
    assert strip["index"] == 23 and strip["captions"][2] == "144 pictures seen"
    assert "recorded during training" in strip["source"] and "same sixteen noises" in strip["source"]
    assert shown["learn-curve"]["follows"] == "learn-strip"
    assert [len(line["y"]) for line in shown["learn-curve"]["series"]] == [24]
    assert all(len(line["y"]) == len(shown["learn-times"]["x"]) == 10 for line in shown["learn-times"]["series"])
    controls = [item for item in shown["rail"]["items"] if item["kind"] not in ("heading", "text")]
    assert len(controls) == 2
    assert len(shown["see"]) < 420 and "def v_from" in shown["formula"]["code"]


@pytest.mark.parametrize(("face", "which"), [("asked", 8), ("free", 0)])
def test_sixteen_faces_and_one_of_them_are_at_their_places(face, which):
    strip = view(learn_face=face)["learn-strip"]
    atlas = pixels(strip["atlas"]).astype(int)
    assert atlas.shape == (4 * 256, 12 * 256, 3) and strip["columns"] == 12
    for moment in (0, 8, 23):
        row, column = divmod(moment * 2, 12)
        sixteen, one = (atlas[row * 256 :, (column + pane) * 256 :][:256, :256] for pane in (0, 1))
        for f in range(16):
            assert abs(sixteen[f // 4 * 64 + 32, f % 4 * 64 + 32, 0] - (8 * moment + f)) <= 3
        assert abs(one.mean() - (8 * moment + which)) <= 3
    assert strip["notes"][5][1] == (prompts.describe("toons", ASKED) if face == "asked" else "nothing was asked")


def test_a_wish_that_was_not_noted_down_is_not_invented():
    assert view(data="portraits")["learn-strip"]["notes"][0][1] == "asked for what a real picture shows"


def test_the_sentence_follows_the_moment_and_the_numbers():
    start = view(("frame", 0))
    assert start["learn-strip"]["index"] == 0
    assert start["see"].startswith(
        "After 16 pictures a guess of v is off by 0.98 on average (squared). Hardest is t ≈ 50"
    )
    assert "so little noise" in start["see"] and "nearly all noise" not in start["see"]
    end = view()["see"]
    assert "After 9,216 pictures a guess of v is off by 0.26 on average (squared), at the start by 0.98." in end
    assert "Hardest is t ≈ 950 (0.40), easiest t ≈ 50 (0.20). There x_t is nearly all noise" in end
    assert end.endswith("Half learnt first: t ≈ 50, after 64 pictures; last: t ≈ 950, after 9,216.")


def test_what_is_not_learnt_is_not_said_to_be():
    flat = [{"images_seen": k, "loss": 0.5, **{f"loss_at_{t}": 0.5 for t in T}} for k in range(3)]
    assert learn.halfway(flat) == {} and "Half learnt" not in learn.see(flat, 2)
    together = [row | {f"loss_at_{t}": 0.5 - 0.2 * k for t in T} for k, row in enumerate(flat)]
    assert set(learn.halfway(together).values()) == {2} and "Half learnt" not in learn.see(together, 2)


def test_a_t_that_was_missing_once_is_left_out():
    moments = numbers(3)
    del moments[0]["loss_at_50"]
    assert learn.times(moments) == T[1:]
    bare = [{"images_seen": 1, "loss": 0.7, "gradient": 1.0}]
    assert learn.mean(bare, 0) == 0.7 and learn.see(bare, 0).endswith("0.70 on average (squared).")


@pytest.mark.parametrize(("choice", "lines"), [("loss", 1), ("parts", 4), ("gradient", 1)])
def test_every_choice_of_the_first_curve_draws(choice, lines):
    series = view(learn_curve=choice)["learn-curve"]["series"]
    assert len(series) == lines and all(line["label"] and len(line["y"]) == 24 for line in series)


def test_the_loss_by_timestep_stands_beside_start_end_and_held_out_pictures():
    labels = [line["label"] for line in view(moment=5)["learn-times"]["series"]]
    assert labels == ["moment 6", "end", "start", "end, held-out pictures, all told"]
    assert [line["label"] for line in view(data="portraits")["learn-times"]["series"]] == ["moment 24", "start"]
    assert view(moment=5)["learn-times"]["series"][0]["y"] == [0.2] * 5 + [1.0] * 4 + [0.8]


def test_the_rail_tells_the_recipe():
    text = view()["rail"]["items"][-1]["label"]
    assert "9,216 pictures, 16 at a time, in 60 minutes, after 5 minutes before; AdamW begins at 0.0006." in text


def test_the_gif_of_a_training():
    drawn = learn.frames(Scene(PAGE.state()))
    assert len(drawn) == 24 and all(picture.shape == (256, 512, 3) for picture in drawn)
    assert PAGE.gif(PAGE.state())["gif"].startswith("data:image/gif;base64,")


def test_a_short_training_has_fewer_moments(weights):
    for file in (weights / "diffusion-toons").iterdir():
        file.unlink()
    (weights / "diffusion-toons").rmdir()
    record(weights / "diffusion-toons", numbers(7))
    strip = view()["learn-strip"]
    assert strip["count"] == 7 and strip["index"] == 6
    assert pixels(strip["atlas"]).shape == (2 * 256, 12 * 256, 3)


def test_weights_without_a_replay_say_so(weights):
    (weights / "diffusion-toons" / "replay.json").unlink()
    answer = PAGE.step(PAGE.state())
    assert answer["error"] == "The training of the toons model was not recorded."
