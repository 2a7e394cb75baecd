"""The named endpoints of the GAN: what they answer, that they agree with the models, and what they refuse."""

import base64
import io
import math
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image

from demos import gan_api as api
from demos.describe import describe
from demos.uploads import example_atlas
from demos.widgets.picture import decode_uri, encode
from models import seeding, zoo

DRAWING = encode(example_atlas()[5], "png")
LARGE = "data:image/png;base64," + base64.b64encode(bytes(9 * 2**20)).decode()
TEXT = "data:text/plain;base64," + base64.b64encode(b"hello").decode()
NAN, INF = float("nan"), math.inf


def pixels(uri: str) -> np.ndarray:
    """The picture in a data URI, as signed integers."""
    assert uri.startswith("data:image/png;base64,")
    found = np.asarray(Image.open(io.BytesIO(decode_uri(uri)))).astype(int)
    assert found.shape == (64, 64, 3)
    return found


def far(a: str, b: str) -> int:
    """The greatest difference of two pictures, of 255."""
    return int(np.abs(pixels(a) - pixels(b)).max())


def face(data: str, seed: int, psi: float = 0.7) -> torch.Tensor:
    """Face 0 of a seed, drawn by the generator itself, (1, 3, 64, 64)."""
    with torch.inference_mode():
        return zoo.generator(data)(seeding.normal(seed, 1, (128,)), psi)


@cache
def inverted(steps: int) -> dict:
    """What a search of the drawing finds; searched once for all tests."""
    return api.gan_invert("toons", DRAWING, steps)


# ---- what they answer


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_faces(data):
    """As many faces and scores as asked for; a face alone is the same face in a batch."""
    told = api.gan_faces(data, 7, 5)
    assert told.keys() == {"faces", "realism", "diversity"}
    assert len(told["faces"]) == len(told["realism"]) == 5 and 0 < told["diversity"] < 3
    alone = api.gan_faces(data, 7, 1)
    assert alone["diversity"] is None
    assert far(alone["faces"][0], told["faces"][0]) <= 1
    assert alone["realism"][0] == pytest.approx(told["realism"][0], abs=1e-3)
    assert far(alone["faces"][0], encode(face(data, 7)[0], "png")) <= 1
    with torch.inference_mode():
        score = float(zoo.discriminator(data)(face(data, 7)))
    assert alone["realism"][0] == pytest.approx(score, abs=1e-3)


def test_the_defaults_are_sixteen_faces_at_psi_0_7():
    assert api.gan_faces("toons", 3) == api.gan_faces("toons", 3, 16, 0.7)


def test_psi_0_is_one_face_and_diversity_grows_with_psi():
    told = [api.gan_faces("toons", 7, 8, psi) for psi in (0, 0.5, 1.0)]
    assert all(far(told[0]["faces"][0], other) == 0 for other in told[0]["faces"])
    assert told[0]["diversity"] == pytest.approx(0, abs=1e-3)
    assert told[0]["diversity"] < told[1]["diversity"] < told[2]["diversity"]


@pytest.mark.parametrize("path", ["slerp", "lerp", "w"])
def test_a_walk_begins_and_ends_at_its_faces(path):
    told = api.gan_interpolate("toons", 3, 5, 6, path)
    assert told.keys() == {"frames"} and len(told["frames"]) == 6
    for frame, seed in ((told["frames"][0], 3), (told["frames"][-1], 5)):
        assert far(frame, encode(face("toons", seed)[0], "png")) <= 1


def test_a_walk_has_sixteen_frames_on_the_sphere_by_default():
    assert api.gan_interpolate("toons", 3, 5) == api.gan_interpolate("toons", 3, 5, 16, "slerp")
    assert len(api.gan_interpolate("toons", 3, 5)["frames"]) == 16


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_edit(data):
    """Strength 0 changes nothing, 3 does; every name of describe and every component is taken."""
    name = describe(data)["directions"][0]
    told = api.gan_edit(data, 7, name, 0)
    assert told.keys() == {"before", "after"} and told["before"] == told["after"]
    assert far(told["before"], api.gan_faces(data, 7, 1)["faces"][0]) <= 1
    for direction in ("pc1", "pc10", *describe(data)["directions"][:3]):
        told = api.gan_edit(data, 7, direction, 3)
        assert told["before"] != told["after"], direction


def test_every_direction_that_describe_names_is_one_of_both_models():
    for data in zoo.DATA_SETS:
        named = describe(data)["directions"]
        assert set(named) == set(zoo.directions(data).names) & set(zoo.gan_directions(data).names) and named


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_neighbours(data):
    told = api.gan_neighbours(data, 7)
    assert told.keys() == {"distances", "baseline", "memorised"}
    assert len(told["distances"]) == 5 and told["distances"] == sorted(told["distances"])
    assert told["baseline"] == sorted(told["baseline"]) and len(told["baseline"]) >= 100
    assert told["memorised"] is (told["distances"][0] < told["baseline"][0])
    assert api.gan_neighbours(data, 7, 2)["distances"] == pytest.approx(told["distances"][:2], abs=1e-5)


def test_inversion_tells_what_it_found():
    told = inverted(4)
    assert told.keys() == {"image", "error", "latent"} and len(told["latent"]) == 256
    again = zoo.generator("toons").synthesis(torch.tensor([told["latent"]])).clamp(-1, 1)
    assert far(told["image"], encode(again[0], "png")) <= 1
    error = math.sqrt(np.mean(((example_atlas()[5].astype(float) - pixels(told["image"])) / 127.5) ** 2))
    assert told["error"] == pytest.approx(error, abs=0.01)


def test_identical_calls_give_identical_answers():
    """Nothing is random and nothing is remembered."""
    calls = [
        (api.gan_faces, ("toons", 11, 3, 1.2)),
        (api.gan_interpolate, ("toons", 1, 2, 3, "w")),
        (api.gan_edit, ("toons", 4, "pc2", -1.5)),
        (api.gan_neighbours, ("toons", 4, 3)),
    ]
    for function, arguments in calls:
        assert function(*arguments) == function(*arguments)
    assert api.gan_invert("toons", DRAWING, 4) == inverted(4)
    assert api.gan_faces("toons", 11.0, 3.0, 1) == api.gan_faces("toons", 11, 3, 1.0)


# ---- what they refuse

BAD_DATA = ("cats", "", None, 3, True, ["toons"], "../toons")
BAD_SEED = (-1, 2**31, 1.5, NAN, INF, "7", None, True, [7])
BAD = [
    *[(function, (data, *rest), "data") for data in BAD_DATA for function, rest in (
        (describe, ()),
        (api.gan_faces, (1,)),
        (api.gan_interpolate, (1, 2)),
        (api.gan_edit, (1, "pc1", 1)),
        (api.gan_neighbours, (1,)),
        (api.gan_invert, (DRAWING, 1)),
    )],
    *[(function, ("toons", seed, *rest), "seed") for seed in BAD_SEED for function, rest in (
        (api.gan_faces, ()),
        (api.gan_interpolate, (2,)),
        (api.gan_edit, ("pc1", 1)),
        (api.gan_neighbours, ()),
    )],
    *[(api.gan_interpolate, ("toons", 1, seed), "seed_b") for seed in BAD_SEED],
    *[(api.gan_faces, ("toons", 1, count), "count") for count in (0, 65, 2.5, NAN, INF, "4", None, True)],
    *[(api.gan_faces, ("toons", 1, 1, psi), "truncation") for psi in (-0.1, 1.6, NAN, -INF, "1", None, False)],
    *[(api.gan_interpolate, ("toons", 1, 2, frames), "frames") for frames in (1, 121, 7.5, NAN, None, "9", True)],
    *[(api.gan_interpolate, ("toons", 1, 2, 4, path), "path") for path in ("SLERP", "", None, 1, ["w"], True)],
    *[(api.gan_edit, ("toons", 1, name, 1), "direction") for name in ("beauty", "pc0", "pc11", "", None, 1, True, [])],
    *[(api.gan_edit, ("toons", 1, "pc1", push), "strength") for push in (5.1, -6, NAN, INF, "1", None, True)],
    *[(api.gan_neighbours, ("toons", 1, k), "k must") for k in (0, 21, 1.5, NAN, INF, "5", None, True)],
    *[(api.gan_invert, ("toons", picture, 1), "image") for picture in (
        "", None, 3, True, ["a"], "hello", TEXT, LARGE, "data:image/png;base64,AAAA", "data:image/png;base64,***",
    )],
    *[(api.gan_invert, ("toons", DRAWING, steps), "steps") for steps in (0, 501, 1.5, NAN, INF, "9", None, True)],
]  # fmt: skip


@pytest.mark.parametrize(("function", "arguments", "named"), BAD)
def test_bad_arguments_are_named(function, arguments, named):
    """The message begins with the argument, and says what is allowed in one line."""
    with pytest.raises(ValueError, match=f"^{named}") as refusal:
        function(*arguments)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 2000


# ---- through the page


def test_endpoints_over_http_answer_like_the_functions(app_server):
    from gradio_client import Client

    client = Client(app_server, verbose=False)
    told, here = client.predict("toons", 7, 3, 0.7, api_name="/gan_faces"), api.gan_faces("toons", 7, 3, 0.7)
    assert all(far(a, b) <= 1 for a, b in zip(told["faces"], here["faces"], strict=True))
    assert told["realism"] == pytest.approx(here["realism"], abs=1e-3)
    assert len(client.predict("toons", 7, api_name="/gan_faces")["faces"]) == 16
    assert len(client.predict("toons", 1, 2, api_name="/gan_interpolate")["frames"]) == 16
    assert client.predict("portraits", 7, "pc1", 0, api_name="/gan_edit").keys() == {"before", "after"}
    assert len(client.predict("toons", 7, api_name="/gan_neighbours")["distances"]) == 5
    assert len(client.predict("toons", DRAWING, 1, api_name="/gan_invert")["latent"]) == 256
    # this server has an empty cache, and so no pretrained language model
    assert client.predict("portraits", api_name="/describe") == describe("portraits") | {"language_models": ["tiny"]}


REFUSED = [
    ("gan_faces", ("cats", 1), "data must be"),
    ("gan_faces", ("toons", None), "seed must be"),
    ("gan_faces", ("toons", 1, 65), "count must be"),
    ("gan_faces", ("toons", 1, 4, "NaN"), "truncation must be"),
    ("gan_interpolate", ("toons", 1, True), "seed_b must be"),
    ("gan_interpolate", ("toons", 1, 2, 4, "zigzag"), "path must be"),
    ("gan_edit", ("toons", 1, "beauty", 1), "direction must be"),
    ("gan_edit", ("toons", 1, "pc1", 6), "strength must be"),
    ("gan_neighbours", ("toons", 1, 0), "k must be"),
    ("gan_invert", ("toons", TEXT, 3), "image: "),
    ("gan_invert", ("toons", LARGE, 3), "image: .*8 MB"),
    ("gan_invert", ("toons", DRAWING, 501), "steps must be"),
]


def test_refusals_over_http_are_sentences(app_server):
    """A refusal is the ValueError's sentence, never a traceback."""
    from gradio_client import Client

    client = Client(app_server, verbose=False)
    for name, arguments, sentence in REFUSED:
        with pytest.raises(Exception, match=sentence) as refusal:
            client.predict(*arguments, api_name=f"/{name}")
        assert "Traceback" not in str(refusal.value) and "show_error" not in str(refusal.value)


def test_a_missing_argument_is_refused_over_http(app_server):
    """gradio itself says which one is missing."""
    from gradio_client import Client

    client = Client(app_server, verbose=False)
    with pytest.raises(Exception, match="seed"):
        client.predict("toons", api_name="/gan_faces")
