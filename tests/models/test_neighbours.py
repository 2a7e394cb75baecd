"""Nearest training pictures against all distances, the shipped sets, and what makes a held-out picture a stranger."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models import fetch, zoo
from models.neighbours import FILE, Neighbours
from models.training import data as datasets
from models.training import neighbours as recipe


def random_set(count=300, size=16):
    source = torch.Generator().manual_seed(0)
    features = F.normalize(torch.randn(count, size, generator=source), dim=1)
    return Neighbours(features, torch.randn(count, 4, generator=source), torch.tensor([0.2, 0.4, 0.9]))


def test_nearest_against_all_distances():
    known = random_set()
    queries = torch.cat([F.normalize(torch.randn(20, 16), dim=1), known.features[[5, 250]]])
    indices, distances = known.nearest(queries, 4)
    everything = torch.cdist(queries, known.features, compute_mode="donot_use_mm_for_euclid_dist")
    assert torch.equal(indices, everything.argsort(1)[:, :4])
    assert torch.allclose(distances, everything.sort(1).values[:, :4], atol=1e-6)
    assert indices[20:, 0].tolist() == [5, 250] and distances[20:, 0].tolist() == [0.0, 0.0]


def test_a_query_alone_is_a_query_in_a_batch():
    known = random_set()
    queries = F.normalize(torch.randn(9, 16, generator=torch.Generator().manual_seed(3)), dim=1)
    indices, distances = known.nearest(queries, len(known))
    for i in (0, 8):
        alone = known.nearest(queries[i : i + 1], len(known))
        assert torch.equal(alone[0][0], indices[i]) and torch.allclose(alone[1][0], distances[i], atol=1e-6)


@pytest.mark.parametrize("features, k", [(torch.zeros(2, 15), 1), (torch.zeros(16), 1), (torch.zeros(2, 16), 0)])
def test_wrong_queries_are_refused(features, k):
    with pytest.raises(ValueError, match="neighbours"):
        random_set().nearest(features, k)
    with pytest.raises(ValueError, match="301 neighbours"):
        random_set().nearest(torch.zeros(2, 16), 301)


def test_memorised_is_nearer_than_any_stranger():
    known = random_set()
    assert known.is_memorised(0.19) is True and known.is_memorised(0.2001) is False
    assert known.is_memorised(torch.tensor([0.0, 0.3])).tolist() == [True, False]


def test_saved_and_loaded(tmp_path):
    known = random_set()
    known.save(tmp_path)
    again = Neighbours.load(tmp_path)
    assert again.features.dtype == again.codes.dtype == again.baseline.dtype == torch.float32
    assert torch.allclose(again.features, known.features, atol=1e-3) and torch.equal(again.baseline, known.baseline)
    assert torch.equal(again.codes, known.codes.half().float())
    with pytest.raises(FileNotFoundError):
        Neighbours.load(tmp_path / "nowhere")


def pictures(images, split):
    return datasets.Pictures("toons", split, images, np.arange(len(images)))


def test_doubles_are_no_strangers():
    images = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), dtype=np.uint8)
    training, held_out = pictures(images[:9], "train"), pictures(images[[9, 3, 10, 0]], "test")
    assert recipe.new_pictures(held_out, training).tolist() == [0, 2]


def test_built_written_and_described(drawings, tmp_path):
    """The recipe on a few of the shipped drawings; its baseline is what the stored features give."""
    training, held_out = pictures(drawings[:30], "train"), pictures(drawings[25:40], "test")
    found = recipe.build("toons", training, held_out)
    assert found.features.shape == (30, 128) and found.codes.shape == (30, 64)
    assert len(found.baseline) == 10 and torch.all(found.baseline.diff() >= 0) and found.baseline[0] > 0.01
    recipe.write(tmp_path, "toons", found, training.data_hash())
    stored = Neighbours.load(tmp_path)
    with torch.inference_mode():
        strangers = zoo.attributes("toons").features(held_out.tensor(slice(5, None)))
    assert torch.allclose(stored.nearest(strangers)[1][:, 0].sort().values, stored.baseline, atol=1e-4)
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["pictures"] == 30 and record["held_out_pictures"] == 10
    assert record["features_of"]["sha256"] == fetch.read_sums()["attributes-toons/model.safetensors"]
    card = (tmp_path / "README.md").read_text()
    assert card.startswith("---\nlicense: cc-by-4.0\n") and "Johan Melin" in card
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_shipped_sets(data):
    known = zoo.neighbours(data)
    record = json.loads((fetch.NEIGHBOURS / data / "record.json").read_text())
    assert known.features.shape == (record["pictures"], 128) and known.codes.shape == (record["pictures"], 64)
    assert torch.allclose(known.features.norm(dim=1), torch.ones(len(known)), atol=2e-3)
    assert torch.all(known.baseline.diff() >= 0) and known.baseline[0] > 0.1
    # Float16 moves a picture by far less than strangers are away, so a copy is still found out.
    indices, distances = known.nearest(known.features[:5], 2)
    assert indices[:, 0].tolist() == list(range(5)) and known.is_memorised(distances[:, 0]).all()


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_shipped_codes_are_drawn_as_their_pictures(data):
    """What the VAE draws from the code of a picture looks most like that picture, or like one that looks the same."""
    known = zoo.neighbours(data)
    some = slice(0, 40)
    with torch.inference_mode():
        drawn = zoo.attributes(data).features(zoo.vae(data, 0.0).decode(known.codes[some]))
    own = (drawn - known.features[some]).norm(dim=1)
    others = (drawn - known.features[some].roll(1, 0)).norm(dim=1)
    assert own.median() < 0.7 * others.median()


def test_held_out_drawings_are_strangers(drawings):
    """The drawings that ship for the quizzes are held out: all at distances that the baseline lists."""
    known = zoo.neighbours("toons")
    with torch.inference_mode():
        features = zoo.attributes("toons").features(pictures(drawings, "test").tensor(slice(0, 50)))
    distances = known.nearest(features)[1][:, 0]
    listed = (distances[:, None] - known.baseline).abs().amin(1) < 1e-3
    assert listed.sum() >= 48 and known.is_memorised(distances[listed]).sum() == 0
