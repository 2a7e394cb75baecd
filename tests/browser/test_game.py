"""The game on points as a visitor meets it: played, paused, rewound, drawn into, and opened from its link."""

import math

import pytest

from tests.browser.driving import STORE, fits_phone, settle, state, stroke

BOARD = "#gan-game-board"
PAINTS = "() => (window.playground.paints['gan-game-board'] ?? []).length"


@pytest.fixture
def game(page, app_server, open_tab):
    """The part's first view, settled."""
    open_tab(page, f"{app_server}/?tab=gan&part=game")
    settle(page)
    return page


def step(page, label: str) -> None:
    """Press one of the buttons under the board."""
    page.locator(BOARD).get_by_role("button", name=label, exact=True).click()
    settle(page)


def draw(page, points) -> None:
    """Draw a stroke through places of the plane with the mouse."""
    box = page.locator(f"{BOARD} canvas").bounding_box()
    places = [
        (box["x"] + box["width"] * (x / 2.5 + 0.5), box["y"] + box["height"] * (0.5 - y / 2.5)) for x, y in points
    ]
    stroke(page, places)
    settle(page)


def test_it_is_one_screen_and_plays_and_pauses(game):
    """Play paints one update after the other; Pause keeps the game as it stands; Restart begins it again."""
    assert game.evaluate("() => document.documentElement.scrollHeight <= innerHeight")
    box = game.locator(f"{BOARD} canvas").bounding_box()
    assert box["width"] >= 480 and abs(box["width"] - box["height"]) < 1
    before = game.evaluate(PAINTS)
    game.get_by_role("button", name="Play", exact=True).click()
    game.wait_for_function(f"(n) => ({PAINTS})() > n + 5", arg=before, timeout=60_000)
    game.get_by_role("button", name="Pause", exact=True).click()
    settle(game)
    record, snapshot = state(game)["played"], state(game)["game"]
    assert record.startswith("r") and not state(game)["running"]
    game.wait_for_timeout(500)
    assert state(game)["game"] == snapshot
    game.get_by_text("of 8 modes").first.wait_for()
    game.get_by_role("button", name="Restart", exact=True).click()
    settle(game)
    assert state(game)["game"] == "" and state(game)["played"] == ""


def test_steps_rewind_and_link(game, app_server, watched, open_tab):
    """Single steps are recorded, the slider goes back to exactly what was, and the link opens the same game."""
    for label in ("Both", "Both", "Step D", "Step G", "Step G"):
        step(game, label)
    assert state(game)["played"] == "r3.g1"
    last = state(game)["game"]
    query = game.evaluate("() => location.search")
    other = open_tab(watched(viewport={"width": 1280, "height": 800}).new_page(), f"{app_server}/{query}")
    settle(other)
    seen = f"() => {STORE}.view['game-board'].made.join()"
    assert other.evaluate(seen) == game.evaluate(seen)
    slider = game.locator(f"{BOARD} input[type=range]")
    slider.focus()
    for _ in range(3):
        game.keyboard.press("ArrowLeft")
        settle(game)
    assert state(game)["played"] == "r2"
    for _ in range(3):
        game.keyboard.press("ArrowRight")
        settle(game)
    assert state(game)["played"] == "r3.g1" and state(game)["game"] == last


def test_drawing_with_the_mouse_and_with_keys(game):
    """A stroke becomes real points that the game is played for; the canvas takes single points from the keyboard."""
    game.locator("#gan-rail select").first.select_option(label="Draw your own")
    settle(game)
    draw(game, [(-0.8 + 1.6 * i / 40, 0.5 * math.sin(i / 6)) for i in range(41)])
    points = state(game)["drawing"]
    assert len(points) >= 30 and points[0] == pytest.approx([-0.8, 0.0], abs=0.02)
    game.locator(f"{BOARD} canvas").focus()
    for key in ("ArrowUp", "ArrowUp", "Space"):
        game.keyboard.press(key)
    settle(game)
    assert state(game)["drawing"] == [*points, [0, 0.1]]
    game.keyboard.press("Backspace")
    settle(game)
    assert state(game)["drawing"] == points
    step(game, "Both")
    real = game.evaluate(f"() => {STORE}.view['game-board'].real")
    assert all(
        min(math.dist((x / 1000, y / 1000), p) for p in points) < 0.12
        for x, y in zip(real[::2], real[1::2], strict=True)
    )
    assert "drawing" in game.evaluate(f"() => {STORE}.leftOut")


def test_a_presenters_keys(game):
    """In presenter mode the arrows step and go back, and the space bar plays and pauses."""
    game.keyboard.press("p")
    for _ in range(2):
        game.keyboard.press("ArrowRight")
        settle(game)
    assert state(game)["played"] == "r2"
    game.keyboard.press("ArrowLeft")
    settle(game)
    assert state(game)["played"] == "r1"
    game.keyboard.press("Space")
    game.wait_for_function(f"() => {STORE}.state.running", timeout=20_000)
    game.keyboard.press("Space")
    game.wait_for_function(f"() => !{STORE}.state.running", timeout=20_000)


def test_it_fits_a_phone(phone, app_server, open_tab):
    """The board takes the width of a phone, and nothing sticks out."""
    open_tab(phone, f"{app_server}/?tab=gan&part=game&played=r5")
    settle(phone)
    assert phone.locator(f"{BOARD} canvas").bounding_box()["width"] >= 330
    fits_phone(phone)
    phone.locator(BOARD).get_by_role("button", name="Step G", exact=True).tap()
    settle(phone)
    assert state(phone)["played"] == "r5.g1"
