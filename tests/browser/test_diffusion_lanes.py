"""Parts "Lanes" and "Seeds" of the diffusion tab in Chromium, as a visitor uses them; the network is a small one."""

from urllib.parse import quote

import pytest

from demos.diffusion_parts import lanes, seeds
from tests.browser.driving import COMPUTED, fits, fits_phone, opener, over_when, served, settle, state, stroke, view
from tests.demos.diffusion_page import Page

RAIL = "#diffusion-rail"
STRIP = "#diffusion-lanes-strip"
OWN = f"lanes_preset=own&lanes_own={quote('ddim:6:0:3;heun:3::3;euler:4::1')}"
LONG = f"lanes_preset=own&lanes_own={quote('ddim:30:0:3;heun:15::3;euler:20::1')}"
over = over_when(COMPUTED)
opened = opener("diffusion", over)


@pytest.fixture(scope="module")
def address(module_patch):
    """The two parts on the loopback; every call of the network takes a moment, so that a run can be seen."""
    small = Page(module_patch, lanes, seeds)
    small.slow(0.1)
    with served(small.tab, small.layout) as url:
        yield url


def test_lanes_stream_in_and_scrub_together(page, address, open_tab):
    opened(page, open_tab, address, f"part=lanes&{LONG}")
    fits(page)
    boxes = [page.locator(f"{STRIP} .pane canvas").nth(k).bounding_box() for k in range(3)]
    assert min(box["width"] for box in boxes) >= 300
    assert view(page, "lanes-strip")["lengths"] == [31, 16, 21]
    assert "60 calls" in page.locator(f"{STRIP} .note").first.inner_text().replace("\u00a0", " ")
    # another seed: frames are appended while it is computed, then all is there
    page.evaluate(
        "() => { window.came = []; playground.on('change', (one) => came.push('append' in one.view['lanes-strip'])); }"
    )
    page.locator(f"{RAIL} .dice").click()
    over(page)
    came = page.evaluate("() => window.came")
    assert True in came and came[-1] is False
    slider = page.locator(f"{STRIP} input[type=range]")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    settle(page)
    notes = [page.locator(f"{STRIP} .note").nth(k).inner_text() for k in range(3)]
    assert notes[0].startswith("step 27 of 30") and notes[1].startswith("step 14 of 15")
    assert state(page)["lanes_at"] == 0.9


def test_a_lane_is_edited_and_the_link_opens_it(page, address, open_tab, watched):
    opened(page, open_tab, address, f"part=lanes&{OWN}")
    page.locator(f"{RAIL} summary").click()
    page.locator(f"{RAIL} .drawer").get_by_role("button", name="remove").nth(2).click()
    over(page)
    assert state(page)["lanes_own"] == "ddim:6:0:3;heun:3::3"
    assert page.locator(f"{STRIP} .pane").count() == 2
    query = page.evaluate("() => location.search")
    other = opened(watched(viewport={"width": 1280, "height": 800}).new_page(), open_tab, address, query[1:])
    assert state(other) == state(page)
    assert view(other, "lanes-strip")["atlas"] == view(page, "lanes-strip")["atlas"]


def test_stop_and_go_on(page, address, open_tab):
    open_tab(page, f"{address}/?tab=diffusion&part=lanes&lanes_preset=own&lanes_own={quote('ddim:100:0:3')}&seed=3")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Go on").wait_for()
    assert view(page, "see").startswith("Stopped")
    page.get_by_role("button", name="Go on").click()
    over(page)
    assert view(page, "lanes-strip")["lengths"] == [101]


def test_seeds_blend_poke_and_wish(page, address, open_tab):
    opened(page, open_tab, address, "part=seeds")
    fits(page)
    assert view(page, "seeds-sheet")["rows"] == 2 and not page.locator("#diffusion-seeds-noise").is_visible()
    page.locator(RAIL).get_by_text("Straight line, too (lerp)").click()
    over(page)
    assert view(page, "seeds-sheet")["rows"] == 3 and "lerp" in page.locator("#tab-diffusion .stage-band").inner_text()
    fits(page)
    page.locator(RAIL).get_by_role("radio", name="Poke").check()
    over(page)
    pad = page.locator("#diffusion-seeds-noise .surface")
    assert pad.is_visible()
    before = view(page, "seeds-sheet")["image"]
    box = pad.bounding_box()
    ends = [(0.3, 0.3), (0.75, 0.6)]
    stroke(page, [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in ends], steps=5)
    over(page)
    assert (state(page)["poke_x"], state(page)["poke_y"]) == pytest.approx((0.75, 0.6), abs=0.01)
    assert view(page, "seeds-sheet")["image"] != before
    fits(page)
    page.locator(RAIL).get_by_role("radio", name="Attribute").check()
    over(page)
    assert len(view(page, "seeds-sheet")["notes"]) == 8 and not pad.is_visible()
    assert "read back as asked" in page.locator("#tab-diffusion .stage-band").inner_text()


@pytest.mark.parametrize("query", [f"part=lanes&{OWN}", "part=seeds&seeds_lerp=1", "part=seeds&seeds_mode=poke"])
def test_they_fit_a_phone(phone, address, open_tab, query):
    opened(phone, open_tab, address, query)
    fits_phone(phone)
