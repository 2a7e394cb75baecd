"""The diffusion tab with its shipped networks in Chromium: every part fits, and those under "More" do what they say.

The run, lanes, seeds and "Your picture" have test modules of their own.
"""

import pytest

from demos import diffusion as tab
from tests.browser.driving import (
    COMPUTED,
    STORE,
    accessibility,
    go_to,
    one_screen,
    opener,
    over_when,
    phone_width,
    settle,
    state,
    stroke,
    view,
)

RAIL = "#diffusion-rail"
QUICK = "steps=4"
FIELD = "#diffusion-points-field"
over = over_when(COMPUTED)
opened = opener("diffusion", over)

test_every_part_fits_one_screen = one_screen(tab)
test_accessibility = accessibility(tab, ["run", "lanes", "picture", "points"])
test_phone = phone_width(tab)


@pytest.fixture
def diffusion(page, app_server, open_tab):
    """The tab with short runs, its first one over."""
    return opened(page, open_tab, app_server, QUICK)


def band(page) -> str:
    """What the three cells under the stage say."""
    return page.locator("#tab-diffusion .stage-band").inner_text()


def test_part_3_the_sweep_of_guidance(diffusion):
    """Five pictures of one noise; a click on one shows its steps, and the strip is scrubbed alone."""
    go_to(diffusion, tab, "guidance")
    over(diffusion)
    sheet = view(diffusion, "guidance-sheet")
    assert sheet["col_labels"][0].startswith("w = 0") and len(sheet["notes"]) == 5
    box = diffusion.locator("#diffusion-guidance-sheet canvas").bounding_box()
    diffusion.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.5)
    over(diffusion)
    assert state(diffusion)["guidance"] == 20
    assert view(diffusion, "guidance-strip")["source"].startswith("w = 20")
    before = view(diffusion, "guidance-strip")["atlas"]
    strip = diffusion.locator("#diffusion-guidance-strip input[type=range]")
    strip.focus()
    strip.press("Home")
    over(diffusion)
    assert state(diffusion)["guidance_frame"] == 0 and view(diffusion, "guidance-strip")["atlas"] == before
    assert "step 1 of 4" in band(diffusion).lower()


def test_part_6_when_it_decides(diffusion):
    """A bar for every attribute; scrubbing moves the marker in both curves and asks for nothing on the way."""
    go_to(diffusion, tab, "decides")
    over(diffusion)
    assert len(view(diffusion, "decides-when")["items"]) >= 6
    assert view(diffusion, "decides-strip")["count"] == 5
    legend = diffusion.locator("#diffusion-decides-shape .legend").inner_text()
    strip = diffusion.locator("#diffusion-decides-strip input[type=range]")
    strip.focus()
    strip.press("Home")
    over(diffusion)
    assert state(diffusion)["frame"] == 0
    assert diffusion.locator("#diffusion-decides-shape .legend").inner_text() != legend


def test_part_8_points_are_learnt_walked_and_drawn(diffusion):
    """Learning is watched and paused, the walk is scrubbed from noise to data, and a drawing is learnt like a shape."""
    go_to(diffusion, tab, "points")
    diffusion.locator(RAIL).get_by_role("button", name="Watch it learn").click()
    diffusion.wait_for_function(f"() => {STORE}.state.running && {STORE}.state.points_learnt >= 60", timeout=60_000)
    diffusion.locator(RAIL).get_by_role("button", name="Pause").click()
    settle(diffusion)
    learnt = state(diffusion)["points_learnt"]
    assert 60 <= learnt < 2000 and not state(diffusion)["running"]
    slider = diffusion.locator(f"{FIELD} input[type=range]")
    slider.focus()
    slider.press("Home")
    settle(diffusion)
    assert state(diffusion)["points_t"] == 999
    diffusion.locator(RAIL).get_by_role("radio", name="Score").check()
    settle(diffusion)
    assert view(diffusion, "points-field")["field"]
    diffusion.locator(f"{RAIL} select").first.select_option(label="Draw your own")
    settle(diffusion)
    box = diffusion.locator(f"{FIELD} canvas").first.bounding_box()
    middle, reach = box["x"] + box["width"] / 2, min(box["width"], box["height"]) / 4
    stroke(diffusion, [(x, box["y"] + box["height"] / 2) for x in (middle - reach, middle + reach)], steps=12)
    diffusion.wait_for_function(f"() => {STORE}.state.points_learnt > 0", timeout=60_000)
    assert len(state(diffusion)["points_drawing"]) >= 10
    diffusion.locator(RAIL).get_by_role("button", name="Pause").click()
    settle(diffusion)
    assert "points_drawing" in diffusion.evaluate(f"() => {STORE}.leftOut")


def test_part_8_play_walks_from_noise_to_data(diffusion):
    """Play moves the particles in the browser alone, a second press stops them, and where they rest is in the state."""
    go_to(diffusion, tab, "points")
    over(diffusion)
    slider = diffusion.locator(f"{FIELD} input[type=range]")
    slider.focus()
    slider.press("Home")
    settle(diffusion)
    play = diffusion.locator(f"{FIELD} .deck button")
    play.click()
    diffusion.wait_for_function(f"() => Number(document.querySelector('{FIELD} input[type=range]').value) > 0")
    paints = diffusion.evaluate("() => playground.paints['diffusion-points-field'].length")
    diffusion.wait_for_function(f"() => playground.paints['diffusion-points-field'].length > {paints} + 3")
    play.click()
    settle(diffusion)
    rested = slider.input_value()
    assert int(rested) > 0 and state(diffusion)["points_t"] < 999
    diffusion.wait_for_timeout(300)
    assert slider.input_value() == rested, "it stopped"


def test_part_9_the_training_is_scrubbed_from_the_keyboard(diffusion):
    go_to(diffusion, tab, "learn")
    last = state(diffusion)["moment"]
    curve = diffusion.locator("#diffusion-learn-curve").inner_text()
    diffusion.mouse.click(5, 500)
    diffusion.keyboard.press("p")
    for _ in range(3):
        diffusion.keyboard.press("ArrowLeft")
    settle(diffusion)
    shown = view(diffusion, "learn-strip")
    assert state(diffusion)["moment"] == min(last, shown["count"] - 1) - 3
    assert diffusion.locator("#diffusion-learn-curve").inner_text() != curve


def test_part_10_a_failure_leads_to_the_run_that_fails(diffusion):
    go_to(diffusion, tab, "wrong")
    over(diffusion)
    notes = view(diffusion, "wrong-sheet")["notes"]
    box = diffusion.locator("#diffusion-wrong-sheet canvas").bounding_box()
    assert len(notes) >= 2 and box["width"] >= 600
    diffusion.mouse.click(box["x"] + 40, box["y"] + box["height"] / 2)
    over(diffusion)
    assert state(diffusion)["part"] == "run" and state(diffusion)["steps"] < 4


def test_part_10_pin_compare_and_undo(diffusion):
    """A is the pinned run, B another; one undo after a finished run goes back to what was before it."""
    diffusion.get_by_role("button", name="Pin A").click()
    over(diffusion)
    seed = state(diffusion)["seed"]
    diffusion.evaluate(f"() => {STORE}.dispatch({{name: 'seed', value: {seed + 1}}})")
    over(diffusion)
    assert diffusion.locator("#tab-diffusion .stage-compare").locator("img, canvas").count() >= 3
    diffusion.keyboard.press("Control+z")
    over(diffusion)
    assert state(diffusion)["seed"] == seed


def test_part_10_stories_run_from_the_keyboard(diffusion):
    """Begin, next, reveal, next: every chapter opens its own state and ends in a view that says something."""
    diffusion.keyboard.press("p")
    seen = []
    for _ in range(4):
        diffusion.keyboard.press("n")
        over(diffusion)
        seen.append(diffusion.evaluate(f"() => {STORE}.state.frame"))
        assert view(diffusion, "see")
    assert seen == [17, 0, 12, 12]


def test_a_second_visitor_does_not_move_the_first(diffusion, app_server, watched, open_tab):
    before = state(diffusion)
    other = watched(viewport={"width": 1280, "height": 800}).new_page()
    opened(other, open_tab, app_server, f"{QUICK}&seed=11&prompt=smiling")
    assert state(other)["seed"] == 11 and state(diffusion) == before
