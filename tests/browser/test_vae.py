"""The VAE tab as a visitor meets it, in Chromium with nothing but the loopback reachable."""

import concurrent.futures
import io
import json
import urllib.request

import numpy as np
import pytest
from PIL import Image

from demos import vae as tab
from demos.uploads import example_atlas
from demos.widgets.picture import decode_uri, pixels
from tests.browser.driving import STORE, accessibility, go_to, phone_width, png, settle, state

# the face's bytes as the server sent them: equal states give equal bytes (reading a canvas back may round)
FACE = f"() => {STORE}.view.face.image"
HERO = "() => document.querySelector('#vae-face canvas').toDataURL()"


@pytest.fixture
def vae(page, app_server, open_tab):
    """The tab's first view, settled."""
    open_tab(page, f"{app_server}/?tab=vae")
    settle(page)
    return page


def test_first_view_is_one_screen_with_a_large_live_face(vae):
    """No scrolling at 1920x1080; the face is large, drawn, and said to be computed live."""
    box = vae.locator("#vae-face canvas").bounding_box()
    assert box["width"] >= 360 and box["height"] >= 360
    assert vae.evaluate("() => document.documentElement.scrollHeight <= innerHeight")
    assert vae.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    vae.get_by_text("computed live on this machine").first.wait_for()
    colours = np.asarray(Image.open(io.BytesIO(decode_uri(vae.evaluate(HERO)))).convert("RGB")).reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) > 100


def test_a_slider_moves_the_face_and_the_link_restores_it(vae, app_server, watched, open_tab):
    """Hold the arrow key; open the resulting link in a second browser: the same pixels."""
    before = vae.evaluate(HERO)
    slider = vae.locator("#vae-rail input[type=range]").first
    slider.focus()
    for _ in range(20):
        vae.keyboard.press("ArrowRight")
    settle(vae)
    after, face = vae.evaluate(HERO), vae.evaluate(FACE)
    assert after != before and state(vae)["moves"]
    query = vae.evaluate("() => location.search")
    assert "moves=" in query
    other = open_tab(watched(viewport={"width": 1920, "height": 1080}).new_page(), f"{app_server}/{query}")
    settle(other)
    assert state(other) == state(vae) and other.evaluate(FACE) == face
    drawn = [np.asarray(Image.open(io.BytesIO(decode_uri(uri)))).astype(int) for uri in (other.evaluate(HERO), after)]
    assert np.abs(drawn[0] - drawn[1]).max() <= 8


def test_dragging_paints_while_the_hand_moves(vae):
    """Several faces are drawn between pressing and letting go, and the last position is not lost."""
    slider = vae.locator("#vae-rail input[type=range]").nth(3)
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    vae.mouse.move(box["x"] + box["width"] / 2, y)
    vae.mouse.down()
    drawn = vae.evaluate("() => window.playground.paints['vae-face'].at(-1)")
    for step in range(30):
        vae.mouse.move(box["x"] + box["width"] * (0.5 + step / 70), y)
        vae.wait_for_timeout(20)
    seen = vae.evaluate("(t) => window.playground.paints['vae-face'].filter((x) => x > t).length", drawn)
    vae.mouse.up()
    settle(vae)
    assert seen >= 5
    dimension = int(slider.get_attribute("name")[1:]) if slider.get_attribute("name") else None
    value = float(slider.input_value())
    assert value > 2
    if dimension is not None:
        assert state(vae)["code"][dimension] == pytest.approx(value, abs=0.04)


def test_random_undo_redo_reset(vae):
    """Random changes seed and face; undo brings both back, redo again; two fast clicks are two faces."""
    first = vae.evaluate(FACE)
    button = vae.locator("#vae-rail").get_by_role("button", name="Random face")
    button.click()
    settle(vae)
    second, seed = vae.evaluate(FACE), state(vae)["seed"]
    assert second != first and seed != 7
    vae.keyboard.press("Control+z")
    settle(vae)
    assert vae.evaluate(FACE) == first and state(vae)["seed"] == 7
    vae.keyboard.press("Control+Shift+z")
    settle(vae)
    assert vae.evaluate(FACE) == second
    button.dblclick()
    settle(vae)
    assert state(vae)["seed"] not in (7, seed)


def test_clicking_a_face_of_the_walk_goes_there(vae):
    """The right end of the first row pushes the first named slider to its end."""
    box = vae.locator("#vae-walk canvas").bounding_box()
    vae.mouse.click(box["x"] + box["width"] * 0.97, box["y"] + box["height"] * 0.05)
    settle(vae)
    assert float(vae.locator("#vae-rail input[type=range]").first.input_value()) == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("part", [part.name for part in tab.PARTS])
def test_every_part_opens_from_the_row_and_shows_its_pictures(vae, part):
    """Its canvases are drawn, its cells are filled, nothing overflows."""
    if part != "sliders":
        go_to(vae, tab, part)
        assert f"part={part}" in vae.evaluate("() => location.search")
    sizes = vae.eval_on_selector_all(
        f"#tab-vae .part-{part} canvas", "(all) => all.filter((c) => c.offsetWidth).map((c) => c.offsetWidth)"
    )
    assert sizes and max(sizes) >= 280
    assert vae.evaluate("() => document.documentElement.scrollHeight <= innerHeight")
    for cell in vae.locator("#tab-vae .stage-band .cell").all():
        assert cell.inner_text().strip()
        assert cell.evaluate("(node) => node.scrollHeight <= node.clientHeight + 1")


def test_your_picture_upload_crop_and_the_private_link(vae, tmp_path):
    """A drawing is uploaded, judged, taken to the sliders; the link carries none of it and says so when copied."""
    go_to(vae, tab, "picture")
    vae.locator("#vae-input input[type=file]").first.set_input_files(
        {"name": "face.png", "mimeType": "image/png", "buffer": png(example_atlas()[11])}
    )
    vae.wait_for_function(f"() => {STORE}.state.picture")
    settle(vae)
    assert not state(vae)["note"] == ""
    vae.locator("#vae-rail").get_by_role("button", name="Take it to the sliders").click()
    settle(vae)
    assert state(vae)["part"] == "sliders" and state(vae)["code"]
    query = vae.evaluate("() => location.search")
    assert "code=" not in query and "picture" not in query


def test_a_text_file_named_png_is_refused_and_nothing_is_lost(vae):
    """A sentence appears; state and face stay."""
    go_to(vae, tab, "picture")
    before = state(vae)
    vae.locator("#vae-input input[type=file]").first.set_input_files(
        {"name": "face.png", "mimeType": "image/png", "buffer": b"this is not a picture"}
    )
    vae.locator("#stage-notices .stage-notice").first.wait_for()
    assert "picture" in vae.locator("#stage-notices").inner_text().lower()
    assert "Traceback" not in vae.content()
    assert state(vae) == before


def test_blend_scrubs_fast_and_follows_the_keys(vae):
    """The strip draws at least 50 frames a second from its atlas, without asking the server."""
    go_to(vae, tab, "blend")
    calls = []
    vae.on("request", lambda request: calls.append(request.url) if "component_server" in request.url else None)
    slider = vae.locator("#vae-strip input[type=range]").first
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    vae.mouse.move(box["x"] + 2, y)
    vae.mouse.down()
    start = vae.evaluate("() => ({...window.playground.stats['vae-strip']})")
    for i in range(40):
        vae.mouse.move(box["x"] + box["width"] * (i + 1) / 41, y)
    end = vae.evaluate("() => ({...window.playground.stats['vae-strip']})")
    asked = len(calls)
    vae.mouse.up()
    draws, spent = end["draws"] - start["draws"], end["ms"] - start["ms"]
    assert draws >= 10 and spent / draws < 20 and asked == 0
    settle(vae)
    assert state(vae)["frame"] >= 30


def test_presenter_arrows_and_space_move_the_strip(vae):
    """On stage the right arrow is one frame on, space plays to the end, and neither tells the story."""
    go_to(vae, tab, "blend")
    vae.mouse.click(5, 500)
    vae.keyboard.press("p")
    vae.keyboard.press("ArrowRight")
    settle(vae)
    assert state(vae)["frame"] == 17
    vae.keyboard.press(" ")
    vae.wait_for_function(f"() => {STORE}.state.frame === 32", timeout=20_000)


def test_beta_row_is_clickable(vae):
    """A click on the last member chooses beta 16 and the formula follows."""
    go_to(vae, tab, "beta")
    box = vae.locator("#vae-family canvas").bounding_box()
    vae.mouse.click(box["x"] + box["width"] * 0.95, box["y"] + box["height"] * 0.5)
    settle(vae)
    assert state(vae)["beta"] == "16"
    assert "16.0" in vae.locator("#tab-vae .formula").inner_text()


def test_pad_and_manifold_move_the_code(vae):
    """Dragging the knob and clicking one of the 400 faces both set two latents."""
    go_to(vae, tab, "pad")
    knob = vae.locator("#vae-plane").bounding_box()
    vae.mouse.move(knob["x"] + knob["width"] * 0.5, knob["y"] + knob["height"] * 0.4)
    vae.mouse.down()
    vae.mouse.move(knob["x"] + knob["width"] * 0.7, knob["y"] + knob["height"] * 0.3, steps=8)
    vae.mouse.up()
    settle(vae)
    moved = state(vae)["code"]
    assert moved
    go_to(vae, tab, "manifold")
    box = vae.locator("#vae-sheet canvas").bounding_box()
    vae.mouse.click(box["x"] + 5, box["y"] + 5)
    settle(vae)
    assert state(vae)["code"] != moved


def test_pin_and_compare(vae):
    """Pin A, change the face: A, B and their difference stand side by side, and the link keeps A."""
    vae.locator("#vae-rail").get_by_role("button", name="Random face").click()
    settle(vae)
    vae.get_by_role("button", name="Pin A").click()
    settle(vae)
    vae.locator("#vae-rail").get_by_role("button", name="Random face").click()
    settle(vae)
    panel = vae.locator("#tab-vae .stage-compare")
    assert panel.locator("img, canvas").count() >= 3
    assert "pin=" in vae.evaluate("() => location.search")


def test_stories_predict_then_reveal_from_the_keyboard(vae):
    """In presenter mode N walks through the story; R resets."""
    vae.keyboard.press("p")
    for _ in range(3):
        vae.keyboard.press("n")
        settle(vae)
    assert state(vae)["moves"]
    vae.keyboard.press("r")
    settle(vae)
    assert state(vae)["moves"] == {}


test_accessibility = accessibility(tab, ["sliders", "picture", "blend", "beta", "pad"])
test_phone = phone_width(tab)


def test_ten_visitors_drag_at_once_without_mixing_faces(app_server):
    """Ten clients send thirty positions each, all at once; every answer is the face of its own state."""
    with urllib.request.urlopen(f"{app_server}/config") as answer:
        components = json.load(answer)["components"]
    store = next(c["id"] for c in components if c["props"].get("elem_id") == "vae-store")

    def ask(session: str, payload: dict) -> dict:
        body = {"data": payload, "component_id": store, "session_hash": session, "fn_name": "step"}
        request = urllib.request.Request(
            f"{app_server}/gradio_api/component_server",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as reply:
            return json.load(reply)

    def drag(visitor: int) -> list[tuple[dict, str]]:
        mine = tab.SCHEMA.defaults() | {"seed": visitor, "data": ("toons", "portraits")[visitor % 2]}
        seen = []
        for i in range(30):
            action = {"name": f"z{visitor}", "value": -3 + 0.2 * i}
            answer = ask(f"visitor{visitor}", {"state": mine, "actions": [action], "live": True})
            assert "error" not in answer, answer
            mine = answer["state"]
            seen.append((mine, answer["view"]["face"]["image"]))
        return seen

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(drag, range(10)))
    for seen in answers:
        for mine, uri in (seen[0], seen[-1]):
            assert np.abs(pixels(uri).astype(int) - tab.picture(mine)).max() <= 1
