"""The maps that ship, where they are: what the stories say of them, and what the page loads of them."""

import numpy as np
import pytest
from PIL import Image

from demos import latent_map as tab
from demos.latent_map_parts import circled, spots
from demos.latent_map_parts.scene import Scene
from models import zoo

SILVER = [[-0.05, 0.95], [0.35, 1.1], [0.62, 0.75], [1.15, 0.75], [1.2, 1.3], [0.9, 2.1], [-0.1, 2.1]]
HERE = [data for data in zoo.DATA_SETS if (zoo.map_folder(data) / "map.json").is_file()]


@pytest.mark.parametrize("data", HERE)
def test_atlases_hold_what_the_page_is_told(data):
    for source in zoo.latent_map(data).sources:
        with Image.open(source.thumbnails) as atlas:
            assert atlas.size == (source.columns * source.side, -(-source.count // source.columns) * source.side)
        assert source.thumbnails.stat().st_size < 3_000_000


@pytest.mark.parametrize("data", HERE)
def test_a_visitor_may_begin_anywhere(data):
    scene = Scene(tab.SCHEMA.defaults() | {"data": data})
    spot = spots.find(scene)
    assert spot.point >= 0 and 0 < spot.trust <= 1
    assert len(scene.atlas) >= 2500 and scene.layout.trustworthiness > 0.85


@pytest.mark.skipif("toons" not in HERE, reason="the map of the drawings is not here")
def test_silver_hair_is_an_island_and_gaps_are_distrusted():
    scene = Scene(tab.SCHEMA.check(tab.SCHEMA.defaults() | {"circle": SILVER}))
    chosen = circled.points(scene)
    name, word, share, usual = circled.mix(scene, chosen)[0]
    assert (name, word) == ("hair_color", "silver") and share > 0.95 and usual < 0.2
    silver = scene.atlas.labels["hair_color"] == scene.atlas.values["hair_color"].index("silver")
    assert np.logical_and(chosen, silver).sum() > 0.9 * silver.sum()
    gap = spots.find(scene, {"point": -1, "place": [-0.2, 0.1]})
    assert gap.trust < 0.05 and gap.place.trust.agreement < 0.3


@pytest.mark.skipif("toons" not in HERE, reason="the map of the drawings is not here")
def test_the_roads_differ_and_the_collapsed_run_visits_next_to_nothing():
    atlas = zoo.latent_map("toons")
    state = tab.SCHEMA.defaults()
    straight, detour = (
        road(state["road_a"], state["road_b"], 33).length for road in (atlas.road_in_latent, atlas.road_on_map)
    )
    assert detour > 5 * straight
    healthy, collapsed, floor = (atlas.visit(name).never_visited for name in ("gan", "gan-collapsed", "real"))
    assert floor < 0.1 < healthy < 0.75 < 0.9 < collapsed


@pytest.mark.skipif("toons" not in HERE, reason="the map of the drawings is not here")
def test_most_neighbours_of_the_first_picture_are_torn_away_and_few_survive_another_seed():
    atlas = zoo.latent_map("toons")
    point = tab.SCHEMA.defaults()["trust_point"]
    shown = atlas.layout().points[: atlas.count]
    beside = np.square(shown - shown[point]).sum(1).argsort()[1:16]
    assert np.isin(atlas.true_neighbours(point)[0], beside).sum() < 7.5
    assert 0.2 < atlas.survival().kept.mean() < 0.45
