"""Widgets on the Python side: values pass through, pictures are encoded, sheets laid out and data URIs read."""

import base64
import io
import json
import re

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from demos import widgets
from demos.widgets import base, picture

CLASSES = [
    widgets.Controls,
    widgets.Curves,
    widgets.FaceSheet,
    widgets.FrameStrip,
    widgets.GameBoard,
    widgets.HeadGrid,
    widgets.Intervals,
    widgets.LatentPad,
    widgets.LayerTable,
    widgets.MapBoard,
    widgets.MaskPad,
    widgets.MergeLadder,
    widgets.Meter,
    widgets.PairBars,
    widgets.PatchBoard,
    widgets.PictureInput,
    widgets.PointField,
    widgets.Table,
    widgets.TextStrip,
]


def opened(uri: str) -> np.ndarray:
    """The pixels in a data URI."""
    return np.asarray(Image.open(io.BytesIO(picture.decode_uri(uri))).convert("RGB"))


@pytest.mark.parametrize("kind", CLASSES)
def test_values_pass_through_and_identity_reaches_the_page(kind):
    value = {"items": [], "text": "${alert(1)} {{value}} <b>", "image": None, "number": 0.5}
    with gr.Blocks() as demo:
        widget = kind("thing", "vae", value, listened=True, elem_classes="extra")
    assert widget.preprocess(value) is value
    assert widget.postprocess(value) is value
    assert widget.postprocess(None) is None
    config = next(c for c in demo.config["components"] if c["id"] == widget._id)["props"]
    assert json.loads(json.dumps(config["value"])) == value
    assert config["elem_id"] == "vae-thing"
    assert config["elem_classes"] == ["pg-widget", f"pg-{kind.kind}", "extra"]
    assert config["props"] == {"kind": kind.kind, "name": "thing", "tab": "vae", "listened": True}
    # nothing of a value is ever part of a template
    assert config["html_template"] == "" and config["css_template"] == ""
    assert config["js_on_load"] == f'playground.mount("{kind.kind}", element, props, trigger, watch, server)'


@pytest.mark.parametrize("bad", ["text", [1], 3, True])
def test_other_values_are_refused(bad):
    with pytest.raises(TypeError, match="dictionary or None"):
        widgets.Meter("m", "vae").postprocess(bad)


@pytest.mark.parametrize("name", ["", "a b", 'x" onload="', "a.b", None, 3])
def test_names_are_dom_ids(name):
    with pytest.raises(ValueError, match="name and tab"):
        widgets.Meter(name, "vae")
    with pytest.raises(ValueError, match="name and tab"):
        widgets.Meter("meter", name)


def test_head_and_css_hold_every_widget():
    head, css = widgets.head(), widgets.css()
    for kind in CLASSES:
        assert f'playground.define("{kind.kind}"' in head
    assert head.index("window.pgWidgets =") < head.index("playground.define(")
    # the text stands in one <script>, and no value may become markup
    assert "</script" not in head and "innerHTML" not in head and "insertAdjacentHTML" not in head
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", head + css)
    assert sorted((*base.TOOLS, *base.KINDS)) == sorted(file.stem for file in base.FOLDER.glob("*.js"))
    for colour in re.findall(r"#[0-9a-fA-F]{3,8}\b", css):
        assert colour in {"#fff"}, "colours come from the theme"


def test_append_is_some_frames_of_one_run():
    tiles = {"atlas": "uri", "columns": 4, "tile": 64, "count": 2}
    value = widgets.FrameStrip.append("r", 3, 9, **tiles, captions=("4", "5"), notes=[("a", "b")], panes=["x", "y"])
    expected = {"run": "r", "index": 3, "of": 9, "captions": ["4", "5"], "notes": [["a", "b"]], **tiles}
    assert value == {"panes": ["x", "y"], "append": expected}
    assert json.loads(json.dumps(value)) == value
    lanes = widgets.FrameStrip.append("r", [0, 2], 9, "uri", 4, 64, [1, 3], lengths=[4, 9])
    assert lanes["append"]["index"] == [0, 2] and lanes["append"]["count"] == [1, 3] and lanes["lengths"] == [4, 9]


def test_encode_takes_both_layouts_and_tensors_exactly():
    pixels = np.random.default_rng(1).integers(0, 256, (6, 9, 3), np.uint8)
    floats = pixels.astype(np.float32) / 127.5 - 1
    first = floats.transpose(2, 0, 1)
    for given in (pixels, floats, first, first.astype(np.float64), torch.tensor(first), torch.tensor(first).double()):
        np.testing.assert_array_equal(opened(picture.encode(given, "png")), pixels)
    inexact = torch.tensor(first, requires_grad=True).to(torch.bfloat16)
    assert np.abs(opened(picture.encode(inexact, "png")).astype(int) - pixels).max() <= 1


def test_encode_ends_of_the_range_and_rounding():
    line = np.array([-1.0, 1.0, 0.0, -1.02, 1.5], np.float32)
    shown = opened(picture.encode(np.broadcast_to(line, (3, 1, 5)), "png"))
    assert shown[0, :, 0].tolist() == [0, 255, 128, 0, 255]


def test_encode_formats_and_size():
    smooth = np.stack(np.meshgrid(np.linspace(-1, 1, 64), np.linspace(-1, 1, 64), [0.0])[:2], 0)[..., 0]
    face = np.concatenate([smooth, smooth[:1] * 0]).astype(np.float32)
    for name in ("jpeg", "png", "webp"):
        uri = picture.encode(face, name)
        assert uri.startswith(f"data:image/{name};base64,")
        assert opened(uri).shape == (64, 64, 3)
        assert np.abs(opened(uri).astype(int) - picture.to_uint8(face)).mean() < 3
    assert len(picture.encode(face, quality=50)) < len(picture.encode(face, quality=95))
    assert picture.encode(face) == picture.encode(face), "identical calls give identical bytes"


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_encode_and_sheet_refuse_nan(poison):
    bad = np.zeros((3, 4, 4), np.float32)
    bad[1, 2, 3] = poison
    with pytest.raises(ValueError, match="NaN or infinity"):
        picture.encode(bad)
    with pytest.raises(ValueError, match="NaN or infinity"):
        picture.sheet(torch.tensor(bad)[None], 1)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((1, 3, 4, 4), np.float32),
        np.zeros((4, 4, 4), np.float32),
        np.zeros((3, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.int64),
        np.zeros((4, 4, 3), bool),
        np.zeros((0, 4, 3), np.uint8),
        np.full((3, 4, 4), 200.0, np.float32),
        "picture",
        None,
    ],
)
def test_encode_refuses_what_is_not_a_picture(bad):
    with pytest.raises(ValueError, match="picture"):
        picture.encode(bad)


@pytest.mark.parametrize("settings", [{"format": "gif"}, {"format": None}, {"quality": 0}, {"quality": 101}])
def test_encode_refuses_settings(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        picture.encode(np.zeros((4, 4, 3), np.uint8), **settings)


@pytest.mark.parametrize("columns", [1, 2, 3, 5, 7])
def test_sheet_layout_is_exact(columns):
    count, height, width = 5, 4, 6
    values = np.random.default_rng(2).integers(0, 256, (count, 3, height, width))
    made = picture.sheet(torch.tensor(values / 127.5 - 1, dtype=torch.float32), columns)
    rows = -(-count // columns)
    assert made.shape == (rows * height, columns * width, 3) and made.dtype == np.uint8
    for cell in range(rows * columns):
        top, left = cell // columns * height, cell % columns * width
        shown = made[top : top + height, left : left + width]
        expected = values[cell].transpose(1, 2, 0) if cell < count else np.zeros((height, width, 3))
        np.testing.assert_array_equal(shown, expected)


@pytest.mark.parametrize("columns", [0, -1, 1.0, "2", None, True])
def test_sheet_refuses_columns(columns):
    with pytest.raises(ValueError, match="columns"):
        picture.sheet(np.zeros((2, 3, 4, 4), np.float32), columns)


@pytest.mark.parametrize("shape", [(3, 4, 4), (0, 3, 4, 4), (2, 4, 4, 3), (2, 1, 4, 4)])
def test_sheet_refuses_shapes(shape):
    with pytest.raises(ValueError, match="shape"):
        picture.sheet(np.zeros(shape, np.float32), 2)


def test_decode_uri_reads_what_browsers_write():
    data = bytes(range(256))
    text = base64.b64encode(data).decode()
    for start in ("data:image/png;base64,", "data:application/octet-stream;base64,", "data:;base64,"):
        assert picture.decode_uri(start + text) == data
    assert picture.decode_uri("data:text/plain;charset=utf-8;base64," + text) == data


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (None, "data URI"),
        (b"data:image/png;base64,AAAA", "data URI"),
        ({"uri": 1}, "data URI"),
        ("", "data URI"),
        ("https://example.org/a.png", "data URI"),
        ("/etc/passwd", "data URI"),
        ("data:image/png,plain", "base64 data URI"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png;base64,A", "damaged"),
        ("data:image/png;base64,AA AA", "damaged"),
        ("data:image/png;base64,$$$$", "damaged"),
        ("data:image/png;base64,ÄÖÜß", "damaged"),
    ],
)
def test_decode_uri_refuses(bad, words):
    with pytest.raises(ValueError, match=words):
        picture.decode_uri(bad)


def test_decode_uri_limit_is_eight_megabytes_exactly():
    start = "data:image/png;base64,"
    fits = start + base64.b64encode(bytes(picture.LIMIT_BYTES)).decode()
    assert len(picture.decode_uri(fits)) == picture.LIMIT_BYTES
    for more in (1, 2, 3, 1000):
        with pytest.raises(ValueError, match="8 MB"):
            picture.decode_uri(start + base64.b64encode(bytes(picture.LIMIT_BYTES + more)).decode())


def test_raw_pictures_come_back_exactly():
    """Bare RGB bytes: width before height, and a wrong length is refused."""
    array = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    uri = picture.raw(array)
    assert uri.startswith("data:image/x-rgb;size=7x5;base64,")
    assert np.array_equal(picture.pixels(uri), array)
    assert np.array_equal(picture.pixels(picture.encode(array, "png")), array)
    with pytest.raises(ValueError, match="bytes"):
        picture.pixels(uri.replace("7x5", "7x6"))
