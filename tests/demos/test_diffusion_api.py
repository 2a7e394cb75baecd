"""The named endpoints of the diffusion model: what they answer, that they agree with the model, what they refuse."""

import base64
import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from demos import diffusion_api as api
from demos.describe import describe
from demos.uploads import example_atlas, to_tensor
from demos.widgets.picture import decode_uri, encode
from models import conditions, diffusion, seeding, zoo
from tests.demos.small_diffusion import tiny

DRAWING = encode(example_atlas()[5], "png")
LARGE = "data:image/png;base64," + base64.b64encode(bytes(9 * 2**20)).decode()
TEXT = "data:text/plain;base64," + base64.b64encode(b"hello").decode()
TEXT_AS_PNG = "data:image/png;base64," + base64.b64encode(b"hello").decode()
NAN, INF = float("nan"), math.inf


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small networks: what is tested here is what the endpoints do with them."""
    monkeypatch.setattr(zoo, "denoiser", tiny)


def pixels(uri: str) -> np.ndarray:
    """The picture in a data URI, as signed integers."""
    assert uri.startswith("data:image/png;base64,")
    found = np.asarray(Image.open(io.BytesIO(decode_uri(uri)))).astype(int)
    assert found.shape == (64, 64, 3)
    return found


def far(uri: str, x: torch.Tensor) -> int:
    """The greatest difference of a picture in a URI and one of (1, 3, 64, 64), of 255."""
    return int(np.abs(pixels(uri) - pixels(encode(x[0].clamp(-1, 1), "png"))).max())


# ---- what they answer


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_describe_names_what_denoise_takes(data):
    told = describe(data)
    assert told["schedulers"] == list(diffusion.SCHEDULERS)
    assert told["attributes"] == {name: list(values) for name, values in conditions.vocabulary(data).items()}
    for name, values in told["attributes"].items():
        assert api.denoise(data, 1, 1, attributes={name: values[-1]})["nfe"] == 2
    for scheduler in told["schedulers"]:
        assert len(api.denoise(data, 1, 2, scheduler)["timesteps"]) == 2


def test_denoise_tells_every_step():
    told = api.denoise("toons", 7, 5, attributes={"hair_color": "pink"}, guidance=2)
    assert told.keys() == {"image", "timesteps", "x_t", "x0", "nfe"}
    assert told["timesteps"] == diffusion.timesteps("ddim", 5) and told["nfe"] == 10
    assert len(told["x_t"]) == len(told["x0"]) == 5
    noise = seeding.normal(7, 1, (3, 64, 64))
    assert far(told["x_t"][0], noise) == 0
    labels = {"hair_color": "pink"}
    for i, step in enumerate(diffusion.denoise(tiny("toons"), noise, 5, guidance=2.0, labels=labels, seeds=[7])):
        assert far(told["x_t"][i], step.x_t) <= 1 and far(told["x0"][i], step.x0) <= 1
    assert far(told["image"], step.x_next) <= 1


@pytest.mark.parametrize(
    ("scheduler", "guidance", "attributes", "nfe"),
    [
        ("ddim", 3, {}, 4),
        ("ddim", 3, {"mouth": "sad"}, 8),
        ("ddpm", 1, {"mouth": "sad"}, 4),
        ("euler", 0, {"mouth": "sad"}, 4),
        ("dpm", 8, {"mouth": "sad"}, 8),
        ("heun", 3, {}, 7),
        ("heun", 3, {"mouth": "sad"}, 14),
    ],
)
def test_nfe_counts_evaluations(scheduler, guidance, attributes, nfe):
    told = api.denoise("toons", 3, 4, scheduler, guidance, attributes)
    assert told["nfe"] == nfe and len(told["timesteps"]) == 4


def test_the_defaults_are_those_of_the_document():
    assert api.denoise("toons", 3) == api.denoise("toons", 3, 25, "ddim", 3.0, {}, 0.0)
    assert len(api.denoise("toons", 3)["timesteps"]) == 25


def test_eta_adds_noise_that_follows_from_the_seed():
    still, moved = api.denoise("toons", 3, 4), api.denoise("toons", 3, 4, eta=1)
    assert moved["image"] != still["image"] and moved["x_t"][0] == still["x_t"][0]
    assert api.denoise("toons", 3, 4, eta=1.0) == moved


def test_noise_image_is_the_forward_process_and_one_look():
    told = api.noise_image("toons", DRAWING, 400, 7)
    assert told.keys() == {"noisy", "x0", "alpha_bar", "snr_db"}
    x0, noise = to_tensor(example_atlas()[5]), seeding.normal(7, 1, (3, 64, 64))
    x_t = diffusion.q_sample(x0, noise, 400)
    assert far(told["noisy"], x_t) <= 1
    assert far(told["x0"], diffusion.x0_from(x_t, tiny("toons").predict(x_t, 400), 400)) <= 1
    assert told["alpha_bar"] == diffusion.alpha_bar(400)
    assert told["snr_db"] == pytest.approx(10 * math.log10(told["alpha_bar"] / (1 - told["alpha_bar"])))
    assert api.noise_image("toons", DRAWING, 400.0, 7) == told
    assert api.noise_image("toons", DRAWING, 400, 8)["noisy"] != told["noisy"]


def test_at_t_0_a_picture_comes_back_as_it_is():
    told = api.noise_image("toons", DRAWING, 0, 7)
    assert told["noisy"] == told["x0"] and (pixels(told["x0"]) == example_atlas()[5]).all()


def test_identical_calls_give_identical_answers():
    for function, arguments in (
        (api.denoise, ("portraits", 11, 3, "ddpm", 2.0, {"turned": "left"})),
        (api.noise_image, ("portraits", DRAWING, 999, 3)),
    ):
        assert function(*arguments) == function(*arguments)


# ---- what they refuse

BAD_DATA = ("cats", "", None, 3, True, ["toons"], "../toons")
BAD_SEED = (-1, 2**31, 1.5, NAN, INF, "7", None, True, [7])
BAD_ATTRIBUTES = (
    None, 3, "pink", [], ["hair_color"], True, NAN,
    {"beauty": "high"}, {"hair_color": "purple"}, {"hair_color": None}, {"hair_color": ["pink"]}, {"hair_color": 1},
    {"hair_color": "PINK"}, {"turned": "left"}, {"hair_color": "pink", "": "x"},
)  # fmt: skip
BAD = [
    *[(api.denoise, (data, 1), {}, "data") for data in BAD_DATA],
    *[(api.noise_image, (data, DRAWING, 1, 1), {}, "data") for data in BAD_DATA],
    *[(api.denoise, ("toons", seed), {}, "seed") for seed in BAD_SEED],
    *[(api.noise_image, ("toons", DRAWING, 1, seed), {}, "seed") for seed in BAD_SEED],
    *[(api.denoise, ("toons", 1), {"steps": steps}, "steps") for steps in (0, 251, 1.5, NAN, INF, "9", None, True)],
    *[
        (api.denoise, ("toons", 1), {"scheduler": name}, "scheduler")
        for name in ("DDIM", "pndm", "", None, 1, True, ["ddim"], {})
    ],
    *[
        (api.denoise, ("toons", 1), {"guidance": w}, "guidance")
        for w in (-0.1, 30.1, NAN, INF, -INF, "3", None, True, [3])
    ],
    *[(api.denoise, ("toons", 1), {"eta": eta}, "eta") for eta in (-0.1, 1.1, NAN, INF, "1", None, False)],
    *[(api.denoise, ("toons", 1), {"eta": 0.5, "scheduler": name}, "eta") for name in ("ddpm", "heun", "dpm", "euler")],
    *[(api.denoise, ("toons", 1), {"attributes": asked}, "attributes") for asked in BAD_ATTRIBUTES],
    *[
        (api.noise_image, ("toons", DRAWING, t, 1), {}, "timestep")
        for t in (-1, 1000, 1.5, NAN, INF, "500", None, True, [500])
    ],
    *[
        (api.noise_image, ("toons", picture, 1, 1), {}, "image")
        for picture in ("", None, 3, True, ["a"], "hello", TEXT, TEXT_AS_PNG, LARGE, "data:image/png;base64,***")
    ],
]


@pytest.mark.parametrize(("function", "arguments", "named", "word"), BAD)
def test_bad_arguments_are_named(function, arguments, named, word):
    """The message begins with the argument, and says what is allowed in one line."""
    with pytest.raises(ValueError, match=f"^{word}") as refusal:
        function(*arguments, **named)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 2000


def test_a_huge_value_is_not_repeated_in_the_refusal():
    with pytest.raises(ValueError, match="^attributes") as refusal:
        api.denoise("toons", 1, attributes={"hair_color": "x" * 10**6})
    assert len(str(refusal.value)) < 500


# ---- through gradio


def test_endpoints_over_http_answer_like_the_functions_and_refuse_in_sentences():
    import gradio as gr
    from gradio_client import Client

    from demos.stage.launch import endpoint

    with gr.Blocks() as blocks:
        for function in api.ENDPOINTS:
            gr.api(endpoint(function), api_name=function.__name__)
    _, url, _ = blocks.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        client = Client(url, verbose=False)
        told = client.predict("toons", 7, 2, "ddim", 3, {"mouth": "sad"}, 0, api_name="/denoise")
        assert told == api.denoise("toons", 7, 2, "ddim", 3, {"mouth": "sad"}, 0)
        assert len(client.predict("toons", 7, api_name="/denoise")["timesteps"]) == 25
        told = client.predict("toons", DRAWING, 10, 7, api_name="/noise_image")
        assert told == api.noise_image("toons", DRAWING, 10, 7)
        for name, arguments, sentence in (
            ("denoise", ("cats", 1), "data must be"),
            ("denoise", ("toons", 1, 0), "steps must be"),
            ("denoise", ("toons", 1, 2, "ddim", "NaN"), "guidance must be"),
            ("denoise", ("toons", 1, 2, "ddim", 3, {"mouth": "huge"}), "attributes: mouth is one of"),
            ("denoise", ("toons", 1, 2, "heun", 3, {}, 0.5), "eta must be 0"),
            ("noise_image", ("toons", TEXT, 3, 1), "image: "),
            ("noise_image", ("toons", LARGE, 3, 1), "image: .*8 MB"),
            ("noise_image", ("toons", DRAWING, 1000, 1), "timestep must be"),
        ):
            with pytest.raises(Exception, match=sentence) as refusal:
                client.predict(*arguments, api_name=f"/{name}")
            assert "Traceback" not in str(refusal.value)
        with pytest.raises(Exception, match="seed"):
            client.predict("toons", api_name="/denoise")
    finally:
        blocks.close()
