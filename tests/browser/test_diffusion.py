"""The run of the diffusion tab as a visitor meets it, in Chromium with nothing but the loopback reachable."""

import pytest

from demos import diffusion as tab
from tests.browser.driving import STORE, fits, settle, state, view

STRIP = "#diffusion-run-strip"
FRAMES = f"() => {STORE}.view['run-strip']?.append ? 'coming' : {STORE}.view['run-strip']?.atlas ? 'whole' : ''"


def finished(page) -> None:
    """Wait until the run has come to its end and everything rests."""
    page.wait_for_function(f"() => ({FRAMES})() === 'whole'", timeout=120_000)
    page.locator("#diffusion-rail").get_by_role("button", name="Denoise").wait_for(timeout=120_000)
    settle(page)


def open_run(page, open_tab, server: str, query: str = "") -> None:
    open_tab(page, f"{server}/?tab=diffusion&steps=8{query}")
    finished(page)


@pytest.fixture
def run(page, app_server, open_tab):
    """The part with a short run, at its end."""
    open_run(page, open_tab, app_server)
    return page


def test_part_1_the_first_view_is_one_screen_with_four_panes(run):
    boxes = [run.locator(f"{STRIP} .pane canvas").nth(k).bounding_box() for k in range(4)]
    assert min(box["width"] for box in boxes) >= 300 and len({box["y"] for box in boxes}) == 1
    fits(run)
    under = run.locator("#diffusion-run-alpha").bounding_box()
    strip = run.locator(f"{STRIP} .pg-strip").bounding_box()
    assert strip["y"] + strip["height"] <= under["y"] + 1
    assert "8 steps · 16 network calls" in run.locator("#diffusion-rail").inner_text()
    assert "computed live on this machine" in run.locator("#diffusion-rail").inner_text()


def test_part_1_the_same_run_streams_in_again(run):
    before = view(run, "run-strip")["atlas"]
    run.evaluate(
        """() => {
            window.came = [];
            playground.on("change", (store) => {
                const part = store.view["run-strip"]?.append;
                if (part && window.came.at(-1) !== part) window.came.push(part);
            });
        }"""
    )
    run.get_by_role("button", name="Denoise").click()
    run.wait_for_function("() => window.came.length > 0", timeout=60_000)
    finished(run)
    came = run.evaluate("() => window.came.map(({ index, count, of }) => [index, count, of])")
    assert len(came) >= 2 and came[0][0] == 0 and {of for *_, of in came} == {9}
    assert view(run, "run-strip")["atlas"] == before
    assert run.evaluate(f"() => Number(document.querySelector('{STRIP} input').value)") == 8


def test_part_1_scrubbing_asks_nobody_and_the_curves_follow(run):
    calls = []
    run.on("request", lambda request: calls.append(request.url) if "component_server" in request.url else None)
    box = run.locator(f"{STRIP} input[type=range]").bounding_box()
    y = box["y"] + box["height"] / 2
    legend = run.locator("#diffusion-run-alpha .legend").inner_text()
    run.mouse.move(box["x"] + box["width"] - 12, y)
    run.mouse.down()
    for i in range(1, 31):
        run.mouse.move(box["x"] + (box["width"] - 12) * (1 - i / 60), y)
    run.wait_for_timeout(100)
    moved, asked = run.locator("#diffusion-run-alpha .legend").inner_text(), len(calls)
    words = run.locator(f"{STRIP} .now").inner_text()
    run.mouse.up()
    settle(run)
    assert asked == 0 and moved != legend
    assert words.startswith("step 5 of 8 · t = ") and state(run)["frame"] == 4
    assert (
        "Step 5 of 8" in run.locator("#tab-diffusion .stage-band").inner_text()
        or "STEP 5 OF 8" in run.locator("#tab-diffusion .stage-band").inner_text()
    )
    run.keyboard.press("ArrowRight")
    settle(run)
    assert state(run)["frame"] == 5


def test_part_1_a_click_enlarges_a_pane_and_space_plays(run):
    run.locator(f"{STRIP} .pane canvas").nth(1).click()
    assert run.locator(f"{STRIP} .pg-strip.zoomed").count() == 1
    run.keyboard.press("Escape")
    assert run.locator(f"{STRIP} .pg-strip.zoomed").count() == 0
    run.evaluate("() => document.activeElement.blur()")
    run.keyboard.press("p")
    run.keyboard.press(" ")
    run.wait_for_function(f"() => Number(document.querySelector('{STRIP} input').value) < 8")
    run.wait_for_function(f"() => Number(document.querySelector('{STRIP} input').value) === 8", timeout=20_000)


def test_part_1_stop_stops_and_go_on_goes_on(run):
    run.evaluate(f"() => {STORE}.dispatch({{name: 'steps', value: 100}})")
    run.wait_for_function(f"() => {STORE}.view['run-strip'].append?.of === 101", timeout=60_000)
    run.get_by_role("button", name="Stop").click()
    run.get_by_role("button", name="Go on").wait_for(timeout=30_000)
    settle(run)
    assert state(run)["run_seen"].endswith(":stopped")
    assert "Stopped after" in run.locator("#diffusion-rail").inner_text()
    there = view(run, "run-strip")["append"]["count"]
    assert 0 < there < 101
    run.get_by_role("button", name="Go on").click()
    run.get_by_role("button", name="Stop").wait_for(timeout=30_000)
    run.evaluate(f"() => {STORE}.dispatch({{name: 'steps', value: 8}})")
    finished(run)
    assert view(run, "run-strip")["count"] == 9


def test_part_1_another_prompt_is_another_run_and_the_link_restores_it(run, app_server, open_tab):
    first = view(run, "run-strip")
    field = run.locator("#diffusion-rail textarea")
    field.fill("smiling")
    field.press("Enter")
    run.wait_for_function(f"(old) => {STORE}.view['run-strip'].run !== old", arg=first["run"], timeout=60_000)
    finished(run)
    second, left = view(run, "run-strip"), state(run)
    assert left["prompt"] == "smiling" and second["atlas"] != first["atlas"]
    query = run.evaluate("() => location.search")
    run.evaluate(f"() => {STORE}.undo()")
    run.wait_for_function(f"(old) => {STORE}.view['run-strip'].run === old", arg=first["run"], timeout=60_000)
    finished(run)
    assert state(run)["prompt"] == tab.SCHEMA.defaults()["prompt"]
    assert view(run, "run-strip")["atlas"] == first["atlas"]
    open_tab(run, f"{app_server}/{query}")
    finished(run)
    assert state(run) == left and view(run, "run-strip")["atlas"] == second["atlas"]
