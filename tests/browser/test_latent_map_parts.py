"""The other parts of the map tab in Chromium: each is driven once, one of them with a finger.

"Explore" has a test module of its own.
"""

import pytest

from demos import latent_map as tab
from tests.browser.driving import (
    STORE,
    accessibility,
    fits_phone,
    go_to,
    one_screen,
    over_when,
    phone_width,
    settle,
    state,
    stroke,
    view,
)

PARTS = ["paths", "trust", "families", "knobs", "methods", "traps"]
RAIL = "#map-rail"
over = over_when(f"!/^(Looking|Waiting|Computing|UMAP compiles)|Measuring/.test({STORE}.view.see)", seconds=240)
test_every_part_fits_one_screen = one_screen(tab, PARTS)
test_accessibility = accessibility(tab, ["paths", "trust", "families", "knobs"])
test_phone = phone_width(tab, PARTS)


@pytest.fixture
def the_map(page, app_server, open_tab):
    """The tab with the drawings, on its first part."""
    open_tab(page, f"{app_server}/?tab=map&data=toons")
    settle(page)
    return page


def board(page, name: str):
    """The canvas of a board, and where it is."""
    canvas = page.locator(f"#map-{name} canvas.points")
    return canvas, canvas.bounding_box()


def gliding(page, name: str) -> bool:
    """Whether the points of a board are on their way."""
    return page.locator(f"#map-{name} canvas.points").get_attribute("data-gliding") == "1"


def test_part_3_two_clicks_and_one_strip(the_map):
    """Both ends are clicked, and one slider moves both faces, the curve and the beads, without a request."""
    go_to(the_map, tab, "paths")
    over(the_map)
    _, box = board(the_map, "paths-board")
    for at in (0.45, 0.6):
        the_map.mouse.click(box["x"] + at * box["width"], box["y"] + at * box["height"])
        over(the_map)
    ends = state(the_map)["road_a"], state(the_map)["road_b"]
    assert ends != (tab.SCHEMA.params["road_a"].default, tab.SCHEMA.params["road_b"].default)
    assert [mark["point"] for mark in view(the_map, "paths-board")["marks"]] == list(ends)
    before = the_map.locator("#map-paths-trust .legend").inner_text()
    slider = the_map.locator("#map-paths-strip input[type=range]")
    slider.focus()
    slider.press("Home")
    settle(the_map)
    assert state(the_map)["road_at"] == 0
    assert the_map.locator("#map-paths-trust .legend").inner_text() != before


def test_part_4_lines_to_true_neighbours_and_another_seed(the_map):
    go_to(the_map, tab, "trust")
    over(the_map)
    assert len(view(the_map, "trust-board")["lines"]) == 15
    assert view(the_map, "trust-board")["colours"]["kind"] == "number"
    canvas, box = board(the_map, "trust-board")
    canvas.click(position={"x": 0.4 * box["width"], "y": 0.5 * box["height"]})
    over(the_map)
    assert view(the_map, "trust-board")["lines"][0]["from"] == state(the_map)["trust_point"]
    the_map.locator(RAIL).get_by_role("radio", name="3", exact=True).check()
    the_map.wait_for_function("() => document.querySelector('#map-trust-board canvas.points').dataset.gliding === '1'")
    over(the_map)
    assert state(the_map)["lay_seed"] == 3 and not gliding(the_map, "trust-board")


def test_part_7_a_row_of_the_table_shows_its_family(the_map):
    go_to(the_map, tab, "families")
    over(the_map)
    rows = view(the_map, "families-table")["rows"]
    assert len(rows) >= 3 and all(cell["share"] is not None for row in rows for cell in row["cells"])
    the_map.locator("#map-families-table").get_by_role("button", name=rows[1]["label"]).click()
    over(the_map)
    assert view(the_map, "families-table")["rows"][1]["selected"]
    assert rows[1]["label"] in view(the_map, "families-board")["alt"]


def test_part_5_a_cell_of_the_grid_and_a_live_fit_that_is_stopped(the_map):
    go_to(the_map, tab, "knobs")
    cells = the_map.locator("#map-knobs-trust td button")
    cells.last.click()
    settle(the_map)
    assert (state(the_map)["n_neighbors"], state(the_map)["min_dist"]) == ("100", "0.5")
    the_map.locator(RAIL).get_by_role("radio", name="a live fit").check()
    settle(the_map)
    the_map.locator(RAIL).get_by_role("button", name="Lay them out").click()
    the_map.wait_for_function(f"() => {STORE}.view['knobs-meters'].items[0].value > 0", timeout=240_000)
    the_map.locator(RAIL).get_by_role("button", name="Stop").click()
    settle(the_map)
    assert "Go on" in the_map.locator(RAIL).inner_text()


def test_part_5_one_brush_for_three_maps(the_map):
    """What a hand circles on one map is chosen on all three."""
    go_to(the_map, tab, "methods")
    over(the_map)
    the_map.locator("#map-methods-b").get_by_role("button", name="Draw a line around some points").click()
    _, box = board(the_map, "methods-b")
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)]
    stroke(the_map, [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners], steps=8)
    over(the_map)
    chosen = {view(the_map, f"methods-{letter}")["selection"] for letter in "abc"}
    assert len(chosen) == 1 and None not in chosen
    assert "circled" in view(the_map, "see")


def test_part_6_a_trap_with_a_finger(phone, app_server, open_tab):
    """The circle is torn; a finger turns the knob, and it is whole."""
    open_tab(phone, f"{app_server}/?tab=map&data=toons&part=traps&trap=circle")
    over(phone)
    assert "torn open" in view(phone, "see")
    slider = phone.locator(f"{RAIL} input[type=range]").first
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    phone.touchscreen.tap(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    over(phone)
    assert state(phone)["trap_knob"] == 3 and "stays whole" in view(phone, "see")
    fits_phone(phone)


@pytest.mark.parametrize(("part", "param"), [("paths", "road_a"), ("trust", "trust_point")])
def test_parts_3_and_4_a_finger_chooses_a_point(phone, app_server, open_tab, part, param):
    """A tap on the map chooses one end of the roads, or the point whose neighbours are looked at."""
    open_tab(phone, f"{app_server}/?tab=map&data=toons&part={part}")
    over(phone)
    before = state(phone)[param]
    canvas, box = board(phone, f"{part}-board")
    phone.touchscreen.tap(box["x"] + 0.45 * box["width"], box["y"] + 0.5 * box["height"])
    over(phone)
    assert state(phone)[param] != before
    fits_phone(phone)


def test_parts_5_and_7_a_finger_chooses_a_cell_and_a_family(phone, app_server, open_tab):
    open_tab(phone, f"{app_server}/?tab=map&data=toons&part=knobs")
    settle(phone)
    cell = phone.locator("#map-knobs-trust td button").last
    cell.scroll_into_view_if_needed()
    cell.tap()
    settle(phone)
    assert (state(phone)["n_neighbors"], state(phone)["min_dist"]) == ("100", "0.5")
    open_tab(phone, f"{app_server}/?tab=map&data=toons&part=families")
    over(phone)
    rows = view(phone, "families-table")["rows"]
    phone.locator("#map-families-table").get_by_role("button", name=rows[2]["label"], exact=True).tap()
    over(phone)
    assert view(phone, "families-table")["rows"][2]["selected"]


def test_part_5_a_finger_circles_on_one_of_three_maps(phone, app_server, open_tab):
    open_tab(phone, f"{app_server}/?tab=map&data=toons&part=methods")
    over(phone)
    phone.locator("#map-methods-b").get_by_role("button", name="Draw a line around some points").tap()
    canvas, _ = board(phone, "methods-b")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    session = phone.context.new_cdp_session(phone)
    for k, (x, y) in enumerate([(0.2, 0.3), (0.8, 0.3), (0.8, 0.7), (0.2, 0.7), (0.2, 0.4)]):
        at = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
        kind = "touchMove" if k else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    over(phone)
    chosen = {view(phone, f"methods-{letter}")["selection"] for letter in "abc"}
    assert len(chosen) == 1 and None not in chosen
