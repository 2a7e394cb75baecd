"""The named endpoints: what they answer, that they agree with the models, and what they refuse."""

import base64
import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from demos import vae_api as api
from demos.describe import describe
from demos.uploads import example_atlas
from demos.widgets.picture import decode_uri, encode
from models import zoo

CODE = [0.0] * 64
DRAWING = encode(example_atlas()[5], "png")


def pixels(uri: str) -> np.ndarray:
    """The picture in a data URI."""
    assert uri.startswith("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(decode_uri(uri))))


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_describe_names_what_the_others_accept(data):
    """Every direction it lists can be edited along, every beta it lists decodes."""
    told = describe(data)
    assert told["picture_size"] == 64 and told["betas"] == [0, 0.5, 1, 4, 16] and told["credits"]
    assert all(len(values) >= 2 for values in told["attributes"].values())
    for name in told["directions"]:
        assert len(api.vae_edit(data, CODE, name, 1)["code"]) == 64
    for beta in told["betas"]:
        assert pixels(api.vae_decode(data, CODE, beta)["image"]).shape == (64, 64, 3)


@pytest.mark.parametrize("data", zoo.DATA_SETS)
@pytest.mark.parametrize("beta", zoo.BETAS)
def test_latents(data, beta):
    """One KL and one verdict per dimension."""
    told = api.vae_latents(data, beta)
    assert told["size"] == len(told["kl"]) == len(told["active"]) == 64
    assert all(kl >= 0 for kl in told["kl"]) and told["attributes"]


@pytest.mark.parametrize("beta", zoo.BETAS)
def test_encode_agrees_with_itself(beta):
    """total = reconstruction - beta * kl, and decoding the mean gives the reconstruction."""
    told = api.vae_encode("toons", DRAWING, beta)
    bound = told["elbo"]
    assert bound["total"] == pytest.approx(bound["reconstruction"] - beta * bound["kl"], rel=1e-5)
    mean = np.clip(told["mean"], -10, 10).tolist()
    if mean == told["mean"]:
        again = pixels(api.vae_decode("toons", mean, beta)["image"]).astype(int)
        assert np.abs(again - pixels(told["reconstruction"])).max() <= 1
    error = math.sqrt(np.mean(((example_atlas()[5] - pixels(told["reconstruction"]).astype(float)) / 127.5) ** 2))
    assert told["error"] == pytest.approx(error, abs=0.01)
    assert isinstance(told["unusual"], bool) and told["typical_error"] > 0


def test_identical_calls_give_identical_bytes():
    """Nothing is random and nothing is remembered."""
    assert api.vae_encode("toons", DRAWING) == api.vae_encode("toons", DRAWING)
    assert api.vae_edit("toons", CODE, "skin=cocoa", 2) == api.vae_edit("toons", CODE, "skin=cocoa", 2.0)


def test_edit_moves_by_standard_deviations():
    """The coordinate along the direction grows by the strength; 0 changes nothing."""
    directions = zoo.directions("toons")
    told = api.vae_edit("toons", CODE, "hair_color=pink", 2.0)
    before, after = (directions.coordinate(torch.tensor(c), "hair_color=pink") for c in (CODE, told["code"]))
    assert float(after - before) == pytest.approx(2.0, abs=1e-3)
    assert api.vae_edit("toons", CODE, "hair_color=pink", 0)["code"] == CODE


NAN = float("nan")
BAD = [
    (describe, ("cats",)),
    (describe, (None,)),
    (describe, (["toons"],)),
    (api.vae_latents, ("toons", 2)),
    (api.vae_latents, ("toons", "1")),
    (api.vae_latents, ("toons", True)),
    (api.vae_latents, ("toons", NAN)),
    (api.vae_encode, ("toons", "")),
    (api.vae_encode, ("toons", None)),
    (api.vae_encode, ("toons", 3)),
    (api.vae_encode, ("toons", "data:image/png;base64,AAAA")),
    (api.vae_encode, ("toons", "data:image/png;base64,***")),
    (api.vae_encode, ("toons", "data:text/plain;base64," + base64.b64encode(b"hello").decode())),
    (api.vae_encode, ("nothing", DRAWING)),
    (api.vae_decode, ("toons", [])),
    (api.vae_decode, ("toons", CODE[:-1])),
    (api.vae_decode, ("toons", [NAN] * 64)),
    (api.vae_decode, ("toons", [math.inf] + CODE[1:])),
    (api.vae_decode, ("toons", [11] + CODE[1:])),
    (api.vae_decode, ("toons", ["0"] * 64)),
    (api.vae_decode, ("toons", "0" * 64)),
    (api.vae_decode, ("toons", CODE, -1)),
    (api.vae_edit, ("toons", CODE, "beauty", 1)),
    (api.vae_edit, ("toons", CODE, None, 1)),
    (api.vae_edit, ("toons", CODE, "skin=cocoa", 5.1)),
    (api.vae_edit, ("toons", CODE, "skin=cocoa", NAN)),
    (api.vae_edit, ("toons", CODE, "skin=cocoa", None)),
    (api.vae_edit, ("toons", None, "skin=cocoa", 1)),
]


@pytest.mark.parametrize(("function", "arguments"), BAD)
def test_bad_arguments_are_named(function, arguments):
    """The message names the argument and what is allowed."""
    with pytest.raises(ValueError, match="data|beta|image|code|attribute|strength"):
        function(*arguments)


def test_endpoints_over_http_answer_like_the_functions_and_refuse_in_words(app_server):
    """What gradio_client gets is what Python gets; a refusal is the ValueError's sentence, never a traceback."""
    from gradio_client import Client

    client = Client(app_server, verbose=False)
    assert client.predict("toons", api_name="/describe") == describe("toons") | {"language_models": ["tiny"]}
    assert client.predict("portraits", 4, api_name="/vae_latents") == api.vae_latents("portraits", 4)
    shown = client.predict("toons", CODE, api_name="/vae_decode")["image"]
    difference = pixels(shown).astype(int) - pixels(api.vae_decode("toons", CODE)["image"])
    assert np.abs(difference).max() <= 1
    for name, arguments in (
        ("vae_latents", ("cats",)),
        ("vae_encode", ("toons", None)),
        ("vae_decode", ("toons", [0])),
    ):
        with pytest.raises(Exception, match="data|image|code") as refusal:
            client.predict(*arguments, api_name=f"/{name}")
        assert "Traceback" not in str(refusal.value) and "show_error" not in str(refusal.value)
