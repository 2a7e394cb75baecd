"""The stage in Chromium, shown by a toy tab: link, keys, undo, compare, stories, export, themes, phone, failures."""

import base64
import io
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from benchmarks.serving import ROOT, serving
from tests.demos import toy as toy_tab

HERO = "#toy-hero canvas"
STATE = "() => playground.current().state"
SERVER = re.compile("/component_server")
LINKED = "() => playground.current().query"


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """The address of the toy app: `toy` and `toy2`."""
    with serving(["tests/demos/toy.py"], tmp_path_factory.mktemp("toy")) as url:
        yield url


@pytest.fixture
def stage(page, toy, open_tab):
    """The toy's first view in the dark at 1920x1080."""
    return open_tab(page, f"{toy}/?__theme=dark")


def settled(page) -> dict:
    """The state once nothing is under way."""
    page.wait_for_function("() => !playground.current().busy && playground.current().answers > 0")
    return page.evaluate(STATE)


def act(page, name: str, value=None) -> dict:
    """The state after an action."""
    page.evaluate("([name, value]) => playground.current().dispatch({name, value})", [name, value])
    return settled(page)


def words(page) -> str:
    """The messages shown now."""
    return page.locator("#stage-notices").inner_text() if page.locator("#stage-notices").count() else ""


def presenting(page) -> bool:
    """Whether presenter mode is on."""
    return page.evaluate("() => document.body.classList.contains('presenting')")


def drift(state: dict) -> list:
    """The frames of the toy's run."""
    sys.path.insert(0, str(ROOT / "tests" / "demos"))
    import toy

    return toy.run(state)


def overflow(page) -> list[int]:
    """How far the page is wider and higher than its window."""
    return page.evaluate(
        """() => {
            const root = document.documentElement;
            return [root.scrollWidth - innerWidth, root.scrollHeight - innerHeight];
        }"""
    )


# ---- first view


def test_the_first_view_fills_one_screen(stage):
    assert overflow(stage) == [0, 0]
    box = stage.locator(HERO).bounding_box()
    assert box["width"] >= 600 and abs(box["width"] - box["height"]) <= 1
    band = stage.locator("#tab-toy .stage-band").bounding_box()
    assert box["y"] + box["height"] < band["y"] and band["y"] + band["height"] <= 1080
    assert stage.locator(".stage-bar").bounding_box()["height"] == 64
    assert stage.locator("#tab-toy .stage-rail").bounding_box()["width"] == 340
    assert "Two waves cross" in stage.locator("#tab-toy .see").inner_text()
    assert stage.locator("#tab-toy .formula b").all_inner_texts() == ["3", "0", "0.35"]
    assert not stage.locator("footer").is_visible()
    assert "Inter" in stage.evaluate("() => getComputedStyle(document.querySelector('.see')).fontFamily")
    assert stage.evaluate("() => document.fonts.check('16px Inter')")


def test_a_control_changes_state_picture_and_address(stage):
    before = stage.evaluate(f"() => document.querySelector('{HERO}').toDataURL()")
    stage.get_by_role("slider", name="Tilt").focus()
    stage.keyboard.press("ArrowRight")
    stage.wait_for_function("() => location.search.includes('tilt=0.05')")
    assert settled(stage)["tilt"] == 0.05
    assert stage.evaluate(f"() => document.querySelector('{HERO}').toDataURL()") != before
    assert stage.locator("#tab-toy .formula b").all_inner_texts()[1] == "0.05"


def test_the_last_position_of_a_drag_is_never_lost(stage):
    stage.evaluate(
        """() => {
            const store = playground.current();
            for (let i = 1; i <= 50; i++) store.dispatch({name: "tilt", value: i / 20}, {live: true});
        }"""
    )
    assert settled(stage)["tilt"] == 2.5
    assert stage.evaluate("() => playground.current().view.see").startswith("Two waves")
    answers = stage.evaluate("() => playground.current().answers")
    assert answers <= 5  # the first view, one or two live ones, one settled


# ---- link


def test_a_link_restores_the_state_exactly(stage, toy, open_tab, watched):
    for name, value in [
        ("tilt", -1.25),
        ("mirror", True),
        ("note", "a & b=ü"),
        ("code", [1, -4, 0.5, 0]),
        ("part", "drift"),
    ]:
        act(stage, name, value)
    state = act(stage, "data", "portraits")
    stage.wait_for_function("() => location.search.includes('data=portraits')")
    again = open_tab(watched(viewport={"width": 1920, "height": 1080}).new_page(), stage.url)
    assert again.evaluate(STATE) == state
    assert again.evaluate(LINKED) == stage.evaluate(LINKED)
    assert again.locator("#tab-toy").get_attribute("data-part") == "drift"
    assert again.locator("#toy-strip").is_visible() and not again.locator("#toy-hero").is_visible()


def test_what_a_link_may_not_say_is_dropped_visibly(page, toy, open_tab):
    open_tab(page, f"{toy}/?v=1&tab=toy&tilt=99&waves=5&x=%3Cimg%20src%3Dx%3E")
    assert page.evaluate(STATE)["waves"] == 5 and page.evaluate(STATE)["tilt"] == 0
    assert "tilt is a number from -3 to 3" in words(page)
    assert "<img src=x>" not in words(page).replace("“x”", "") and page.locator("#stage-notices img").count() == 0


def test_an_unknown_tab_is_said(page, toy, open_tab):
    open_tab(page, f"{toy}/?v=1&tab=<b>cat</b>&tilt=2")
    assert "<b>cat</b>" in words(page)
    assert page.evaluate("() => playground.current().name") == "toy"
    assert page.evaluate(STATE)["tilt"] == 0


def test_copy_link(stage, watched, toy, open_tab):
    act(stage, "tilt", 1.5)
    stage.context.grant_permissions(["clipboard-read", "clipboard-write"])
    stage.get_by_role("button", name="Copy link").click()
    stage.wait_for_function("() => document.querySelector('#stage-notices')?.textContent.includes('Link copied')")
    copied = stage.evaluate("() => navigator.clipboard.readText()")
    assert copied == f"{toy}/?v=1&tab=toy&tilt=1.5"
    assert open_tab(watched().new_page(), copied).evaluate(STATE)["tilt"] == 1.5


def test_copy_link_without_a_clipboard_says_what_is_left_out(page, toy, open_tab):
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    open_tab(page, toy)
    state = act(page, "upload", "data:image/png;base64,AAAA")
    assert state["hidden"] == ["code"]
    page.get_by_role("button", name="Copy link").click()
    field = page.locator("#stage-dialog textarea")
    field.wait_for()
    assert field.input_value() == f"{toy}/?v=1&tab=toy"
    assert page.evaluate("() => { const f = document.activeElement; return f.selectionEnd - f.selectionStart; }") > 20
    assert "left out" in words(page)


def test_a_space_is_told_the_link(watched, toy):
    context = watched(viewport={"width": 1400, "height": 900})
    told = []
    context.context.unroute_all()
    context.context.grant_permissions(["local-network-access"], origin="https://huggingface.co")
    body = f"<iframe src='{toy}/?tab=toy' style='width:1300px;height:800px'></iframe><script>"
    body += "addEventListener('message', (e) => e.data.queryString && tell(JSON.stringify(e.data)))</script>"
    context.context.route(
        re.compile("^https://huggingface.co/"), lambda route: route.fulfill(body=body, content_type="text/html")
    )
    page = context.new_page()
    page.expose_function("tell", lambda text: told.append(json.loads(text)))
    page.goto("https://huggingface.co/spaces/somebody/playground")
    frame = page.frames[1]
    frame.wait_for_function("() => window.playground?.current?.()?.answers > 0", timeout=60_000)
    frame.evaluate("() => playground.current().dispatch({name: 'tilt', value: 2})")
    page.wait_for_timeout(100)
    frame.wait_for_function("() => location.search.includes('tilt=2')")
    page.wait_for_timeout(200)
    assert told[-1] == {"queryString": "v=1&tab=toy&tilt=2", "hash": ""}
    page.problems[:] = [problem for problem in page.problems if "request: https://huggingface.co" not in problem]


# ---- undo, compare, parts, tabs


def test_undo_and_redo(stage):
    states = [stage.evaluate(STATE)] + [act(stage, "tilt", tilt) for tilt in (0.5, 1, 1.5)]
    for state in states[-2::-1]:
        stage.keyboard.press("Control+z")
        assert settled(stage) == state
    assert stage.get_by_role("button", name="Undo").is_disabled()
    stage.keyboard.press("Control+Shift+Z")
    assert settled(stage) == states[1]
    stage.get_by_role("button", name="Redo").click()
    assert settled(stage) == states[2]
    other = act(stage, "waves", 8)  # a new branch forgets the old one
    assert stage.get_by_role("button", name="Redo").is_disabled()
    stage.get_by_role("button", name="Undo").click()
    assert settled(stage) == states[2] != other


def test_a_drag_is_one_step_of_undo(stage):
    stage.evaluate(
        """async () => {
            for (const tilt of [0.5, 1, 1.5, 2]) {
                playground.current().dispatch({name: "tilt", value: tilt}, {live: true});
                await new Promise((done) => setTimeout(done, 40));
            }
        }"""
    )
    assert settled(stage)["tilt"] == 2
    stage.keyboard.press("Control+z")
    assert settled(stage)["tilt"] == 0


def test_pin_compares_and_travels_in_the_link(stage, toy, open_tab, watched):
    act(stage, "tilt", 2)
    stage.get_by_role("button", name="Pin A").click()
    act(stage, "hue", 0.8)
    pictures = stage.locator("#tab-toy .stage-compare img")
    assert pictures.count() == 3
    boxes = [pictures.nth(i).bounding_box() for i in range(3)]
    assert all(box["width"] >= 360 and abs(box["width"] - box["height"]) <= 1 for box in boxes)
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"] and boxes[2]["x"] + boxes[2]["width"] <= 1920
    assert not stage.locator("#toy-hero").is_visible()
    assert "hue" in stage.locator("#tab-toy .stage-compare p").inner_text()
    stage.wait_for_function("() => location.search.includes('pin=')")
    again = open_tab(watched(viewport={"width": 1920, "height": 1080}).new_page(), stage.url)
    assert again.evaluate(STATE) == stage.evaluate(STATE)
    assert again.locator("#tab-toy .stage-compare img").first.is_visible()
    stage.locator("#tab-toy .stage-compare").get_by_role("button", name="Unpin").click()
    assert settled(stage)["pin"] == ""
    assert stage.locator("#toy-hero").is_visible() and not pictures.first.is_visible()


def test_parts(stage):
    stage.locator(".stage-parts").first.get_by_role("button", name="Drift").click()
    assert settled(stage)["part"] == "drift"
    assert stage.locator("#toy-strip").is_visible()
    assert overflow(stage) == [0, 0]
    more = stage.locator("#tab-toy .stage-parts").get_by_role("button", name="More")
    more.click()
    stage.get_by_role("menuitemradio", name="Plain").click()
    assert settled(stage)["part"] == "plain"
    assert stage.locator("#tab-toy .stage-parts").get_by_role("button", name="Plain").is_visible()


def test_tabs_open_when_first_seen_and_share_data_and_seed(stage):
    assert stage.evaluate("() => playground.tab('toy2').answers") == 0
    act(stage, "seed", 99)
    act(stage, "data", "portraits")
    accent = "() => getComputedStyle(document.querySelector('.stage-parts')).getPropertyValue('--pg-accent')"
    before = stage.evaluate(accent)
    stage.get_by_role("tab", name="Second").click()
    stage.wait_for_function("() => playground.current().name === 'toy2' && playground.current().answers > 0")
    state = settled(stage)
    assert (state["seed"], state["data"]) == (99, "portraits")
    assert stage.locator("#tab-toy2").is_visible() and not stage.locator("#tab-toy").is_visible()
    assert stage.evaluate(accent) != before
    stage.wait_for_function("() => location.search.includes('tab=toy2')")
    act(stage, "seed", 5)
    stage.get_by_role("tab", name="Toy").click()
    assert settled(stage)["seed"] == 5
    stage.get_by_role("button", name="Toons").click()
    assert settled(stage)["data"] == "toons"
    stage.get_by_role("tab", name="Toy").focus()
    stage.keyboard.press("ArrowRight")
    assert settled(stage)["data"] == "toons"
    assert stage.evaluate("() => playground.current().name") == "toy2"


def test_a_link_to_a_tab_opens_that_tab_and_no_other(page, toy, open_tab):
    open_tab(page, f"{toy}/?v=1&tab=toy2&waves=7")
    assert page.evaluate(STATE)["waves"] == 7
    assert page.locator("#tab-toy2").is_visible()
    assert page.evaluate("() => playground.tab('toy').answers") == 0


# ---- runs: actions that the page sends by itself

REQUESTS = """() => {
    window.sent = [];
    const fetched = window.fetch;
    window.fetch = (address, options) => {
        if (String(address).includes("component_server")) {
            const { data, fn_name: name } = JSON.parse(options.body);
            const [names, times] = [(data.actions ?? []).map((action) => action.name), performance.now()];
            sent.push({ name, names, times, live: data.live, follow: data.follow, running: data.state?.running });
        }
        return fetched(address, options);
    };
}"""
TICKS = "() => playground.current().state.ticks"


@pytest.fixture
def running(stage):
    """The toy's part "Plain" with a run on; `sent` lists the requests."""
    act(stage, "part", "plain")
    stage.evaluate(REQUESTS)
    act(stage, "play", True)
    stage.wait_for_function("() => playground.current().state.ticks > 3")
    return stage


def stands(page) -> int:
    """The ticks of a run that does not go on."""
    settled(page)
    before = page.evaluate(TICKS)
    page.wait_for_timeout(250)
    assert page.evaluate(TICKS) == before
    return before


def test_a_run_goes_on_by_itself_and_stops_at_once(running):
    running.wait_for_function("() => playground.current().state.ticks > 10")
    sent = running.evaluate("() => sent.filter((one) => one.name === 'step')")
    assert sent[0]["names"] == ["play"] and sent[0]["live"] is False
    # one action a request, live, each after the pause, and no settle call in between
    assert all(one["names"] == ["tick"] and one["live"] for one in sent[1:])
    assert all(late["times"] - early["times"] >= 20 for early, late in zip(sent, sent[1:], strict=False))
    state = act(running, "play", False)
    assert not state["running"] and stands(running) == state["ticks"]
    sent = running.evaluate("() => sent.flatMap((one) => one.names)")
    assert sent.count("tick") == state["ticks"], "none twice, none lost"
    act(running, "play", True)
    running.wait_for_function(f"() => playground.current().state.ticks > {state['ticks']}")


def test_what_a_visitor_does_comes_next_and_the_run_goes_on(running):
    before = running.evaluate("() => sent.length")
    state = act(running, "tilt", 1)
    assert state["tilt"] == 1
    running.wait_for_function(f"() => playground.current().state.ticks > {state['ticks']}")
    names = running.evaluate("(before) => sent.slice(before).flatMap((one) => one.names)", before)
    assert names.count("tilt") == 1 and names.index("tilt") <= 1
    # a dragging hand and the run take turns
    running.evaluate("() => { sent.length = 0; }")
    running.evaluate(
        """async () => {
            for (let i = 0; i < 40; i++) {
                playground.current().dispatch({name: "tilt", value: -i / 20}, {live: true});
                await new Promise(requestAnimationFrame);
            }
        }"""
    )
    names = running.evaluate("() => sent.filter((one) => one.live).flatMap((one) => one.names)")
    assert names.count("tick") >= 3 and names.count("tilt") >= 3
    running.wait_for_function("() => playground.current().state.tilt === -1.95")


def test_a_run_rests_while_it_cannot_be_seen(running):
    running.keyboard.press("p")
    running.keyboard.press("2")
    running.wait_for_function("() => playground.current().name === 'toy2' && playground.current().answers > 0")
    running.wait_for_timeout(200)
    ticks = "() => playground.tab('toy').state.ticks"
    before = running.evaluate(ticks)
    running.wait_for_timeout(250)
    assert running.evaluate(ticks) == before
    running.keyboard.press("1")
    running.wait_for_function(f"() => playground.current().state.ticks > {before + 2}")
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    running.evaluate(hide, True)
    running.wait_for_timeout(150)
    before = stands(running)
    running.evaluate(hide, False)
    running.wait_for_function(f"() => playground.current().state.ticks > {before + 2}")


def test_a_run_is_one_step_of_undo(running):
    running.wait_for_function("() => playground.current().state.ticks > 5")
    running.keyboard.press("Control+z")
    assert settled(running)["ticks"] == 0
    assert not running.evaluate(STATE)["running"] and stands(running) == 0
    act(running, "play", True)
    running.wait_for_function("() => playground.current().state.ticks > 5")
    stopped = act(running, "play", False)
    running.keyboard.press("Control+z")
    assert settled(running)["ticks"] == 0
    running.keyboard.press("Control+Shift+Z")
    assert settled(running) == stopped
    for part in ("plain", "waves"):
        running.keyboard.press("Control+z")
        assert settled(running)["part"] == part


def test_a_run_that_ends_by_itself_is_shown_in_full(stage):
    act(stage, "until", 6)
    stage.evaluate(REQUESTS)
    act(stage, "play", True)
    stage.wait_for_function("() => playground.current().state.ticks === 6 && !playground.current().busy")
    assert stage.evaluate("() => sent.at(-1).live") is False
    assert stage.evaluate("() => playground.current().view.asked") == "REST"
    assert stands(stage) == 6
    stage.keyboard.press("Control+z")
    assert settled(stage)["ticks"] == 0


def test_a_run_that_fails_stops_and_can_be_tried_again(running):
    running.context.route(SERVER, lambda route: route.abort())
    failed = running.locator("#tab-toy .stage-failed")
    failed.wait_for()
    before = running.evaluate("() => sent.length")
    running.wait_for_timeout(250)
    assert running.evaluate("() => sent.length") == before
    ticks = running.evaluate(TICKS)
    running.context.unroute(SERVER)
    failed.get_by_role("button", name="Try again").click()
    running.wait_for_function(f"() => playground.current().state.ticks > {ticks + 1}")
    running.problems[:] = [problem for problem in running.problems if "component_server" not in problem]


def test_a_run_that_is_refused_stops_and_says_why(running):
    act(running, "note", "stumble")
    running.wait_for_function("() => playground.current().state.running === false && !playground.current().busy")
    assert "The toy stumbled." in words(running)
    assert running.evaluate("() => playground.current().view.asked") == "REST"
    stands(running)


def test_the_sheets_follow_a_dragging_hand(stage):
    stage.evaluate(REQUESTS)
    stage.evaluate(
        """async () => {
            const end = performance.now() + 1500;
            for (let i = 0; performance.now() < end; i++) {
                playground.current().dispatch({name: "tilt", value: (i % 60) / 20}, {live: true});
                await new Promise(requestAnimationFrame);
            }
        }"""
    )
    settled(stage)
    sent = stage.evaluate("() => sent")
    follows = [one["times"] for one in sent if one["follow"]]
    assert not sent[0]["follow"] and sent[0]["live"], "the first thing that moves is the hero"
    assert 2 <= len(follows) <= 10
    assert min(late - early for early, late in zip(follows, follows[1:], strict=False)) >= 145
    assert not any(one["names"] for one in sent if one["follow"]), "the sheets only look; the hand's requests act"
    assert sent[-1]["live"] is False and not sent[-1]["follow"]
    assert stage.evaluate("() => playground.current().view.asked") == "REST"
    assert stage.evaluate("() => playground.current().view.meter.items[0].label") == "ticks"


def test_space_sends_the_action_of_the_part(stage):
    act(stage, "part", "plain")
    stage.keyboard.press(" ")
    assert not settled(stage)["running"]  # in presenter mode only
    stage.keyboard.press("p")
    stage.keyboard.press(" ")
    stage.wait_for_function("() => playground.current().state.ticks > 3")
    stage.keyboard.press(" ")
    stage.wait_for_function("() => !playground.current().state.running")
    before = stands(stage)
    stage.keyboard.press(" ")
    stage.wait_for_function(f"() => playground.current().state.ticks > {before}")
    # a part with a strip and no action of its own: the strip plays
    act(stage, "part", "drift")
    stage.evaluate("() => { const range = document.querySelector('#toy-strip input'); range.value = 0; }")
    stage.evaluate("() => document.activeElement.blur()")
    stage.keyboard.press(" ")
    stage.wait_for_function("() => document.querySelector('#toy-strip .play').getAttribute('aria-label') === 'Pause'")
    assert not settled(stage)["running"]


def test_curves_follow_the_strip_in_the_browser_alone(stage):
    act(stage, "part", "drift")
    stage.wait_for_function("() => playground.stats['toy-strip'] && playground.stats['toy-curves']")
    stage.wait_for_function("() => Number(document.querySelector('#toy-strip input').value) === 11")
    stage.wait_for_timeout(200)
    stage.evaluate(REQUESTS)
    measured = stage.evaluate(
        """async () => {
            const strip = document.querySelector("#toy-strip .thumbs");
            const area = strip.getBoundingClientRect();
            strip.setPointerCapture = () => {};
            const fire = (type, part) => strip.dispatchEvent(new PointerEvent(type, {
                bubbles: true, pointerId: 1, button: 0, isPrimary: true,
                clientX: area.left + area.width * part, clientY: area.top + area.height / 2,
            }));
            const number = document.querySelector("#toy-curves .series b");
            const frame = () => new Promise(requestAnimationFrame);
            fire("pointerdown", 0);
            await frame(), await frame();
            const [strips, before] = ["toy-strip", "toy-curves"].map((id) => ({...playground.stats[id]}));
            const told = new Set();
            for (let i = 0; i < 36; i++) {
                fire("pointermove", 0.5 - 0.5 * Math.cos(i / 5));
                await frame();
                told.add(number.textContent);
            }
            fire("pointermove", 4 / 11);
            await frame(), await frame();
            const asked = sent.length;
            const [drawn, after] = [playground.stats["toy-strip"].draws - strips.draws, playground.stats["toy-curves"]];
            const draws = after.draws - before.draws;
            return { asked, drawn, draws, ms: (after.ms - before.ms) / draws, told: told.size, at: number.textContent };
        }"""
    )
    print(measured)
    assert measured["asked"] == 0
    assert 20 <= measured["draws"] <= measured["drawn"] and measured["told"] > 6
    shades = [float(frame[0, 0].mean()) for frame in drift(stage.evaluate(STATE))]
    assert measured["at"] == f"{shades[4]:.0f}"
    stage.locator("#toy-strip input").press("ArrowRight")
    stage.wait_for_function("() => sent.length > 0 && !playground.current().busy")
    assert stage.locator("#toy-curves .series b").first.inner_text() == f"{shades[5]:.0f}"


# ---- presenter keys


def test_presenter_mode_and_its_keys(stage):
    size = "() => parseFloat(getComputedStyle(document.querySelector('#tab-toy .see')).fontSize)"
    before = stage.evaluate(size)
    for key in ("2", "a", "r", "n"):  # nothing yet: these work in presenter mode only
        stage.keyboard.press(key)
    assert settled(stage)["pin"] == "" and stage.evaluate("() => playground.current().name") == "toy"
    stage.keyboard.press("p")
    assert presenting(stage)
    assert stage.locator("#stage-legend").is_visible() and not stage.locator(".stage-bar").is_visible()
    assert stage.evaluate(size) >= 1.85 * before
    assert overflow(stage) == [0, 0]
    assert stage.locator(HERO).bounding_box()["width"] >= 360

    stage.keyboard.press("2")
    stage.wait_for_function("() => playground.current().name === 'toy2' && playground.current().answers > 0")
    stage.keyboard.press("1")
    assert stage.evaluate("() => playground.current().name") == "toy"
    settled(stage)
    act(stage, "tilt", 1)
    stage.keyboard.press("a")
    assert settled(stage)["pin"] == "?v=1&tab=toy&tilt=1"
    stage.keyboard.press("a")
    assert settled(stage)["pin"] == ""
    stage.keyboard.press("r")
    assert settled(stage)["tilt"] == 0
    stage.keyboard.press("Control+z")
    assert settled(stage)["tilt"] == 1
    stage.keyboard.press("Escape")
    assert not presenting(stage)
    stage.keyboard.press("P")
    assert presenting(stage)
    stage.keyboard.press("p")
    assert not presenting(stage)


def test_help_opens_anywhere_and_escape_closes_it(stage):
    stage.keyboard.press("?")
    dialog = stage.locator("#stage-dialog")
    assert dialog.is_visible() and "presenter mode" in dialog.inner_text()
    stage.keyboard.press("p")  # a dialog has the keys
    assert not presenting(stage)
    stage.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    stage.get_by_role("button", name="Help").click()
    assert stage.locator("#stage-dialog").is_visible()


def test_stories_predict_then_reveal(stage):
    stage.keyboard.press("p")
    cell = stage.locator("#tab-toy .story")
    assert "STORY 1 OF 2" in cell.inner_text().upper()
    stage.keyboard.press("n")
    assert settled(stage)["tilt"] == -2
    assert "lean left" in cell.inner_text()
    stage.keyboard.press("n")
    assert settled(stage)["tilt"] == 0
    assert "which way" in cell.inner_text() and "To the right" not in cell.inner_text()
    assert cell.get_by_role("button", name="Reveal").is_visible()
    stage.keyboard.press("n")
    assert settled(stage)["tilt"] == 2
    assert "To the right." in cell.inner_text()
    stage.keyboard.press("ArrowLeft")  # nothing steps here, so the arrows tell the story
    assert settled(stage)["tilt"] == -2
    cell.get_by_label("Choose a story").select_option("Colour")
    assert settled(stage)["hue"] == 0.9
    assert "STORY 2 OF 2" in cell.inner_text().upper()
    stage.keyboard.press("Control+z")
    assert settled(stage)["hue"] == 0.35


def test_arrows_and_space_are_offered_to_the_widgets_first(stage):
    stage.evaluate(
        """() => {
            window.heard = [];
            const root = document.getElementById("tab-toy");
            for (const name of ["step", "play"]) root.addEventListener(name, (event) => {
                heard.push([name, event.detail]);
                event.preventDefault();
            });
        }"""
    )
    stage.keyboard.press("p")
    for key in ("ArrowRight", "ArrowLeft", " "):
        stage.keyboard.press(key)
    assert stage.evaluate("heard") == [["step", 1], ["step", -1], ["play", None]]
    assert settled(stage)["tilt"] == 0


def test_keys_are_never_stolen(stage):
    stage.evaluate(
        """() => {
            const box = document.createElement("div");
            box.id = "fields";
            box.style = "position:fixed;z-index:99;top:0;left:0";
            const add = (tag, more) => box.append(Object.assign(document.createElement(tag), more));
            add("input", {type: "text"});
            add("textarea", {});
            add("input", {type: "number"});
            add("select", {});
            add("input", {type: "range"});
            add("button", {textContent: "b"});
            add("canvas", {tabIndex: 0});
            document.body.append(box);
            window.played = 0;
            document.getElementById("tab-toy").addEventListener("play", () => played++);
        }"""
    )
    fields = stage.locator("#fields > *")

    def press(index: int, keys: str) -> None:
        fields.nth(index).focus()
        for key in keys.split():
            stage.keyboard.press(key)

    press(0, "p ? n a r 2 Space")
    assert not presenting(stage) and stage.locator("#stage-dialog").count() == 0
    assert fields.nth(0).input_value() == "p?nar2 "
    press(1, "p ? z Control+z")
    assert not presenting(stage)
    stage.evaluate("() => document.activeElement.blur()")
    stage.keyboard.press("p")
    assert presenting(stage)
    before = settled(stage)
    for index in (0, 1, 2, 3):
        press(index, "a n r 2 p ArrowRight Space")
    press(4, "ArrowRight ArrowLeft Home")
    press(5, "Space Enter")
    press(6, "ArrowRight Space + -")
    assert settled(stage) == before and presenting(stage)
    assert stage.evaluate("played") == 0
    assert stage.evaluate("() => playground.current().name") == "toy"
    press(5, "a")  # a button has no use for A
    assert settled(stage)["pin"]


def test_the_keys_work_inside_an_iframe(page, toy, tmp_path):
    (tmp_path / "slide.html").write_text(
        f"<iframe src='{toy}/?tab=toy' style='width:1500px;height:900px' id=f></iframe>"
    )
    page.goto((tmp_path / "slide.html").as_uri())
    frame = page.frames[1]
    frame.wait_for_function("() => window.playground?.current?.()?.answers > 0", timeout=60_000)
    frame.locator("#tab-toy .see").click()
    page.keyboard.press("p")
    frame.wait_for_function("() => document.body.classList.contains('presenting')")
    page.keyboard.press("n")
    frame.wait_for_function("() => playground.current().state.tilt === -2")


def test_full_screen(stage):
    stage.keyboard.press("p")
    stage.keyboard.press("f")
    stage.wait_for_function("() => document.fullscreenElement !== null")
    stage.keyboard.press("f")
    stage.wait_for_function("() => document.fullscreenElement === null")


# ---- dialogs, export, recipes


def test_the_code_and_the_card_are_text(stage):
    stage.get_by_role("button", name="the code").click()
    shown = stage.locator("#stage-dialog pre")
    assert "# <b>not bold</b>" in shown.inner_text() and stage.locator("#stage-dialog b").count() == 0
    stage.context.grant_permissions(["clipboard-read", "clipboard-write"])
    stage.get_by_role("button", name="Copy", exact=True).click()
    stage.wait_for_function("() => document.querySelector('#stage-notices')?.textContent.includes('Copied')")
    assert stage.evaluate("() => navigator.clipboard.readText()").startswith("def field")
    stage.get_by_role("button", name="Close", exact=True).click()
    stage.get_by_role("button", name="Model card").click()
    shown.wait_for()
    assert "on toons" in shown.inner_text()


def export(page, name: str):
    """The file that a menu item downloads."""
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name=name).click()
    return waiting.value


def test_png_of_what_is_shown(stage, tmp_path):
    act(stage, "tilt", 1)
    file = export(stage, "Picture")
    assert file.suggested_filename == "toy-waves-toons-seed7.png"
    picture = np.asarray(Image.open(io.BytesIO(file.path().read_bytes())).convert("RGB")).astype(int)
    assert min(picture.shape[:2]) >= 512
    sys.path.insert(0, str(ROOT / "tests" / "demos"))
    import toy

    hero = toy.field(toy.SCHEMA.defaults() | {"tilt": 1.0})
    box = stage.locator(HERO).bounding_box()
    side = round(box["width"])
    shown = np.asarray(Image.fromarray(picture[24 : 24 + side, 24 : 24 + side].astype(np.uint8)).resize((64, 64)))
    assert np.abs(shown.astype(int) - hero).mean() < 8


def test_png_of_a_comparison_has_all_three(stage):
    act(stage, "pin")
    act(stage, "tilt", 2)
    stage.wait_for_timeout(200)
    picture = Image.open(io.BytesIO(export(stage, "Picture").path().read_bytes()))
    assert picture.width > 2.5 * picture.height * 0.8 and picture.width >= 3 * 480


def test_gif_of_a_run_and_none_without_one(stage):
    stage.get_by_role("button", name="Export").click()
    assert stage.get_by_role("menuitem", name="Run (GIF)").is_disabled()
    assert stage.get_by_role("menuitem", name="Contact sheet").is_disabled()
    stage.keyboard.press("Escape")
    act(stage, "part", "drift")
    picture = Image.open(io.BytesIO(export(stage, "Run (GIF)").path().read_bytes()))
    assert (picture.format, picture.n_frames) == ("GIF", 12)
    picture = Image.open(io.BytesIO(export(stage, "Contact sheet").path().read_bytes()))
    assert picture.format == "PNG" and picture.width > 4 * picture.height


def test_a_picture_is_sent_to_a_tab_that_was_never_open(stage):
    """It arrives there as an upload, to the pixel, in the part that takes it; and one undo takes it back."""
    act(stage, "seed", 11)
    sent = act(stage, "tilt", 1)
    stage.get_by_role("button", name="Export").click()
    stage.get_by_role("menuitem", name="Send to Second: measure it").click()
    stage.wait_for_function("() => playground.current().name === 'toy2' && playground.current().state?.photo")
    state = settled(stage)
    assert (state["part"], state["seed"]) == ("measure", 11)
    field = np.asarray(Image.open(io.BytesIO(base64.b64decode(state["photo"].split(",", 1)[1]))).convert("RGB"))
    assert np.array_equal(field, toy_tab.field(sent))
    stage.keyboard.press("Control+z")
    stage.wait_for_function("() => playground.current().state.photo === null")


def test_a_recipe_dropped_back_restores_the_state(stage, toy, open_tab, watched):
    act(stage, "tilt", -2)
    act(stage, "data", "portraits")
    state = act(stage, "note", "stays")
    recipe = json.loads(export(stage, "Recipe (JSON)").path().read_text())
    assert recipe.keys() == {"app", "version", "query", "state"}
    assert (recipe["app"], recipe["version"]) == ("generative-playground", 1)
    assert recipe["state"]["tilt"] == -2 and not {"photo", "hidden"} & recipe["state"].keys()
    page = open_tab(watched(viewport={"width": 1920, "height": 1080}).new_page(), f"{toy}/?tab=toy2")

    def drop(text: str) -> None:
        page.evaluate(
            """(text) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([text], "recipe.json", {type: "application/json"}));
                const about = {dataTransfer: transfer, bubbles: true, cancelable: true};
                document.body.dispatchEvent(new DragEvent("drop", about));
            }""",
            text,
        )

    drop(json.dumps(recipe))
    page.wait_for_function("() => playground.current().name === 'toy' && playground.current().state?.tilt === -2")
    assert settled(page) == state
    for bad in ("{", "[]", '{"app": "other", "query": "?tab=toy"}', '{"app": "generative-playground", "query": 5}'):
        drop(bad)
        page.locator("#stage-notices .error", has_text="not a recipe").wait_for()
        page.locator("#stage-notices .stage-close").last.click()
    drop(json.dumps(recipe | {"query": "?v=1&tab=gan"}))
    page.locator("#stage-notices .error", has_text="not here").wait_for()
    drop(json.dumps(recipe | {"query": "?v=1&tab=toy&tilt=50&waves=2"}))
    page.wait_for_function("() => playground.current().state.waves === 2")
    assert "tilt is a number" in words(page)
    assert settled(page)["tilt"] == 0


# ---- refusals and failures


def test_a_refused_action_is_said_and_changes_nothing(stage):
    before = stage.evaluate(STATE)
    assert act(stage, "refuse") == before
    assert "The toy refuses." in words(stage)
    assert act(stage, "break") == before
    assert "That did not work. Try again." in words(stage)
    assert act(stage, "tilt", 1)["tilt"] == 1


def test_a_silent_server_is_noticed_and_can_be_tried_again(stage):
    stage.context.route(SERVER, lambda route: route.abort())
    stage.evaluate("() => playground.current().dispatch({name: 'tilt', value: 1})")
    failed = stage.locator("#tab-toy .stage-failed")
    failed.wait_for()
    assert "did not answer" in failed.inner_text()
    stage.context.unroute(SERVER)
    failed.get_by_role("button", name="Try again").click()
    stage.wait_for_function("() => playground.current().state.tilt === 1")
    assert not failed.is_visible()
    stage.problems[:] = [problem for problem in stage.problems if "component_server" not in problem]


def test_waiting_is_shown_after_a_moment_only(stage):
    busy = "() => document.getElementById('tab-toy').classList.contains('busy')"
    act(stage, "tilt", 1)
    assert not stage.evaluate(busy)
    held = []
    stage.context.route(SERVER, lambda route: held.append(route))
    stage.evaluate("() => playground.current().dispatch({name: 'tilt', value: 2})")
    stage.wait_for_timeout(100)
    assert not stage.evaluate(busy)
    stage.wait_for_function(busy)
    held[0].continue_()
    stage.wait_for_function("() => playground.current().state.tilt === 2")
    assert not stage.evaluate(busy)


def test_an_answer_to_something_older_does_not_turn_a_choice_back(running):
    """The answer of the run comes in between what was chosen and what the server says to it."""
    held = []
    running.context.route(SERVER, lambda route: held.append(route))
    while not held:
        running.wait_for_timeout(20)
    mirror, product = running.get_by_label("Mirrored"), running.get_by_role("radio", name="product")
    mirror.check()
    product.check()
    held[0].continue_()
    while len(held) < 2:
        running.wait_for_timeout(20)
    running.wait_for_timeout(100)  # the answer to the older request is painted
    state = running.evaluate(STATE)
    assert (state["mirror"], state["mix"]) == (False, "sum"), "nothing of it was answered yet"
    assert mirror.is_checked() and product.is_checked()
    running.context.unroute(SERVER)
    held[1].continue_()
    state = act(running, "play", False)
    assert (state["mirror"], state["mix"]) == (True, "product") and mirror.is_checked() and product.is_checked()
    # what the server refuses goes back to what is true
    running.context.route(SERVER, lambda route: held.append(route))
    running.get_by_role("radio", name="sum").check()
    while len(held) < 3:
        running.wait_for_timeout(20)
    running.context.unroute(SERVER)
    held[2].fulfill(json={"error": "Not today."})
    running.locator("#stage-notices").get_by_text("Not today.").wait_for()
    assert product.is_checked()


def test_visitors_words_are_never_markup(stage):
    evil = "<img src=x onerror=alert(1)>${alert(2)}{{value}}`"
    act(stage, "note", evil)
    assert evil in stage.locator("#toy-rail").inner_text()
    stage.evaluate("(text) => playground.notice(text)", evil)
    assert evil in words(stage)
    assert stage.locator("#toy-rail img, #stage-notices img").count() == 0


# ---- the recorded first view


def test_a_recording_is_shown_until_the_model_answers(page, tmp_path):
    command = "import sys; sys.path[:0] = ['.', 'tests/demos']; import toy, pathlib; from demos.stage import record; "
    command += f"record.record(toy.tab(), pathlib.Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True)
    (tmp_path / "home").mkdir()
    with serving(["tests/demos/toy.py"], tmp_path / "home", {"TOY_RECORDING": str(tmp_path)}) as url:
        held = []
        page.context.route(SERVER, lambda route: held.append(route))
        page.goto(url)
        page.get_by_text("recorded, seed 7").first.wait_for()
        assert page.evaluate("() => playground.current().answers") == 0
        assert page.evaluate("() => playground.paints['toy-hero'].length") > 0
        page.get_by_role("slider", name="Tilt").focus()
        page.keyboard.press("ArrowRight")
        assert "Waking the model" in words(page)
        for _ in range(50):
            page.wait_for_timeout(100)
            while held:
                held.pop().continue_()
            if page.evaluate("() => playground.current().state.tilt === 0.05 && !playground.current().busy"):
                break
        assert page.get_by_text("computed live on this machine").first.is_visible()
        assert page.get_by_text("recorded, seed 7").count() == 0
        assert page.evaluate(STATE)["tilt"] == 0.05  # the first touch was not lost
        page.goto(f"{url}/?tab=toy&data=toons&seed=7")  # what another tab carries over
        page.get_by_text("recorded, seed 7").first.wait_for()
        held.clear()
        page.goto(f"{url}/?tab=toy&data=toons&seed=8")  # the recording would show another face
        page.wait_for_function("() => window.playground?.current?.()?.root")
        page.wait_for_timeout(500)
        assert held and page.get_by_text("recorded, seed 7").count() == 0
        page.context.unroute(SERVER)
    shutil.rmtree(tmp_path / "home", ignore_errors=True)


# ---- light and dark, phone


def test_the_theme_follows_the_link_the_switch_and_the_memory(stage, toy, open_tab):
    ground = "() => getComputedStyle(document.body).backgroundColor"
    assert stage.evaluate(ground) == "rgb(14, 17, 22)"
    stage.get_by_role("button", name="Light or dark").click()
    assert stage.evaluate(ground) == "rgb(244, 246, 249)"
    assert "__theme=light" in stage.url
    accent = "() => getComputedStyle(document.querySelector('.formula b')).color"
    assert stage.evaluate(accent) == "rgb(11, 115, 89)"
    open_tab(stage, toy)
    assert stage.evaluate(ground) == "rgb(244, 246, 249)"  # remembered
    open_tab(stage, f"{toy}/?__theme=dark")
    assert stage.evaluate(ground) == "rgb(14, 17, 22)"  # the link wins
    assert stage.evaluate("() => document.body.classList.contains('dark')")


def test_a_phone_scrolls_down_only(phone, toy, open_tab):
    for part in ("waves", "drift", "measure"):
        open_tab(phone, f"{toy}/?v=1&tab=toy&part={part}")
        assert phone.evaluate("() => document.documentElement.scrollWidth") <= 390
        outside = phone.evaluate(
            """() => [...document.querySelectorAll("#tab-toy *, .stage-tools *")].filter((node) => {
                const box = node.getBoundingClientRect();
                const seen = box.width > 1 && box.height > 1 && getComputedStyle(node).clipPath === "none";
                return seen && box.right > 390.5;
            }).map((node) => node.className)"""
        )
        assert outside == []
    open_tab(phone, f"{toy}/?v=1&tab=toy")
    hero, rail = phone.locator("#toy-hero").bounding_box(), phone.locator("#tab-toy .stage-rail").bounding_box()
    assert hero["width"] >= 340 and rail["y"] > hero["y"] + hero["height"] - 1
    cells = [phone.locator("#tab-toy .stage-band .cell").nth(i).bounding_box() for i in range(3)]
    assert cells[0]["y"] < cells[1]["y"] < cells[2]["y"] and len({cell["x"] for cell in cells}) == 1
    for name in ("Pin A", "Copy link", "Export", "Present", "Help"):
        box = phone.get_by_role("button", name=name).bounding_box()
        assert min(box["width"], box["height"]) >= 36
    phone.get_by_role("button", name="Export").click()
    menu = phone.locator(".stage-menu:visible").bounding_box()
    assert menu["x"] >= 0 and menu["x"] + menu["width"] <= 390
    phone.keyboard.press("Escape")
    phone.get_by_role("button", name="Pin A").click()
    settled(phone)
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 390
    phone.get_by_role("button", name="Unpin A").click()
    phone.get_by_role("button", name="Present").click()
    settled(phone)
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 390
    rail, see = phone.locator("#tab-toy .stage-rail"), phone.locator("#tab-toy .see")
    assert see.bounding_box()["y"] > rail.bounding_box()["y"] + rail.bounding_box()["height"] - 1


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1024, 700), (1600, 900)])
def test_other_windows_need_no_sideways_scrolling(watched, toy, open_tab, width, height):
    page = open_tab(watched(viewport={"width": width, "height": height}).new_page(), f"{toy}/?v=1&tab=toy")
    assert overflow(page) == [0, 0]
    assert page.locator(HERO).bounding_box()["width"] >= 250
    tools = page.locator(".stage-tools").bounding_box()
    assert tools["x"] + tools["width"] <= width


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nothing_critical_or_serious_for_axe(page, toy, open_tab, theme):
    axe = pytest.importorskip("axe_core_python.sync_playwright").Axe()
    open_tab(page, f"{toy}/?__theme={theme}")

    def findings() -> list:
        found = axe.run(page)["violations"]
        return [
            (f["id"], [node["html"][:160] for node in f["nodes"]])
            for f in found
            if f["impact"] in {"critical", "serious"}
        ]

    assert findings() == []
    act(page, "pin")
    assert findings() == []
    page.keyboard.press("p")
    assert findings() == []
    page.keyboard.press("?")
    assert findings() == []


def test_reduced_motion_is_honoured(watched, toy, open_tab):
    page = open_tab(watched(reduced_motion="reduce").new_page(), toy)
    running = page.evaluate("() => document.getAnimations().length")
    page.evaluate("() => document.getElementById('tab-toy').classList.add('busy')")
    assert page.evaluate("() => document.getAnimations().length") == running == 0
