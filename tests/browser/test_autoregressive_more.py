"""The parts under "More" of the autoregressive tab in Chromium, over small models."""

import pytest

from benchmarks.serving import serving
from demos import autoregressive as tab
from tests.browser.driving import (
    STORE,
    accessibility,
    go_to,
    one_screen,
    over_when,
    phone_width,
    settle,
    state,
    view,
)

ROOT = "#tab-autoregressive"
over = over_when(f"!/^(Computing|Waiting|Step|It reads|Your lesson)/.test({STORE}.view.see)", seconds=60)


@pytest.fixture(scope="module")
def app_server(tmp_path_factory):
    """The tab alone, with small models."""
    with serving(["tests/demos/small_language.py"], tmp_path_factory.mktemp("language")) as url:
        yield url


PARTS = ["inside", "learn", "teach", "wrong"]
test_every_part_fits_one_screen = one_screen(tab, ["inside", "learn", "wrong"])
test_accessibility = accessibility(tab, [*PARTS, "beliefs"])
test_phone = phone_width(tab, ["inside", "learn"])


@pytest.fixture
def language(page, app_server, open_tab):
    """The tab, opened on a part: `language("inside", "inside_view=lens")`."""

    def go(part: str, query: str = ""):
        open_tab(page, f"{app_server}/?tab=autoregressive&part={part}&{query}")
        settle(page)
        return page

    return go


def test_part_7_attention(language):
    page = language("inside")
    one = page.locator("#autoregressive-inside-heads canvas.one")
    small = page.locator("#autoregressive-inside-heads canvas.all")
    first = view(page, "inside-heads")
    assert "weights" in first
    small.focus()
    before = (first["layer"], first["head"])
    small.press("ArrowRight" if first["head"] + 1 < first["heads"] else "ArrowLeft")
    settle(page)
    now = view(page, "inside-heads")
    assert (now["layer"], now["head"]) != before and "weights" not in now
    assert f"Layer {now['layer'] + 1}, head {now['head'] + 1}" in one.get_attribute("aria-label")
    page.locator("#autoregressive-inside-heads .tokens span").first.click()
    settle(page)
    assert state(page)["inside_token"] == 1 and "looks at" in one.get_attribute("aria-label")
    small.press("Tab")
    # another text, and back: the page has both sets of weights, or asks for them
    page.locator(f"{ROOT} textarea").first.fill("So long lives this")
    settle(page)
    page.evaluate(f"() => {STORE}.undo()")
    settle(page)
    assert len(page.locator("#autoregressive-inside-heads .tokens span").all()) == len(first["tokens"])
    assert one.evaluate("(c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)")


def test_part_7_merges_and_layers(language):
    page = language("inside", "inside_view=tokens&prompt=strawberry")
    rows = page.locator("#autoregressive-inside-ladder li")
    assert rows.count() > 1 and rows.first.locator("bdi").count() == len("strawberry")
    slider = page.locator(f"{ROOT} [data-name=inside_merge] input")
    slider.focus()
    slider.press("Home")
    settle(page)
    assert rows.count() == 1
    page = language("inside", "inside_view=lens")
    assert page.locator("#autoregressive-inside-lens tbody tr").count() == 3
    assert page.locator("#autoregressive-inside-lens tr.lead").count() == 1


def test_part_8_scrubs_in_the_browser(language):
    page = language("learn")
    strip = page.locator("#autoregressive-learn-strip input[type=range]")
    text = page.locator("#autoregressive-learn-strip figure > blockquote")
    answers = page.evaluate(f"() => {STORE}.answers")
    strip.focus()
    page.keyboard.down("Home")
    page.wait_for_function(
        "() => document.querySelector('#autoregressive-learn-strip blockquote').textContent.includes('moment 0')"
    )
    assert page.evaluate(f"() => {STORE}.answers") == answers, "no request while it is scrubbed"
    page.keyboard.up("Home")
    settle(page)
    assert state(page)["learn_moment"] == 0
    assert "moment 0 <b>${x}</b>" in text.inner_text(), "markup is text"
    strip.press(" ")
    page.wait_for_function(f"() => {STORE}.state.learn_moment === 3", timeout=20_000)
    settle(page)
    assert "Better than" in view(page, "see")


def test_part_9_a_lesson_and_who_else_sees_it(language, watched, app_server, open_tab):
    page = language("teach", "teach_seconds=5")
    over(page)
    page.locator("[data-name=teach-go]").click()
    page.wait_for_function(f"() => {STORE}.state.teach_key.length === 22", timeout=20_000)
    page.wait_for_timeout(1500)
    page.locator("[data-name=teach-stop]").click()
    page.locator("[data-name=teach-forget]").wait_for()
    over(page)
    texts = view(page, "teach-texts")["texts"]
    assert texts[1]["tokens"] and "steps in" in view(page, "see")
    assert state(page)["teach_key"] not in page.evaluate(f"() => {STORE}.query")
    other = watched(viewport={"width": 1000, "height": 800}).new_page()
    open_tab(other, f"{app_server}/?tab=autoregressive&part=teach")
    over(other)
    assert view(other, "teach-texts")["texts"][1]["tokens"] == []
    page.locator("[data-name=teach-forget]").click()
    settle(page)
    assert state(page)["teach_key"] == "" and view(page, "teach-texts")["texts"][1]["tokens"] == []


def test_part_11_a_pair_of_ones_own(language):
    page = language("beliefs")
    rows = page.locator("#autoregressive-beliefs-bars li")
    assert rows.count() == 3
    page.locator("[data-name=beliefs_words] textarea").fill("<b>x</b>, ${y}")
    page.wait_for_function(f"() => {STORE}.state.beliefs_pair === 'own'", timeout=20_000)
    settle(page)
    assert rows.count() == 2 and rows.first.locator(".word").inner_text() == "<b>x</b>"


def test_part_12_every_failure(language):
    page = language("wrong")
    over(page)
    assert page.locator("#autoregressive-wrong-meter .item").count() == 2
    for label, count in (("Untrue", 5), ("Letters", 5)):
        page.locator("[data-name=wrong_case]").locator("label", has_text=label).click()
        settle(page)
        assert page.locator("#autoregressive-wrong-bars li").count() == count
    go_to(page, tab, "learn")
