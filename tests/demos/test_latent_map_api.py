"""The named endpoints of the map: what they answer, that they agree with the models, and what they refuse."""

import base64
import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from demos import latent_map_api as api
from demos.uploads import example_atlas
from demos.widgets.picture import decode_uri, encode
from models import zoo
from models.latent_map_layouts import MIN_DIST, N_NEIGHBORS, Key
from models.latent_map_records import Projection
from tests.demos.tiny_map import COUNT, SAMPLES, make

DRAWING = encode(example_atlas()[5], "png")
LARGE = "data:image/png;base64," + base64.b64encode(bytes(9 * 2**20)).decode()
TEXT = "data:text/plain;base64," + base64.b64encode(b"hello").decode()
NAN, INF = float("nan"), math.inf
TOTAL = COUNT + 2 * SAMPLES


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """A tiny map of each set."""
    folder = tmp_path_factory.mktemp("maps")
    return {data: make(data, folder) for data in ("toons", "portraits")}


@pytest.fixture(autouse=True)
def over_tiny_maps(monkeypatch, maps):
    """Unknown sets are refused as ever."""
    monkeypatch.setattr(zoo, "latent_map", lambda data: maps[zoo.check_data(data)])


def test_points(maps):
    found = api.map_points("toons", n_neighbors=40, min_dist=0)
    layout = maps["toons"].layout(Key(n_neighbors=40, min_dist=0.0))
    assert np.allclose(np.stack([found["x"], found["y"]], 1), layout.points, atol=1e-4)
    assert found["source"] == ["real"] * COUNT + ["gan"] * SAMPLES + ["gan-collapsed"] * SAMPLES
    assert set(found["labels"]) == set(maps["toons"].labels)
    assert found["labels"]["skin"][3] == maps["toons"].values["skin"][maps["toons"].labels["skin"][3]]
    assert (found["trustworthiness"], found["continuity"]) == (layout.trustworthiness, layout.continuity)


def test_an_unknown_label_is_null(maps, monkeypatch):
    monkeypatch.setitem(maps["toons"].labels, "skin", np.full(TOTAL, -1))
    assert set(api.map_points("toons")["labels"]["skin"]) == {None}


def test_the_grid_is_what_describe_says():
    grid = api.describe("toons")["map_grid"]
    assert grid == {"method": ["umap", "tsne", "pca"], "n_neighbors": list(N_NEIGHBORS), "min_dist": list(MIN_DIST)}
    assert 15 in grid["n_neighbors"] and 0.1 in grid["min_dist"]
    for n in grid["n_neighbors"]:
        for d in grid["min_dist"]:
            assert len(api.map_points("portraits", "umap", n, d)["x"]) == TOTAL
    for method in ("tsne", "pca"):
        assert len(api.map_points("toons", method)["x"]) == TOTAL


def test_decode(maps):
    layout = maps["toons"].layout()
    x, y = layout.points[9].tolist()
    found = api.map_decode("toons", x, y)
    with torch.inference_mode():
        own = zoo.vae("toons").decode(torch.from_numpy(maps["toons"].vectors["latent"][9:10]))[0]
    shown = np.asarray(Image.open(io.BytesIO(decode_uri(found["image"]))))
    assert shown.shape == (64, 64, 3) and found["image"].startswith("data:image/png;base64,")
    assert np.abs(shown - (own.permute(1, 2, 0).numpy().clip(-1, 1) + 1) * 127.5).max() < 2
    assert found["neighbours"][0]["index"] == 9 and found["neighbours"][0]["distance"] < 1e-5
    distances = [one["distance"] for one in found["neighbours"]]
    assert distances == sorted(distances) and 0 <= found["trust"] <= 1
    assert api.map_decode("toons", x, y) == found


@pytest.mark.parametrize("far", [1e4, -1e12, 1e300, 10**400])
def test_far_from_everything(far):
    found = api.map_decode("toons", far, 0)
    assert found["trust"] < 1e-4 and found["image"]
    assert all(math.isfinite(one["distance"]) for one in found["neighbours"])


def test_project(maps, monkeypatch):
    asked = []

    def project(picture, vae, reader):
        asked.append((picture, vae, reader))
        point, neighbours, distances = np.array([1.5, -2.0], np.float32), np.array([4, 2]), np.array([0.5, 0.75])
        return Projection(point, neighbours, distances, 0.5, 0.25, 0.125, None)

    monkeypatch.setattr(maps["toons"], "project", project, raising=False)
    found = api.map_project("toons", DRAWING)
    near = [{"index": 4, "distance": 0.5}, {"index": 2, "distance": 0.75}]
    assert found == {"x": 1.5, "y": -2.0, "neighbours": near, "trust": 0.25}
    picture, vae, reader = asked[0]
    assert np.abs((picture.permute(1, 2, 0).numpy() + 1) * 127.5 - example_atlas()[5]).max() < 1
    assert vae is zoo.vae("toons") and reader is zoo.attributes("toons")


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: api.map_points("faces"), "data must be"),
        (lambda: api.map_points(None), "data must be"),
        (lambda: api.map_points("toons", "isomap"), "method must be one of umap, tsne, pca"),
        (lambda: api.map_points("toons", ["umap"]), "method must be"),
        (lambda: api.map_points("toons", "umap", 16), "n_neighbors must be one of 5, 15, 40, 100"),
        (lambda: api.map_points("toons", "umap", NAN), "n_neighbors"),
        (lambda: api.map_points("toons", "umap", True), "n_neighbors"),
        (lambda: api.map_points("toons", "umap", 15, 0.2), "min_dist must be one of 0.0, 0.1, 0.5"),
        (lambda: api.map_points("toons", "umap", 15, "0.1"), "min_dist"),
        (lambda: api.map_decode("faces", 0, 0), "data must be"),
        (lambda: api.map_decode("toons", NAN, 0), "x must be a finite number"),
        (lambda: api.map_decode("toons", 0, INF), "y must be a finite number"),
        (lambda: api.map_decode("toons", "0", 0), "x must be"),
        (lambda: api.map_decode("toons", None, 0), "x must be"),
        (lambda: api.map_decode("toons", 0, True), "y must be"),
        (lambda: api.map_decode("toons", [0], 0), "x must be"),
        (lambda: api.map_project("toons", "hello"), "image"),
        (lambda: api.map_project("toons", None), "image"),
        (lambda: api.map_project("toons", TEXT), "image"),
        (lambda: api.map_project("toons", LARGE), "image.*8 MB"),
        (lambda: api.map_project("faces", DRAWING), "data must be"),
    ],
)
def test_bad_arguments_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
