"""The named endpoint of the image-token model: what it answers, that it agrees with the model, what it refuses."""

import math

import numpy as np
import pytest
import torch

from demos import image_tokens_api as api
from demos.widgets.picture import pixels, to_uint8
from models import conditions, zoo
from models.image_tokens_drawing import draw
from tests.demos.small_tokens import tiny

NAN, INF = float("nan"), math.inf


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small models: what is tested here is what the endpoint does with them."""
    monkeypatch.setattr(zoo, "image_tokens", tiny)


def test_it_tells_the_codes_and_draws_the_picture():
    told = api.image_tokens("toons", 7, 0.8, 12, {"hair_color": "pink"})
    steps = list(draw(tiny("toons"), [7], {"hair_color": "pink"}, 0.8, 12))
    assert told["tokens"] == steps[-1].codes.view(64, 2).tolist()
    assert np.array(told["entropy_bits"]).shape == (64, 2)
    assert told["entropy_bits"][20] == [float(one.entropy_bits) for one in steps[40:42]]
    assert np.array_equal(pixels(told["image"]), to_uint8(tiny("toons").decode(steps[-1].codes)[0]))
    back = tiny("toons").decode(torch.tensor(told["tokens"]).view(1, -1))
    assert np.array_equal(pixels(told["image"]), to_uint8(back[0]))


def test_the_same_call_gives_the_same_bytes_and_another_seed_others():
    assert api.image_tokens("portraits", 1, 1, 0) == api.image_tokens("portraits", 1, 1.0, 0.0, {})
    assert api.image_tokens("portraits", 1, 1, 0)["tokens"] != api.image_tokens("portraits", 2, 1, 0)["tokens"]


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_it_takes_every_attribute_that_is_described(data):
    wish = {name: values[-1] for name, values in conditions.vocabulary(data).items()}
    assert len(api.image_tokens(data, 0, 1, 1, wish)["tokens"]) == 64


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": "cats"}, "cats"),
        ({"data": 3}, "3"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": "7"}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": NAN}, "seed"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": 5.1}, "temperature"),
        ({"temperature": NAN}, "temperature"),
        ({"temperature": INF}, "temperature"),
        ({"temperature": None}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"top_k": 513}, "top_k"),
        ({"top_k": 2.5}, "top_k"),
        ({"top_k": "all"}, "top_k"),
        ({"attributes": None}, "attributes"),
        ({"attributes": ["pink"]}, "attributes"),
        ({"attributes": {"wings": "two"}}, "wings"),
        ({"attributes": {"hair_color": "plaid"}}, "plaid"),
    ],
)
def test_bad_arguments_are_named(change, words):
    arguments = {"data": "toons", "seed": 7, "temperature": 1.0, "top_k": 0, "attributes": {}} | change
    with pytest.raises(ValueError, match=words):
        api.image_tokens(**arguments)


def test_without_weights_it_says_so(monkeypatch):
    def absent(data):
        raise FileNotFoundError(data)

    monkeypatch.setattr(zoo, "image_tokens", absent)
    with pytest.raises(ValueError, match="not in this copy"):
        api.image_tokens("toons", 7, 1.0, 0)
