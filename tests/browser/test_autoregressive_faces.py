"""The part "Faces" in Chromium, with a small model: drawing, scrubbing, another road, a half completed, sixteen."""

import numpy as np
import pytest

from tests.browser.driving import (
    STOPPED,
    STORE,
    accessible,
    fits_phone,
    opener,
    over_when,
    png,
    settle,
    small,
    state,
    view,
)
from tests.demos.small_tokens import LAYOUT, TAB, tiny

BOARD = "#autoregressive-faces-board"
over = over_when(STOPPED)
opened = opener("autoregressive", over)
address = small(TAB, LAYOUT, image_tokens=tiny)


@pytest.fixture
def part(page, address, open_tab):
    """The part's first view, its face drawn."""
    page.set_default_timeout(60_000)
    return opened(page, open_tab, address)


def at(page, text: str) -> None:
    """Wait until the board stands at these words."""
    page.wait_for_function(f"(text) => document.querySelector('{BOARD} .now').textContent.includes(text)", arg=text)


def test_a_face_is_scrubbed_without_the_server_and_goes_another_way(part):
    at(part, "patch 35 of 64 · rough stroke")
    assert part.locator(f"{BOARD} .places .open").count() == 29
    sizes = part.eval_on_selector_all(f"{BOARD} .box canvas", "(all) => all.map((c) => c.offsetWidth)")
    assert sizes[0] >= 500
    assert part.evaluate("() => document.documentElement.scrollHeight <= innerHeight")
    asked = []
    part.on("request", lambda request: asked.append(request.url))
    slider = part.locator(f"{BOARD} input[type=range]")
    slider.focus()
    part.keyboard.down("ArrowRight")
    at(part, "patch 35 of 64 · fine stroke")
    assert asked == []
    part.keyboard.up("ArrowRight")
    settle(part)
    assert state(part)["faces_frame"] == 69 and "column 3), fine stroke" in part.locator(".stage-band").inner_text()
    before = view(part, "faces-board")["strokes"]["items"]
    other = part.locator(f"{BOARD} .tile:not([hidden])[aria-pressed=false]").first
    other.click()
    over(part)
    picked = state(part)["faces_picks"]
    assert len(picked) == 1 and picked[0][0] == 69 and picked[0][1] != before[69]["chosen"]
    items = view(part, "faces-board")["strokes"]["items"]
    assert [item["chosen"] for item in items[:69]] == [item["chosen"] for item in before[:69]]
    assert items[69]["chosen"] == picked[0][1] and items[69]["dart"] is None
    assert [item["dart"] for item in items[70:]] == [item["dart"] for item in before[70:]]
    assert "1 choice of yours" in part.locator("#autoregressive-rail").inner_text()
    assert f"faces_picks=69.{picked[0][1]}" in part.evaluate(f"() => {STORE}.query")
    part.keyboard.press("Control+z")
    over(part)
    assert state(part)["faces_picks"] == [] and state(part)["faces_frame"] == 69


def test_a_half_is_completed_and_sixteen_fill_together(part):
    part.locator("#autoregressive-rail").get_by_role("radio", name="Lower half").check()
    over(part)
    assert not part.locator(BOARD).is_visible()
    assert view(part, "faces-strip")["count"] == 33
    part.locator("#autoregressive-faces-input input[type=file]").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": png(np.full((64, 64, 3), 90, np.uint8))}
    )
    over(part)
    assert state(part)["picture"] and "Your picture" in part.locator(".stage-band").inner_text()
    assert "picture" not in part.evaluate(f"() => {STORE}.query")
    part.locator("#autoregressive-rail").get_by_role("radio", name="Sixteen").check()
    over(part)
    assert not part.locator("#autoregressive-faces-input").is_visible()
    assert part.locator("#autoregressive-faces-strip canvas").first.bounding_box()["width"] >= 400
    assert view(part, "faces-strip")["captions"][-1] == "64 of 64 patches"
    seed = state(part)["seed"]
    box = part.locator("#autoregressive-faces-strip canvas").first.bounding_box()
    part.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"])  # the third of the second row
    part.wait_for_function(f"() => {STORE}.state.faces_view === 'one'")
    over(part)
    assert state(part)["seed"] == seed + 6
    assert part.locator(BOARD).is_visible() and not part.locator("#autoregressive-faces-strip").is_visible()


def test_nothing_is_too_wide_for_a_phone(phone, address, open_tab):
    opened(phone, open_tab, address)
    fits_phone(phone)
    assert phone.locator(f"{BOARD} .box canvas").bounding_box()["width"] >= 250


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_accessibility(page, address, open_tab, theme):
    opened(page, open_tab, address, f"__theme={theme}")
    accessible(page)
