"""Part "Explore" of the map tab in Chromium, by mouse, keyboard and finger; the maps are tiny ones."""

import csv
import dataclasses
import io

import numpy as np
import pytest
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from demos import latent_map as tab
from demos.uploads import example_atlas
from models import zoo
from models.latent_map_layouts import Key
from models.latent_map_warmth import WARMTH
from tests.browser.driving import accessibility, one_screen, phone_width, png, served, settle, state, stroke, view
from tests.demos.tiny_map import COUNT, make

BOARD = "#map-board canvas.points"


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """A tiny map of each set, its thumbnails below the folder that is served."""
    folder = tmp_path_factory.mktemp("maps")
    for data in zoo.DATA_SETS:
        (folder / data).mkdir()
    return folder, {data: make(data, folder / data) for data in zoo.DATA_SETS}


@pytest.fixture(scope="module")
def app_server(maps, module_patch):
    """The tab alone on the loopback, in place of the app; nobody waits for umap-learn."""
    folder, atlases = maps
    module_patch.setattr(zoo, "latent_map", atlases.__getitem__)
    module_patch.setattr(WARMTH, "state", "warm")
    module_patch.setattr(zoo, "card", lambda folder: "A card.")
    # the recorded first view is that of the shipped map, whose thumbnails this page does not have
    routes = [Mount("/maps", StaticFiles(directory=folder))]
    with served(dataclasses.replace(tab.TAB, recording=None), tab.layout, app_kwargs={"routes": routes}) as url:
        yield url


test_explore_fits_one_screen = one_screen(tab, ["explore"])
test_accessibility = accessibility(tab, ["explore"])
test_phone = phone_width(tab, ["explore"])


class Board:
    """The canvas of a page, and where on it the points of the whole map are."""

    def __init__(self, page, atlas, key=None) -> None:
        layout = atlas.layout(key or Key())
        self.page, self.places = page, layout.points / layout.scale
        self.box = page.locator(BOARD).bounding_box()
        self.low, self.high = self.places.min(0), self.places.max(0)
        sizes = np.array([self.box["width"], self.box["height"]])
        self.scale = (0.94 * sizes / (self.high - self.low)).min()

    def pixel(self, place) -> tuple[float, float]:
        """Where a place is on the screen while the whole map is shown."""
        away = (np.asarray(place) - (self.low + self.high) / 2) * self.scale
        x, y = self.box["x"] + self.box["width"] / 2, self.box["y"] + self.box["height"] / 2
        return float(x + away[0]), float(y - away[1])

    def lonely(self) -> int:
        """A real point that no other is near on the screen."""
        real = self.places[:COUNT]
        far = np.abs(real[:, None] - self.places).max(2)
        far[np.arange(COUNT), np.arange(COUNT)] = np.inf
        inner = (np.abs(real - (self.low + self.high) / 2) < 0.3 * (self.high - self.low)).all(1)
        return int(np.where(inner, far.min(1), 0).argmax())

    def empty(self) -> tuple[float, float]:
        """A place of the screen that is on the map and far from every point."""
        grid = np.stack(np.meshgrid(*np.linspace(self.low, self.high, 40).T), -1).reshape(-1, 2)
        far = np.abs(grid[:, None] - self.places).max(2).min(1)
        return self.pixel(grid[(far * (np.abs(grid) < 0.35 * self.high.max()).all(1)).argmax()])


def opened(page, open_tab, app_server, maps, query: str = "") -> Board:
    """The part at a link, at rest, its pictures there."""
    open_tab(page, f"{app_server}/?v=1&tab=map{query}")
    settle(page)
    page.wait_for_function(f"() => Number(document.querySelector('{BOARD}').dataset.pictures) > 0")
    return Board(page, maps[1]["toons"])


def test_hover_shows_words_and_click_chooses(page, open_tab, app_server, maps):
    board = opened(page, open_tab, app_server, maps)
    point = board.lonely()
    x, y = board.pixel(board.places[point])
    page.mouse.move(*board.empty())
    settle(page)
    before = view(page, "face")["image"]
    page.mouse.move(x, y)
    settle(page)
    card = page.locator("#map-board .card")
    assert card.is_visible() and "A real drawing" in card.inner_text() and "skin" in card.inner_text()
    assert view(page, "face")["image"] != before and state(page)["hand"]["point"] == point
    assert page.evaluate("() => !playground.current().canUndo"), "what was only looked at is not undone"
    page.mouse.click(x, y)
    settle(page)
    assert state(page)["point"] == point and f"point={point}" in page.url
    page.mouse.move(*board.empty())
    settle(page)
    assert card.is_hidden() and state(page)["hand"]["point"] == -1
    page.mouse.click(*board.empty())
    settle(page)
    assert state(page)["at"] and state(page)["point"] == -1 and "Nothing lies here" in view(page, "see")
    page.mouse.move(5, 400)
    settle(page)
    assert state(page)["hand"] is None
    page.keyboard.press("Control+z")
    settle(page)
    assert state(page)["point"] == point


def test_zoom_and_pan_are_in_the_link(page, open_tab, app_server, maps):
    board = opened(page, open_tab, app_server, maps)
    x, y = board.box["x"] + board.box["width"] / 2, board.box["y"] + board.box["height"] / 2
    page.mouse.move(x, y)
    for _ in range(6):
        page.mouse.wheel(0, -150)
    page.wait_for_function("() => playground.current().state.camera?.[2] > 2")
    settle(page)
    zoomed = state(page)["camera"]
    page.mouse.down()
    page.mouse.move(x - 120, y - 40, steps=5)
    page.mouse.up()
    page.wait_for_function(f"() => playground.current().state.camera[0] > {zoomed[0]}")
    settle(page)
    moved = state(page)["camera"]
    assert moved[2] == zoomed[2] and moved[1] < zoomed[1] and state(page)["point"] == -1, "a drag is no click"
    pictures = page.locator(BOARD).get_attribute("data-pictures")
    settle(open_tab(page, page.url))
    assert state(page)["camera"] == moved
    page.wait_for_function(f"(n) => document.querySelector('{BOARD}').dataset.pictures === n", arg=pictures)
    page.get_by_role("button", name="The whole map").click()
    page.wait_for_function("() => playground.current().state.camera === null")


def test_the_keyboard_walks_and_chooses(page, open_tab, app_server, maps):
    opened(page, open_tab, app_server, maps)
    page.locator(BOARD).focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    first = state(page)["hand"]["place"]
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    settle(page)
    hand = state(page)["hand"]
    assert hand["place"][0] > first[0] and hand["place"][1] >= first[1]
    page.keyboard.press("Enter")
    settle(page)
    assert state(page)["point"] == hand["point"] and (hand["point"] >= 0 or state(page)["at"])
    page.keyboard.press("+")
    page.wait_for_function("() => playground.current().state.camera?.[2] > 1.2")
    page.keyboard.press("0")
    page.wait_for_function("() => playground.current().state.camera === null")


def test_circle_mix_and_table(page, open_tab, app_server, maps):
    board = opened(page, open_tab, app_server, maps)
    page.get_by_role("button", name="Draw a line").click()
    middle = (board.low + board.high) / 2
    corners = [middle + 0.25 * (board.high - board.low) * np.array(at) for at in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    stroke(page, [board.pixel(corner) for corner in [*corners, corners[0]]], steps=8)
    settle(page)
    page.mouse.move(5, 400)
    settle(page)
    expected = (np.abs(board.places - middle) < 0.25 * (board.high - board.low)).all(1).sum()
    said = int(view(page, "see").split()[0].replace(",", ""))
    assert abs(said - expected) <= 0.1 * expected and "circle=" in page.url
    assert page.locator("#map-facts").inner_text().count("whole map") >= 1
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the circled points").or_(
            page.get_by_text("CSV", exact=True)
        ).first.click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert len(rows) == said and download.value.suggested_filename == f"map-toons-{said}-points.csv"
    page.get_by_role("button", name="Take the line away").click()
    settle(page)
    assert state(page)["circle"] is None and view(page, "board")["selection"] is None


def test_legend_hides_and_colour_changes(page, open_tab, app_server, maps):
    opened(page, open_tab, app_server, maps, "&colour=source")
    samples = page.locator("#map-board .legend").get_by_role("button", name="GAN", exact=True)
    shown = int(page.locator(BOARD).get_attribute("data-pictures"))
    samples.click()
    assert samples.get_attribute("aria-pressed") == "false"
    settle(page)
    assert state(page)["off"] == [1] and "off=1" in page.url
    assert int(page.locator(BOARD).get_attribute("data-pictures")) != shown
    page.locator("#map-rail").get_by_role("combobox").first.select_option(label="Trust")
    settle(page)
    assert page.locator("#map-board .legend .scale").is_visible() and state(page)["off"] == []


def test_points_glide_to_another_layout(page, open_tab, app_server, maps):
    opened(page, open_tab, app_server, maps)
    page.get_by_role("radio", name="PCA").check()
    page.wait_for_selector(f"{BOARD}[data-gliding]")
    page.wait_for_selector(f"{BOARD}:not([data-gliding])")
    settle(page)
    board = Board(page, maps[1]["toons"], Key(method="pca"))
    point = board.lonely()
    page.mouse.move(*board.pixel(board.places[point]))
    settle(page)
    assert state(page)["hand"]["point"] == point


def test_motion_that_is_unwelcome_is_left_out(page, open_tab, app_server, maps):
    page.emulate_media(reduced_motion="reduce")
    opened(page, open_tab, app_server, maps)
    page.evaluate(
        """(board) => { window.glided = false; new MutationObserver(() => {
            if (document.querySelector(board).dataset.gliding) window.glided = true;
        }).observe(document.querySelector(board), { attributes: true }); }""",
        BOARD,
    )
    page.get_by_role("radio", name="t-SNE").check()
    settle(page)
    assert not page.evaluate("() => window.glided")


def test_space_is_turned_by_a_drag(page, open_tab, app_server, maps):
    board = opened(page, open_tab, app_server, maps, "&solid=1")
    assert page.get_by_role("button", name="Draw a line").is_hidden()
    shot = page.locator(BOARD).screenshot()
    x, y = board.box["x"] + board.box["width"] / 2, board.box["y"] + board.box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 150, y + 40, steps=6)
    page.mouse.up()
    settle(page)
    assert page.locator(BOARD).screenshot() != shot and state(page)["camera"] is None
    page.locator(BOARD).focus()
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert state(page)["point"] == -1


def test_search_leaves_some(page, open_tab, app_server, maps):
    opened(page, open_tab, app_server, maps)
    page.get_by_label("Find", exact=True).fill("olive skin")
    page.get_by_label("Find", exact=True).press("Enter")
    settle(page)
    assert "of 280 points" in page.locator("#map-board .hint").inner_text()
    page.get_by_role("button", name="Remove").click()
    settle(page)
    assert state(page)["search"] == "" and page.locator("#map-board .hint").is_hidden()


def test_your_picture(page, open_tab, app_server, maps):
    opened(page, open_tab, app_server, maps, "&method=pca")
    page.get_by_role("button", name="Where would my picture be?").click()
    settle(page)
    page.locator("#map-you input[type=file]").set_input_files(
        {"name": "me.png", "mimeType": "image/png", "buffer": png(example_atlas()[40])}
    )
    settle(page)
    assert state(page)["picture"] and page.locator("#map-kin canvas").is_visible()
    assert view(page, "board")["marks"][0]["label"] == "you are here" and "picture" not in page.url
    page.get_by_role("button", name="Walk over the map again").click()
    settle(page)
    assert page.locator("#map-face canvas").is_visible() and not page.locator("#map-kin").is_visible()


def test_a_finger_circles_turns_and_hides(phone, open_tab, app_server, maps):
    """A line around points, the legend, and a turn in space: with one finger each."""
    opened(phone, open_tab, app_server, maps, "&colour=source")
    phone.locator(BOARD).scroll_into_view_if_needed()
    board = Board(phone, maps[1]["toons"])
    session = phone.context.new_cdp_session(phone)

    def drag(*places: tuple[float, float]) -> None:
        for k, (x, y) in enumerate(places):
            session.send(
                "Input.dispatchTouchEvent",
                {"type": "touchMove" if k else "touchStart", "touchPoints": [{"x": x, "y": y}]},
            )
        phone.wait_for_timeout(200)  # lifted at rest: the end of a fling would eat the next tap
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        settle(phone)

    phone.get_by_role("button", name="Draw a line").tap()
    low, high, middle = board.low, board.high, (board.low + board.high) / 2
    around = [middle + 0.4 * (high - low) * np.array([np.cos(a), np.sin(a)]) for a in np.linspace(0, 6.1, 20)]
    drag(*(board.pixel(place) for place in around))
    circled = state(phone)["circle"]
    assert circled and view(phone, "board")["selection"] and state(phone)["camera"] is None
    with phone.expect_download() as download:
        phone.locator("#map-board").get_by_role("button", name="CSV").tap()
    assert download.value.suggested_filename.endswith("-points.csv")
    phone.locator("#map-board .legend").get_by_role("button", name="GAN", exact=True).tap()
    settle(phone)
    assert state(phone)["off"] == [1]
    phone.get_by_role("switch", name="In space").or_(phone.get_by_label("In space")).first.tap()
    phone.wait_for_selector(f"{BOARD}:not([data-gliding])")
    settle(phone)
    phone.locator(BOARD).scroll_into_view_if_needed()
    board = Board(phone, maps[1]["toons"])
    x, y = board.pixel(middle)
    before = phone.locator(BOARD).screenshot()
    drag(*((x + 12 * k, y) for k in range(8)))
    assert state(phone)["solid"] and phone.locator(BOARD).screenshot() != before


def test_fingers(phone, open_tab, app_server, maps):
    board = opened(phone, open_tab, app_server, maps)
    phone.locator(BOARD).scroll_into_view_if_needed()
    board = Board(phone, maps[1]["toons"])
    point = board.lonely()
    phone.touchscreen.tap(*board.pixel(board.places[point]))
    settle(phone)
    assert state(phone)["point"] == point
    session = phone.context.new_cdp_session(phone)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = board.box["x"] + board.box["width"] / 2, board.box["y"] + board.box["height"] / 2
    touch("touchStart", (x - 20, y), (x + 20, y))
    for k in range(1, 8):
        touch("touchMove", (x - 20 - 10 * k, y), (x + 20 + 10 * k, y))
    touch("touchEnd")
    phone.wait_for_function("() => playground.current().state.camera?.[2] > 2")
    settle(phone)
    zoomed = state(phone)["camera"]
    touch("touchStart", (x, y))
    for k in range(1, 8):
        touch("touchMove", (x - 12 * k, y))
    touch("touchEnd")
    phone.wait_for_function(f"() => playground.current().state.camera[0] > {zoomed[0]}")
    settle(phone)
    camera = state(phone)["camera"]
    touch("touchStart", (x, y))
    phone.wait_for_timeout(500)  # a finger that rests before it moves walks
    for k in range(1, 6):
        touch("touchMove", (x + 8 * k, y))
    settle(phone)
    assert state(phone)["hand"] and state(phone)["camera"] == camera
    touch("touchEnd")
    settle(phone)
    assert state(phone)["point"] >= 0 or state(phone)["at"]
