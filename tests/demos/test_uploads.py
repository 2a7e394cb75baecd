"""A visitor's own picture: what an upload leaves in the state, and that it can be forgotten."""

import numpy as np
import pytest

from demos import uploads
from demos.stage.state import Schema
from demos.widgets.picture import encode, pixels

SCHEMA = Schema("toy", uploads.PARAMS)
DRAWING = uploads.example_atlas()[11]


def after(name: str, value=None, state: dict | None = None) -> dict:
    """The checked state after one action."""
    return SCHEMA.check(uploads.act(state or SCHEMA.defaults(), name, value))


def test_a_small_square_is_kept_as_it_is():
    state = after("upload", encode(DRAWING, "png"))
    assert np.array_equal(uploads.read_picture(state["picture"]), DRAWING)
    assert state["crop"] == [0.5, 0.5, 1.0] and state["note"] and pixels(state["preview"]).shape == (64, 64, 3)


def test_a_noisy_upload_still_travels():
    noise = np.random.default_rng(0).integers(0, 256, (700, 900, 3), dtype=np.uint8)
    state = after("upload", encode(noise, "png"))
    assert uploads.read_picture(state["picture"]).shape == (64, 64, 3)


def test_no_link_carries_any_of_it():
    state = after("upload", encode(DRAWING, "png"))
    assert SCHEMA.query(state) == SCHEMA.query(SCHEMA.defaults())
    assert set(SCHEMA.left_out(state)) == {"picture", "preview", "crop", "note"}


def test_forgetting_leaves_nothing_and_another_example_is_another():
    state = after("upload", encode(DRAWING, "png"))
    assert after("forget", state=state) == SCHEMA.defaults()
    other = after("another", state=state)
    assert other["example"] != state["example"] and other | {"example": 3} == SCHEMA.defaults()
    assert after("another") == other  # it follows from the present one


def test_the_crop_of_the_page_comes_back():
    wide = np.zeros((100, 200, 3), np.uint8)
    wide[..., 0] = np.linspace(0, 255, 200)
    state = after("upload", encode(wide, "png"))
    crop = {"x": 0.5, "y": 0.0, "side": 1.0}
    moved = after("crop", crop, state)
    assert uploads.input_view(moved, True)["crop"] == pytest.approx(crop, abs=1e-6)
    assert uploads.read_picture(moved["picture"])[..., 0].mean() > 180
    assert uploads.input_view(SCHEMA.defaults(), False) == {
        "preview": None,
        "crop": None,
        "message": "",
        "unusual": False,
    }


def test_other_actions_are_not_its_own_and_bad_ones_are_refused():
    assert uploads.act(SCHEMA.defaults(), "random", None) is None
    state = after("upload", encode(DRAWING, "png"))
    for name, value, start in (
        ("crop", {"x": 0, "y": 0, "side": 1}, SCHEMA.defaults()),
        ("crop", {"x": 0, "y": 0, "side": "1"}, state),
        ("crop", None, state),
        ("upload", None, state),
        ("upload", "data:image/png;base64,AAAA", state),
    ):
        with pytest.raises(ValueError):
            uploads.act(start, name, value)
    with pytest.raises(ValueError, match="64x64"):
        uploads.read_picture(encode(np.zeros((32, 64, 3), np.uint8), "png"))


def test_pixels_become_tensors():
    x = uploads.to_tensor(DRAWING)
    assert x.shape == (1, 3, 64, 64) and float(x.min()) >= -1 and float(x.max()) <= 1
    assert np.array_equal(pixels(encode(x[0], "png")), DRAWING)
