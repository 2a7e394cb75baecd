"""A small map of the shipped drawings, made by the recipe: decoded, projected on, distrusted, visited by two GANs."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from models import zoo
from models.latent_map import LatentMap
from models.latent_map_families import Reference
from models.latent_map_layouts import DEFAULT, Key
from models.latent_map_trust import distortion
from models.latent_map_umap import Objective
from models.training import data as datasets
from models.training import maps
from models.training.harness import RecipeError
from models.training.map_samples import families

COUNT, SAMPLES = 260, 120
KEYS = [
    DEFAULT,
    Key(seed=1),
    Key(n_neighbors=5, min_dist=0.5),
    Key(method="tsne"),
    Key(method="pca"),
    Key(dimensions=3),
    Key("features"),
    Key("pixels", "pca"),
]


@pytest.fixture(scope="session")
def pictures(drawings) -> torch.Tensor:
    """The drawings on the map, and forty that are not."""
    chosen = drawings[: COUNT + 40].transpose(0, 3, 1, 2).copy()
    return torch.from_numpy(chosen).float() / 127.5 - 1


@pytest.fixture(scope="session")
def folder(drawings, tmp_path_factory):
    """A map written by the recipe: 260 drawings, 120 samples of the healthy GAN and of the collapsed one."""
    out = tmp_path_factory.mktemp("maps") / "toons"
    with torch.inference_mode():
        shown = torch.from_numpy(drawings[:COUNT].transpose(0, 3, 1, 2).copy()).float() / 127.5 - 1
        read = zoo.attributes("toons").read(shown)
    labels = {name: read[name].argmax(1).numpy() for name in ("skin", "mouth")}
    labels["skin"][0] = -1
    values = {name: zoo.attributes("toons").config.labels[name] for name in labels}
    real = maps.Real(drawings[:COUNT], labels, values, np.arange(COUNT) % 10 == 0)
    record = maps.write_real("toons", real, "0" * 64, out, KEYS)
    for name in ("gan", "gan-collapsed"):
        record = maps.write_family("toons", name, families("toons")[name], SAMPLES, out, record)
    maps.finish(out, record)
    return out


@pytest.fixture(scope="session")
def atlas(folder) -> LatentMap:
    return LatentMap.load(folder)


def face(code: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return zoo.vae("toons").decode(code[None])[0]


def project(atlas, picture, key=DEFAULT):
    return atlas.project(picture, zoo.vae("toons"), zoo.attributes("toons"), key)


def test_what_lies_on_the_map(atlas, pictures):
    assert [(s.name, s.start, s.count) for s in atlas.sources] == [
        ("real", 0, COUNT),
        ("gan", COUNT, SAMPLES),
        ("gan-collapsed", COUNT + SAMPLES, SAMPLES),
    ]
    total = COUNT + 2 * SAMPLES
    assert len(atlas) == total and atlas.vectors["latent"].shape == (total, 64)
    assert atlas.held_out.tolist() == [i % 10 == 0 for i in range(COUNT)]
    assert atlas.labels["skin"][0] == -1 and atlas.labels["skin"][1:].min() >= 0
    assert all(0 <= v.max() < len(atlas.values[name]) and v.shape == (total,) for name, v in atlas.labels.items())
    assert len(atlas.layouts) == len(KEYS)
    for layout in atlas.layouts.values():
        assert layout.points.shape == (total, layout.key.dimensions) and np.isfinite(layout.points).all()
        assert np.allclose(layout.points[:COUNT].mean(0), 0, atol=1e-3 * layout.scale)
    with torch.inference_mode():
        means = zoo.vae("toons").encode(pictures[:COUNT]).mean.numpy()
    step = np.ptp(means, 0) / 255
    assert (np.abs(means - atlas.real("latent")) <= 0.51 * step + 1e-6).all()


def test_layouts_are_those_of_the_recipe_again(atlas, folder):
    stored = load_file(folder / "real.safetensors")
    tables = {f"latent{part}": stored[f"latent{part}"] for part in ("", ".low", ".step")}
    arrays, entries = maps.layouts(tables, KEYS[:2])
    for key, entry in zip(KEYS[:2], entries, strict=True):
        assert np.array_equal(arrays[f"layout.{key.name}"], stored[f"layout.{key.name}"])
        layout = atlas.layout(key)
        assert (entry["trustworthiness"], entry["continuity"]) == (layout.trustworthiness, layout.continuity)
        seen = distortion(atlas.real("latent"), layout.points[:COUNT])
        assert layout.trustworthiness == pytest.approx(seen.trust.mean(), abs=1e-4)
        assert np.array_equal(atlas.distortion(key).continuity, seen.continuity)


def test_a_layout_that_was_not_made_is_refused_with_the_list(atlas):
    with pytest.raises(ValueError, match="latent-umap-15-0.1-0-2d"):
        atlas.layout(Key(n_neighbors=16))
    with pytest.raises(ValueError, match="gan-collapsed"):
        atlas.source("diffusion")


# --- decode ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [DEFAULT, Key(method="tsne"), Key("features")], ids=lambda key: key.name)
def test_at_a_point_its_own_reconstruction(atlas, pictures, key):
    for i in (0, 57, 131):
        x, y = atlas.layout(key).points[i].tolist()
        place = atlas.decode(x, y, key)
        assert place.neighbours[0] == i and place.weights[0] == 1 and place.trust.reach == 1
        with torch.inference_mode():
            own = zoo.vae("toons").decode(zoo.vae("toons").encode(pictures[i : i + 1]).mean)[0]
            other = zoo.vae("toons").decode(zoo.vae("toons").encode(pictures[i + 1 : i + 2]).mean)[0]
        found = face(place.code)
        assert (found - own).abs().mean() < 0.02 < (other - own).abs().mean()


def test_between_points_the_face_changes_without_jumps(atlas):
    near = atlas.decode(*atlas.layout().points[3].tolist()).neighbours[4]
    a, b = atlas.layout().points[[3, near]]
    places = [atlas.decode(*(a + t * (b - a)).tolist()) for t in np.linspace(0, 1, 201)]
    codes = torch.stack([place.code for place in places])
    assert codes.diff(dim=0).norm(dim=1).max() < 0.2 * (codes[0] - codes[-1]).norm()
    assert all(len(p.neighbours) == 8 and p.weights.sum() == pytest.approx(1) for p in places)
    assert all((np.diff(p.distances) >= 0).all() for p in places)


def test_far_from_everything_nothing_is_believed(atlas):
    layout = atlas.layout()
    at_points = [atlas.decode(*layout.points[i].tolist()).trust.value for i in range(0, COUNT, 20)]
    far = atlas.decode(100 * layout.scale, 0.0)
    assert far.trust.value < 0.001 and torch.isfinite(far.code).all() and min(at_points) > far.trust.value
    assert 0 <= min(at_points) <= max(at_points) <= 1 and np.mean(at_points) > 0.4
    near = atlas.decode(*(layout.points[0] + 0.1 * layout.spacing).tolist()).trust
    assert near.reach > 0.5 and near.value == near.neighbours * near.agreement * near.reach


@pytest.mark.parametrize("x, y", [(float("nan"), 0.0), (0.0, float("inf"))])
def test_no_place_at_all_is_refused(atlas, x, y):
    with pytest.raises(ValueError, match="finite"):
        atlas.decode(x, y)
    with pytest.raises(ValueError, match="3 finite"):
        atlas.decode(0.0, 0.0, Key(dimensions=3))


def test_the_mean_face(atlas):
    assert torch.allclose(atlas.mean_code([1, 5]), torch.from_numpy(atlas.vectors["latent"][[1, 5]].mean(0)))
    for wrong in ([], [-1], [len(atlas)]):
        with pytest.raises(ValueError, match="at least one"):
            atlas.mean_code(wrong)


@pytest.mark.parametrize("key", [DEFAULT, Key(dimensions=3)], ids=lambda key: key.name)
def test_two_roads(atlas, key):
    points, codes = atlas.layout(key).points, torch.from_numpy(atlas.vectors["latent"])
    over_map, through = atlas.road_on_map(2, 90, 12, key), atlas.road_in_latent(2, 90, 12, key)
    for road in (over_map, through):
        assert torch.allclose(road.codes[[0, -1]], codes[[2, 90]]) and np.allclose(
            road.places[[0, -1]], points[[2, 90]]
        )
        assert road.codes.shape == (12, 64) and ((road.trust >= 0) & (road.trust <= 1)).all()
    assert np.allclose(np.diff(over_map.places, axis=0), (points[90] - points[2]) / 11, atol=1e-4)
    assert torch.allclose(through.codes.diff(dim=0), (codes[90] - codes[2]) / 11, atol=1e-5)
    assert through.length == pytest.approx(float((codes[90] - codes[2]).norm()), rel=1e-4)
    assert over_map.length > 1.1 * through.length
    for ends in ((-1, 5), (5, len(atlas))):
        with pytest.raises(ValueError, match="a point is"):
            atlas.road_on_map(*ends, 5, key)


# --- believe ---------------------------------------------------------------------------------------------------------


def test_true_neighbours_against_all_distances(atlas):
    for point in (7, COUNT + 3):
        near, distances = atlas.true_neighbours(point, 6, "features")
        everything = np.linalg.norm(atlas.real("features") - atlas.vectors["features"][point], axis=1)
        everything[point : point + 1] = np.inf
        assert np.array_equal(near, everything.argsort(kind="stable")[:6]) and np.allclose(distances, everything[near])


def test_what_another_seed_leaves(atlas):
    found = atlas.survival()
    assert found.kept.shape == (COUNT,) and 0.3 < found.kept.mean() < 0.99
    assert atlas.survival() is found


def test_the_objective_of_a_stored_layout(atlas):
    found = atlas.objective()
    assert isinstance(found, Objective) and found.cross_entropy > 0
    others, p, q = atlas.ties(5)
    assert len(others) == len(p) == len(q) >= 14 and p.max() <= 1 and q.max() <= 1
    with pytest.raises(ValueError, match="UMAP"):
        atlas.objective(Key(method="pca"))
    with pytest.raises(ValueError, match="real picture"):
        atlas.ties(COUNT)


def test_the_collapsed_gan_covers_less_than_the_healthy_one(atlas):
    healthy, collapsed, floor = (atlas.visit(name) for name in ("gan", "gan-collapsed", "real"))
    assert collapsed.never_visited > 0.6 and collapsed.never_visited > healthy.never_visited + 0.1
    assert collapsed.recall < healthy.recall
    assert floor.never_visited < 0.1 and floor.precision > 0.7 and floor.asked.sum() == COUNT - COUNT // 2
    assert healthy.visited.shape == (COUNT,) and healthy.asked.all()


def test_a_set_of_copies_visits_what_it_copies():
    real = np.random.default_rng(0).standard_normal((400, 6))
    reference = Reference(real)
    assert reference.visit(real[reference.chosen]).never_visited < 0.1
    one = reference.visit(np.repeat(real[reference.chosen[:1]], 200, 0) + 1e-6)
    assert one.never_visited > 0.8 and one.precision == 1 and one.recall < 0.1
    assert reference.visit(real[:200] + 100).never_visited == 1
    with pytest.raises(ValueError, match="too few"):
        Reference(real[:19])


# --- you are here ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_a_picture_of_the_map_lands_beside_itself(atlas, pictures, key):
    layout = atlas.layout(key)
    for i in (11, 200):
        found = project(atlas, pictures[i], key)
        assert found.neighbours[0] == i and found.distances[0] < 0.25 * found.distances[1]
        assert np.linalg.norm(found.point - layout.points[i]) < 0.3 * layout.spacing
        assert found.point.shape == (key.dimensions,) and found.alike > 0.9
    places = atlas.put(atlas.real(key.representation)[:60], layout)
    assert np.linalg.norm(places - layout.points[:60], axis=1).max() < 0.1 * layout.spacing


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_a_picture_of_the_map_can_be_put_down_anew(atlas, pictures, key):
    """As though the map did not have it: it is nobody's neighbour, not even its own."""
    found = atlas.project(pictures[11], zoo.vae("toons"), zoo.attributes("toons"), key, anew=True)
    assert found.known == 11 and 11 not in found.neighbours and (np.diff(found.distances) >= 0).all()
    assert project(atlas, pictures[11], key).known == 11
    assert set(project(atlas, pictures[11], key).neighbours[1:]) <= set(found.neighbours)
    # what is stored of it is rounded, and UMAP's steps make a little more of the difference
    expected = atlas.put(atlas.real(key.representation)[11:12], atlas.layout(key), without=11)[0]
    assert np.linalg.norm(found.point - expected) < atlas.layout(key).spacing


def test_a_new_picture_lands_among_its_own(atlas, pictures):
    found = [project(atlas, picture) for picture in pictures[COUNT : COUNT + 12]]
    assert all((np.diff(f.distances) >= 0).all() and len(f.neighbours) == 15 for f in found)
    assert np.mean([f.kept for f in found]) > 0.3 and np.mean([f.trust for f in found]) > 0.4
    again = project(atlas, pictures[COUNT])
    assert np.array_equal(again.point, found[0].point) and again.known is None
    noise = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert project(atlas, noise, Key("features")).alike < 0.2


# --- the recipe ------------------------------------------------------------------------------------------------------


def test_record_card_and_files(folder):
    record = json.loads((folder / "map.json").read_text())
    assert [entry["key"]["method"] for entry in record["layouts"]].count("umap") == 5
    collapsed, healthy = (record["families"][name]["features"] for name in ("gan-collapsed", "gan"))
    assert (
        collapsed["never_visited"] > healthy["never_visited"] > record["families"]["real"]["features"]["never_visited"]
    )
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlicense: cc-by-4.0\n") and "Johan Melin" in card and "GAN that collapsed" in card
    for entry in record["sources"]:
        atlas = Image.open(folder / f"{entry['name']}.webp")
        assert atlas.width == entry["columns"] * entry["side"]
        assert atlas.height == -(-entry["count"] // entry["columns"]) * entry["side"]
        assert (folder / f"{entry['name']}.safetensors").stat().st_mode & 0o777 == 0o644


def test_a_family_added_later_moves_nothing(folder, atlas, tmp_path):
    out = tmp_path / "toons"
    shutil.copytree(folder, out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    maps.main(["--data", "toons", "--out", str(out), "--keep", "--families", "vae", "--samples", "70"])
    for name in ("real", "gan"):
        assert (out / f"{name}.safetensors").read_bytes() == before[f"{name}.safetensors"]
    wider = LatentMap.load(out)
    assert [source.name for source in wider.sources] == ["real", "gan", "gan-collapsed", "vae"]
    assert np.array_equal(wider.layout().points[: len(atlas)], atlas.layout().points)
    assert len(wider) == len(atlas) + 70 and set(wider.record["families"]) == {s.name for s in wider.sources}
    with pytest.raises(RecipeError, match="there are gan"):
        maps.main(["--data", "toons", "--out", str(out), "--keep", "--families", "magic"])


def split_of(name, images, indices, data):
    labels = {"smile": np.asarray(indices) % 3}
    return datasets.Pictures(data, name, images, np.asarray(indices), labels, {"smile": ["none", "closed", "teeth"]})


def test_photographs_lose_their_order_and_drawings_keep_it(drawings):
    train, test = [5, 0, 3, 1], [2, 4]
    for data in ("toons", "portraits"):
        splits = [split_of("train", drawings[train], train, data), split_of("test", drawings[test], test, data)]
        real = maps.gather(splits, 6)
        rows = [int(np.flatnonzero((drawings[:6] == image).all((1, 2, 3)))[0]) for image in real.images]
        assert sorted(rows) == [0, 1, 2, 3, 4, 5] and (rows == [0, 1, 2, 3, 4, 5]) == (data == "toons")
        assert real.labels["smile"].tolist() == [row % 3 for row in rows]
        assert real.held_out.tolist() == [row in test for row in rows]
    assert len(maps.gather(splits, 4).images) == 4


def test_a_file_that_is_too_large_is_not_written(tmp_path):
    with pytest.raises(RecipeError, match="MB"):
        maps.write_arrays(tmp_path / "large.safetensors", {"a": np.zeros(10_000_001, np.uint8)})
    assert not list(tmp_path.iterdir())


def test_only_shipped_sets_have_a_map():
    assert zoo.map_folder("toons").parts[-3:] == ("assets", "maps", "toons")
    with pytest.raises(ValueError, match="data must be"):
        zoo.latent_map("faces")


def test_families_are_those_with_weights():
    assert list(families("toons"))[:3] == ["gan", "gan-collapsed", "vae"]
    assert list(families("portraits"))[:2] == ["gan", "vae"]
    first = families("toons")["vae"].draw(3)
    assert first.shape == (3, 3, 64, 64) and torch.allclose(first[:2], families("toons")["vae"].draw(2), atol=1e-5)
