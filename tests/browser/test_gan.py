"""The GAN tab as a visitor meets it, in Chromium with nothing but the loopback reachable: every numbered part."""

import pytest

from demos import gan as tab
from demos.uploads import example_atlas
from tests.browser.driving import STORE, accessibility, go_to, one_screen, phone_width, png, settle, state, view


@pytest.fixture
def gan(page, app_server, open_tab):
    """The tab's first view, settled."""
    open_tab(page, f"{app_server}/?tab=gan")
    settle(page)
    return page


def click_cell(page, widget: str, x: float, y: float) -> None:
    """Click a sheet at shares of its width and height."""
    box = page.locator(f"#gan-{widget} canvas").bounding_box()
    page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    settle(page)


def drag(page, slider, to: float, steps: int = 20) -> None:
    """Drag a slider's knob from where it is to a share of its width, slowly enough to be seen."""
    box = slider.bounding_box()
    low, high, value = (float(slider.evaluate(f"(node) => node.{name}")) for name in ("min", "max", "value"))
    y, start = box["y"] + box["height"] / 2, (value - low) / (high - low)
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    for step in range(1, steps + 1):
        page.mouse.move(box["x"] + box["width"] * (start + (to - start) * step / steps), y)
        page.wait_for_timeout(25)
    page.mouse.up()


def test_first_view_is_one_screen_with_sixteen_faces_and_one_large(gan):
    boxes = [gan.locator(f"#gan-{name} canvas").bounding_box() for name in ("sheet", "face")]
    assert min(box["width"] for box in boxes) >= 360
    assert gan.evaluate("() => document.documentElement.scrollHeight <= innerHeight")
    assert gan.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert len(view(gan, "sheet")["notes"]) == 16
    gan.get_by_text("computed live on this machine").first.wait_for()
    assert gan.locator("#gan-quality").inner_text().count("%") >= 2


def test_part_1_psi_paints_the_face_live_and_the_sheet_follows(gan):
    """While psi is dragged the large face is drawn often and the sheet now and then; the end is not lost."""
    painted = "(name) => window.playground.paints[name]?.length ?? 0"
    before = {name: gan.evaluate(painted, f"gan-{name}") for name in ("face", "sheet")}
    drag(gan, gan.locator("#gan-rail input[type=range]").first, 0.0, steps=60)
    drawn = {name: gan.evaluate(painted, f"gan-{name}") - count for name, count in before.items()}
    settle(gan)
    assert state(gan)["psi"] == 0.0
    assert drawn["face"] >= 4 and drawn["sheet"] >= 1
    assert "average face" in gan.locator("#tab-gan .stage-band").inner_text()


def test_part_1_clicking_a_face_selects_it_and_new_faces_are_new(gan):
    first = view(gan, "face")["image"]
    click_cell(gan, "sheet", 0.9, 0.9)
    assert state(gan)["face"] == 15 and view(gan, "face")["image"] != first
    gan.get_by_role("button", name="Sixteen new faces").click()
    settle(gan)
    assert state(gan)["seed"] != 7 and state(gan)["face"] == 0
    gan.keyboard.press("Control+z")
    settle(gan)
    assert state(gan)["seed"] == 7 and state(gan)["face"] == 15


def test_part_2_steer_by_slider_and_by_layer_group_and_the_link_restores_it(gan, app_server, watched, open_tab):
    go_to(gan, tab, "steer")
    gan.locator("#gan-rail").get_by_role("radio", name="Fine").check()
    settle(gan)
    slider = gan.locator("#gan-rail input[type=range]").first
    slider.focus()
    for _ in range(20):
        gan.keyboard.press("ArrowRight")
    settle(gan)
    (name,) = state(gan)["moves"]
    assert name.endswith("@fine") and state(gan)["moves"][name] == pytest.approx(1.0, abs=0.06)
    query = gan.evaluate("() => location.search")
    other = open_tab(watched(viewport={"width": 1920, "height": 1080}).new_page(), f"{app_server}/{query}")
    settle(other)
    assert state(other) == state(gan) and view(other, "steered")["image"] == view(gan, "steered")["image"]


def test_part_2_clicking_the_walk_goes_there(gan):
    go_to(gan, tab, "steer")
    click_cell(gan, "walk", 0.97, 0.05)
    assert list(state(gan)["moves"].values()) == [3.0]
    gan.get_by_role("button", name="Take all pushes back").click()
    settle(gan)
    assert state(gan)["moves"] == {}


def test_part_2_mixing_and_sums(gan):
    go_to(gan, tab, "mix")
    click_cell(gan, "mixes", 0.9, 0.4)
    assert state(gan)["other"] == 5 and state(gan)["mix_coarse"] and not state(gan)["mix_fine"]
    mixed = view(gan, "mixed")["image"]
    gan.locator("#gan-rail").get_by_text("Fine from B").click()
    settle(gan)
    assert state(gan)["mix_fine"] and view(gan, "mixed")["image"] != mixed
    go_to(gan, tab, "sum")
    before = view(gan, "sum")["image"]
    gan.get_by_role("button", name="Another A and B").click()
    settle(gan)
    assert view(gan, "sum")["image"] != before


def test_part_3_the_three_roads_scrub_without_the_server_and_the_curve_follows(gan):
    go_to(gan, tab, "between")
    calls = []
    gan.on("request", lambda request: calls.append(request.url) if "component_server" in request.url else None)
    slider = gan.locator("#gan-between-strip input[type=range]").first
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    gan.mouse.move(box["x"] + 2, y)
    gan.mouse.down()
    start = gan.evaluate("() => ({...window.playground.stats['gan-between-strip']})")
    legend = gan.locator("#gan-between-norm").inner_text()
    for i in range(40):
        gan.mouse.move(box["x"] + box["width"] * (i + 1) / 160, y)
    gan.wait_for_timeout(100)
    end = gan.evaluate("() => ({...window.playground.stats['gan-between-strip']})")
    moved, asked = gan.locator("#gan-between-norm").inner_text(), len(calls)
    gan.mouse.up()
    draws, spent = end["draws"] - start["draws"], end["ms"] - start["ms"]
    assert draws >= 10 and spent / draws < 20 and asked == 0
    assert moved != legend
    settle(gan)
    assert state(gan)["at"] == pytest.approx(15, abs=2)


def test_part_4_is_it_remembered(gan):
    go_to(gan, tab, "remembered")
    near = view(gan, "remembered-near")
    assert len(near["notes"]) == 5
    assert [float(note) for note in near["notes"]] == sorted(float(note) for note in near["notes"])
    click_cell(gan, "remembered-row", 0.99, 0.9)
    assert state(gan)["face"] == 15 and view(gan, "remembered-near")["notes"] != near["notes"]


def test_part_5_a_photo_is_searched_for_stopped_and_steered(gan):
    go_to(gan, tab, "photo")
    gan.locator("#gan-photo-input input[type=file]").first.set_input_files(
        {"name": "face.png", "mimeType": "image/png", "buffer": png(example_atlas()[11])}
    )
    gan.wait_for_function(f"() => {STORE}.state.picture", timeout=60_000)
    settle(gan)
    gan.get_by_role("button", name="Start", exact=True).click()
    gan.wait_for_function(f"() => ({STORE}.view['photo-curve']?.x ?? []).length >= 4", timeout=60_000)
    gan.get_by_role("button", name="Stop", exact=True).click()
    settle(gan)
    curve = view(gan, "photo-curve")
    losses = curve["series"][0]["y"]
    assert not state(gan)["running"] and losses[-1] < losses[0]
    gan.wait_for_timeout(600)
    assert view(gan, "photo-curve")["x"] == curve["x"]
    gan.get_by_role("button", name="Steer this face").click()
    settle(gan)
    assert state(gan)["part"] == "steer" and state(gan)["own"]
    query = gan.evaluate("() => location.search")
    assert "own" not in query and "picture" not in query


def test_part_5_a_text_file_named_png_is_refused_and_nothing_is_lost(gan):
    go_to(gan, tab, "photo")
    before = state(gan)
    gan.locator("#gan-photo-input input[type=file]").first.set_input_files(
        {"name": "face.png", "mimeType": "image/png", "buffer": b"this is not a picture"}
    )
    gan.locator("#stage-notices .stage-notice").first.wait_for()
    assert "picture" in gan.locator("#stage-notices").inner_text().lower()
    assert "Traceback" not in gan.content() and state(gan) == before


def test_part_6_the_training_is_scrubbed_from_the_keyboard(gan):
    """On stage the left arrow is one moment back; both sheets and the curves are of that moment."""
    go_to(gan, tab, "learn")
    assert len(view(gan, "learn-strip")["panes"]) == 2
    legend = gan.locator("#gan-learn-curve").inner_text()
    gan.mouse.click(5, 500)
    gan.keyboard.press("p")
    for _ in range(15):
        gan.keyboard.press("ArrowLeft")
    settle(gan)
    assert state(gan)["moment"] == 8
    assert gan.locator("#gan-learn-curve").inner_text() != legend


def test_part_8_a_whole_quiz(gan):
    """Ten answers, ten verdicts, a score for both; then another ten."""
    go_to(gan, tab, "quiz")
    for onward in ["Next face"] * 9 + ["The result"]:
        for label in ("Real", onward):
            gan.get_by_role("button", name=label, exact=True).click()
            settle(gan)
    assert len(state(gan)["answers"]) == 10
    score = view(gan, "score")["items"]
    assert len(score) == 2 and 0.5 <= score[0]["value"] / score[0]["max"] <= 0.7  # "real" ten times: 5 to 7 are
    gan.get_by_role("button", name="Play again").click()
    settle(gan)
    assert state(gan)["answers"] == "" and state(gan)["quiz_seed"] != 1


def test_part_9_the_failures(gan):
    go_to(gan, tab, "wrong")
    for label, failure in (("Truncation", "truncation"), ("Far out", "far")):
        gan.locator("#gan-rail").get_by_role("radio", name=label).check()
        settle(gan)
        assert state(gan)["failure"] == failure
        assert gan.locator("#gan-wrong-sheet canvas").bounding_box()["width"] >= 360


def test_pin_and_compare(gan):
    gan.get_by_role("button", name="Pin A").click()
    settle(gan)
    gan.get_by_role("button", name="Sixteen new faces").click()
    settle(gan)
    assert gan.locator("#tab-gan .stage-compare").locator("img, canvas").count() >= 3
    assert "pin=" in gan.evaluate("() => location.search")


def test_stories_predict_then_reveal_from_the_keyboard(gan):
    gan.keyboard.press("p")
    for _ in range(3):
        gan.keyboard.press("n")
        settle(gan)
    assert state(gan)["psi"] == 0.0


def test_seed_and_set_travel_from_tab_to_tab(gan):
    gan.get_by_role("button", name="Sixteen new faces").click()
    settle(gan)
    seed = state(gan)["seed"]
    gan.get_by_role("button", name="Portraits").click()
    settle(gan)
    gan.get_by_role("tab", name="VAE").click()
    settle(gan)
    assert state(gan)["seed"] == seed and state(gan)["data"] == "portraits"


test_every_part_fits_one_screen = one_screen(tab)
test_accessibility = accessibility(tab, ["faces", "steer", "between", "game", "quiz"])
test_phone = phone_width(tab)
